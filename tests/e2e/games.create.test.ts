import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, post, unique } from "../support/client.ts";
import { refused, refusedField, told } from "./groups.support.ts";
import {
  type Cast,
  GAMES,
  allGames,
  at,
  cast,
  choice,
  expectAdminOnly,
  expectGame,
  gap,
  idsOf,
  storedGame,
  wantedGame,
} from "./games.support.ts";

let all: Cast;

beforeAll(async () => {
  all = await cast();
});

const create = (fields: Document = {}): Promise<Answer> => all.boss.post(GAMES, wantedGame(fields));

async function created(fields: Document = {}): Promise<Document> {
  const data = told(await create(fields), 201);
  expect(Object.keys(data)).toEqual(["game"]);
  return data.game;
}

describe("what is made", () => {
  test("is answered whole, and stored as the old server stores it", async () => {
    const body = wantedGame({ title: `  Game ${unique()} `, description: "  blanks around this text  " });
    const { game } = told(await all.boss.post(GAMES, body), 201);
    expectGame(game, all.boss.id);
    expect(game).toMatchObject({
      title: body["title"].trim(),
      description: "blanks around this text",
      gameType: "grammar",
      difficulty: "beginner",
      level: 1,
      timeLimit: 60,
      maxScore: 100,
      passingScore: 60,
      totalQuestions: 2,
      isActive: true,
      totalPlays: 0,
      averageScore: 0,
      completionRate: 0,
      categories: ["verbs"],
      tags: ["short"],
    });
    const document = await storedGame(game._id);
    expect(document["createdBy"].toHexString()).toBe(all.boss.id);
    expect(document["createdAt"]).toEqual(new Date(game.createdAt));
    expect(document["updatedAt"]).toEqual(new Date(game.updatedAt));
    expect(document).toMatchObject({ title: game.title, isActive: true, totalQuestions: 2 });
    expect(document["questions"]).toHaveLength(2);
    expect(document["questions"][0]._id.toHexString()).toBe(game.questions[0]._id);
    expect(document["questions"][0].options[1]).toMatchObject({ text: "right", isCorrect: true });
  });

  test("has defaults for what is left out", async () => {
    const question = gap({ points: undefined });
    const game = await created({
      ...Object.fromEntries(
        [
          "description difficulty level timeLimit maxScore passingScore isPremium requiresSubscription",
          "categories tags",
        ]
          .join(" ")
          .split(" ")
          .map((key) => [key, undefined]),
      ),
      questions: [question],
    });
    expectGame(game, all.boss.id);
    expect(game).toMatchObject({
      difficulty: "beginner",
      level: 1,
      timeLimit: 0,
      maxScore: 100,
      passingScore: 60,
      isPremium: false,
      requiresSubscription: false,
      categories: [],
      tags: [],
    });
    expect(game["questions"][0]).toMatchObject({
      points: 10,
      negativePoints: 0,
      options: [],
      suggestedWords: [],
    });
  });

  test("may have a blank description", async () => {
    expect((await created({ description: "" }))["description"] ?? "").toBe("");
  });

  test("numbers its questions by position", async () => {
    const game = await created({
      questions: [
        gap({ questionNumber: 7, questionText: "  Blanks around this " }),
        choice({ questionNumber: 7 }),
      ],
    });
    expect(game["questions"]).toMatchObject([
      { questionNumber: 1, questionText: "Blanks around this" },
      { questionNumber: 2 },
    ]);
  });

  test("keeps every field of a question that the app shows", async () => {
    const fields = {
      hint: "think",
      explanation: "because",
      grammarRule: "a rule",
      pronunciationGuide: "slowly",
      wordCategory: "noun",
      storyContext: "a forest",
      storyBeginning: "Once upon a time",
      keywords: ["fox", "hen"],
      suggestedWords: ["sly"],
      minWords: 20,
      wordLimit: 90,
      phonetic: "fɒks",
      example: "The fox runs.",
      tips: "Round the lips",
      difficulty: "hard",
      timeLimit: 25,
      negativePoints: 3,
      points: 7,
      mediaUrl: "https://example.com/a.mp3",
      mediaType: "audio",
    };
    const options = [{ text: "one", isCorrect: true, explanation: "the first" }, { text: "two" }];
    const game = await created({
      gameType: "storytelling",
      questions: [gap({ ...fields, questionType: "audio" }), choice({ title: "A title", options })],
    });
    expectGame(game, all.boss.id);
    expect(game["questions"][0]).toMatchObject({ ...fields, correctAnswer: "gap" });
    expect(game["questions"][1]).toMatchObject({
      title: "A title",
      options: [
        { text: "one", isCorrect: true, explanation: "the first" },
        { text: "two", isCorrect: false },
      ],
    });
    const [shown] = await allGames(at.list(`search=${game["title"]}`), all.boss.token);
    expect(shown!["questions"][0]).toMatchObject(fields);
    expect((await storedGame(game["_id"]))["questions"][0]).toMatchObject(fields);
  });

  test("ignores what is not the caller's to say", async () => {
    const game = await created({
      _id: all.poor.id,
      createdBy: all.poor.id,
      isActive: false,
      totalPlays: 99,
      averageScore: 99,
      completionRate: 99,
      createdAt: "2001-01-01T00:00:00.000Z",
      nonsense: "yes",
    });
    expectGame(game, all.boss.id);
    expect(game["_id"]).not.toBe(all.poor.id);
    expect(game).toMatchObject({ isActive: true, totalPlays: 0, averageScore: 0, completionRate: 0 });
    expect(Date.now() - Date.parse(game["createdAt"])).toBeLessThan(600_000);
    expect(await storedGame(game["_id"])).not.toHaveProperty("nonsense");
  });

  test("may be as large as the limits say", async () => {
    const game = await created({
      title: "x".repeat(100),
      description: "x".repeat(500),
      level: 10,
      passingScore: 100,
      timeLimit: 0,
      maxScore: 1,
      questions: Array.from({ length: 50 }, () => gap({ points: 1, questionText: "12345" })),
    });
    expect(game["questions"]).toHaveLength(50);
    await created({ title: "abc", description: "x".repeat(10), passingScore: 0 });
  });

  test.for(["true_false", "fill_blank", "audio", "image", "video"])(
    "%s needs a key",
    async (questionType) => {
      const game = await created({ questions: [gap({ questionType, correctAnswer: "true" })] });
      expect(game["questions"][0]).toMatchObject({ questionType, correctAnswer: "true" });
      for (const correctAnswer of [undefined, ""]) {
        refused(await create({ questions: [gap({ questionType, correctAnswer })] }), 400);
      }
    },
  );
});

