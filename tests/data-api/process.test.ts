/** The running service: shutdown, an outage of the database, slowness, two keys. */
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { eventually } from "../support/client.ts";
import { type Answer, Collection, expectAnswer, expectError, send } from "./client.ts";
import {
  type Environment,
  type Service,
  type Trouble,
  accepts,
  newKey,
  startService,
  startTrouble,
} from "./service.ts";

let database: Trouble;
const started: Service[] = [];

beforeAll(async () => {
  database = await startTrouble(join(inject("stack").folder, "process"));
});
afterEach(async () => {
  for (const service of started.splice(0)) {
    service.signal("SIGKILL");
    await service.ended;
  }
});
afterAll(() => database.program.kill());

async function serve(environment: Environment = {}): Promise<Service> {
  const service = await startService(database.uri, environment);
  started.push(service);
  return service;
}

/** What comes of it, or `late` after so many seconds. */
async function within<T>(seconds: number, work: Promise<T>): Promise<T | "late"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => (timer = setTimeout(resolve, seconds * 1000, "late")));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function timed(work: Promise<Answer>): Promise<Answer & { took: number }> {
  const began = performance.now();
  const answer = await work;
  return { ...answer, took: performance.now() - began };
}

/** A request that begins and does not go on. */
async function beginOnly(service: Service, text: string): Promise<{ received(): string }> {
  const socket = connect(service.port, "127.0.0.1");
  let received = "";
  socket.on("data", (data) => (received += data.toString())).on("error", () => socket.destroy());
  await once(socket, "connect");
  socket.write(text);
  // Connections are accepted one after the other: when a later one is answered, this one is known.
  await send(`${service.url}/healthz`, { method: "GET", headers: { connection: "close" } });
  return { received: () => received };
}
const HEAD = (key: string) => `POST /action/find HTTP/1.1\r\nhost: any\r\napikey: ${key}\r\n`;
const UNFINISHED = [
  ["in its head", (key: string) => HEAD(key)],
  ["in its body", (key: string) => `${HEAD(key)}content-length: 100\r\n\r\n{"dataSource":`],
] as const;

test.for(["SIGTERM", "SIGINT"] as const)(
  "after %s what is at work is finished, nothing new begins, and the exit code is 0",
  async (name) => {
    const service = await serve();
    const at = service.collection();
    await at.insert({ _id: 1 });
    await database.arrange(10, ["find"], { blockConnection: true, blockTimeMS: 1500 });
    let answered = 0;
    const asked = Array.from({ length: 10 }, () => at.plain("find").finally(() => answered++));
    await eventually("all are at work", async () => (await service.inFlight()) === 10);
    service.signal(name);
    await eventually("the port is closed", async () => !(await accepts(service.port)));
    expect(answered).toBe(0);
    for (const answer of await Promise.all(asked)) expectAnswer(answer, 200, { documents: [{ _id: 1 }] });
    expect(await within(5, service.ended)).toEqual({ code: 0, signal: null });
  },
);

describe("after SIGTERM", () => {
  test("a transaction at work is committed", async () => {
    const service = await serve();
    const at = service.collection();
    await database.arrange(1, ["commitTransaction"], { blockConnection: true, blockTimeMS: 1000 });
    const asked = at.transaction([1, 2].map((_id) => ({ action: "insertOne", document: { _id } })));
    await eventually("it is at work", async () => (await service.inFlight()) === 1);
    service.signal("SIGTERM");
    expectAnswer(await asked, 200, { results: [{ insertedId: 1 }, { insertedId: 2 }] });
    expect(await within(5, service.ended)).toEqual({ code: 0, signal: null });
    expect(await new Collection(await serve(), at.name).all()).toEqual([{ _id: 1 }, { _id: 2 }]);
  });

  test("connections without a request do not keep it", async () => {
    const service = await serve();
    await service.collection().all();
    await beginOnly(service, "");
    service.signal("SIGTERM");
    expect(await within(5, service.ended)).toEqual({ code: 0, signal: null });
  });

  test.for(UNFINISHED)("a request that stopped %s keeps it no longer than the limit", async ([, text]) => {
    const service = await serve({ DATA_API_TIMEOUT: "1" });
    await beginOnly(service, text(service.key));
    service.signal("SIGTERM");
    expect(await within(10, service.ended)).toEqual({ code: 0, signal: null });
  });
});

