/**
 * The Data API takes ten seconds for each answer while sessions begin, and recovers while writes are still under way:
 * what was held up arrives after what was sent later, and must not take its place.
 */
import { ObjectId } from "mongodb";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Learner, createRegion, eventually, matchLearners } from "../support/client.ts";
import { people } from "../support/people.ts";
import { type Served, serve } from "../support/serve.ts";
import { FIND, at, recordOf, through } from "../e2e/sessions.support.ts";
import { Proxy } from "./proxy.ts";

/** A room gives a write up after 5 s and tries again, with pauses of at most half a minute. */
const RECOVERY = 40;

let proxy: Proxy;
let worker: Served;
let learners: Learner[];

beforeAll(async () => {
  const { dataApi, folder } = inject("stack");
  proxy = new Proxy(dataApi.url);
  const url = await proxy.listen();
  worker = await serve({ dataApi: { ...dataApi, url }, folder: join(folder, "data-api-slow") });
  const region = new ObjectId(await createRegion());
  learners = (await people(5, { region })).map((who) => through(who, worker.base));
});
afterAll(async () => {
  await worker?.program.stop();
  await proxy?.close();
});

const statusOf = async (session: string) => (await recordOf(session))?.["status"] as string | undefined;
const underWay = (session: string) =>
  eventually("a write of the session is under way", () => proxy.heldWith(session) > 0);

test("what ended stays ended when slow writes of its beginning arrive", { timeout: 120_000 }, async () => {
  const [host, seeker, caller, called, waiter] = learners as [Learner, Learner, Learner, Learner, Learner];
  // Accounts, region and leaderboard are known already, as those of people are who use the app.
  for (const who of learners) expect((await who.get("/api/leaderboard/my-rank")).status).toBe(200);

  await proxy.set("slow");
  const before = (await matchLearners(host, seeker)).session;
  const after = (await matchLearners(caller, called)).session;
  const waiting = (await waiter.post(FIND, { sessionType: "chat" })).body.data.session.id as string;
  for (const session of [before, after, waiting]) await underWay(session);
  const leave = async (who: Learner, session: string, status: string) => {
    const answer = await who.post(at.leave(session));
    expect([answer.status, answer.body?.data?.status], answer.text).toEqual([200, status]);
  };
  expect((await host.post(at.say(before), { message: "bye", messageType: "text" })).status).toBe(200);
  await leave(host, before, "completed");
  await leave(waiter, waiting, "cancelled");
  await proxy.set("pass");
  // The write of the beginning must still be held, else this would prove nothing.
  expect(proxy.heldWith(after)).toBeGreaterThan(0);
  await leave(called, after, "completed");

  const ends = { [before]: "completed", [after]: "completed", [waiting]: "cancelled" };
  for (const [session, status] of Object.entries(ends)) {
    await eventually(`${status} is recorded`, async () => (await statusOf(session)) === status, RECOVERY);
  }
  await eventually("nothing is held back", () => proxy.held === 0, 20);
  const recorded = async () =>
    Object.fromEntries(
      await Promise.all(Object.keys(ends).map(async (session) => [session, await statusOf(session)])),
    );
  expect(await recorded()).toEqual(ends);
  for (const [session, user] of [
    [before, host],
    [after, called],
  ] as const) {
    const record = (await recordOf(session))!;
    expect(record).toMatchObject({
      participants: [{ isActive: false }, { isActive: false }],
      endedAt: expect.any(Date),
      endedBy: new ObjectId(user.id),
    });
  }
  expect((await recordOf(before))!["chatSession"]).toMatchObject({
    totalMessages: 1,
    messages: [{ message: "bye" }],
  });
});
