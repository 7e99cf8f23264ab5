import { describe, expect, test } from "vitest";
import { ObjectId } from "mongodb";
import { type Learner, call, unique, withDatabase } from "../support/client.ts";
import { NO_IDS, NUMBER, ago, cohort, data, oid, refused, told } from "./groups.support.ts";
import { idsOf, plantSessions, sessionOf } from "./my-sessions.support.ts";
import { ID, TEXT, TIME, expectError, nobody, recordOf } from "./sessions.support.ts";

const SAVE = "/api/sessions/games/create-or-update";
const ACTIVE = "/api/sessions/games/active";
const way = (id: string, rest: "pause" | "resume" | "end") => `/api/sessions/games/${id}/${rest}`;
const duo = async () => (await cohort(2)) as [Learner, Learner];
const save = (who: Learner, fields: object = {}) =>
  who.post(SAVE, { gameId: "grammar-quiz-id", gameType: "grammar", ...fields });
const saved = async (who: Learner, fields: object = {}) => told(await save(who, fields));
const active = async (who: Learner) => told(await who.get(ACTIVE));
const answersOf = (...chosen: string[]) =>
  chosen.map((selectedAnswer, questionIndex) => ({
    questionIndex,
    selectedAnswer,
    isCorrect: questionIndex % 2 === 0,
    timeTaken: 3,
  }));

async function plantGame(): Promise<string> {
  const _id = new ObjectId();
  await withDatabase((db) =>
    db.collection("games").insertOne({
      _id,
      title: `Game ${unique()}`,
      gameType: "grammar",
      difficulty: "beginner",
      level: 1,
      totalQuestions: 1,
      questions: [
        {
          _id: new ObjectId(),
          questionNumber: 1,
          questionText: "hush-question",
          questionType: "multiple_choice",
          options: [{ _id: new ObjectId(), text: "a", isCorrect: true }],
          correctAnswer: "hush-answer",
        },
      ],
      isActive: true,
      createdBy: oid(nobody()),
      createdAt: new Date(),
      updatedAt: new Date(),
    }),
  );
  return _id.toHexString();
}

/** A run as the old server stored it. */
const runOf = (who: Learner, fields: object = {}, game: object = {}) =>
  sessionOf([who.id], {
    sessionType: "game",
    status: "active",
    createdAt: ago(65),
    endedAt: undefined,
    duration: 0,
    gameSession: {
      game: null,
      gameId: "grammar-quiz-id",
      gameType: "grammar",
      currentQuestionIndex: 3,
      totalQuestions: 10,
      timeLeft: 120,
      answers: [],
      scores: [],
      gameStatus: "in_progress",
      startTime: ago(65),
      ...game,
    },
    ...fields,
  });

