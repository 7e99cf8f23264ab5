/** What is refused, and how it is said. */
import { MongoServerError } from "mongodb";
import { describe, expect, inject, test } from "vitest";
import { withDatabase } from "../support/client.ts";
import {
  Collection,
  type Fields,
  type Headings,
  expectAnswer,
  expectError,
  findBody,
  post,
  send,
} from "./client.ts";

/** What DATA_API_MAX_BODY is when nobody sets it. */
const MAX_BODY = 16 * 1024 * 1024;

describe("credentials", () => {
  const known = () => inject("stack").dataApi.key;

  test.for<[string, () => Headings, number, string?]>([
    ["none", () => ({}), 400, "InvalidParameter"],
    ["an email without a password", () => ({ email: "a@example.com" }), 400, "MissingParameter"],
    ["a password without an email", () => ({ password: "secret" }), 400, "MissingParameter"],
    ["email and password", () => ({ email: "a@example.com", password: "secret" }), 400, "InvalidParameter"],
    ["a token of another service", () => ({ jwtTokenString: "a.b.c" }), 400, "InvalidParameter"],
    ["another scheme", () => ({ authorization: `Basic ${known()}` }), 400, "InvalidParameter"],
    ["an unknown key", () => ({ apiKey: "0123456789abcdef0123456789abcdef" }), 401, "InvalidSession"],
    ["an empty key", () => ({ apiKey: "" }), 401, "InvalidSession"],
    ["the beginning of a key", () => ({ apiKey: known().slice(0, -1) }), 401, "InvalidSession"],
    ["more than a key", () => ({ apiKey: `${known()}0` }), 401, "InvalidSession"],
    ["a key in capitals", () => ({ apiKey: known().toUpperCase() }), 401, "InvalidSession"],
    ["an unknown bearer", () => ({ authorization: "Bearer nobody" }), 401, "InvalidSession"],
    ["the key", () => ({ apiKey: known() }), 200],
    ["the key in the header of older clients", () => ({ "api-key": known() }), 200],
    ["the key as a bearer", () => ({ authorization: `Bearer ${known()}` }), 200],
  ])("%s", async ([, headers, status, code]) => {
    const answer = await post("/action/find", findBody(), headers());
    if (code === undefined) expectAnswer(answer, 200, { documents: [] });
    else expectError(answer, status, code);
    expect(answer.text).not.toContain(known());
  });

  test("without them nothing is written", async () => {
    const at = new Collection();
    const refused = await at.plain("insertOne", { document: { _id: 1 } }, { apiKey: "0123456789abcdef" });
    expectError(refused, 401, "InvalidSession");
    expect(await at.all()).toEqual([]);
  });
});

describe("a body that cannot be read is a 400:", () => {
  test.for<[string, string]>([
    ["nothing", ""],
    ["no JSON", "filter=1"],
    ["half of one", `{"filter": {`],
    ["more than one", "{}{}"],
    ["a list", "[]"],
    ["a number", "5"],
    ["null", "null"],
  ])("%s", async ([, body]) => {
    expectError(await post("/action/find", body), 400, "InvalidParameter");
  });

  test.for([
    { $oid: "nonsense" },
    { $oid: 5 },
    { $date: "yesterday" },
    { $numberInt: "x" },
    { $numberInt: "2147483648" },
    { $numberLong: "1.5" },
    { $numberDecimal: "x" },
    { $binary: { base64: "?", subType: "00" } },
    { $timestamp: { t: -1, i: 0 } },
  ])("%o as a value", async (value) => {
    const at = new Collection();
    expectError(await at.plain("find", { filter: { value } }), 400, "InvalidParameter");
    expectError(await at.plain("insertOne", { document: { _id: 1, value } }), 400, "InvalidParameter");
    expect(await at.all()).toEqual([]);
  });
});

const VALID: Record<string, Fields> = {
  findOne: { filter: {} },
  find: { filter: {} },
  insertOne: { document: {} },
  insertMany: { documents: [{}] },
  updateOne: { filter: {}, update: { $set: { a: 1 } }, upsert: true },
  updateMany: { filter: {}, update: { $set: { a: 1 } }, upsert: true },
  replaceOne: { filter: {}, replacement: { a: 1 }, upsert: true },
  deleteOne: { filter: {} },
  deleteMany: { filter: {} },
  aggregate: { pipeline: [] },
};
const ACTIONS = Object.keys(VALID);
const NO_OBJECT = ["x", 5, true, [], [{}], { $oid: "507f1f77bcf86cd799439011" }];
const NO_LIST = ["x", 5, true, {}, [1], [null], [[]]];
const UPDATES = ["updateOne", "updateMany"];
/** Actions, field, whether they need it, and what it must not be. */
const WRONG: [string[], string, boolean, unknown[]][] = [
  [ACTIONS, "dataSource", true, [5, true, {}, [], null, ""]],
  [ACTIONS, "database", true, [5, true, {}, [], null, ""]],
  [ACTIONS, "collection", true, [5, true, {}, [], null, ""]],
  [["findOne", "find"], "filter", false, NO_OBJECT],
  [[...UPDATES, "replaceOne", "deleteOne", "deleteMany"], "filter", true, [...NO_OBJECT, null]],
  [["findOne", "find"], "projection", false, NO_OBJECT],
  [["find"], "sort", false, [...NO_OBJECT, [["a", 1]]]],
  [["find"], "limit", false, ["1", 1.5, 0, -1, 50_001, 1e300, true, {}, []]],
  [["find"], "skip", false, ["1", 1.5, -1, 1e300, true, {}, []]],
  [["insertOne"], "document", true, [...NO_OBJECT, null]],
  [["insertMany"], "documents", true, [...NO_LIST, [], null]],
  [UPDATES, "update", true, ["x", 5, true, [1], [[]], {}, { a: 1 }, null]],
  [UPDATES, "arrayFilters", false, NO_LIST],
  [["replaceOne"], "replacement", true, [...NO_OBJECT, { $set: { a: 1 } }, null]],
  [[...UPDATES, "replaceOne"], "upsert", false, ["true", 1, {}, []]],
  [["aggregate"], "pipeline", true, [...NO_LIST, null]],
];

