/** Features as administrators see and make them. */
import { type Document } from "mongodb";
import { describe, expect, test } from "vitest";
import { call, get, unique, withDatabase } from "../support/client.ts";
import { person, teacher } from "../support/people.ts";
import { ID, TEXT, TIME, expectExactly, expectFieldErrors, expectRefusal } from "./auth.support.ts";
import {
  access,
  dataOf,
  expectFeature,
  featuresAdmin,
  newFeature,
  newKey,
  plantFeature,
  plantFeatures,
  storedFeature,
} from "./features.support.ts";
import { oid } from "./users.support.ts";

const NUMBER = expect.any(Number);
const FLAG = expect.any(Boolean);

const admins = featuresAdmin();
const { all, ask, create, shown, switchOff } = admins;

test.for([
  ["GET", "/all"],
  ["GET", "/category/games"],
  ["PATCH", "/no-such-feature/toggle", {}],
  ["PATCH", "/bulk-update", {}],
  ["GET", "/statistics"],
  ["POST", "/create", {}],
  ["DELETE", "/no-such-feature"],
] as const)(
  "%s %s is for administrators, before anything else is looked at",
  async ([method, path, body]) => {
    const options = body === undefined ? {} : { body };
    expectRefusal(await call(method, `/api/features/admin${path}`, options), 401, /Access token required/);
    expectRefusal(await ask(method, path, body, "garbage"), 401, /token/);
    for (const { token } of [await person(), await teacher()]) {
      expectRefusal(await ask(method, path, body, token), 403);
    }
  },
);

describe("the list", () => {
  test("has every feature in full, switched off or not", async () => {
    const lastUsed = new Date("2024-05-06T07:08:09.012Z");
    const rich = {
      description: "Everything",
      lastUsed,
      lastModifiedBy: oid(admins.boss().id),
      usageCount: 4,
    };
    const keys = await plantFeatures([
      { ...rich, isPaid: true, requiredPlan: "pro", freeLimit: 3, freeLimitType: "total", canToggle: false },
      { isActive: false, showInMenu: false, requiresAuth: false, icon: "moon", color: "#fff", order: 7.5 },
    ]);
    const data = dataOf(await ask("GET", "/all"));
    expect(Object.keys(data).sort()).toEqual(["features", "total"]);
    expect(data.total).toBe(data.features.length);
    const [first, second] = keys.map((key) => data.features.find((one: Document) => one["key"] === key));
    for (const feature of [first, second]) expectFeature(feature);
    expect(first).toMatchObject({
      id: (await storedFeature(keys[0]!))["_id"].toHexString(),
      description: "Everything",
      lastUsed: lastUsed.toISOString(),
      lastModifiedBy: admins.boss().id,
      isPaid: true,
      requiredPlan: "pro",
      freeLimit: 3,
      freeLimitType: "total",
      canToggle: false,
      usageCount: 4,
    });
    expect(second).toMatchObject({ isActive: false, icon: "moon", order: 7.5, requiresAuth: false });
    for (const absent of ["description", "lastUsed", "lastModifiedBy"])
      expect(second).not.toHaveProperty(absent);
  });

  test("fills what old documents miss", async () => {
    const bare = { isPaid: undefined, requiredPlan: undefined, freeLimit: undefined, usageCount: undefined };
    const rest = { icon: undefined, color: undefined, order: undefined, canToggle: undefined };
    const key = await plantFeature({ ...bare, ...rest, freeLimitType: undefined, isActive: undefined });
    const feature = await shown(key);
    expectFeature(feature);
    expect(feature).toMatchObject({ isPaid: false, isActive: true, requiredPlan: "free", freeLimit: -1 });
    expect(feature).toMatchObject({ freeLimitType: "per_day", icon: "star", color: "#226cae", order: 0 });
    expect(feature).toMatchObject({ canToggle: true, usageCount: 0 });
  });

  test("is by category, then by order", async () => {
    await plantFeatures(
      ["social", "games"].flatMap((category) => [5, -2, 10].map((order) => ({ category, order }))),
    );
    const listed = (await all()).map(({ category, order }) => ({ category, order }));
    const sorted = listed.toSorted((a, b) =>
      a.category === b.category ? a.order - b.order : a.category < b.category ? -1 : 1,
    );
    expect(listed).toEqual(sorted);
  });
});