describe("a run", () => {
  test("has the shape of the contract, new and saved again", async () => {
    const [who] = await duo();
    const fields = {
      difficulty: "easy",
      currentQuestionIndex: 0,
      timeLeft: 300,
      answers: [],
      totalQuestions: 10,
    };
    const answer = await save(who, fields);
    const { sessionId, gameSession, ...rest } = told(answer);
    expect([rest, sessionId]).toEqual([{}, ID]);
    expect(gameSession).toMatchObject({
      gameId: "grammar-quiz-id",
      gameType: "grammar",
      difficulty: "easy",
      currentQuestionIndex: 0,
      timeLeft: 300,
      totalQuestions: 10,
      answers: [],
      gameStatus: "in_progress",
      startTime: TIME,
    });
    const answers = answersOf("a", "b");
    const again = await saved(who, { ...fields, currentQuestionIndex: 2, timeLeft: 240, answers });
    expect(again.sessionId).toBe(sessionId);
    expect(again.gameSession).toMatchObject({
      currentQuestionIndex: 2,
      timeLeft: 240,
      answers,
      gameStatus: "in_progress",
      timeSpent: NUMBER,
      startTime: gameSession.startTime,
    });
    expect(await recordOf(sessionId)).toMatchObject({
      sessionId: expect.stringMatching(/^game_\d+_/),
      sessionType: "game",
      host: oid(who.id),
      participants: [{ user: oid(who.id), role: "player", isActive: true }],
      status: "active",
      startedAt: expect.any(Date),
      gameSession: { gameId: "grammar-quiz-id", currentQuestionIndex: 2 },
    });
    expect(idsOf(told(await who.get("/api/sessions/my-sessions?sessionType=game")))).toEqual([sessionId]);
  });

  test("keeps its score, from the first save on", async () => {
    const [who] = await duo();
    for (const score of [5, 35, 20]) {
      const { gameSession, sessionId } = await saved(who, { score, totalQuestions: 10 });
      expect(gameSession.scores).toHaveLength(1);
      const [entry] = gameSession.scores;
      expect(entry).toMatchObject({ user: who.id, score, maxScore: NUMBER, percentage: NUMBER });
      expect(entry.percentage).toBeGreaterThanOrEqual(0);
      expect((await active(who)).gameSession.scores[0].score).toBe(score);
      const { sessions } = told(await who.get("/api/sessions/my-sessions"));
      expect(sessions[0]).toMatchObject({
        _id: sessionId,
        gameSession: { scores: [{ percentage: NUMBER }] },
      });
    }
  });

  test("keeps what a save does not say", async () => {
    const [who] = await duo();
    const answers = answersOf("a");
    await saved(who, { currentQuestionIndex: 4, timeLeft: 99, answers, score: 7 });
    for (const fields of [{}, { answers: [] }]) {
      expect((await saved(who, fields)).gameSession).toMatchObject({
        currentQuestionIndex: 4,
        timeLeft: 99,
        answers,
        scores: [{ score: 7 }],
      });
    }
    const zero = await saved(who, { currentQuestionIndex: 0, timeLeft: 0 });
    expect(zero.gameSession).toMatchObject({ currentQuestionIndex: 0, timeLeft: 0, answers });
  });

  test("is one a game and user", async () => {
    const [who, other] = await duo();
    const game = await plantGame();
    const first = await saved(who);
    const second = await saved(who, { gameId: game });
    const third = await saved(other, { gameId: game });
    expect(new Set([first, second, third].map(({ sessionId }) => sessionId)).size).toBe(3);
    expect((await saved(who)).sessionId).toBe(first.sessionId);
    expect((await saved(who, { gameId: game })).sessionId).toBe(second.sessionId);
    expect(first.gameSession).toMatchObject({ gameId: "grammar-quiz-id", game: null });
    expect(second.gameSession).toMatchObject({ game, gameId: null });
    expect((await recordOf(second.sessionId))!["gameSession"].game).toEqual(oid(game));
  });

  test("is one, however many saves come at once", async () => {
    const [who] = await duo();
    const game = await plantGame();
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((score) => save(who, { gameId: game, score })));
    expect(new Set(answers.map((answer) => told(answer).sessionId)).size).toBe(1);
    expect(idsOf(told(await who.get("/api/sessions/my-sessions")))).toHaveLength(1);
  });

  test("goes on where the old server or a start left it", async () => {
    const [who] = await duo();
    const game = await plantGame();
    const [old, started] = await plantSessions(
      runOf(who),
      runOf(who, { status: "scheduled" }, { game: oid(game), gameId: null }),
    );
    const { sessionId, gameSession } = await saved(who, { timeLeft: 50 });
    expect(sessionId).toBe(old);
    expect(gameSession).toMatchObject({ currentQuestionIndex: 3, timeLeft: 50 });
    expect(gameSession.timeSpent).toBeGreaterThanOrEqual(64);
    expect(gameSession.timeSpent).toBeLessThan(90);
    expect((await saved(who, { gameId: game })).sessionId).toBe(started);
  });

  test("is refused with wrong fields", async () => {
    const [who] = await duo();
    for (const fields of [
      { gameId: undefined },
      { gameId: null },
      { gameId: "" },
      { gameId: ["a"] },
      { gameId: 5 },
      { gameType: undefined },
      { gameType: null },
      { gameType: "chess" },
      { gameType: { $ne: "" } },
      { difficulty: "impossible" },
      { difficulty: { $ne: "" } },
      { currentQuestionIndex: "many" },
      { currentQuestionIndex: {} },
      { timeLeft: "long" },
      { timeLeft: [1] },
      { answers: "a" },
      { answers: [{ questionIndex: "x" }] },
      { score: "high" },
      { score: { $inc: 5 } },
      { totalQuestions: "x" },
    ]) {
      expectError(await save(who, fields), 400);
    }
    expectError(await who.post(SAVE), 400);
    expect(await active(who)).toBe(null);
  });

  test("may come with the embedded game of an old answer as its id", async () => {
    const [who] = await duo();
    const game = await plantGame();
    const answer = await save(who, { gameId: { _id: game, title: "Verbs" } });
    if (answer.status !== 200) return refused(answer, 400);
    expect(told(answer).gameSession.game).toBe(game);
  });
});

