/** What takes its time, all at once: leases of queue, rooms and sockets, the record of a chat, cached feature switches. */
import { ObjectId } from "mongodb";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type Answer,
  type Learner,
  type Pair,
  RoomSocket,
  createLearners,
  createRegion,
  eventually,
  setFeature,
  withDatabase,
} from "../support/client.ts";
import {
  CANCEL_ALL,
  FIND,
  at,
  createPairs,
  expectError,
  liveSessions,
  recordOf,
  taker,
} from "./sessions.support.ts";

vi.setConfig({ maxConcurrency: 30, testTimeout: 150_000 });

/** x-signaling.recommended-leases */
const [WAITING_LEASE, CALL_LEASE] = [20_000, 90_000];
const PING = '{"t":"ping"}';

const find = (who: Learner, sessionType = "chat", more: object = {}): Promise<Answer> =>
  who.post(FIND, { sessionType, ...more });
const learners = async (many: number): Promise<Learner[]> => createLearners(await createRegion(), many);
const statusOf = async (session: string) => (await recordOf(session))?.["status"];
const setUser = (who: Learner, fields: object) =>
  withDatabase((db) => db.collection("users").updateOne({ _id: new ObjectId(who.id) }, { $set: fields }));

/** Repeats something until a time has passed. */
async function keep(up: number, every: number, what: () => Promise<void> | void): Promise<void> {
  for (const end = Date.now() + up; Date.now() < end; await wait(every)) await what();
}

const calls = taker<Pair>();
const chats = taker<Pair>();
const videoCalls = taker<Pair>();

beforeAll(async () => {
  await setFeature("voice_calls", true, false);
  await setFeature("video_calls", true, false);
  const [probe] = await learners(1);
  for (const kind of ["voice_call", "video_call"]) {
    await eventually("calls are open", async () => (await find(probe!, kind)).status === 200);
    await probe!.post(CANCEL_ALL);
  }
  videoCalls.fill(await createPairs(1, "video_call"));
  calls.fill(await createPairs(4, "voice_call"));
  chats.fill(await createPairs(4));
});

afterAll(async () => {
  await setFeature("voice_calls", true, false);
  await setFeature("video_calls", true, false);
});

describe.concurrent("a waiter", () => {
  test("who is silent for longer than his lease is not matched, and his session is cancelled", async () => {
    const [silent, seeker] = await learners(2);
    const { id } = (await find(silent!)).body.data.session;
    await wait(WAITING_LEASE + 500);
    const found = await find(seeker!);
    expect(found.body.data).toMatchObject({ partner: null, waitingInQueue: true });
    await eventually("cancelled", async () => (await statusOf(id)) === "cancelled");
    expect(await recordOf(id)).toMatchObject({ duration: 0, endedAt: expect.any(Date) });
    expect((await recordOf(id))!["participants"]).toHaveLength(1);
    expect(await liveSessions(silent!)).toEqual([]);
    // He may come again at once.
    expect((await find(silent!)).body.data.partner.id).toBe(seeker!.id);
  });

  test("whose region is quiet is taken out of the queue all the same", async () => {
    const [silent] = await learners(1);
    const { id } = (await find(silent!)).body.data.session;
    await eventually("cancelled", async () => (await statusOf(id)) === "cancelled", WAITING_LEASE / 1000 + 5);
  });

  test("who asks every few seconds is matched after any time", async () => {
    const [patient, seeker] = await learners(2);
    const { id } = (await find(patient!)).body.data.session;
    await keep(WAITING_LEASE + 5_000, 2_000, async () => expect(await liveSessions(patient!)).toEqual([id]));
    const found = await find(seeker!);
    expect(found.body.data).toMatchObject({
      partner: { id: patient!.id },
      session: { id, status: "active" },
    });
  });

  test("who holds a socket instead is matched after any time, and hears of it", async () => {
    const [holder, seeker] = await learners(2);
    const { id } = (await find(holder!)).body.data.session;
    const socket = await RoomSocket.join(id, holder!.token);
    await keep(WAITING_LEASE + 8_000, 4_000, () => socket.socket.send(PING));
    const found = await find(seeker!);
    expect(found.body.data).toMatchObject({ partner: { id: holder!.id }, session: { id, status: "active" } });
    await socket.next((frame) => frame.t === "session.status" && frame.d.status === "active");
    socket.close();
  });

  test.each(["deactivated", "deleted"])(
    "who was %s is passed over, and his session is cancelled",
    async (how) => {
      const [gone, next] = await learners(2);
      const { id } = (await find(gone!)).body.data.session;
      if (how === "deactivated") await setUser(gone!, { isActive: false });
      else await withDatabase((db) => db.collection("users").deleteOne({ _id: new ObjectId(gone!.id) }));
      // Accounts may be trusted for some seconds, but not for as long as the lease of a waiter.
      await wait(10_500);
      expect((await find(next!)).body.data).toMatchObject({ partner: null, waitingInQueue: true });
      await eventually("cancelled", async () => (await statusOf(id)) === "cancelled", 15);
    },
  );
});

