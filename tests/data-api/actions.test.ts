/** Actions that insert and read: what they do and exactly what they answer. */
import { describe, expect, inject, test } from "vitest";
import { Collection, EJSON, expectAnswer, expectError, send } from "./client.ts";

const int = (number: number) => ({ $numberInt: String(number) });

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
