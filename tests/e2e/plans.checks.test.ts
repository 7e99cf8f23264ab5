/** What both ways to write plans, /api/plans and /api/admin/plans, accept and refuse. */
import { describe, expect, test } from "vitest";
import { unique } from "../support/client.ts";
import { expectFieldErrors, expectRefusal } from "./auth.support.ts";
import { dataOf, expectPlanFull } from "./payments.shapes.ts";
import {
  UNKNOWN,
  createPlan,
  createTransaction,
  inDays,
  oid,
  refusesOthers,
  storedPlan,
  subscriber,
  theAdmin,
} from "./payments.support.ts";

const admin = theAdmin();
const WAYS = ["/api/plans", "/api/admin/plans"] as const;

const wanted = (fields: object = {}) => ({
  name: `Plan ${unique()}`,
  description: "A month of practice",
  price: 499,
  duration: 30,
  durationType: "days",
  features: [{ name: "Calls", description: "With anybody", isIncluded: true }],
  ...fields,
});

/** Both spell the id differently. */
const idOf = (data: { id?: string; _id?: string }) => (data.id ?? data._id)!;

refusesOthers(
  WAYS.flatMap((way): [string, string, unknown?][] => [
    ["POST", way, {}],
    ["PUT", `${way}/${UNKNOWN}`, {}],
    ["DELETE", `${way}/${UNKNOWN}`],
    ["PATCH", `${way}/${UNKNOWN}/toggle-status`],
  ]),
);
refusesOthers([
  ["GET", "/api/admin/plans"],
  ["GET", "/api/plans/admin/statistics"],
]);

const long = (many: number) => "x".repeat(many);
const BAD: [fields: object, path: string][] = [
  [{ name: "x" }, "name"],
  [{ name: long(101) }, "name"],
  [{ name: null }, "name"],
  [{ name: { $ne: "" } }, "name"],
  [{ description: long(9) }, "description"],
  [{ description: long(501) }, "description"],
  [{ price: -0.01 }, "price"],
  [{ price: "much" }, "price"],
  [{ price: "" }, "price"],
  [{ price: null }, "price"],
  [{ duration: 0 }, "duration"],
  [{ duration: 1.5 }, "duration"],
  [{ duration: "a month" }, "duration"],
  [{ features: "Calls" }, "features"],
  [{ features: { name: "Calls" } }, "features"],
  [{ durationType: "decades" }, "durationType"],
  [{ durationType: "MONTHS" }, "durationType"],
  [{ isActive: "maybe" }, "isActive"],
  [{ isPopular: null }, "isPopular"],
];
const BAD_AT_PLANS: [fields: object, path: string][] = [
  [{ maxSessions: -2 }, "maxSessions"],
  [{ maxGames: 1.5 }, "maxGames"],
  [{ maxLectures: "many" }, "maxLectures"],
  [{ includesVideoCalls: "perhaps" }, "includesVideoCalls"],
  [{ includesChat: 7 }, "includesChat"],
  [{ priority: -1 }, "priority"],
];

