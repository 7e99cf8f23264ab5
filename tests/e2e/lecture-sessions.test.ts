import { describe, expect, test } from "vitest";
import { type Document, ObjectId } from "mongodb";
import { type Learner, call, unique, withDatabase } from "../support/client.ts";
import { NO_IDS, ago, cohort, exactly, oid, refused, told } from "./groups.support.ts";
import { idsOf, plantSessions, sessionOf } from "./my-sessions.support.ts";
import { ID, TEXT, TIME, expectError, nobody, recordOf } from "./sessions.support.ts";

const SAVE = "/api/sessions/lectures/create-or-update";
const ACTIVE = "/api/sessions/lectures/active";
const way = (id: string, rest: "progress" | "bookmark" | "notes") => `/api/sessions/lectures/${id}/${rest}`;
const duo = async () => (await cohort(2)) as [Learner, Learner];
const save = (who: Learner, lectureId: unknown, fields: object = {}) =>
  who.post(SAVE, { lectureId, ...fields });
const saved = async (who: Learner, lectureId: string, fields: object = {}) =>
  told(await save(who, lectureId, fields));
const progress = (who: Learner, id: string, body: object) => who.post(way(id, "progress"), body);
const active = async (who: Learner) => told(await who.get(ACTIVE));

async function plantLecture(fields: Document = {}): Promise<string> {
  const _id = new ObjectId();
  await withDatabase((db) =>
    db.collection("videolectures").insertOne({
      _id,
      title: `Lecture ${unique()}`,
      description: "About verbs",
      videoUrl: `https://example.com/${_id.toHexString()}.mp4`,
      thumbnailUrl: "https://example.com/t.png",
      duration: 1000,
      category: "grammar",
      difficulty: "beginner",
      instructor: oid(nobody()),
      isActive: true,
      isPublished: true,
      isPremium: false,
      requiresSubscription: false,
      createdAt: ago(1000),
      updatedAt: ago(1000),
      __v: 0,
      ...fields,
    }),
  );
  return _id.toHexString();
}

/** A session as the old server stored it. */
const watched = (who: Learner, lecture: string, lectureSession: object = {}, fields: object = {}) =>
  sessionOf([who.id], {
    sessionType: "lecture",
    status: "active",
    createdAt: ago(500),
    endedAt: undefined,
    duration: 0,
    lectureSession: {
      lecture: oid(lecture),
      watchTime: 100,
      totalDuration: 1000,
      completionPercentage: 10,
      isCompleted: false,
      lastWatchedAt: ago(400),
      watchHistory: [],
      bookmarks: [],
      ...lectureSession,
    },
    ...fields,
  });

