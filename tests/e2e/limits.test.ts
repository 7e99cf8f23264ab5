/** Limits switched on: who asks too often is told so, and live calls never are. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Answer, type Learner, call, matchLearners } from "../support/client.ts";
import { people } from "../support/people.ts";
import { type Served, serve } from "../support/serve.ts";
import { cohort } from "./groups.support.ts";
import { at, through } from "./sessions.support.ts";

let worker: Served;
const folder = mkdtempSync(join(tmpdir(), "aarambh-limits-"));
beforeAll(async () => {
  const { dataApi } = inject("stack");
  worker = await serve({ dataApi, folder, env: { RATE_LIMITS: "on" } });
});
afterAll(async () => {
  await worker?.program.stop();
  rmSync(folder, { recursive: true, force: true });
});

const someone = async (): Promise<Learner> => through((await people(1))[0]!, worker.base);
const times = async (many: number, ask: () => Promise<Answer>): Promise<Answer[]> => {
  const answers: Answer[] = [];
  for (let n = 0; n < many; n++) answers.push(await ask());
  return answers;
};
const refused = (answers: Answer[]) => answers.filter(({ status }) => status === 429);

function expectTold(answer: Answer, policy: string): void {
  expect(answer.body).toMatchObject({ success: false, code: "RATE_LIMITED", message: expect.any(String) });
  expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  expect(answer.headers.get("ratelimit-policy")).toBe(policy);
}

test("of each user on his own", async () => {
  const [one, other] = [await someone(), await someone()];
  const answers = await times(105, () => one.get("/api/auth/me"));
  expect(answers[0]!.status).toBe(200);
  expect(refused(answers)).toHaveLength(5);
  expectTold(answers.at(-1)!, '"general";q=100;w=60');
  expect((await other.get("/api/auth/me")).status).toBe(200);
});

test("signing in, of each account on its own, whatever its spelling", async () => {
  const login = (email: string) =>
    call("POST", "/api/auth/login", { body: { email, password: "wrong" }, base: worker.base });
  const answers = await times(12, () => login("Nobody.Here@example.com "));
  expect(refused(answers)).toHaveLength(2);
  expectTold(answers.at(-1)!, '"sign-in";q=10;w=60');
  expect((await login("nobody.here@example.com")).status).toBe(429);
  expect((await login("somebody.else@example.com")).status).toBe(401);
});

test("the tutor", async () => {
  const one = await someone();
  const answers = await times(11, () => one.post("/api/chat/conversations/none/messages", {}));
  expect(refused(answers)).toHaveLength(1);
  expectTold(answers.at(-1)!, '"ai";q=10;w=60');
});

test("never a live call, nor what phones poll", async () => {
  const [host, seeker] = (await cohort(2)).map((who) => through(who, worker.base)) as [Learner, Learner];
  const { session } = await matchLearners(host, seeker, "chat");
  for (const path of [
    "/api/communication/sessions/active",
    at.signals(session),
    `/api/communication/chat/${session}/messages`,
    "/health",
  ]) {
    expect(refused(await times(120, () => host.get(path)))).toEqual([]);
  }
});
