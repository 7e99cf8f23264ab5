/** The ten actions: what they do and exactly what they answer. */
import { describe, expect, inject, test } from "vitest";
import { Collection, EJSON, expectAnswer, expectError, send } from "./client.ts";

const int = (number: number) => ({ $numberInt: String(number) });
const counts = (matched: number, modified: number) => ({
  matchedCount: int(matched),
  modifiedCount: int(modified),
});

describe("insertOne", () => {
  test("answers 201 with the id that was given", async () => {
    const into = new Collection();
    expectAnswer(await into.ejson("insertOne", { document: { _id: 7, a: "x" } }), 201, {
      insertedId: int(7),
    });
    expect(await into.all()).toEqual([{ _id: 7, a: "x" }]);
  });

  test("makes an ObjectId, written as the format has it", async () => {
    const into = new Collection();
    expectAnswer(await into.ejson("insertOne", { document: { a: 1 } }), 201, {
      insertedId: { $oid: expect.stringMatching(/^[0-9a-f]{24}$/) },
    });
    expectAnswer(await into.plain("insertOne", { document: {} }), 201, {
      insertedId: expect.stringMatching(/^[0-9a-f]{24}$/),
    });
    expect(await into.all()).toHaveLength(2);
  });

  test("refuses a duplicate key with the server's code and changes nothing", async () => {
    const into = new Collection();
    await into.insert({ _id: 1, first: true });
    expectError(
      await into.plain("insertOne", { document: { _id: 1, first: false } }),
      400,
      "MongoDBError",
      11000,
    );
    expect(await into.all()).toEqual([{ _id: 1, first: true }]);
  });
});

describe("insertMany", () => {
  test("answers 201 with all ids in the order of the documents", async () => {
    const into = new Collection();
    const documents = [{ _id: "z" }, { _id: 2 }, { _id: "a" }];
    expectAnswer(await into.ejson("insertMany", { documents }), 201, { insertedIds: ["z", int(2), "a"] });
    const made = await into.plain("insertMany", { documents: Array.from({ length: 12 }, (_, n) => ({ n })) });
    const stored = await into.plain("find", { filter: { n: { $exists: true } }, sort: { n: 1 } });
    expectAnswer(made, 201, {
      insertedIds: stored.body.documents.map(({ _id }: { _id: string }) => _id),
    });
    expect(made.body.insertedIds).toHaveLength(12);
  });

  test("refuses a duplicate key with the server's code", async () => {
    const into = new Collection();
    const documents = [{ _id: 1 }, { _id: 2 }, { _id: 1 }];
    expectError(await into.plain("insertMany", { documents }), 400, "MongoDBError", 11000);
    expect(await into.all()).toEqual([{ _id: 1 }, { _id: 2 }]);
  });
});

describe("findOne", () => {
  test("answers the first match, or null", async () => {
    const from = new Collection();
    await from.insert({ _id: 1, a: "x" }, { _id: 2, a: "y" });
    expectAnswer(await from.plain("findOne", { filter: { a: "y" } }), 200, { document: { _id: 2, a: "y" } });
    expectAnswer(await from.ejson("findOne", { filter: { a: "y" } }), 200, {
      document: { _id: int(2), a: "y" },
    });
    expectAnswer(await from.plain("findOne", { filter: { a: "z" } }), 200, { document: null });
    expectAnswer(await from.ejson("findOne", { filter: { a: "z" } }), 200, { document: null });
    expectAnswer(await from.plain("findOne"), 200, { document: { _id: 1, a: "x" } });
  });

  test("projects", async () => {
    const from = new Collection();
    await from.insert({ _id: 1, a: "x", b: { c: 1, d: 2 } });
    const projected = async (projection: object) =>
      (await from.plain("findOne", { filter: { _id: 1 }, projection })).body.document;
    expect(await projected({ "b.d": 1, _id: 0 })).toEqual({ b: { d: 2 } });
    expect(await projected({ b: 0 })).toEqual({ _id: 1, a: "x" });
  });
});

