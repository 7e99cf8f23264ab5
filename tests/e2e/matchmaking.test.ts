import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type Answer,
  type Learner,
  createLearners,
  createRegion,
  eventually,
  post,
  setFeature,
  withDatabase,
} from "../support/client.ts";
import {
  ACTIVE,
  CANCEL_ALL,
  FIND,
  ID,
  TEXT,
  at,
  expectError,
  expectFields,
  liveSessions,
  recordOf,
} from "./sessions.support.ts";

const find = (who: Learner, sessionType = "chat"): Promise<Answer> => who.post(FIND, { sessionType });
const waits = (answer: Answer): boolean => answer.body?.data?.waitingInQueue === true;
const partnerOf = (answer: Answer): string | undefined => answer.body?.data?.partner?.id;

/** Learners of a region of their own. */
const learners = async (many: number, region: Record<string, unknown> = {}): Promise<Learner[]> =>
  createLearners(await createRegion(region), many);

const change = (who: Learner, update: object) =>
  withDatabase((db) => db.collection("users").updateOne({ _id: new ObjectId(who.id) }, update));

beforeAll(async () => {
  await setFeature("voice_calls", true, false);
  await setFeature("video_calls", true, false);
  const [probe] = await learners(1);
  await eventually("the features are seen", async () => {
    const found = await find(probe!, "video_call");
    if (found.status === 200) await probe!.post(CANCEL_ALL);
    return found.status === 200;
  });
});

describe("the answers", () => {
  test.each(["chat", "voice_call", "video_call"])("of a match for %s", async (sessionType) => {
    const region = { name: `Répúblic ${ID.length}${Date.now()}${sessionType}` };
    const [host, seeker] = await learners(2, region);
    const picture = "https://example.com/host.png";
    await change(host!, { $set: { "studentInfo.educationLevel": "advanced", profilePicture: picture } });
    const waiting = await find(host!, sessionType);
    const session = { id: ID, sessionId: expect.stringMatching(/^chat_\d+_/), sessionType, title: TEXT };
    expect(waiting.body).toEqual({
      success: true,
      message: TEXT,
      data: {
        partner: null,
        waitingInQueue: true,
        session: { ...session, status: "waiting_for_partner" },
        regionInfo: { name: region.name, code: expect.stringMatching(/./) },
      },
    });
    const matched = await find(seeker!, sessionType);
    const handle = { ...session, id: waiting.body.data.session.id, status: "active" };
    expect(matched.body).toMatchObject({
      success: true,
      message: TEXT,
      data: {
        partner: { id: host!.id, name: TEXT, email: "", profilePicture: picture, languageLevel: "advanced" },
        session: { ...handle, sessionId: waiting.body.data.session.sessionId },
      },
    });
    expect(matched.body.data).not.toHaveProperty("waitingInQueue");
    expect(matched.text).not.toContain(host!.email);
    expect(matched.text).not.toContain(host!.phone);
    expect(matched.headers.get("cache-control")).toContain("no-store");
    await eventually("the record is there", async () => (await recordOf(handle.id))?.["status"] === "active");
    expect(await recordOf(handle.id)).toMatchObject({
      sessionType,
      sessionId: handle.sessionId,
      host: new ObjectId(host!.id),
      hostRegion: new ObjectId(host!.region),
      participants: [
        { user: new ObjectId(host!.id), role: "host", isActive: true },
        { user: new ObjectId(seeker!.id), role: "participant", isActive: true },
      ],
      startedAt: expect.any(Date),
      scheduledAt: expect.any(Date),
      ...(sessionType === "chat"
        ? {}
        : { callSession: { callType: sessionType === "voice_call" ? "voice" : "video" } }),
    });
  });

  test("kinds of sessions and regions are not mixed", async () => {
    const region = await learners(6);
    const elsewhere = await learners(1);
    const kinds = ["chat", "voice_call", "video_call"];
    for (const [n, kind] of kinds.entries()) expect(waits(await find(region[n]!, kind)), kind).toBe(true);
    expect(waits(await find(elsewhere[0]!))).toBe(true);
    for (const [n, kind] of kinds.entries()) {
      expect(partnerOf(await find(region[3 + n]!, kind)), kind).toBe(region[n]!.id);
    }
  });

  test("whoever is in a session stays in it", async () => {
    const [host, seeker] = await learners(2);
    const { id } = (await find(host!)).body.data.session;
    const refused = async (who: Learner, kind: string) => {
      const answer = await find(who, kind);
      expectError(answer, 400, "already in an active session");
      expect(answer.body.data).toEqual({ existingSessionId: id });
    };
    await refused(host!, "chat");
    await refused(host!, "voice_call");
    await find(seeker!);
    await refused(host!, "video_call");
    await refused(seeker!, "chat");
    expect(await liveSessions(host!)).toEqual([id]);
  });

  test("a level is accepted and does not keep anybody apart", async () => {
    const [a, b] = await learners(2);
    const levels = ["beginner", "advanced"].map((preferredLanguageLevel) => ({
      sessionType: "chat",
      preferredLanguageLevel,
    }));
    expect(waits(await a!.post(FIND, levels[0]))).toBe(true);
    expect(partnerOf(await b!.post(FIND, levels[1]))).toBe(a!.id);
  });
});

