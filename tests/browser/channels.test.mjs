// What a channel lets an agent do, and what its page says of it: the window for free answers, templates, files by every way, places and choices, the connection's
// test, and webhooks that wait. `BALCAO_GALLERY=FOLDER` keeps pictures.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Gallery, hall, picture, until } from "./gallery.mjs";
import { inaccessible } from "./support.mjs";

const LIMIT = { timeout: 120_000 };
let house;

before(async () => {
  house = await hall({}, { flags: ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"] });
}, LIMIT);

after(() => house?.close());

const DAY = 24 * 3600;
const ago = (seconds) => String(Math.floor(Date.now() / 1000) - seconds);

/** A conversation of WhatsApp's with that phone, which wrote so many seconds ago, as its agent sees it. */
async function conversation(phone, seconds, options = {}) {
  const context = await house.signedIn(options);
  const it = new Gallery(house, "whatsapp", context);
  await it.receives("text", null, [["5511900000001", phone], ["wamid.TEXT", `wamid.${phone}`], ["BR.300000000000003", `BR.${phone}`], ["1767225600", ago(seconds)]]);
  await it.start();
  const page = await context.newPage();
  const thrown = [];
  page.on("pageerror", (error) => thrown.push(error));
  await page.goto(`${house.desk.address}/desk/mine/${it.id}`);
  const composer = page.getByRole("textbox", { name: /^Mensagem para|^Message to/ });
  await composer.waitFor();
  // That it was read is told a moment later: no fault that a test orders is to meet it.
  await until(async () => (await house.taken("whatsapp")).some(({ request }) => request?.status === "read" && request.message_id === `wamid.${phone}`));
  return { context, it, page, composer, thrown, english: options.locale === "en-US" };
}

/** What the provider was asked to send to that phone, once it was taken. */
async function sentTo(phone, what) {
  return until(async () => (await house.taken("whatsapp")).map((each) => each.request).find((request) => request?.to?.endsWith(phone) && what(request)));
}

/** What is seen of the window's time: whole or short, as there is room. */
function timeLeft(page, words) {
  return page.getByTestId("window").getByText(words).filter({ visible: true });
}

test("a closed window leaves only templates and says so, an open one shows how long it stays open", LIMIT, async () => {
  const open = await conversation("5511900000011", 3600);
  await timeLeft(open.page, /fecha em 2[23] h( 5\d min)?$/i).waitFor();
  assert.equal(await open.composer.isEnabled(), true);
  await picture(open.page, "window-open");
  await open.context.close();

  const closed = await conversation("5511900000012", DAY + 60);
  await timeLeft(closed.page, /^Janela (de atendimento )?fechada$/).waitFor();
  assert.equal(await closed.composer.isDisabled(), true);
  assert.match(await closed.composer.getAttribute("placeholder"), /envie um modelo de mensagem ou espere o cliente escrever/);
  for (const name of ["Anexar arquivos", "Gravar mensagem de voz", "Enviar"]) assert.equal(await closed.page.getByRole("button", { name, exact: true }).isDisabled(), true, name);
  assert.equal(await closed.page.getByRole("button", { name: "Modelo de mensagem" }).isEnabled(), true);
  // The server holds to it as well, and a note goes to nobody's phone.
  const refused = await closed.context.request.post(`${house.desk.address}/api/v1/conversations/${closed.it.id}/messages`, { data: { text: "Olá" }, headers: { "x-balcao": "1" } });
  assert.equal(refused.status(), 409);
  await closed.page.getByRole("button", { name: "Nota interna" }).click();
  await closed.page.getByRole("textbox", { name: "Nota interna" }).fill("Ligar amanhã.");
  await closed.page.getByRole("button", { name: "Salvar nota" }).click();
  await closed.page.locator("article", { hasText: "Ligar amanhã." }).waitFor();
  await closed.page.getByRole("button", { name: "Nota interna" }).click();
  assert.deepEqual(await inaccessible(closed.page), []);
  await picture(closed.page, "window-closed");
  // The contact writes: it is open again, without a reload.
  await closed.it.receives("text", null, [["5511900000001", "5511900000012"], ["wamid.TEXT", "wamid.AGAIN"], ["BR.300000000000003", "BR.5511900000012"]]);
  await timeLeft(closed.page, /fecha em 23 h/i).waitFor();
  assert.equal(await closed.composer.isEnabled(), true);
  assert.deepEqual([...open.thrown, ...closed.thrown], []);
  await closed.context.close();
});

test("a template is chosen, filled, previewed and sent after the window has closed", LIMIT, async () => {
  const { context, page, thrown } = await conversation("5511900000013", DAY + 60);
  await page.getByRole("button", { name: "Modelo de mensagem" }).click();
  const dialog = page.getByRole("dialog");
  // Those that are approved, as the provider lists them.
  await dialog.getByRole("combobox", { name: "Modelo" }).click();
  await page.getByRole("option").first().waitFor();
  assert.deepEqual((await page.getByRole("option").allInnerTexts()).map((each) => each.split(":")[0]), ["oferta_da_semana (pt_BR)", "pedido_pronto (pt_BR)", "retomar_conversa (pt_BR)"]);
  await picture(page, "template-choice");
  await page.getByRole("option", { name: /^pedido_pronto/ }).click();
  await dialog.getByRole("button", { name: "Continuar" }).click();
  const fields = dialog.getByRole("textbox");
  await fields.nth(1).waitFor();
  await fields.nth(0).fill("Bia");
  // What is missing is told before anything is asked.
  await dialog.getByRole("button", { name: "Continuar" }).click();
  await dialog.getByText("Preencha este campo").filter({ visible: true }).first().waitFor();
  await fields.nth(1).fill("1042");
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "template-fill");
  await dialog.getByRole("button", { name: "Continuar" }).click();
  await dialog.getByText("Olá, Bia! O pedido 1042 está pronto para retirada.").waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "template-preview");
  await dialog.getByRole("button", { name: "Enviar modelo" }).click();
  const bubble = page.locator("article", { hasText: "Olá, Bia! O pedido 1042 está pronto para retirada." });
  await bubble.getByText("Modelo pedido_pronto").waitFor();
  await bubble.getByRole("img", { name: "Lida" }).waitFor();
  await picture(page, "template-sent");
  const { template } = await sentTo("5511900000013", (request) => request.type === "template");
  assert.deepEqual(template, {
    name: "pedido_pronto",
    language: { code: "pt_BR" },
    components: [{ type: "body", parameters: [{ type: "text", text: "Bia" }, { type: "text", text: "1042" }] }],
  });
  assert.deepEqual(thrown, []);
  await context.close();
});

