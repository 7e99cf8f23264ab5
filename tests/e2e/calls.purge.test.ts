import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, eventually, post } from "../support/client.ts";
import { cohort, data, initiate, liveCall, openGates, told } from "./groups.support.ts";
import { idsOf, plantSessions, sessionOf } from "./my-sessions.support.ts";
import { FIND, ID, at, expectError, liveSessions, recordOf } from "./sessions.support.ts";

const PURGE = "/api/communication/sessions/purge-hard";
const duo = async () => (await cohort(2)) as [Learner, Learner];
const purge = async (who: Learner) => told(await who.post(PURGE));

/** The counts agree with the list of what was done. */
function expectCounts(done: { [key: string]: unknown }, ...sessions: string[]): void {
  expect(done).toEqual({
    deletedWaiting: expect.any(Number),
    detachedFrom: expect.any(Number),
    completedOrphans: expect.any(Array),
    totalProcessed: sessions.length,
    details: expect.any(Array),
  });
  const details = done["details"] as { id: string; action: string }[];
  expect(details.map(({ id }) => id).sort()).toEqual([...sessions].sort());
  for (const { id, action } of details) {
    expect(id).toEqual(ID);
    expect(["deleted_waiting", "completed_orphan", "detached_user"]).toContain(action);
  }
}

async function matched(): Promise<{ session: string; host: Learner; seeker: Learner }> {
  const [host, seeker] = await duo();
  await host.post(FIND, { sessionType: "chat" });
  const session = data(await seeker.post(FIND, { sessionType: "chat" })).session.id;
  return { session, host, seeker };
}

beforeAll(openGates);

describe("purge-hard", () => {
  test("with nothing to do", async () => {
    const [who] = await duo();
    const none = { deletedWaiting: 0, detachedFrom: 0, completedOrphans: [] };
    expect(await purge(who)).toEqual({ ...none, totalProcessed: 0, details: [] });
    expectError(await post(PURGE), 401, "Access token required");
  });

  test("ends a wait, of which nobody is matched any more", async () => {
    const [host, seeker] = await duo();
    const session = data(await host.post(FIND, { sessionType: "chat" })).session.id;
    const done = await purge(host);
    expectCounts(done, session);
    expect(done.deletedWaiting).toBe(1);
    expect(await liveSessions(host)).toEqual([]);
    const answer = data(await seeker.post(FIND, { sessionType: "chat" }));
    expect(answer.partner).toBe(null);
    expect(answer.session.id).not.toBe(session);
  });

  test("completes a running session for both, at once", async () => {
    const { session, host, seeker } = await matched();
    expectCounts(await purge(seeker), session);
    for (const who of [host, seeker]) expect(await liveSessions(who)).toEqual([]);
    expect(data(await host.get(at.details(session))).session.status).toBe("completed");
    // Free for the next one.
    expect((await host.post(FIND, { sessionType: "chat" })).status).toBe(200);
  });

  test("keeps the record with both of them", async () => {
    const { session, host, seeker } = await matched();
    expectCounts(await purge(host), session);
    await eventually("recorded", async () => (await recordOf(session))?.["status"] === "completed");
    const record = (await recordOf(session))!;
    const users = record["participants"].map(({ user }: { user: object }) => String(user));
    expect(users).toEqual([host.id, seeker.id]);
    expect(record).toMatchObject({ endedAt: expect.any(Date), duration: expect.any(Number) });
    for (const who of [host, seeker]) {
      await eventually("in his list", async () =>
        idsOf(data(await who.get("/api/sessions/my-sessions"))).includes(session),
      );
    }
  });

  test("of both at once", async () => {
    const { session, host, seeker } = await matched();
    const answers = await Promise.all([host.post(PURGE), seeker.post(PURGE)]);
    for (const answer of answers) told(answer);
    for (const who of [host, seeker]) expect(await liveSessions(who)).toEqual([]);
    await eventually("recorded", async () => (await recordOf(session))?.["status"] === "completed");
  });

  test("takes in calls that the caller scheduled or is in", async () => {
    const [host, other] = await duo();
    const scheduled = await initiate(host, other);
    expectCounts(await purge(host), scheduled);
    for (const who of [host, other]) expect(await liveSessions(who)).toEqual([]);
    const live = await liveCall(other, host);
    expectCounts(await purge(host), live);
    for (const who of [host, other]) expect(await liveSessions(who)).toEqual([]);
  });

  test("leaves finished sessions alone, and those of others", async () => {
    const { session, host, seeker } = await matched();
    const [stranger] = await duo();
    const document = sessionOf([stranger.id, host.id]);
    const [old] = await plantSessions(document);
    expectCounts(await purge(stranger));
    expect(await recordOf(old!)).toEqual(document);
    for (const who of [host, seeker]) expect(await liveSessions(who)).toEqual([session]);
  });

  test("after Cancel of the app: leave, cancel-all, purge-hard", async () => {
    const [host] = await duo();
    const session = data(await host.post(FIND, { sessionType: "chat" })).session.id;
    data(await host.post(at.leave(session)));
    data(await host.post("/api/communication/sessions/cancel-all"));
    expectCounts(await purge(host));
    expect(await liveSessions(host)).toEqual([]);
  });
});