describe("watching", () => {
  test("has the shape of the contract, from the first play on", async () => {
    const [who] = await duo();
    const lecture = await plantLecture();
    const { sessionId, ...first } = await saved(who, lecture, {
      totalDuration: 1000,
      position: 0,
      action: "play",
    });
    expect(sessionId).toEqual(ID);
    expect(first).toEqual({ lectureId: lecture, watchTime: 0, completionPercentage: 0, isCompleted: false });
    expect(await saved(who, lecture, { position: 123, action: "pause" })).toEqual({
      sessionId,
      lectureId: lecture,
      watchTime: 123,
      completionPercentage: 12,
      isCompleted: false,
    });
    const answer = await progress(who, sessionId, { position: 126, action: "play" });
    expect(told(answer)).toEqual({ watchTime: 126, completionPercentage: 13, isCompleted: false });
    expect(await recordOf(sessionId)).toMatchObject({
      sessionId: expect.stringMatching(/^lecture_\d+_/),
      sessionType: "lecture",
      host: oid(who.id),
      participants: [{ user: oid(who.id) }],
      status: "active",
      startedAt: expect.any(Date),
      lectureSession: { lecture: oid(lecture), watchTime: 126, totalDuration: 1000, isCompleted: false },
    });
  });

  test("needs no position, and counts one in the first call", async () => {
    const [who, other] = await duo();
    const lecture = await plantLecture();
    expect(await saved(who, lecture)).toMatchObject({ watchTime: 0, completionPercentage: 0 });
    expect(await saved(other, lecture, { position: 250, action: "play" })).toMatchObject({
      watchTime: 250,
      completionPercentage: 25,
    });
  });

  test("goes by the length of the lecture, whatever the phone says", async () => {
    const [who, other] = await duo();
    const lecture = await plantLecture({ duration: 200 });
    const { sessionId } = await saved(who, lecture, { totalDuration: 10 });
    expect(await saved(who, lecture, { totalDuration: 10, position: 50 })).toMatchObject({
      watchTime: 50,
      completionPercentage: 25,
      isCompleted: false,
    });
    expect(told(await progress(who, sessionId, { position: 60 }))).toMatchObject({
      completionPercentage: 30,
      isCompleted: false,
    });
    expect(await saved(other, lecture, { totalDuration: 4000, position: 100 })).toMatchObject({
      completionPercentage: 50,
    });
  });

  test("never goes back", async () => {
    const [who] = await duo();
    const lecture = await plantLecture();
    const [id] = await plantSessions(watched(who, lecture, { watchTime: 800, completionPercentage: 80 }));
    const report = async (position: number) => told(await progress(who, id!, { position, action: "play" }));
    expect(await report(300)).toEqual({ watchTime: 800, completionPercentage: 80, isCompleted: false });
    expect(await report(894)).toEqual({ watchTime: 894, completionPercentage: 89, isCompleted: false });
    expect(await report(895)).toEqual({ watchTime: 895, completionPercentage: 90, isCompleted: true });
    expect(await report(0)).toEqual({ watchTime: 895, completionPercentage: 90, isCompleted: true });
    expect(await report(1200)).toMatchObject({ completionPercentage: 100, isCompleted: true });
    expect(await saved(who, lecture, { position: 5 })).toMatchObject({
      sessionId: id,
      completionPercentage: 100,
      isCompleted: true,
    });
  });

  test("keeps an old mark of completion", async () => {
    const [who] = await duo();
    const lecture = await plantLecture();
    const [id] = await plantSessions(watched(who, lecture, { isCompleted: true }));
    expect(told(await progress(who, id!, { position: 110 }))).toMatchObject({ isCompleted: true });
  });

  test("a jump to the end is no watching", async () => {
    const [who] = await duo();
    const lecture = await plantLecture();
    const { sessionId } = await saved(who, lecture, { position: 10, action: "play" });
    const jump = told(await progress(who, sessionId, { position: 990, action: "seek" }));
    expect(jump.isCompleted).toBe(false);
    expect((await saved(who, lecture, { position: 995, action: "seek" })).isCompleted).toBe(false);
  });

  test("is one session a user and lecture, whatever its state", async () => {
    const [who, other] = await duo();
    const [first, second] = [await plantLecture(), await plantLecture()];
    const [done] = await plantSessions(watched(who, first, {}, { status: "completed" }));
    expect((await saved(who, first, { position: 200 })).sessionId).toBe(done);
    const { sessionId } = await saved(who, second);
    expect(sessionId).not.toBe(done);
    expect((await saved(other, first)).sessionId).not.toBe(done);
    expect((await saved(who, second, { position: 1 })).sessionId).toBe(sessionId);
  });

  test("is one session, however many calls come at once", async () => {
    const [who] = await duo();
    const lecture = await plantLecture();
    const answers = await Promise.all(
      [10, 20, 30, 40, 50, 60].map((position) => save(who, lecture, { position, action: "play" })),
    );
    expect(new Set(answers.map((answer) => told(answer).sessionId)).size).toBe(1);
    expect(idsOf(told(await who.get("/api/sessions/my-sessions?sessionType=lecture")))).toHaveLength(1);
    expect((await saved(who, lecture)).watchTime).toBe(60);
  });

  test("is refused with wrong fields", async () => {
    const [who] = await duo();
    const lecture = await plantLecture();
    for (const id of [undefined, null, "", "nope", lecture.slice(1), { $ne: "" }, [lecture], 7]) {
      expectError(await save(who, id), 400);
    }
    for (const fields of [
      { position: "far" },
      { position: {} },
      { position: [1] },
      { action: "stop" },
      { action: { $ne: "" } },
      { totalDuration: "long" },
      { totalDuration: {} },
    ]) {
      expectError(await save(who, lecture, fields), 400);
    }
    expectError(await save(who, nobody()), 404);
    expectError(await who.post(SAVE), 400);
    expect(await active(who)).toBe(null);
    const { sessionId } = await saved(who, lecture);
    for (const body of [
      {},
      { action: "play" },
      { position: null },
      { position: "far" },
      { position: { $gt: 0 } },
      { position: 5, action: "stop" },
      { position: 5, action: ["play"] },
    ]) {
      expectError(await progress(who, sessionId, body), 400);
    }
    expectError(await who.post(way(sessionId, "progress")), 400);
    for (const action of ["play", "pause", "seek", "complete"]) {
      told(await progress(who, sessionId, { position: 5, action }));
    }
  });
});

