import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { get, unique } from "../support/client.ts";
import { oid, refused } from "./groups.support.ts";
import {
  type Cast,
  KINDS,
  allGames,
  among,
  at,
  cast,
  choice,
  expectGame,
  games,
  gap,
  idsOf,
  lonelyLevel,
  plantGame,
} from "./games.support.ts";
import { TEXT } from "./sessions.support.ts";

let all: Cast;

beforeAll(async () => {
  all = await cast();
});

const ids = async (kind: string, query: string, token?: string) =>
  idsOf(await allGames(at.type(kind, query), token));

test.for(KINDS)("%s games come with what the app plays", async (gameType) => {
  const level = lonelyLevel();
  const made = await plantGame({ level, gameType, createdBy: oid(all.boss.id) });
  await plantGame({ level, gameType: KINDS.find((kind) => kind !== gameType) });
  await plantGame({ level, gameType, isActive: false });
  const page = await games(at.type(gameType, `level=${level}`), all.poor.token);
  expect(page.pagination).toEqual({ page: 1, limit: 10, total: 1, pages: 1 });
  expect(idsOf(page.games)).toEqual([made.id]);
  expectGame(page.games[0]!, { _id: all.boss.id, name: TEXT });
  expect(page.games[0]).toMatchObject({
    questions: [
      {
        options: [
          { text: "wrong", isCorrect: false },
          { text: "right", isCorrect: true },
        ],
      },
      {},
    ],
  });
  for (const secret of [all.boss.email, all.boss.phone, "$2"]) {
    expect(JSON.stringify(page)).not.toContain(secret);
  }
});

test("an unknown type has no games", async () => {
  for (const kind of ["chess", "Grammar", "%24ne", "null", "grammar%20"]) {
    expect(await games(at.type(kind)), kind).toMatchObject({
      games: [],
      pagination: { page: 1, total: 0, pages: 0 },
    });
  }
});

describe("questions", () => {
  test("of several options name the first right one as key", async () => {
    const level = lonelyLevel();
    const options = [
      { text: "no", isCorrect: false, explanation: "why not" },
      { text: "yes", isCorrect: true, explanation: "why so" },
      { text: "also", isCorrect: true },
    ];
    await plantGame({ level, questions: [choice({ options })] });
    const [game] = await allGames(at.type("grammar", `level=${level}`), all.poor.token);
    expect(game!["questions"]).toMatchObject([{ correctAnswer: "yes", options }]);
  });

  test("have no keywords where there are none, and keep those that are there", async () => {
    const level = lonelyLevel();
    const words = { suggestedWords: ["owl"] };
    await plantGame({
      level,
      gameType: "storytelling",
      questions: [gap({ ...words, keywords: [] }), gap({ ...words, keywords: ["fox"] }), gap()],
    });
    const [game] = await allGames(at.type("storytelling", `level=${level}`), all.poor.token);
    const [none, some, neither] = game!["questions"];
    expect(none).not.toHaveProperty("keywords");
    expect(none).toMatchObject(words);
    expect(some).toMatchObject({ ...words, keywords: ["fox"] });
    expect(neither).toMatchObject({ suggestedWords: [] });
  });

  test("carry the fields that other tools wrote", async () => {
    const level = lonelyLevel();
    const extra = {
      phonetic: "kæt",
      example: "A cat sat.",
      tips: "Open the mouth",
      difficulty: "easy",
      title: "Cats",
      timeLimit: 12,
    };
    await plantGame({ level, gameType: "pronunciation", questions: [gap(extra)] });
    const [game] = await allGames(at.type("pronunciation", `level=${level}`), all.poor.token);
    expect(game!["questions"]).toMatchObject([extra]);
  });
});

describe("without a good token", () => {
  test("free games come without keys, and nothing is refused", async () => {
    const level = lonelyLevel();
    const key = `key-${unique()}`;
    const made = await plantGame({
      level,
      questions: [choice(), gap({ correctAnswer: key, hint: "a hint" })],
    });
    for (const token of [undefined, "no.token.this", `${all.rich.token.slice(0, -2)}xx`]) {
      const [game] = await allGames(at.type("grammar", `level=${level}`), token);
      expect(game).toMatchObject({ _id: made.id, questions: [{ questionNumber: 1 }, { questionNumber: 2 }] });
      for (const question of game!["questions"]) expect(question.options).toEqual(expect.any(Array));
      expect(game!["questions"][0].options.map(({ text }: Document) => text)).toEqual(["wrong", "right"]);
      for (const question of game!["questions"]) {
        expect(question).not.toHaveProperty("correctAnswer");
        for (const option of question.options ?? []) expect(option.isCorrect ?? false).toBe(false);
      }
      expect(JSON.stringify(game)).not.toContain(key);
    }
  });

  test("games for subscribers keep everything back", async () => {
    const level = lonelyLevel();
    const mark = unique();
    const questions = [choice({ questionText: `Ask ${mark}?` }), gap({ correctAnswer: `key ${mark}` })];
    const made = await plantGame({ level, isPremium: true, questions, title: "Paid game" });
    for (const token of [undefined, "no.token.this", all.poor.token, all.late.token]) {
      const [game] = await allGames(at.type("grammar", `level=${level}`), token);
      if (game) expect(game).toMatchObject({ _id: made.id, questions: expect.any(Array) });
      expect(JSON.stringify(game ?? "")).not.toContain(mark);
    }
    for (const { token } of [all.rich, all.tutor, all.boss]) {
      const [game] = await allGames(at.type("grammar", `level=${level}`), token);
      expect(game!["questions"]).toMatchObject([
        { options: [{}, { isCorrect: true }] },
        { correctAnswer: `key ${mark}` },
      ]);
    }
  });
});

