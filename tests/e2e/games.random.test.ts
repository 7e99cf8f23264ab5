/**
 * A random game. The pick is from all games of a type and a difficulty, so these tests keep one such pair to
 * themselves: advanced pronunciation games.
 */
import { beforeAll, beforeEach, expect, test } from "vitest";
import { get, unique, withDatabase } from "../support/client.ts";
import { data, oid, refused } from "./groups.support.ts";
import { type Cast, at, cast, choice, expectGame, gap, plantGame, setGame } from "./games.support.ts";
import { TEXT } from "./sessions.support.ts";

const KIND = { gameType: "pronunciation", difficulty: "advanced" };
const path = (query = "") => at.random("pronunciation", `difficulty=advanced&${query}`);

let all: Cast;

beforeAll(async () => {
  all = await cast();
});

beforeEach(() =>
  withDatabase((db) =>
    db.collection("games").updateMany({ ...KIND, isActive: true }, { $set: { isActive: false } }),
  ),
);

const plant = (fields: object = {}) => plantGame({ ...KIND, createdBy: oid(all.boss.id), ...fields });

/** The ids of many picks, as often as asked. */
async function picks(many: number, query = "", token?: string): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: many }, () => get(path(query), { token })));
  return answers.map((answer) => data(answer).game._id);
}

test("comes whole, with the name of its maker and nothing more of an account", async () => {
  const made = await plant();
  for (const token of [all.poor.token, all.boss.token]) {
    const answer = await get(path(), { token });
    expect(Object.keys(answer.body).sort()).toEqual(["data", "success"]);
    const { game, ...rest } = data(answer);
    expect(rest).toEqual({});
    expectGame(game, { _id: all.boss.id, name: TEXT });
    expect(game).toMatchObject({
      _id: made.id,
      questions: [{ options: [{ isCorrect: false }, { isCorrect: true }] }, { correctAnswer: "gap" }],
    });
  }
});

test("without a good token comes without keys, and still without the account of its maker", async () => {
  const made = await plant({ questions: [choice(), gap({ correctAnswer: "hush-key" })] });
  for (const token of [undefined, "no.token.this"]) {
    const answer = await get(path(), { token });
    const { game } = data(answer);
    expect(game).toMatchObject({ _id: made.id, createdBy: { _id: all.boss.id, name: TEXT } });
    expect(Object.keys(game.createdBy).sort()).toEqual(["_id", "name"]);
    for (const question of game.questions) {
      expect(question).not.toHaveProperty("correctAnswer");
      for (const option of question.options ?? []) expect(option.isCorrect ?? false).toBe(false);
    }
    for (const secret of [all.boss.email, all.boss.phone, "$2", "password", "hush-key"]) {
      expect(answer.text).not.toContain(secret);
    }
  }
});

test("any of the games may come, and only those that fit", async () => {
  const made = [await plant(), await plant(), await plant()];
  await plant({ isActive: false });
  await plant({ isPremium: true });
  const found = await picks(60);
  // Three games, sixty picks: one is missed once in ten billion runs.
  expect([...new Set(found)].sort()).toEqual(made.map(({ id }) => id).sort());
});

test("games for subscribers come only to whoever is entitled, and only when asked for", async () => {
  const mark = unique();
  const free = await plant();
  const paid = await plant({ isPremium: true, questions: [gap({ correctAnswer: `key ${mark}` })] });
  for (const query of ["", "isPremium=false", "isPremium=yes"]) {
    expect(new Set(await picks(8, query, all.rich.token)), query).toEqual(new Set([free.id]));
  }
  for (const { token } of [all.rich, all.tutor, all.boss]) {
    const { game } = data(await get(path("isPremium=true"), { token }));
    expect(game).toMatchObject({ _id: paid.id, questions: [{ correctAnswer: `key ${mark}` }] });
  }
  for (const token of [undefined, all.poor.token, all.late.token]) {
    const answer = await get(path("isPremium=true"), { token });
    if (answer.status !== 200) refused(answer, 401, 403, 404);
    expect(answer.text).not.toContain(mark);
  }
});

test("there is none of an unknown kind, and none where nothing fits", async () => {
  const { id } = await plant();
  expect(await picks(1)).toEqual([id]);
  await setGame(id, { isActive: false });
  refused(await get(path()), 404);
  refused(await get(path("isPremium=true"), { token: all.rich.token }), 404);
  for (const kind of ["chess", "%24ne", "Pronunciation"]) refused(await get(at.random(kind)), 404);
});

test("a difficulty is one of three words", async () => {
  const { id } = await plant();
  expect(await picks(1)).toEqual([id]);
  for (const query of ["difficulty=hard", "difficulty[$ne]=x", "difficulty=advanced&difficulty=beginner"]) {
    const answer = await get(at.random("pronunciation", query));
    // Refused, taken as absent, or fitting nothing.
    if (answer.status !== 200) refused(answer, 400, 404);
  }
  expect((await get(at.random("pronunciation", "difficulty=hard"))).status).not.toBe(200);
});
