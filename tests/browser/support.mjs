// The whole product for one test: the provider's stand-in, a real server with the demo's workspace in a folder of its own, and a browser.
// Nothing here knows the interface; tests do.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../../", import.meta.url));
const demo = join(root, "host/demo/demo.json");

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask test --only browser\``);
  return value;
}

/** Starts a program and reads it up to the line that names its address; gives all lines so far. */
async function start(program, args, env) {
  // What the test was told by `BALCAO_…` is no configuration of the server's.
  const around = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BALCAO_")));
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

/** A running product; `close()` ends everything it started. */
export async function product() {
  const folder = await mkdtemp(join(tmpdir(), "balcao-browser-"));
  const running = [];
  const close = async () => {
    for (const each of running.reverse()) await stop(each);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const standin = await start(needed("BALCAO_DEMO_BIN"), ["serve", "--leash", "--demo", demo, "--listen", "127.0.0.1:0"], {});
    running.push(standin);
    const server = await start(needed("BALCAO_BIN"), ["serve", "--demo", demo], {
      BALCAO_DATA_DIR: join(folder, "data"),
      BALCAO_LISTEN: "127.0.0.1:0",
      BALCAO_PLUGINS_DIR: needed("BALCAO_TEST_PLUGINS"),
      BALCAO_DEV__ENABLED: "true",
      BALCAO_DEV__HTTP_MAP: `graph.facebook.com=${standin.address},lookaside.fbsbx.com=${standin.address}`,
    });
    running.push(server);
    const hook = server.lines.map((line) => /^demo: webhook of .*: (http\S+)$/.exec(line)).find(Boolean);
    if (!hook) throw new Error(`the server names no webhook:\n${server.lines.join("\n")}`);
    standin.child.stdin.write(`${hook[1]}\n`);
    const { password } = JSON.parse(await readFile(join(folder, "data/demo.json"), "utf8"));
    return { address: server.address, password, customer: new Customer(standin.address), close };
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

  /** The texts on the customers' phones, once there are `count`. */
  async received(count) {
    return until(async () => {
      const { requests } = await (await fetch(`${this.standin}/ledger`)).json();
      const texts = requests.filter((request) => request.sent).map((request) => request.request.text?.body);
      return texts.length >= count ? texts : null;
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

/** A browser that talks to this machine only. */
export function browser() {
  return chromium.launch({
    executablePath: needed("CHROMIUM"),
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
}
