/** What a graded game leaves behind: the session, and the counters of the game and of the player. */
import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, eventually, unique } from "../support/client.ts";
import { person } from "../support/people.ts";
import { data, oid } from "./groups.support.ts";
import {
  type Cast,
  at,
  cast,
  gap,
  graded,
  openGames,
  plantGame,
  play,
  players,
  started,
  storedGame,
  storedSession,
  storedUser,
} from "./games.support.ts";

let all: Cast;

beforeAll(async () => {
  all = await cast();
  await openGames(all.poor);
}, 60_000);

const right = [{ questionNumber: 1, selectedAnswer: "gap" }];
const wrong = [{ questionNumber: 1, selectedAnswer: "else" }];
const submit = async (who: Learner, game: string, body: object) => who.post(at.submit(game), body);

/** The counters of a game as anybody reads them, once they are `expected`. */
async function expectGameStats(who: Learner, game: string, expected: object): Promise<void> {
  const read = async () => data(await who.get(at.stats(game))).gameStats;
  await eventually("the counters of the game", async () => matches(await read(), expected), 5).catch(
    () => undefined,
  );
  expect(await read()).toMatchObject(expected);
}

const matches = (actual: Document, expected: object) =>
  Object.entries(expected).every(([key, value]) => actual[key] === value);

/** The counters of an account, once they are `expected`. */
async function expectCounters(id: string, expected: object): Promise<void> {
  const read = async () => (await storedUser(id))["studentInfo"] ?? {};
  await eventually("the counters of the player", async () => matches(await read(), expected), 5).catch(
    () => undefined,
  );
  expect(await read()).toMatchObject(expected);
}

describe("the session", () => {
  test("is complete, with score, answers and times", async () => {
    const [who] = await players(all.region, 1);
    const { id } = await plantGame({
      questions: [gap({ points: 8 }), gap()],
      maxScore: 20,
      passingScore: 50,
    });
    const { sessionId } = await started(who!, id);
    const answers = [...right, { questionNumber: 2, selectedAnswer: "no" }];
    graded(await submit(who!, id, { sessionId, answers, timeSpent: 30 }));
    const stored = await storedSession(sessionId);
    expect(stored).toMatchObject({
      status: "completed",
      startedAt: expect.any(Date),
      endedAt: expect.any(Date),
      duration: expect.any(Number),
      gameSession: {
        gameStatus: "completed",
        endTime: expect.any(Date),
        totalQuestions: 2,
        timeSpent: 30,
        answers: [
          { selectedAnswer: "gap", isCorrect: true },
          { selectedAnswer: "no", isCorrect: false },
        ],
        scores: [{ user: oid(who!.id), score: 8, maxScore: 20, percentage: 50 }],
      },
      participants: [{ user: oid(who!.id), leftAt: expect.any(Date), duration: expect.any(Number) }],
    });
    expect(stored["gameSession"].scores).toHaveLength(1);
    expect(stored["endedAt"].getTime()).toBeGreaterThanOrEqual(stored["startedAt"].getTime());
    for (const whole of [stored["duration"], stored["participants"][0].duration]) {
      expect(Number.isInteger(whole)).toBe(true);
      expect(whole).toBeLessThan(60);
    }
  });

  test("is graded once: repeats get the stored result", async () => {
    const [who] = await players(all.region, 1);
    const { id } = await plantGame({ questions: [gap()] });
    const { sessionId } = await started(who!, id);
    const first = graded(await submit(who!, id, { sessionId, answers: wrong, timeSpent: 5 }));
    const ended = (await storedSession(sessionId))["endedAt"];
    for (const body of [
      { answers: wrong, timeSpent: 5 },
      { answers: right, timeSpent: 9 },
      { answers: [], timeSpent: 5 },
    ]) {
      const { timeSpent: _, ...again } = graded(await submit(who!, id, { sessionId, ...body }));
      const { timeSpent: __, ...before } = first;
      expect(again).toEqual(before);
    }
    expect((await storedSession(sessionId))["endedAt"]).toEqual(ended);
    await expectGameStats(who!, id, { totalPlays: 1, averageScore: 0 });
    await expectCounters(who!.id, { totalGamesPlayed: 1, totalSessions: 1, averageGameScore: 0 });
  });

  test("is graded once, also by submits at the same time", async () => {
    const [who] = await players(all.region, 1);
    const { id } = await plantGame({ questions: [gap()] });
    const { sessionId } = await started(who!, id);
    const results = await Promise.all(
      [right, wrong, right, wrong, right].map((answers) => submit(who!, id, { sessionId, answers })),
    );
    expect(new Set(results.map((answer) => graded(answer)["score"])).size).toBe(1);
    await expectGameStats(who!, id, { totalPlays: 1 });
    await expectCounters(who!.id, { totalGamesPlayed: 1, totalSessions: 1 });
    expect((await storedSession(sessionId))["gameSession"].scores).toHaveLength(1);
    expect(data(await who!.get(at.stats(id))).userStats).toMatchObject({ totalPlays: 1 });
  });
});

