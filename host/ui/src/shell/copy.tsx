/** A button that takes a text to the clipboard, and says so. */
import { Button, CopyButton } from "@mantine/core";
import { Check, Copy } from "lucide-react";
import { useT } from "../i18n";

export function CopyText({ text }: { text: string }) {
  const t = useT();
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Button size="compact-md" variant="default" leftSection={copied ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />} onClick={copy}>
          {t(copied ? "common.copied" : "common.copy")}
        </Button>
      )}
    </CopyButton>
  );
}