test("files come by drop and by paste, and what the channel does not take is refused before it goes", LIMIT, async () => {
  const { context, page, composer, thrown } = await conversation("5511900000014", 60);
  /** An event with files, as the browser makes it. */
  const give = (kind, files) =>
    page.evaluate(
      async ([kind, files]) => {
        const data = new DataTransfer();
        for (const { name, type, bytes } of files) data.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name, { type }));
        const to = document.querySelector("textarea");
        const event = kind === "paste" ? new ClipboardEvent(kind, { clipboardData: data, bubbles: true, cancelable: true }) : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
        to.dispatchEvent(event);
        return event.defaultPrevented;
      },
      [kind, files.map(([name, { type, bytes }]) => ({ name, type, bytes: bytes.toString("base64") }))],
    );
  const photo = [["praia.png", house.media.picture]];
  assert.equal(await give("dragenter", photo), true);
  await page.getByText("Solte os arquivos aqui para anexar").waitFor();
  await picture(page, "drop");
  assert.equal(await give("drop", [...photo, ["nota.pdf", house.media.document], ["filme.webm", { type: "video/webm", bytes: Buffer.from("1a45dfa3", "hex") }]]), true);
  await page.getByText(/^Este canal não aceita WEBM\. Envie /).waitFor();
  await page.getByRole("button", { name: "Remover nota.pdf" }).waitFor();
  await picture(page, "dropped");
  assert.deepEqual(await inaccessible(page), []);
  assert.equal(await page.getByRole("button", { name: "Enviar", exact: true }).isDisabled(), true);
  await page.getByRole("button", { name: "Remover filme.webm" }).click();
  await composer.fill("O orçamento e a foto");
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  await page.getByRole("link", { name: "Baixar nota.pdf" }).waitFor();
  await page.getByRole("img", { name: "praia.png" }).waitFor();
  const dropped = await sentTo("5511900000014", (request) => request.type === "document");
  assert.equal(dropped.document.filename, "nota.pdf");

  assert.equal(await give("paste", [["image.png", house.media.picture]]), true);
  await page.getByRole("button", { name: "Remover image.png" }).waitFor();
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  await page.getByRole("img", { name: "image.png" }).waitFor();
  const images = () => house.taken("whatsapp").then((all) => all.filter(({ request }) => request?.type === "image" && request.to.endsWith("5511900000014")).length);
  await until(async () => (await images()) === 2);
  // Words alone are pasted as words.
  assert.equal(await give("paste", []), false);
  assert.deepEqual(thrown, []);
  await context.close();
});

