import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { get, unique, withDatabase } from "../support/client.ts";
import { oid, refused } from "./groups.support.ts";
import {
  type Cast,
  GAMES,
  allGames,
  at,
  cast,
  choice,
  expectGame,
  expectTokenAsked,
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

/** The ids of a list, in its order. */
const ids = async (query: string, { token } = all.poor) => idsOf(await allGames(at.list(query), token));

test("the list has the shape of the contract", async () => {
  const level = lonelyLevel();
  const made = await plantGame({
    level,
    createdBy: oid(all.boss.id),
    questions: [choice(), gap({ hint: "h" })],
  });
  const orphan = await plantGame({ level, createdAt: new Date(2020, 1) });
  const page = await games(at.list(`level=${level}`), all.poor.token);
  expect(page.pagination).toEqual({ page: 1, limit: 10, total: 2, pages: 1 });
  expect(idsOf(page.games)).toEqual([made.id, orphan.id]);
  expectGame(page.games[0]!, { _id: all.boss.id, name: TEXT });
  // The account is gone.
  expectGame(page.games[1]!, null);
  // The app grades on the device: whoever may play gets the keys.
  expect(page.games[0]!["questions"]).toMatchObject([
    { options: [{ isCorrect: false }, { isCorrect: true }] },
    { correctAnswer: "gap", hint: "h" },
  ]);
  for (const secret of [all.boss.email, all.boss.phone, "$2"]) {
    expect(JSON.stringify(page)).not.toContain(secret);
  }
});

test("a token is needed", () => expectTokenAsked((token) => get(GAMES, { token }), all.poor));

test("without parameters come the ten newest", async () => {
  const future = new Date(Date.now() + 3_600_000);
  const newest = await plantGame({ createdAt: future });
  const page = await games(GAMES, all.poor.token);
  expect(page.pagination).toMatchObject({ page: 1, limit: 10 });
  expect(page.games.length).toBeLessThanOrEqual(10);
  expect(idsOf(page.games)).toContain(newest.id);
  const times = page.games.map(({ createdAt }) => Date.parse(createdAt));
  expect(times).toEqual([...times].sort((a, b) => b - a));
});

test("documents that lack fields are sent with what clients need", async () => {
  const level = lonelyLevel();
  const bare = await plantGame({
    level,
    ...Object.fromEntries(
      "description difficulty timeLimit maxScore passingScore isPremium requiresSubscription categories tags"
        .split(" ")
        .map((key) => [key, undefined]),
    ),
    totalPlays: undefined,
    averageScore: undefined,
    completionRate: undefined,
    updatedAt: new Date(),
  });
  await withDatabase((db) =>
    db.collection("games").updateOne(
      { _id: oid(bare.id) },
      {
        $set: {
          questions: [
            { _id: new ObjectId(), questionNumber: 1, questionText: "Bare?", questionType: "audio" },
          ],
        },
      },
    ),
  );
  const [game] = await allGames(at.list(`level=${level}`), all.poor.token);
  expectGame(game!, null);
  expect(game).toMatchObject({
    difficulty: "beginner",
    timeLimit: 0,
    maxScore: 100,
    passingScore: 60,
    isPremium: false,
    categories: [],
    tags: [],
    totalPlays: 0,
    questions: [{ options: [], points: 10 }],
  });
});

describe("filters", () => {
  test("by type, difficulty, level and price", async () => {
    const level = lonelyLevel();
    const plain = await plantGame({ level, gameType: "grammar", difficulty: "beginner" });
    const story = await plantGame({
      level,
      gameType: "storytelling",
      difficulty: "advanced",
      isPremium: true,
    });
    for (const [query, expected] of [
      ["gameType=grammar", [plain]],
      ["gameType=storytelling", [story]],
      ["gameType=pronunciation", []],
      ["difficulty=advanced", [story]],
      ["difficulty=intermediate", []],
      ["isPremium=true", [story]],
      ["isPremium=false", [plain]],
      ["isPremium=TRUE", [plain]],
      ["gameType=storytelling&difficulty=advanced&isPremium=true", [story]],
      ["gameType=storytelling&difficulty=beginner", []],
      // What the page of the admin site sends when no filter is chosen.
      ["gameType=&difficulty=&search=", [story, plain]],
    ] as [string, Document[]][]) {
      expect((await ids(`level=${level}&${query}`, all.rich)).sort(), query).toEqual(
        expected.map(({ id }) => id).sort(),
      );
    }
    expect(await ids(`level=${lonelyLevel()}`)).toEqual([]);
  });

  test("by a fragment of the title, in any case, taken literally", async () => {
    const mark = unique();
    const made = await plantGame({ title: `Über ${mark} (a+b) [c] .* ^x$ \\d 50%` });
    await plantGame({ title: `Other ${mark}`, description: `Über ${mark} (a+b)`, tags: ["(a+b)"] });
    for (const rest of ["(a+b)", "[C]", ".*", "^x$", "\\d", "50%"]) {
      expect(await ids(new URLSearchParams({ search: `${rest}` }).toString()), rest).toContain(made.id);
    }
    for (const search of [`ÜBER ${mark}`, `${mark.toUpperCase()} (A+B)`]) {
      expect(await ids(new URLSearchParams({ search }).toString()), search).toEqual([made.id]);
    }
    for (const search of [`${mark}.*`, `${mark} .a`, `${mark}|x`, `^Über ${mark}`]) {
      expect(await ids(new URLSearchParams({ search }).toString()), search).toEqual([]);
    }
  });

  test("only games that are switched on, unless an administrator asks", async () => {
    const level = lonelyLevel();
    const on = await plantGame({ level });
    const off = await plantGame({ level, isActive: false });
    for (const who of [all.poor, all.rich, all.tutor, all.boss])
      expect(await ids(`level=${level}`, who)).toEqual([on.id]);
    for (const who of [all.poor, all.rich, all.tutor]) {
      for (const query of ["isActive=false", "isActive=true", "isActive=all", "isActive[$ne]=true"]) {
        const answer = await get(at.list(`level=${level}&${query}`), { token: who.token });
        expect(answer.text, query).not.toContain(off.id);
      }
    }
    expect(await ids(`level=${level}&isActive=false`, all.boss)).toEqual([off.id]);
  });

  test.for(["gameType[$ne]=x", "difficulty[$ne]=x", "search[$regex]=.", "isPremium[$ne]=x", "level[$gt]=0"])(
    "operators are no filters: %s",
    async (query) => {
      const hidden = await plantGame({ isActive: false });
      const answer = await get(at.list(query), { token: all.poor.token });
      expect([200, 400], answer.text).toContain(answer.status);
      expect(answer.body).toMatchObject({ success: answer.status === 200 });
      expect(answer.text).not.toContain(hidden.id);
    },
  );

  test.for(["gameType=chess", "difficulty=hard", "level=abc", "level=1.5", "level=-1"])(
    "odd values find nothing, or everything, or are refused: %s",
    async (query) => {
      const answer = await get(at.list(query), { token: all.poor.token });
      if (answer.status === 200) expect(answer.body.data.games).toEqual(expect.any(Array));
      else refused(answer, 400);
      if (answer.status === 200 && !query.startsWith("level")) expect(answer.body.data.games).toEqual([]);
    },
  );
});

describe("order and pages", () => {
  test("by an allowed field, either way; the newest first by default", async () => {
    const level = lonelyLevel();
    const [b, c, a] = [
      await plantGame({ level, title: "B game", createdAt: new Date(2021, 1) }),
      await plantGame({ level, title: "C game", createdAt: new Date(2022, 1) }),
      await plantGame({ level, title: "A game", createdAt: new Date(2023, 1) }),
    ];
    for (const [query, expected] of [
      ["", [a, c, b]],
      ["sortBy=createdAt&sortOrder=desc", [a, c, b]],
      ["sortBy=createdAt&sortOrder=asc", [b, c, a]],
      ["sortBy=title&sortOrder=asc", [a, b, c]],
      ["sortBy=title&sortOrder=desc", [c, b, a]],
    ] as const) {
      expect(await ids(`level=${level}&${query}`), query).toEqual(expected.map(({ id }) => id));
    }
    for (const query of [
      "sortBy=questions.correctAnswer",
      "sortBy=$where",
      "sortBy[]=title",
      "sortBy=title&sortBy=level",
    ]) {
      const answer = await get(at.list(`level=${level}&${query}`), { token: all.poor.token });
      if (answer.status === 200) expect(answer.body.data.games).toHaveLength(3);
      else refused(answer, 400);
    }
  });

  test("pages are clamped, and show each game once", async () => {
    const level = lonelyLevel();
    // All of one instant: only a last sort key keeps the pages apart.
    const createdAt = new Date(2024, 1);
    for (let turn = 0; turn < 12; turn++) await plantGame({ level, createdAt });
    for (const [query, page, limit, here] of [
      ["", 1, 10, 10],
      ["page=2", 2, 10, 2],
      ["page=3", 3, 10, 0],
      ["limit=5&page=3", 3, 5, 2],
      ["limit=1000", 1, 100, 12],
      ["limit=0", 1, 1, 1],
      ["limit=-5&page=-5", 1, 1, 1],
      ["page=0", 1, 10, 10],
      ["page=abc&limit=xyz", 1, 10, 10],
    ] as const) {
      const found = await games(at.list(`level=${level}&${query}`), all.poor.token);
      expect(found.pagination, query).toEqual({ page, limit, total: 12, pages: Math.ceil(12 / limit) });
      expect(found.games, query).toHaveLength(here);
    }
    const seen: string[] = [];
    for (const page of [1, 2, 3]) {
      seen.push(
        ...idsOf((await games(at.list(`level=${level}&limit=4&page=${page}`), all.poor.token)).games),
      );
    }
    expect(new Set(seen).size).toBe(12);
  });
});

test("games for subscribers keep their questions back from others", async () => {
  const level = lonelyLevel();
  const mark = unique();
  const questions = [
    choice({
      questionText: `Ask ${mark}?`,
      options: [{ text: `opt ${mark}`, isCorrect: true }, { text: "b" }],
    }),
    gap({ correctAnswer: `key ${mark}` }),
  ];
  const { id } = await plantGame({ level, isPremium: true, questions, title: "Paid game" });
  const of = async (who: { token: string }) => (await allGames(at.list(`level=${level}`), who.token))[0]!;
  for (const who of [all.poor, all.late]) {
    const game = await of(who);
    // Listed, so that the app can offer a plan; the array is there, its content is not.
    expect(game).toMatchObject({ _id: id, isPremium: true, questions: expect.any(Array) });
    expect(JSON.stringify(game)).not.toContain(mark);
  }
  for (const who of [all.rich, all.tutor, all.boss]) {
    const game = await of(who);
    expectGame(game, null);
    expect(game["questions"]).toMatchObject([
      { options: [{ text: `opt ${mark}`, isCorrect: true }, {}] },
      { correctAnswer: `key ${mark}` },
    ]);
  }
  // This flag is stored, and enforced nowhere.
  const other = lonelyLevel();
  await plantGame({ level: other, requiresSubscription: true, questions });
  expect(JSON.stringify(await allGames(at.list(`level=${other}`), all.poor.token))).toContain(`key ${mark}`);
});
