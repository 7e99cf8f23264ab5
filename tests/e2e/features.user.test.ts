/** Features as users see them: what is open to whom, and how uses are counted. */
import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, call, eventually, get, setFeature, unique, withDatabase } from "../support/client.ts";
import { person, teacher } from "../support/people.ts";
import { TEXT, expectRefusal } from "./auth.support.ts";
import {
  access,
  accessTo,
  dataOf,
  expectAccess,
  featuresAdmin,
  newKey,
  plantFeature,
  plantFeatures,
  storedFeature,
  use,
  userList,
} from "./features.support.ts";
import { fromNow, plantPlan } from "./users.support.ts";

const admins = featuresAdmin();
const { all, makeAll, shown } = admins;

const APP_KEYS = ["games", "group_calls", "video_calls", "voice_calls"];
const TIERS = ["free", "basic", "premium", "pro"];
/** A paid feature for each tier. */
let paid: string[];
beforeAll(async () => {
  paid = await makeAll(TIERS.map((requiredPlan) => ({ isPaid: true, requiredPlan })));
});
const subscriber = (hours: number, currentPlan?: ObjectId, fields: Document = {}) =>
  person({
    studentInfo: {
      planExpiryDate: fromNow(hours),
      ...(currentPlan === undefined ? {} : { currentPlan }),
      ...fields,
    },
  });
/** A plan of a tier, under both names that the contract has for it. */
const planOf = (tier: string) => plantPlan({ planType: tier, tier });

/** What list and single read say about these features; both must agree. */
async function verdicts(who: Learner, keys: string[]): Promise<Document[]> {
  const { features } = await userList(who.token, keys);
  const listed = keys.map((key) => features.find((one) => one["key"] === key)!);
  for (const one of listed) {
    const { category: _, ...rest } = await accessTo(one["key"], who.token);
    const { category: __, ...same } = one;
    expect(rest).toEqual(same);
  }
  return listed;
}
const open = async (who: Learner, keys: string[]) =>
  (await verdicts(who, keys)).map(({ canAccess, reason }) => (reason === null ? canAccess : reason));

const GRANTED = true;
const WITHOUT = "subscription_required";

test.for([
  ["GET", ""],
  ["GET", "/no-such-feature/access"],
  ["POST", "/no-such-feature/usage"],
] as const)("%s /api/features/user%s needs a token", async ([method, path]) => {
  expectRefusal(await call(method, `/api/features/user${path}`), 401, /Access token required/);
  expectRefusal(await call(method, `/api/features/user${path}`, { token: "garbage" }), 401, /token/);
});

describe("the list", () => {
  test("has active features by order, each with its category", async () => {
    const absent = { isPaid: undefined, freeLimit: undefined };
    const old = await plantFeature({ order: 2, ...absent, freeLimitType: undefined });
    const made = await makeAll([
      { order: 3, category: "games", freeLimit: 5, freeLimitType: "per_week" },
      { order: 1, category: "premium", isPaid: true, requiredPlan: "basic" },
      { order: 0, isActive: false },
    ]);
    const keys = [made[0], made[1], old, made[2]] as string[];
    const who = await person();
    const data = await userList(who.token, keys.slice(0, 3));
    expect(Object.keys(data).sort()).toEqual(["features", "userPlan"]);
    expect(data.userPlan).toBeNull();
    for (const one of data.features) {
      expectAccess(one);
      expect(one["isActive"]).toBe(true);
      expect(one).toHaveProperty("category");
    }
    const orders = new Map((await all()).map(({ key, order }) => [key, order]));
    const listed = data.features.map(({ key }) => orders.get(key) as number);
    expect(listed).toEqual(listed.toSorted((a, b) => a - b));
    const mine = data.features.filter(({ key }) => keys.includes(key));
    const free = { canAccess: true, isPaid: false, status: "free", reason: null };
    expect(mine).toMatchObject([
      {
        key: keys[1],
        category: "premium",
        canAccess: false,
        isPaid: true,
        requiredPlan: "basic",
        freeLimit: -1,
        status: "paid",
        reason: WITHOUT,
      },
      { key: keys[2], ...free, requiredPlan: "free", freeLimit: -1, freeLimitType: "per_day" },
      { key: keys[0], ...free, category: "games", freeLimit: 5, freeLimitType: "per_week" },
    ]);
  });

  test("is not kept by anybody on the way", async () => {
    const answer = await get("/api/features/user", { token: (await person()).token });
    expect(answer.headers.get("cache-control")).toContain("no-store");
  });

  test("the keys that the app asks for are there, once each", async () => {
    for (const key of APP_KEYS) await setFeature(key, true, false);
    const keys = (await all()).map(({ key }) => key);
    for (const key of APP_KEYS) {
      expect(keys.filter((one) => one === key)).toEqual([key]);
    }
    const { token } = await person();
    await eventually("the key is known", async () => (await access("games", token)).status === 200, 20);
    expect(dataOf(await access("games", token))).toMatchObject({ key: "games" });
  });
});