test("words that a channel takes beside no picture go after it, as the composer says, and the list marks what did not get through", LIMIT, async () => {
  const context = await house.signedIn();
  const it = new Gallery(house, "instagram", context);
  await it.receives("text", null, [["mid.TEXT", "mid.APART"], ["900000000000001", "900000000000077"]]);
  await it.start();
  const page = await context.newPage();
  const thrown = [];
  page.on("pageerror", (error) => thrown.push(error));
  await page.goto(`${house.desk.address}/desk/mine/${it.id}`);
  const composer = page.getByRole("textbox", { name: /^Mensagem para/ });
  await composer.fill("O sofá que você pediu");
  assert.equal(await page.getByText("O texto vai em outra mensagem").count(), 0);
  await page.locator("input[type=file]:not([capture])").setInputFiles({ name: "sofa.png", mimeType: "image/png", buffer: house.media.picture.bytes });
  await page.getByText("O texto vai em outra mensagem, depois do arquivo.").waitFor();
  await page.getByRole("button", { name: "Remover sofa.png" }).waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "apart");
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  const bubbles = page.locator("article[data-side=out]");
  await bubbles.nth(1).getByRole("img", { name: "Lida" }).waitFor();
  assert.equal(await bubbles.nth(0).getByRole("img", { name: "sofa.png" }).count(), 1);
  assert.match(await bubbles.nth(1).innerText(), /^O sofá que você pediu/);
  assert.deepEqual((await house.reached("instagram")).slice(-2), ["image", "text"]);

  await house.order("instagram", { kind: "window-closed" });
  // Not typed: what is typed is a request to the provider as well.
  await it.sends("late", { text: "Ainda está aí?" }, "failed", null);
  await bubbles.nth(2).getByText(/^Não enviada: /).waitFor();
  const item = page.locator(`a[data-item="${it.id}"]`);
  await item.getByRole("img", { name: "Não enviada" }).waitFor();
  await picture(page, "undelivered");
  await bubbles.nth(2).getByRole("button", { name: "Tentar de novo" }).click();
  await bubbles.nth(2).getByRole("img", { name: "Lida" }).waitFor();
  await item.getByRole("img", { name: "Não enviada" }).waitFor({ state: "detached" });
  assert.deepEqual(thrown, []);
  await context.close();
});

test("what cannot leave waits, outlives a reload and goes out once and in order, and what is refused comes back to be written anew", LIMIT, async () => {
  const { context, page, composer, thrown } = await conversation("5511900000017", 60);
  const messages = `**/conversations/*/messages`;
  await page.route(messages, (route) => route.abort());
  for (const text of ["Primeira", "Segunda"]) {
    await composer.fill(text);
    await composer.press("Enter");
    await page.locator("article", { hasText: text }).getByRole("alert").getByText(/^Ainda não enviada: Sem conexão/).waitFor();
  }
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "unsent");
  await page.reload();
  const waiting = page.locator("article", { has: page.getByRole("alert") });
  await waiting.nth(1).waitFor();
  assert.deepEqual((await waiting.allInnerTexts()).map((each) => each.split("\n")[0]), ["Primeira", "Segunda"]);
  await page.unroute(messages);
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  for (const text of ["Primeira", "Segunda"]) await page.locator("article[data-message]", { hasText: text }).getByRole("img", { name: "Lida" }).waitFor();
  const texts = (await house.taken("whatsapp")).map((each) => each.request).filter((request) => request?.to?.endsWith("5511900000017") && request.text);
  assert.deepEqual(texts.map((request) => request.text.body), ["Primeira", "Segunda"]);
  assert.equal(await waiting.count(), 0);

  // More letters than the channel's texts have.
  await page.locator("input[type=file]:not([capture])").setInputFiles({ name: "planta.png", mimeType: "image/png", buffer: house.media.picture.bytes });
  await page.getByRole("button", { name: "Remover planta.png" }).waitFor();
  await composer.fill("x".repeat(4097));
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  await waiting.getByText("Não enviada: Longo demais para este canal: 4097 > 4096.").waitFor();
  assert.equal(await composer.inputValue(), "");
  await waiting.getByRole("button", { name: "Editar" }).click();
  await waiting.waitFor({ state: "detached" });
  assert.equal((await composer.inputValue()).length, 4097);
  await page.getByRole("button", { name: "Remover planta.png" }).waitFor();
  await composer.fill("A planta");
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  const image = await sentTo("5511900000017", (request) => request.type === "image");
  assert.equal(image.image.caption, "A planta");
  assert.deepEqual(thrown, []);
  await context.close();
});

