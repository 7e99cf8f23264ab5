/** Paid and active flags of features, set one by one and many at once. */
import type { Document } from "mongodb";
import { describe, expect, test } from "vitest";
import { person } from "../support/people.ts";
import { TEXT, TIME, expectExactly, expectFieldErrors, expectRefusal } from "./auth.support.ts";
import {
  access,
  dataOf,
  featuresAdmin,
  newFeature,
  newKey,
  plantFeature,
  plantFeatures,
  storedFeature,
  use,
} from "./features.support.ts";
import { oid } from "./users.support.ts";

const admins = featuresAdmin();
const { ask, bulk, create, shown, toggle } = admins;

const flags = async (key: string) => {
  const { isPaid, isActive } = await storedFeature(key);
  return { isPaid, isActive };
};

describe("one feature", () => {
  test("sets the flags, and does not flip them", async () => {
    const key = await plantFeature();
    const { name } = await storedFeature(key);
    const started = Date.now();
    for (const [body, isPaid, isActive] of [
      [{ isPaid: true }, true, true],
      [{ isPaid: true }, true, true],
      [{ isPaid: true, isActive: false }, true, false],
      // What is not sent stays.
      [{ isPaid: false }, false, false],
      [{ isPaid: "true", isActive: "true" }, true, true],
      [{ isPaid: "0", isActive: "1", requiredPlan: "pro", canToggle: false, usageCount: 7 }, false, true],
    ] as const) {
      const answer = await toggle(key, body);
      expect(answer.body?.message).toEqual(TEXT);
      expect(dataOf(answer)).toEqual({ key, name, isPaid, isActive, lastModifiedAt: TIME });
      expect(await flags(key)).toEqual({ isPaid, isActive });
    }
    const { lastModifiedBy, lastModifiedAt, ...rest } = await storedFeature(key);
    expect(lastModifiedBy).toEqual(oid(admins.boss().id));
    expect(lastModifiedAt.getTime()).toBeGreaterThan(started - 1000);
    expect(rest).toMatchObject({ requiredPlan: "free", canToggle: true, usageCount: 0 });
  });

  test("is found by its key trimmed and in small letters", async () => {
    const key = await plantFeature();
    for (const [typed, isPaid] of [
      [key.toUpperCase(), true],
      [`%20${key}%20`, false],
    ] as const) {
      expect(dataOf(await toggle(typed, { isPaid })), typed).toMatchObject({ key, isPaid });
      expect(await flags(key)).toMatchObject({ isPaid });
    }
  });

  test("reaches users at once", async () => {
    const body = newFeature();
    const key: string = body["key"];
    dataOf(await create(body), 201);
    const { token } = await person();
    for (const isPaid of [true, false]) {
      dataOf(await toggle(key, { isPaid }));
      expect(dataOf(await access(key, token))).toMatchObject({ isPaid, canAccess: !isPaid });
    }
  });

  test.for([
    [{}, ["isPaid"]],
    [{ isActive: true }, ["isPaid"]],
    [{ isPaid: null }, ["isPaid"]],
    [{ isPaid: "perhaps" }, ["isPaid"]],
    [{ isPaid: { $ne: 1 } }, ["isPaid"]],
    [{ isPaid: true, isActive: null }, ["isActive"]],
    [{ isPaid: 7, isActive: "off" }, ["isPaid", "isActive"]],
  ] as [object, string[]][])("refuses %j", async ([body, paths]) => {
    const key = await plantFeature();
    const before = await storedFeature(key);
    expectFieldErrors(await toggle(key, body), paths);
    expect(await storedFeature(key)).toEqual(before);
  });

  test("is refused when locked, and when there is none", async () => {
    const key = await plantFeature({ canToggle: false });
    const before = await storedFeature(key);
    const locked = await toggle(key, { isPaid: true, isActive: false });
    expectRefusal(locked, 400);
    expect(locked.body).not.toHaveProperty("errors");
    expect(await storedFeature(key)).toEqual(before);
    expectRefusal(await toggle(newKey(), { isPaid: true }), 404);
  });

  test("counts of uses meanwhile are not lost", async () => {
    const key = await plantFeature();
    const { token } = await person();
    const both = Array.from({ length: 8 }, () => [use(key, token), toggle(key, { isPaid: false })]);
    for (const { status, text } of await Promise.all(both.flat())) expect(status, text).toBe(200);
    await expect.poll(async () => (await shown(key))["usageCount"], { timeout: 10_000 }).toBe(8);
  });
});

