/** What a channel can carry, as its app has described it: decided before anything is uploaded. The server decides again, by the bytes. */
import type { Channel } from "../api/types";
import type { Key } from "../i18n";

/** Files that one message's form takes; each goes as a message of its own. */
export const MOST_FILES = 10;

export interface KindLimit {
  kind: string;
  /** In characters. */
  max_text: number;
  max_bytes: number;
  mimes: string[];
}

/** Why a file cannot be sent. `limit`: bytes, where it is too large. */
export interface Refusal {
  key: Key;
  /** What the file is, in a word. */
  type?: string;
  /** What the channel takes instead, in words. */
  taken?: string[];
  limit?: number;
}

/** The kind of message that a file becomes. */
export function kindOf(mime: string): string {
  const family = mime.split("/")[0] ?? "";
  return ["image", "audio", "video"].includes(family) ? family : "document";
}

export function limitsOf(channel: Channel | undefined): KindLimit[] | null {
  const kinds = (channel?.capabilities as { kinds?: unknown } | null | undefined)?.kinds;
  return Array.isArray(kinds) ? (kinds as KindLimit[]) : null;
}

/** What the channel says of a kind; null where it has said nothing of any. */
function limitOf(channel: Channel | undefined, kind: string): KindLimit | "none" | null {
  const kinds = limitsOf(channel);
  if (!kinds) return null;
  return kinds.find((each) => each.kind === kind) ?? "none";
}

function fits(pattern: string, mime: string): boolean {
  return pattern.endsWith("*") ? mime.startsWith(pattern.slice(0, -1)) : mime.split(";")[0] === pattern;
}

export function fitsAny(patterns: readonly string[], mime: string): boolean {
  return patterns.length === 0 || patterns.some((each) => fits(each, mime));
}

/** The types of sound that a channel takes; empty where it takes any, null where it takes none. */
export function soundsOf(channel: Channel | undefined): string[] | null {
  const limit = limitOf(channel, "audio");
  if (limit === "none") return null;
  return limit?.mimes ?? [];
}

/** Types whose second half is not what people call them. */
const NAMES: Record<string, string> = {
  "image/svg+xml": "SVG",
  "audio/mpeg": "MP3",
  "audio/mp4": "M4A",
  "video/3gpp": "3GP",
  "video/quicktime": "MOV",
  "text/plain": "TXT",
  "text/csv": "CSV",
  "text/html": "HTML",
  "application/zip": "ZIP",
  "application/x-zip-compressed": "ZIP",
  "application/vnd.rar": "RAR",
  "application/x-rar-compressed": "RAR",
  "application/x-7z-compressed": "7Z",
  "application/x-msdownload": "EXE",
  "application/x-ms-dos-executable": "EXE",
  "application/vnd.android.package-archive": "APK",
  "application/msword": "DOC",
  "application/vnd.ms-excel": "XLS",
  "application/vnd.ms-powerpoint": "PPT",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "DOCX",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "XLSX",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PPTX",
};

/** A type of file as people call it: `image/webp` is WEBP. */
function typeName(mime: string): string {
  const bare = mime.split(";")[0] ?? "";
  return NAMES[bare] ?? (bare.split("/")[1] ?? bare).replace(/^(?:x-|vnd\.)/, "").toUpperCase();
}

/** Whether a file of that type has room for a text; where it has none, the server sends it after the files. */
export function carriesText(channel: Channel | undefined, mime: string, text: string): boolean {
  const limit = limitOf(channel, kindOf(mime));
  return limit === null || limit === "none" || [...text].length <= limit.max_text;
}

/** What a file is called by whoever has it: by how its name ends, else by its type. */
function fileType({ name, type }: { name?: string; type: string }): string {
  return /\.([a-z0-9]{1,5})$/i.exec(name ?? "")?.[1]?.toUpperCase() ?? typeName(type);
}

/** Why the channel cannot carry a file as that kind; null where it can. Sound is converted by the server where it must be. */
export function refusal(channel: Channel | undefined, file: { name?: string; type: string; size: number }, kind = kindOf(file.type)): Refusal | null {
  if (file.size === 0) return { key: "composer.refused.empty" };
  const most = channel?.max_file_bytes;
  if (most && file.size > most) return { key: "composer.refused.size", limit: most };
  const limit = limitOf(channel, kind);
  if (limit === null) return null;
  if (limit === "none") return { key: `composer.refused.${kind}` as Key };
  if (kind !== "audio" && file.type && !fitsAny(limit.mimes, file.type)) return { key: "composer.refused.type", type: fileType(file), taken: [...new Set(limit.mimes.filter((each) => !each.endsWith("*")).map(typeName))] };
  if (file.size > limit.max_bytes) return { key: "composer.refused.size", limit: limit.max_bytes };
  return null;
}
