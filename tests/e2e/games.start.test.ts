import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, eventually, post, unique } from "../support/client.ts";
import { ANY_TEXT, NUMBER, data, exactly, oid, refused, told } from "./groups.support.ts";
import {
  type Cast,
  NO_IDS,
  at,
  cast,
  choice,
  expectTokenAsked,
  gap,
  openGames,
  plantGame,
  play,
  players,
  postEmpty,
  sessionsOf,
  started,
  storedSession,
} from "./games.support.ts";
import { ID, nobody } from "./sessions.support.ts";

let all: Cast;

beforeAll(async () => {
  all = await cast();
  await openGames(all.poor);
}, 60_000);

const player = async () => (await players(all.region, 1))[0]!;

const SHOWN = {
  questionNumber: NUMBER,
  questionText: ANY_TEXT,
  questionType: ANY_TEXT,
  points: NUMBER,
  timeLimit: NUMBER,
};
const SHOWN_MORE = {
  ...Object.fromEntries(
    (
      "mediaUrl mediaType hint grammarRule pronunciationGuide wordCategory storyContext storyBeginning " +
      "phonetic example tips title difficulty _id"
    )
      .split(" ")
      .map((key) => [key, ANY_TEXT]),
  ),
  negativePoints: NUMBER,
  minWords: NUMBER,
  wordLimit: NUMBER,
  keywords: expect.any(Array),
  suggestedWords: expect.any(Array),
};

describe("what is answered", () => {
  test("is the session, the game in short, and its questions without keys", async () => {
    const who = await player();
    const key = `hush-${unique()}`;
    const story = {
      hint: "a hint",
      storyContext: "a forest",
      storyBeginning: "Once upon a time",
      keywords: ["fox"],
      suggestedWords: ["sly"],
      minWords: 20,
      grammarRule: "a rule",
      pronunciationGuide: "slowly",
      wordCategory: "noun",
    };
    const options = [
      { text: "no", isCorrect: false, explanation: `${key} why not` },
      { text: "yes", isCorrect: true, explanation: `${key} why so` },
    ];
    const made = await plantGame({
      timeLimit: 45,
      level: 3,
      maxScore: 30,
      passingScore: 70,
      questions: [
        choice({ options, points: 4, explanation: `${key} explained` }),
        gap({ ...story, correctAnswer: key, timeLimit: 12 }),
        gap({
          questionType: "image",
          mediaUrl: "https://example.com/a.png",
          mediaType: "image",
          correctAnswer: key,
        }),
      ],
    });
    const answer = await who.post(at.start(made.id));
    const { sessionId, game, questions, ...rest } = told(answer);
    expect(rest).toEqual({});
    expect(sessionId).toEqual(ID);
    expect(game).toEqual({
      id: made.id,
      title: made["title"],
      gameType: "grammar",
      difficulty: "beginner",
      level: 3,
      timeLimit: 45,
      maxScore: 30,
      passingScore: 70,
      totalQuestions: 3,
    });
    const [first, second, third] = questions;
    exactly(first, { ...SHOWN, options: [{ text: "no" }, { text: "yes" }] }, SHOWN_MORE);
    for (const question of [second, third]) exactly(question, SHOWN, SHOWN_MORE);
    expect(first).toMatchObject({
      questionNumber: 1,
      questionType: "multiple_choice",
      points: 4,
      timeLimit: 45,
    });
    // A limit of its own beats that of the game.
    expect(second).toMatchObject({ ...story, questionNumber: 2, timeLimit: 12, points: 10 });
    expect(third).toMatchObject({ mediaUrl: "https://example.com/a.png", mediaType: "image", timeLimit: 45 });
    for (const word of [key, "isCorrect", "correctAnswer"]) expect(answer.text).not.toContain(word);
  });

  test("is the same for a request without a body", async () => {
    const who = await player();
    const { id } = await plantGame();
    const response = await postEmpty(at.start(id), who.token);
    expect(response.status).toBe(200);
    const first = ((await response.json()) as { data: Document }).data["sessionId"];
    for (const body of [{}, { anything: 1 }]) {
      expect(data(await who.post(at.start(id), body)).sessionId).toBe(first);
    }
  });
});

