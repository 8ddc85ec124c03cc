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
  const TYPING_SHOWN = 6000, TYPING_AGAIN = 4000, LONGEST_PAUSE = 60000, SHORT_STREAM = 5000, MOST_KEPT = 100, MOST_FILES = 10, MOST_SEEN = 20, THUMB = 88, FRESH = 60000;
  const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
  // What the server will go on saying however often it is asked: the page's site is not allowed, a signature is wrong.
  const FINAL = [401, 403, 410];

  const WORDS = {
    pt: {
      title: "Fale conosco", open: "Abrir a conversa", close: "Fechar a conversa", log: "Mensagens", write: "Escreva uma mensagem", send: "Enviar", attach: "Anexar arquivos",
      drop: "Solte os arquivos aqui", name: "Nome", email: "E-mail", phone: "Telefone", start: "Começar a conversa", optional: "opcional", required: "Preencha este campo.", invalid: "Confira o e-mail.",
      typing: "está escrevendo…", someone: "Atendimento", you: "Você", sending: "Enviando…", waiting: "Sem conexão: será enviada assim que voltar.", sent: "Enviada", read: "Lida",
      failed: "Não foi enviada.", retry: "Tentar de novo", offline: "Sem conexão. Tentando de novo…", unread: (n) => (n === 1 ? "1 mensagem nova" : n + " mensagens novas"),
      soundOn: "Ligar o som", soundOff: "Desligar o som", off: "O chat está fora do ar no momento. O que você escrever será enviado quando ele voltar.", held: "Será enviada quando o chat voltar.", lost: "A conversa anterior não está mais disponível. Confira a mensagem e envie de novo.", over: "A conversa anterior não está mais disponível. A sua próxima mensagem começa outra.", dismiss: "Fechar o aviso",
      file: "Arquivo", picked: "Arquivos a enviar", added: (names) => "Anexado: " + names, unpick: (name) => "Remover " + name, most: (n) => "São no máximo " + n + " arquivos por mensagem.", unsent: (off) => "O arquivo não foi enviado. Tente de novo" + (off ? " quando o chat voltar." : "."), unfit: (name) => "O arquivo " + name + " não foi aceito.", blank: (name) => "O arquivo " + name + " está vazio.",
      large: (name, size, most) => "O arquivo " + name + (most ? " tem " + size + "; o limite é " + most + "." : " (" + size + ") é grande demais."), tooMany: "Muitas mensagens. Aguarde um pouco.", earlier: "Mensagens anteriores",
      pages: "Podemos mostrar ao atendente as páginas deste site que você visita?", yes: "Permitir", no: "Não", revoked: "Mensagem apagada", map: "Ver no mapa", edited: "editada", more: "Escolha uma opção", loading: "Carregando…", upload: "Enviando o arquivo…", forbidden: "O chat não está disponível nesta página.",
      open_now: "Atendendo agora", closed: "Fora do horário de atendimento", back: (when) => "Voltamos " + when, leave: "Deixe a sua mensagem: respondemos por aqui.", today: "hoje", tomorrow: "amanhã", days: ["Hoje", "Ontem"],
      at: (day, time) => day + (time.startsWith("1h") ? " à " : " às ") + time, actions: "Opções da mensagem", react: (emoji) => "Reagir com " + emoji, reacted: (who, emoji) => who + " reagiu com " + emoji,
      edit: "Editar", remove: "Apagar", sure: "Apagar para todos?", editing: "Editando a mensagem", cancel: "Cancelar", undone: "Não foi possível. Tente de novo.", gone: "Esta mensagem já não pode ser mudada.",
    },
    en: {
      title: "Talk to us", open: "Open the chat", close: "Close the chat", log: "Messages", write: "Write a message", send: "Send", attach: "Attach files",
      drop: "Drop the files here", name: "Name", email: "E-mail", phone: "Phone", start: "Start the chat", optional: "optional", required: "Fill in this field.", invalid: "Check the e-mail address.",
      typing: "is typing…", someone: "Support", you: "You", sending: "Sending…", waiting: "Offline: it will be sent once you are back.", sent: "Sent", read: "Read",
      failed: "It was not sent.", retry: "Try again", offline: "Offline. Trying again…", unread: (n) => (n === 1 ? "1 new message" : n + " new messages"),
      soundOn: "Turn sound on", soundOff: "Turn sound off", off: "The chat is unavailable at the moment. What you write will be sent when it is back.", held: "It will be sent when the chat is back.", lost: "The earlier conversation is not available any more. Check the message and send it again.", over: "The earlier conversation is not available any more. Your next message starts another.", dismiss: "Close the notice",
      file: "File", picked: "Files to send", added: (names) => "Attached: " + names, unpick: (name) => "Remove " + name, most: (n) => "At most " + n + " files per message.", unsent: (off) => "The file was not sent. Try again" + (off ? " when the chat is back." : "."), unfit: (name) => "The file " + name + " was not accepted.", blank: (name) => "The file " + name + " is empty.",
      large: (name, size, most) => "The file " + name + (most ? " is " + size + "; the limit is " + most + "." : " (" + size + ") is too large."), tooMany: "Too many messages. Wait a moment.", earlier: "Earlier messages",
      pages: "May we show the agent the pages of this site that you visit?", yes: "Allow", no: "No", revoked: "Message deleted", map: "Open the map", edited: "edited", more: "Choose an option", loading: "Loading…", upload: "Sending the file…", forbidden: "The chat is not available on this page.",
      open_now: "We are here now", closed: "Outside business hours", back: (when) => "We are back " + when, leave: "Leave your message: we will answer here.", today: "today", tomorrow: "tomorrow", days: ["Today", "Yesterday"],
      at: (day, time) => day + " at " + time, actions: "Message options", react: (emoji) => "React with " + emoji, reacted: (who, emoji) => who + " reacted with " + emoji,
      edit: "Edit", remove: "Delete", sure: "Delete for everyone?", editing: "Editing the message", cancel: "Cancel", undone: "That did not work. Try again.", gone: "This message cannot be changed any more.",
    },
  };

  // Where storage is forbidden, for as long as the page is open; else nothing that another page has cleared.
  const keeper = (store) => {
    let memory = null;
    const read = () => {
      try { return memory || JSON.parse(store().getItem(KEY)) || {}; } catch { return {}; }
    };
    return {
      get: (name) => read()[name],
      set: (name, value) => {
        const all = { ...read(), [name]: value };
        try { if (!memory) return store().setItem(KEY, JSON.stringify(all)); } catch { /* kept in memory */ }
        memory = all;
      },
      clear: () => { memory = memory && {}; try { store().removeItem(KEY); } catch { /* nothing was kept */ } },
    };
  };
  // What the browser keeps: token, outbox, consent, what was seen. And what a tab takes along to the site's next page: the half-written, and the open window.
  const kept = keeper(() => localStorage), along = keeper(() => sessionStorage);

  let config, words, lang, root, ui, session = null, messages = new Map(), order = [], outbox = [], isOpen = false, atEnd = true, tall = 0, stream = null, streamSince = Infinity, streamFails = 0,
    lastEvent = null, needsForm = false, insists = false, later = false, form = null, answering = null, before = null, typedAt = 0, typingTimer = 0, flushing = false, audio = null, gesture = false, user = null, told = new Set(), openFocus = null, picked = [], uploading = null, who = null, stopped = false, off = false, denied = 0, flushFails = 0, configAt = 0, menu = null, sure = false, editing = null, fieldsAsked = null;

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
    doc: "M7 3h7l4 4v14H7zM14 3v4h4", more: "M5 12h.01M12 12h.01M19 12h.01", on: "M5 10v4h3l4 4V6L8 10zM16 9a4 4 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11", off: "M5 10v4h3l4 4V6L8 10zM16 10l4 4M20 10l-4 4", down: "M12 5v14M6 13l6 6 6-6",
  };

  // ── The server ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  class Refused extends Error {
    constructor(status, body, after) {
      super(body.message || body.detail || String(status));
      this.status = status;
      this.code = body.code;
      this.after = after;
      // Bytes, where the server says how many it takes.
      this.most = Number(/at most (\d+) bytes/.exec(body.detail)?.[1]);
    }
  }
  async function ask(path, { body, form: data, signal } = {}) {
    const options = { method: body || data ? "POST" : "GET", headers: {}, credentials: "omit", cache: "no-store", signal };
    const asking = session;
    if (asking) options.headers.authorization = "Bearer " + asking.token;
    if (body) { options.headers["content-type"] = "application/json"; options.body = JSON.stringify(body); }
    if (data) options.body = data;
    const response = await fetch(base + path, options);
    const text = response.status === 204 ? "" : await response.text();
    let value = null;
    try { value = text && JSON.parse(text); } catch { value = null; }
    if (!response.ok) {
      const refused = new Refused(response.status, value || {}, Number(response.headers.get("retry-after")) || 0);
      if (refused.status === 401 && asking && asking === session) lose();
      if (isOff(refused) && asking === session) away(refused.after);
      throw refused;
    }
    // Somebody's message got through before the stream was tried again.
    if (off) { off = false; streamFails = 0; again(); }
    return value;
  }

  /** How long to wait after so many failures: longer each time, and never all browsers at once. */
  const pause = (fails, after = 0) => Math.max(after * 1000 * (1 + Math.random() / 4), Math.min(LONGEST_PAUSE, 500 * 2 ** Math.min(fails, 8)) * (0.75 + Math.random() / 2));
  /** Nothing more is asked of the server, until somebody else signs in or the page is loaded again. Said once. */
  function stop(why) {
    if (stopped) return;
    stopped = true;
    off = false;
    leave();
    console.warn("Balcão: " + WORDS.en.forbidden + " (" + why + ")");
    if (ui) { ui.offline.textContent = words.forbidden; ui.offline.hidden = false; draw(); }
  }
  const isFinal = (error) => error instanceof Refused && FINAL.includes(error.status);
  /** Whether it is the chat as a whole that is switched off or away: its channel is not there for anybody now (404 of the server, not of the app, which knows
   *  messages that are not there), its app is off (503), or nobody answers for it. */
  const isOff = ({ status, code }) => (status === 404 && code !== "not-found") || [502, 503, 504].includes(status);
  /** The chat is off: it is asked again like a server that is away, by the stream, and what is written waits. Said again before that, it changes nothing. */
  function away(after) {
    if (stopped) return;
    off = true;
    if (stream && lasted()) streamFails = 0;
    stream?.abort();
    stream = null;
    if (againTimer) online(false);
    else { streamFails += 1; again(after); }
    draw();
  }
  /** After a failure of `open`. */
  function unopened(error) {
    if (isFinal(error)) return stop(error.status);
    if (isOff(error)) return away(error.after);
    off = false;
    streamFails += 1;
    again(error.after);
  }

  /** Who we are: known again by the token, or somebody new. */
  let opening = null, turn = 0;
  function open() {
    const mine = turn;
    if (stopped) return Promise.reject(new Refused(403, {}, 0));
    opening ||= (async () => {
      const asked = { token: kept.get("token") };
      if (user) asked.user = user;
      const opened = await ask("/open", { body: asked });
      // Its app does not answer; the server keeps what it was asked for later.
      if (!opened) throw new Refused(503, {}, 0);
      // Meanwhile somebody has signed in or out at the site.
      if (mine !== turn) return;
      const last = kept.get("visitor");
      if ((who || last || opened.visitor) !== opened.visitor) {
        // Somebody else who is signed in; else it is still them, whose token was not good any more.
        if (user) { nobody(); empty(); } else over(outbox.length ? outbox : kept.get("outbox") || []);
      }
      if (last && last !== opened.visitor) kept.clear();
      who = opened.visitor;
      session = opened;
      // Not once it was answered, even while this was on its way.
      needsForm = opened.form && !form && !outbox.some((it) => it.form);
      later ||= writing();
      buildForm(opened.ask);
      kept.set("token", opened.token);
      kept.set("visitor", opened.visitor);
      outbox = kept.get("outbox") || [];
      outbox.forEach((it) => put({ ...it.shown, state: "waiting" }));
      follow();
    })().finally(() => { if (mine === turn) opening = null; });
    return opening;
  }
  /** The token is not good any more, and with it goes all that is known of whoever it was of; what was on its way is for whoever is here to say again.
   *  Another page of this browser may have got the next token meanwhile: then it is still them. */
  function lose() {
    if (kept.get("token") === session.token) {
      const inside = root.activeElement;
      over(outbox);
      kept.clear();
      who = null;
      needsForm = asksForm();
      draw();
      if (inside) toForm();
    }
    picked.forEach((it) => (it.sent = null));
    session = null;
    stream?.abort();
    stream = null;
    // The server is there: it has answered.
    streamFails = 0;
    if (++denied < 3) again(); else stop(401);
  }
  /** The conversation is not there any more, for them who are still here: they are told, what is not sent is in the box again, and what they type stays there. */
  function over(unsent) {
    const texts = unsent.filter((it) => it.text && !it.refused).map((it) => it.text), typed = ui.input.value, wait = writing();
    if (texts.length || order.length || kept.get("talked")) notice(texts.length ? words.lost : words.over);
    nobody();
    later = wait;
    ui.input.value = [...texts, typed].filter(Boolean).join("\n");
    grow();
  }
  /** Whoever writes already is not torn away from it: they are asked once they send it. */
  const writing = () => ui.form.hidden && !!ui.input.value.trim();
  /** Nobody, until opened again; what is still asked of the server makes no difference any more. */
  function leave() { turn += 1; opening = null; session = null; stream?.abort(); stream = null; clearTimeout(againTimer); againTimer = 0; }
  /** Somebody else may be welcome; where the page's site is not, nothing was drawn. */
  function restart() {
    if (!ui) return;
    stopped = off = false;
    denied = streamFails = flushFails = 0;
    online(true);
  }
  /** What this page has of a person, beside what the box holds. */
  function nobody() { outbox = []; form = answering = null; insists = later = false; lastPage = ""; ui?.form.reset(); forget(); }
  /** The box, of what is not sent yet. */
  function empty() { if (!ui) return; uploading?.abort(); picked = []; ui.input.value = ""; grow(); notice(""); drawPicked(); }
  /** A first guess, so that nothing flickers; the server knows. */
  const asksForm = () => config.fields.length + config.questions.length > 0 && !kept.get("token") && !user;
  function forget() { messages.clear(); menu = null; if (editing) edits(null); order = []; before = null; lastEvent = null; told.clear(); draw(); }

  // ── The stream: read by hand, so that the token goes in a header and not in an address that others log ──────────────────────────────────────
  async function follow() {
    if (stream || stopped) return;
    const mine = (stream = new AbortController()), asking = session;
    let after = 0;
    streamSince = Infinity;
    try {
      const headers = { authorization: "Bearer " + asking.token, accept: "text/event-stream" };
      if (lastEvent) headers["last-event-id"] = lastEvent;
      const response = await fetch(base + "/_/stream", { headers, credentials: "omit", cache: "no-store", signal: mine.signal });
      if (!response.ok) throw new Refused(response.status, {}, Number(response.headers.get("retry-after")) || 0);
      streamSince = Date.now();
      // Where it goes on from there, nothing may come for long that says so.
      if (lastEvent) { online(true); flush(); }
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        rest += value;
        for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) await heard(rest.slice(0, end));
      }
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error.status === 401 && asking === session) return lose();
      if (isFinal(error)) return stop(error.status);
      if (isOff(error)) return away(error.after);
      off = false;
      after = error.after;
    }
    // One that ends as it was meant to has been there for a while.
    streamFails = lasted() ? 0 : streamFails + 1;
    if (stream === mine) { stream = null; again(after); }
  }
  const lasted = () => Date.now() - streamSince > SHORT_STREAM;
  let againTimer = 0;
  function again(after) {
    if (stopped) return;
    online(!off && !streamFails);
    clearTimeout(againTimer);
    againTimer = setTimeout(() => { againTimer = 0; if (session) follow(); else open().then(draw, unopened); }, streamFails ? pause(streamFails, after) : 300);
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
      const mine = stream;
      await reload();
      // Meanwhile somebody has signed in or out at the site, or the server has said no.
      if (stream !== mine) return;
      denied = 0;
      lastEvent = id;
      online(true);
      visited();
      flush();
      return;
    }
    online(true);
    const shown = JSON.parse(data);
    if (kind === "message") arrive(shown);
    else if (kind === "typing") types();
    else if (kind === "read") readUpTo(shown.id);
    else if (["edit", "revoke", "reaction"].includes(kind)) changed(kind, shown);
    lastEvent = id;
    flush();
  }

  async function reload(earlier) {
    const mine = turn;
    const page = await ask("/history" + (earlier ? "?before=" + encodeURIComponent(earlier) : ""));
    // What was said before is nobody else's.
    if (!page || mine !== turn || (earlier && earlier !== before)) return;
    const fresh = page.messages.filter((it) => !messages.has(it.id)), [oldest] = page.messages, apart = !earlier && oldest && fresh.includes(oldest);
    // What is here does not reach up to it: what lies between is shown with what is older, once that is asked for.
    if (apart) for (const it of messages.values()) if (it.at < oldest.at && !outbox.some((entry) => entry.id === it.id)) messages.delete(it.id);
    page.messages.forEach((it) => {
      const here = messages.get(it.id);
      // As the server has it now: what was taken back meanwhile is not there any more.
      messages.set(it.id, { number: here && here.number, ...it, state: here && here.state === "read" ? "read" : it.state });
    });
    if (earlier || apart || !page.messages.length) before = page.before;
    sort();
    if (!earlier && lastEvent) fresh.filter((it) => !it.mine).forEach(announce);
    draw();
    if (isOpen) seen();
  }
  /** Shows what was said before, above; whoever reads stays where they are. */
  async function older() {
    const below = ui.list.scrollHeight - ui.list.scrollTop;
    try { await reload(before); } catch { return notice(words.undone); }
    ui.list.scrollTop = ui.list.scrollHeight - below;
    // The button goes with the last of them.
    if (document.activeElement === document.body) ui.list.focus();
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
  /** A message that is here is another now. Of one that is not, the history will tell. */
  function changed(kind, shown) {
    const it = messages.get(shown.id);
    if (!it) return;
    if (kind === "reaction") {
      const others = (it.reactions || []).filter((one) => one.mine !== !!shown.mine);
      put({ ...it, reactions: shown.emoji ? [...others, { emoji: shown.emoji, mine: !!shown.mine }] : others });
    } else if (kind === "revoke") {
      put({ id: it.id, at: it.at, mine: it.mine, state: it.state, author: it.author, kind: "revoked", text: "", files: null, reactions: null, edited: false, reply_to: null, buttons: null, list: null, contacts: null });
      if (menu === it.id) menu = null;
      if (editing === it.id) edits(null);
    } else put({ files: null, ...shown, edited: true });
    draw();
  }
  function announce(message) {
    if (looking() || !unseen().includes(message.id)) return;
    say(words.unread(unseen().length));
    ring();
  }
  function readUpTo(id) {
    const at = (messages.get(id) || {}).at ?? Infinity;
    for (const it of messages.values()) if (it.mine && it.at <= at && it.state === "sent") it.state = "read";
    draw();
  }
  /** Whoever reads further up, or has the form before them, does not see what comes. */
  const looking = () => isOpen && !document.hidden && !ui.list.hidden && atEnd;
  /** Of the desk's messages those that nobody has seen in any of the browser's tabs. Their ids are in the order of their making; of what was seen the newest
   *  are kept, one by one, since a message may come after later ones. */
  function unseen() {
    const known = kept.get("seen") || [];
    // Else it is somebody else's, from another tab.
    return kept.get("visitor") !== who ? [] : order.filter((id) => !messages.get(id).mine && messages.get(id).kind !== "revoked" && id > (known[0] || "") && !known.includes(id));
  }
  /** Tells what is in the window, and what was looked at. */
  function seen() {
    const state = looking() ? "read" : "delivered", fresh = looking() ? unseen() : [];
    if (fresh.length) { kept.set("seen", [...(kept.get("seen") || []), ...fresh].sort().slice(-MOST_SEEN)); draw(); }
    const ids = order.filter((id) => { const it = messages.get(id); return !it.mine && !told.has(state + id) && !told.has("read" + id) && id.startsWith("msg_"); }).slice(-100);
    if (!ids.length || !session) return;
    ids.forEach((id) => told.add(state + id));
    ask("/" + state, { body: { ids } }).catch(() => ids.forEach((id) => told.delete(state + id)));
  }
  function types() { ui.typing.hidden = false; clearTimeout(typingTimer); typingTimer = setTimeout(stopTyping, TYPING_SHOWN); }
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
    put({ ...entry.shown, state: navigator.onLine && !off ? "sending" : "waiting" });
    draw();
    bottom();
    flush();
  }
  async function flush() {
    if (flushing || stopped) return;
    flushing = true;
    try {
      if (!session && outbox.length) await open();
      while (outbox.length) {
        const { shown, refused, tells, ...said } = outbox[0];
        if (refused) break;
        put({ ...shown, state: "sending" });
        try {
          const done = await ask("/message", { body: said });
          settle(shown.id, done && done.at);
          kept.set("talked", true);
          // What was told as it went stays.
          if (!tells) notice("");
          if (said.files) await reload().catch(() => {});
        } catch (error) {
          if (error.status === 401 && !stopped) {
            if (!session && outbox.length) await open();
            continue;
          }
          if (error.status === 422 && error.code === "form") return insist(shown);
          // Kept for when the chat is there again.
          if (isFinal(error)) { put({ ...shown, state: "waiting" }); return stop(error.status); }
          // It goes when the stream is there again.
          if (isOff(error)) { put({ ...shown, state: "waiting" }); return draw(); }
          if (error.status && error.status < 500 && error.status !== 429) { outbox[0].refused = true; outbox.push(outbox.shift()); kept.set("outbox", outbox); put({ ...shown, state: "failed" }); draw(); continue; }
          put({ ...shown, state: "waiting" });
          draw();
          if (error.status === 429) notice(words.tooMany);
          setTimeout(flush, pause(++flushFails, error.after));
          return;
        }
        flushFails = 0;
        draw();
      }
    } catch (error) { if (isFinal(error) || isOff(error)) unopened(error); else setTimeout(flush, pause(++flushFails, error.after)); } finally { flushing = false; }
  }
  /** The server wants the form before it takes this message, which waits. */
  function insist(shown) {
    const inside = root.activeElement;
    needsForm = insists = true;
    form = null;
    put({ ...shown, state: "waiting" });
    draw();
    if (inside) toForm();
  }
  /** What the visitor does with a message that is there: an opinion, other words, or taking it back. */
  async function change(path, id, what) {
    try {
      await ask(path, { body: { id: uid(), message: id, ...what } });
      notice("");
      return true;
    } catch (error) {
      notice(error.code === "not-found" ? words.gone : error.status === 429 ? words.tooMany : words.undone);
      return false;
    }
  }
  async function reacts(it, emoji) {
    const has = (it.reactions || []).some((one) => one.mine && one.emoji === emoji);
    menu = null;
    draw();
    if (await change("/reaction", it.id, { emoji: has ? "" : emoji })) changed("reaction", { id: it.id, emoji: has ? "" : emoji, mine: true });
  }
  async function removes(it) {
    if (!sure) { sure = true; draw(); return root.querySelector(".j button")?.focus(); }
    menu = null;
    draw();
    ui.input.focus();
    if (await change("/revoke", it.id, {})) changed("revoke", { id: it.id });
  }
  /** The box holds the words of a message that is there; none: it is for a new one again. */
  function edits(it) {
    editing = it && it.id;
    menu = null;
    ui.editing.hidden = !it;
    ui.input.value = it ? it.text : "";
    grow();
    drawPicked();
    draw();
    ui.input.focus();
  }
  async function rewrites(text) {
    const id = editing;
    if (text === messages.get(id)?.text) return edits(null);
    if ((await change("/edit", id, { text })) && editing === id) { edits(null); changed("edit", { id, kind: "text", text }); }
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
  /** Files stand in the box until they go with what is written. */
  function pick(list) {
    const all = [...list], blank = all.filter((it) => !it.size), full = all.filter((it) => it.size), taken = full.slice(0, MOST_FILES - picked.length);
    if (!all.length || ui.editor.hidden) return;
    if (editing) edits(null);
    picked.push(...taken.map((file) => ({ file, name: file.name || words.file, thumb: thumb(file), sent: null })));
    notice([...blank.map((it) => words.blank(it.name || words.file)), ...(taken.length < full.length ? [words.most(MOST_FILES)] : [])].join(" "));
    if (taken.length) say(words.added(taken.map((it) => it.name || words.file).join(", ")));
    drawPicked();
    ui.input.focus();
  }
  /** Also while they are on their way, which ends then. */
  function unpick(it) {
    const at = picked.indexOf(it);
    uploading?.abort();
    picked = picked.filter((one) => one !== it);
    drawPicked();
    (ui.picked.querySelectorAll("button")[Math.min(at, picked.length - 1)] || ui.input).focus();
  }
  /** What will never be taken does not keep the others: it is told when they go. */
  async function attach(text) {
    const going = [...picked], mine = (uploading = new AbortController()), wrong = [];
    const drop = (all) => (picked = picked.filter((one) => !all.includes(one)));
    notice(words.upload, true);
    ui.input.readOnly = true;
    try {
      if (!session) await open();
      for (const it of going) {
        const data = new FormData();
        data.append("file", it.file, it.name);
        try {
          it.sent ||= await ask("/_/upload", { form: data, signal: mine.signal });
        } catch (error) {
          if (![413, 415, 422].includes(error.status)) throw error;
          wrong.push(error.status === 413 ? words.large(it.name, size(it.file.size), error.most && size(error.most, Math.floor)) : words.unfit(it.name));
          drop([it]);
        }
      }
      notice(wrong.join(" "));
      if (mine.signal.aborted) return;
      const files = going.filter((it) => it.sent).map(({ sent: { media, mime, name, size } }) => ({ media, mime, name, size }));
      // The words alone may say nothing: they stay.
      if (!files.length) return;
      drop(going);
      ui.input.value = "";
      grow();
      send({ text, files, tells: !!wrong.length }, { kind: "document", text, files: files.map((one) => ({ ...one, url: null })) });
    } catch (error) {
      // Where the conversation is over, that has been said.
      const said = ui.noticed.textContent, isOver = error.status === 401 && said !== words.upload;
      if (!mine.signal.aborted) wrong.push(isOver ? said : error.status === 429 ? words.tooMany : words.unsent(off));
      notice(wrong.join(" "));
    } finally {
      if (uploading === mine) uploading = null;
      ui.input.readOnly = false;
      drawPicked();
      ui.input.focus();
    }
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
/* Once more: what the page says of every element counts for the host itself, over :host, and would be inherited. */
.w{all:initial;display:block;font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color-scheme:light dark;--b:var(--brand);--on:var(--ink);--bg:#fff;--fg:#1a1d24;--soft:#f1f3f7;--dim:#5b6270;--line:#d9dde5;--in:#f1f3f7;--link:#1a4fd0;--bad:#b3001b}
@media (prefers-color-scheme:dark){.w{--bg:#16181d;--fg:#eceef2;--soft:#23262d;--dim:#a5acba;--line:#3a3f4a;--in:#262a32;--link:#9db9ff;--bad:#ff9aa8}}
button,textarea,input{font:inherit;color:inherit}button{cursor:pointer;border:0;background:none;border-radius:10px}
:focus-visible{outline:3px solid var(--fg);outline-offset:2px}
textarea:focus-visible,input:focus-visible{outline-width:2px;outline-offset:-2px}
svg{width:24px;height:24px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round;display:block}
.l{display:flex;align-items:center;justify-content:center;min-width:56px;height:56px;padding:0 16px;border-radius:28px;background:var(--b);color:var(--on);box-shadow:0 6px 24px #0004;font-weight:600;position:relative;margin-inline-start:auto}
.lo{display:flex;align-items:center;gap:10px}.lx,:host([data-open]) .lo{display:none}:host([data-open]) .lx{display:block}
.l:focus-visible,.h button:focus-visible{outline-color:var(--on);outline-offset:-5px}
.n{position:absolute;top:-6px;right:-4px;min-width:22px;height:22px;padding:0 6px;border-radius:11px;background:#c6102e;color:#fff;font-size:13px;line-height:22px;text-align:center}
.p{container-type:size;position:absolute;bottom:72px;width:384px;height:min(640px,calc(100dvh - 112px));display:flex;flex-direction:column;background:var(--bg);color:var(--fg);border-radius:18px;overflow:hidden;box-shadow:0 14px 50px #0005;border:1px solid var(--line)}
:host([data-side=right]) .p{right:0}:host([data-side=left]) .p{left:0}
.h{display:flex;align-items:center;gap:4px;padding:12px 10px 12px 18px;background:var(--b);color:var(--on)}
.h>div{flex:1;min-width:0}.h h2{font-size:17px;margin:0;font-weight:650;overflow-wrap:anywhere}.h button{width:44px;height:44px;display:grid;place-items:center}
.o{padding:8px 16px;background:#fff3cd;color:#4d3800;font-size:14px}
.m{flex:1;overflow-y:auto;padding:16px;display:flex;flex-direction:column;gap:4px;overscroll-behavior:contain}
.m>:first-child{margin-top:auto}
/* Over the log, of which it takes no room. */
.nw{flex:none;align-self:center;z-index:2;display:flex;align-items:center;gap:6px;height:44px;margin:-52px 0 8px;padding:0 18px 0 14px;border:2px solid var(--bg);border-radius:22px;background:var(--b);color:var(--on);font-weight:650;font-size:14px;box-shadow:0 2px 10px #0005}.nw svg{width:18px;height:18px}
.x{max-width:85%;padding:9px 13px;border-radius:16px;background:var(--in);align-self:flex-start;overflow-wrap:anywhere;white-space:pre-wrap}
.x.me{align-self:flex-end;background:var(--b);color:var(--on)}
.x a{color:var(--link)}.x.me a{color:inherit}.x img,.x video{max-width:100%;max-height:260px;border-radius:10px;display:block}.x audio{max-width:100%}
.x .f{display:flex;gap:8px;align-items:center;text-decoration:underline}.x .f svg{width:18px;height:18px;flex:none}
.x blockquote{margin:0 0 6px;padding:2px 8px;border-inline-start:3px solid currentColor;font-size:13px;max-height:3em;overflow:hidden}
.r{display:flex;align-items:center;gap:2px;max-width:92%;align-self:flex-start}.r.me{flex-direction:row-reverse;align-self:flex-end}.r .x{max-width:none;min-width:0}
.k{flex:none;width:32px;height:32px;color:var(--dim);display:grid;place-items:center;opacity:.9}.k svg{width:18px;height:18px;stroke-width:3.2}.k:hover,.k:focus-visible,.k[aria-expanded=true]{opacity:1;background:var(--soft)}
.j{display:flex;flex-wrap:wrap;gap:2px;padding:3px;border:1px solid var(--line);border-radius:14px;background:var(--bg);align-self:flex-start}.j.me{align-self:flex-end}.j button{min-width:40px;height:40px;padding:0 10px;font-size:15px}.j .z1{font-size:20px;padding:0}.j button:hover,.j [aria-pressed=true]{background:var(--soft)}.j .bad{color:var(--bad);font-weight:650}
.u{display:flex;gap:4px;align-self:flex-start;margin:-8px 8px 2px;z-index:1}.u.me{align-self:flex-end}.u span span{padding:1px 7px;border:1px solid var(--line);border-radius:12px;background:var(--bg);font-size:14px;line-height:22px;display:block}
.x .b:not(:nth-child(2)){margin-top:6px}textarea::placeholder{color:var(--dim);opacity:1}.x .ed{font-size:12px;margin-inline-start:6px}
.i{margin:2px 0 0;font-size:13px;display:flex;align-items:center;gap:6px}.i::before{content:"";width:8px;height:8px;border-radius:4px;border:1.5px solid currentColor;flex:none}.i[data-open]::before{background:currentColor}
.ec{display:flex;align-items:center;justify-content:space-between;padding:4px 8px 4px 16px;border-top:1px solid var(--line);background:var(--soft);font-size:14px}.ec button{padding:8px 10px;color:var(--link);font-weight:600}
.a{font-size:13px;color:var(--dim);margin:8px 4px 0;align-self:flex-start}.a.me{align-self:flex-end;margin:0 4px 6px;text-align:end}.a button{color:var(--link);text-decoration:underline;padding:4px}
.d{align-self:center;text-align:center;font-size:13px;color:var(--dim);margin:10px 0 4px}.c{display:flex;flex-direction:column;gap:6px;margin-top:8px}
.c button,.y button{border:1.5px solid var(--line);padding:9px 14px;background:var(--bg);color:var(--fg);font-weight:600;text-align:start}
.y{padding:10px 16px;background:var(--soft);font-size:14px}.y div{display:flex;gap:8px;margin-top:8px}
.t{padding:2px 18px 8px;color:var(--dim);font-size:14px}.s{display:flex;align-items:center;gap:8px;min-height:36px;max-height:30cqh;overflow-y:auto;flex:none;padding:2px 8px 2px 16px;border-top:1px solid var(--line);background:var(--soft);color:var(--fg);font-size:14px;overflow-wrap:anywhere}.s span{flex:1;min-width:0;padding:6px 0}
.s button,.pk button{flex:none;width:44px;height:44px;display:grid;place-items:center;color:var(--dim)}.s button svg,.pk button svg{width:18px;height:18px}.s button:hover,.pk button:hover{color:var(--fg)}
.pk{list-style:none;margin:0;padding:6px 8px 0;border-top:1px solid var(--line);max-height:min(180px,26cqh);flex:none;overflow-y:auto}.pk:not([hidden])+.e{border-top:0}
.pk li{display:flex;align-items:center;gap:10px;padding:3px 0}.pk li>span:nth-child(2){flex:1;min-width:0;font-size:14px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}.pk small{display:block;font-size:13px;color:var(--dim)}
.th{flex:none;width:44px;height:44px;border-radius:10px;background:var(--soft);color:var(--dim);display:grid;place-items:center;overflow:hidden}.th canvas{width:100%;height:100%}
.e{display:flex;align-items:flex-end;gap:4px;padding:8px;border-top:1px solid var(--line)}
.e textarea{flex:1;resize:none;border:1.5px solid var(--dim);border-radius:14px;padding:9px 12px;max-height:min(130px,22cqh);background:var(--bg);min-height:44px;font-size:16px}
.e button{width:44px;height:44px;display:grid;place-items:center;color:var(--fg);flex:none}.e .g{background:var(--b);color:var(--on);border-radius:22px}
.q{padding:18px;overflow-y:auto;flex:1;display:flex;flex-direction:column;gap:14px}.q p{margin:0;white-space:pre-wrap}
.q label{display:flex;flex-direction:column;gap:4px;font-weight:600;font-size:14px}.q small{color:var(--dim);font-weight:400}
.q input{border:1.5px solid var(--dim);border-radius:10px;padding:10px 12px;background:var(--bg);font-size:16px;font-weight:400}.q .bad{color:var(--bad);font-weight:400}
.q button{background:var(--b);color:var(--on);padding:12px;font-weight:650;border-radius:12px}
.z{position:absolute;inset:0;background:color-mix(in srgb,var(--bg) 88%,transparent);display:grid;place-items:center;font-weight:650;border:3px dashed var(--b);border-radius:18px;pointer-events:none}
.v{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
/* What is asked beside the conversation waits until the keyboard has gone. */
@container (max-height:480px){.y{display:none}}
@media (max-width:520px){.p{position:fixed;inset:0!important;width:auto;height:var(--h,100dvh);top:var(--y,0)!important;border-radius:0;border:0}.z{border-radius:0}:host([data-open]) .l{display:none}}
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
    ui.launcher = h("button", { className: "l", type: "button", "aria-expanded": "false", onclick: () => toggle() },
      h("span", { className: "lo" }, icon(ICONS.chat), config.launcher), h("span", { className: "lx" }, icon(ICONS.close)), ui.badge);
    ui.sound = h("button", { type: "button", onclick: () => { kept.set("mute", !kept.get("mute")); drawSound(); } });
    ui.close = h("button", { type: "button", "aria-label": words.close, title: words.close, onclick: () => toggle(false) }, icon(ICONS.close));
    ui.hours = h("p", { className: "i", hidden: true });
    ui.editing = h("div", { className: "ec", hidden: true }, h("span", { role: "status" }, words.editing), h("button", { type: "button", onclick: () => edits(null) }, words.cancel));
    ui.offline = h("div", { className: "o", role: "status", hidden: true }, words.offline);
    ui.list = h("div", { className: "m", role: "log", "aria-label": words.log, "aria-live": "polite", tabIndex: 0, onkeydown: stroll, onscroll: () => { if (ui.list.clientHeight === tall) reach(isEnd()); } });
    // Whoever is writing goes on where they are: a press takes neither the focus nor a phone's keyboard.
    ui.news = h("button", { className: "nw", type: "button", hidden: true, onmousedown: (event) => event.preventDefault(), onclick: bottom }, icon(ICONS.down), h("span"));
    ui.typing = h("div", { className: "t", hidden: true }, words.someone + " " + words.typing);
    ui.noticed = h("span", { role: "status" });
    ui.dismiss = h("button", { type: "button", "aria-label": words.dismiss, title: words.dismiss, onclick: () => { notice(""); ui.input.focus(); } }, icon(ICONS.close));
    ui.notice = h("div", { className: "s", hidden: true }, ui.noticed, ui.dismiss);
    ui.picked = h("ul", { className: "pk", role: "list", "aria-label": words.picked, hidden: true });
    ui.pages = h("div", { className: "y", role: "group", "aria-label": words.pages, hidden: true }, words.pages,
      h("div", {}, h("button", { type: "button", onclick: () => consent(true) }, words.yes), h("button", { type: "button", onclick: () => consent(false) }, words.no)));
    ui.file = h("input", { type: "file", multiple: true, hidden: true, tabIndex: -1, "aria-hidden": "true", onchange: () => { pick(ui.file.files); ui.file.value = ""; } });
    ui.input = h("textarea", { rows: 1, maxLength: 4000, placeholder: words.write, "aria-label": words.write, oninput: () => { grow(); typing(); }, onkeydown: keyed, onpaste: pasted });
    ui.editor = h("form", { className: "e", onsubmit: (event) => { event.preventDefault(); written(); } },
      h("button", { type: "button", "aria-label": words.attach, title: words.attach, onclick: () => ui.file.click() }, icon(ICONS.clip)), ui.file, ui.input,
      h("button", { className: "g", type: "submit", "aria-label": words.send, title: words.send }, icon(ICONS.send)));
    ui.form = h("form", { className: "q", noValidate: true, hidden: true, onsubmit: filled });
    ui.drop = h("div", { className: "z", hidden: true }, words.drop);
    ui.panel = h("section", { className: "p", role: "dialog", "aria-modal": "false", "aria-labelledby": "t", hidden: true, onkeydown: trap, ondragover: dragged, ondragleave: () => (ui.drop.hidden = true), ondrop: dropped },
      h("header", { className: "h" }, h("div", {}, h("h2", { id: "t" }, config.title || words.title), ui.hours), ui.sound, ui.close), ui.offline, ui.form, ui.list, ui.news, ui.typing, ui.pages, ui.notice, ui.editing, ui.picked, ui.editor, ui.drop);
    ui.say = h("div", { className: "v", role: "status", "aria-live": "polite" });
    root.append(h("div", { className: "w" }, ui.panel, ui.launcher, ui.say));
    buildForm();
    drawSound();
    document.body.append(host);
    ui.host = host;
    // Whatever takes room from the log, who has read to its end stays there.
    new ResizeObserver(() => {
      const back = !tall;
      tall = ui.list.clientHeight;
      stay();
      if (back && tall) seen();
    }).observe(ui.list);
    for (const kind of ["resize", "scroll"]) window.visualViewport?.addEventListener(kind, fit);
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
  /** `asked`: of the fields those that the server does not know already; all until it has said. */
  function buildForm(asked) {
    const fields = config.fields.filter((it) => !asked || !asked.length || asked.includes(it.name));
    const now = fields.map((it) => it.name).join();
    // Nobody's typing is lost to what changes nothing.
    if (now === fieldsAsked) return;
    fieldsAsked = now;
    const TYPES = { name: ["text", "name"], email: ["email", "email"], phone: ["tel", "tel"] };
    const field = (name, label, required) => {
      const [type, auto] = TYPES[name] || ["text", "off"];
      return h("label", {}, h("span", {}, label, required ? null : h("small", {}, " (" + words.optional + ")")),
        h("input", { name, type, autocomplete: auto, required, maxLength: 200, "aria-describedby": "e-" + name }), h("span", { className: "bad", id: "e-" + name, hidden: true }));
    };
    ui.form.replaceChildren(config.welcome ? h("p", {}, config.welcome) : "", ...fields.map((it) => field(it.name, words[it.name], it.required)),
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
  /** Stays until something is done with success, or it is closed; what only tells of what is going on, until that is over. */
  function notice(text, passing) { ui.noticed.textContent = text; ui.notice.hidden = !text; ui.dismiss.hidden = !!passing; }
  function say(text) { ui.say.textContent = text; }
  function online(is) {
    if (is) off = false;
    if (!ui || stopped) return;
    const text = is ? "" : off ? words.off : words.offline;
    if (text && ui.offline.textContent !== text) ui.offline.textContent = text;
    if (ui.offline.hidden !== is) { ui.offline.hidden = is; draw(); }
  }
  function bottom() { ui.list.scrollTop = ui.list.scrollHeight; reach(true); }
  /** Whether the end is in sight now: what came meanwhile is seen with it. */
  function reach(end) {
    if (end === atEnd) return;
    atEnd = end;
    draw();
    if (end && isOpen) seen();
  }
  /** Who has read to the end stays there. */
  function stay() { if (atEnd) bottom(); else reach(isEnd()); }
  /** What is not shown has none. */
  const isEnd = () => ui.list.clientHeight > 0 && ui.list.scrollHeight - ui.list.scrollTop - ui.list.clientHeight < 80;
  function grow() { const box = ui.input; box.style.height = "auto"; box.style.height = box.scrollHeight + 3 + "px"; if (atEnd) bottom(); }
  /** On a phone the window is what the keyboard leaves of the screen, which the page's own height does not tell. A page that is drawn near has no keyboard. */
  function fit() {
    const view = window.visualViewport, style = ui.panel.style;
    style.setProperty("--h", view.scale > 1.01 ? "" : view.height + "px");
    style.setProperty("--y", view.scale > 1.01 ? "" : view.offsetTop + "px");
  }
  /** To what is asked, where it is asked now. */
  function toForm() { if (isOpen && !ui.form.hidden && !ui.form.contains(root.activeElement)) ui.form.querySelector("input").focus(); }
  function written() {
    const text = ui.input.value.trim();
    if (stopped || uploading || !(text || picked.length)) return;
    if (editing) return void (text && rewrites(text));
    if (picked.length) return void attach(text);
    ui.input.value = "";
    grow();
    send({ text }, { text });
  }
  function keyed(event) { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); written(); } }
  function pasted(event) { const files = event.clipboardData && event.clipboardData.files; if (files && files.length) { event.preventDefault(); pick(files); } }
  function dragged(event) { if ([...event.dataTransfer.types].includes("Files")) { event.preventDefault(); ui.drop.hidden = ui.editor.hidden; } }
  function dropped(event) { event.preventDefault(); ui.drop.hidden = true; pick(event.dataTransfer.files); }
  function drawPicked() {
    ui.picked.replaceChildren(...picked.map((it) => h("li", {}, it.thumb, h("span", {}, it.name, h("small", {}, size(it.file.size))),
      h("button", { type: "button", "aria-label": words.unpick(it.name), title: words.unpick(it.name), onclick: () => unpick(it) }, icon(ICONS.close)))));
    draw();
  }
  /** A small picture of a picture, painted: the page's policy need not allow images of `blob:`. */
  function thumb(file) {
    const box = h("span", { className: "th", "aria-hidden": "true" }, icon(ICONS.doc));
    if (file.type.startsWith("image/")) window.createImageBitmap?.(file).then((it) => {
      const scale = Math.max(THUMB / it.width, THUMB / it.height), width = it.width * scale, height = it.height * scale, canvas = h("canvas", { width: THUMB, height: THUMB }), painting = canvas.getContext("2d");
      painting.imageSmoothingQuality = "high";
      painting.drawImage(it, (THUMB - width) / 2, (THUMB - height) / 2, width, height);
      it.close();
      box.replaceChildren(canvas);
    }).catch(() => { /* the sign of a file stays */ });
    return box;
  }
  /** “1,5 MB”; a file's is rounded up and a bound down, so that what is beyond it never looks like it. */
  function size(bytes, round = Math.ceil) {
    const [unit, name, scale] = bytes < 1e3 ? [1, "B", 1] : bytes <= 999e3 ? [1e3, "KB", 1] : [1e6, "MB", 10];
    return (round(bytes / (unit / scale)) / scale).toLocaleString(lang === "pt" ? "pt-BR" : "en") + "\u00a0" + name;
  }
  /** The tab key stays inside, Escape leaves. */
  function trap(event) {
    if (event.key === "Escape" && editing) return edits(null);
    if (event.key === "Escape" && menu) { const of = menu; menu = null; draw(); return root.querySelector('[data-of="' + of + '"]')?.focus(); }
    if (event.key === "Escape") return toggle(false);
    if (event.key !== "Tab") return;
    const all = [...ui.panel.querySelectorAll("button,textarea,input,a[href],[tabindex='0']")].filter((it) => !it.hidden && it.offsetParent && it.tabIndex >= 0);
    const now = all.indexOf(root.activeElement), next = event.shiftKey ? now - 1 : now + 1;
    if (next < 0 || next >= all.length) { event.preventDefault(); all[next < 0 ? all.length - 1 : 0].focus(); }
  }
  /** Messages' options are one stop of the tab key, the newest's; from there the arrows go. */
  function stroll(event) {
    const all = [...ui.list.querySelectorAll(".k")], at = all.indexOf(root.activeElement), step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    all[at + step]?.focus();
  }
  /** `quiet`: as it was on the page before; the focus is the page's. */
  function toggle(to = !isOpen, quiet = false) {
    if (to === isOpen) return;
    isOpen = to;
    if (to) openFocus = document.activeElement;
    ui.panel.hidden = !to;
    ui.host.toggleAttribute("data-open", to);
    draw();
    if (to) {
      if (!quiet) (ui.form.hidden ? ui.input : ui.form.querySelector("input")).focus();
      grow();
      bottom();
      if (Date.now() - configAt > FRESH) hours();
      if (!session) open().then(() => { draw(); if (!quiet) toForm(); }).catch(unopened);
      else seen();
    } else if (!quiet) {
      ui.launcher.focus();
      if (matchMedia("(max-width:520px)").matches && openFocus && openFocus !== document.body && openFocus !== ui.host) openFocus.focus();
    }
  }
  /** What this tab takes along to the site's next page, and brings back from the one before; where somebody has signed in or out between, nothing. */
  let brought = false;
  function leaves() {
    const left = (!brought && along.get("left")) || {};
    along.set("left", { who: who || kept.get("visitor") || null, open: isOpen || left.open, form: !ui.form.hidden, draft: (!editing && ui.input.value) || left.draft || "" });
  }
  function returns(again) {
    const left = along.get("left");
    brought = true;
    along.clear();
    if (!left || left.who !== (kept.get("visitor") || null)) return;
    if (left.form && !session) needsForm = true;
    if (again ? !editing : !ui.input.value) { ui.input.value = left.draft; grow(); }
    if (again || left.open) toggle(!!left.open, true);
    draw();
  }
  /** Asks again whether somebody serves, now and when that is to change. */
  let hoursTimer = 0;
  async function hours(known) {
    if (!known) {
      try {
        const response = await fetch(base + "/config", { credentials: "omit" });
        if (response.ok) { config.hours = (await response.json()).hours; configAt = Date.now(); draw(); } else if (isOff(response) && (session || isOpen)) away();
      } catch { /* what is known stays */ }
    }
    clearTimeout(hoursTimer);
    const at = config.hours && config.hours.changes_at;
    if (at && !stopped) hoursTimer = setTimeout(hours, Math.min(Math.max(at - Date.now() + 1000, 5000), 3600000));
  }
  /** A moment that is to come, by the visitor's own clock: “segunda às 9h”. */
  function moment(at) {
    const then = new Date(at), days = Math.round((new Date(at).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 86400000), minutes = then.getMinutes();
    const time = lang === "pt" ? then.getHours() + "h" + (minutes ? String(minutes).padStart(2, "0") : "") : then.toLocaleTimeString("en", { hour: "numeric", minute: minutes ? "2-digit" : undefined });
    const date = days < 7 ? { weekday: "long" } : { day: "numeric", month: "long" };
    const name = days <= 0 ? words.today : days === 1 ? words.tomorrow : then.toLocaleDateString(lang === "pt" ? "pt-BR" : "en", date).replace("-feira", "");
    return words.at(name, time);
  }
  const day = (at) => words.days[Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86400000)] || new Date(at).toLocaleDateString(lang === "pt" ? "pt-BR" : "en", { day: "numeric", month: "long" });
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
    if (it.text) parts.push(h("div", { className: "b" }, linked(it.text), it.edited ? h("span", { className: "ed" }, words.edited) : null));
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
    const fresh = unseen().length, wrote = !ui.editor.hidden, asks = needsForm && (insists || !(later || order.some((id) => messages.get(id).mine && ["sent", "read"].includes(messages.get(id).state))));
    ui.form.hidden = !asks;
    ui.list.hidden = asks;
    ui.editor.hidden = asks || stopped;
    if (!wrote) grow();
    ui.picked.hidden = ui.editor.hidden || !picked.length || !!editing;
    const now = off || stopped ? null : config.hours;
    ui.hours.hidden = !now;
    ui.hours.toggleAttribute("data-open", !!now && now.open);
    const back = now && !now.open && (now.changes_at ? words.back(moment(now.changes_at)) : words.closed);
    ui.hours.textContent = now ? back || words.open_now : "";
    ui.pages.hidden = asks || stopped || !config.pages || kept.get("consent") != null || !kept.get("talked");
    ui.badge.hidden = !fresh || isOpen;
    ui.badge.textContent = fresh > 99 ? "99+" : fresh;
    const within = root.activeElement === ui.news;
    ui.news.hidden = asks || atEnd || !fresh;
    ui.news.lastChild.textContent = words.unread(fresh);
    if (within && ui.news.hidden) ui.list.focus();
    ui.launcher.setAttribute("aria-expanded", String(isOpen));
    ui.launcher.setAttribute("aria-label", (isOpen ? words.close : config.launcher || words.open) + (fresh ? ", " + words.unread(fresh) : ""));
    const next = new Map(), parts = [];
    if (before) parts.push(["earlier", "", () => h("div", { className: "a" }, h("button", { type: "button", onclick: older }, words.earlier))]);
    else if (config.welcome && !asks) parts.push(["welcome", "", () => h("div", { className: "x" }, config.welcome)]);
    if (back && !order.length && !asks) parts.push(["closed", back, () => h("div", { className: "d" }, words.closed + ". " + (now.changes_at ? back + ". " : "") + words.leave)]);
    let lastDay = "", lastAuthor = "";
    const newest = [...order].reverse().find((id) => messages.get(id).mine);
    for (const id of order) {
      const it = messages.get(id), today = day(it.at), who = it.mine ? "" : it.author || words.someone;
      if (today !== lastDay) { parts.push(["day" + today, "", () => h("div", { className: "d" }, today)]); lastAuthor = ""; }
      if (!it.mine && who !== lastAuthor) parts.push(["who" + id, who, () => h("div", { className: "a" }, who)]);
      const side = it.mine ? " me" : "", able = !stopped && it.kind !== "revoked" && (it.mine ? ["sent", "read"].includes(it.state) : id.startsWith("msg_")), shut = menu === id;
      parts.push([id, JSON.stringify([it.text, it.kind, it.files, it.edited, it.reply_to && messages.has(it.reply_to), able, shut]), () =>
        h("div", { className: "r" + side }, h("div", { className: "x" + side, "data-id": id }, h("span", { className: "v" }, (it.mine ? words.you : who) + ", " + hour(it.at) + ": "), body(it)),
          able ? h("button", { className: "k", type: "button", "data-of": id, "aria-label": words.actions, title: words.actions, "aria-expanded": String(shut), onclick: () => { menu = shut ? null : id; sure = false; draw(); root.querySelector(menu ? ".j button" : '[data-of="' + id + '"]')?.focus(); near(); } }, icon(ICONS.more)) : null)]);
      const reactions = it.reactions || [];
      if (reactions.length) parts.push(["re" + id, JSON.stringify(reactions), () => h("div", { className: "u" + side }, reactions.map((one) => h("span", {}, h("span", { "aria-hidden": "true" }, one.emoji), h("span", { className: "v" }, words.reacted(one.mine ? words.you : words.someone, one.emoji)))))]);
      if (shut && able) parts.push(["ac" + id, JSON.stringify([sure, reactions]), () => h("div", { className: "j" + side, role: "group", "aria-label": words.actions }, it.mine
        ? [sure || it.kind !== "text" ? null : h("button", { type: "button", onclick: () => edits(messages.get(id)) }, words.edit), h("button", { type: "button", className: "bad", onclick: () => removes(it) }, sure ? words.sure : words.remove)]
        : EMOJI.map((emoji) => h("button", { type: "button", className: "z1", "aria-label": words.react(emoji), "aria-pressed": String(reactions.some((one) => one.mine && one.emoji === emoji)), onclick: () => reacts(messages.get(id), emoji) }, emoji)))]);
      const shows = it.mine && (id === newest || !["sent", "read"].includes(it.state));
      if (shows) {
        const state = { sending: words.sending, waiting: stopped ? words.failed : off ? words.held : words.waiting, failed: words.failed, read: words.read, sent: words.sent }[it.state] || words.sent;
        parts.push(["st" + id, it.state + stopped + off, () => h("div", { className: "a me", "data-state": it.state }, hour(it.at) + " · " + state, it.state === "failed" ? h("button", { type: "button", onclick: () => retry(id) }, words.retry) : null)]);
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
      [...ui.list.querySelectorAll(".k")].forEach((it, at, all) => (it.tabIndex = at === all.length - 1 ? 0 : -1));
      stay();
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
        if (!response.ok) throw new Refused(response.status, {}, Number(response.headers.get("retry-after")) || 0);
        config = await response.json();
        configAt = Date.now();
        break;
      } catch (error) {
        // With nothing drawn yet, there is nothing to come back to.
        if (isFinal(error) || error.status === 404) return stop(error.status);
        await new Promise((done) => setTimeout(done, pause(fails, error.after)));
      }
    }
    const wish = config.language === "auto" ? document.documentElement.lang || navigator.language : config.language;
    lang = /^pt/i.test(wish) ? "pt" : "en";
    words = WORDS[lang];
    if (script.dataset.user) user = { claims: script.dataset.user, signature: script.dataset.userSignature || "" };
    needsForm = asksForm();
    build();
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { gesture = true; }, { once: true, capture: true });
    addEventListener("online", () => { streamFails = 0; again(); flush(); });
    addEventListener("offline", () => { online(false); stream?.abort(); stream = null; streamFails = 1; again(); });
    addEventListener("visibilitychange", () => { if (document.hidden) leaves(); else { seen(); if (session && !stream) again(); } });
    addEventListener("pagehide", () => { leaves(); stream?.abort(); stream = null; });
    addEventListener("pageshow", (event) => { if (event.persisted) { returns(true); if (session) follow(); } });
    // What was seen in another tab, or forgotten there.
    addEventListener("storage", (event) => { if (event.key === KEY) draw(); });
    // Who is signed in at the site may be another than on the page before: that is for the server to say.
    if (!user) returns();
    addEventListener("popstate", () => setTimeout(visited));
    if (window.navigation) navigation.addEventListener("navigatesuccess", visited);
    // Whoever has been here before hears at once what came meanwhile.
    hours(true);
    if (kept.get("token") || user) open().then(() => { if (user) returns(); draw(); flush(); }).catch(unopened);
  })();

  window.Balcao = Object.freeze({
    /** Opens the window. */
    open: () => ready.then(() => ui && toggle(true)),
    close: () => ready.then(() => ui && toggle(false)),
    /** Who is signed in at the site: a JSON text and its signature. */
    identify: (claims, signature) => ready.then(() => { leave(); restart(); user = { claims, signature }; return open().then(draw, unopened); }),
    /** Forgets the visitor at this browser: for when somebody signs out of the site. */
    logout: () => ready.then(() => { leave(); restart(); user = who = null; kept.clear(); along.clear(); nobody(); empty(); if (ui) toggle(false); }),
    /** Whether the pages visited may be shown to the agent, where the site has asked by itself. */
    consent: (given) => ready.then(() => { kept.set("consent", !!given); draw(); if (given) visited(); }),
    visited: () => ready.then(visited),
  });
})();
