/** Changing a message that was sent: its words, or that it is there at all; and what it said before. */
import { Button, Group, Loader, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, api } from "../api/client";
import { putMessage, versionsQuery } from "../api/queries";
import type { Message } from "../api/types";
import { useLanguage, useT } from "../i18n";
import { fieldErrorsOf } from "../lib/act";
import { fullTime } from "../lib/time";
import { useReport } from "../shell/report";
import { Failed } from "../shell/states";
import classes from "./message.module.css";

/** What somebody is about to do with a message. */
export interface Rewriting {
  deed: "edit" | "revoke" | "versions";
  message: Message;
}

function useSend(run: () => Promise<Message>, close: () => void) {
  const client = useQueryClient();
  const report = useReport();
  return useMutation({
    mutationFn: run,
    onSuccess: (message) => {
      putMessage(client, message);
      close();
    },
    onError: (error) => {
      // Errors of the text are shown beside it.
      if (!(error instanceof ApiError && fieldErrorsOf(error).text)) report.failure(error);
    },
  });
}

function Edit({ message, close }: { message: Message; close: () => void }) {
  const t = useT();
  const [text, setText] = useState(message.change?.action === "edit" ? message.change.text : message.text);
  const send = useSend(() => api.patch<Message>(`/messages/${message.id}`, { text }), close);
  const able = text.trim() !== "" && text !== message.text;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (able) send.mutate();
  };
  return (
    <Modal opened onClose={close} title={t("msg.edit.title")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <form onSubmit={submit}>
        <Stack>
          <Textarea
            data-autofocus
            aria-label={t("msg.edit.text")}
            description={t("msg.edit.hint")}
            inputWrapperOrder={["label", "input", "description", "error"]}
            value={text}
            error={fieldErrorsOf(send.error).text}
            onChange={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
            }}
            autosize
            minRows={3}
            maxRows={12}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" disabled={!able} loading={send.isPending}>
              {t("common.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Revoke({ message, close }: { message: Message; close: () => void }) {
  const t = useT();
  const send = useSend(() => api.delete<Message>(`/messages/${message.id}`), close);
  return (
    <Modal opened onClose={close} title={t("msg.revoke.title")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Stack>
        <Text size="sm">{t("msg.revoke.hint")}</Text>
        {message.text && <Text className={classes.quoted}>{message.text}</Text>}
        <Group justify="flex-end">
          <Button data-autofocus variant="default" onClick={close}>
            {t("common.cancel")}
          </Button>
          <Button color="red" loading={send.isPending} onClick={() => send.mutate()}>
            {t("msg.revoke")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Versions({ message, close }: { message: Message; close: () => void }) {
  const { t, locale } = useLanguage();
  const versions = useQuery(versionsQuery(message.id));
  return (
    <Modal opened onClose={close} title={t("msg.versions")} closeButtonProps={{ "aria-label": t("common.close") }}>
      {versions.isPending && <Loader size="sm" />}
      {versions.isError && <Failed error={versions.error} retry={() => void versions.refetch()} />}
      <Stack gap="sm">
        {versions.data?.map((each) => (
          <div key={each.until}>
            <Text size="xs" c="dimmed">
              {t("msg.versions.until", { at: fullTime(each.until, locale) })}
            </Text>
            <Text className={classes.quoted}>{each.text}</Text>
          </div>
        ))}
      </Stack>
    </Modal>
  );
}

export function Rewrite({ rewriting, close }: { rewriting: Rewriting; close: () => void }) {
  const { deed, message } = rewriting;
  switch (deed) {
    case "edit":
      return <Edit message={message} close={close} />;
    case "revoke":
      return <Revoke message={message} close={close} />;
    case "versions":
      return <Versions message={message} close={close} />;
  }
}