describe("many features", () => {
  const updated = (data: Document) => data["updated"] as Document[];
  const failed = (data: Document) => data["errors"] as Document[];
  function expectShape(data: Document): void {
    expect(Object.keys(data).sort()).toEqual(["errors", "updated"]);
    for (const one of updated(data)) {
      const FLAG = expect.any(Boolean);
      expect(one).toEqual({ featureKey: TEXT, name: TEXT, isPaid: FLAG, isActive: FLAG });
    }
    for (const one of failed(data)) {
      expectExactly(one, { error: expect.stringMatching(/\S/) }, { featureKey: TEXT });
      // Words of a model or of the database are nobody's business.
      expect(one["error"]).not.toMatch(/cast|mongo|validation failed|\bpath\b|undefined/i);
    }
  }

  test("each gets its own flags; what cannot be set is told, the rest applies", async () => {
    const [one, two, locked] = await plantFeatures([{}, { isActive: false }, { canToggle: false }]);
    const unknown = newKey();
    const answer = await bulk({
      updates: [
        { featureKey: one, isPaid: true, isActive: false },
        { featureKey: locked, isPaid: true },
        { featureKey: unknown, isPaid: true },
        { featureKey: two, isPaid: true },
      ],
    });
    expect(answer.body?.message).toEqual(TEXT);
    const data = dataOf(answer);
    expectShape(data);
    const names = [(await storedFeature(one!))["name"], (await storedFeature(two!))["name"]];
    expect(updated(data).toSorted((a, b) => names.indexOf(a["name"]) - names.indexOf(b["name"]))).toEqual([
      { featureKey: one, name: names[0], isPaid: true, isActive: false },
      { featureKey: two, name: names[1], isPaid: true, isActive: false },
    ]);
    expect(new Set(failed(data).map(({ featureKey }) => featureKey))).toEqual(new Set([locked, unknown]));
    expect(await flags(one!)).toEqual({ isPaid: true, isActive: false });
    expect(await flags(two!)).toEqual({ isPaid: true, isActive: false });
    expect(await flags(locked!)).toEqual({ isPaid: false, isActive: true });
    expect(await storedFeature(one!)).toMatchObject({ lastModifiedBy: oid(admins.boss().id) });
  });

  test("none is fine", async () => {
    expect(dataOf(await bulk({ updates: [] }))).toEqual({ updated: [], errors: [] });
  });

  test.for([
    {},
    { updates: null },
    { updates: "games" },
    { updates: 1 },
    { updates: { featureKey: "games", isPaid: false } },
  ])("refuses %j", async (body) => {
    expectRefusal(await bulk(body), 400);
  });

  test.for([
    null,
    "games",
    7,
    [],
    { isPaid: true },
    { featureKey: null, isPaid: true },
    { featureKey: { $ne: "" }, isPaid: false },
    { featureKey: "KEY" },
    { featureKey: "KEY", isPaid: null },
    { featureKey: "KEY", isPaid: "perhaps" },
    { featureKey: "KEY", isPaid: { $ne: 1 } },
    { featureKey: "KEY", isPaid: false, isActive: "perhaps" },
    { featureKey: "KEY", isPaid: false, isActive: { a: 1 } },
  ])("an entry %j erases nothing, and fails nothing half way", async (entry) => {
    const [other, named] = await plantFeatures([{}, { isPaid: true }]);
    const odd = JSON.parse(JSON.stringify(entry).replace("KEY", named!));
    const answer = await bulk({ updates: [{ featureKey: other, isPaid: true }, odd] });
    // All of it refused, or this entry alone.
    if (answer.status === 400) {
      expectRefusal(answer, 400);
      expect(await flags(other!)).toEqual({ isPaid: false, isActive: true });
    } else {
      const data = dataOf(answer);
      expectShape(data);
      expect(updated(data).map(({ featureKey }) => featureKey)).toEqual([other]);
      expect(failed(data)).toHaveLength(1);
      expect(await flags(other!)).toEqual({ isPaid: true, isActive: true });
    }
    expect(await flags(named!)).toEqual({ isPaid: true, isActive: true });
  });

  test("the path is no key of a feature", async () => {
    for (const [method, path, body] of [
      ["PATCH", "/bulk-update/toggle", { isPaid: true }],
      ["DELETE", "/bulk-update", undefined],
    ] as const) {
      expectRefusal(await ask(method, path, body), 404);
    }
  });
});