/** A conversation with that phone, in which an agent has begun to write those words, and what the admin does with it. */
async function written(phone, words) {
  const { context: admins, it, page: mine } = await conversation(phone, 60);
  await mine.close();
  const teams = (await it.api("GET", "/teams")).items;
  const agent = (await it.api("GET", "/users")).items.find((each) => each.name === "Atendente 1");
  const team = (name) => teams.find((each) => each.name === name).id;
  await it.api("POST", `/conversations/${it.id}/transfer`, { team_id: team("Vendas"), agent_id: agent.id });
  const context = await house.chrome.newContext({ locale: "pt-BR", permissions: ["clipboard-read", "clipboard-write"] });
  const data = { email: "agent1@demo.localhost", password: house.desk.password };
  assert.ok((await context.request.post(`${house.desk.address}/api/v1/session`, { data, headers: { "x-balcao": "1" } })).ok());
  const page = await context.newPage();
  const thrown = [];
  page.on("pageerror", (error) => thrown.push(error));
  await page.goto(`${house.desk.address}/desk/mine/${it.id}`);
  await page.getByRole("textbox", { name: /^Mensagem para/ }).fill(words);
  const close = async () => {
    assert.deepEqual(thrown, []);
    await context.close();
    await admins.close();
  };
  return { page, close, kept: page.getByRole("region", { name: "O que você escreveu e não foi enviado" }), does: (verb, body) => it.api("POST", `/conversations/${it.id}/${verb}`, body), team };
}

test("whoever loses a conversation while they write is told so at once, and takes along what they wrote", LIMIT, async () => {
  const lost = await written("5511900000020", "Um instante, já vejo");
  await lost.does("transfer", { team_id: lost.team("Suporte"), agent_id: null });
  await lost.page.getByText("Esta conversa não está mais visível para você").waitFor();
  await lost.kept.getByText("Um instante, já vejo").waitFor();
  await lost.kept.getByRole("button", { name: "Copiar" }).click();
  await lost.kept.getByRole("button", { name: "Copiado" }).waitFor();
  assert.equal(await lost.page.evaluate(() => navigator.clipboard.readText()), "Um instante, já vejo");
  assert.deepEqual(await inaccessible(lost.page), []);
  await picture(lost.page, "lost");
  await lost.close();

  const over = await written("5511900000021", "Só mais uma coisa");
  await over.does("conclude", {});
  assert.match(await over.page.getByTestId("conclusion").innerText(), /Concluído por Administração/);
  await over.kept.getByText("Só mais uma coisa").waitFor();
  await picture(over.page, "concluded-meanwhile");
  await over.close();
});

