// The website chat: one script, no framework, everything in a shadow root of its own. It speaks to the server it was loaded from and to nobody else.
// Styles are constructed, so that a page's policy needs neither `style-src` nor `unsafe-inline`. See README.md for what a page's policy has to allow.
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || window.Balcao) return;
  // …/hooks/CHANNEL/_/asset/widget.js
  const base = new URL("../..", script.src).href.replace(/\/$/, "");
  const channel = base.split("/").pop();
  const KEY = "balcao:" + channel;
  const TYPING_SHOWN = 6000, TYPING_AGAIN = 4000, LONGEST_PAUSE = 30000, MOST_KEPT = 100;

  const WORDS = {
    pt: {
      title: "Fale conosco", open: "Abrir a conversa", close: "Fechar a conversa", log: "Mensagens", write: "Escreva uma mensagem", send: "Enviar", attach: "Anexar arquivos",
      drop: "Solte os arquivos aqui", name: "Nome", email: "E-mail", phone: "Telefone", start: "Começar a conversa", optional: "opcional", required: "Preencha este campo.", invalid: "Confira este campo.",
      typing: "está escrevendo…", someone: "Atendimento", you: "Você", sending: "Enviando…", waiting: "Sem conexão: será enviada assim que voltar.", sent: "Enviada", read: "Lida",
      failed: "Não foi enviada.", retry: "Tentar de novo", offline: "Sem conexão. Tentando de novo…", unread: (n) => (n === 1 ? "1 mensagem nova" : n + " mensagens novas"),
      soundOn: "Ligar o som", soundOff: "Desligar o som", file: "Arquivo", large: "é grande demais.", tooMany: "Muitas mensagens. Aguarde um pouco.", earlier: "Mensagens anteriores",
      pages: "Podemos mostrar ao atendente as páginas deste site que você visita?", yes: "Permitir", no: "Não", revoked: "Mensagem apagada", map: "Ver no mapa", edited: "editada", more: "Escolha uma opção", loading: "Carregando…", upload: "Enviando o arquivo…", forbidden: "O chat não está disponível nesta página.",
    },
    en: {
      title: "Talk to us", open: "Open the chat", close: "Close the chat", log: "Messages", write: "Write a message", send: "Send", attach: "Attach files",
      drop: "Drop the files here", name: "Name", email: "E-mail", phone: "Phone", start: "Start the chat", optional: "optional", required: "Fill in this field.", invalid: "Check this field.",
      typing: "is typing…", someone: "Support", you: "You", sending: "Sending…", waiting: "Offline: it will be sent once you are back.", sent: "Sent", read: "Read",
      failed: "It was not sent.", retry: "Try again", offline: "Offline. Trying again…", unread: (n) => (n === 1 ? "1 new message" : n + " new messages"),
      soundOn: "Turn sound on", soundOff: "Turn sound off", file: "File", large: "is too large.", tooMany: "Too many messages. Wait a moment.", earlier: "Earlier messages",
      pages: "May we show the agent the pages of this site that you visit?", yes: "Allow", no: "No", revoked: "Message deleted", map: "Open the map", edited: "edited", more: "Choose an option", loading: "Loading…", upload: "Sending the file…", forbidden: "The chat is not available on this page.",
    },
  };

  // What the browser keeps: token, outbox, consent. Where storage is forbidden, for as long as the page is open.
  const kept = (() => {
    let memory = {};
    const read = () => {
      try { return JSON.parse(localStorage.getItem(KEY)) || memory; } catch { return memory; }
    };
    return {
      get: (name) => read()[name],
      set: (name, value) => {
        memory = { ...read(), [name]: value };
        try { localStorage.setItem(KEY, JSON.stringify(memory)); } catch { /* kept in memory */ }
      },
      clear: () => { memory = {}; try { localStorage.removeItem(KEY); } catch { /* nothing was kept */ } },
    };
  })();

  let config, words, lang, root, ui, session = null, messages = new Map(), order = [], outbox = [], unread = 0, isOpen = false, stream = null, streamFails = 0,
    lastEvent = null, needsForm = false, insists = false, form = null, answering = null, before = null, typedAt = 0, typingTimer = 0, flushing = false, audio = null, gesture = false, user = null, told = new Set(), openFocus = null, uploads = 0;

  const uid = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return "c-" + Array.from(bytes, (it) => it.toString(16).padStart(2, "0")).join("");
  };
  const h = (tag, props = {}, ...children) => {
    const it = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (value == null || value === false) continue;
      if (name.startsWith("on")) it.addEventListener(name.slice(2), value);
      else if (name in it && !["list", "form", "role"].includes(name)) it[name] = value;
      else it.setAttribute(name, value === true ? "" : value);
    }
    it.append(...children.flat().filter((child) => child != null && child !== false));
    return it;
  };
  const icon = (path) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(svg.namespaceURI, "path");
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  };
  const ICONS = {
    chat: "M4 5h16v11H11l-5 4v-4H4z", close: "M6 6l12 12M18 6L6 18", send: "M4 12l16-8-5 16-3.500-6.500z", clip: "M8 12.500l6-6a3 3 0 0 1 4.200 4.200l-8 8a5 5 0 0 1-7-7l7.500-7.500",
    on: "M5 10v4h3l4 4V6L8 10zM16 9a4 4 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11", off: "M5 10v4h3l4 4V6L8 10zM16 10l4 4M20 10l-4 4",
  };

  // ── The server ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  class Refused extends Error {
    constructor(status, body, after) { super(body.message || body.detail || String(status)); this.status = status; this.code = body.code; this.after = after; }
  }
  async function ask(path, { body, form: data, headers = {}, method } = {}) {
    const options = { method: method || (body || data ? "POST" : "GET"), headers: { ...headers }, credentials: "omit", cache: "no-store" };
    if (session) options.headers.authorization = "Bearer " + session.token;
    if (body) { options.headers["content-type"] = "application/json"; options.body = JSON.stringify(body); }
    if (data) options.body = data;
    const response = await fetch(base + path, options);
    const text = response.status === 204 ? "" : await response.text();
    let value = null;
    try { value = text && JSON.parse(text); } catch { value = null; }
    if (!response.ok) throw new Refused(response.status, value || {}, Number(response.headers.get("retry-after")) || 0);
    return value;
  }

  /** Who we are: known again by the token, or somebody new. */
  let opening = null, turn = 0;
  function open() {
    const mine = turn;
    opening ||= (async () => {
      const asked = { token: kept.get("token") };
      if (user) asked.user = user;
      const opened = await ask("/open", { body: asked });
      if (!opened) throw new Error("the chat is resting");
      // Meanwhile somebody has signed in or out at the site.
      if (mine !== turn) return;
      if (kept.get("visitor") && kept.get("visitor") !== opened.visitor) { forget(); kept.set("outbox", []); outbox = []; }
      session = opened;
      // Not once it was answered, even while this was on its way.
      needsForm = opened.form && !form && !outbox.some((it) => it.form);
      kept.set("token", opened.token);
      kept.set("visitor", opened.visitor);
      outbox = kept.get("outbox") || [];
      outbox.forEach((it) => put({ ...it.shown, state: "waiting" }));
      follow();
    })().finally(() => { if (mine === turn) opening = null; });
    return opening;
  }
  /** Nobody, until opened again; what is still asked of the server makes no difference any more. */
  function leave() { turn += 1; opening = null; session = null; stream?.abort(); stream = null; }
  function forget() { messages.clear(); order = []; before = null; lastEvent = null; told.clear(); unread = 0; draw(); }

  // ── The stream: read by hand, so that the token goes in a header and not in an address that others log ──────────────────────────────────────
  async function follow() {
    if (stream) return;
    const mine = (stream = new AbortController());
    try {
      const headers = { authorization: "Bearer " + session.token, accept: "text/event-stream" };
      if (lastEvent) headers["last-event-id"] = lastEvent;
      const response = await fetch(base + "/_/stream", { headers, credentials: "omit", cache: "no-store", signal: mine.signal });
      if (response.status === 401) { kept.set("token", null); session = null; stream = null; forget(); return void open().catch(again); }
      if (!response.ok) throw new Error(String(response.status));
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        rest += value;
        for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) await heard(rest.slice(0, end));
      }
      streamFails = 0;
    } catch (error) {
      if (mine.signal.aborted) return;
      streamFails += 1;
    }
    if (stream === mine) { stream = null; again(); }
  }
  let againTimer = 0;
  function again() {
    online(streamFails === 0);
    const pause = streamFails === 0 ? 300 : Math.min(LONGEST_PAUSE, 500 * 2 ** Math.min(streamFails, 6)) * (0.5 + Math.random() / 2);
    clearTimeout(againTimer);
    againTimer = setTimeout(() => (session ? follow() : open().catch(() => { streamFails += 1; again(); })), pause);
  }
  async function heard(block) {
    let kind = "message", id = null, data = "";
    for (const line of block.split("\n")) {
      if (line.startsWith("event:")) kind = line.slice(6).trim();
      else if (line.startsWith("id:")) id = line.slice(3).trim();
      else if (line.startsWith("data:")) data += line.slice(5).trim();
    }
    if (!id) return;
    if (kind === "host-ready" || kind === "host-resync") {
      streamFails = 0;
      await reload();
      lastEvent = id;
      online(true);
      flush();
      return;
    }
    streamFails = 0;
    online(true);
    const shown = JSON.parse(data);
    if (kind === "message") arrive(shown);
    else if (kind === "typing") types();
    else if (kind === "read") readUpTo(shown.id);
    lastEvent = id;
    flush();
  }

  async function reload(earlier) {
    const page = await ask("/history" + (earlier ? "?before=" + encodeURIComponent(earlier) : ""));
    if (!page) return;
    const fresh = page.messages.filter((it) => !messages.has(it.id));
    page.messages.forEach((it) => {
      const here = messages.get(it.id);
      messages.set(it.id, { ...here, ...it, state: here && here.state === "read" ? "read" : it.state });
    });
    if (earlier || !order.length) before = page.before;
    sort();
    if (!earlier && lastEvent) fresh.filter((it) => !it.mine).forEach(announce);
    draw();
    if (isOpen) seen();
  }
  function sort() { order = [...messages.values()].sort((a, b) => a.at - b.at || (a.number || 0) - (b.number || 0)).map((it) => it.id); }
  let numbers = 0;
  function put(message) {
    const here = messages.get(message.id);
    messages.set(message.id, { ...here, number: here ? here.number : ++numbers, ...message });
    sort();
  }
  function arrive(message) {
    const isNew = !messages.has(message.id);
    put(message);
    if (message.mine) settle(message.id);
    else if (isNew) { stopTyping(); announce(message); }
    draw();
    if (!message.mine) seen();
  }
  function announce(message) {
    if (message.mine || (isOpen && !document.hidden)) return;
    unread += 1;
    say(words.unread(unread));
    ring();
  }
  function readUpTo(id) {
    const at = (messages.get(id) || {}).at ?? Infinity;
    for (const it of messages.values()) if (it.mine && it.at <= at && it.state === "sent") it.state = "read";
    draw();
  }
  /** Tells what is in the window, and what was looked at. */
  function seen() {
    const looking = isOpen && !document.hidden;
    const state = looking ? "read" : "delivered";
    const ids = order.filter((id) => { const it = messages.get(id); return !it.mine && !told.has(state + id) && !told.has("read" + id) && id.length >= 8; }).slice(-100);
    if (looking && unread) { unread = 0; draw(); }
    if (!ids.length || !session) return;
    ids.forEach((id) => told.add(state + id));
    ask("/" + state, { body: { ids } }).catch(() => ids.forEach((id) => told.delete(state + id)));
  }
  function types() { ui.typing.hidden = false; bottom(); clearTimeout(typingTimer); typingTimer = setTimeout(stopTyping, TYPING_SHOWN); }
  function stopTyping() { ui.typing.hidden = true; }

  // ── Sending: what is written is kept until the server has it, and goes once whatever happens between ───────────────────────────────────────
  function send(said, shown) {
    const id = uid();
    const entry = { id, ...said, page: page(), shown: { id, at: Date.now(), mine: true, kind: "text", ...shown } };
    if (answering) { entry.reply_to = answering; answering = null; }
    if (form) { entry.form = form; form = null; }
    outbox.push(entry);
    if (outbox.length > MOST_KEPT) outbox.shift();
    kept.set("outbox", outbox);
    put({ ...entry.shown, state: navigator.onLine ? "sending" : "waiting" });
    draw();
    bottom();
    flush();
  }
  async function flush() {
    if (flushing) return;
    flushing = true;
    try {
      if (!session && outbox.length) await open();
      while (outbox.length) {
        const { shown, refused, ...said } = outbox[0];
        if (refused) break;
        put({ ...shown, state: "sending" });
        try {
          const done = await ask("/message", { body: said });
          settle(shown.id, done && done.at);
          kept.set("talked", true);
          if (said.files) await reload();
        } catch (error) {
          if (error.status === 401) { kept.set("token", null); kept.set("visitor", null); session = null; await open(); continue; }
          if (error.status === 422 && error.code === "form") { needsForm = insists = true; form = null; put({ ...shown, state: "waiting" }); draw(); return; }
          if (error.status && error.status < 500 && error.status !== 429) { outbox[0].refused = true; outbox.push(outbox.shift()); kept.set("outbox", outbox); put({ ...shown, state: "failed" }); draw(); continue; }
          put({ ...shown, state: "waiting" });
          draw();
          if (error.status === 429) notice(words.tooMany);
          setTimeout(flush, (error.after || 3) * 1000);
          return;
        }
        draw();
      }
    } catch { setTimeout(flush, 3000); } finally { flushing = false; }
  }
  function settle(id, at) {
    const it = messages.get(id);
    if (it && it.state !== "read") { it.state = "sent"; if (at) it.at = at; sort(); }
    outbox = outbox.filter((entry) => entry.id !== id);
    kept.set("outbox", outbox);
  }
  function retry(id) {
    const entry = outbox.find((it) => it.id === id);
    if (!entry) return;
    delete entry.refused;
    outbox = [entry, ...outbox.filter((it) => it !== entry)];
    kept.set("outbox", outbox);
    flush();
  }
  async function attach(list) {
    const files = [...list].slice(0, 10);
    if (!files.length) return;
    if (needsForm && !form) return void draw();
    const text = ui.input.value.trim();
    const sent = [];
    uploads += 1;
    notice(words.upload);
    try {
      if (!session) await open();
      for (const file of files) {
        const data = new FormData();
        data.append("file", file, file.name || "arquivo");
        sent.push(await ask("/_/upload", { form: data }));
      }
      ui.input.value = "";
      grow();
      notice("");
      const files2 = sent.map(({ media, mime, name, size }) => ({ media, mime, name, size }));
      send({ text, files: files2 }, { kind: "document", text, files: files2.map((it) => ({ ...it, url: null })) });
    } catch (error) {
      notice(error.status === 413 ? files[sent.length].name + " " + words.large : error.status === 429 ? words.tooMany : words.failed);
    } finally { uploads -= 1; ui.input.focus(); }
  }
  function typing() {
    const now = Date.now();
    if (!session || !kept.get("talked") || now - typedAt < TYPING_AGAIN) return;
    typedAt = now;
    ask("/typing", { body: {} }).catch(() => {});
  }
  function page() {
    return config.pages && kept.get("consent") === true ? { url: location.href, title: document.title } : undefined;
  }
  let lastPage = "";
  function visited() {
    const now = page();
    if (!now || !session || !kept.get("talked") || lastPage === now.url) return;
    lastPage = now.url;
    ask("/page", { body: { id: uid(), page: now } }).catch(() => {});
  }

  // ── What is seen ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  const CSS = `
