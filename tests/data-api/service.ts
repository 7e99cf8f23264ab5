/** Services and databases of a test's own, for what must not happen to those of the run. */
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { ROOT } from "../../scripts/lib/database.ts";
import { type Program, answers, freePort, start } from "../../scripts/lib/processes.ts";
import { eventually } from "../support/client.ts";
import { Collection, type Headings, type Target, send } from "./client.ts";

const BINARY = join(ROOT, "target/service/data-api");
export const DATABASE = "own";

export const newKey = (): string => randomBytes(20).toString("hex");

/** A database that makes trouble on demand. */
export interface Trouble {
  uri: string;
  port: number;
  program: Program;
  /** The next `times` of these commands go wrong in this way. */
  arrange(times: number, failCommands: string[], what: object): Promise<void>;
  /** The next command with a time limit exceeds it. */
  exceedTime(): Promise<void>;
}

export async function startTrouble(folder: string, port?: number): Promise<Trouble> {
  mkdirSync(folder, { recursive: true });
  const chosen = port ?? (await freePort());
  const uri = `mongodb://127.0.0.1:${chosen}`;
  const command = async (document: object) => {
    const client = await MongoClient.connect(uri);
    await client.db("admin").command({ ...document });
    await client.close();
  };
  // Killed, it must not forget what it has just acknowledged.
  const storage = ["--storage-path", join(folder, "wiredtiger"), "--sync-on-commit"];
  const program = await start({
    name: "database",
    command: join(ROOT, ".tools/venv/bin/secantusd-py"),
    args: ["--port", String(chosen), ...storage, "--enable-test-commands", "--log-level", "WARNING"],
    log: join(folder, "database.log"),
    ready: () => accepts(chosen),
  });
  return {
    uri,
    port: chosen,
    program,
    arrange: (times, failCommands, what) =>
      command({ configureFailPoint: "failCommand", mode: { times }, data: { failCommands, ...what } }),
    exceedTime: () => command({ configureFailPoint: "maxTimeAlwaysTimeOut", mode: { times: 1 } }),
  };
}

/** Whether somebody listens on a port. */
export async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export type Environment = Record<string, string | undefined>;
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Nothing of our own environment gets in, where a variable that is missing must be missing. */
function only(environment: Environment): NodeJS.ProcessEnv {
  const set = Object.entries(environment).filter(([, value]) => value !== undefined);
  return { PATH: process.env["PATH"], ...Object.fromEntries(set) };
}

/** Runs the program until it ends, at most 20 seconds. */
export async function runToEnd(
  args: string[],
  environment: Environment = {},
): Promise<Exit & { stdout: string; stderr: string; took: number }> {
  const began = performance.now();
  return new Promise((resolve) => {
    const options = { env: only(environment), timeout: 20_000, killSignal: "SIGKILL" as const };
    const child = execFile(BINARY, args, options, (_error, stdout, stderr) => {
      const { exitCode: code, signalCode: signal } = child;
      resolve({ code, signal, stdout, stderr, took: performance.now() - began });
    });
  });
}

/** A service that a test can end. */
export interface Service extends Target {
  port: number;
  signal(name: NodeJS.Signals): void;
  /** What became of it, once it has ended. */
  ended: Promise<Exit>;
  /** Everything it logged. */
  log(): string;
  /** The number of requests at work, as `/metrics` has it. */
  inFlight(): Promise<number>;
  collection(): Collection;
}

export async function startService(mongodbUri: string, environment: Environment = {}): Promise<Service> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const key = newKey();
  const env = { MONGODB_URI: mongodbUri, DATA_API_KEYS: key, DATA_API_DATABASES: DATABASE, ...environment };
  const child = spawn(BINARY, ["serve", "--listen", `127.0.0.1:${port}`], {
    env: only(env),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const ended = new Promise<Exit>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal })),
  );
  const target = { url, key: env.DATA_API_KEYS.split(",")[0]!, database: DATABASE };
  const inFlight = async () => {
    const headers: Headings = { apiKey: target.key };
    const { text } = await send(`${url}/metrics`, { method: "GET", headers });
    return Number(/^data_api_requests_in_flight (\d+)$/m.exec(text)?.[1]);
  };
  await eventually("the service answers", () => answers(`${url}/healthz`).catch(() => false)).catch(
    (error: unknown) => {
      child.kill("SIGKILL");
      throw new Error(log, { cause: error });
    },
  );
  return {
    ...target,
    port,
    signal: (name) => child.kill(name),
    ended,
    log: () => log,
    inFlight,
    collection: () => new Collection(target),
  };
}