describe("the session", () => {
  test("is stored as one that goes on, with one player", async () => {
    const who = await player();
    const made = await plantGame({ gameType: "storytelling", difficulty: "advanced", level: 4 });
    const before = Date.now();
    const { sessionId } = await started(who, made.id);
    const stored = await storedSession(sessionId);
    expect(stored).toMatchObject({
      sessionId: expect.stringMatching(/^game_\d{13}_[0-9a-z]+$/),
      sessionType: "game",
      status: "active",
      host: oid(who.id),
      participants: [{ user: oid(who.id), role: "player" }],
      gameSession: {
        game: oid(made.id),
        gameType: "storytelling",
        difficulty: "advanced",
        level: 4,
        gameStatus: "in_progress",
      },
    });
    expect(stored["participants"]).toHaveLength(1);
    for (const time of [
      stored["startedAt"],
      stored["createdAt"],
      stored["gameSession"].startTime,
      stored["participants"][0].joinedAt,
    ]) {
      expect(time).toBeInstanceOf(Date);
      expect(Math.abs((time as Date).getTime() - before)).toBeLessThan(60_000);
    }
  });

  test("is taken up again as long as it is open, also by starts at once", async () => {
    const who = await player();
    const { id } = await plantGame();
    const starts = await Promise.all(Array.from({ length: 6 }, () => started(who, id)));
    expect(new Set(starts.map(({ sessionId }) => sessionId)).size).toBe(1);
    expect((await started(who, id))["sessionId"]).toBe(starts[0]!["sessionId"]);
    expect(await sessionsOf(who, id)).toBe(1);
  });

  test("is one for each player and each game, and a new one after the end", async () => {
    const [who, other] = await players(all.region, 2);
    const [one, two] = [await plantGame(), await plantGame()];
    const first = (await started(who!, one.id))["sessionId"];
    const others = [(await started(other!, one.id))["sessionId"], (await started(who!, two.id))["sessionId"]];
    await play(who!, one.id, []);
    others.push((await started(who!, one.id))["sessionId"]);
    expect(new Set([first, ...others]).size).toBe(4);
  });

  test("opened by saving progress is the one that is taken up", async () => {
    const who = await player();
    const { id } = await plantGame();
    const saved = await who.post("/api/sessions/games/create-or-update", {
      gameId: id,
      gameType: "grammar",
      difficulty: "beginner",
      currentQuestionIndex: 0,
      timeLeft: 60,
      answers: [],
      score: 0,
      totalQuestions: 2,
    });
    expect((await started(who, id))["sessionId"]).toBe(data(saved).sessionId);
  });
});

describe("who may start", () => {
  test("games for subscribers: students with a running plan, teachers and administrators", async () => {
    const { id } = await plantGame({ isPremium: true });
    for (const who of [all.poor, all.late]) {
      refused(await who.post(at.start(id)), 403);
      expect(await sessionsOf(who, id)).toBe(0);
    }
    for (const who of [all.rich, all.tutor, all.boss]) await started(who, id);
    await started(all.poor, (await plantGame({ requiresSubscription: true })).id);
  });

  test("nobody, where the game is switched off or not there", async () => {
    const { id } = await plantGame({ isActive: false });
    await expectTokenAsked((token) => post(at.start(id), { token }), all.poor);
    for (const who of [all.poor, all.rich, all.boss]) refused(await who.post(at.start(id)), 404);
    for (const unknown of [nobody(), ...NO_IDS]) refused(await all.poor.post(at.start(unknown)), 404);
    // Away for everybody, not only for whoever has no plan.
    const paid = await plantGame({ isActive: false, isPremium: true });
    refused(await all.poor.post(at.start(paid.id)), 404);
  });
});

describe("points", () => {
  const score = async (who: Learner): Promise<number> =>
    data(await who.get("/api/leaderboard/my-rank")).user.totalScore;

  test("come with a play, and not with repeats of one game", async () => {
    const who = await player();
    const [one, two] = [await plantGame(), await plantGame()];
    expect(await score(who)).toBe(0);
    for (let turn = 0; turn < 3; turn++) await started(who, one.id);
    for (let turn = 0; turn < 3; turn++) await play(who, one.id, []);
    await eventually("the first game counts", async () => (await score(who)) > 0);
    await play(who, two.id, []);
    // The second game came last: had the first one counted twice, this would show more.
    await eventually("the second game counts", async () => (await score(who)) > 1);
    expect(await score(who)).toBe(2);
  });
});