:host{all:initial;position:fixed;z-index:2147483000;bottom:20px;inset-inline:auto;font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color-scheme:light dark}
:host([data-side=right]){right:20px}:host([data-side=left]){left:20px}
*{box-sizing:border-box}[hidden]{display:none!important}
.w{--b:var(--brand);--on:var(--ink);--bg:#fff;--fg:#1a1d24;--soft:#f1f3f7;--dim:#5b6270;--line:#d9dde5;--in:#f1f3f7;--link:#1a4fd0}
@media (prefers-color-scheme:dark){.w{--bg:#16181d;--fg:#eceef2;--soft:#23262d;--dim:#a5acba;--line:#3a3f4a;--in:#262a32;--link:#9db9ff}}
button,textarea,input{font:inherit;color:inherit}button{cursor:pointer;border:0;background:none;border-radius:10px}
:focus-visible{outline:3px solid var(--fg);outline-offset:2px}
textarea:focus-visible,input:focus-visible{outline-width:2px;outline-offset:-2px}
svg{width:24px;height:24px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round;display:block}
.l{display:flex;align-items:center;gap:10px;min-width:56px;height:56px;padding:0 16px;border-radius:28px;background:var(--b);color:var(--on);box-shadow:0 6px 24px #0004;font-weight:600;position:relative;margin-inline-start:auto}
.l:focus-visible,.h button:focus-visible{outline-color:var(--on);outline-offset:-5px}
.n{position:absolute;top:-6px;right:-4px;min-width:22px;height:22px;padding:0 6px;border-radius:11px;background:#c6102e;color:#fff;font-size:13px;line-height:22px;text-align:center}
.p{position:absolute;bottom:72px;width:384px;height:min(640px,calc(100dvh - 112px));display:flex;flex-direction:column;background:var(--bg);color:var(--fg);border-radius:18px;overflow:hidden;box-shadow:0 14px 50px #0005;border:1px solid var(--line)}
:host([data-side=right]) .p{right:0}:host([data-side=left]) .p{left:0}
.h{display:flex;align-items:center;gap:4px;padding:12px 10px 12px 18px;background:var(--b);color:var(--on)}
.h h2{font-size:17px;margin:0;flex:1;font-weight:650;overflow-wrap:anywhere}.h button{width:44px;height:44px;display:grid;place-items:center}
.o{padding:8px 16px;background:#fff3cd;color:#4d3800;font-size:14px}
.m{flex:1;overflow-y:auto;padding:16px;display:flex;flex-direction:column;gap:4px;overscroll-behavior:contain}
.m>:first-child{margin-top:auto}
.x{max-width:85%;padding:9px 13px;border-radius:16px;background:var(--in);align-self:flex-start;overflow-wrap:anywhere;white-space:pre-wrap}
.x.me{align-self:flex-end;background:var(--b);color:var(--on)}
.x a{color:var(--link)}.x.me a{color:inherit}.x img,.x video{max-width:100%;max-height:260px;border-radius:10px;display:block}.x audio{max-width:100%}
.x .f{display:flex;gap:8px;align-items:center;text-decoration:underline}.x .f svg{width:18px;height:18px;flex:none}
.x blockquote{margin:0 0 6px;padding:2px 8px;border-inline-start:3px solid currentColor;font-size:13px;max-height:3em;overflow:hidden}
.a{font-size:13px;color:var(--dim);margin:8px 4px 0;align-self:flex-start}.a.me{align-self:flex-end;margin:0 4px 6px}.a button{color:var(--link);text-decoration:underline;padding:4px}
.d{align-self:center;font-size:13px;color:var(--dim);margin:10px 0 4px}.c{display:flex;flex-direction:column;gap:6px;margin-top:8px}
.c button,.y button{border:1.5px solid var(--line);padding:9px 14px;background:var(--bg);color:var(--fg);font-weight:600;text-align:start}
.y{padding:10px 16px;background:var(--soft);font-size:14px}.y div{display:flex;gap:8px;margin-top:8px}
.t{padding:2px 18px 8px;color:var(--dim);font-size:14px}.s{padding:4px 16px;color:var(--dim);font-size:14px}
.e{display:flex;align-items:flex-end;gap:4px;padding:8px;border-top:1px solid var(--line)}
.e textarea{flex:1;resize:none;border:1.5px solid var(--dim);border-radius:14px;padding:9px 12px;max-height:130px;background:var(--bg);min-height:44px;font-size:16px}
.e button{width:44px;height:44px;display:grid;place-items:center;color:var(--fg);flex:none}.e .g{background:var(--b);color:var(--on);border-radius:22px}
.q{padding:18px;overflow-y:auto;flex:1;display:flex;flex-direction:column;gap:14px}.q p{margin:0;white-space:pre-wrap}
.q label{display:flex;flex-direction:column;gap:4px;font-weight:600;font-size:14px}.q small{color:var(--dim);font-weight:400}
.q input{border:1.5px solid var(--dim);border-radius:10px;padding:10px 12px;background:var(--bg);font-size:16px;font-weight:400}.q .bad{color:#b3001b;font-weight:400}
@media (prefers-color-scheme:dark){.q .bad{color:#ff9aa8}}
.q button{background:var(--b);color:var(--on);padding:12px;font-weight:650;border-radius:12px}
.z{position:absolute;inset:0;background:color-mix(in srgb,var(--bg) 88%,transparent);display:grid;place-items:center;font-weight:650;border:3px dashed var(--b);border-radius:18px;pointer-events:none}
.v{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:520px){.p{position:fixed;inset:0!important;width:auto;height:100dvh;border-radius:0;border:0}.z{border-radius:0}:host([data-open]) .l{display:none}}
@media (prefers-reduced-motion:no-preference){.p{animation:in .16s ease-out}@keyframes in{from{opacity:0;transform:translateY(10px)}}}`;

  /** Black or white, whichever reads better on the colour. */
  function ink(color) {
    const part = (at) => { const c = parseInt(color.slice(at, at + 2), 16) / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
    const light = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
    return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#fff" : "#000";
  }
  function build() {
    const host = h("div", { "data-side": config.side, lang: lang === "pt" ? "pt-BR" : "en", "data-balcao": channel });
    root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    const color = /^#[0-9a-f]{6}$/i.test(config.color) ? config.color : "#1f5eff";
    sheet.replaceSync(CSS + `.w{--brand:${color};--ink:${ink(color)}}`);
    root.adoptedStyleSheets = [sheet];
    ui = {};
    ui.badge = h("span", { className: "n", hidden: true });
    ui.launcher = h("button", { className: "l", type: "button", "aria-expanded": "false", onclick: () => toggle() }, icon(ICONS.chat), config.launcher ? h("span", {}, config.launcher) : null, ui.badge);
    ui.sound = h("button", { type: "button", onclick: () => { kept.set("mute", !kept.get("mute")); drawSound(); } });
    ui.close = h("button", { type: "button", "aria-label": words.close, title: words.close, onclick: () => toggle(false) }, icon(ICONS.close));
    ui.offline = h("div", { className: "o", role: "status", hidden: true }, words.offline);
    ui.list = h("div", { className: "m", role: "log", "aria-label": words.log, "aria-live": "polite", tabIndex: 0 });
    ui.typing = h("div", { className: "t", hidden: true }, words.someone + " " + words.typing);
    ui.notice = h("div", { className: "s", role: "status", hidden: true });
    ui.pages = h("div", { className: "y", role: "group", "aria-label": words.pages, hidden: true }, words.pages,
      h("div", {}, h("button", { type: "button", onclick: () => consent(true) }, words.yes), h("button", { type: "button", onclick: () => consent(false) }, words.no)));
    ui.file = h("input", { type: "file", multiple: true, hidden: true, tabIndex: -1, "aria-hidden": "true", onchange: () => { attach(ui.file.files); ui.file.value = ""; } });
    ui.input = h("textarea", { rows: 1, maxLength: 4000, placeholder: words.write, "aria-label": words.write, oninput: () => { grow(); typing(); }, onkeydown: keyed, onpaste: pasted });
    ui.editor = h("form", { className: "e", onsubmit: (event) => { event.preventDefault(); written(); } },
      h("button", { type: "button", "aria-label": words.attach, title: words.attach, onclick: () => ui.file.click() }, icon(ICONS.clip)), ui.file, ui.input,
      h("button", { className: "g", type: "submit", "aria-label": words.send, title: words.send }, icon(ICONS.send)));
    ui.form = h("form", { className: "q", noValidate: true, hidden: true, onsubmit: filled });
    ui.drop = h("div", { className: "z", hidden: true }, words.drop);
    ui.panel = h("section", { className: "p", role: "dialog", "aria-modal": "false", "aria-labelledby": "t", hidden: true, onkeydown: trap, ondragover: dragged, ondragleave: () => (ui.drop.hidden = true), ondrop: dropped },
      h("header", { className: "h" }, h("h2", { id: "t" }, config.title || words.title), ui.sound, ui.close), ui.offline, ui.form, ui.list, ui.typing, ui.pages, ui.notice, ui.editor, ui.drop);
    ui.say = h("div", { className: "v", role: "status", "aria-live": "polite" });
    root.append(h("div", { className: "w" }, ui.panel, ui.launcher, ui.say));
    buildForm();
    drawSound();
    document.body.append(host);
    ui.host = host;
    draw();
  }
  function drawSound() {
    const mute = kept.get("mute");
    ui.sound.hidden = !config.sound;
    const label = mute ? words.soundOn : words.soundOff;
    ui.sound.replaceChildren(icon(mute ? ICONS.off : ICONS.on));
    ui.sound.setAttribute("aria-label", label);
    ui.sound.title = label;
  }
  function buildForm() {
    const TYPES = { name: ["text", "name"], email: ["email", "email"], phone: ["tel", "tel"] };
    const field = (name, label, required) => {
      const [type, auto] = TYPES[name] || ["text", "off"];
      return h("label", {}, h("span", {}, label, required ? null : h("small", {}, " (" + words.optional + ")")),
        h("input", { name, type, autocomplete: auto, required, maxLength: 200, "aria-describedby": "e-" + name }), h("span", { className: "bad", id: "e-" + name, hidden: true }));
    };
    ui.form.append(config.welcome ? h("p", {}, config.welcome) : "", ...config.fields.map((it) => field(it.name, words[it.name], it.required)),
      ...config.questions.map((it) => field(it, it, false)), h("button", { type: "submit" }, words.start));
  }
  function filled(event) {
    event.preventDefault();
    const answers = {};
    let first = null;
    for (const input of ui.form.querySelectorAll("input")) {
      const value = input.value.trim();
      const bad = (input.required && !value) || (value && !input.checkValidity());
      const error = input.nextElementSibling;
      error.hidden = !bad;
      error.textContent = bad ? (value ? words.invalid : words.required) : "";
      input.setAttribute("aria-invalid", bad ? "true" : "false");
      if (bad) first ||= input;
      if (value) answers[input.name] = value;
    }
    if (first) return first.focus();
    form = answers;
    needsForm = insists = false;
    if (outbox.length) { outbox[0].form = form; form = null; kept.set("outbox", outbox); flush(); }
    draw();
    ui.input.focus();
  }
  function consent(given) { kept.set("consent", given); draw(); if (given) visited(); ui.input.focus(); }
  function notice(text) { ui.notice.textContent = text; ui.notice.hidden = !text; }
  function say(text) { ui.say.textContent = text; }
  function online(is) { if (ui) ui.offline.hidden = is; }
  function bottom() { ui.list.scrollTop = ui.list.scrollHeight; }
  function grow() { const box = ui.input; box.rows = Math.min(5, Math.max(1, box.value.split("\n").length)); }
  function written() {
    const text = ui.input.value.trim();
    if (!text) return;
    ui.input.value = "";
    grow();
    send({ text }, { text });
  }
  function keyed(event) { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); written(); } }
  function pasted(event) { const files = event.clipboardData && event.clipboardData.files; if (files && files.length) { event.preventDefault(); attach(files); } }
  function dragged(event) { if ([...event.dataTransfer.types].includes("Files")) { event.preventDefault(); ui.drop.hidden = false; } }
  function dropped(event) { event.preventDefault(); ui.drop.hidden = true; attach(event.dataTransfer.files); }
  /** The tab key stays inside, Escape leaves. */
  function trap(event) {
    if (event.key === "Escape") return toggle(false);
    if (event.key !== "Tab") return;
    const all = [...ui.panel.querySelectorAll("button,textarea,input,a[href],[tabindex='0']")].filter((it) => !it.hidden && it.offsetParent && it.tabIndex >= 0);
    const now = all.indexOf(root.activeElement), next = event.shiftKey ? now - 1 : now + 1;
    if (next < 0 || next >= all.length) { event.preventDefault(); all[next < 0 ? all.length - 1 : 0].focus(); }
  }
  function toggle(to = !isOpen) {
    if (to === isOpen) return;
    isOpen = to;
    if (to) openFocus = document.activeElement;
    ui.panel.hidden = !to;
    ui.host.toggleAttribute("data-open", to);
    draw();
    if (to) {
      (needsForm ? ui.form.querySelector("input") : ui.input)?.focus();
      bottom();
      if (!session) open().then(() => { draw(); if (needsForm && isOpen && !ui.form.contains(root.activeElement)) ui.form.querySelector("input").focus(); }).catch(() => { streamFails += 1; again(); });
      else seen();
    } else {
      ui.launcher.focus();
      if (matchMedia("(max-width:520px)").matches && openFocus && openFocus !== document.body && openFocus !== ui.host) openFocus.focus();
    }
  }
  const day = (at) => new Date(at).toLocaleDateString(lang === "pt" ? "pt-BR" : "en", { day: "numeric", month: "long" });
  const hour = (at) => new Date(at).toLocaleTimeString(lang === "pt" ? "pt-BR" : "en", { hour: "2-digit", minute: "2-digit" });
  function linked(text) {
    return text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)])/g).map((part, at) => (at % 2 ? h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part));
  }
  function file(it, kind) {
    const name = it.name || words.file;
    if (!it.url) return h("span", { className: "f" }, icon(ICONS.clip), name);
    if (kind === "image" || kind === "sticker") return h("a", { href: it.url, target: "_blank", rel: "noopener noreferrer" }, h("img", { src: it.url, alt: name, loading: "lazy", onload: near }));
    if (kind === "audio") return h("audio", { src: it.url, controls: true, preload: "none", "aria-label": name });
    if (kind === "video") return h("video", { src: it.url, controls: true, preload: "metadata", "aria-label": name });
    return h("a", { className: "f", href: it.url, target: "_blank", rel: "noopener noreferrer" }, icon(ICONS.clip), name);
  }
  function near() { if (ui.list.scrollHeight - ui.list.scrollTop - ui.list.clientHeight < 400) bottom(); }
  function body(it) {
    if (it.kind === "revoked") return [h("em", {}, words.revoked)];
    const parts = [];
    const answered = it.reply_to && messages.get(it.reply_to);
    if (answered) parts.push(h("blockquote", {}, answered.text || words.file));
    (it.files || []).forEach((one) => parts.push(file(one, it.kind)));
    if (it.text) parts.push(h("div", {}, linked(it.text)));
    if (it.kind === "location" && it.latitude != null) {
      const place = [it.name, it.address].filter(Boolean).join(" · ");
      parts.push(h("div", {}, place ? place + " " : "", h("a", { href: "https://www.openstreetmap.org/?mlat=" + Number(it.latitude) + "&mlon=" + Number(it.longitude), target: "_blank", rel: "noopener noreferrer" }, words.map)));
    }
    (it.contacts || []).forEach((one) => parts.push(h("div", {}, [one.name, ...(one.phones || []), ...(one.emails || [])].filter(Boolean).map(String).join(" · "))));
    const rows = it.buttons || (it.list && (it.list.sections || []).flatMap((one) => one.rows || [])) || [];
    if (rows.length) parts.push(h("div", { className: "c", role: "group", "aria-label": (it.list && it.list.button) || words.more },
      rows.map((one) => h("button", { type: "button", onclick: () => { answering = it.id; send({ choice: { id: String(one.id), title: String(one.title) } }, { text: one.title }); } }, one.title))));
    return parts;
  }
  /** Draws what changed; what stays keeps its element, so that a reader's place and focus stay too. */
  let drawn = new Map(), drawnOrder = "";
  function draw() {
    if (!ui) return;
    const asks = needsForm && (insists || !order.some((id) => messages.get(id).mine && messages.get(id).state === "sent"));
    ui.form.hidden = !asks;
    ui.list.hidden = asks;
    ui.editor.hidden = asks;
    ui.pages.hidden = asks || !config.pages || kept.get("consent") != null || !kept.get("talked");
    ui.badge.hidden = !unread || isOpen;
    ui.badge.textContent = unread > 99 ? "99+" : unread;
    ui.launcher.setAttribute("aria-expanded", String(isOpen));
    ui.launcher.setAttribute("aria-label", (isOpen ? words.close : config.launcher || words.open) + (unread ? ", " + words.unread(unread) : ""));
    const atEnd = ui.list.scrollHeight - ui.list.scrollTop - ui.list.clientHeight < 80;
    const next = new Map(), parts = [];
    if (before) parts.push(["earlier", "", () => h("div", { className: "a" }, h("button", { type: "button", onclick: () => reload(before).then(draw).catch(() => {}) }, words.earlier))]);
    else if (config.welcome && !asks) parts.push(["welcome", "", () => h("div", { className: "x" }, config.welcome)]);
    let lastDay = "", lastAuthor = "";
    const newest = [...order].reverse().find((id) => messages.get(id).mine);
    for (const id of order) {
      const it = messages.get(id), today = day(it.at), who = it.mine ? "" : it.author || words.someone;
      if (today !== lastDay) { parts.push(["day" + today, "", () => h("div", { className: "d" }, today)]); lastAuthor = ""; }
      if (!it.mine && who !== lastAuthor) parts.push(["who" + id, who, () => h("div", { className: "a" }, who)]);
      parts.push([id, JSON.stringify([it.text, it.kind, it.files, it.state === "revoked", it.edited, it.reply_to && messages.has(it.reply_to)]), () =>
        h("div", { className: "x" + (it.mine ? " me" : ""), "data-id": id }, h("span", { className: "v" }, (it.mine ? words.you : who) + ", " + hour(it.at) + ": "), body(it))]);
      const shows = it.mine && (id === newest || !["sent", "read"].includes(it.state));
      if (shows) {
        const state = { sending: words.sending, waiting: words.waiting, failed: words.failed, read: words.read, sent: words.sent }[it.state] || words.sent;
        parts.push(["st" + id, it.state, () => h("div", { className: "a me", "data-state": it.state }, hour(it.at) + " · " + state, it.state === "failed" ? h("button", { type: "button", onclick: () => retry(id) }, words.retry) : null)]);
      }
      lastDay = today;
      lastAuthor = it.mine ? "" : who;
    }
    for (const [key, version, make] of parts) {
      const here = drawn.get(key);
      next.set(key, here && here[0] === version ? here : [version, make()]);
    }
    const line = [...next].map(([key, [version]]) => key + version).join("\u0001");
    if (line !== drawnOrder) {
      const wanted = [...next.values()].map(([, element]) => element);
      for (const child of [...ui.list.children]) if (!wanted.includes(child)) child.remove();
      wanted.forEach((element, at) => { if (ui.list.children[at] !== element) ui.list.insertBefore(element, ui.list.children[at] || null); });
      drawn = next;
      drawnOrder = line;
      if (atEnd) bottom();
    }
  }
  /** Two soft notes, made here: nothing to load, nothing for a policy to allow. Silent until the visitor has used the page. */
  function ring() {
    if (!config.sound || kept.get("mute") || !gesture) return;
    try {
      audio ||= new AudioContext();
      [660, 880].forEach((tone, at) => {
        const from = audio.currentTime + at * 0.14, note = audio.createOscillator(), loud = audio.createGain();
        note.frequency.value = tone;
        loud.gain.setValueAtTime(0.0001, from);
        loud.gain.exponentialRampToValueAtTime(0.08, from + 0.02);
        loud.gain.exponentialRampToValueAtTime(0.0001, from + 0.3);
        note.connect(loud).connect(audio.destination);
        note.start(from);
        note.stop(from + 0.32);
      });
    } catch { /* no sound then */ }
  }

  // ── Beginning ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  const ready = (async () => {
    if (document.readyState === "loading") await new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
    for (let fails = 0; ; fails += 1) {
      try {
        const response = await fetch(base + "/config", { credentials: "omit" });
        if (response.status === 403 || response.status === 404) throw new Refused(response.status, {}, 0);
        config = await response.json();
        break;
      } catch (error) {
        if (error instanceof Refused) return void console.warn("Balcão: " + WORDS.en.forbidden);
        await new Promise((done) => setTimeout(done, Math.min(LONGEST_PAUSE, 1000 * 2 ** Math.min(fails, 5))));
      }
    }
    const wish = config.language === "auto" ? document.documentElement.lang || navigator.language : config.language;
    lang = /^pt/i.test(wish) ? "pt" : "en";
    words = WORDS[lang];
    if (script.dataset.user) user = { claims: script.dataset.user, signature: script.dataset.userSignature || "" };
    // A first guess, so that nothing flickers; the server knows.
    needsForm = config.fields.length + config.questions.length > 0 && !kept.get("token") && !user;
    build();
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { gesture = true; }, { once: true, capture: true });
    addEventListener("online", () => { streamFails = 0; again(); flush(); });
    addEventListener("offline", () => { online(false); stream?.abort(); stream = null; streamFails = 1; again(); });
    addEventListener("visibilitychange", () => { if (!document.hidden) { seen(); if (session && !stream) again(); } });
    addEventListener("pagehide", () => { stream?.abort(); stream = null; });
    addEventListener("pageshow", (event) => { if (event.persisted && session) follow(); });
    addEventListener("popstate", () => setTimeout(visited));
    if (window.navigation) navigation.addEventListener("navigatesuccess", visited);
    // Whoever has been here before hears at once what came meanwhile.
    if (kept.get("token") || user) open().then(() => { draw(); visited(); flush(); }).catch(() => { streamFails += 1; again(); });
  })();

  window.Balcao = Object.freeze({
    /** Opens the window. */
    open: () => ready.then(() => ui && toggle(true)),
    close: () => ready.then(() => ui && toggle(false)),
    /** Who is signed in at the site: a JSON text and its signature. */
    identify: (claims, signature) => ready.then(() => { leave(); user = { claims, signature }; return open().then(draw); }),
    /** Forgets the visitor at this browser: for when somebody signs out of the site. */
    logout: () => ready.then(() => { leave(); user = null; kept.clear(); outbox = []; form = null; forget(); toggle(false); }),
    /** Whether the pages visited may be shown to the agent, where the site has asked by itself. */
    consent: (given) => ready.then(() => { kept.set("consent", !!given); draw(); if (given) visited(); }),
    visited: () => ready.then(visited),
  });
})();
