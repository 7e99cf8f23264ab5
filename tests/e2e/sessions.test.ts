import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type Learner,
  type Pair,
  createLearners,
  createRegion,
  eventually,
  withDatabase,
} from "../support/client.ts";
import {
  ACTIVE,
  CANCEL_ALL,
  FIND,
  ID,
  NO_STORE,
  TEXT,
  TIME,
  at,
  createPairs,
  expectError,
  liveSessions,
  recordOf,
  taker,
  testAccess,
} from "./sessions.support.ts";

const pairs = taker<Pair>();
const singles = taker<Learner>();

beforeAll(async () => {
  pairs.fill(await createPairs(36));
  singles.fill(await createLearners(await createRegion(), 8));
});

const startWaiting = async (who: Learner): Promise<string> =>
  (await who.post(FIND, { sessionType: "chat" })).body.data.session.id;
const embedded = (who: Learner) => ({ _id: who.id, name: TEXT, email: "", profilePicture: null });

describe("sessions/active", () => {
  test("is empty for whoever is in none", async () => {
    const answer = await singles.take().get(`${ACTIVE}?_=${Date.now()}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ success: true, message: TEXT, data: { sessions: [] } });
  });

  test("has the shape of the contract, waiting and matched", async () => {
    const host = singles.take();
    const session = await startWaiting(host);
    const shape = {
      _id: session,
      sessionId: expect.stringMatching(/^chat_\d+_/),
      sessionType: "chat",
      title: TEXT,
      description: TEXT,
      host: embedded(host),
      scheduledAt: TIME,
      createdAt: TIME,
    };
    const entry = (who: Learner, role: string) => ({
      user: embedded(who),
      role,
      isActive: true,
      joinedAt: TIME,
    });
    expect((await host.get(ACTIVE)).body.data.sessions).toEqual([
      { ...shape, status: "waiting_for_partner", participants: [entry(host, "host")] },
    ]);
    const seeker = singles.take();
    expect(await startWaiting(seeker)).toBe(session);
    for (const side of [host, seeker]) {
      const answer = await side.get(ACTIVE);
      const participants = [entry(host, "host"), entry(seeker, "participant")];
      expect(answer.body.data.sessions).toEqual([
        { ...shape, status: "active", startedAt: TIME, participants },
      ]);
      for (const other of [host, seeker]) expect(answer.text).not.toContain(other.email);
    }
    await host.post(CANCEL_ALL);
  });

  test("is never cached", async () => {
    const { headers } = await singles.take().get(ACTIVE);
    expect(headers.get("cache-control")).toBe(NO_STORE);
    expect(headers.get("pragma")).toBe("no-cache");
    expect(headers.get("expires")).toBe("0");
    expect(headers.get("surrogate-control")).toBe("no-store");
  });

  test("loses the session for both with the answer to leave, every time", async () => {
    for (let n = 0; n < 10; n++) {
      const { session, host, seeker } = pairs.take();
      const [first, second] = n % 2 === 0 ? [host, seeker] : [seeker, host];
      expect(await liveSessions(second)).toEqual([session]);
      expect((await first.post(at.leave(session))).status).toBe(200);
      expect([await liveSessions(second), await liveSessions(first)]).toEqual([[], []]);
    }
  });
});

describe("cancel-all", () => {
  const nothing = { count: 0, cancelledWaiting: [], completedActive: [], updatedSessions: [] };

  test("with nothing to do", async () => {
    const answer = await singles.take().post(CANCEL_ALL);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ success: true, message: TEXT, data: nothing });
  });

  test("cancels a wait", async () => {
    const host = singles.take();
    const session = await startWaiting(host);
    const answer = await host.post(CANCEL_ALL);
    expect(answer.body.data).toEqual({
      count: 1,
      cancelledWaiting: [session],
      completedActive: [],
      updatedSessions: [{ id: session, status: "cancelled", type: "chat" }],
    });
    expect(await liveSessions(host)).toEqual([]);
    expect((await host.post(CANCEL_ALL)).body.data).toEqual(nothing);
    await eventually("recorded", async () => (await recordOf(session))?.["status"] === "cancelled");
    expect(await recordOf(session)).toMatchObject({
      endedAt: expect.any(Date),
      duration: 0,
      participants: [{ isActive: false, leftAt: expect.any(Date), duration: 0 }],
    });
    expect(await recordOf(session)).not.toHaveProperty("startedAt");
  });

  test("completes a call, and the other side sees it at once", async () => {
    const { session, host, seeker } = pairs.take();
    const answer = await seeker.post(CANCEL_ALL);
    expect(answer.body.data).toEqual({
      count: 1,
      cancelledWaiting: [],
      completedActive: [session],
      updatedSessions: [{ id: session, status: "completed", type: "chat" }],
    });
    expect(await liveSessions(host)).toEqual([]);
    await eventually("recorded", async () => (await recordOf(session))?.["status"] === "completed");
  });

  test("of both sides at once ends one session once", async () => {
    const { session, host, seeker } = pairs.take();
    const answers = await Promise.all([host.post(CANCEL_ALL), seeker.post(CANCEL_ALL)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.flatMap(({ body }) => body.data.completedActive)).toContain(session);
    expect([await liveSessions(host), await liveSessions(seeker)]).toEqual([[], []]);
  });
});

describe("details", () => {
  const card = (who: Learner) => ({ id: who.id, name: TEXT, email: "", profilePicture: null });

  test("have the shape of the contract", async () => {
    const { session, host, seeker } = pairs.take();
    const read = async (who: Learner) => {
      const answer = await who.get(at.details(session));
      expect(answer.status).toBe(200);
      return answer;
    };
    const entry = (who: Learner, role: string) =>
      expect.objectContaining({
        ...card(who),
        role,
        isActive: true,
        joinedAt: TIME,
        duration: 0,
        user: embedded(who),
      });
    expect((await read(seeker)).body).toMatchObject({
      success: true,
      data: {
        session: {
          id: session,
          sessionId: expect.stringMatching(/^chat_\d+_/),
          sessionType: "chat",
          title: TEXT,
          description: TEXT,
          host: card(host),
          participants: [entry(host, "host"), entry(seeker, "participant")],
          status: "active",
          scheduledAt: TIME,
          startedAt: TIME,
          duration: 0,
          chatSession: { totalMessages: 0 },
          createdAt: TIME,
        },
      },
    });
    expect((await read(host)).body.data.session).not.toHaveProperty("endedAt");
    await host.post(at.say(session), { message: "one", messageType: "text" });
    const { chatSession } = (await read(host)).body.data.session;
    expect(chatSession).toEqual({ totalMessages: 1, lastMessageAt: TIME });

    await seeker.post(at.leave(session));
    const ended = (await read(host)).body.data.session;
    expect(ended).toMatchObject({ status: "completed", endedAt: TIME, chatSession: { totalMessages: 1 } });
    for (const participant of ended.participants) {
      expect(participant).toMatchObject({ isActive: false, leftAt: ended.endedAt, duration: ended.duration });
    }
  });

  test("hold neither session descriptions nor candidates", async () => {
    const { session, host, seeker } = pairs.take();
    await host.post(at.offer(session), { type: "offer", sdp: "v=0 secret-sdp-of-host" });
    await seeker.post(at.answer(session), { type: "answer", sdp: "v=0 secret-sdp-of-seeker" });
    await seeker.post(at.ice(session), { candidate: "secret-candidate 10.0.0.7" });
    for (const side of [host, seeker]) {
      const { text } = await side.get(at.details(session));
      for (const part of ["secret", "sdp", "signaling", "iceCandidates"]) expect(text).not.toContain(part);
    }
    await host.post(at.leave(session));
    await eventually("recorded", async () => (await recordOf(session))?.["status"] === "completed");
    expect(JSON.stringify(await recordOf(session))).not.toContain("secret");
  });

  test("keep the fields that no client reads", async () => {
    const { session, host } = pairs.take();
    const shown = (await host.get(at.details(session))).body.data.session;
    expect(shown.callSession).toMatchObject({
      isGroupCall: false,
      maxParticipants: 2,
      settings: { allowChat: true },
    });
    const media = {
      micEnabled: true,
      cameraEnabled: false,
      isSpeaking: false,
      audioLevel: 0,
      videoQuality: "high",
    };
    for (const participant of shown.participants) expect(participant).toMatchObject(media);
  });
});

describe("leave", () => {
  test("ends a session once and for both, whoever repeats it", async () => {
    const { session, host, seeker } = pairs.take();
    const first = await host.post(at.leave(session));
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      success: true,
      message: TEXT,
      data: { sessionId: session, status: "completed", duration: expect.any(Number) },
    });
    await eventually("recorded", async () => (await recordOf(session))?.["status"] === "completed");
    const record = (await recordOf(session))!;
    const [start, end] = [record["startedAt"], record["endedAt"]] as [Date, Date];
    expect(record["duration"]).toBe(Math.round((end.getTime() - start.getTime()) / 1000));
    expect(first.body.data.duration).toBe(record["duration"]);
    for (const participant of record["participants"]) {
      expect(participant).toMatchObject({ isActive: false, leftAt: end, duration: record["duration"] });
    }
    for (const side of [seeker, host, seeker]) {
      const again = await side.post(at.leave(session));
      expect(again.status).toBe(200);
      expect(again.body).toEqual(first.body);
    }
    await host.post(CANCEL_ALL);
    const { endedAt, status, duration } = (await recordOf(session))!;
    expect({ endedAt, status, duration }).toEqual({
      endedAt: end,
      status: "completed",
      duration: record["duration"],
    });
  });

  test("of both sides at the same moment gives both the same answer", async () => {
    const { session, host, seeker } = pairs.take();
    const [a, b] = await Promise.all([host.post(at.leave(session)), seeker.post(at.leave(session))]);
    expect(a.status).toBe(200);
    expect(b.body).toEqual(a.body);
  });

  test("of a waiting session cancels it", async () => {
    const host = singles.take();
    const session = await startWaiting(host);
    const data = { sessionId: session, status: "cancelled", duration: 0 };
    expect((await host.post(at.leave(session))).body.data).toEqual(data);
    expect((await host.post(at.leave(session))).body.data).toEqual(data);
    expect(await liveSessions(host)).toEqual([]);
    await eventually("recorded", async () => (await recordOf(session))?.["status"] === "cancelled");
  });

  test("frees both for the next one", async () => {
    const { session, host, seeker } = pairs.take();
    await seeker.post(at.leave(session));
    const next = await startWaiting(seeker);
    expect(next).not.toBe(session);
    expect(await startWaiting(host)).toBe(next);
    expect(await liveSessions(host)).toEqual([next]);
  });

  test("by a stranger changes nothing", async () => {
    const { session, host, seeker } = pairs.take();
    const stranger = pairs.take().host;
    expectError(await stranger.post(at.leave(session)), 403);
    await stranger.post(CANCEL_ALL);
    for (const side of [host, seeker]) expect(await liveSessions(side)).toEqual([session]);
  });
});

describe("who may", () => {
  let pair: Pair;
  beforeAll(() => void (pair = pairs.take()));
  testAccess(
    [
      { name: "details", method: "GET", path: at.details },
      { name: "leave", method: "POST", path: at.leave },
    ],
    () => pair,
  );

  test("sessions/active and cancel-all need a token", async () => {
    const { call } = await import("../support/client.ts");
    for (const [method, path] of [
      ["GET", ACTIVE],
      ["POST", CANCEL_ALL],
    ] as const) {
      expectError(await call(method, path), 401, "Access token required");
      expectError(await call(method, path, { token: "a.b.c" }), 401);
    }
    expect(await liveSessions(pair.host)).toEqual([pair.session]);
  });

  test("many learners see their own sessions only", async () => {
    const several = [pairs.take(), pairs.take(), pairs.take()];
    for (const { session, host, seeker } of several) {
      for (const side of [host, seeker]) expect(await liveSessions(side)).toEqual([session]);
    }
    await withDatabase(async (db) => {
      const ids = several.map(({ session }) => new ObjectId(session));
      await eventually(
        "recorded",
        async () => (await db.collection("sessions").countDocuments({ _id: { $in: ids } })) === 3,
      );
    });
    expect(ID).toBeDefined();
  });
});
