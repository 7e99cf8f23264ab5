/** What is refused, and how it is said. */
import { MongoServerError } from "mongodb";
import { request } from "node:http";
import { gunzipSync } from "node:zlib";
import { describe, expect, inject, test } from "vitest";
import { unique, withDatabase } from "../support/client.ts";
import { Collection, type Fields, type Headings, expectAnswer, expectError, send } from "./client.ts";

/** What DATA_API_MAX_BODY is when nobody sets it. */
const MAX_BODY = 16 * 1024 * 1024;

const find = (fields: Fields = {}) =>
  JSON.stringify({
    dataSource: "any",
    database: inject("stack").dataApi.database,
    collection: "none",
    ...fields,
  });
/** A request to the service of the run, with a key unless the headers say otherwise. */
const post = (path: string, body: string, headers: Headings = { apiKey: inject("stack").dataApi.key }) =>
  send(inject("stack").dataApi.url + path, {
    body,
    headers: { "content-type": "application/json", ...headers },
  });

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
    const answer = await post("/action/find", find(), headers());
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
  test.for([
    ["nothing", ""],
    ["no JSON", "filter=1"],
    ["half of it", find().slice(0, -1)],
    ["more than one", find() + find()],
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
      expectError(await post(`/action/${encodeURIComponent(name)}`, find()), 404, "NotFound");
      const path = `/app/data-abcde/endpoint/data/v1/action/${encodeURIComponent(name)}`;
      expectError(await post(path, find()), 404, "NotFound");
    },
  );

  test.for(["/", "/action", "/action/", "/action/find/one", "/find", "/app/a/endpoint/data/v2/action/find"])(
    "path %s is a 404",
    async (path) => expectError(await post(path, find()), 404, "NotFound"),
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
  expectAnswer(await post("/action/find", find().padEnd(MAX_BODY)), 200, { documents: [] });
  const answer = await post("/action/find", find().padEnd(MAX_BODY + 1));
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

describe("the request id comes back", () => {
  test.for<[string, string, Fields?, Headings?]>([
    ["an answer", "/action/find"],
    ["the path of the hosted service", "/app/a/endpoint/data/v1/action/find"],
    ["a malformed body", "/action/find", { filter: 5 }],
    ["an unknown key", "/action/find", {}, { apiKey: "0123456789abcdef" }],
    ["an unknown action", "/action/drop"],
    ["an unknown path", "/nothing"],
  ])("with %s", async ([, path, fields = {}, headers = { apiKey: inject("stack").dataApi.key }]) => {
    const id = unique();
    const answer = await post(path, find(fields), { ...headers, "x-request-id": id });
    expect(answer.headers.get("x-request-id")).toBe(id);
    expect((await post(path, find(fields), headers)).headers.get("x-request-id")).toBeNull();
  });
});

describe("gzip", () => {
  /** The bytes as they come: fetch would unpack them. */
  const raw = (headers: Headings) =>
    new Promise<{ encoding: string | undefined; vary: string | undefined; bytes: Buffer }>(
      (resolve, reject) => {
        const { url, key } = inject("stack").dataApi;
        const outgoing = request(`${url}/action/findOne`, {
          method: "POST",
          headers: { apiKey: key, ...headers },
        });
        outgoing.once("error", reject).once("response", (answer) => {
          const parts: Buffer[] = [];
          answer.on("data", (part: Buffer) => parts.push(part)).once("error", reject);
          answer.once("end", () => {
            const { "content-encoding": encoding, vary } = answer.headers;
            resolve({ encoding, vary, bytes: Buffer.concat(parts) });
          });
        });
        outgoing.end(find({ collection: `gzip_${at.name}` }));
      },
    );
  const at = { name: unique() };
  const document = { _id: 1, text: "again and ".repeat(1000) };

  test("is used when the client takes it", async () => {
    await new Collection(inject("stack").dataApi, `gzip_${at.name}`).insert(document);
    const packed = await raw({ "accept-encoding": "gzip" });
    expect(packed).toMatchObject({ encoding: "gzip", vary: expect.stringMatching(/accept-encoding/i) });
    expect(packed.bytes.length).toBeLessThan(1000);
    expect(JSON.parse(gunzipSync(packed.bytes).toString())).toEqual({ document });
    for (const headers of [{}, { "accept-encoding": "identity" }] as Headings[]) {
      const plain = await raw(headers);
      expect(plain.encoding).toBeUndefined();
      expect(JSON.parse(plain.bytes.toString())).toEqual({ document });
    }
  });
});

describe("for operators", () => {
  test("/healthz answers without a key", async () => {
    const answer = await send(`${inject("stack").dataApi.url}/healthz`, { method: "GET" });
    expectAnswer(answer, 200, { status: "ok" });
  });

  test("/metrics needs a key and counts", async () => {
    const { url, key } = inject("stack").dataApi;
    const metrics = (headers: Headings) => send(`${url}/metrics`, { method: "GET", headers });
    expectError(await metrics({}), 400, "InvalidParameter");
    expectError(await metrics({ apiKey: "0123456789abcdef" }), 401, "InvalidSession");
    const counter = async (name: string) => {
      const { status, text, headers } = await metrics({ apiKey: key });
      expect([status, headers.get("content-type")]).toEqual([
        200,
        expect.stringMatching(/^application\/openmetrics-text;/),
      ]);
      expect(text.endsWith("# EOF\n")).toBe(true);
      const line = text.split("\n").find((line) => line.startsWith(`${name} `));
      return Number(line?.slice(name.length + 1) ?? 0);
    };
    const names = [
      `data_api_requests_total{action="replaceOne",status="200"}`,
      `data_api_requests_total{action="replaceOne",status="400"}`,
      `data_api_request_duration_seconds_count{action="replaceOne"}`,
    ];
    const before = await Promise.all(names.map(counter));
    const at = new Collection();
    await at.plain("replaceOne", VALID["replaceOne"]);
    await at.plain("replaceOne", {});
    const after = await Promise.all(names.map(counter));
    expect(after.map((number, n) => number - before[n]!)).toEqual([1, 1, 2]);
    expect(await counter("data_api_database_connections")).toBeGreaterThan(0);
    expect(await counter("data_api_requests_in_flight")).toBeGreaterThanOrEqual(0);
  });
});