describe.concurrent("a call", () => {
  test("of which both sides fell silent is completed", async () => {
    const { session, host, seeker } = calls.take();
    await wait(CALL_LEASE);
    await eventually("completed", async () => (await statusOf(session)) === "completed", 12);
    for (const side of [host, seeker]) expect(await liveSessions(side)).toEqual([]);
  });

  test("of which one side fell silent is completed, and the other sees it", async () => {
    const { session, host, seeker } = calls.take();
    const started = Date.now();
    let live = [session];
    await keep(CALL_LEASE + 12_000, 3_000, async () => {
      live = await liveSessions(host);
      if (Date.now() - started < CALL_LEASE - 1_000) expect(live).toEqual([session]);
    });
    expect(live).toEqual([]);
    await eventually("completed", async () => (await statusOf(session)) === "completed");
    expect(String((await recordOf(session))!["endedBy"])).toBe(seeker.id);
  });

  test("tells the socket of one side that the other fell silent", async () => {
    const { session, host, seeker } = calls.take();
    const socket = await RoomSocket.join(session, host.token);
    await keep(CALL_LEASE + 12_000, 8_000, () => socket.socket.send(PING));
    const over = await socket.next((frame) => frame.t === "session.status", 1);
    expect(over.d).toMatchObject({
      status: "completed",
      reason: "lease_expired",
      endedBy: { id: seeker.id },
    });
    socket.close();
  });

  test("lives as long as one side polls and the other holds a socket", async () => {
    const { session, host, seeker } = calls.take();
    const socket = await RoomSocket.join(session, seeker.token);
    await keep(CALL_LEASE + 12_000, 3_000, async () => {
      socket.socket.send(PING);
      expect(await liveSessions(host)).toEqual([session]);
    });
    expect(socket.closed).toBeUndefined();
    expect(await statusOf(session)).toBe("active");
    socket.close();
  });
});

describe.concurrent("a socket", () => {
  test("that is silent for 30 s is closed, and one that pings is not", async () => {
    const { session, host, seeker } = chats.take();
    const [silent, lively] = [
      await RoomSocket.join(session, host.token),
      await RoomSocket.join(session, seeker.token),
    ];
    const opened = Date.now();
    let closedAfter = 0;
    silent.socket.on("close", () => (closedAfter = Date.now() - opened));
    await keep(45_000, 8_000, () => lively.socket.send(PING));
    expect(await silent.untilClosed(1)).toMatchObject({ code: 4408 });
    expect(closedAfter).toBeGreaterThan(29_000);
    expect(lively.closed).toBeUndefined();
    // The room lives on, and the silent one may come back.
    const again = await RoomSocket.join(session, host.token);
    again.send("chat.send", { message: "back" }, "back");
    expect((await lively.next((frame) => frame.t === "chat.message")).d.message).toBe("back");
    again.close();
    lively.close();
  });
});