describe("refusals", () => {
  test("fields of the body", async () => {
    const [learner] = await learners(1);
    const type = { sessionType: "chat" };
    for (const [body, ...fields] of [
      [undefined, "sessionType"],
      [{}, "sessionType"],
      [[type], "sessionType"],
      [{ sessionType: "" }, "sessionType"],
      [{ sessionType: null }, "sessionType"],
      [{ sessionType: 1 }, "sessionType"],
      [{ sessionType: ["chat"] }, "sessionType"],
      [{ sessionType: { $ne: null } }, "sessionType"],
      [{ sessionType: "Chat" }, "sessionType"],
      [{ sessionType: "group_chat" }, "sessionType"],
      [{ ...type, preferredLanguageLevel: "expert" }, "preferredLanguageLevel"],
      [{ ...type, preferredLanguageLevel: { $gt: "" } }, "preferredLanguageLevel"],
      [{ sessionType: "nope", preferredLanguageLevel: 3 }, "preferredLanguageLevel", "sessionType"],
    ] as [unknown, ...string[]][]) {
      expectFields(await learner!.post(FIND, body), ...fields);
    }
    expectError(await post(FIND, { token: learner!.token, body: '{"sessionType":' }), 400);
    expectError(await post(FIND, { body: type }), 401, "Access token required");
    expect(await liveSessions(learner!)).toEqual([]);
  });

  test("a form is read like JSON", async () => {
    const [learner] = await learners(1);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    expect(waits(await post(FIND, { token: learner!.token, headers, body: "sessionType=chat" }))).toBe(true);
  });

  test("a learner without a region, or with one that is gone", async () => {
    const [none, gone] = await learners(2);
    await change(none!, { $unset: { region: 1 } });
    await change(gone!, { $set: { region: new ObjectId() } });
    for (const learner of [none!, gone!]) {
      const answer = await find(learner);
      expectError(answer, 400);
      expect(answer.body).not.toHaveProperty("data.existingSessionId");
      expect(await liveSessions(learner)).toEqual([]);
    }
  });
});

