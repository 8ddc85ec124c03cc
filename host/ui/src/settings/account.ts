/** What is said of a channel's account and app, as far as this interface reads it. Pure; an app's answer is data from outside. */
import type { Channel, Plugin } from "../api/types";
import { record } from "../lib/json";

/** Whether the app talks with browsers itself: then its channels' addresses belong into no provider's settings. */
export function servesVisitors(app: Pick<Plugin, "permissions"> | undefined): boolean {
  return app?.permissions.some((each) => each.code === "visitors") ?? false;
}

/** What troubles a channel, in words: nothing where it is connected, nor where it is off, since nothing newer is heard of it then. */
export function troubleOf({ enabled, health }: Pick<Channel, "enabled" | "health">): string {
  return enabled && health.state !== "connected" ? health.message : "";
}

/** Whether the app registers the channel's webhook by itself, as far as it has said. */
export function registers({ capabilities }: Pick<Channel, "capabilities">): boolean {
  const { features } = record(capabilities);
  return Array.isArray(features) && features.includes("registers");
}

/** Whether a test's outcome still holds beside what is known of the channel by now. */
export function holds(ok: boolean, { health }: Pick<Channel, "health">): boolean {
  return health.state !== (ok ? "disconnected" : "connected");
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
