/**
 * No query of the Worker reads a whole collection: each operation is called on a Worker behind a recording proxy, and
 * every query that went to the database is explained by it.
 */
import { BSONRegExp, type Db, type Document, MongoClient, ObjectId } from "mongodb";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { get, unique } from "../support/client.ts";
import { type Served, serve } from "../support/serve.ts";
import { OpenAi } from "../upstreams/openai.ts";
import { Razorpay } from "../upstreams/razorpay.ts";
import { DELIBERATE, OPERATIONS, createWorld, driveAll } from "./indexes.operations.ts";
import { scans } from "./indexes.plans.ts";
import { type Query, type Recorder, describeQuery, ofPipeline, record } from "./indexes.recorder.ts";

/** Collections that do not grow with the number of people, of some thousand documents at most: they may be read as a whole. */
const CATALOGUES = ["regions", "features", "plans", "games", "videolectures"];

let client: MongoClient;
let db: Db;
let recorder: Recorder;
let gateway: Razorpay;
let model: OpenAi;
let worker: Served;
let queries: Query[];

beforeAll(async () => {
  const { dataApi, folder, mongodbUri, database } = inject("stack");
  client = await MongoClient.connect(mongodbUri);
  db = client.db(database);
  recorder = await record(dataApi.url);
  gateway = await Razorpay.start();
  model = await OpenAi.start();
  worker = await serve({
    dataApi: { ...dataApi, url: recorder.url },
    folder: path.join(folder, "indexes"),
    env: { ...gateway.variables, ...model.variables },
  });
  await driveAll(await createWorld(worker.base, gateway));
  queries = recorder.queries();
}, 120_000);
afterAll(async () => {
  await worker?.program.stop();
  await gateway?.stop();
  await model?.stop();
  await recorder?.close();
  await client?.close();
});

describe("the queries of the Worker", () => {
  test("are recorded for every operation of the API description", async () => {
    const { paths } = (await get("/openapi.json", { base: worker.base })).body;
    const operations = Object.entries(paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => ["get", "post", "put", "patch", "delete"].includes(method))
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(Object.keys(OPERATIONS).sort()).toEqual(operations.sort());
  });

  test("are of all kinds that were meant to be made", () => {
    const seen = new Set(queries.map(({ action, collection }) => `${action} ${collection}`));
    for (const query of [
      "findOne users",
      "find users",
      "updateOne users",
      "updateOne sessions",
      "aggregate sessions",
      "updateOne leaderboards",
      "find sessions",
      "findOne sessions",
      "find games",
      "aggregate games",
      "updateOne games",
      "find videolectures",
      "updateMany videolectures",
      "deleteOne videolectures",
      "find chats",
      "aggregate chats",
      "updateOne chats",
      "deleteOne chats",
      "find evaluations",
    ]) {
      expect(seen).toContain(query);
    }
    const asked = queries.map(({ collection }) => collection);
    expect(asked).toEqual(expect.arrayContaining(["features", "plans", "referrals", "regions"]));
  });

  test("never read a whole collection that grows", async () => {
    const found: string[] = [];
    for (const query of queries) {
      const read = (await scans(db, query)).filter((collection) => !CATALOGUES.includes(collection));
      if (read.length > 0) found.push(`${describeQuery(query)}: reads all of ${read.join(", ")}`);
    }
    expect(found.filter((line) => !DELIBERATE.some(({ query }) => query.test(line)))).toEqual([]);
    expect(DELIBERATE.filter(({ query }) => !found.some((line) => query.test(line)))).toEqual([]);
  });
});

describe("a scan", () => {
  const own = `probe_${unique()}`;
  beforeAll(async () => {
    for (const keys of [
      { email: 1 },
      { phone: 1 },
      { region: 1, role: 1 },
      { "members.user": 1, status: 1 },
    ] as const) {
      await db.collection(own).createIndex(keys);
    }
    await db.collection(own).createIndex({ code: 1 }, { sparse: true, unique: true });
  });
  afterAll(() => db.collection(own).drop());

  const id = new ObjectId();
  const find = (filter: Document, more: Partial<Query> = {}): Query => ({
    collection: own,
    action: "find",
    filter,
    rest: [],
    ...more,
  });
  const join = (foreignField: string) => ({
    $lookup: { from: own, localField: "_id", foreignField, as: "joined" },
  });

  test.each([
    ["a field without an index", find({ name: "x" })],
    ["everything", find({})],
    ["everything in an order", find({}, { sort: { email: 1 } })],
    ["a bounded list in an order without an index", find({}, { sort: { name: 1 }, limit: 5 })],
    ["the second field of an index", find({ role: "x" })],
    ["a fragment of an indexed field", find({ email: /x/ })],
    ["a fragment as the driver writes it", find({ email: new BSONRegExp("x", "i") })],
    ["a fragment among operators", find({ email: { $regex: "x" } })],
    ["one of two beginnings", find({ email: /^x|^y/ })],
    ["a beginning in any case", find({ email: { $regex: "^x", $options: "i" } })],
    ["what an indexed field is not", find({ email: { $ne: "x" } })],
    ["a missing field", find({ code: null })],
    ["an alternative without an index", find({ $or: [{ email: "x" }, { name: "x" }] })],
    ["a list of values in an expression", find({ $expr: { $in: ["$email", ["x"]] } })],
    ["a pipeline without a filter", ofPipeline(own, [{ $group: { _id: "$role" } }])],
    ["a join by a field without an index", ofPipeline(own, [{ $match: { _id: id } }, join("host")])],
    [
      "a join within a facet",
      ofPipeline(own, [{ $match: { _id: id } }, { $facet: { one: [join("host")] } }]),
    ],
  ])("is seen in a search for %s", async (_, query) => {
    expect(await scans(db, query)).toEqual([own]);
  });

  test.each([
    ["an id", find({ _id: id })],
    ["an id with a condition", find({ _id: id, password: "x" })],
    ["ids after another one", find({ _id: { $gt: id } })],
    ["an indexed field with conditions", find({ email: "x", role: "student" })],
    ["the first field of an index", find({ region: id })],
    ["a beginning", find({ email: { $regex: "^x" } })],
    ["a beginning as the driver writes it", find({ email: new BSONRegExp("^x") })],
    ["alternatives with indexes", find({ isActive: true, $or: [{ email: "x" }, { phone: "x" }] })],
    ["an element of a list", find({ members: { $elemMatch: { user: id, isActive: true } } })],
    ["a bounded list in the order of an index", find({ name: "x" }, { sort: { email: 1 }, limit: 5 })],
    ["a code", find({ code: "x" })],
    [
      "a join by an indexed field",
      ofPipeline(own, [{ $match: { _id: id } }, { $match: { name: "x" } }, join("members.user")]),
    ],
  ])("is not seen in a search for %s", async (_, query) => {
    expect(await scans(db, query)).toEqual([]);
  });
});
