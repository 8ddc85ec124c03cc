/** The frame of what is made before it is sent. */
import { Button, Group, Modal, Stack } from "@mantine/core";
import { SendHorizontal } from "lucide-react";
import { type FormEvent, type ReactNode, useRef } from "react";
import type { StoredFile } from "../../api/types";
import { useT } from "../../i18n";
import { focusFirstInvalid } from "../../lib/hooks";

/** What was made goes. */
export type Say = (made: { kind: string; text?: string; extra?: Record<string, unknown>; files?: StoredFile[] }) => void;

interface Props {
  title: string;
  close: () => void;
  /** Says whether all was well; else the fields tell what is wrong. */
  submit: () => boolean;
  busy?: boolean;
  children: ReactNode;
}

export function SayDialog({ title, close, submit, busy, children }: Props) {
  const t = useT();
  const form = useRef<HTMLFormElement>(null);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!submit()) focusFirstInvalid(form.current);
  };
  return (
    <Modal opened onClose={close} title={title} closeButtonProps={{ "aria-label": t("common.close") }}>
      <form ref={form} onSubmit={onSubmit} noValidate>
        <Stack>
          {children}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy} rightSection={<SendHorizontal size={16} aria-hidden />}>
              {t("say.send")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