describe("the lecture being watched", () => {
  test("is none", async () => {
    const [who, other] = await duo();
    const lecture = await plantLecture();
    await plantSessions(watched(who, lecture, {}, { status: "completed" }), watched(other, lecture));
    const answer = await who.get(ACTIVE);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ success: true, message: TEXT, data: null });
  });

  test("has the shape of the contract", async () => {
    const [who] = await duo();
    const lecture = await plantLecture({ title: "Verbs" });
    const { sessionId } = await saved(who, lecture, { position: 100 });
    const { lectureSession, ...rest } = await active(who);
    expect(rest).toEqual({ sessionId, status: "active", startedAt: TIME });
    expect(lectureSession).toMatchObject({
      watchTime: 100,
      totalDuration: 1000,
      completionPercentage: 10,
      isCompleted: false,
      lastWatchedAt: TIME,
      bookmarks: [],
    });
    exactly(lectureSession.lecture, {
      _id: lecture,
      title: "Verbs",
      description: "About verbs",
      duration: 1000,
      videoUrl: `https://example.com/${lecture}.mp4`,
      thumbnailUrl: "https://example.com/t.png",
    });
  });

  test("is the one watched last, not the one begun last", async () => {
    const [who] = await duo();
    const [first, second] = [await plantLecture(), await plantLecture()];
    const [older, newer] = await plantSessions(
      watched(who, first, { lastWatchedAt: ago(10) }, { createdAt: ago(900) }),
      watched(who, second, { lastWatchedAt: ago(300) }, { createdAt: ago(400) }),
    );
    expect((await active(who)).sessionId).toBe(older);
    told(await progress(who, newer!, { position: 120 }));
    expect((await active(who)).sessionId).toBe(newer);
  });

  test("may be gone", async () => {
    const [who] = await duo();
    const [id] = await plantSessions(watched(who, nobody()));
    expect(await active(who)).toMatchObject({ sessionId: id, lectureSession: { lecture: null } });
  });

  test("keeps the address of a premium video from whoever has not paid", async () => {
    const lecture = await plantLecture({ isPremium: true, requiresSubscription: true });
    const [poor] = await duo();
    const [rich] = await cohort(1, {
      studentInfo: { planExpiryDate: new Date(Date.now() + 86_400_000), currentPlan: new ObjectId() },
    });
    await plantSessions(watched(poor, lecture), watched(rich!, lecture));
    const hidden = await poor.get(ACTIVE);
    expect(hidden.status, hidden.text).toBe(200);
    expect(hidden.text).not.toContain(".mp4");
    expect((await active(rich!)).lectureSession.lecture.videoUrl).toBe(`https://example.com/${lecture}.mp4`);
  });
});

