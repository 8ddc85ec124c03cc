// Webhooks of the providers in their documented shapes: the connectors' own fixtures, as the demo's accounts would get them now.
import { createHmac } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../plugins/", import.meta.url));
const demo = JSON.parse(await readFile(fileURLToPath(new URL("../../host/demo/demo.json", import.meta.url)), "utf8"));

/** The demo's account of a connector, with the secrets that its provider signs with. */
function account(plugin) {
  const channel = demo.channels.find((each) => each.plugin === plugin);
  return { name: channel.name, ...channel.settings };
}

/** What the fixtures say of an account, and what the demo's is. */
const OWN = {
  whatsapp: [["200000000000002", account("whatsapp").phone_number_id]],
  telegram: [],
  instagram: [["17841400000000002", account("instagram").account_id]],
};

/** The time of the fixtures, in seconds. */
const THEN = "1767225600";

/** Fixtures that were given so far: `plugin/name`. */
export const used = new Set();

/** All fixtures of all connectors: `plugin/name`. */
export async function everyFixture() {
  const found = [];
  for (const plugin of await readdir(folder)) {
    const names = await readdir(`${folder}${plugin}/fixtures`).catch(() => []);
    found.push(...names.filter((name) => name.endsWith(".json")).map((name) => `${plugin}/${name.slice(0, -".json".length)}`));
  }
  return found;
}

/** Telegram's service messages of a chat. */
export async function servicesOf(chat) {
  const names = (await everyFixture()).filter((name) => name.startsWith("telegram/service_")).map((name) => name.slice("telegram/".length));
  const chats = await Promise.all(names.map(async (name) => JSON.parse(await readFile(`${folder}telegram/fixtures/${name}.json`, "utf8")).message.chat.id));
  return names.filter((_, at) => chats[at] === chat);
}

/** What the connector's scenario expects to be told of a fixture in words: of its notes, of the account's health, or in the app's log. */
export async function wordsOf(plugin, name, effect = "inbox.note") {
  for (const file of await readdir(`${folder}${plugin}/scenarios`)) {
    const steps = (await readFile(`${folder}${plugin}/scenarios/${file}`, "utf8")).split("[[steps]]");
    const step = steps.find((each) => each.includes(`"../fixtures/${name}.json"`) && each.includes(effect));
    const said = step?.split(effect).slice(1).join("").matchAll(/\b(?:text|message) = ("(?:[^"\\]|\\.)*")/g);
    const words = [...(said ?? [])].map(([, text]) => JSON.parse(text));
    if (words.length > 0) return words;
  }
  return [];
}

/**
 * A fixture as text: of the demo's account, of now, and with `changes`, pairs of a text and what stands in its place, or what changes its JSON. The `order`th of a test:
 * what it gives comes one second after what was before.
 */
export async function fixture(plugin, name, order, changes = []) {
  used.add(`${plugin}/${name}`);
  let text = await readFile(`${folder}${plugin}/fixtures/${name}.json`, "utf8");
  const now = Math.floor(Date.now() / 1000) - 600 + order;
  for (const [old, present] of OWN[plugin]) text = text.replaceAll(old, present);
  if (typeof changes === "function") {
    const body = JSON.parse(text);
    changes(body);
    text = JSON.stringify(body);
  } else for (const [old, present] of changes) {
    if (!text.includes(old)) throw new Error(`${plugin}/${name} has no ${old}`);
    text = text.replaceAll(old, present);
  }
  // An update counts once.
  if (plugin === "telegram") text = text.replace(/"update_id": *\d+/, `"update_id": ${990000 + order}`);
  return text.replaceAll(THEN, String(now));
}

/** Posts a body to a channel's webhook as its provider does; gives the status. */
export async function post(webhooks, plugin, body) {
  const { name, app_secret, webhook_secret } = account(plugin);
  const proof = webhook_secret ? { "x-telegram-bot-api-secret-token": webhook_secret } : { "x-hub-signature-256": `sha256=${createHmac("sha256", app_secret).update(body).digest("hex")}` };
  const answer = await fetch(webhooks[name], { method: "POST", body, headers: { "content-type": "application/json", ...proof } });
  return answer.status;
}

/** The files that a webhook speaks of, by the ids under which its provider has them, and what each is. */
export function files(plugin, body) {
  const found = new Map();
  const look = (value, kind) => {
    if (Array.isArray(value)) return value.forEach((each) => look(each, kind));
    if (!value || typeof value !== "object") return;
    if (value.file_id) found.set(value.file_id, value.mime_type ?? kind);
    if (plugin === "whatsapp" && value.mime_type && value.id) found.set(value.id, kind === "sticker" ? "sticker" : value.mime_type);
    const asset = /asset_id=(\w+)/.exec(value.url ?? "")?.[1];
    if (asset) found.set(asset, kind);
    for (const [name, inner] of Object.entries(value)) look(inner, value.type && name === "payload" ? value.type : name);
  };
  look(JSON.parse(body), "");
  return found;
}
