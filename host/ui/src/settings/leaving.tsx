/** Leaving what was filled in: the question before it is lost, and which of several dialogs an Escape means. */
import { Button, Group, Modal, Text } from "@mantine/core";
import { useT } from "../i18n";

/** Before what was filled in is lost. */
export function Discard({ stay, leave }: { stay: () => void; leave: () => void }) {
  const t = useT();
  return (
    <Modal opened onClose={stay} title={t("settings.unsaved.title")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Text mb="md">{t("settings.unsaved.detail")}</Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={stay} data-autofocus>
          {t("settings.unsaved.stay")}
        </Button>
        <Button color="brick" onClick={leave}>
          {t("settings.unsaved.leave")}
        </Button>
      </Group>
    </Modal>
  );
}

/** For a drawer, which may have a dialog of anybody's above it, an app's too: Escape reaches all that are open, and means the one on top. */
export function unlessCovered(close: () => void): () => void {
  return () => {
    if (document.querySelectorAll('[role="dialog"][aria-modal="true"]').length === 1) close();
  };
}
