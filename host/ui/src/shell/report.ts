/** Tells people what happened: short notices, and the server's refusals in words. */
import { notifications } from "@mantine/notifications";
import { useMemo } from "react";
import { ApiError } from "../api/client";
import { type Key, type Translate, useT } from "../i18n";
import { sentence } from "../lib/text";

const BY_CODE: Record<string, Key> = {
  offline: "error.offline",
  denied: "error.denied",
  not_found: "error.not_found",
  too_large: "error.too_large",
  unavailable: "error.unavailable",
  internal: "error.internal",
};

/** One sentence for an error: the server's own where it gave one, since it knows the reason. */
export function explain(error: unknown, t: Translate): string {
  if (!(error instanceof ApiError)) return t("error.internal");
  if (error.code === "rate_limited" && error.retryAfter) return t("error.rate_limited", { n: error.retryAfter });
  const wrong = Object.values(error.errors ?? {});
  // The field's name says nothing to whoever sees no field.
  if (wrong.length === 1 && wrong[0]) return sentence(wrong[0]);
  if (error.detail) return error.detail;
  const key = BY_CODE[error.code];
  return key ? t(key) : error.status >= 500 ? t("error.unavailable") : error.title;
}

/** Whether the same request may do better in a moment; a refusal will be the same one again. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status === 429 || error.status >= 500;
}

export function useReport() {
  const t = useT();
  return useMemo(
    () => ({
      done: (message: string) => notifications.show({ message, color: "leaf", closeButtonProps: { "aria-label": t("common.close") } }),
      refused: (message: string) => notifications.show({ message, color: "brick", autoClose: 8000, closeButtonProps: { "aria-label": t("common.close") } }),
      failure: (error: unknown, title?: string) =>
        notifications.show({ title: title ?? t("error.title"), message: explain(error, t), color: "brick", autoClose: 8000, closeButtonProps: { "aria-label": t("common.close") } }),
    }),
    [t],
  );
}
