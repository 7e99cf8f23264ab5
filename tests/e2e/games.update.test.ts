import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { call, unique } from "../support/client.ts";
import { refused, refusedField, told } from "./groups.support.ts";
import {
  type Cast,
  NO_IDS,
  allGames,
  at,
  cast,
  choice,
  expectAdminOnly,
  expectGame,
  gap,
  idsOf,
  lonelyLevel,
  plantGame,
  storedGame,
} from "./games.support.ts";
import { nobody } from "./sessions.support.ts";

let all: Cast;

beforeAll(async () => {
  all = await cast();
});

const put = (id: string, body: unknown) => call("PUT", at.game(id), { token: all.boss.token, body });
const remove = (id: string) => call("DELETE", at.game(id), { token: all.boss.token });

async function updated(id: string, body: Document): Promise<Document> {
  const data = told(await put(id, body));
  expect(Object.keys(data)).toEqual(["game"]);
  return data.game;
}

describe("updating", () => {
  test("changes what is given, and nothing else", async () => {
    const before = new Date(Date.now() - 1_000_000);
    const planted = await plantGame({
      createdAt: before,
      updatedAt: before,
      totalPlays: 4,
      averageScore: 12,
    });
    const game = await updated(planted.id, {
      title: `  New ${unique()}  `,
      difficulty: "advanced",
      tags: ["new"],
    });
    expectGame(game, planted["createdBy"].toHexString());
    expect(game).toMatchObject({
      _id: planted.id,
      title: expect.stringMatching(/^New \S+$/),
      difficulty: "advanced",
      tags: ["new"],
      description: planted["description"],
      gameType: "grammar",
      totalQuestions: 2,
      categories: ["verbs"],
      totalPlays: 4,
      averageScore: 12,
      createdAt: before.toISOString(),
    });
    expect(Date.parse(game["updatedAt"])).toBeGreaterThan(before.getTime());
    const stored = await storedGame(planted.id);
    expect(stored).toMatchObject({
      title: game["title"],
      createdAt: before,
      createdBy: planted["createdBy"],
    });
    expect(stored["updatedAt"]).toEqual(new Date(game["updatedAt"]));
    expect(stored["questions"]).toEqual(planted["questions"]);
  });

  test("takes every field of the form", async () => {
    const { id } = await plantGame();
    const body = {
      title: `All ${unique()}`,
      description: "Another description",
      gameType: "storytelling",
      difficulty: "intermediate",
      level: 9,
      timeLimit: 0,
      maxScore: 1,
      passingScore: 0,
      totalQuestions: 1,
      isPremium: true,
      requiresSubscription: true,
      isActive: false,
      categories: [],
      tags: ["a", "b"],
    };
    const game = await updated(id, { ...body, questions: [gap()] });
    expect(game).toMatchObject({ ...body, questions: [{ questionNumber: 1, correctAnswer: "gap" }] });
    expect(await updated(id, { isActive: true })).toMatchObject({
      isActive: true,
      level: 9,
      tags: ["a", "b"],
    });
  });

  test("ignores what is not the caller's to say", async () => {
    const planted = await plantGame({ totalPlays: 3, averageScore: 30, completionRate: 50 });
    const game = await updated(planted.id, {
      _id: nobody(),
      createdBy: all.boss.id,
      totalPlays: 99,
      averageScore: 99,
      completionRate: 99,
      createdAt: "2001-01-01T00:00:00.000Z",
      updatedAt: "2001-01-01T00:00:00.000Z",
      __v: 77,
      save: true,
      set: "x",
      $set: { totalPlays: 98 },
      "questions.0.points": 55,
      nonsense: "yes",
      title: `Kept ${unique()}`,
    });
    const same = { totalPlays: 3, averageScore: 30, completionRate: 50 };
    expect(game).toMatchObject({
      ...same,
      _id: planted.id,
      createdBy: planted["createdBy"].toHexString(),
      createdAt: planted["createdAt"].toISOString(),
    });
    expect(Date.parse(game["updatedAt"])).toBeGreaterThanOrEqual(planted["updatedAt"].getTime());
    const stored = await storedGame(planted.id);
    expect(stored).toMatchObject({
      ...same,
      createdBy: planted["createdBy"],
      questions: planted["questions"],
    });
    for (const key of ["nonsense", "save", "set", "$set"]) expect(stored).not.toHaveProperty(key);
  });

  test("replaces all questions, renumbers them, and keeps the ids that the body carries", async () => {
    const planted = await plantGame({ questions: [choice(), gap(), gap({ correctAnswer: "third" })] });
    const [first, second] = planted["questions"].map(({ _id }: { _id: ObjectId }) => _id.toHexString());
    const body = {
      totalQuestions: 3,
      questions: [
        gap({ _id: second, questionNumber: 9 }),
        choice({ _id: first, questionNumber: 9 }),
        gap({ correctAnswer: "new", questionNumber: 9 }),
      ],
    };
    const game = await updated(planted.id, body);
    expectGame(game, planted["createdBy"].toHexString());
    const questions: Document[] = game["questions"];
    expect(questions.map(({ questionNumber }) => questionNumber)).toEqual([1, 2, 3]);
    expect(questions.slice(0, 2).map(({ _id }) => _id)).toEqual([second, first]);
    expect(questions).toMatchObject([
      { questionType: "fill_blank", correctAnswer: "gap" },
      { questionType: "multiple_choice" },
      { questionType: "fill_blank", correctAnswer: "new" },
    ]);
    expect(new Set(questions.map(({ _id }) => _id)).size).toBe(3);
    const stored = await storedGame(planted.id);
    expect(stored["questions"].map(({ _id }: { _id: ObjectId }) => _id.toHexString())).toEqual(
      questions.map(({ _id }) => _id),
    );
    expect(stored["totalQuestions"]).toBe(3);
  });

  test("lets announced and real number of questions never drift apart", async () => {
    const { id } = await plantGame({ questions: [choice(), gap()] });
    refused(await put(id, { questions: [gap()], totalQuestions: 2 }), 400);
    refused(await put(id, { questions: [gap(), gap()], totalQuestions: "2" }), 400);
    for (const body of [{ questions: [gap()] }, { totalQuestions: 5 }, { questions: [] }]) {
      const answer = await put(id, body);
      if (answer.status !== 200) refused(answer, 400);
      const stored = await storedGame(id);
      expect(stored["totalQuestions"], JSON.stringify(body)).toBe(stored["questions"].length);
    }
  });

  test.for([
    ["title", [null, "", "  ", "ab", "x".repeat(101), {}]],
    ["description", ["x".repeat(501), {}]],
    ["gameType", [null, "", "chess", {}]],
    ["difficulty", ["hard", {}]],
    ["level", [0, 11, 1.5, "abc", {}]],
    ["timeLimit", [-1, "abc", {}]],
    ["maxScore", [0, "abc", {}]],
    ["passingScore", [-1, 101, "abc", {}]],
    ["isPremium", ["maybe", {}]],
    ["requiresSubscription", ["maybe", {}]],
    ["isActive", ["maybe", {}]],
  ] as [string, unknown[]][])("a bad %s is refused by name", async ([field, values]) => {
    const planted = await plantGame();
    for (const value of values) {
      const answer = await put(planted.id, { [field]: value });
      expect(answer.status, `${JSON.stringify(value)} ${answer.text}`).toBe(400);
      refusedField(answer, field);
    }
    expect((await storedGame(planted.id))[field]).toEqual(planted[field]);
  });

  test("bad questions are refused, and the old ones stay", async () => {
    const planted = await plantGame();
    for (const questions of [
      "text",
      {},
      [null, gap()],
      [gap(), choice({ options: undefined })],
      [gap(), choice({ options: [{ text: "a", isCorrect: true }] })],
      [gap(), choice({ options: [{ text: "a" }, { text: "b" }] })],
      [gap(), gap({ correctAnswer: undefined })],
      [gap(), gap({ questionText: "abc" })],
      [gap(), gap({ questionType: "essay" })],
      [gap(), gap({ points: 0 })],
    ]) {
      const answer = await put(planted.id, { questions, totalQuestions: 2 });
      expect(answer.status, `${JSON.stringify(questions)} ${answer.text}`).toBe(400);
      refused(answer, 400);
    }
    expect((await storedGame(planted.id))["questions"]).toEqual(planted["questions"]);
  });

  test("is for administrators, and for games that are there", async () => {
    const { id } = await plantGame();
    await expectAdminOnly("PUT", [at.game(id), at.game(nobody()), at.game("nope")], all, { title: "?" });
    for (const unknown of [nobody(), ...NO_IDS])
      refused(await put(unknown, { title: `New ${unique()}` }), 404);
  });

  test("reaches games that are switched off", async () => {
    const { id } = await plantGame({ isActive: false });
    expect(await updated(id, { tags: ["back"] })).toMatchObject({ isActive: false, tags: ["back"] });
  });
});

