/** What takes its time: leases of the queue, and feature switches that are cached for some seconds. */
import { ObjectId } from "mongodb";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import {
  type Answer,
  type Learner,
  RoomSocket,
  createLearners,
  createRegion,
  eventually,
  setFeature,
  withDatabase,
} from "../support/client.ts";
import { ACTIVE, CANCEL_ALL, FIND, expectError, liveSessions, recordOf } from "./sessions.support.ts";

const find = (who: Learner, sessionType = "chat", more: object = {}): Promise<Answer> =>
  who.post(FIND, { sessionType, ...more });
const learners = async (many: number): Promise<Learner[]> => createLearners(await createRegion(), many);
/** x-signaling.recommended-leases.waiting */
const LEASE = 20_000;

describe.concurrent("a waiter", { timeout: 60_000 }, () => {
  test("who is silent for longer than his lease is not matched, and his session is cancelled", async () => {
    const [silent, seeker] = await learners(2);
    const { id } = (await find(silent!)).body.data.session;
    await wait(LEASE + 500);
    const found = await find(seeker!);
    expect(found.body.data).toMatchObject({ partner: null, waitingInQueue: true });
    await eventually("cancelled", async () => (await recordOf(id))?.["status"] === "cancelled");
    expect(await recordOf(id)).toMatchObject({ duration: 0, endedAt: expect.any(Date) });
    expect((await recordOf(id))!["participants"]).toHaveLength(1);
    expect(await liveSessions(silent!)).toEqual([]);
    // He may come again at once.
    expect((await find(silent!)).body.data.partner.id).toBe(seeker!.id);
  });

  test("who asks every few seconds is matched after any time", async () => {
    const [patient, seeker] = await learners(2);
    const { id } = (await find(patient!)).body.data.session;
    for (const end = Date.now() + LEASE + 5_000; Date.now() < end;) {
      expect(await liveSessions(patient!)).toEqual([id]);
      await wait(2_000);
    }
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
    for (const end = Date.now() + LEASE + 8_000; Date.now() < end;) {
      socket.socket.send('{"t":"ping"}');
      await wait(4_000);
    }
    const found = await find(seeker!);
    expect(found.body.data).toMatchObject({ partner: { id: holder!.id }, session: { id, status: "active" } });
    await socket.next((frame) => frame.t === "session.status" && frame.d.status === "active");
    socket.close();
  });
});

describe.concurrent("the paid gate", { timeout: 60_000 }, () => {
  afterAll(async () => {
    await setFeature("voice_calls", true, false);
    await setFeature("video_calls", true, false);
  });

  const refused = (answer: Answer) => {
    expectError(answer, 403);
    expect(answer.body.code).toBe("SUBSCRIPTION_REQUIRED");
  };
  const day = 86_400_000;

  test("of voice and video calls", async () => {
    const [nobody, expired, subscriber, teacher, admin, ...free] = await learners(7);
    await withDatabase(async (db) => {
      const users = db.collection("users");
      const set = (who: Learner, fields: object) =>
        users.updateOne({ _id: new ObjectId(who.id) }, { $set: fields });
      await set(expired!, { "studentInfo.planExpiryDate": new Date(Date.now() - day) });
      await set(subscriber!, { "studentInfo.planExpiryDate": new Date(Date.now() + day) });
      await set(teacher!, { role: "teacher" });
      await set(admin!, { role: "admin" });
      await db.collection("features").deleteMany({ key: "voice_calls" });
    });
    await setFeature("video_calls", false, false);
    const everybody = [nobody!, expired!, subscriber!, teacher!, admin!];

    // No such feature, and one that is switched off: closed to all. A chat never is.
    const isClosed = async (kind: string) => {
      const answer = await find(admin!, kind);
      if (answer.status === 200) await admin!.post(CANCEL_ALL);
      return answer.status === 403;
    };
    await eventually("closed", async () => (await isClosed("voice_call")) && (await isClosed("video_call")));
    for (const learner of everybody) {
      refused(await find(learner, "voice_call"));
      refused(await find(learner, "video_call"));
      // The gate comes before the checks of the body.
      refused(await find(learner, "video_call", { preferredLanguageLevel: "nonsense" }));
      expect(await liveSessions(learner)).toEqual([]);
    }
    expect((await find(free[0]!)).status).toBe(200);

    // Free for voice; paid for video: each kind has its own switch.
    await setFeature("voice_calls", true, false);
    await setFeature("video_calls", true, true);
    await eventually("open", async () => {
      const answer = await find(nobody!, "voice_call");
      if (answer.status === 200) await nobody!.post(CANCEL_ALL);
      return answer.status === 200;
    });
    for (const learner of everybody) {
      expect((await find(learner, "voice_call")).status).toBe(200);
      await learner.post(CANCEL_ALL);
    }
    for (const learner of [nobody!, expired!]) {
      refused(await find(learner, "video_call"));
      refused(await find(learner, "video_call", { preferredLanguageLevel: { $ne: 1 } }));
    }
    for (const learner of [subscriber!, teacher!, admin!]) {
      expect((await find(learner, "video_call")).status).toBe(200);
      expect((await learner.get(ACTIVE)).body.data.sessions).toHaveLength(1);
      await learner.post(CANCEL_ALL);
    }
  });
});
