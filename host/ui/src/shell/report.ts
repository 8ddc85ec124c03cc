/** Tells people what happened: short notices, and the server's refusals in words. */
import { notifications } from "@mantine/notifications";
import { useMemo } from "react";
import { ApiError } from "../api/client";
import { type Key, type Translate, useT } from "../i18n";
import { sentence } from "../lib/text";

/** What the server says in one general sentence, whoever asks: ours says it in the user's language. */
const OURS: Record<string, Key> = {
  offline: "error.offline",
  unauthenticated: "error.unauthenticated",
  not_found: "error.not_found",
  precondition_failed: "error.precondition_failed",
  rate_limited: "error.rate_limited.soon",
  too_large: "error.too_large",
  unsupported_media_type: "error.unsupported_media_type",
  unavailable: "error.unavailable",
  internal: "error.internal",
};
/** What it gives reasons for. */
const REASONED: Record<string, Key> = { denied: "error.denied", conflict: "error.conflict", state: "error.state" };

/** One sentence for an error: the server's own where it knows a reason. */
export function explain(error: unknown, t: Translate): string {
  if (!(error instanceof ApiError)) return t("error.internal");
  if (error.code === "rate_limited" && error.retryAfter) return t("error.rate_limited", { n: error.retryAfter });
  if (error.reason) return t(`reason.${error.reason}`);
  const ours = OURS[error.code];
  if (ours) return t(ours);
  const wrong = Object.values(error.errors ?? {});
  // The field's name says nothing to whoever sees no field.
  if (wrong.length === 1 && wrong[0]) return sentence(wrong[0]);
  if (error.detail) return error.detail;
  const key = REASONED[error.code];
  return key ? t(key) : error.status >= 500 ? t("error.unavailable") : error.title;
}

/** Whether the same request may do better in a moment, or once one has signed in again; a refusal will be the same one again. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status === 401 || error.retryAfter !== undefined || error.status === 429 || error.status >= 500;
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
