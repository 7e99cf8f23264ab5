/** Actions that change and delete: what they do and exactly what they answer. */
import { describe, expect, test } from "vitest";
import { Collection, expectAnswer } from "./client.ts";

const int = (number: number) => ({ $numberInt: String(number) });
const counts = (matched: number, modified: number) => ({
  matchedCount: int(matched),
  modifiedCount: int(modified),
});

describe("updates", () => {
  test("updateOne changes one match and counts it", async () => {
    const at = new Collection();
    await at.insert({ _id: 1, n: 1 }, { _id: 2, n: 1 });
    const update = { $set: { n: 5 } };
    expectAnswer(await at.ejson("updateOne", { filter: { n: 1 }, update }), 200, counts(1, 1));
    expectAnswer(await at.ejson("updateOne", { filter: { n: 5 }, update }), 200, counts(1, 0));
    expectAnswer(await at.plain("updateOne", { filter: { n: 9 }, update }), 200, {
      matchedCount: 0,
      modifiedCount: 0,
    });
    expect(await at.all()).toEqual([
      { _id: 1, n: 5 },
      { _id: 2, n: 1 },
    ]);
  });

  test("updateMany changes all matches", async () => {
    const at = new Collection();
    await at.insert({ _id: 1, n: 1 }, { _id: 2, n: 1 }, { _id: 3, n: 2 });
    const change = { filter: { n: { $gte: 1 } }, update: { $max: { n: 2 } } };
    expectAnswer(await at.ejson("updateMany", change), 200, counts(3, 2));
    expectAnswer(await at.plain("updateMany", change), 200, { matchedCount: 3, modifiedCount: 0 });
    expect((await at.all()).map(({ n }) => n)).toEqual([2, 2, 2]);
  });

  test.for([
    ["updateOne", 1],
    ["updateMany", 2],
  ] as const)("%s takes a pipeline", async ([action, changed]) => {
    const at = new Collection();
    await at.insert({ _id: 1, n: 3 }, { _id: 2, n: 4 });
    const update = [{ $set: { twice: { $multiply: ["$n", 2] } } }, { $unset: "n" }];
    expectAnswer(
      await at.ejson(action, { filter: { n: { $gt: 0 } }, update }),
      200,
      counts(changed, changed),
    );
    expect(await at.all()).toEqual([
      { _id: 1, twice: 6 },
      changed === 2 ? { _id: 2, twice: 8 } : { _id: 2, n: 4 },
    ]);
  });

  test.for(["updateOne", "updateMany"])("%s upserts and tells the new id", async (action) => {
    const at = new Collection();
    const update = { $set: { n: 1 } };
    const named = { filter: { _id: "new" }, update, upsert: true };
    expectAnswer(await at.ejson(action, named), 200, { ...counts(0, 0), upsertedId: "new" });
    expectAnswer(await at.ejson(action, named), 200, counts(1, 0));
    const made = { filter: { k: 1 }, update, upsert: true };
    expectAnswer(await at.plain(action, made), 200, {
      matchedCount: 0,
      modifiedCount: 0,
      upsertedId: expect.stringMatching(/^[0-9a-f]{24}$/),
    });
    const no = { filter: { k: 2 }, update, upsert: false };
    expectAnswer(await at.ejson(action, no), 200, counts(0, 0));
    expect(await at.all()).toHaveLength(2);
  });

  test.for([
    ["updateOne", [9, 3]],
    ["updateMany", [9, 9]],
  ] as const)("%s takes arrayFilters", async ([action, expected]) => {
    const at = new Collection();
    await at.insert(
      ...[1, 2].map((_id) => ({
        _id,
        list: [
          { k: "x", v: 3 },
          { k: "y", v: 3 },
        ],
      })),
    );
    const answer = await at.ejson(action, {
      filter: {},
      update: { $set: { "list.$[which].v": 9 } },
      arrayFilters: [{ "which.k": "y" }],
    });
    expectAnswer(answer, 200, counts(action === "updateOne" ? 1 : 2, action === "updateOne" ? 1 : 2));
    expect((await at.all()).map(({ list }) => list)).toEqual(
      expected.map((v) => [
        { k: "x", v: 3 },
        { k: "y", v },
      ]),
    );
  });

  test("replaceOne puts a document in the place of another", async () => {
    const at = new Collection();
    await at.insert({ _id: 1, a: 1, b: 1 });
    expectAnswer(
      await at.ejson("replaceOne", { filter: { a: 1 }, replacement: { c: 1 } }),
      200,
      counts(1, 1),
    );
    const none = { filter: { _id: 9 }, replacement: { c: 2 } };
    expectAnswer(await at.plain("replaceOne", none), 200, { matchedCount: 0, modifiedCount: 0 });
    const upsert = { ...none, upsert: true };
    expectAnswer(await at.ejson("replaceOne", upsert), 200, { ...counts(0, 0), upsertedId: int(9) });
    expect(await at.all()).toEqual([
      { _id: 1, c: 1 },
      { _id: 9, c: 2 },
    ]);
  });
});

test("deleteOne deletes one match, deleteMany all", async () => {
  const from = new Collection();
  await from.insert({ _id: 1, n: 1 }, { _id: 2, n: 1 }, { _id: 3, n: 1 }, { _id: 4, n: 2 });
  expectAnswer(await from.ejson("deleteOne", { filter: { n: 1 } }), 200, { deletedCount: int(1) });
  expectAnswer(await from.plain("deleteMany", { filter: { n: 1 } }), 200, { deletedCount: 2 });
  expectAnswer(await from.ejson("deleteMany", { filter: { n: 1 } }), 200, { deletedCount: int(0) });
  expectAnswer(await from.plain("deleteOne", { filter: { n: 1 } }), 200, { deletedCount: 0 });
  expect(await from.all()).toEqual([{ _id: 4, n: 2 }]);
});
