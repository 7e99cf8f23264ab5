/** Screens of the app and of the admin site, request by request (contract: x-flows). */
import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, unique } from "../support/client.ts";
import { SETTINGS, expectDone, fetchAs } from "./admin-site.support.ts";
import { data } from "./groups.support.ts";
import {
  type Cast,
  GAMES,
  KINDS,
  allGames,
  at,
  cast,
  choice,
  gap,
  graded,
  lonelyLevel,
  openGames,
  plantGame,
  players,
  postEmpty,
  sessionsOf,
  storedGame,
  storedSession,
  wantedGame,
} from "./games.support.ts";

let all: Cast;
let who: Learner;

beforeAll(async () => {
  all = await cast();
  await openGames(all.poor);
  [who] = (await players(all.region, 1)) as [Learner];
}, 60_000);

describe("app", () => {
  test("list screen: start, save, submit, all on one session", async () => {
    const { id } = await plantGame({ level: lonelyLevel(), questions: [choice(), gap()] });
    const response = await postEmpty(at.start(id), who.token);
    expect(response.status).toBe(200);
    const { sessionId } = ((await response.json()) as { data: Document }).data;
    for (const currentQuestionIndex of [0, 1]) {
      const saved = await who.post("/api/sessions/games/create-or-update", {
        gameId: id,
        gameType: "grammar",
        difficulty: "beginner",
        currentQuestionIndex,
        timeLeft: 30,
        answers: [],
        score: 10,
        totalQuestions: 2,
      });
      expect(data(saved).sessionId).toBe(sessionId);
    }
    const answers = [
      { questionNumber: 1, selectedAnswer: null, isCorrect: true },
      { questionNumber: 2, selectedAnswer: "gap", isCorrect: true },
    ];
    expect(graded(await who.post(at.submit(id), { answers: { answers } }))).toMatchObject({ score: 10 });
    expect((await storedSession(sessionId))["status"]).toBe("completed");
    expect(await sessionsOf(who, id)).toBe(1);
    expect(data(await who.get("/api/sessions/games/active"))).toBeNull();
  });

  test("daily challenge: the first page has something to play", async () => {
    await plantGame();
    const { games } = data(await who.get(GAMES));
    expect(games.length).toBeGreaterThan(0);
    for (const game of games) {
      expect(game).toMatchObject({
        _id: expect.any(String),
        gameType: expect.any(String),
        difficulty: expect.any(String),
      });
      expect(game.timeLimit).toEqual(expect.any(Number));
      for (const question of game.questions) {
        expect(question).toMatchObject({ questionText: expect.any(String), points: expect.any(Number) });
        expect(question.options).toEqual(expect.any(Array));
      }
    }
  });

  test.for(KINDS)("%s screen: the first game can be played on the device", async (kind) => {
    await plantGame({ gameType: kind });
    const { games } = data(await who.get(at.type(kind)));
    const [first] = games;
    expect(first.gameType).toBe(kind);
    expect(first.questions.length).toBeGreaterThan(0);
    for (const question of first.questions) {
      expect(question).toMatchObject({ _id: expect.any(String), options: expect.any(Array) });
      if (question.questionType === "multiple_choice") {
        const rights = question.options.filter(({ isCorrect }: Document) => isCorrect);
        expect(question.correctAnswer).toBe(rights[0]?.text);
      } else expect(question.correctAnswer).toEqual(expect.any(String));
    }
  });
});

describe.for(SETTINGS)("page of the admin site; base $setting", ({ pages }) => {
  const ask = (method: string, path: string, body?: unknown) =>
    fetchAs(all.boss.token, method, `${pages}/games${path}`, body);

  test("lists, creates, changes and removes", async () => {
    const mark = unique();
    const list = async (more = "") => {
      const answer = await ask("GET", `?page=1&limit=10&search=${mark}${more}`);
      return data(answer);
    };
    expect((await list()).pagination).toMatchObject({ total: 0, pages: 0 });
    const body = wantedGame({
      title: `Site ${mark}`,
      questions: [choice(), gap({ hint: "think" })],
      level: 2,
    });
    expectDone(await ask("POST", "", body), 201);
    expect((await list("&gameType=grammar&difficulty=beginner")).pagination).toMatchObject({
      total: 1,
      pages: 1,
    });
    expect((await list("&gameType=storytelling&difficulty=")).games).toEqual([]);
    const [game] = (await list("&gameType=&difficulty=")).games;
    const ids = game.questions.map(({ _id }: Document) => _id);

    // The form sends back what the list said, with one thing changed.
    const keys = Object.keys(body);
    const form = {
      ...Object.fromEntries(keys.map((key) => [key, game[key]])),
      title: `Site ${mark} changed`,
    };
    expectDone(await ask("PUT", `/${game._id}`, form));
    const [changed] = (await list()).games;
    expect(changed).toMatchObject({
      _id: game._id,
      title: `Site ${mark} changed`,
      level: 2,
      categories: ["verbs"],
    });
    expect(changed.questions.map(({ _id }: Document) => _id)).toEqual(ids);
    expect(changed.questions).toMatchObject([
      {
        options: [
          { text: "wrong", isCorrect: false },
          { text: "right", isCorrect: true },
        ],
      },
      { correctAnswer: "gap", hint: "think" },
    ]);

    expectDone(await ask("DELETE", `/${game._id}`));
    expect((await list()).games).toEqual([]);
    expect(await storedGame(game._id)).toMatchObject({ isActive: false });
    expect(await allGames(at.list(`search=${mark}`), who.token)).toEqual([]);
  });

  test("is told what is wrong with a form", async () => {
    const answer = await ask("POST", "", wantedGame({ title: "ab" }));
    expect(answer.status).toBe(400);
    expect(answer.body.message).toMatch(/\S/);
  });
});