describe.concurrent("a chat", () => {
  test("that goes on is in the database within 30 s", async () => {
    const { session, host, seeker } = chats.take();
    for (const [n, side] of [host, seeker, host].entries()) {
      const said = await side.post(at.say(session), { message: `line ${n}`, messageType: "text" });
      expect(said.status).toBe(200);
    }
    const lines = async () =>
      ((await recordOf(session))?.["chatSession"]?.messages ?? []) as { message: string }[];
    await eventually("recorded", async () => (await lines()).length === 3, 31);
    expect((await lines()).map(({ message }) => message)).toEqual(["line 0", "line 1", "line 2"]);
    expect(await recordOf(session)).toMatchObject({ status: "active", chatSession: { totalMessages: 3 } });
    expect(await liveSessions(host)).toEqual([session]);
  });
});

describe.concurrent("the paid gate", () => {
  const refused = (answer: Answer) => {
    expectError(answer, 403);
    expect(answer.body.code).toBe("SUBSCRIPTION_REQUIRED");
  };
  const day = 86_400_000;

  test("of voice and video calls", async () => {
    const [free, expired, subscriber, teacher, admin, chatting] = await learners(6);
    await setUser(expired!, { "studentInfo.planExpiryDate": new Date(Date.now() - day) });
    await setUser(subscriber!, { "studentInfo.planExpiryDate": new Date(Date.now() + day) });
    await setUser(teacher!, { role: "teacher" });
    await setUser(admin!, { role: "admin" });
    await withDatabase((db) => db.collection("features").deleteMany({ key: "voice_calls" }));
    await setFeature("video_calls", false, false);
    const everybody = [free!, expired!, subscriber!, teacher!, admin!];
    const answers = async (status: number, kind: string) => {
      const answer = await find(admin!, kind);
      if (answer.status === 200) await admin!.post(CANCEL_ALL);
      return answer.status === status;
    };

    // No such feature, and one that is switched off: closed to all. A chat never is.
    for (const kind of ["voice_call", "video_call"]) await eventually("closed", () => answers(403, kind));
    for (const learner of everybody) {
      refused(await find(learner, "voice_call"));
      refused(await find(learner, "video_call"));
      // The gate comes before the checks of the body.
      refused(await find(learner, "video_call", { preferredLanguageLevel: "nonsense" }));
      expect(await liveSessions(learner)).toEqual([]);
    }
    expect((await find(chatting!)).status).toBe(200);

    // Free for voice, paid for video: each kind has its own switch.
    await setFeature("voice_calls", true, false);
    await setFeature("video_calls", true, true);
    for (const kind of ["voice_call", "video_call"]) await eventually("open", () => answers(200, kind));
    for (const learner of everybody) {
      expect((await find(learner, "voice_call")).status).toBe(200);
      await learner.post(CANCEL_ALL);
    }
    for (const learner of [free!, expired!]) {
      refused(await find(learner, "video_call"));
      refused(await find(learner, "video_call", { preferredLanguageLevel: { $ne: 1 } }));
    }
    for (const learner of [subscriber!, teacher!, admin!]) {
      expect((await find(learner, "video_call")).status).toBe(200);
      expect(await liveSessions(learner)).toHaveLength(1);
      await learner.post(CANCEL_ALL);
    }
  });

  test("stays open to whoever is in a call already, and closes with its end", async () => {
    const { session, host } = videoCalls.take();
    const recorded = new ObjectId();
    await withDatabase((db) =>
      db.collection("sessions").insertOne({
        _id: recorded,
        sessionId: `video_${recorded.toHexString()}`,
        sessionType: "video_call",
        host: new ObjectId(host.id),
        participants: [{ _id: new ObjectId(), user: new ObjectId(host.id), role: "host" }],
        status: "completed",
        createdAt: new Date(),
      }),
    );
    const [probe] = await learners(1);
    await eventually("video calls are closed", async () => {
      const answer = await find(probe!, "video_call");
      if (answer.status === 200) await probe!.post(CANCEL_ALL);
      return answer.status === 403;
    });
    expect((await host.get(at.details(session))).status).toBe(200);
    await host.post(at.leave(session));
    refused(await host.get(at.details(session)));
    refused(await host.get(at.details(recorded.toHexString())));
  });
});
