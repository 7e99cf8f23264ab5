/** The database and the Data API service in front of it, for development, tests and scripts/serve. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Program, answers, freePort, start } from "./processes.ts";

export const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);
const DATA_API = join(ROOT, "target/service/data-api");

/** How the Worker reaches the Data API. */
export interface DataApi {
  url: string;
  key: string;
  database: string;
}

/** SecantusDB with its data in `folder`. */
export async function startDatabase(
  folder: string,
  port?: number,
): Promise<{ uri: string; program: Program }> {
  mkdirSync(folder, { recursive: true });
  const chosen = port ?? (await freePort());
  const log = join(folder, "database.log");
  const attempt = () =>
    start({
      name: "database",
      command: join(ROOT, ".tools/venv/bin/secantusd-py"),
      args: [
        "--port",
        String(chosen),
        "--storage-path",
        join(folder, "wiredtiger"),
        "--log-level",
        "WARNING",
        // What was acknowledged survives a kill; a fifth of a millisecond for each write.
        "--sync-on-commit",
      ],
      log,
      ready: () => accepts(chosen),
    });
  // One that was told to end a moment ago holds its files for some seconds, seldom for more than fifteen.
  const deadline = Date.now() + 40_000;
  let program: Program | undefined;
  while (program === undefined) {
    program = await attempt().catch((error: unknown) => {
      if (Date.now() > deadline || !/busy|lock/i.test(readFileSync(log, "utf8"))) throw error;
      return undefined;
    });
  }
  return { uri: `mongodb://127.0.0.1:${chosen}`, program };
}

/** The Data API service in front of `uri`, with its indexes made. */
export async function startDataApi(
  uri: string,
  folder: string,
  database: string,
  port?: number,
): Promise<{ api: DataApi; program: Program }> {
  const chosen = port ?? (await freePort());
  const key = secret(join(folder, "data-api.key"));
  const url = `http://127.0.0.1:${chosen}`;
  const env = {
    MONGODB_URI: uri,
    DATA_API_KEYS: key,
    DATA_API_DATABASES: database,
    DATA_API_DATABASE: database,
  };
  await run(DATA_API, ["indexes"], { env: { ...process.env, ...env } });
  const program = await start({
    name: "Data API service",
    command: DATA_API,
    args: ["serve", "--listen", `127.0.0.1:${chosen}`],
    env,
    log: join(folder, "data-api.log"),
    ready: () => answers(`${url}/healthz`),
  });
  return { api: { url, key, database }, program };
}

/** The database that a connection string names. */
export function databaseOf(uri: string): string {
  const name = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(uri)?.[1];
  return name ? decodeURIComponent(name) : "aarambh";
}

/** A secret that is made once and kept beside the data it protects. */
export function secret(file: string): string {
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString("hex"), { mode: 0o600 });
  return readFileSync(file, "utf8");
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    setTimeout(() => socket.destroy(), 500).unref();
  });
}
