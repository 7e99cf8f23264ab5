/** Our extension `transaction`: all of its actions, or none, and exactly once. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { eventually } from "../support/client.ts";
import { Collection, EJSON, type Fields, expectAnswer, expectError } from "./client.ts";
import { type Service, type Trouble, startService, startTrouble } from "./service.ts";

const insert = (_id: unknown, fields: Fields = {}) => ({ action: "insertOne", document: { _id, ...fields } });
const increment = (_id: unknown, expect?: Fields) => ({
  action: "updateOne",
  filter: { _id },
  update: { $inc: { n: 1 } },
  ...(expect === undefined ? {} : { expect }),
});

describe("a transaction", () => {
  test("commits actions of all kinds, of which the later see the earlier, and answers in their order", async () => {
    const [at, other] = [new Collection(), new Collection()];
    await at.insert({ _id: 1, n: 1 }, { _id: 2, n: 1 });
    const actions = [
      insert(3),
      { action: "insertMany", collection: other.name, documents: [{ _id: "a" }, { _id: "b" }] },
      increment(1),
      { action: "updateMany", filter: {}, update: [{ $set: { seen: true } }] },
      { action: "replaceOne", filter: { _id: 9 }, replacement: { n: 9 }, upsert: true },
      { action: "findOne", filter: { _id: 1 } },
      { action: "find", filter: {}, sort: { _id: -1 }, limit: 2, projection: { n: 1 } },
      { action: "aggregate", collection: other.name, pipeline: [{ $count: "many" }] },
      { action: "deleteOne", filter: { _id: 2 } },
      { action: "deleteMany", collection: other.name, filter: { _id: "a" } },
    ];
    expectAnswer(await at.transaction(actions), 200, {
      results: [
        { insertedId: 3 },
        { insertedIds: ["a", "b"] },
        { matchedCount: 1, modifiedCount: 1 },
        { matchedCount: 3, modifiedCount: 3 },
        { matchedCount: 0, modifiedCount: 0, upsertedId: 9 },
        { document: { _id: 1, n: 2, seen: true } },
        { documents: [{ _id: 9, n: 9 }, { _id: 3 }] },
        { documents: [{ many: 2 }] },
        { deletedCount: 1 },
        { deletedCount: 1 },
      ],
    });
    expect(await at.all()).toEqual([
      { _id: 1, n: 2, seen: true },
      { _id: 3, seen: true },
      { _id: 9, n: 9 },
    ]);
    expect(await other.all()).toEqual([{ _id: "b" }]);
  });

  test("answers in canonical Extended JSON when asked", async () => {
    const at = new Collection();
    const steps = [insert({ $oid: "507f1f77bcf86cd799439011" }), { action: "deleteMany", filter: {} }];
    expectAnswer(await at.transaction(steps, { accept: EJSON }), 200, {
      results: [{ insertedId: { $oid: "507f1f77bcf86cd799439011" } }, { deletedCount: { $numberInt: "1" } }],
    });
  });

  test("of 100 actions is done, of none or 101 refused", async () => {
    const at = new Collection();
    expectError(await at.transaction([]), 400, "InvalidParameter");
    const steps = Array.from({ length: 101 }, (_, n) => insert(n));
    expectError(await at.transaction(steps), 400, "InvalidParameter");
    expect(await at.all()).toEqual([]);
    const done = await at.transaction(steps.slice(1));
    expect([done.status, done.body.results?.length]).toEqual([200, 100]);
    expect(await at.all()).toHaveLength(100);
  });
});

describe("nothing is changed", () => {
  test("when an expectation is not met, and the answer says which", async () => {
    const at = new Collection();
    await at.insert({ _id: 1, n: 1 });
    const answer = await at.transaction([
      insert(2),
      increment(1, { matchedCount: 1, modifiedCount: 1 }),
      increment(3, { modifiedCount: 1 }),
      insert(4),
    ]);
    expectError(answer, 409, "TransactionAborted");
    expect(answer.body.error).toMatch(/\b2\b.*modifiedCount/);
    expect(await at.all()).toEqual([{ _id: 1, n: 1 }]);
  });

  test.for<[string, Fields, Fields]>([
    ["found something", { action: "findOne", filter: { _id: 1 } }, { document: null }],
    ["found something else", { action: "findOne", filter: { _id: 1 } }, { document: { _id: 1, n: 2 } }],
    ["deleted nothing", { action: "deleteOne", filter: { _id: 2 } }, { deletedCount: 1 }],
    ["upserted nothing", increment(1), { upsertedId: 1 }],
    ["answers no such key", increment(1), { nModified: 1 }],
  ])("when a step %s", async ([, step, expected]) => {
    const at = new Collection();
    await at.insert({ _id: 1, n: 1 });
    const answer = await at.transaction([insert(7), { ...step, expect: expected }]);
    expectError(answer, 409, "TransactionAborted");
    expect(await at.all()).toEqual([{ _id: 1, n: 1 }]);
  });

  test("when a key is taken", async () => {
    const [at, other] = [new Collection(), new Collection()];
    await at.insert({ _id: 1, n: 1 });
    const before = [insert("x"), { ...insert("y"), collection: other.name }, increment(1)];
    for (const last of [
      insert(1),
      { action: "insertMany", documents: [{ _id: 5 }, { _id: 1 }] },
      insert("x"),
    ]) {
      expectError(await at.transaction([...before, last]), 400, "MongoDBError", 11000);
      expect(await at.all()).toEqual([{ _id: 1, n: 1 }]);
      expect(await other.all()).toEqual([]);
    }
  });

  test.for<[string, number, string, Fields]>([
    ["is of no known kind", 404, "NotFound", { action: "drop" }],
    ["is a transaction", 404, "NotFound", { action: "transaction", actions: [insert(9)] }],
    ["has no kind", 400, "InvalidParameter", {}],
    ["has no collection", 400, "InvalidParameter", { ...insert(2), collection: undefined }],
    ["has a field of the wrong type", 400, "InvalidParameter", { action: "find", filter: "x" }],
    ["lacks a field", 400, "InvalidParameter", { action: "deleteMany" }],
    ["expects no object", 400, "InvalidParameter", { ...insert(2), expect: 1 }],
    ["is refused by the database", 400, "MongoDBError", { action: "aggregate", pipeline: [{ $nope: 1 }] }],
  ])("when a step %s", async ([, status, code, step]) => {
    const at = new Collection();
    const answer = await at.transaction([insert(1), step]);
    expect([answer.status, answer.body?.error_code], answer.text).toEqual([status, code]);
    expect(await at.all()).toEqual([]);
  });

  test.for<unknown>([undefined, null, {}, "x", 5, [1], [null]])("when actions is %o", async (actions) => {
    expectError(await new Collection().plain("transaction", { actions }), 400, "InvalidParameter");
  });
});

test.for<[string, unknown]>([
  ["an int32", { $numberInt: "1" }],
  ["an int64", { $numberLong: "1" }],
  ["a double", { $numberDouble: "1.0" }],
])("an expected count may be %s", async ([, one]) => {
  const at = new Collection();
  await at.insert({ _id: 1, n: 0 });
  const answer = await at.transaction([increment(1, { matchedCount: one }), insert(2)]);
  expectAnswer(answer, 200, { results: [{ matchedCount: 1, modifiedCount: 1 }, { insertedId: 2 }] });
});

describe("30 at once that increment one counter", () => {
  const once = (at: Collection, id: string) =>
    at.transaction([increment("counter", { modifiedCount: 1 }), insert(id)]);
  const ids = Array.from({ length: 30 }, (_, n) => `${n}`);
  const counted = async (at: Collection) => {
    const [counter, ...others] = (await at.all()).reverse();
    return { n: counter?.["n"], ids: others.map(({ _id }) => _id).reverse() };
  };

  test("are counted as often as they said they were done, and else report a conflict", async () => {
    const at = new Collection();
    await at.insert({ _id: "counter", n: 0 });
    const answers = await Promise.all(ids.map(async (id) => ({ id, ...(await once(at, id)) })));
    const done = answers.filter(({ status }) => status === 200);
    for (const answer of answers) if (answer.status !== 200) expectError(answer, 400, "MongoDBError", 112);
    expect(done.length).toBeGreaterThan(0);
    expect(await counted(at)).toEqual({ n: done.length, ids: done.map(({ id }) => id).sort() });
  });

  test("are all counted, once, when a caller tries again after a conflict", async () => {
    const at = new Collection();
    await at.insert({ _id: "counter", n: 0 });
    const until = async (id: string, deadline = Date.now() + 20_000) => {
      for (;;) {
        const answer = await once(at, id);
        if (answer.status === 200) return;
        expectError(answer, 400, "MongoDBError", 112);
        expect(Date.now(), `${id} never gets through`).toBeLessThan(deadline);
      }
    };
    await Promise.all(ids.map((id) => until(id)));
    expect(await counted(at)).toEqual({ n: 30, ids: [...ids].sort() });
  });
});

describe("when the database has trouble", () => {
  let trouble: Trouble;
  let service: Service;
  beforeAll(async () => {
    trouble = await startTrouble(join(inject("stack").folder, "transaction-trouble"));
    service = await startService(trouble.uri);
  });
  afterAll(async () => {
    service.signal("SIGKILL");
    await service.ended;
    await trouble.program.kill();
  });
  const steps = () => [insert("first"), increment(1, { modifiedCount: 1 })];
  const prepared = async () => {
    const at = service.collection();
    await at.insert({ _id: 1, n: 0 });
    return at;
  };
  const done = [{ _id: 1, n: 1 }, { _id: "first" }];
  const undone = [{ _id: 1, n: 0 }];
  const conflict = (errorCode: number) => ({ errorCode, errorLabels: ["TransientTransactionError"] });

  test.for([
    ["WriteConflict", 112],
    ["NoSuchTransaction", 251],
    ["LockTimeout", 24],
  ] as const)("the twelfth attempt after eleven of %s is done, once", async ([, code]) => {
    const at = await prepared();
    await trouble.arrange(11, ["update"], conflict(code));
    const answer = await at.transaction(steps());
    expect(answer.status, answer.text).toBe(200);
    expect(await at.all()).toEqual(done);
  });

  test("twelve conflicts are reported", async () => {
    const at = await prepared();
    await trouble.arrange(12, ["update"], conflict(112));
    expectError(await at.transaction(steps()), 400, "MongoDBError", 112);
    expect(await at.all()).toEqual(undone);
  });

  test("a conflict at the commit is tried again, too", async () => {
    const at = await prepared();
    await trouble.arrange(2, ["commitTransaction"], conflict(251));
    const answer = await at.transaction(steps());
    expect(answer.status, answer.text).toBe(200);
    expect(await at.all()).toEqual(done);
  });

  test.for<[string, object]>([
    ["the connection breaks", { closeConnection: true }],
    ["its result is unknown", { errorCode: 64, errorLabels: ["UnknownTransactionCommitResult"] }],
  ])("a commit is repeated when %s, and counts once", async ([, what]) => {
    const at = await prepared();
    await trouble.arrange(1, ["commitTransaction"], what);
    const answer = await at.transaction(steps());
    expect(answer.status, answer.text).toBe(200);
    expect(await at.all()).toEqual(done);
  });

  test("a caller who hangs up in the middle leaves nothing behind, not even a lock", async () => {
    const at = await prepared();
    const step = { ...increment(1), expect: { matchedCount: 99 } };
    const isHeld = async () => {
      const answer = await at.transaction([step]);
      if (answer.status === 400) expectError(answer, 400, "MongoDBError", 112);
      else expectError(answer, 409, "TransactionAborted");
      return answer.status === 400;
    };
    await trouble.arrange(1, ["delete"], { blockConnection: true, blockTimeMS: 3000 });
    const hangUp = new AbortController();
    const last = { action: "deleteOne", filter: { _id: "none" } };
    const asked = at.transaction([...steps(), last], {}, hangUp.signal);
    const refused = expect(asked).rejects.toThrow(/abort/);
    await eventually("it is in the middle", isHeld);
    hangUp.abort();
    await refused;
    await eventually("it lets go", async () => !(await isHeld()));
    expect(await at.all()).toEqual(undone);
  });
});