describe("a category", () => {
  const category = async (name: string) => dataOf(await ask("GET", `/category/${name}`));

  test("has its features by order, in short", async () => {
    const keys = await plantFeatures([
      { category: "premium", order: 30 },
      { category: "premium", order: 10, description: "Short", isPaid: true },
      { category: "premium", order: 20 },
      { category: "games", order: 15 },
    ]);
    const data = await category("premium");
    expect(Object.keys(data).sort()).toEqual(["category", "features"]);
    expect(data.category).toBe("premium");
    const mine = data.features.filter(({ key }: Document) => keys.includes(key));
    expect(mine.map(({ key }: Document) => keys.indexOf(key))).toEqual([1, 2, 0]);
    for (const feature of data.features) {
      const shape = { id: ID, key: TEXT, name: TEXT, isPaid: FLAG, isActive: FLAG, order: NUMBER };
      expectExactly(feature, shape, { description: TEXT });
    }
    expect(mine[0]).toMatchObject({ isPaid: true, isActive: true, order: 10 });
  });

  test.for(["no-such-category", "Games", "$ne", ".*"])("%s is unknown: empty", async (name) => {
    expect(await category(encodeURIComponent(name))).toEqual({ category: name, features: [] });
  });
});

describe("create", () => {
  test("stores everything that was sent", async () => {
    const key = newKey();
    const fields = {
      name: `Named ${unique()}`,
      category: "games",
      isPaid: true,
      isActive: false,
      description: "Made by hand",
      icon: "moon",
      color: "#123456",
      order: 12,
      requiredPlan: "premium",
      freeLimit: 3,
      freeLimitType: "per_week",
      showInMenu: false,
      requiresAuth: false,
    };
    const sent = { ...fields, key: `  ${key.toUpperCase()} `, canToggle: false, usageCount: 99, __v: 5 };
    const { name, category, isPaid, isActive } = fields;
    const answer = await create(sent);
    expect(answer.body?.message).toEqual(TEXT);
    const data = dataOf(answer, 201);
    expect(data).toEqual({ id: ID, key, name, category, isPaid, isActive });
    expect(await storedFeature(key)).toMatchObject({
      ...fields,
      _id: oid(data.id),
      lastModifiedBy: oid(admins.boss().id),
    });
    const feature = await shown(key);
    expectFeature(feature);
    // Counts are the server's own.
    expect(feature).toMatchObject({ ...fields, id: data.id, usageCount: 0 });
  });

  test("fills the rest, and is there for users at once", async () => {
    const body = newFeature();
    dataOf(await create(body), 201);
    const feature = await shown(body["key"]);
    expectFeature(feature);
    expect(feature).toMatchObject({
      ...body,
      isActive: true,
      icon: "star",
      color: "#226cae",
      order: 0,
      requiredPlan: "free",
      freeLimit: -1,
      freeLimitType: "per_day",
      canToggle: true,
      showInMenu: true,
      requiresAuth: true,
      usageCount: 0,
      lastModifiedBy: admins.boss().id,
    });
    const { token } = await person();
    const { features } = dataOf(await get("/api/features/user", { token }));
    expect(features).toContainEqual(expect.objectContaining({ key: body["key"], canAccess: true }));
  });

  test("takes numbers and flags as text", async () => {
    const body = newFeature({ isPaid: "true", isActive: "false", order: "4.5", freeLimit: "2" });
    expect(dataOf(await create(body), 201)).toMatchObject({ isPaid: true, isActive: false });
    expect(await storedFeature(body["key"])).toMatchObject({
      isPaid: true,
      isActive: false,
      order: 4.5,
      freeLimit: 2,
    });
  });

  test.for([
    [{ key: undefined, name: undefined, category: undefined, isPaid: undefined }],
    [{ key: " k " }],
    [{ key: "k".repeat(51) }],
    [{ key: { $gt: "" } }],
    [{ name: "n" }],
    [{ name: "n".repeat(101) }],
    [{ category: "music" }],
    [{ category: "Games" }],
    [{ category: { $ne: "games" } }],
    [{ isPaid: "perhaps" }],
    [{ isPaid: null }],
    [{ isActive: "perhaps" }],
    [{ isActive: null }],
    [{ requiredPlan: "gold" }],
    [{ freeLimitType: "per_year" }],
    [{ freeLimit: "many" }],
    [{ order: "first" }],
    [{ order: { $inc: 1 } }],
    [{ showInMenu: "perhaps" }],
    [{ requiresAuth: "perhaps" }],
  ] as Document[][])("refuses %j", async ([fields]) => {
    const body = newFeature(fields);
    expectFieldErrors(await create(body), Object.keys(fields!));
    const { name } = body;
    if (name === undefined || name.length < 2) return;
    expect(await withDatabase((db) => db.collection("features").countDocuments({ name: String(name) }))).toBe(
      0,
    );
  });

  test("refuses a key that is taken, in any case", async () => {
    const key = await plantFeature({ name: "First" });
    for (const same of [key, key.toUpperCase(), ` ${key} `]) {
      const answer = await create(newFeature({ key: same }));
      expectRefusal(answer, 400);
      expect(answer.body).not.toHaveProperty("errors");
    }
    expect((await storedFeature(key))["name"]).toBe("First");
  });

  test("one of many at once gets the key", async () => {
    const key = newKey();
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(newFeature({ key }))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(400)]);
    expect(await withDatabase((db) => db.collection("features").countDocuments({ key }))).toBe(1);
  });
});

