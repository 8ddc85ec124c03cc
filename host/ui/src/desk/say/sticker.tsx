/** A sticker to send: chosen, looked at, uploaded once it is sent. */
import { Button, FileButton, Stack, Text } from "@mantine/core";
import { ImagePlus } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { api } from "../../api/client";
import type { Channel, StoredFile } from "../../api/types";
import { useT } from "../../i18n";
import { explain } from "../../shell/report";
import { refusal } from "../takes";
import { useRefused } from "../uploads";
import { type Say, SayDialog } from "./dialog";
import classes from "./say.module.css";

/** What can be looked at before it goes. */
const shown = (mime: string) => /^(image|video)\//.test(mime);

export function StickerDialog({ channel, mimes, say, close }: { channel: Channel; mimes: readonly string[]; say: Say; close: () => void }) {
  const t = useT();
  const words = useRefused();
  const [chosen, setChosen] = useState<{ file: File; url: string } | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [sending, setSending] = useState(false);
  const closed = useRef<AbortController | null>(null);
  useEffect(() => () => void (chosen && URL.revokeObjectURL(chosen.url)), [chosen]);
  // Whoever closes it while it goes up has sent nothing.
  useEffect(() => () => closed.current?.abort(), []);

  const choose = (file: File | null) => {
    if (!file) return;
    const refused = refusal(channel, file, "sticker");
    setTrouble(refused && words(refused));
    setChosen(refused ? null : { file, url: URL.createObjectURL(file) });
  };
  const send = async (file: File) => {
    const control = new AbortController();
    closed.current = control;
    setSending(true);
    setTrouble(null);
    try {
      const stored = await api.upload<StoredFile>("/files", file, { signal: control.signal });
      if (!control.signal.aborted) say({ kind: "sticker", files: [stored] });
    } catch (error) {
      setTrouble(explain(error, t));
      setSending(false);
    }
  };
  const submit = () => {
    if (!chosen) setTrouble(t("say.sticker.missing"));
    else void send(chosen.file);
    return chosen !== null;
  };
  return (
    <SayDialog title={t("say.sticker.title")} close={close} submit={submit} busy={sending}>
      <Stack align="center" gap="xs">
        {chosen?.file.type.startsWith("video/") ? <video className={classes.sticker} src={chosen.url} aria-label={chosen.file.name} autoPlay loop muted /> : chosen && <img className={classes.sticker} src={chosen.url} alt={chosen.file.name} />}
        <FileButton accept={mimes.filter(shown).join(",")} onChange={choose} disabled={sending}>
          {(props) => (
            <Button {...props} variant="default" data-autofocus disabled={sending} leftSection={<ImagePlus size={16} aria-hidden />}>
              {t(chosen ? "say.sticker.other" : "say.sticker.choose")}
            </Button>
          )}
        </FileButton>
        {trouble && (
          <Text size="sm" c="var(--bad-text)" role="alert">
            {trouble}
          </Text>
        )}
      </Stack>
    </SayDialog>
  );
}