describe("what is refused", () => {
  test("everybody but administrators", () => expectAdminOnly("POST", [GAMES], all, { title: "?" }));

  test.for([
    ["title", [undefined, null, "", "  ", "ab", "x".repeat(101), {}, { $gt: "" }]],
    ["description", ["too short", "x".repeat(501), {}]],
    ["gameType", [undefined, null, "", "chess", "Grammar", {}]],
    ["difficulty", ["hard", "Beginner", {}]],
    ["level", [0, -1, 11, 1.5, "abc", {}]],
    ["timeLimit", [-1, 1.5, "abc", {}]],
    ["maxScore", [0, -5, "abc", {}]],
    ["passingScore", [-1, 101, "abc", {}]],
    ["isPremium", ["maybe", {}]],
    ["requiresSubscription", ["maybe", {}]],
  ] as [string, unknown[]][])("a bad %s, by name", async ([field, values]) => {
    for (const value of values) {
      const answer = await create({ [field]: value });
      expect(answer.status, `${JSON.stringify(value)} ${answer.text}`).toBe(400);
      refusedField(answer, field);
      for (const error of answer.body.errors) {
        expect(error).toMatchObject({ type: "field", msg: expect.any(String), location: "body" });
      }
    }
  });

  test("another number of questions than announced", async () => {
    const questions = [gap(), choice()];
    for (const totalQuestions of [1, 3, 0, -2, undefined, null, 2.5, "two", {}]) {
      refused(await create({ questions, totalQuestions }), 400);
    }
    // A comparison of a number with a text: never the same.
    refused(await create({ questions, totalQuestions: "2" }), 400);
    refused(await create({ questions: Array.from({ length: 51 }, () => gap()) }), 400);
  });

  test("questions that are no list of questions", async () => {
    for (const questions of [undefined, null, "text", {}, 7, [null], ["text"], [7], [[]], []]) {
      refused(await all.boss.post(GAMES, { ...wantedGame(), questions, totalQuestions: 1 }), 400);
    }
  });

  const none = { text: "a", isCorrect: false };
  test.for([
    ["without a text", { questionText: undefined }],
    ["with a blank text", { questionText: "     " }],
    ["with a short text", { questionText: "1234" }],
    ["with an object for a text", { questionText: { $gt: "" } }],
    ["without a type", { questionType: undefined }],
    ["of an unknown type", { questionType: "essay" }],
    ["for no points", { points: 0 }],
    ["for less than no points", { points: -5 }],
    ["for half a point", { points: 1.5 }],
    ["for a word of points", { points: "many" }],
    ["without options", { options: undefined }],
    ["with null for options", { options: null }],
    ["with a text for options", { options: "a,b" }],
    ["with no option", { options: [] }],
    ["with one option", { options: [{ text: "a", isCorrect: true }] }],
    ["with none of the options right", { options: [none, none] }],
    ["with nothing for an option", { options: [null, { text: "a", isCorrect: true }] }],
    ["with media of an unknown kind", { mediaType: "hologram" }],
  ] as [string, object][])("a question %s, by its place", async ([, fields]) => {
    const answer = await create({ questions: [gap(), choice(fields)] });
    refused(answer, 400);
    const { errors } = answer.body;
    expect(errors, answer.text).toEqual(expect.any(Array));
    // A text per question, or a field with its path: both say that it is the second one.
    const places = errors.map((error: string | { path: string }) =>
      typeof error === "string" ? /\b2\b/.test(error) : /^questions(\[1\]|\.1\b)/.test(error.path),
    );
    expect(places, answer.text).toContain(true);
    expect(new Set(errors.map((error: unknown) => typeof error)).size).toBe(1);
  });

  test("leaves nothing behind", async () => {
    const title = `Refused ${unique()}`;
    refused(await create({ title, gameType: "chess" }), 400);
    refused(await create({ title, questions: [gap({ correctAnswer: "" })] }), 400);
    expect(await allGames(at.list(`search=${title}`), all.boss.token)).toEqual([]);
  });

  test("bodies that are no object", async () => {
    for (const body of ["[]", "7", '"text"', "null", "{", ""]) {
      refused(await post(GAMES, { token: all.boss.token, body }), 400);
    }
  });
});

test("the form of the admin site, which has no questions, makes a draft or is refused readably", async () => {
  const title = `Draft ${unique()}`;
  const answer = await create({
    title,
    description: "",
    questions: [],
    totalQuestions: 0,
    gameType: "pronunciation",
    categories: [],
    tags: [],
  });
  if (answer.status === 400) return refused(answer, 400);
  const { game } = told(answer, 201);
  expectGame(game, all.boss.id);
  expect(game).toMatchObject({ questions: [], totalQuestions: 0 });
  for (const [path, token] of [
    [at.type("pronunciation", "difficulty=beginner")],
    [at.type("pronunciation", "difficulty=beginner"), all.rich.token],
    [at.list(`search=${title}`), all.rich.token],
  ] as [string, string?][]) {
    expect(idsOf(await allGames(path, token))).not.toContain(game._id);
  }
});