describe("deleting", () => {
  test("switches the game off, each time", async () => {
    const level = lonelyLevel();
    const planted = await plantGame({ level });
    expect(await allGames(at.type("grammar", `level=${level}`))).toHaveLength(1);
    for (let turn = 0; turn < 2; turn++) {
      const answer = await remove(planted.id);
      told(answer);
      expect(Object.keys(answer.body).sort()).toEqual(["message", "success"]);
    }
    const stored = await storedGame(planted.id);
    expect(stored).toMatchObject({
      isActive: false,
      title: planted["title"],
      questions: planted["questions"],
    });
    expect(await allGames(at.type("grammar", `level=${level}`))).toEqual([]);
    expect(await allGames(at.list(`level=${level}`), all.rich.token)).toEqual([]);
    // An administrator may still ask for it.
    expect(idsOf(await allGames(at.list(`level=${level}&isActive=false`), all.boss.token))).toEqual([
      planted.id,
    ]);
  });

  test("is for administrators, and for games that are there", async () => {
    const { id } = await plantGame();
    await expectAdminOnly("DELETE", [at.game(id), at.game(nobody()), at.game("nope")], all);
    for (const unknown of [nobody(), ...NO_IDS]) refused(await remove(unknown), 404);
    expect((await storedGame(id))["isActive"]).toBe(true);
  });
});