describe("order", () => {
  test("level, then newest; what may not be played comes last", async () => {
    const gameType = "storytelling";
    const levels = [lonelyLevel(), lonelyLevel()].sort((a, b) => a - b);
    const game = (level: number, year: number, isPremium = false) =>
      plantGame({ gameType, level, isPremium, createdAt: new Date(year, 1) });
    const paid = await game(levels[0]!, 2024, true);
    const old = await game(levels[0]!, 2021);
    const fresh = await game(levels[0]!, 2023);
    const hard = await game(levels[1]!, 2025);
    const paidHard = await game(levels[1]!, 2026, true);
    const made = [paid, old, fresh, hard, paidHard];
    const order = async (token?: string) =>
      among(await allGames(at.type(gameType), token), made).map((id) =>
        made.findIndex((one) => one.id === id),
      );
    const byLevel = [paid, fresh, old, paidHard, hard].map((one) => made.indexOf(one));
    expect(await order(all.rich.token)).toEqual(byLevel);
    expect(await order(all.tutor.token)).toEqual(byLevel);
    const free = [fresh, old, hard].map((one) => made.indexOf(one));
    for (const token of [undefined, all.poor.token]) {
      const found = await order(token);
      expect(found.slice(0, 3)).toEqual(free);
      // Among themselves as everywhere.
      expect([[], [0, 4]]).toContainEqual(found.slice(3));
    }
    // The first game of the page is the one that is played.
    for (const token of [undefined, all.poor.token]) {
      const [first] = (await games(at.type(gameType), token)).games;
      expect(first).toMatchObject({ isPremium: false });
    }
  });
});

test("a game that does not say whether it is for subscribers takes its place by level", async () => {
  const gameType = "pronunciation";
  const levels = [lonelyLevel(), lonelyLevel()].sort((a, b) => a - b);
  const free = await plantGame({ gameType, level: levels[0] });
  const silent = await plantGame({ gameType, level: levels[1], isPremium: undefined });
  for (const token of [undefined, all.poor.token, all.rich.token]) {
    const found = among(await allGames(at.type(gameType), token), [free, silent]);
    expect(found).toEqual([free.id, silent.id]);
  }
});

describe("filters and pages", () => {
  test("by difficulty, level and price", async () => {
    const level = lonelyLevel();
    const easy = await plantGame({ level, difficulty: "beginner" });
    const hard = await plantGame({ level, difficulty: "advanced", isPremium: true });
    for (const [query, expected] of [
      ["", [easy, hard]],
      ["difficulty=beginner", [easy]],
      ["difficulty=advanced", [hard]],
      ["difficulty=intermediate", []],
      ["isPremium=true", [hard]],
      ["isPremium=false", [easy]],
      ["isPremium=1", [easy]],
    ] as [string, Document[]][]) {
      expect((await ids("grammar", `level=${level}&${query}`, all.rich.token)).sort(), query).toEqual(
        expected.map(({ id }) => id).sort(),
      );
    }
  });

  test("pages are clamped, and show each game once", async () => {
    const level = lonelyLevel();
    const createdAt = new Date(2024, 1);
    for (let turn = 0; turn < 11; turn++) await plantGame({ level, createdAt });
    for (const [query, page, limit, here] of [
      ["", 1, 10, 10],
      ["page=2", 2, 10, 1],
      ["limit=3&page=4", 4, 3, 2],
      ["limit=1000", 1, 100, 11],
      ["limit=0&page=0", 1, 1, 1],
      ["page=abc&limit=xyz", 1, 10, 10],
    ] as const) {
      const found = await games(at.type("grammar", `level=${level}&${query}`));
      expect(found.pagination, query).toEqual({ page, limit, total: 11, pages: Math.ceil(11 / limit) });
      expect(found.games, query).toHaveLength(here);
    }
    const seen: string[] = [];
    for (const page of [1, 2, 3]) {
      seen.push(...idsOf((await games(at.type("grammar", `level=${level}&limit=4&page=${page}`))).games));
    }
    expect(new Set(seen).size).toBe(11);
  });

  test.for([
    "difficulty[$ne]=x",
    "difficulty=hard",
    "isPremium[$ne]=x",
    "level=abc",
    "level[$gt]=0",
    "page[$gt]=1",
  ])("odd values are answered in the envelope: %s", async (query) => {
    const hidden = await plantGame({ isActive: false });
    const answer = await get(at.type("grammar", query));
    if (answer.status === 200) expect(answer.body.data.games).toEqual(expect.any(Array));
    else refused(answer, 400);
    expect(answer.text).not.toContain(hidden.id);
  });
});