describe.for(WAYS)("POST %s", (way) => {
  test("wants what a plan needs", async () => {
    expectFieldErrors(await admin.post(way, {}), ["name", "description", "price", "duration", "features"]);
  });

  test.for(way === "/api/plans" ? [...BAD, ...BAD_AT_PLANS] : BAD)("refuses %j", async ([fields, path]) =>
    expectFieldErrors(await admin.post(way, wanted(fields)), [path]),
  );

  test.for([
    [[{}]],
    [[{ name: "Calls" }, { description: "nameless" }]],
    [["Calls"]],
    [[null]],
    [[{ name: "" }]],
  ])("refuses features without a name: %j", async ([features]) => {
    const answer = await admin.post(way, wanted({ features }));
    expectRefusal(answer, 400);
    for (const { path } of answer.body.errors ?? []) expect(path).toMatch(/^features/);
  });

  test("accepts the bounds", async () => {
    for (const fields of [
      { name: unique().slice(-2), price: 0, duration: 1 },
      { name: unique().padEnd(100, "x"), description: long(500), features: [] },
      { description: long(10), price: 0.5 },
    ]) {
      dataOf(await admin.post(way, wanted(fields)), { status: 201, message: true });
    }
  });

  test("converts numbers and booleans that come as text", async () => {
    const body = wanted({ price: "12.5", duration: "7", isActive: "false", isPopular: "1" });
    const data = dataOf(await admin.post(way, body), { status: 201, message: true });
    const expected = { price: 12.5, duration: 7, isActive: false, isPopular: true };
    expect(data).toMatchObject(expected);
    expect(await storedPlan(idOf(data))).toMatchObject(expected);
  });

  test("takes no field that is not the client's to set", async () => {
    const fields = { _id: UNKNOWN, id: UNKNOWN, __v: 9, createdAt: "2001-01-01", updatedAt: "2001-01-01" };
    const data = dataOf(await admin.post(way, wanted({ ...fields, colour: "red" })), {
      status: 201,
      message: true,
    });
    expect(idOf(data)).not.toBe(UNKNOWN);
    const stored = await storedPlan(idOf(data));
    expect(stored["createdAt"].getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(stored["__v"]).toBe(0);
    expect(stored).not.toHaveProperty("colour");
  });

  test("refuses a name that is there already, in any case", async () => {
    const name = `Plan ${unique()}`;
    await createPlan({ name });
    for (const again of [name, name.toUpperCase(), name.toLowerCase()]) {
      expectRefusal(await admin.post(way, wanted({ name: again })), 400);
    }
  });

  test.for(["C++ %s (new)", "[%s]*", "%s.", "^%s$", "a|%s"])(
    "compares names literally: %s",
    async (pattern) => {
      const name = pattern.replace("%s", unique());
      dataOf(await admin.post(way, wanted({ name })), { status: 201, message: true });
      expectRefusal(await admin.post(way, wanted({ name })), 400);
      dataOf(await admin.post(way, wanted({ name: `${name}x` })), { status: 201, message: true });
    },
  );

  test("a name that fits everything fits nothing", async () => {
    const mark = unique();
    await createPlan({ name: `${mark} plan` });
    dataOf(await admin.post(way, wanted({ name: `${mark}.*` })), { status: 201, message: true });
  });

  test("of the same name many times at once makes one plan", async () => {
    const body = wanted();
    const answers = await Promise.all(Array.from({ length: 8 }, () => admin.post(way, body)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses.filter((status) => status === 201)).toEqual([201]);
    for (const status of statuses) expect([201, 400, 409]).toContain(status);
  });
});

describe.for(WAYS)("PUT %s/{id}", (way) => {
  test.for(BAD)("refuses %j", async ([fields, path]) => {
    const id = await createPlan();
    const before = await storedPlan(id);
    expectFieldErrors(await admin.put(`${way}/${id}`, fields), [path]);
    expect(await storedPlan(id)).toEqual(before);
  });

  test("refuses a feature without a name", async () => {
    const id = await createPlan();
    const before = await storedPlan(id);
    expectRefusal(await admin.put(`${way}/${id}`, { features: [{ description: "nameless" }] }), 400);
    expect(await storedPlan(id)).toEqual(before);
  });

  test("changes only what is sent", async () => {
    const id = await createPlan({ razorpayPlanId: `plan_${unique()}`, updatedAt: new Date(0) });
    const before = await storedPlan(id);
    dataOf(await admin.put(`${way}/${id}`, { price: "750.25", durationType: "weeks" }), { message: true });
    const after = await storedPlan(id);
    const { updatedAt, __v: _, ...rest } = after;
    const { updatedAt: old, __v: __, ...expected } = before;
    expect(rest).toEqual({ ...expected, price: 750.25, durationType: "weeks" });
    expect(updatedAt.getTime()).toBeGreaterThan(old.getTime());
  });

  test("replaces the whole list of features", async () => {
    const id = await createPlan();
    const features = [{ name: "Games", isIncluded: false }, { name: "Chat" }];
    const data = dataOf(await admin.put(`${way}/${id}`, { features }), { message: true });
    const expected = [
      { name: "Games", isIncluded: false },
      { name: "Chat", isIncluded: true },
    ];
    expect(data.features).toMatchObject(expected);
    const stored = (await storedPlan(id))["features"];
    expect(stored).toMatchObject(expected);
    for (const feature of stored) expect(feature._id.toHexString()).toMatch(/^[0-9a-f]{24}$/);
  });

  test("never touches what is the store's own", async () => {
    const id = await createPlan();
    const before = await storedPlan(id);
    const fields = { _id: UNKNOWN, __v: 9, createdAt: "2001-01-01T00:00:00Z", colour: "red" };
    dataOf(await admin.put(`${way}/${id}`, { ...fields, price: 5 }), { message: true });
    const after = await storedPlan(id);
    expect(after["createdAt"]).toEqual(before["createdAt"]);
    expect(after["__v"]).not.toBe(9);
    expect(after).not.toHaveProperty("colour");
    expect(after["price"]).toBe(5);
  });

  test("refuses the name of another plan, but not its own", async () => {
    const [mine, other] = [`Plan ${unique()}`, `Plan ${unique()}`];
    const id = await createPlan({ name: mine });
    await createPlan({ name: other });
    for (const name of [other, other.toUpperCase()]) {
      expectRefusal(await admin.put(`${way}/${id}`, { name }), 400);
    }
    for (const name of [mine, mine.toUpperCase()]) {
      dataOf(await admin.put(`${way}/${id}`, { name }), { message: true });
    }
    expect((await storedPlan(id))["name"]).toBe(mine.toUpperCase());
  });

  test("must find the plan", async () => {
    expectRefusal(await admin.put(`${way}/${UNKNOWN}`, { price: 5 }), 404);
    expectRefusal(await admin.put(`${way}/nonsense`, { price: 5 }), 400);
  });
});

describe.for(WAYS)("DELETE %s/{id}", (way) => {
  test("takes the document away", async () => {
    const id = await createPlan();
    expect((await admin.delete(`${way}/${id}`)).status).toBe(200);
    expect(await storedPlan(id)).toBeNull();
    expectRefusal(await admin.delete(`${way}/${id}`), 404);
  });

  test("must find the plan", async () => {
    expectRefusal(await admin.delete(`${way}/${UNKNOWN}`), 404);
    expectRefusal(await admin.delete(`${way}/nonsense`), 400);
  });

  test.for(["pending", "completed", "failed", "refunded", "cancelled"])(
    "is refused while a %s transaction refers to it",
    async (status) => {
      const id = await createPlan();
      for (let turn = 0; turn < 3; turn++) await createTransaction(UNKNOWN, id, { status });
      expectRefusal(await admin.delete(`${way}/${id}`), 400, /\b3\b/);
      expect(await storedPlan(id)).not.toBeNull();
    },
  );

  test("is refused while somebody's subscription runs", async () => {
    const id = await createPlan();
    for (let turn = 0; turn < 2; turn++) await subscriber(id, inDays(1));
    expectRefusal(await admin.delete(`${way}/${id}`), 400, /\b2\b/);
    expect(await storedPlan(id)).not.toBeNull();
  });

  test("is not stopped by subscriptions that ran out, or fields that nobody keeps", async () => {
    const id = await createPlan();
    await subscriber(id, inDays(-1));
    const expired = { currentPlan: oid(id), subscriptionStatus: "active", planExpiryDate: inDays(-1) };
    await subscriber(id, inDays(-1), { studentInfo: expired });
    expect((await admin.delete(`${way}/${id}`)).status).toBe(200);
  });
});

describe.for(WAYS)("PATCH %s/{id}/toggle-status", (way) => {
  test("flips the stored value", async () => {
    const id = await createPlan();
    for (const isActive of [false, true]) {
      const data = dataOf(await admin.patch(`${way}/${id}/toggle-status`), { message: true });
      expect(data.isActive).toBe(isActive);
      expect((await storedPlan(id))["isActive"]).toBe(isActive);
    }
  });

  test("loses no flip when many come at once", async () => {
    const id = await createPlan();
    const answers = await Promise.all(
      Array.from({ length: 9 }, () => admin.patch(`${way}/${id}/toggle-status`)),
    );
    const said = answers.map((answer) => dataOf(answer, { message: true }).isActive);
    expect(said.filter((isActive) => !isActive).length).toBe(5);
    expect((await storedPlan(id))["isActive"]).toBe(false);
  });

  test("must find the plan", async () => {
    expectRefusal(await admin.patch(`${way}/${UNKNOWN}/toggle-status`), 404);
    expectRefusal(await admin.patch(`${way}/nonsense/toggle-status`), 400);
  });
});

test("both ways write the same plans", async () => {
  const made = dataOf(await admin.post("/api/admin/plans", wanted()), { status: 201, message: true });
  expectPlanFull(made);
  dataOf(await admin.put(`/api/plans/${made._id}`, { price: 1 }), { message: true });
  const all: { _id: string; price: number }[] = dataOf(await admin.get("/api/admin/plans"));
  expect(all.find(({ _id }) => _id === made._id)).toMatchObject({ price: 1 });
});