describe("switching off", () => {
  test("keeps the document, and closes the feature at once", async () => {
    const body = newFeature();
    dataOf(await create(body), 201);
    const { key } = body as { key: string };
    const { token } = await person();
    expect(dataOf(await access(key, token))).toMatchObject({ canAccess: true });
    const before = await storedFeature(key);
    const answer = await switchOff(key);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({ success: true, message: TEXT });
    const { lastModifiedAt: _, lastModifiedBy: __, updatedAt: ___, __v: ____, ...kept } = before;
    expect(await storedFeature(key)).toMatchObject({ ...kept, isActive: false });
    expect(dataOf(await access(key, token))).toMatchObject({ canAccess: false, isActive: false });
    const { features } = dataOf(await get("/api/features/user", { token }));
    expect(features.map((one: Document) => one["key"])).not.toContain(key);
    expect((await shown(key))["isActive"]).toBe(false);
    // Twice is as good as once.
    expect((await switchOff(key)).status).toBe(200);
  });

  test("respects the lock, and knows only what there is", async () => {
    const key = await plantFeature({ canToggle: false });
    const answer = await switchOff(key);
    expectRefusal(answer, 400);
    expect((await storedFeature(key))["isActive"]).toBe(true);
    for (const unknown of [newKey(), "%24ne", "statistics"]) expectRefusal(await switchOff(unknown), 404);
  });
});

describe("statistics", () => {
  const statistics = async () => dataOf(await ask("GET", "/statistics"));

  test("count what the list has", async () => {
    await plantFeatures([{ isPaid: true }, { isPaid: true, isActive: false }, { isPaid: undefined }]);
    const features = await all();
    const { overview, categoryBreakdown, topUsedFeatures, ...rest } = await statistics();
    expect(rest).toEqual({});
    const active = features.filter(({ isActive }) => isActive);
    const paid = active.filter(({ isPaid }) => isPaid);
    expect(overview).toEqual({
      totalFeatures: features.length,
      activeFeatures: active.length,
      paidFeatures: paid.length,
      freeFeatures: active.length - paid.length,
    });
    const within = (some: Document[], category: string) =>
      some.filter((one) => one["category"] === category).length;
    for (const { _id, total, ...counts } of categoryBreakdown) {
      const paying = within(paid, _id);
      expect(counts, _id).toEqual({ paid: paying, free: within(active, _id) - paying });
      expect([within(active, _id), within(features, _id)]).toContain(total);
    }
    const named = new Set(categoryBreakdown.map(({ _id }: Document) => _id));
    expect(named.size).toBe(categoryBreakdown.length);
    for (const { category } of active) expect(named).toContain(category);
    expect(topUsedFeatures).toEqual(expect.any(Array));
  });

  test("name the ten most used", async () => {
    const lastUsed = new Date("2024-05-06T07:08:09.012Z");
    const base = 1_000_000_000;
    const keys = await plantFeatures(
      Array.from({ length: 11 }, (_, at) => ({
        usageCount: base + ((at * 4) % 11),
        ...(at ? { lastUsed } : {}),
      })),
    );
    const { topUsedFeatures } = await statistics();
    expect(topUsedFeatures).toHaveLength(10);
    topUsedFeatures.forEach((feature: Document, rank: number) => {
      expectExactly(
        feature,
        { _id: ID, key: TEXT, name: TEXT, usageCount: base + 10 - rank },
        { lastUsed: TIME },
      );
      expect((keys.indexOf(feature["key"]) * 4) % 11).toBe(10 - rank);
    });
    expect(topUsedFeatures[0].lastUsed).toBe(lastUsed.toISOString());
  });
});
