/** scripts/serve: what production runs, as one program that answers, and that leaves nothing behind. */
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { freePort } from "../../scripts/lib/processes.ts";
import { eventually, get, post, unique } from "../support/client.ts";
import { copyRepository } from "./dev.support.ts";
import { type Running, processesWith, runScript, startScript, untilGone } from "./scripts.support.ts";

let home: string;
let root: string;

beforeAll(() => {
  home = join(inject("stack").folder, "serve");
  mkdirSync(home);
  root = copyRepository(home);
});
afterEach(() => {
  for (const { pid } of processesWith(home)) process.kill(pid, "SIGKILL");
});

const serve = (port: number, env: Record<string, string> = {}): Running =>
  startScript("serve", [], { HOME: home, PORT: String(port), DATA_DIR: join(home, unique()), ...env }, root);

describe("serve", { timeout: 60_000 }, () => {
  test("brings a database of its own, says one word when it answers, and goes on where it was", async () => {
    const port = await freePort();
    const base = `http://127.0.0.1:${port}`;
    const admin = { email: "Boss@Example.com", password: "correct horse battery" };
    const env = { DATA_DIR: join(home, "kept"), ADMIN_EMAIL: admin.email, ADMIN_PASSWORD: admin.password };
    const tokens: string[] = [];
    for (const end of ["SIGTERM", "SIGINT"] as const) {
      const served = serve(port, env);
      await eventually("ready", () => served.stdout !== "", 45);
      expect(served.stdout).toBe(`ready ${base}\n`);
      expect((await get("/health", { base })).status).toBe(200);
      const answer = await post("/api/auth/admin/login", { body: admin, base });
      expect(answer.status, answer.text).toBe(200);
      tokens.push(answer.body.data.token);
      // Accounts and keys outlive the process.
      for (const token of tokens) expect((await get("/api/auth/me", { token, base })).status).toBe(200);
      served.child.kill(end);
      expect(await served.ended).toBe(0);
      await untilGone(home);
    }
  });

  test("can be started again in the same folder after it was killed", async () => {
    const port = await freePort();
    const env = { DATA_DIR: join(home, "killed") };
    for (const end of ["SIGKILL", "SIGTERM"] as const) {
      const served = serve(port, env);
      let over: number | string | undefined;
      void served.ended.then((code) => (over = code));
      await eventually("ready", () => served.stdout !== "" || over !== undefined, 45);
      expect([served.stdout, over], served.stderr).toEqual([`ready http://127.0.0.1:${port}\n`, undefined]);
      served.child.kill(end);
      await served.ended;
    }
  });

  test("leaves no process when it is stopped while it starts", async () => {
    const served = serve(await freePort());
    await eventually("it starts", () =>
      processesWith(home).some(({ command }) => command.includes("secantusd")),
    );
    served.child.kill("SIGTERM");
    await served.ended;
    await untilGone(home);
  });

  test("says when its port is taken, and leaves no process", async () => {
    const other = createServer((_, answer) => answer.end("{}"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = other.address() as { port: number };
      const served = serve(port);
      expect(await served.ended).not.toBe(0);
      await untilGone(home);
      expect(served.stdout).toBe("");
      expect(served.stderr).toMatch(/in use/);
    } finally {
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    }
  });

  test("explains itself", async () => {
    const { code, stdout, stderr } = await runScript("serve", ["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const part of ["PORT", "MONGODB_URI", "DATA_DIR", "ADMIN_EMAIL"]) expect(stdout).toContain(part);
  });
});
