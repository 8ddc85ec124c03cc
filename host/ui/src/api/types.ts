/**
 * The API's types by the names that the screens use. Their shapes come from `host/openapi.json`, through `npm run types`; only what the document
 * leaves open (what an app brings, what only this interface says) is written here.
 */
import type { components } from "../../generated/api";

type Schemas = components["schemas"];

export type Role = Schemas["Role"];
export type Named = Schemas["Named"];
export type User = Schemas["User"];
export type Me = Schemas["Me"];
export type Team = Schemas["Team"];
export type TeamMember = Schemas["Member"];
export type TeamApp = Schemas["TeamApp"];
export type BusinessHours = Schemas["BusinessHours"];
export type Interval = Schemas["Interval"];
export type Holiday = Schemas["Holiday"];
export type Opening = Schemas["Opening"];
export type Channel = Schemas["Channel"];
export type Parked = Schemas["Parked"];
export type ParkedCount = Schemas["ParkedCount"];
export type Counters = Schemas["Counters"];
export type Offer = Schemas["Offer"];
export type Preview = Schemas["Preview"];
export type Conversation = Schemas["Conversation"];
export type Attachment = Schemas["Attachment"];
export type Message = Schemas["Message"];
export type MessageState = Message["state"];
export type MessageVersion = Schemas["MessageVersion"];
export type TimelineItem = Schemas["TimelineItem"];
export type TimelineEvent = Extract<TimelineItem, { type: "event" }>;
export type StoredFile = Schemas["File"];
export type Contact = Schemas["Contact"];
export type Permission = Schemas["Permission"];
export type Token = Schemas["Token"];
export type Plugin = Schemas["Plugin"];
export type PluginLog = Schemas["PluginLog"];
export type PluginFailure = Schemas["PluginFailure"];
export type PluginHealthReport = Schemas["PluginHealthReport"];
export type PluginAction = Schemas["PluginAction"];
export type PluginView = Schemas["PluginView"];
export type Subject = Schemas["About"];
export type Outcome = Omit<Schemas["Outcome"], "data"> & { /** From the app: read with care. */ data: unknown };

/** A refusal. `detail` and `errors` are missing where something between us and the server answered instead of it. */
export type Problem = Pick<Schemas["Problem"], "status" | "code" | "title"> & Partial<Pick<Schemas["Problem"], "detail" | "errors" | "reason">>;

export interface Page<T> {
  items: T[];
  next: string | null;
}

/** What an app gives to ask with. */
export interface PluginForm {
  schema: Record<string, unknown>;
  ui?: Record<string, unknown> | null;
  values?: Record<string, unknown> | null;
}

/** The languages and folders that this interface has. */
export type Locale = "pt-BR" | "en";
export type Folder = "queued" | "mine" | "others" | "concluded";
