// The whole product for one test: the providers' stand-in, a real server with the demo's workspace in a folder of its own, and a browser.
// Nothing here knows the interface; tests do.
import { execFile, spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import AxeBuilder from "@axe-core/playwright";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../../", import.meta.url));
const demo = join(root, "host/demo/demo.json");

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask test --only browser\``);
  return value;
}

/** What the test was told by `BALCAO_…` is no configuration of the server's. */
const around = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BALCAO_")));

/** Starts a program and reads it up to the line that names its address; gives all lines so far. */
async function start(program, args, env) {
  const child = spawn(program, args, { cwd: root, env: { ...around, ...env }, stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((done) => child.once("exit", done));
  const lines = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.startsWith("listening on ")) {
      child.stdout.resume();
      return { child, ended, lines, address: line.slice("listening on ".length) };
    }
  }
  throw new Error(`${program} ended before it answered:\n${lines.join("\n")}`);
}

async function stop({ child, ended }) {
  if (child.exitCode === null) child.kill("SIGINT");
  await ended;
}

/** The providers' hosts that the stand-in plays. */
const PLAYED = ["graph.facebook.com", "lookaside.fbsbx.com", "api.telegram.org", "graph.instagram.com"];

/** A running product, its server with these settings beside and these fixtures among its apps; `close()` ends everything it started. */
export async function product(settings = {}, fixtures = []) {
  const folder = await mkdtemp(join(tmpdir(), "balcao-browser-"));
  const plugins = join(folder, "plugins");
  const running = [];
  const close = async () => {
    for (const each of running.reverse()) await stop(each);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await cp(needed("BALCAO_TEST_PLUGINS"), plugins, { recursive: true });
    for (const name of fixtures) await cp(join(needed("BALCAO_TEST_FIXTURES"), `${name}.wasm`), join(plugins, `${name}.wasm`));
    const standin = await start(needed("BALCAO_DEMO_BIN"), ["serve", "--leash", "--demo", demo, "--listen", "127.0.0.1:0"], {});
    running.push(standin);
    const data = { BALCAO_DATA_DIR: join(folder, "data") };
    const serve = (listen) => start(needed("BALCAO_BIN"), ["serve", "--demo", demo], {
      ...data,
      BALCAO_LISTEN: listen,
      BALCAO_PLUGINS_DIR: plugins,
      BALCAO_DEV__ENABLED: "true",
      BALCAO_DEV__HTTP_MAP: PLAYED.map((host) => `${host}=${standin.address}`).join(","),
      ...settings,
    });
    const server = await serve("127.0.0.1:0");
    running.push(server);
    const hooks = server.lines.map((line) => /^demo: webhook of (.*): (http\S+)$/.exec(line)).filter(Boolean);
    if (hooks.length === 0) throw new Error(`the server names no webhook:\n${server.lines.join("\n")}`);
    // As the server prints them: the stand-in knows which are its.
    for (const [line] of hooks) standin.child.stdin.write(`${line}\n`);
    const { password } = JSON.parse(await readFile(join(folder, "data/demo.json"), "utf8"));
    /** Ends the server and starts it again over the same data, at the same address; what is given runs between. */
    const restart = async (between = async () => undefined) => {
      await stop(running.pop());
      await between();
      running.push(await serve(server.address.slice("http://".length)));
    };
    /** An operator's command, beside the running server: `balcao admin …`. */
    const admin = (args) => promisify(execFile)(needed("BALCAO_BIN"), ["admin", ...args], { env: { ...around, ...data } });
    const webhooks = Object.fromEntries(hooks.map(([, name, address]) => [name, address]));
    return { address: server.address, password, standin: standin.address, webhooks, customer: new Customer(standin.address), admin, restart, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The other side: what a customer writes and receives, through the stand-in. */
class Customer {
  constructor(standin) {
    this.standin = standin;
  }

  async writes(text, from = "5511911110000", name = "Cliente de demonstração") {
    const body = new URLSearchParams({ from, name, text });
    // The stand-in takes its webhook's address from another stream: the first try may come before it.
    const answer = await until(async () => {
      const answer = await fetch(`${this.standin}/write`, { method: "POST", body, redirect: "manual" });
      return answer.status === 409 ? null : answer;
    });
    if (answer.status !== 303) throw new Error(`the stand-in answered ${answer.status}`);
  }

  /** The texts on the customers' phones, once there are `count` messages. */
  async received(count) {
    return (await this.messages(count)).map((message) => message.text?.body);
  }

  /** The messages themselves, as the provider was asked to send them. */
  async messages(count) {
    return until(async () => {
      const { requests } = await (await fetch(`${this.standin}/ledger`)).json();
      const sent = requests.filter((request) => request.sent).map((request) => request.request);
      return sent.length >= count ? sent : null;
    });
  }
}

/** Asks until there is an answer; a test that waits in vain ends by its own time limit. */
async function until(ask) {
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** What is not accessible (WCAG 2.1 A and AA) on the page as it stands, in light and in dark; half-faded dialogs are waited for. */
export async function inaccessible(page) {
  const found = [];
  for (const colorScheme of ["dark", "light"]) {
    // Without movement: else what comes or goes meanwhile is seen half-faded.
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // The page follows a moment later, and its colours fade over.
    await page.waitForFunction((scheme) => document.documentElement.dataset.mantineColorScheme === scheme, colorScheme);
    await page.evaluate(async () => {
      const frame = () => new Promise(requestAnimationFrame);
      const ending = () =>
        document.getAnimations().filter((it) => it.playState === "running" && it.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
      do {
        await Promise.all(ending().map((animation) => animation.finished.catch(() => undefined)));
        await frame();
        await frame();
      } while (ending().length > 0);
    });
    const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]).analyze();
    for (const { id, nodes } of violations) found.push(...nodes.map((node) => `${colorScheme}: ${id}: ${node.target.join(" ")}: ${node.failureSummary?.split("\n")[1]?.trim()}`));
  }
  return found;
}

/** A browser that talks to this machine only; `flags` beside. */
export function browser(flags = []) {
  return chromium.launch({
    executablePath: needed("CHROMIUM"),
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", ...flags],
  });
}
