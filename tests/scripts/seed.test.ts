/** scripts/seed: demo data that may be written again and again. */
import bcrypt from "bcryptjs";
import { type Db, MongoClient } from "mongodb";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { ROOT } from "../../scripts/lib/database.ts";
import { unique } from "../support/client.ts";
import { runScript } from "./scripts.support.ts";

const COLLECTIONS = ["features", "games", "plans", "referrals", "regions", "users", "videolectures"];
const PASSWORD = "aarambh-demo";

let client: MongoClient;
const databases: string[] = [];

beforeAll(async () => {
  client = await MongoClient.connect(inject("stack").mongodbUri);
});
afterAll(async () => {
  for (const name of databases) await client.db(name).dropDatabase();
  await client?.close();
});

/** A database of its own for a test. */
function newDatabase(): { db: Db; uri: string } {
  const name = `seed_${unique()}`;
  databases.push(name);
  return { db: client.db(name), uri: `${inject("stack").mongodbUri}/${name}` };
}

async function seed(uri: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runScript("seed", args, { MONGODB_URI: uri });
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

async function everything(db: Db): Promise<Record<string, unknown[]>> {
  const found = await db.listCollections().toArray();
  const names = found.map(({ name }) => name).sort();
  const documents = names.map(async (name) => [
    name,
    await db.collection(name).find().sort({ _id: 1 }).toArray(),
  ]);
  return Object.fromEntries(await Promise.all(documents));
}

const learners = (db: Db) => db.collection("users").countDocuments({ role: "student" });

describe("seed", { timeout: 60_000 }, () => {
  test("writes what a first look at the app needs, and shows how far it is", async () => {
    const { db, uri } = newDatabase();
    const said = await seed(uri);
    const written = await everything(db);
    expect(Object.keys(written)).toEqual(COLLECTIONS);
    for (const [name, documents] of Object.entries(written)) {
      expect(documents, name).not.toEqual([]);
      expect(said).toContain(`${name}: ${documents.length}/${documents.length}, ${documents.length} new`);
    }
    expect(await learners(db)).toBe(50);
    const users = db.collection("users");
    for (const [email, role] of [
      ["admin@demo.aarambh.example", "admin"],
      ["teacher@demo.aarambh.example", "teacher"],
      ["learner1@demo.aarambh.example", "student"],
      ["learner2@demo.aarambh.example", "student"],
    ] as const) {
      const user = await users.findOne({ email });
      expect(user).toMatchObject({ email, role, isActive: true, createdAt: expect.any(Date) });
      expect(await bcrypt.compare(PASSWORD, user!["password"])).toBe(true);
    }
    // The first two can be matched at once: they share an open region and are new to each other.
    const pair = await users.find({ email: /^learner[12]@/ }).toArray();
    expect(String(pair[0]!["region"])).toBe(String(pair[1]!["region"]));
    const home = await db.collection("regions").findOne({ _id: pair[0]!["region"] });
    expect(home).toMatchObject({ isActive: true });
    // Nothing points to nowhere.
    const regions = (await db.collection("regions").distinct("_id")).map(String);
    for (const region of await users.distinct("region")) expect(regions).toContain(String(region));
    const staff = (await users.find({ role: { $ne: "student" } }).toArray()).map(({ _id }) => String(_id));
    for (const [collection, field] of [
      ["games", "createdBy"],
      ["videolectures", "teacher"],
      ["referrals", "teacher"],
    ] as const) {
      for (const id of await db.collection(collection).distinct(field)) expect(staff).toContain(String(id));
    }
  });

  test("changes nothing when it is repeated, and leaves alone what people changed", async () => {
    const { db, uri } = newDatabase();
    await seed(uri, "--learners", "3");
    const first = await everything(db);
    expect(await seed(uri, "--learners", "3")).not.toMatch(/, [1-9]\d* new/);
    expect(await everything(db)).toEqual(first);

    const users = db.collection("users");
    const email = "learner1@demo.aarambh.example";
    await users.updateOne({ email }, { $set: { name: "Renamed", isActive: false, password: "other" } });
    await users.deleteOne({ email: "learner2@demo.aarambh.example" });
    await db.collection("plans").updateMany({}, { $set: { price: 1 } });
    await users.insertOne({ name: "Somebody else", email: "else@example.com", phone: "1", role: "visitor" });
    const said = await seed(uri, "--learners", "3");
    expect(said).toMatch(/users: \d+\/\d+, 1 new/);
    expect(await users.findOne({ email })).toMatchObject({
      name: "Renamed",
      isActive: false,
      password: "other",
    });
    expect(await learners(db)).toBe(3);
    expect(await db.collection("plans").distinct("price")).toEqual([1]);
    expect(await users.countDocuments({ role: "visitor" })).toBe(1);
  });

  test("writes 2 learners, or more, or 5,000, which fit the indexes; fewer remove nobody", async () => {
    const { db, uri } = newDatabase();
    for (const [many, expected] of [
      ["2", 2],
      ["7", 7],
      ["5000", 5000],
      ["2", 5000],
    ] as const) {
      await seed(uri, "--learners", many);
      expect(await learners(db)).toBe(expected);
    }
    const env = { MONGODB_URI: uri, DATA_API_DATABASE: db.databaseName };
    await promisify(execFile)(join(ROOT, "target/service/data-api"), ["indexes"], { env });
    // Once more, now that duplicates would be refused.
    await seed(uri, "--learners=5000");
    expect(await learners(db)).toBe(5000);
  });

  test("explains itself", async () => {
    const { code, stdout, stderr } = await runScript("seed", ["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const part of ["MONGODB_URI", "--learners", "5000", "50"]) expect(stdout).toContain(part);
    expect(stdout).not.toContain("#!");
  });

  test.each([
    [["--learners", "1"], "--learners"],
    [["--learners", "0"], "--learners"],
    [["--learners", "-5"], "--learners"],
    [["--learners", "5001"], "--learners"],
    [["--learners", "2.5"], "--learners"],
    [["--learners", "many"], "--learners"],
    [["--learners", ""], "--learners"],
    [["--learners"], "--learners"],
    [["--students", "5"], "--students"],
    [["5"], "5"],
  ])("refuses %j in one line, and writes nothing", async (args, part) => {
    const { db, uri } = newDatabase();
    const { code, stdout, stderr } = await runScript("seed", args, { MONGODB_URI: uri });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(part);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(await db.listCollections().toArray()).toEqual([]);
  });

  test.each([
    ["no database", {}, "MONGODB_URI"],
    [
      "a database that is not there",
      { MONGODB_URI: "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=500" },
      "127.0.0.1:1",
    ],
    ["an address that is none", { MONGODB_URI: "localhost" }, "MONGODB_URI"],
  ])("says what is wrong with %s", async (_, env: Record<string, string>, part) => {
    const { code, stdout, stderr } = await runScript("seed", [], env);
    expect([code === 0, stdout]).toEqual([false, ""]);
    expect(stderr).toContain(part);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