describe("a paid feature", () => {
  test("is closed without a running subscription, whatever else is stored", async () => {
    const plan = await planOf("pro");
    const legacy = { subscriptionStatus: "active", subscriptionExpiry: fromNow(99) };
    for (const who of [
      await person(),
      await subscriber(-1, plan),
      await person({ studentInfo: { currentPlan: plan, ...legacy } }),
      await subscriber(-0.01, plan, legacy),
    ]) {
      expect(await open(who, paid)).toEqual(TIERS.map(() => WITHOUT));
      expect((await userList(who.token, paid)).userPlan).toBeNull();
    }
  });

  test.for([
    ["basic", 2],
    ["premium", 3],
    ["pro", 4],
  ] as const)("opens up to the tier of the plan: %s", async ([tier, many]) => {
    const who = await subscriber(1, await planOf(tier));
    expect(await open(who, paid)).toEqual(TIERS.map((_, at) => (at < many ? GRANTED : WITHOUT)));
    expect((await userList(who.token, paid)).userPlan).toEqual({ status: "active", planName: tier });
  });

  test("opens for whoever pays when it needs no tier, also with a plan that says none or is gone", async () => {
    const key = paid[0]!;
    for (const plan of [await plantPlan(), new ObjectId(), undefined]) {
      const who = await subscriber(1, plan, {
        subscriptionStatus: "expired",
        subscriptionExpiry: fromNow(-9),
      });
      expect(await open(who, [key])).toEqual([GRANTED]);
      const planName = expect.stringMatching(/^(free|basic|premium|pro)$/);
      expect((await userList(who.token, [key])).userPlan).toEqual({ status: "active", planName });
    }
  });

  test("is open to teachers and administrators", async () => {
    for (const who of [await teacher(), admins.boss()])
      expect(await open(who, paid)).toEqual(TIERS.map(() => GRANTED));
  });
});

describe("one feature", () => {
  test("switched off is closed to everybody, and says so", async () => {
    const keys = await plantFeatures([{ isActive: false }, { isActive: false, isPaid: true }]);
    for (const who of [await person(), await subscriber(1, await planOf("pro")), admins.boss()]) {
      for (const key of keys) {
        const closed = { canAccess: false, isActive: false, status: "disabled", reason: "feature_disabled" };
        expect(await accessTo(key, who.token)).toMatchObject({ key, ...closed });
      }
    }
  });

  test("is found by its key trimmed and in small letters", async () => {
    const [key] = (await makeAll([{}])) as [string];
    const { token } = await person();
    for (const typed of [key.toUpperCase(), `%20${key}%20`, `%20${key.toUpperCase()}`]) {
      expect(dataOf(await access(typed, token)), typed).toMatchObject({ key });
    }
  });

  test.for(["no-such-feature", "%24ne", ".*", "%00"])("unknown: %s", async (key) => {
    expectRefusal(await access(key, (await person()).token), 404);
  });
});