describe("the run to resume", () => {
  test("is none", async () => {
    const [who, other] = await duo();
    const [ended, lecture] = [
      runOf(who, { status: "completed", endedAt: ago(5) }, { gameStatus: "completed" }),
      sessionOf([who.id], { sessionType: "lecture", status: "active", endedAt: undefined }),
    ];
    const guest = runOf(other);
    guest["participants"].push({ _id: new ObjectId(), user: oid(who.id), role: "player", joinedAt: ago(5) });
    await plantSessions(ended, lecture, guest, runOf(who, {}, { gameStatus: "abandoned" }));
    const answer = await who.get(ACTIVE);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ success: true, message: TEXT, data: null });
  });

  test("is the newest, running or paused, with the plain id of its game", async () => {
    const [who] = await duo();
    const game = await plantGame();
    await plantSessions(runOf(who, { createdAt: ago(100) }, { gameId: "story", gameType: "storytelling" }));
    expect((await active(who)).gameSession.gameType).toBe("storytelling");
    const { sessionId } = await saved(who, { gameId: game, difficulty: "beginner", timeLeft: 30, score: 4 });
    for (const gameStatus of ["in_progress", "paused"]) {
      const answer = await who.get(ACTIVE);
      const { gameSession, ...rest } = told(answer);
      expect(rest).toEqual({ sessionId, status: "active", startedAt: TIME });
      expect(gameSession).toMatchObject({
        game,
        gameType: "grammar",
        difficulty: "beginner",
        level: NUMBER,
        timeLeft: 30,
        totalQuestions: NUMBER,
        currentQuestionIndex: NUMBER,
        gameStatus,
        scores: [{ score: 4 }],
      });
      for (const leak of ["hush", "correctAnswer", "questionText"]) expect(answer.text).not.toContain(leak);
      data(await who.post(way(sessionId, "pause")));
    }
  });

  test("can be saved again under the id that it says", async () => {
    const [who] = await duo();
    for (const gameId of [await plantGame(), "identification-game-id"]) {
      const { sessionId } = await saved(who, { gameId, timeLeft: 30 });
      const { gameSession } = await active(who);
      expect(gameSession.game).toBe(gameId);
      expect((await saved(who, { gameId: gameSession.game, timeLeft: 20 })).sessionId).toBe(sessionId);
      data(await who.post(way(sessionId, "end")));
    }
  });

  test("is not one of last week", async () => {
    const [who] = await duo();
    const old = ago(7 * 86_400);
    await plantSessions(runOf(who, { createdAt: old, startedAt: old, updatedAt: old }, { startTime: old }));
    expect(await active(who)).toBe(null);
  });
});

describe("pause, resume, end", () => {
  test("of a run", async () => {
    const [who] = await duo();
    const [id] = await plantSessions(runOf(who));
    const run = async () => (await recordOf(id!))!;
    for (const [rest, gameStatus, time] of [
      ["pause", "paused", "pausedAt"],
      ["resume", "in_progress", "resumedAt"],
    ] as const) {
      const answer = await who.post(way(id!, rest));
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body).toEqual({ success: true, message: TEXT });
      const { status, gameSession } = await run();
      expect(status).toBe("active");
      expect(gameSession).toMatchObject({ gameStatus, [time]: expect.any(Date) });
    }
    const answer = await who.post(way(id!, "end"));
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ success: true, message: TEXT });
    const ended = await run();
    expect(ended).toMatchObject({
      status: "completed",
      endedAt: expect.any(Date),
      gameSession: {
        endTime: expect.any(Date),
        gameStatus: expect.stringMatching(/^(completed|abandoned)$/),
      },
    });
    expect(Number.isInteger(ended["duration"])).toBe(true);
    expect(ended["duration"]).toBeGreaterThanOrEqual(65);
    expect(ended["duration"]).toBeLessThan(90);
    expect(ended["participants"][0]).toMatchObject({
      leftAt: expect.any(Date),
      duration: expect.any(Number),
    });
    expect(await active(who)).toBe(null);
    expect((await saved(who)).sessionId).not.toBe(id);
  });

  test("of an ended run change nothing", async () => {
    const [who] = await duo();
    const document = runOf(
      who,
      { status: "completed", endedAt: ago(5), duration: 60 },
      { gameStatus: "completed", endTime: ago(5) },
    );
    const [id] = await plantSessions(document);
    refused(await who.post(way(id!, "pause")), 400, 404, 409);
    refused(await who.post(way(id!, "resume")), 400, 404, 409);
    // It is there and his, so it is not unknown.
    for (let n = 0; n < 2; n++) expect([200, 400, 409]).toContain((await who.post(way(id!, "end"))).status);
    expect(await recordOf(id!)).toEqual(document);
  });

  test("are for the own game only", async () => {
    const [who, other] = await duo();
    const run = runOf(who);
    run["participants"].push({ _id: new ObjectId(), user: oid(other.id), role: "player", joinedAt: ago(5) });
    const [id, chat] = await plantSessions(run, sessionOf([other.id]));
    for (const rest of ["pause", "resume", "end"] as const) {
      expectError(await other.post(way(id!, rest)), 404);
      expectError(await other.post(way(chat!, rest)), 404);
      expectError(await other.post(way(nobody(), rest)), 404);
      for (const bad of NO_IDS) refused(await other.post(way(bad, rest)), 400, 404);
      expectError(await call("POST", way(id!, rest)), 401, "Access token required");
    }
    expect(await recordOf(id!)).toEqual(run);
    expectError(await call("POST", SAVE, { body: {} }), 401, "Access token required");
    expectError(await call("GET", ACTIVE), 401, "Access token required");
  });
});
