/** What one has written in a conversation that takes nothing more: not lost, to be copied elsewhere. */
import { Group, Text } from "@mantine/core";
import { useT } from "../i18n";
import { useMe } from "../session/session";
import { CopyText } from "../shell/copy";
import { readDraft } from "./drafts";
import classes from "./unsaid.module.css";
import { usePending } from "./use-outbox";
import { wordsOf } from "./say/words";

export function Unsaid({ conversation }: { conversation: string }) {
  const t = useT();
  const me = useMe();
  // What is on its way may still arrive.
  const unsent = usePending(conversation).filter((each) => each.error);
  const text = [...unsent.map(wordsOf), readDraft(me.user.id, conversation)].filter(Boolean).join("\n\n");
  if (!text) return null;
  return (
    <section className={classes.unsaid} aria-label={t("conv.unsaid")}>
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" fw={600}>
          {t("conv.unsaid")}
        </Text>
        <CopyText text={text} />
      </Group>
      <p className={classes.text}>{text}</p>
    </section>
  );
}
