/** What is said of a channel's account and app, as far as this interface reads it. Pure; an app's answer is data from outside. */
import type { Plugin } from "../api/types";
import { record } from "../lib/json";

/** Whether the app talks with browsers itself: then its channels' addresses belong into no provider's settings. */
export function servesVisitors(app: Pick<Plugin, "permissions"> | undefined): boolean {
  return app?.permissions.some((each) => each.code === "visitors") ?? false;
}

/** The account's name; empty where none was said. */
export function accountName(account: unknown): string {
  if (typeof account === "string") return account;
  const { name } = record(account);
  return typeof name === "string" ? name : "";
}

/** A line that the app gives for elsewhere, in what is said of the account; empty where it gave none. */
export function snippetOf(account: unknown): string {
  const { extra } = record(account);
  if (typeof extra !== "string") return "";
  try {
    const { snippet } = record(JSON.parse(extra));
    return typeof snippet === "string" ? snippet : "";
  } catch {
    return "";
  }
}
