// Webhooks of the providers in their documented shapes: the connectors' own fixtures, as the demo's accounts would get them now.
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
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

/**
 * A fixture as text: of the demo's account, of now, and with `changes`, pairs of a text and what stands in its place. The `order`th of a test:
 * what it gives comes one second after what was before.
 */
export async function fixture(plugin, name, order, changes = []) {
  let text = await readFile(`${folder}${plugin}/fixtures/${name}.json`, "utf8");
  const now = Math.floor(Date.now() / 1000) - 600 + order;
  for (const [old, present] of OWN[plugin]) text = text.replaceAll(old, present);
  for (const [old, present] of changes) {
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
