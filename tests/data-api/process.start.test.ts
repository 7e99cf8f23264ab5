/** How the program starts, or says why it does not. */
import { createServer } from "node:net";
import { once } from "node:events";
import { describe, expect, inject, test } from "vitest";
import { freePort } from "../../scripts/lib/processes.ts";
import { unique, withDatabase } from "../support/client.ts";
import { type Environment, newKey, runToEnd } from "./service.ts";

const SERVE = ["serve", "--listen", "127.0.0.1:0"];
/** What is enough to start. */
const good = () => ({
  MONGODB_URI: inject("stack").mongodbUri,
  DATA_API_KEYS: newKey(),
  DATA_API_DATABASES: "some",
});

async function expectRefusal(args: string[], environment: Environment, says: RegExp): Promise<number> {
  const { code, signal, stdout, stderr, took } = await runToEnd(args, environment);
  expect([code, signal], stderr).toEqual([expect.toBeOneOf([1, 2]), null]);
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/panicked|RUST_BACKTRACE/);
  expect(stdout).toBe("");
  return took;
}

describe("the service does not start and names the variable when", () => {
  test.for<[string, Environment, RegExp]>([
    ["there is no key", { DATA_API_KEYS: undefined }, /DATA_API_KEYS/],
    ["the key is empty", { DATA_API_KEYS: "" }, /DATA_API_KEYS/],
    ["the key is short", { DATA_API_KEYS: "fifteen letters" }, /DATA_API_KEYS.*\b16\b/],
    ["one of two keys is short", { DATA_API_KEYS: `${newKey()},short` }, /DATA_API_KEYS.*\b16\b/],
    ["one of two keys is empty", { DATA_API_KEYS: `${newKey()},` }, /DATA_API_KEYS/],
    ["there are three keys", { DATA_API_KEYS: [1, 2, 3].map(newKey).join() }, /DATA_API_KEYS.*two/],
    ["there is no list of databases", { DATA_API_DATABASES: undefined }, /DATA_API_DATABASES/],
    ["the list of databases is empty", { DATA_API_DATABASES: "" }, /DATA_API_DATABASES/],
    ["a database has no name", { DATA_API_DATABASES: "some,,other" }, /DATA_API_DATABASES/],
    ["there is no connection string", { MONGODB_URI: undefined }, /MONGODB_URI/],
    ["the connection string is empty", { MONGODB_URI: "" }, /MONGODB_URI/],
    ["the connection string has another scheme", { MONGODB_URI: "http://127.0.0.1:27017" }, /MONGODB_URI/],
    ["the connection string has no host", { MONGODB_URI: "mongodb://" }, /MONGODB_URI/],
    [
      "the connection string has an impossible port",
      { MONGODB_URI: "mongodb://127.0.0.1:99999" },
      /MONGODB_URI/,
    ],
    ["the pool has no connection", { DATA_API_POOL: "0" }, /DATA_API_POOL/],
    ["requests have no time", { DATA_API_TIMEOUT: "0" }, /DATA_API_TIMEOUT/],
    ["the largest body is no number", { DATA_API_MAX_BODY: "16MB" }, /DATA_API_MAX_BODY/],
  ])("%s", async ([, change, says]) => {
    await expectRefusal(SERVE, { ...good(), ...change }, says);
  });

  test("nobody listens at the connection string", async () => {
    const uri = `mongodb://127.0.0.1:${await freePort()}`;
    expect(await expectRefusal(SERVE, { ...good(), MONGODB_URI: uri }, /MONGODB_URI/)).toBeLessThan(10_000);
    const indexes = { MONGODB_URI: uri, DATA_API_DATABASE: "some" };
    expect(await expectRefusal(["indexes"], indexes, /MONGODB_URI/)).toBeLessThan(10_000);
  });

  test("somebody accepts connections at the connection string but says nothing", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const MONGODB_URI = `mongodb://127.0.0.1:${address.port}`;
    const took = await expectRefusal(SERVE, { ...good(), MONGODB_URI }, /MONGODB_URI/);
    server.close();
    expect(took).toBeLessThan(10_000);
  });
});

test("indexes are not made without the name of a database, and it names the variable", async () => {
  await expectRefusal(["indexes"], { MONGODB_URI: inject("stack").mongodbUri }, /DATA_API_DATABASE\b/);
});

test("the service does not start at a port that is taken, and names it", async () => {
  const { host } = new URL(inject("stack").dataApi.url);
  await expectRefusal(["serve", "--listen", host], good(), new RegExp(host.replaceAll(".", "\\.")));
});

test("what it says when it cannot start contains no secret", async () => {
  const [password, key] = ["a-secret-password", newKey()];
  const MONGODB_URI = `mongodb://somebody:${password}@127.0.0.1:${await freePort()}/?authSource=admin`;
  for (const change of [
    { MONGODB_URI },
    { MONGODB_URI: `${MONGODB_URI}&tls=perhaps` },
    { DATA_API_POOL: "0" },
  ]) {
    const { code, stdout, stderr } = await runToEnd(SERVE, { ...good(), DATA_API_KEYS: key, ...change });
    expect(code).not.toBe(0);
    for (const secret of [password, key]) expect(stdout + stderr).not.toContain(secret);
  }
});

describe("--help", () => {
  test("tells the commands", async () => {
    for (const args of [["--help"], ["-h"], ["help"]]) {
      const { code, stdout } = await runToEnd(args);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Usage: data-api /m);
      expect(stdout).toMatch(/^ +serve /m);
      expect(stdout).toMatch(/^ +indexes /m);
    }
  });

  test("of serve names every variable but no secret value", async () => {
    const key = newKey();
    const environment = { DATA_API_KEYS: key, MONGODB_URI: "mongodb://somebody:password@example.com" };
    const { code, stdout } = await runToEnd(["serve", "--help"], environment);
    expect(code).toBe(0);
    const named = ["LISTEN", "KEYS", "DATABASES", "MAX_BODY", "TIMEOUT", "POOL"].map(
      (name) => `DATA_API_${name}`,
    );
    for (const name of ["MONGODB_URI", ...named]) expect(stdout).toContain(`[env: ${name}`);
    expect(stdout).not.toContain(key);
    expect(stdout).not.toContain("password");
  });

  test("is printed, as an error, when nothing is asked", async () => {
    const { code, stdout, stderr } = await runToEnd([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^Usage: data-api /m);
  });
});

test("indexes are made, and making them again changes nothing", async () => {
  const database = `indexes_${unique()}`;
  const environment = { MONGODB_URI: inject("stack").mongodbUri, DATA_API_DATABASE: database };
  const made = () =>
    withDatabase(async ({ client }) => {
      const db = client.db(database);
      const names = (await db.listCollections().toArray()).map(({ name }) => name).sort();
      return Promise.all(names.map(async (name) => [name, await db.collection(name).indexes()]));
    });
  const first = await runToEnd(["indexes"], environment);
  expect(first.code, first.stderr).toBe(0);
  const before = await made();
  expect(before.length).toBeGreaterThan(0);
  const second = await runToEnd(["indexes"], environment);
  expect([second.code, second.stdout]).toEqual([0, first.stdout]);
  expect(await made()).toEqual(before);
});
