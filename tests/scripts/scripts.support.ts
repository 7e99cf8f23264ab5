/** Runs the scripts of the repository as people do: as programs, with an environment, from anywhere. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/database.ts";
import { eventually } from "../support/client.ts";

export interface Running {
  child: ChildProcess;
  stdout: string;
  stderr: string;
  /** The exit code, or the name of the signal that ended it. */
  ended: Promise<number | string>;
}

/** What the tests themselves run with must not leak into a script. */
function cleanEnvironment(env: Record<string, string>): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG } = process.env;
  return { PATH, HOME, LANG, ...env };
}

/** Starts a script in a process group of its own, as a terminal does. */
export function startScript(
  name: string,
  args: string[] = [],
  env: Record<string, string> = {},
  root = ROOT,
): Running {
  const child = spawn(join(root, "scripts", name), args, {
    cwd: tmpdir(),
    env: cleanEnvironment(env),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const running: Running = {
    child,
    stdout: "",
    stderr: "",
    // Not "close": what a script leaves behind may hold its output open.
    ended: new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(code ?? signal ?? "gone"));
    }),
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (running.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (running.stderr += text));
  return running;
}

/** Runs a script to its end. */
export async function runScript(
  name: string,
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<{ code: number | string; stdout: string; stderr: string }> {
  const running = startScript(name, args, env);
  const drained = Promise.all(
    [running.child.stdout!, running.child.stderr!].map(
      (out) => new Promise((resolve) => out.once("end", resolve)),
    ),
  );
  const code = await running.ended;
  await drained;
  return { code, stdout: running.stdout, stderr: running.stderr };
}

/** The processes that have a text in their environment or command line: whoever inherited it, however far down. */
export function processesWith(text: string): { pid: number; command: string }[] {
  const read = (pid: string, file: string) =>
    readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " ");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = read(pid, "cmdline");
        const found = command.includes(text) || read(pid, "environ").includes(text);
        return found ? [{ pid: Number(pid), command }] : [];
      } catch {
        // Gone in the meantime, or somebody else's.
        return [];
      }
    });
}

export const untilGone = (text: string, seconds = 15) =>
  eventually("no process is left", () => processesWith(text).length === 0, seconds);
