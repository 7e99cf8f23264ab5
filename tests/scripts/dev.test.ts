/** scripts/dev: one command starts everything, Ctrl-C stops it. */
import { type Document, MongoClient } from "mongodb";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { freePort } from "../../scripts/lib/processes.ts";
import { type Answer, eventually, get, post, unique } from "../support/client.ts";
import { copyRepository } from "./dev.support.ts";
import { type Running, processesWith, runScript, startScript, untilGone } from "./scripts.support.ts";

const ACCOUNTS = ["admin", "teacher", "learner1", "learner2"].map((name) => `${name}@demo.aarambh.example`);

let home: string;
let root: string;

beforeAll(() => {
  home = join(inject("stack").folder, "dev");
  mkdirSync(home);
  root = copyRepository(home);
});
// A test that fails must not leave behind what it is about.
afterEach(() => {
  for (const { pid } of processesWith(home)) process.kill(pid, "SIGKILL");
});

interface Dev extends Running {
  base: string;
  data: string;
}

async function startDev(env: Record<string, string> = {}): Promise<Dev> {
  const port = Number(env["PORT"] ?? (await freePort()));
  const data = env["DATA_DIR"] ?? join(home, unique());
  // Nothing of the user's own: neither his settings nor the register of Workers that run.
  const own = {
    HOME: home,
    WRANGLER_REGISTRY_PATH: join(home, "registry"),
    PORT: String(port),
    DATA_DIR: data,
  };
  const running = startScript("dev", [], { ...own, ...env }, root);
  return Object.assign(running, { base: `http://127.0.0.1:${port}`, data });
}

async function untilReady(dev: Dev): Promise<void> {
  let over: number | string | undefined;
  void dev.ended.then((code) => (over = code));
  const ready = () => /^ready /m.test(dev.stdout);
  await eventually("ready", () => ready() || over !== undefined, 45);
  expect([ready(), over], dev.stderr + dev.stdout).toEqual([true, undefined]);
}

/** What the key at the keyboard does: every process of the group in the foreground hears it. */
const ctrlC = (dev: Dev) => process.kill(-dev.child.pid!, "SIGINT");

async function untilStopped(dev: Dev): Promise<number | string> {
  const code = await dev.ended;
  await untilGone(home);
  const { hostname, port } = new URL(dev.base);
  const open = await new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
  expect(open).toBe(false);
  return code;
}

const signIn = (base: string, email: string, password: string, path = "login"): Promise<Answer> =>
  post(`/api/auth/${path}`, { body: { email, password }, base });

async function inDatabase<T>(uri: string, work: (users: Document) => Promise<T>): Promise<T> {
  const client = await MongoClient.connect(uri);
  try {
    return await work(client.db().collection("users"));
  } finally {
    await client.close();
  }
}

const shown = (dev: Dev, name: string) => new RegExp(`^ *${name} +(\\S+)$`, "m").exec(dev.stdout)?.[1] ?? "";