test("on a phone a picture is taken with the camera", LIMIT, async () => {
  const { context, page, thrown } = await conversation("5511900000015", 60, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const choosing = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Tirar uma foto" }).click();
  const chooser = await choosing;
  // What makes a phone open its camera rather than its files.
  assert.deepEqual(await chooser.element().evaluate((input) => [input.accept, input.getAttribute("capture")]), ["image/*", "environment"]);
  await chooser.setFiles({ name: "camera.jpg", mimeType: "image/jpeg", buffer: house.media.image.bytes });
  await page.getByRole("button", { name: "Remover camera.jpg" }).waitFor();
  await picture(page, "camera-390");
  // Everything is within the composer.
  const [inside, send] = await Promise.all([page.getByRole("textbox").last(), page.getByRole("button", { name: "Enviar", exact: true })].map((it) => it.boundingBox()));
  assert.ok(send.x + send.width <= inside.x + inside.width + 1, JSON.stringify([inside, send]));
  await timeLeft(page, /fecha em 2\d h/i).waitFor();
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  await page.getByRole("img", { name: "camera.jpg" }).waitFor();
  await sentTo("5511900000015", (request) => request.type === "image");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  assert.deepEqual(thrown, []);
  await context.close();
});

test("a voice message is recorded, heard and sent as the channel takes it", LIMIT, async () => {
  const { context, page, thrown } = await conversation("5511900000016", 60, { permissions: ["microphone"] });
  await page.getByRole("button", { name: "Gravar mensagem de voz" }).click();
  const bar = page.getByRole("group", { name: "Mensagem de voz" });
  const time = bar.getByRole("timer", { name: "Tempo de gravação" });
  await time.getByText("0:01").waitFor();
  // The key that leaves the conversation elsewhere ends the recording, and throws nothing away.
  await page.keyboard.press("Escape");
  await bar.locator("audio").waitFor();
  await page.keyboard.press("Escape");
  await bar.getByRole("button", { name: "Descartar" }).click();
  await page.getByRole("button", { name: "Gravar mensagem de voz" }).click();
  await time.getByText("0:01").waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "voice-recording");
  await bar.getByRole("button", { name: "Parar e ouvir" }).click();
  await bar.locator("audio").waitFor();
  await picture(page, "voice-listening");
  await bar.getByRole("button", { name: "Enviar" }).click();
  const bubble = page.locator("article", { has: page.locator("audio") });
  await bubble.getByRole("img", { name: "Lida" }).waitFor();
  const { audio } = await sentTo("5511900000016", (request) => request.type === "audio");
  assert.equal(audio.voice, true);
  // The customer's provider fetches it by the link alone.
  const file = await fetch(audio.link);
  assert.match(file.headers.get("content-type"), /^audio\/(ogg|mp4)$/);
  assert.ok((await file.arrayBuffer()).byteLength > 1000);
  assert.deepEqual(thrown, []);
  await context.close();
});

