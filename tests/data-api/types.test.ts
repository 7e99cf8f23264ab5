/** What becomes of the types: nothing is lost in Extended JSON, and plain JSON is what the contract says. */
import { ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { withDatabase } from "../support/client.ts";
import { Collection, EJSON, expectAnswer } from "./client.ts";

/** Name, canonical Extended JSON, plain JSON. */
const TYPES: [string, unknown, unknown][] = [
  ["ObjectId", { $oid: "507f1f77bcf86cd799439011" }, "507f1f77bcf86cd799439011"],
  ["date", { $date: { $numberLong: "1700000000123" } }, "2023-11-14T22:13:20.123Z"],
  ["date on a full second", { $date: { $numberLong: "1700000000000" } }, "2023-11-14T22:13:20.000Z"],
  ["date before 1970", { $date: { $numberLong: "-1" } }, "1969-12-31T23:59:59.999Z"],
  ["Decimal128", { $numberDecimal: "1.50" }, "1.50"],
  [
    "large Decimal128",
    { $numberDecimal: "9.999999999999999999999999999999999E+6144" },
    "9.999999999999999999999999999999999E+6144",
  ],
  ["binary", { $binary: { base64: "AQL/", subType: "00" } }, { Subtype: 0, Data: "AQL/" }],
  ["binary of a user's subtype", { $binary: { base64: "", subType: "80" } }, { Subtype: 128, Data: "" }],
  [
    "UUID",
    { $binary: { base64: "yO2rw/c4TKO2jauSqRR4ow==", subType: "04" } },
    { Subtype: 4, Data: "yO2rw/c4TKO2jauSqRR4ow==" },
  ],
  ["int32", { $numberInt: "-2147483648" }, -2147483648],
  ["int64", { $numberLong: "5000000000" }, 5000000000],
  ["small int64", { $numberLong: "5" }, 5],
  ["double", { $numberDouble: "1.5" }, 1.5],
  ["whole double", { $numberDouble: "1.0" }, 1],
  [
    "regular expression",
    { $regularExpression: { pattern: "^a.*\\d", options: "im" } },
    { Pattern: "^a.*\\d", Options: "im" },
  ],
  ["timestamp", { $timestamp: { t: 1700000000, i: 7 } }, { T: 1700000000, I: 7 }],
  ["min key", { $minKey: 1 }, {}],
  ["max key", { $maxKey: 1 }, {}],
  ["string", 'ਸਤਿ ਸ੍ਰੀ ਅਕਾਲ 🙏 " \\ \u0001', 'ਸਤਿ ਸ੍ਰੀ ਅਕਾਲ 🙏 " \\ \u0001'],
  ["boolean", false, false],
  ["null", null, null],
  ["array", [{ $numberInt: "1" }, [{ $numberLong: "2" }], {}], [1, [2], {}]],
  ["object", { z: { $oid: "507f1f77bcf86cd799439011" }, a: {} }, { z: "507f1f77bcf86cd799439011", a: {} }],
];

describe("a value comes back as it was sent, and in plain JSON as documented:", () => {
  test.for(TYPES)("%s", async ([, canonical, plain]) => {
    const at = new Collection();
    const sent = await at.plain("insertOne", { document: { _id: 1, value: canonical } });
    expect(sent.status, sent.text).toBe(201);
    const exact = await at.ejson("findOne", { filter: { _id: 1 } });
    expectAnswer(exact, 200, { document: { _id: { $numberInt: "1" }, value: canonical } });
    expect(exact.headers.get("content-type")).toBe(EJSON);
    const lossy = await at.plain("findOne", { filter: { _id: 1 } });
    expectAnswer(lossy, 200, { document: { _id: 1, value: plain } });
    expect(lossy.headers.get("content-type")).toBe("application/json");
  });

  test("numbers that no double holds keep every digit", async () => {
    const at = new Collection();
    await at.insert({ _id: 1, n: { $numberLong: "9007199254740993" } });
    expect((await at.plain("findOne")).text).toContain(`"n":9007199254740993`);
    expect((await at.ejson("findOne")).body.document.n).toEqual({ $numberLong: "9007199254740993" });
  });
});

test("the database holds the types that were sent", async () => {
  const at = new Collection();
  await at.insert(Object.fromEntries([["_id", 1], ...TYPES.map(([name, canonical]) => [name, canonical])]));
  const types = await withDatabase((db) =>
    db
      .collection(at.name)
      .aggregate([
        {
          $project: {
            _id: 0,
            types: { $map: { input: { $objectToArray: "$$ROOT" }, in: { $type: "$$this.v" } } },
          },
        },
      ])
      .next(),
  );
  expect(types?.["types"]).toEqual([
    "int",
    "objectId",
    "date",
    "date",
    "date",
    "decimal",
    "decimal",
    "binData",
    "binData",
    "binData",
    "int",
    "long",
    "long",
    "double",
    "double",
    "regex",
    "timestamp",
    "minKey",
    "maxKey",
    "string",
    "bool",
    "null",
    "array",
    "object",
  ]);
});

test.for([
  ["a short date", { $date: "2024-02-29T12:00:00Z" }, { $date: { $numberLong: "1709208000000" } }],
  [
    "a date with an offset",
    { $date: "2024-02-29T12:00:00.250+05:30" },
    { $date: { $numberLong: "1709188200250" } },
  ],
  ["a small number", 5, { $numberInt: "5" }],
  ["a large number", 5000000000, { $numberLong: "5000000000" }],
  ["a fraction", 0.25, { $numberDouble: "0.25" }],
  [
    "a UUID",
    { $uuid: "c8edabc3-f738-4ca3-b68d-ab92a91478a3" },
    { $binary: { base64: "yO2rw/c4TKO2jauSqRR4ow==", subType: "04" } },
  ],
] as [string, unknown, unknown][])("relaxed Extended JSON is read: %s", async ([, relaxed, canonical]) => {
  const at = new Collection();
  await at.insert({ _id: 1, value: relaxed });
  expect((await at.ejson("findOne")).body.document.value).toEqual(canonical);
});

test("Extended JSON is read under either content type", async () => {
  for (const type of ["application/json", "application/json; charset=utf-8", EJSON]) {
    const at = new Collection();
    const document = { _id: { $oid: "507f1f77bcf86cd799439011" }, n: { $numberLong: "1" } };
    const answer = await at.plain("insertOne", { document }, { "content-type": type, accept: EJSON });
    expectAnswer(answer, 201, { insertedId: document._id });
    expect((await at.ejson("findOne", { filter: { _id: document._id } })).body).toEqual({ document });
  }
});

test.for<[string, string]>([
  ["application/ejson", EJSON],
  ["application/ejson, application/json;q=0.5", EJSON],
  ["application/json", "application/json"],
  ["*/*", "application/json"],
  ["text/html", "application/json"],
])("Accept: %s is answered in %s", async ([accept, type]) => {
  const at = new Collection();
  await at.insert({ _id: 1 });
  const answer = await at.plain("findOne", {}, { accept });
  expect(answer.headers.get("content-type")).toBe(type);
  expect(answer.body).toEqual({ document: { _id: type === EJSON ? { $numberInt: "1" } : 1 } });
});

test("filters find by type", async () => {
  const at = new Collection();
  const id = new ObjectId().toHexString();
  await at.insert({ _id: { $oid: id } }, { _id: id }, { _id: 1, at: { $date: { $numberLong: "1000" } } });
  expectAnswer(await at.ejson("find", { filter: { _id: { $oid: id } } }), 200, {
    documents: [{ _id: { $oid: id } }],
  });
  expectAnswer(await at.ejson("find", { filter: { _id: id } }), 200, { documents: [{ _id: id }] });
  expectAnswer(await at.plain("find", { filter: { at: { $lt: { $date: "1970-01-01T00:00:02Z" } } } }), 200, {
    documents: [{ _id: 1, at: "1970-01-01T00:00:01.000Z" }],
  });
  expectAnswer(await at.plain("find", { filter: { at: "1970-01-01T00:00:01.000Z" } }), 200, {
    documents: [],
  });
});

test("fields keep their order", async () => {
  const at = new Collection();
  await at.insert({ _id: 1, z: 1, a: { y: 1, b: 2 }, m: 1 });
  expect((await at.plain("findOne")).text).toBe(`{"document":{"_id":1,"z":1,"a":{"y":1,"b":2},"m":1}}`);
});
