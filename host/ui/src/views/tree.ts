/**
 * The vocabulary of the views that apps contribute. A view is a node, or a list of nodes:
 *
 * - `{type:"text", text, style?: "title"|"strong"|"dimmed"}` · `{type:"divider"}`
 * - `{type:"field", label, value}` · `{type:"badge", text, tone?: "good"|"warn"|"bad"|"neutral"}`
 * - `{type:"list", ordered?, items:[{title, detail?, badge?, tone?, marker?: bool, dimmed?: bool, action?}]}`: `marker` draws the arrow of who is next
 * - `{type:"table", columns:[{key, title, align?: "left"|"right"}], rows:[{<key>: text}]}`
 * - `{type:"chart", title?, unit?, points:[{label, value}]}` (bars)
 * - `{type:"button", title, action, values?, about?: {kind,id}, style?: "primary"|"danger"}` runs an action of the same app, `{type:"link", title, url}`
 * - `{type:"stack"|"row"|"card", title?, children:[…]}`
 *
 * A node of a kind that this version does not know shows its `text` or `title`, else nothing. Nothing here is ever interpreted as HTML.
 */
export interface ViewNode {
  type: string;
  [key: string]: unknown;
}

export function nodes(tree: unknown): ViewNode[] {
  if (Array.isArray(tree)) return tree.flatMap(nodes);
  if (tree && typeof tree === "object" && typeof (tree as ViewNode).type === "string") return [tree as ViewNode];
  return [];
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

export function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((each): each is Record<string, unknown> => Boolean(each) && typeof each === "object" && !Array.isArray(each)) : [];
}

export function children(node: ViewNode): ViewNode[] {
  return nodes(node.children ?? node.items ?? []);
}

export interface Bar {
  label: string;
  value: number;
  /** Of the largest, from 0 to 1. */
  share: number;
}

export function bars(value: unknown): Bar[] {
  const points = records(value).map((point) => ({ label: text(point.label), value: Number(point.value) }));
  const sound = points.filter((point) => Number.isFinite(point.value));
  const largest = Math.max(0, ...sound.map((point) => point.value));
  return sound.map((point) => ({ ...point, share: largest > 0 ? Math.max(0, point.value) / largest : 0 }));
}