describe("bookmarks", () => {
  test("are all sent back, in order", async () => {
    const [who] = await duo();
    const { sessionId } = await saved(who, await plantLecture());
    const add = async (body: object) => told(await who.post(way(sessionId, "bookmark"), body)).bookmarks;
    const [first] = await add({ position: 125 });
    expect(first).toEqual({
      _id: ID,
      position: 125,
      title: expect.stringContaining("2:05"),
      note: "",
      createdAt: TIME,
    });
    const both = await add({ position: 7.5, title: " Verbs ", note: " Look up " });
    expect(both).toHaveLength(2);
    expect(both[0]).toEqual(first);
    expect(both[1]).toMatchObject({ position: 7.5, title: "Verbs", note: "Look up" });
    expect((await active(who)).lectureSession.bookmarks).toEqual(both);
  });

  test("said at once are all kept", async () => {
    const [who] = await duo();
    const { sessionId } = await saved(who, await plantLecture());
    await Promise.all([1, 2, 3, 4, 5].map((position) => who.post(way(sessionId, "bookmark"), { position })));
    expect((await active(who)).lectureSession.bookmarks).toHaveLength(5);
  });

  test("want a position, and texts of some length", async () => {
    const [who] = await duo();
    const { sessionId } = await saved(who, await plantLecture());
    for (const body of [
      {},
      { position: null },
      { position: "there" },
      { position: {} },
      { position: 1, title: { $ne: "" } },
      { position: 1, note: ["a"] },
      { position: 1, note: "n".repeat(20_000) },
      { position: 1, title: "t".repeat(20_000) },
    ]) {
      expectError(await who.post(way(sessionId, "bookmark"), body), 400);
    }
    expect((await active(who)).lectureSession.bookmarks).toEqual([]);
  });
});

describe("notes", () => {
  test("replace the old ones, trimmed, and can be erased", async () => {
    const [who] = await duo();
    const { sessionId } = await saved(who, await plantLecture());
    const write = async (body?: object) => told(await who.post(way(sessionId, "notes"), body));
    expect(await write({ notes: "  One\nनमस्ते 🙂  " })).toEqual({ notes: "One\nनमस्ते 🙂" });
    expect(await write({ notes: "Two" })).toEqual({ notes: "Two" });
    expect((await active(who)).lectureSession.notes).toBe("Two");
    for (const body of [undefined, {}]) {
      await write({ notes: "Three" });
      expect(await write(body)).toEqual({});
      expect((await active(who)).lectureSession).not.toHaveProperty("notes");
    }
  });

  test("are text of some length", async () => {
    const [who] = await duo();
    const { sessionId } = await saved(who, await plantLecture());
    for (const notes of [{ $set: "x" }, ["a"], "n".repeat(20_000)]) {
      expectError(await who.post(way(sessionId, "notes"), { notes }), 400);
    }
  });
});

test("all are for the own lecture only", async () => {
  const [who, other] = await duo();
  const document = watched(who, await plantLecture());
  document["participants"].push({ _id: new ObjectId(), user: oid(other.id), joinedAt: ago(5) });
  const [id, chat] = await plantSessions(document, sessionOf([other.id]));
  for (const [rest, body] of [
    ["progress", { position: 5 }],
    ["bookmark", { position: 5 }],
    ["notes", { notes: "mine" }],
  ] as const) {
    expectError(await other.post(way(id!, rest), body), 404);
    expectError(await other.post(way(chat!, rest), body), 404);
    expectError(await other.post(way(nobody(), rest), body), 404);
    for (const bad of NO_IDS) refused(await other.post(way(bad, rest), body), 400, 404);
    expectError(await call("POST", way(id!, rest), { body }), 401, "Access token required");
  }
  expect(await recordOf(id!)).toEqual(document);
  expectError(await call("POST", SAVE, { body: {} }), 401, "Access token required");
  expectError(await call("GET", ACTIVE), 401, "Access token required");
});
