/** What can be sent beside words and files, where the channel takes it (FEATURES A12): places, people, choices, stickers. */
import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { ContactRound, ListChecks, MapPin, Plus, Sticker } from "lucide-react";
import { useRef, useState } from "react";
import type { Channel } from "../../api/types";
import { type Key, useT } from "../../i18n";
import { CardDialog } from "./card";
import { ChoicesDialog } from "./choices";
import type { Say } from "./dialog";
import { offersOf } from "./offers";
import { PlaceDialog } from "./place";
import { StickerDialog } from "./sticker";

type What = "place" | "card" | "choices" | "sticker";

interface Props {
  channel: Channel | undefined;
  disabled: boolean;
  /** What is being written: it may be the question. */
  text: string;
  say: Say;
}

export function SayMore({ channel, disabled, text, say }: Props) {
  const t = useT();
  const [open, setOpen] = useState(false);
  const [making, setMaking] = useState<What | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const offers = offersOf(channel);
  if (!channel || !offers) return null;
  const choices: Key = offers.buttons && offers.list ? "say.choices" : offers.buttons ? "say.buttons" : "say.list";
  const items: [What, Key, typeof MapPin, unknown][] = [
    ["place", "say.place", MapPin, offers.place],
    ["card", "say.card", ContactRound, offers.card],
    ["choices", choices, ListChecks, offers.buttons ?? offers.list],
    ["sticker", "say.sticker", Sticker, offers.sticker],
  ];
  const close = () => {
    setMaking(null);
    button.current?.focus();
  };
  const made: Say = (it) => {
    close();
    say(it);
  };
  return (
    <>
      <Menu position="top-start" withinPortal opened={open} onChange={setOpen}>
        <Tooltip label={t("say.more")} disabled={open}>
          <Menu.Target>
            <ActionIcon ref={button} aria-label={t("say.more")} disabled={disabled}>
              <Plus size={18} />
            </ActionIcon>
          </Menu.Target>
        </Tooltip>
        <Menu.Dropdown>
          {items.map(
            ([what, label, Icon, offered]) =>
              Boolean(offered) && (
                <Menu.Item key={what} leftSection={<Icon size={16} aria-hidden />} onClick={() => setMaking(what)}>
                  {t(label)}
                </Menu.Item>
              ),
          )}
        </Menu.Dropdown>
      </Menu>
      {making === "place" && <PlaceDialog say={made} close={close} />}
      {making === "card" && <CardDialog say={made} close={close} />}
      {making === "choices" && <ChoicesDialog offers={offers} text={text} say={made} close={close} />}
      {making === "sticker" && <StickerDialog channel={channel} mimes={offers.sticker?.mimes ?? []} say={made} close={close} />}
    </>
  );
}