describe("uses", () => {
  /** Counters may be written a moment later. */
  const expectCount = (key: string, count: number) =>
    expect.poll(async () => (await shown(key))["usageCount"], { timeout: 10_000 }).toBe(count);

  test("count one by one, and when they come at once", async () => {
    const key = await plantFeature({ usageCount: 3 });
    const who = await person();
    const before = Date.now();
    const first = await use(key, who.token);
    expect(first.status, first.text).toBe(200);
    expect(first.body).toEqual({ success: true, message: expect.stringMatching(/\S/) });
    await expectCount(key, 4);
    const answers = await Promise.all(Array.from({ length: 20 }, () => use(key, who.token)));
    for (const { status, text } of answers) expect(status, text).toBe(200);
    await expectCount(key, 24);
    const used = Date.parse((await shown(key))["lastUsed"]);
    expect(used).toBeGreaterThan(before - 1000);
    expect(used).toBeLessThan(Date.now() + 1000);
  });

  test("of twenty people at once count twenty", async () => {
    const key = await plantFeature({ usageCount: undefined });
    const who = await Promise.all([person(), person(), teacher(), subscriber(1)]);
    const all = Array.from({ length: 20 }, (_, at) => use(key, who[at % 4]!.token));
    for (const { status, text } of await Promise.all(all)) expect(status, text).toBe(200);
    await expectCount(key, 20);
  });

  test("change nothing else", async () => {
    const lastModifiedAt = new Date("2024-01-02T03:04:05.678Z");
    const key = await plantFeature({ lastModifiedAt });
    const { usageCount: _, lastUsed: __, updatedAt: ___, __v: ____, ...before } = await storedFeature(key);
    expect((await use(key, (await person()).token)).status).toBe(200);
    await expectCount(key, 1);
    expect(await storedFeature(key)).toMatchObject(before);
    expect((await shown(key))["lastModifiedAt"]).toBe(lastModifiedAt.toISOString());
  });

  test("of what is closed do not count", async () => {
    const [dear, off] = await plantFeatures([{ isPaid: true }, { isActive: false }]);
    const [student, boss] = [await person(), admins.boss()];
    const denied = [
      await use(dear!, student.token),
      await use(off!, student.token),
      await use(off!, boss.token),
    ];
    // Whether it is told does not matter: the app swallows it.
    for (const { status, body } of denied) {
      expect(status).toBeLessThan(500);
      expect(body.message).toEqual(TEXT);
    }
    expect((await use(dear!, boss.token)).status).toBe(200);
    await expectCount(dear!, 1);
    expect((await shown(off!))["usageCount"]).toBe(0);
  });

  test("of nothing are refused, and make nothing", async () => {
    const key = newKey();
    expectRefusal(await use(key, (await person()).token), 404);
    expect(await withDatabase((db) => db.collection("features").countDocuments({ key }))).toBe(0);
  });

  test("need no body, and take none", async () => {
    const key = await plantFeature();
    const { token } = await person();
    const path = `/api/features/user/${key}/usage`;
    const headers = { "content-type": "application/json" };
    for (const options of [{ headers }, { body: {} }, { body: { usageCount: 50, count: 50 } }]) {
      expect((await call("POST", path, { token, ...options })).status).toBe(200);
    }
    await expectCount(key, 3);
  });
});

test("a gated screen: list, twice the access, then the use", async () => {
  const [key] = (await makeAll([{ isPaid: true, name: `Gate ${unique()}` }])) as [string];
  const who = await subscriber(1, await planOf("basic"));
  const { features } = await userList(who.token, [key]);
  expect(features.find((one) => one["key"] === key)).toMatchObject({ canAccess: true, isPaid: true });
  for (let turn = 0; turn < 2; turn++)
    expect(await accessTo(key, who.token)).toMatchObject({ canAccess: true });
  expect((await use(key, who.token)).body.success).toBe(true);
  await eventually("counted", async () => (await shown(key))["usageCount"] === 1);
});