describe("the time limit", () => {
  test.for<[string, string, object]>([
    ["find", "find", {}],
    ["aggregate", "aggregate", { pipeline: [] }],
    ["insertOne", "insert", { document: {} }],
    ["updateMany", "update", { filter: {}, update: { $set: { a: 1 } } }],
  ])("ends a slow %s with a 503", async ([action, command, fields]) => {
    const service = await serve({ DATA_API_TIMEOUT: "1" });
    await database.arrange(1, [command], { blockConnection: true, blockTimeMS: 5000 });
    const answer = await timed(service.collection().plain(action, { ...fields }));
    expectError(answer, 503, "Unavailable");
    expect(answer.took).toBeGreaterThan(900);
    expect(answer.took).toBeLessThan(3000);
    expect((await service.collection().plain(action, { ...fields })).status).toBeLessThan(300);
  });

  test("that the database keeps is a 503, too", async () => {
    const service = await serve();
    await database.exceedTime();
    expectError(await service.collection().plain("find"), 503, "Unavailable");
  });

  test("ends a request whose body does not come", async () => {
    const service = await serve({ DATA_API_TIMEOUT: "1" });
    const stuck = await beginOnly(service, UNFINISHED[1][1](service.key));
    await eventually("it is answered", () => /^HTTP\/1\.1 (408|503) /.test(stuck.received()), 5);
  });
});

test("a caller who hangs up is not at work any more", async () => {
  const service = await serve();
  await database.arrange(1, ["find"], { blockConnection: true, blockTimeMS: 1500 });
  const hangUp = new AbortController();
  const refused = expect(service.collection().plain("find", {}, {}, hangUp.signal)).rejects.toThrow(/abort/);
  await eventually("it is at work", async () => (await service.inFlight()) === 1);
  hangUp.abort();
  await refused;
  await eventually("it is not at work", async () => (await service.inFlight()) === 0, 5);
});

test(
  "without the database everything is a 503 within 5 s, and with it works again",
  { timeout: 60_000 },
  async () => {
    const folder = join(inject("stack").folder, "outage");
    const before = await startTrouble(folder);
    const service = await startService(before.uri);
    started.push(service);
    const at = service.collection();
    await at.insert({ _id: 1, n: 0 });
    const update = { filter: { _id: 1 }, update: { $inc: { n: 1 } } };
    const everything: Record<string, () => Promise<Answer>> = {
      find: () => at.plain("find"),
      findOne: () => at.plain("findOne", { filter: { _id: 1 } }),
      insertOne: () => at.plain("insertOne", { document: { _id: 2 } }),
      updateOne: () => at.plain("updateOne", update),
      deleteMany: () => at.plain("deleteMany", { filter: { _id: 9 } }),
      aggregate: () => at.plain("aggregate", { pipeline: [] }),
      transaction: () => at.transaction([{ action: "updateOne", ...update }]),
      health: () => send(`${service.url}/healthz`, { method: "GET" }),
    };
    await before.program.kill();
    const late: string[] = [];
    for (const when of ["at once", "later"]) {
      const ask = async ([what, work]: [string, () => Promise<Answer>]) => {
        const answer = await timed(work());
        expectError(answer, 503, "Unavailable");
        if (answer.took >= 5000) late.push(`${what} ${when} took ${Math.round(answer.took)} ms`);
      };
      await Promise.all(Object.entries(everything).map(ask));
    }
    const logged = service.log().trim().split("\n");
    const statuses = logged.map(
      (line) => (JSON.parse(line) as { fields: { status?: number } }).fields.status,
    );
    expect(statuses.filter((status) => status === 503)).toHaveLength(14);

    const after = await startTrouble(folder, before.port);
    try {
      await eventually("it works again", async () => (await at.plain("find")).status === 200, 15);
      expect(await at.all()).toEqual([{ _id: 1, n: 0 }]);
      for (const [what, work] of Object.entries(everything)) {
        const { status, text } = await work();
        expect(status, `${what} ${text}`).toBe(what === "insertOne" ? 201 : 200);
      }
      expect(await at.all()).toEqual([{ _id: 1, n: 2 }, { _id: 2 }]);
    } finally {
      await after.program.kill();
    }
    expect(service.log()).not.toContain(service.key);
    expect(late).toEqual([]);
  },
);

test("two keys are valid at once, a third is not", async () => {
  const [young, old] = [newKey(), newKey()];
  const service = await serve({ DATA_API_KEYS: `${young},${old}` });
  const at = (key: string) => new Collection({ ...service, key });
  for (const key of [young, old]) expectAnswer(await at(key).plain("find"), 200, { documents: [] });
  for (const key of [newKey(), `${young},${old}`, ""]) {
    expectError(await at(key).plain("find"), 401, "InvalidSession");
  }
});

test("every database on the list can be used, and no other", async () => {
  const service = await serve({ DATA_API_DATABASES: "one,other" });
  const at = service.collection();
  for (const database of ["one", "other"]) {
    const written = await at.plain("insertOne", { database, document: { _id: database } });
    expectAnswer(written, 201, { insertedId: database });
    expectAnswer(await at.plain("find", { database }), 200, { documents: [{ _id: database }] });
  }
  for (const database of ["one,other", "own", "admin"]) {
    expectError(await at.plain("find", { database }), 403, "Forbidden");
  }
});

test("the largest body is what DATA_API_MAX_BODY says", async () => {
  const service = await serve({ DATA_API_MAX_BODY: "2000" });
  const at = service.collection();
  const answer = (text: string) => at.plain("insertOne", { document: { text } });
  expect((await answer("x".repeat(1000))).status).toBe(201);
  expect((await answer("x".repeat(2000))).status).toBe(413);
});