describe("the counters of a game", () => {
  test("go on from what is stored", async () => {
    const [who] = await players(all.region, 1);
    const { id } = await plantGame({ questions: [gap({ points: 30 })], totalPlays: 3, averageScore: 10 });
    await play(who!, id, right);
    await expectGameStats(who!, id, { totalPlays: 4, averageScore: 15 });
    expect(await storedGame(id)).toMatchObject({ totalPlays: 4 });
    const listed = data(await all.boss.get(at.game(id))).game;
    expect(listed).toMatchObject({ totalPlays: 4, averageScore: 15 });
  });

  test("do not add up errors of rounding", async () => {
    const some = await players(all.region, 3);
    const { id } = await plantGame({ questions: [gap({ points: 1 })] });
    // 1, 0 and 0 points are a third of a point each; rounding at each step would make a whole one of it.
    for (const [index, who] of some.entries()) await play(who, id, index === 0 ? right : wrong);
    await expectGameStats(some[0]!, id, { totalPlays: 3 });
    const { averageScore } = data(await some[0]!.get(at.stats(id))).gameStats;
    expect(averageScore).toBeLessThan(0.4);
    expect(averageScore).toBeGreaterThanOrEqual(0);
  });

  test("say how many of the plays were completed", async () => {
    const [one, two] = await players(all.region, 2);
    const { id } = await plantGame({ questions: [gap()] });
    await started(one!, id);
    await play(two!, id, right);
    await expectGameStats(one!, id, { totalPlays: 1, completionRate: 50 });
    await play(one!, id, wrong);
    await expectGameStats(one!, id, { totalPlays: 2, completionRate: 100, averageScore: 5 });
  });

  test("lose nothing when many finish at once", async () => {
    const many = await players(all.region, 8);
    const { id } = await plantGame({ questions: [gap({ points: 8 })] });
    await Promise.all(many.map((who, index) => play(who, id, index % 2 ? right : wrong)));
    await expectGameStats(many[0]!, id, { totalPlays: 8, averageScore: 4, completionRate: 100 });
  });
});

describe("the counters of the player", () => {
  test("count games and sessions, and the mean of all scores", async () => {
    const [who] = await players(all.region, 1);
    const game = (gameType: string, points: number) => plantGame({ gameType, questions: [gap({ points })] });
    await play(who!, (await game("grammar", 10)).id, right);
    await expectCounters(who!.id, { totalGamesPlayed: 1, totalSessions: 1, averageGameScore: 10 });
    await play(who!, (await game("storytelling", 25)).id, right);
    // 17.5, which rounds up.
    await expectCounters(who!.id, { totalGamesPlayed: 2, totalSessions: 2, averageGameScore: 18 });
    await play(who!, (await game("identification", 9)).id, wrong);
    // 35 / 3
    await expectCounters(who!.id, { totalGamesPlayed: 3, totalSessions: 3, averageGameScore: 12 });
    await eventually("it is what the profile says", async () => {
      const { user } = data(await who!.get("/api/auth/me"));
      return user.studentInfo.totalGamesPlayed === 3 && user.studentInfo.averageGameScore === 12;
    });
  });

  test("go on from what the old server stored", async () => {
    const gameScores = [10, 30].map((score) => ({
      _id: new ObjectId(),
      gameType: "grammar",
      score,
      date: new Date(),
    }));
    const who = await person({
      region: oid(all.region),
      gameScores,
      studentInfo: { totalGamesPlayed: 2, averageGameScore: 20, totalSessions: 5, learningGoals: ["speak"] },
    });
    await play(who, (await plantGame({ questions: [gap({ points: 80 })] })).id, right);
    await expectCounters(who.id, { totalGamesPlayed: 3, averageGameScore: 40, totalSessions: 6 });
    expect((await storedUser(who.id))["studentInfo"]["learningGoals"]).toEqual(["speak"]);
  });

  test("are kept for a teacher too, and nothing else of the account changes", async () => {
    // Without a code and not approved: saving the whole account once gave both.
    const who = await person({
      role: "teacher",
      region: oid(all.region),
      teacherInfo: { isApproved: false, bio: `Bio ${unique()}` },
    });
    const { teacherInfo } = await storedUser(who.id);
    await play(who, (await plantGame({ questions: [gap()] })).id, right);
    await expectCounters(who.id, { totalGamesPlayed: 1, totalSessions: 1, averageGameScore: 10 });
    const after = await storedUser(who.id);
    expect(after["teacherInfo"]).toEqual(teacherInfo);
    expect(after).toMatchObject({ role: "teacher", isActive: true, email: who.email });
  });

  test("lose nothing when several games end at once", async () => {
    const [who] = await players(all.region, 1);
    const games = await Promise.all(Array.from({ length: 5 }, () => plantGame({ questions: [gap()] })));
    const sessions: string[] = [];
    for (const { id } of games) sessions.push((await started(who!, id))["sessionId"]);
    await Promise.all(
      games.map(async ({ id }, index) =>
        graded(await submit(who!, id, { sessionId: sessions[index], answers: right })),
      ),
    );
    await expectCounters(who!.id, { totalGamesPlayed: 5, totalSessions: 5, averageGameScore: 10 });
  });
});