test("a place, somebody's card, choices and a sticker are made and sent, within what the channel takes", LIMIT, async () => {
  const phone = "5511900000022";
  const { context, page, composer, thrown } = await conversation(phone, 60, { permissions: ["geolocation"], geolocation: { latitude: -22.9519, longitude: -43.2105 } });
  const make = async (what) => {
    await page.getByRole("button", { name: "Mais opções de envio" }).click();
    await page.getByRole("menuitem", { name: what }).click();
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    return { dialog, field: (name) => dialog.getByRole("textbox", { name, exact: true }), press: (name) => dialog.getByRole("button", { name, exact: true }).click() };
  };
  const gone = (dialog) => dialog.waitFor({ state: "detached" });

  await page.getByRole("button", { name: "Mais opções de envio" }).click();
  await page.getByRole("menuitem", { name: "Figurinha" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Mais opções de envio" }).getAttribute("aria-expanded"), "true");
  await picture(page, "say-menu");
  await page.keyboard.press("Escape");
  let it = await make("Localização");
  await it.press("Enviar");
  await it.dialog.getByText("Informe o link do mapa ou as coordenadas.").waitFor();
  await it.field("Link do mapa ou coordenadas").fill("https://maps.app.goo.gl/abcDEF");
  await it.dialog.getByText(/^Aqui não há coordenadas/).waitFor();
  await it.field("Link do mapa ou coordenadas").fill("https://www.google.com/maps/place/Loja/@-23.5,-46.6,17z/data=!3d-23.5503!4d-46.6339");
  await it.dialog.getByRole("link", { name: "Ver no mapa" }).waitFor();
  await it.field("Nome do lugar").fill("Nossa loja");
  await it.field("Endereço").fill("Praça da Sé, 100");
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "say-place");
  await it.press("Enviar");
  await gone(it.dialog);
  await page.locator("article", { hasText: "Praça da Sé, 100" }).getByRole("img", { name: "Lida" }).waitFor();
  const place = { latitude: -23.5503, longitude: -46.6339, name: "Nossa loja", address: "Praça da Sé, 100" };
  assert.deepEqual((await sentTo(phone, (request) => request.type === "location")).location, place);

  // What was sent before is a click away, and so is where one is.
  it = await make("Localização");
  await it.press("Usar onde estou");
  await until(async () => (await it.field("Link do mapa ou coordenadas").inputValue()) === "-22.9519, -43.2105");
  await it.press("Nossa loja");
  assert.equal(await it.field("Endereço").inputValue(), "Praça da Sé, 100");
  assert.equal(await it.field("Link do mapa ou coordenadas").inputValue(), "-23.5503, -46.6339");
  await picture(page, "say-place-again");
  // Where one is, found late, overwrites nothing that was written since.
  await page.evaluate(() => (navigator.geolocation.getCurrentPosition = (found) => (window.found = () => found({ coords: { latitude: 1, longitude: 1 } }))));
  await it.press("Usar onde estou");
  await it.field("Link do mapa ou coordenadas").fill("-23.5, -46.6");
  await page.evaluate(() => window.found());
  await it.dialog.getByRole("button", { name: "Usar onde estou" }).and(it.dialog.locator(":not([data-loading])")).waitFor();
  assert.equal(await it.field("Link do mapa ou coordenadas").inputValue(), "-23.5, -46.6");
  await page.keyboard.press("Escape");
  await gone(it.dialog);

  it = await make("Contato");
  await it.press("Enviar");
  await it.dialog.getByText("Informe o nome.").waitFor();
  await it.dialog.getByText("Informe um telefone.").waitFor();
  await it.field("Nome").fill("Oficina Central");
  await it.field("Telefone").fill("+55 11 3000-0000");
  await it.press("Outro telefone");
  await it.field("Telefone 2").fill("+55 11 3000-0001");
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "say-card");
  await it.press("Enviar");
  await gone(it.dialog);
  const card = await sentTo(phone, (request) => request.type === "contacts");
  assert.deepEqual(card.contacts, [{ name: { formatted_name: "Oficina Central", first_name: "Oficina" }, phones: [{ phone: "+55 11 3000-0000" }, { phone: "+55 11 3000-0001" }], emails: [] }]);

  await composer.fill("Confirma a visita?");
  it = await make("Botões ou lista");
  assert.equal(await it.field("Pergunta").inputValue(), "Confirma a visita?");
  await it.field("Opção 1").fill("Sim");
  await it.field("Opção 2").fill("Sim");
  await it.press("Enviar");
  await it.dialog.getByText("Já existe uma opção igual.").waitFor();
  // Twenty letters go into a button of this channel, and three buttons into a message.
  await it.field("Opção 2").fill("Não, quero mudar de dia");
  await it.dialog.getByText("Até 20 caracteres neste canal.").waitFor();
  await it.press("Enviar");
  await it.field("Opção 2").fill("Não");
  await it.press("Adicionar opção");
  await it.press("Remover a opção 3");
  await it.press("Adicionar opção");
  await it.field("Opção 3").fill("Outro dia");
  assert.equal(await it.dialog.getByRole("button", { name: "Adicionar opção" }).isDisabled(), true);
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "say-buttons");
  await it.press("Enviar");
  await gone(it.dialog);
  assert.equal(await composer.inputValue(), "");
  const replies = ["Sim", "Não", "Outro dia"].map((title, place) => ({ type: "reply", reply: { id: String(place + 1), title } }));
  const asked = await sentTo(phone, (request) => request.interactive?.type === "button");
  assert.deepEqual(asked.interactive, { type: "button", body: { text: "Confirma a visita?" }, action: { buttons: replies } });

  // What was not the question is still in the box afterwards.
  await composer.fill("Já envio o orçamento");
  it = await make("Botões ou lista");
  await it.dialog.getByRole("radiogroup").getByText("Lista").click();
  await it.field("Pergunta").fill("Qual período?");
  await it.press("Adicionar opção");
  await it.press("Adicionar opção");
  await it.dialog.getByRole("radiogroup").getByText("Botões").click();
  await it.dialog.getByRole("alert").getByText("Até 3 opções neste canal.").waitFor();
  await it.dialog.getByRole("radiogroup").getByText("Lista").click();
  await it.press("Remover a opção 4");
  await it.press("Remover a opção 3");
  await it.field("Opção 1").fill("Manhã");
  await it.field("Descrição da opção 1").fill("das 8h às 12h");
  await it.field("Opção 2").fill("Tarde");
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "say-list");
  await it.press("Enviar");
  await gone(it.dialog);
  assert.equal(await composer.inputValue(), "Já envio o orçamento");
  const rows = [{ id: "1", title: "Manhã", description: "das 8h às 12h" }, { id: "2", title: "Tarde" }];
  const listed = await sentTo(phone, (request) => request.interactive?.type === "list");
  assert.deepEqual(listed.interactive, { type: "list", body: { text: "Qual período?" }, action: { button: "Ver opções", sections: [{ rows }] } });

  it = await make("Figurinha");
  await it.press("Enviar");
  await it.dialog.getByText("Escolha a figurinha.").waitFor();
  const file = (name, { type, bytes }) => it.dialog.locator("input[type=file]").setInputFiles({ name, mimeType: type, buffer: bytes });
  await file("foto.png", house.media.picture);
  await it.dialog.getByText("Este canal não aceita PNG. Envie WEBP.").waitFor();
  await file("figurinha.webp", house.media.sticker);
  await it.dialog.getByRole("img", { name: "figurinha.webp" }).waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "say-sticker");
  // Whoever closes it while it goes up has sent nothing.
  let goOn;
  const held = new Promise((done) => (goOn = done));
  await page.route("**/api/v1/files", (route) => held.then(() => route.continue()).catch(() => undefined));
  await it.press("Enviar");
  await page.keyboard.press("Escape");
  await gone(it.dialog);
  goOn();
  await page.unrouteAll({ behavior: "wait" });
  it = await make("Figurinha");
  await file("figurinha.webp", house.media.sticker);
  await it.press("Enviar");
  await gone(it.dialog);
  assert.equal(typeof (await sentTo(phone, (request) => request.type === "sticker")).sticker.link, "string");
  await page.locator("article").last().getByRole("img", { name: "Lida" }).waitFor();
  await picture(page, "say-sent");
  assert.equal((await house.reached("whatsapp")).filter((kind) => kind === "sticker").length, 1);
  assert.deepEqual(thrown, []);
  await context.close();
});