describe("find", () => {
  test("returns 1,000 documents unless told otherwise", async () => {
    const from = new Collection();
    await from.insert(...Array.from({ length: 1001 }, (_, n) => ({ _id: n })));
    const many = async (fields: object) => {
      const { status, body, text } = await from.plain("find", { ...fields, projection: { _id: 1 } });
      expect(status, text.slice(0, 200)).toBe(200);
      return body.documents.length as number;
    };
    expect(await many({})).toBe(1000);
    expect(await many({ limit: null })).toBe(1000);
    expect(await many({ limit: 1001 })).toBe(1001);
    expect(await many({ limit: 50_000 })).toBe(1001);
    expect(await many({ skip: 999 })).toBe(2);
    expectError(await from.plain("find", { limit: 50_001 }), 400, "InvalidParameter");
  });

  test("filters, sorts, skips, limits and projects", async () => {
    const from = new Collection();
    await from.insert(...Array.from({ length: 6 }, (_, n) => ({ _id: n, odd: n % 2 === 1, n: 10 - n })));
    const query = { filter: { odd: true }, sort: { n: 1 }, skip: 1, limit: 1, projection: { n: 1 } };
    expectAnswer(await from.plain("find", query), 200, { documents: [{ _id: 3, n: 7 }] });
    expectAnswer(await from.ejson("find", query), 200, { documents: [{ _id: int(3), n: int(7) }] });
    expectAnswer(await from.plain("find", { filter: { n: 99 } }), 200, { documents: [] });
  });

  test("reads limit and skip as any number of Extended JSON", async () => {
    const from = new Collection();
    await from.insert({ _id: 1 }, { _id: 2 }, { _id: 3 });
    for (const [skip, limit] of [
      [{ $numberInt: "1" }, { $numberInt: "1" }],
      [{ $numberLong: "1" }, { $numberLong: "1" }],
      [{ $numberDouble: "1.0" }, { $numberDouble: "1.0" }],
    ]) {
      const answer = await from.plain("find", { sort: { _id: 1 }, skip, limit });
      expectAnswer(answer, 200, { documents: [{ _id: 2 }] });
    }
  });

  test("sorts by the keys in the order that they were sent", async () => {
    const from = new Collection();
    await from.insert(
      { _id: 1, b: 1, a: 2 },
      { _id: 2, b: 2, a: 1 },
      { _id: 3, b: 1, a: 1 },
      { _id: 4, b: 2, a: 2 },
    );
    const order = async (sort: object) =>
      (await from.plain("find", { sort })).body.documents.map(({ _id }: { _id: number }) => _id);
    expect(await order({ a: 1, b: 1 })).toEqual([3, 2, 1, 4]);
    expect(await order({ b: 1, a: 1 })).toEqual([3, 1, 2, 4]);
    expect(await order({ b: -1, a: 1 })).toEqual([2, 4, 3, 1]);
    expect(await order({ a: 1, b: -1 })).toEqual([2, 3, 4, 1]);
  });
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

describe("aggregate", () => {
  test("joins, groups and runs facets", async () => {
    const [orders, items] = [new Collection(), new Collection()];
    await items.insert({ _id: "pen", price: 2 }, { _id: "book", price: 10 });
    await orders.insert(
      { _id: 1, item: "pen", n: 3 },
      { _id: 2, item: "book", n: 1 },
      { _id: 3, item: "pen", n: 1 },
    );
    const priced = [
      { $lookup: { from: items.name, localField: "item", foreignField: "_id", as: "found" } },
      { $unwind: "$found" },
      { $group: { _id: "$item", total: { $sum: { $multiply: ["$n", "$found.price"] } } } },
      { $sort: { total: -1, _id: 1 } },
    ];
    expectAnswer(await orders.ejson("aggregate", { pipeline: priced }), 200, {
      documents: [
        { _id: "book", total: int(10) },
        { _id: "pen", total: int(8) },
      ],
    });
    const facets = [
      { $facet: { many: [{ $count: "n" }], pens: [{ $match: { item: "pen" } }, { $sort: { _id: 1 } }] } },
    ];
    expectAnswer(await orders.plain("aggregate", { pipeline: facets }), 200, {
      documents: [
        {
          many: [{ n: 3 }],
          pens: [
            { _id: 1, item: "pen", n: 3 },
            { _id: 3, item: "pen", n: 1 },
          ],
        },
      ],
    });
    expectAnswer(await orders.plain("aggregate", { pipeline: [{ $match: { n: 99 } }] }), 200, {
      documents: [],
    });
  });

  test("returns at most 50,000 documents and says so instead of cutting off", async () => {
    const from = new Collection();
    await from.insert({ _id: 1 });
    const numbers = (many: number) => ({
      pipeline: [{ $project: { _id: 0, n: { $range: [0, many] } } }, { $unwind: "$n" }],
    });
    const full = await from.plain("aggregate", numbers(50_000));
    expect([full.status, full.body.documents.length, full.body.documents.at(-1)]).toEqual([
      200,
      50_000,
      { n: 49_999 },
    ]);
    expectError(await from.plain("aggregate", numbers(50_001)), 413, "TooLarge");
  });
});

test.for(["data-abcde", "application-0-xyzzy"])(
  "the path of the hosted service works for app id %s",
  async (app) => {
    const { dataApi } = inject("stack");
    const { name, ...at } = new Collection();
    const answer = await send(`${dataApi.url}/app/${app}/endpoint/data/v1/action/insertOne`, {
      headers: { apiKey: dataApi.key, "content-type": "application/json", accept: EJSON },
      body: JSON.stringify({
        dataSource: "x",
        database: dataApi.database,
        collection: name,
        document: { _id: 1 },
      }),
    });
    expectAnswer(answer, 201, { insertedId: int(1) });
    expect(await new Collection(at.target, name).all()).toEqual([{ _id: 1 }]);
  },
);
