/**
 * What the server's REST contract says, as types. One file, so that it can later be replaced by types generated from the OpenAPI document.
 * Times are RFC 3339 strings in UTC; ids are opaque strings.
 */
export type Role = "admin" | "supervisor" | "agent";
export type Locale = "pt-BR" | "en";
export type Folder = "queued" | "mine" | "others" | "concluded";

export interface Problem {
  status: number;
  code: string;
  title: string;
  detail?: string;
  errors?: Record<string, string>;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Named {
  id: string;
  name: string;
}

export interface User {
  id: string;
  name: string;
  /** Absent where the caller may only see names and availability. */
  email?: string;
  role: Role;
  available: boolean;
  active: boolean;
  created_at: string;
}

export interface Me {
  user: User;
  workspace: Named;
  teams: (Named & { role: "agent" | "supervisor" })[];
  archive_immediately: boolean;
  locale: string;
}

export interface TeamMember {
  user_id: string;
  name: string;
  role: "agent" | "supervisor";
  available: boolean;
  created_at: string;
}

export interface Team {
  id: string;
  name: string;
  members: TeamMember[];
}

export interface Channel {
  id: string;
  plugin_id: string;
  name: string;
  /** Null until it has one: what comes in then waits for a team. */
  team_id: string | null;
  enabled: boolean;
  health: { state: "connected" | "degraded" | "disconnected" | "unknown"; message: string };
  webhook_url: string;
  capabilities: Record<string, unknown> | null;
  settings: Record<string, unknown>;
  secrets: Record<string, boolean>;
  created_at: string;
}

export interface Parked {
  id: string;
  received_at: string;
  error: { code: string; message: string };
  attempts: number;
}

export type Counters = Record<"queued" | "mine" | "concluded", number> & { others: number | null };

export interface Offer {
  agent: Named;
  since: string;
  deadline: string | null;
}

export interface Preview {
  text: string;
  kind: string;
  direction: "in" | "out" | "note";
}

export interface Conversation {
  id: string;
  version: number;
  status: "queued" | "in_progress" | "concluded";
  channel: Named & { plugin_id: string };
  contact: Named & { address: string | null; avatar: string | null };
  team: Named | null;
  agent: Named | null;
  offer: Offer | null;
  queued_at: string;
  started_at: string | null;
  last_message_at: string;
  last_inbound_at: string | null;
  preview: Preview | null;
  unread: number;
  labels: string[];
  conclusion: { by: Named | null; at: string; summary: string | null } | null;
  window: { closes_at: string } | null;
  can: { start: boolean; reply: boolean; conclude: boolean; transfer: boolean; reopen: boolean; classify?: boolean };
}

export type MessageState = "received" | "queued" | "sent" | "delivered" | "read" | "failed" | "uncertain";

export interface Attachment {
  id: string | null;
  source_state: "ready" | "pending" | "failed";
  mime: string;
  name: string;
  size: number;
  url: string | null;
  thumbnail_url: string | null;
}

export interface Message {
  id: string;
  conversation_id: string;
  author: { kind: "contact" | "user" | "plugin" | "system"; id: string | null; name: string };
  direction: "in" | "out" | "note";
  at: string;
  kind: string;
  text: string;
  attachments: Attachment[];
  extra: Record<string, unknown> | null;
  reply_to: { id: string; text: string; author_name: string } | null;
  state: MessageState;
  reason: string | null;
  reactions: { emoji: string; by: "contact" | "user" }[];
  edited: boolean;
  revoked: boolean;
}

export interface TimelineEvent {
  type: "event";
  id: string;
  at: string;
  kind: string;
  actor: { kind: string; id: string | null; name: string } | null;
  data: Record<string, unknown> | null;
}

export type TimelineItem = ({ type: "message" } & Message) | TimelineEvent;

export interface StoredFile {
  id: string;
  mime: string;
  name: string;
  size: number;
  url: string;
}

export interface Contact {
  id: string;
  name: string;
  identities: { channel_id: string; external_id: string; name: string }[];
  addresses: { kind: string; value: string }[];
  labels: string[];
  fields: Record<string, unknown>;
  blocked: boolean;
  automatic_messages_blocked: boolean;
  created_at: string;
}

export interface Permission {
  code: string;
  title: string;
  detail: string | null;
}

export interface Plugin {
  id: string;
  version: string;
  name: string;
  description: string;
  icon_url: string | null;
  publisher: string | null;
  categories: string[];
  kind: "channel" | "app";
  enabled: boolean;
  health: "ok" | "failing" | "off";
  settings_schema: Record<string, unknown> | null;
  settings: Record<string, unknown>;
  secrets: Record<string, boolean>;
  permissions: Permission[];
  contributions: { code: string; title: string }[];
}

export interface PluginLog {
  at: string;
  level: string;
  message: string;
}

export interface PluginFailure {
  id: string;
  event: string;
  error: string;
  at: string;
  attempts: number;
}

export interface Subject {
  kind: string;
  id: string;
}

export interface PluginAction {
  plugin_id: string;
  action: string;
  title: string;
}

export interface PluginForm {
  schema: Record<string, unknown>;
  ui?: Record<string, unknown> | null;
  values?: Record<string, unknown> | null;
}

export interface Outcome {
  kind: "done" | "form" | "errors" | "open" | "file";
  text: string;
  data: unknown;
}

export interface PluginView {
  plugin_id: string;
  view: string;
  title: string;
}