describe("a field of the wrong type is a 400:", () => {
  for (const [actions, field, needed, values] of WRONG) {
    test.for(actions)(`${field} of %s`, async (action) => {
      const at = new Collection();
      for (const value of needed ? [undefined, ...values] : values) {
        const answer = await at.plain(action, { ...VALID[action], [field]: value });
        expect([value, answer.status, answer.body?.error_code]).toEqual([value, 400, "InvalidParameter"]);
        expectError(answer, 400, "InvalidParameter");
      }
      expect(await at.all()).toEqual([]);
    });
  }

  test.for(ACTIONS)("and %s without such a mistake works", async (action) => {
    const answer = await new Collection().plain(action, VALID[action]);
    expect(answer.status, answer.text).toBe(action.startsWith("insert") ? 201 : 200);
  });
});

describe("what does not exist", () => {
  test.for(["drop", "findone", "FindOne", "find ", "runCommand", "__proto__"])(
    "action %o is a 404",
    async (name) => {
      expectError(await post(`/action/${encodeURIComponent(name)}`, findBody()), 404, "NotFound");
      const path = `/app/data-abcde/endpoint/data/v1/action/${encodeURIComponent(name)}`;
      expectError(await post(path, findBody()), 404, "NotFound");
    },
  );

  test.for(["/", "/action", "/action/", "/action/find/one", "/find", "/app/a/endpoint/data/v2/action/find"])(
    "path %s is a 404",
    async (path) => expectError(await post(path, findBody()), 404, "NotFound"),
  );

  test("another method than POST is refused in the form of all errors", async () => {
    const { url, key } = inject("stack").dataApi;
    for (const method of ["GET", "PUT", "DELETE"]) {
      const answer = await send(`${url}/action/find`, { method, headers: { apiKey: key } });
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toContain("POST");
      expect(answer.body).toEqual({
        error: expect.any(String),
        error_code: expect.any(String),
        link: expect.any(String),
      });
    }
  });
});

test.for(["admin", "local", "aarambh_tes", "AARAMBH_TEST", "aarambh_test2"])(
  "database %s, which is not on the list, is a 403",
  async (database) => {
    const at = new Collection();
    for (const action of ACTIONS) {
      expectError(await at.plain(action, { ...VALID[action], database }), 403, "Forbidden");
    }
    const actions = [{ action: "insertOne", collection: at.name, document: { _id: 1 } }];
    expectError(await at.plain("transaction", { actions, database }), 403, "Forbidden");
    expect(await at.all()).toEqual([]);
  },
);

test("a body may be 16 MiB, one byte more is a 413", async () => {
  expectAnswer(await post("/action/find", findBody().padEnd(MAX_BODY)), 200, { documents: [] });
  const answer = await post("/action/find", findBody().padEnd(MAX_BODY + 1));
  expect(answer.status).toBe(413);
  expectError(answer, 413, "TooLarge");
});

describe("an error of the database", () => {
  test.for<[string, (name: string) => Promise<unknown>, string, Fields]>([
    [
      "a duplicate key",
      (name) => withDatabase((db) => db.collection(name).insertOne({ _id: 1 as never })),
      "insertOne",
      { document: { _id: 1 } },
    ],
    [
      "duplicate keys",
      (name) => withDatabase((db) => db.collection(name).insertMany([{ _id: 1 as never }])),
      "insertMany",
      { documents: [{ _id: 1 }] },
    ],
    [
      "an unknown operator",
      (name) => withDatabase((db) => db.collection(name).find({ $nope: 1 }).toArray()),
      "find",
      { filter: { $nope: 1 } },
    ],
    [
      "an unknown stage",
      (name) =>
        withDatabase((db) =>
          db
            .collection(name)
            .aggregate([{ $nope: 1 }])
            .toArray(),
        ),
      "aggregate",
      { pipeline: [{ $nope: 1 }] },
    ],
    [
      "an impossible update",
      (name) => withDatabase((db) => db.collection(name).updateOne({}, { $inc: { word: 1 } })),
      "updateOne",
      { filter: {}, update: { $inc: { word: 1 } } },
    ],
  ])("says what the server says and its code: %s", async ([, direct, action, fields]) => {
    const at = new Collection();
    await at.insert({ _id: 1, word: "x" });
    const said = await direct(at.name).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(said instanceof MongoServerError)) throw new Error(`the server did not refuse: ${String(said)}`);
    const answer = await at.plain(action, fields);
    expectError(answer, 400, "MongoDBError", said.code as number);
    expect(answer.body.error).toBe(said.message);
  });
});