describe("dev", { timeout: 60_000 }, () => {
  let data: string;
  let token: string;

  test("starts a server with demo accounts at its port, keeps to its folder, and stops with Ctrl-C", async () => {
    const dev = await startDev();
    data = dev.data;
    await untilReady(dev);
    expect(dev.stdout.trimEnd().split("\n").at(-1)).toBe(`ready ${dev.base}`);
    expect(shown(dev, "address")).toBe(`${dev.base}/api`);
    expect((await get("/api/regions", { base: dev.base })).body.data.regions).not.toEqual([]);
    expect((await get(new URL(shown(dev, "description")).pathname, { base: dev.base })).status).toBe(200);

    const password = shown(dev, "password");
    const listed = dev.stdout.match(/\S+@demo\.\S+/g);
    expect(listed).toEqual(ACCOUNTS);
    const [admin, , one, two] = await Promise.all(
      ACCOUNTS.map(async (email) => {
        const answer = await signIn(dev.base, email, password);
        expect(answer.status, `${email} ${answer.text}`).toBe(200);
        return answer.body.data as { token: string; user: { role: string } };
      }),
    );
    expect(admin!.user.role).toBe("admin");
    expect((await signIn(dev.base, ACCOUNTS[0]!, password, "admin/login")).status).toBe(200);
    token = one!.token;
    const find = ({ token }: { token: string }) =>
      post("/api/communication/matchmaking/find-partner", {
        token,
        body: { sessionType: "chat" },
        base: dev.base,
      });
    expect((await find(one!)).body.data.waitingInQueue).toBe(true);
    expect((await find(two!)).body.data.session.status).toBe("active");

    await inDatabase(shown(dev, "database"), async (users) => {
      const change = { $set: { name: "Renamed" } };
      expect((await users["updateOne"]({ email: ACCOUNTS[2] }, change)).matchedCount).toBe(1);
    });
    // Secrets are where only their owner reads them: in a file of his, on no command line.
    const variables = join(data, "variables.env");
    expect(statSync(variables).mode & 0o077).toBe(0);
    const secrets = [...readFileSync(variables, "utf8").matchAll(/(?:SECRET|KEY)="(.+)"$/gm)].map(
      ([, it]) => it!,
    );
    expect(secrets.length).toBeGreaterThan(1);
    const running = processesWith(home).map(({ command }) => command);
    for (const part of ["secantusd", "data-api serve", "wrangler", "workerd"]) {
      expect(running.filter((command) => command.includes(part))).not.toEqual([]);
    }
    for (const secret of secrets) {
      expect(running.filter((command) => command.includes(secret))).toEqual([]);
    }

    ctrlC(dev);
    expect(await untilStopped(dev)).toBe(0);
  });

  test("goes on where it was, and stops when it is told to end", async () => {
    const dev = await startDev({ DATA_DIR: data });
    await untilReady(dev);
    expect(dev.stderr).not.toMatch(/demo data/);
    const me = await get("/api/auth/me", { token, base: dev.base });
    expect([me.status, me.body.data?.user?.name], me.text).toEqual([200, "Renamed"]);
    dev.child.kill("SIGTERM");
    expect(await untilStopped(dev)).toBe(0);
  });

  test("uses the database that it is given, and leaves it running", async () => {
    const { mongodbUri } = inject("stack");
    const uri = `${mongodbUri}/dev_${unique()}`;
    const dev = await startDev({ MONGODB_URI: uri });
    await untilReady(dev);
    expect(processesWith(home).filter(({ command }) => command.includes("secantusd"))).toEqual([]);
    expect(shown(dev, "database")).toBe(uri);
    expect((await signIn(dev.base, ACCOUNTS[2]!, shown(dev, "password"))).status).toBe(200);
    expect(await inDatabase(uri, (users) => users["countDocuments"]({ role: "student" }))).toBe(50);
    ctrlC(dev);
    expect(await untilStopped(dev)).toBe(0);
    await inDatabase(uri, (users) => users["drop"]());
  });

  test.each(["starting the Data API service", "starting the Worker"])(
    "leaves no process when Ctrl-C comes while it is %s",
    async (step) => {
      const dev = await startDev();
      await eventually(step, () => dev.stderr.includes(step), 30);
      ctrlC(dev);
      await untilStopped(dev);
      expect(dev.stdout).not.toMatch(/^ready/m);
    },
  );

  test("says when its port is taken, and does not call another's server its own", async () => {
    const other = createServer((_, answer) => answer.end("{}"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = other.address() as { port: number };
      const dev = await startDev({ PORT: String(port) });
      expect(await dev.ended).not.toBe(0);
      await untilGone(home);
      expect(dev.stdout + dev.stderr).toMatch(new RegExp(`in use.*${port}|${port}.*in use`, "s"));
      expect(dev.stdout).not.toMatch(/^ready/m);
    } finally {
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    }
  });

  test("explains itself", async () => {
    const { code, stdout, stderr } = await runScript("dev", ["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const part of ["Ctrl-C", "PORT", "8787", "MONGODB_URI"]) expect(stdout).toContain(part);
    expect(stdout).not.toContain("#!");
  });
});