test("on a phone choices are made and sent as well, and a note has none of them", LIMIT, async () => {
  const { context, page, thrown } = await conversation("5511900000023", 60, { viewport: { width: 390, height: 844 } });
  const more = page.getByRole("button", { name: "Mais opções de envio" });
  await more.waitFor();
  await picture(page, "say-phone");
  await more.click();
  await page.getByRole("menuitem", { name: "Botões ou lista" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radiogroup").getByText("Lista").click();
  await dialog.getByRole("textbox", { name: "Pergunta" }).fill("Qual dia?");
  await dialog.getByRole("textbox", { name: "Opção 1", exact: true }).fill("Segunda-feira");
  await dialog.getByRole("button", { name: "Remover a opção 2" }).click();
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "say-phone-list");
  await dialog.getByRole("button", { name: "Enviar", exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  await page.locator("article", { hasText: "Qual dia?" }).getByRole("img", { name: "Lida" }).waitFor();
  await page.getByRole("button", { name: "Nota interna" }).click();
  assert.equal(await more.isDisabled(), true);
  assert.deepEqual(thrown, []);
  await context.close();
});

/** The page of a channel, as the admin sees it. */
async function drawer(name, options = {}) {
  const context = await house.signedIn(options);
  const page = await context.newPage();
  const thrown = [];
  page.on("pageerror", (error) => thrown.push(error));
  await page.goto(`${house.desk.address}/settings/channels`);
  await page.getByRole("button", { name: new RegExp(name) }).click();
  const dialog = page.getByRole("dialog", { name });
  await dialog.waitFor();
  return { context, page, dialog, thrown };
}

test("a test of the connection tells what is wrong and what to do, and that all is well again", LIMIT, async () => {
  const { context, page, dialog, thrown } = await drawer("WhatsApp da loja");
  // At the desk, all the while, who answers in the channel.
  const desk = await conversation("5511900000018", 60);
  await house.order("whatsapp", { kind: "token-expired" });
  await dialog.getByRole("button", { name: "Testar conexão" }).click();
  const outcome = dialog.getByRole("status");
  await outcome.getByText("A conexão falhou").waitFor();
  await dialog.getByText(/^O token de acesso não é aceito: está incompleto, venceu ou foi retirado\. Gere outro na Meta/).waitFor();
  await dialog.getByText("Desconectado", { exact: true }).waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await picture(page, "channel-disconnected");
  const notice = desk.page.getByRole("status").filter({ hasText: /^O canal WhatsApp da loja está/ });
  await notice.getByText(/desconectado .* O token de acesso não é aceito/).waitFor();
  // Behind the drawer, in the list, the remedy as well.
  await page.keyboard.press("Escape");
  const row = page.getByRole("button", { name: /WhatsApp da loja/ });
  await row.getByText("Desconectado").waitFor();
  await row.getByText(/O token de acesso não é aceito: está incompleto, venceu ou foi retirado/).waitFor();
  await picture(page, "channels");
  await row.click();
  await dialog.getByRole("button", { name: "Testar conexão" }).click();
  await outcome.getByText("Conexão funcionando").waitFor();
  await dialog.getByText("Conectado", { exact: true }).waitFor();
  assert.equal(await dialog.getByText(/token de acesso não é aceito/i).filter({ visible: true }).count(), 0);
  await picture(page, "channel-connected");
  await notice.waitFor({ state: "detached" });

  // A provider that is away is no lost account.
  await house.order("whatsapp", { kind: "hang-up" });
  await dialog.getByRole("button", { name: "Testar conexão" }).click();
  await outcome.getByText(/^Não foi possível falar com o WhatsApp: /).waitFor();
  await dialog.getByText("Instável", { exact: true }).waitFor();
  await notice.getByText(/instável: o que você enviar pode demorar a sair\. Não foi possível falar com o WhatsApp/).waitFor();
  assert.deepEqual(await inaccessible(desk.page), []);
  await picture(desk.page, "desk-unstable");
  await dialog.getByRole("button", { name: "Testar conexão" }).click();
  await notice.waitFor({ state: "detached" });
  assert.deepEqual([...thrown, ...desk.thrown], []);
  await desk.context.close();
  await context.close();
});

test("webhooks that the app could not read are listed on the channel's page, and a click reads them again", LIMIT, async () => {
  const { context, page, dialog, thrown } = await drawer("Instagram da loja");
  await dialog.getByText("Nada parado: tudo o que chegou foi processado.").waitFor();
  const it = new Gallery(house, "instagram", context);
  const { workspace } = await it.api("GET", "/session");
  const limit = (bytes) => house.desk.admin(["limits", workspace.id, "instagram", `memory_bytes=${bytes}`]);
  const parked = () => it.api("GET", `/channels/${channel}/parked`).then(({ items }) => items.length);
  const channel = (await it.api("GET", "/channels")).items.find((each) => each.plugin_id === "instagram").id;
  await limit(1);
  let number = 0;
  const comes = (words) => house.tells("instagram", "text", [["mid.TEXT", `mid.${(number += 1)}`], ["900000000000001", `90000000000010${number % 2}`], ["Bom dia! Vocês abrem hoje?", words]]);
  // The server takes the limit up within seconds: until then webhooks are read.
  await until(async () => {
    await comes(`Mensagem ${number}`);
    return (await parked()) > 0;
  });
  await comes("Isto ficou parado");
  await page.reload();
  const rows = dialog.getByRole("listitem").filter({ hasText: "memory_bytes" });
  await rows.nth(1).waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await rows.first().scrollIntoViewIfNeeded();
  await picture(page, "parked");
  // Still too little: they stay, and it says so.
  const replay = async () => {
    const answered = page.waitForResponse((answer) => answer.url().endsWith("/replay"));
    await dialog.getByRole("button", { name: "Tentar todas de novo" }).click();
    return (await answered).json();
  };
  assert.deepEqual(await replay(), { taken: 0, left: 2 });
  await dialog.getByRole("status").getByText("Processados: 0. Falharam de novo: 2.").waitFor();
  await limit("");
  await until(async () => (await replay()).left === 0);
  await dialog.getByText("Nada parado: tudo o que chegou foi processado.").waitFor();
  await picture(page, "replayed");
  await page.goto(`${house.desk.address}/desk/queued`);
  await page.locator("a[data-item]", { hasText: "Isto ficou parado" }).waitFor();
  assert.deepEqual(thrown, []);
  await context.close();
});
