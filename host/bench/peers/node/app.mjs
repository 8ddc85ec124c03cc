// The WhatsApp connector's reading of a webhook, in JavaScript, as an app of a host that runs apps in a long-lived Node process: one JSON object
// per line each way. Only for the figures: `host/bench/src/calls/peers.rs` is its host.

const text = (value) => (value === undefined || value === null ? "" : String(value));
const isDigits = (value) => /^[0-9]+$/.test(value);

/** A person by phone where there is one, else by the provider's own id of them. */
function named(phone, userId, name, username) {
  const aliases = [];
  if (isDigits(phone)) aliases.push(["phone", `+${phone}`]);
  if (userId) aliases.push(["bsuid", userId]);
  if (username) aliases.push(["username", username]);
  return { externalId: phone || userId, aliases, name, avatar: "", extra: "" };
}

function person(message, contacts) {
  const same = (one, other) => text(one) !== "" && text(one) === text(other);
  const isSender = (it) => same(it.wa_id, message.from) || same(it.user_id, message.from_user_id);
  const contact = contacts.find(isSender) ?? (contacts.length === 1 ? contacts[0] : undefined);
  return named(
    text(message.from) || text(contact?.wa_id),
    text(message.from_user_id) || text(contact?.user_id),
    text(contact?.profile?.name),
    text(contact?.profile?.username),
  );
}

function media(kind, it) {
  const attachments = [{ source: `ref:${text(it.id)}`, mime: text(it.mime_type), name: text(it.filename), size: 0 }];
  const extra = kind === "audio" ? JSON.stringify({ voice: it.voice === true }) : "";
  return { kind, text: text(it.caption), attachments, extra };
}

function content(message) {
  const kind = text(message.type);
  switch (kind) {
    case "text":
      if (message.text) return { kind, text: text(message.text.body), attachments: [], extra: "" };
      break;
    case "image":
    case "video":
    case "document":
    case "sticker":
    case "audio":
      if (message[kind]?.id) return media(kind, message[kind]);
      break;
  }
  return { kind: "unsupported", text: "", attachments: [], extra: JSON.stringify({ type: kind }) };
}

function origin(message) {
  const extra = {};
  const context = message.context;
  if (context?.forwarded || context?.frequently_forwarded) extra.forwarded = true;
  const referral = message.referral ?? context?.referred_product;
  if (referral) extra.referral = referral;
  return Object.keys(extra).length === 0 ? "" : JSON.stringify(extra);
}

function time(seconds, now) {
  const number = Number(seconds);
  return Number.isSafeInteger(number) && number > 0 ? number * 1_000_000 : now;
}

function read(body, account, now) {
  const events = [];
  for (const entry of JSON.parse(body).entry ?? []) {
    for (const change of entry.changes ?? []) {
      const notice = change.value ?? {};
      const theirs = text(notice.metadata?.phone_number_id);
      if (change.field !== "messages" || (theirs && theirs !== account)) continue;
      for (const message of notice.messages ?? []) {
        const id = text(message.id);
        const sender = person(message, notice.contacts ?? []);
        const thread = text(message.group_id) || sender.externalId;
        if (!id || !thread) continue;
        events.push({
          kind: "message",
          key: `m:${id}`,
          externalId: id,
          thread,
          sender,
          outgoing: false,
          at: time(message.timestamp, now),
          content: content(message),
          replyTo: text(message.context?.id) || null,
          extra: origin(message),
        });
      }
    }
  }
  return events;
}

// What the app asks of its host goes the same way back, as Rocket.Chat's accessors do: its settings, and each message that it brings.
const asked = new Map();
let lastAsked = 0;

function say(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

function ask(method, params) {
  const id = `app-${++lastAsked}`;
  return new Promise((resolve) => {
    asked.set(id, resolve);
    say({ id, method, params });
  });
}

async function receive({ id, method, params }) {
  if (method !== "receive") return say({ id, error: { code: -32601, message: "no such method" } });
  try {
    const { account } = await ask("settings.get", {});
    const events = read(params.body, account, params.now);
    for (const event of events) await ask("inbox.message", event);
    say({ id, result: { status: 200 } });
  } catch (error) {
    say({ id, error: { code: -32000, message: String(error) } });
  }
}

function hear(line) {
  const message = JSON.parse(line);
  if (message.method !== undefined) return void receive(message);
  asked.get(message.id)(message.result);
  asked.delete(message.id);
}

let waiting = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  waiting += chunk;
  let end;
  while ((end = waiting.indexOf("\n")) >= 0) {
    const line = waiting.slice(0, end);
    waiting = waiting.slice(end + 1);
    hear(line);
  }
});
