/** Child processes that must not outlive us. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** A running program. */
export interface Program {
  readonly name: string;
  readonly pid: number;
  /** Ends it with SIGTERM, after ten seconds with SIGKILL, and waits for it. */
  stop(): Promise<void>;
  /** Ends it, and whatever it started, without a warning. */
  kill(): Promise<void>;
}

export interface Start {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  /** Where its output goes. */
  log: string;
  /** Resolves when the program answers. */
  ready: () => Promise<boolean>;
  /** Seconds to wait for that. */
  patience?: number;
}

const SETPRIV = "/usr/bin/setpriv";

/** Those that run. */
const running = new Set<ChildProcess>();
// However this process ends, short of a kill: with a signal, an exception, or somebody's process.exit.
process.on("exit", () => {
  for (const child of running) signal(child, "SIGTERM");
});
// Where Linux offers it, a kill of this process ends them too: else the next start would find the database locked.
const LEASH = existsSync(SETPRIV) ? [SETPRIV, "--pdeathsig", "TERM", "--"] : [];

/** Starts a program and waits until it is ready. */
export async function start({
  name,
  command,
  args,
  env,
  log,
  ready,
  patience = 30,
}: Start): Promise<Program> {
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, "w");
  const [file, ...rest] = [...LEASH, command, ...args] as [string, ...string[]];
  const child = spawn(file, rest, {
    env: { ...process.env, ...env },
    stdio: ["ignore", output, output],
    detached: true,
  });
  closeSync(output);
  running.add(child);
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  void gone.then(() => running.delete(child));
  let failure: Error | undefined;
  child.once("error", (error) => (failure = error));
  const deadline = Date.now() + patience * 1000;
  while (!(await ready().catch(() => false))) {
    if (failure || child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      signal(child, "SIGKILL");
      const tail = readFileSync(log, "utf8").split("\n").slice(-25).join("\n");
      throw new Error(`${name} did not start: ${failure?.message ?? `see ${log}`}\n${tail}`);
    }
    await wait(40);
  }
  if (child.pid === undefined) throw new Error(`${name} has no process`);
  return {
    name,
    pid: child.pid,
    async stop() {
      signal(child, "SIGTERM");
      const tooLong = setTimeout(() => signal(child, "SIGKILL"), 10_000);
      await gone;
      clearTimeout(tooLong);
    },
    async kill() {
      signal(child, "SIGKILL");
      await gone;
    },
  };
}

/** Programs lead a process group of their own, so that a kill reaches their children too. */
function signal(child: ChildProcess, name: "SIGTERM" | "SIGKILL"): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(name === "SIGKILL" ? -child.pid : child.pid, name);
  } catch {
    // Gone already.
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Whether an address answers with a 2xx. */
export async function answers(url: string, headers: Record<string, string> = {}): Promise<boolean> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(2000) });
  await response.arrayBuffer();
  return response.ok;
}

/** Fails when somebody listens on a port already: his answers would be taken for ours. */
export async function claimPort(port: number): Promise<void> {
  const claim = () =>
    new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
  // One that was killed a moment ago may still be on its way out.
  for (let attempts = 0; attempts < 10; attempts++) {
    if (await claim()) return;
    await wait(100);
  }
  throw new Error(`port ${port} is in use; set PORT to another one`);
}

/** Runs `stop` at the first SIGINT, SIGTERM or SIGHUP, and exits. */
export function onStop(stop: () => Promise<void>): void {
  let stopping = false;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Miniflare's own handlers exit at once.
    process.removeAllListeners(name);
    process.on(name, () => {
      if (stopping) return;
      stopping = true;
      void stop().finally(() => process.exit(0));
    });
  }
}
