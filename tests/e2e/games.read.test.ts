import { beforeAll, describe, expect, test } from "vitest";
import { get, unique } from "../support/client.ts";
import { data, oid, refused } from "./groups.support.ts";
import {
  type Cast,
  NO_IDS,
  at,
  cast,
  expectGame,
  expectTokenAsked,
  gap,
  openGames,
  plantGame,
  play,
  players,
  setGame,
  storedSession,
} from "./games.support.ts";
import { TEXT, TIME, nobody } from "./sessions.support.ts";

let all: Cast;

beforeAll(async () => {
  all = await cast();
  await openGames(all.poor);
}, 60_000);

describe("one game", () => {
  test("has the shape of the contract", async () => {
    const made = await plantGame({ createdBy: oid(all.boss.id), categories: ["verbs", "nouns"] });
    const answer = await all.boss.get(at.game(made.id));
    expect(Object.keys(answer.body).sort()).toEqual(["data", "success"]);
    const { game, ...rest } = data(answer);
    expect(rest).toEqual({});
    expectGame(game, { _id: all.boss.id, name: TEXT });
    expect(game).toMatchObject({
      _id: made.id,
      title: made["title"],
      categories: ["verbs", "nouns"],
      questions: [{ options: [{ isCorrect: false }, { isCorrect: true }] }, { correctAnswer: "gap" }],
    });
    const seen = data(await all.poor.get(at.game(made.id))).game;
    expect(seen).toMatchObject({ _id: made.id, title: made["title"], categories: ["verbs", "nouns"] });
    expect(seen.questions).toHaveLength(2);
    for (const question of seen.questions) expect(question.options).toEqual(expect.any(Array));
    for (const secret of [all.boss.email, all.boss.phone, "$2"]) expect(answer.text).not.toContain(secret);
    expect(data(await all.poor.get(at.game((await plantGame()).id))).game.createdBy).toBeNull();
  });

  test("for subscribers is refused to students without a running plan", async () => {
    const mark = unique();
    const { id } = await plantGame({ isPremium: true, questions: [gap({ correctAnswer: mark })] });
    for (const who of [all.poor, all.late]) {
      const answer = await who.get(at.game(id));
      refused(answer, 403);
      expect(answer.text).not.toContain(mark);
    }
    for (const who of [all.rich, all.tutor, all.boss])
      expect(data(await who.get(at.game(id))).game._id).toBe(id);
    const other = await plantGame({ requiresSubscription: true });
    expect(data(await all.poor.get(at.game(other.id))).game._id).toBe(other.id);
  });

  test("that is switched off is there for administrators alone", async () => {
    const { id } = await plantGame({ isActive: false });
    expect(data(await all.boss.get(at.game(id))).game).toMatchObject({ _id: id, isActive: false });
    for (const who of [all.poor, all.rich, all.tutor]) refused(await who.get(at.game(id)), 404);
  });

  test("that is not there is not found, whatever the id looks like", async () => {
    const { id } = await plantGame();
    await expectTokenAsked((token) => get(at.game(id), { token }), all.poor);
    await expectTokenAsked((token) => get(at.game("nope"), { token }), all.poor);
    for (const unknown of [nobody(), ...NO_IDS]) refused(await all.poor.get(at.game(unknown)), 404);
  });
});

describe("statistics", () => {
  const NOTHING = { totalPlays: 0, averageScore: 0, bestScore: 0, completionRate: 0, recentScores: [] };
  const right = { questionNumber: 1, selectedAnswer: "gap" };
  const alsoRight = { questionNumber: 2, selectedAnswer: "gap" };
  const wrong = { questionNumber: 1, selectedAnswer: "else" };

  test("without a play are zero, beside the counters of the game", async () => {
    const { id } = await plantGame({ totalPlays: 7, averageScore: 33, completionRate: 80 });
    const answer = await all.poor.get(at.stats(id));
    expect(answer.body).toEqual({
      success: true,
      data: { gameStats: { totalPlays: 7, averageScore: 33, completionRate: 80 }, userStats: NOTHING },
    });
  });

  test("count the caller's own finished plays, the five newest one by one", async () => {
    const [who, other] = await players(all.region, 2);
    const { id } = await plantGame({
      questions: [gap({ points: 10 }), gap({ points: 5 })],
      passingScore: 50,
    });
    const rounds = [[right], [wrong], [right, alsoRight], [wrong], [alsoRight], [right, alsoRight]];
    for (const answers of rounds) await play(who!, id, answers);
    await play(other!, id, [right]);
    const { gameStats, userStats } = data(await who!.get(at.stats(id)));
    // 10, 0, 15, 0, 5 and 15 points; four of six passed.
    expect(userStats).toMatchObject({ totalPlays: 6, averageScore: 8, bestScore: 15, completionRate: 67 });
    expect(userStats.recentScores).toEqual(
      [
        [15, 100, true],
        [5, 50, true],
        [0, 0, false],
        [15, 100, true],
        [0, 0, false],
      ].map(([score, percentage, passed]) => ({ score, percentage, passed, date: TIME })),
    );
    const dates = userStats.recentScores.map(({ date }: { date: string }) => date);
    expect(dates).toEqual([...dates].sort().reverse());
    expect(gameStats).toMatchObject({ totalPlays: 7, completionRate: 100 });
    expect(data(await other!.get(at.stats(id))).userStats).toMatchObject({ totalPlays: 1, bestScore: 10 });
    expect(data(await all.rich.get(at.stats(id))).userStats).toEqual(NOTHING);
  });

  test("leave out plays that go on, and other games", async () => {
    const [who] = await players(all.region, 1);
    const [one, other] = [await plantGame({ questions: [gap()] }), await plantGame({ questions: [gap()] })];
    await play(who!, one.id, [right]);
    const going = data(await who!.post(at.start(other.id))).sessionId;
    expect((await storedSession(going))["status"]).toBe("active");
    expect(data(await who!.get(at.stats(other.id))).userStats).toEqual(NOTHING);
    expect(data(await who!.get(at.stats(one.id))).userStats.totalPlays).toBe(1);
  });

  test("of a game that is switched off are still those of its players", async () => {
    const [who] = await players(all.region, 1);
    const { id } = await plantGame({ questions: [gap()] });
    await play(who!, id, [right]);
    await setGame(id, { isActive: false });
    const answer = await who!.get(at.stats(id));
    if (answer.status === 404) return refused(answer, 404);
    expect(data(answer).userStats.totalPlays).toBe(1);
  });

  test("are not found for what is no game, and need a token", async () => {
    const { id } = await plantGame();
    await expectTokenAsked((token) => get(at.stats(id), { token }), all.poor);
    for (const unknown of [nobody(), ...NO_IDS]) refused(await all.poor.get(at.stats(unknown)), 404);
  });
});