describe("the queue", () => {
  test.each([
    ["cancel-all", (who: Learner) => who.post(CANCEL_ALL)],
    ["leave", (who: Learner, session: string) => who.post(at.leave(session))],
  ])("whoever gave up with %s is not matched, until he comes again", async (_, giveUp) => {
    const [host, seeker] = await learners(2);
    const first = (await find(host!)).body.data.session.id;
    await giveUp(host!, first);
    const { body } = await find(seeker!);
    expect(body.data.waitingInQueue).toBe(true);
    expect(body.data.session.id).not.toBe(first);
    expect(partnerOf(await find(host!))).toBe(seeker!.id);
  });

  test("two requests at once of one learner give him one session", async () => {
    const [learner, other] = await learners(2);
    const answers = await Promise.all(["chat", "chat", "voice_call"].map((kind) => find(learner!, kind)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
    const { id } = answers.find(({ status }) => status === 200)!.body.data.session;
    expect(await liveSessions(learner!)).toEqual([id]);
    for (const kind of ["chat", "voice_call"]) {
      const found = await find(other!, kind);
      if (partnerOf(found) === learner!.id) expect(found.body.data.session.id).toBe(id);
      await other!.post(CANCEL_ALL);
    }
    expect(await liveSessions(learner!)).toEqual([]);
  });

  test("fifty at the same moment make 25 pairs", async () => {
    const all = await learners(50);
    // Everybody is known before the race begins.
    await Promise.all(all.map((learner) => learner.get(ACTIVE)));
    const answers = await Promise.all(all.map((learner) => find(learner)));
    expect(answers.map(({ status }) => status)).toEqual(all.map(() => 200));
    const matched = answers.filter((answer) => partnerOf(answer) !== undefined);
    expect(matched).toHaveLength(25);
    expect(answers.filter(waits)).toHaveLength(25);

    const members = new Map<string, string[]>();
    for (const learner of all) {
      const live = (await learner.get(ACTIVE)).body.data.sessions;
      expect(live).toHaveLength(1);
      expect(live[0]).toMatchObject({ status: "active" });
      expect(live[0].participants).toHaveLength(2);
      members.set(live[0]._id, [...(members.get(live[0]._id) ?? []), learner.id]);
    }
    expect(members.size).toBe(25);
    for (const [n, answer] of answers.entries()) {
      const together = members.get(answer.body.data.session.id)!;
      expect(together).toHaveLength(2);
      expect(together).toContain(all[n]!.id);
      const partner = partnerOf(answer);
      if (partner !== undefined) expect(together).toContain(partner);
    }
    await eventually("25 active records", () =>
      withDatabase(async (db) => {
        const region = new ObjectId(all[0]!.region);
        const found = await db.collection("sessions").find({ hostRegion: region }).toArray();
        if (found.some(({ status }) => status !== "active")) return false;
        const listed = found.map((record) =>
          record["participants"].map(({ user }: { user: ObjectId }) => String(user)),
        );
        expect(listed.flat()).toHaveLength(new Set(listed.flat()).size);
        return found.length === 25 && listed.every((users) => users.length === 2);
      }),
    );
  });

  test("giving up and being found at the same moment leaves both with the same truth", async () => {
    const people = await learners(24);
    for (let n = 0; n < people.length; n += 2) {
      const [host, seeker] = [people[n]!, people[n + 1]!];
      const { id } = (await find(host)).body.data.session;
      const race = [() => host.post(CANCEL_ALL), () => find(seeker)];
      const [cancelled, found] = (await Promise.all(
        n % 4 === 0
          ? race.map((go) => go())
          : race
              .reverse()
              .map((go) => go())
              .reverse(),
      )) as [Answer, Answer];
      expect([cancelled.status, found.status]).toEqual([200, 200]);
      expect(await liveSessions(host)).toEqual([]);
      expect(await liveSessions(seeker)).toEqual(waits(found) ? [found.body.data.session.id] : []);
      await eventually("the record says it", async () => {
        const record = await recordOf(id);
        return record?.["status"] === (waits(found) ? "cancelled" : "completed");
      });
      await seeker.post(CANCEL_ALL);
    }
  });

  test("giving up while asking leaves nobody in the queue unknown to himself", async () => {
    const people = await learners(24);
    for (let n = 0; n < people.length; n += 2) {
      const [host, seeker] = [people[n]!, people[n + 1]!];
      await Promise.all([find(host), host.post(CANCEL_ALL)]);
      const before = await liveSessions(host);
      const found = await find(seeker);
      if (partnerOf(found) === host.id) {
        expect(before).toEqual([found.body.data.session.id]);
      } else {
        expect(before).toEqual([]);
      }
      await Promise.all([host.post(CANCEL_ALL), seeker.post(CANCEL_ALL)]);
    }
  });
});
