/** Reads what an app's action answered. An app's answer is data from outside: anything odd in it is ignored, never followed. */
import type { Outcome, PluginForm } from "../api/types";

function record(value: unknown): Record<string, unknown> {
  return value && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The form to ask on with; null where the data is none. */
export function nextForm(outcome: Outcome): PluginForm | null {
  const data = record(outcome.data);
  const schema = data.schema;
  return outcome.kind === "form" && schema && typeof schema === "object" ? (data as unknown as PluginForm) : null;
}

export function fieldErrors(outcome: Outcome): Record<string, string> {
  return Object.fromEntries(Object.entries(record(outcome.data)).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

/** An https address, or a page of this interface. */
export function linkOf(outcome: Outcome): string | null {
  const url = typeof outcome.data === "string" ? outcome.data : (record(outcome.data).url ?? record(outcome.data).link);
  if (typeof url !== "string") return null;
  return /^https:\/\//.test(url) || /^\/(?!\/)/.test(url) ? url : null;
}

/** A file the app made: `{name, mime, text}` or `{name, mime, base64}`. */
export function fileOf(outcome: Outcome): { name: string; blob: Blob } | null {
  const { name, mime, text, base64 } = record(outcome.data);
  const type = typeof mime === "string" ? mime : "application/octet-stream";
  const title = typeof name === "string" && name ? name : "download";
  if (typeof text === "string") return { name: title, blob: new Blob([text], { type }) };
  if (typeof base64 !== "string") return null;
  try {
    return { name: title, blob: new Blob([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], { type }) };
  } catch {
    return null;
  }
}
