/** What the answers to writers of plans look like; the two ways differ. */
import type { Document } from "mongodb";
import { describe, expect, test } from "vitest";
import { get, unique } from "../support/client.ts";
import { ID, TEXT, TIME, expectExactly, expectFieldErrors, expectRefusal } from "./auth.support.ts";
import { dataOf, expectPlanDetail, expectPlanFull } from "./payments.shapes.ts";
import { createPlan, createPlans, storedPlan, theAdmin } from "./payments.support.ts";

const admin = theAdmin();

const wanted = (fields: object = {}) => ({
  name: `Plan ${unique()}`,
  description: "A month of practice",
  price: 499,
  duration: 30,
  features: [{ name: "Calls", description: "With anybody" }],
  ...fields,
});

const DEFAULTS = {
  isActive: true,
  isPopular: false,
  maxSessions: -1,
  maxGames: -1,
  maxLectures: -1,
  includesVideoCalls: false,
  includesVoiceCalls: false,
  includesGroupCalls: false,
  includesChat: true,
  includesGames: true,
  includesLectures: true,
  priority: 0,
};
const FEATURE = { _id: ID, name: "Calls", description: "With anybody", isIncluded: true };

/** What /api/plans answers to writers, less the date. */
const SUMMARY = {
  id: ID,
  name: TEXT,
  description: TEXT,
  price: expect.any(Number),
  duration: expect.any(Number),
  durationType: expect.stringMatching(/^(days|weeks|months|years)$/),
  features: expect.any(Array),
  isActive: expect.any(Boolean),
  isPopular: expect.any(Boolean),
  priority: expect.any(Number),
};

describe("/api/plans", () => {
  test("creating answers the summary, and stores everything", async () => {
    const fields = {
      durationType: "weeks",
      isPopular: true,
      isActive: false,
      maxSessions: 10,
      maxGames: 0,
      maxLectures: 3,
      includesVideoCalls: true,
      includesVoiceCalls: true,
      includesGroupCalls: true,
      includesChat: false,
      includesGames: false,
      includesLectures: false,
      priority: 4,
      razorpayPlanId: `plan_${unique()}`,
    };
    const body = wanted(fields);
    const data = dataOf(await admin.post("/api/plans", body), { status: 201, message: true });
    expect(data).toEqual({ ...SUMMARY, createdAt: TIME });
    const shown = { durationType: "weeks", isPopular: true, isActive: false, priority: 4 };
    expect(data).toMatchObject({ name: body.name, price: 499, duration: 30, ...shown, features: [FEATURE] });
    const stored = await storedPlan(data.id);
    expect(stored).toMatchObject({ ...fields, name: body.name, description: body.description, __v: 0 });
    expect(stored["createdAt"]).toBeInstanceOf(Date);
    expect(stored["updatedAt"]).toBeInstanceOf(Date);
    expectPlanDetail(dataOf(await get(`/api/plans/${data.id}`), { message: true }));
  });

  test("creating fills in the defaults", async () => {
    const data = dataOf(await admin.post("/api/plans", wanted()), { status: 201, message: true });
    const stored = await storedPlan(data.id);
    expect(stored).toMatchObject(DEFAULTS);
    expect(stored).not.toHaveProperty("razorpayPlanId");
    // The old server's two ways disagreed on the default unit, so either may be meant; but one, and the one that is said.
    expect(["days", "months"]).toContain(data.durationType);
    expect(stored["durationType"]).toBe(data.durationType);
  });

  test("cuts white space off before it measures, and before it compares", async () => {
    const name = `Plan ${unique()}`;
    const body = wanted({ name: `  ${name}  `, description: "\n A month of practice \t" });
    const data = dataOf(await admin.post("/api/plans", body), { status: 201, message: true });
    expect(data).toMatchObject({ name, description: "A month of practice" });
    expectRefusal(await admin.post("/api/plans", wanted({ name: ` ${name}` })), 400);
    expectFieldErrors(await admin.post("/api/plans", wanted({ name: " x " })), ["name"]);
    expectFieldErrors(await admin.post("/api/plans", wanted({ description: "12345678  " })), ["description"]);
  });

  test("a gateway's plan belongs to one plan", async () => {
    const razorpayPlanId = `plan_${unique()}`;
    dataOf(await admin.post("/api/plans", wanted({ razorpayPlanId })), { status: 201, message: true });
    expectRefusal(await admin.post("/api/plans", wanted({ razorpayPlanId })), 400);
    const other = await createPlan();
    expectRefusal(await admin.put(`/api/plans/${other}`, { razorpayPlanId }), 400);
    expect(await storedPlan(other)).not.toHaveProperty("razorpayPlanId");
  });

  test("changing answers the summary", async () => {
    const id = await createPlan({ updatedAt: new Date(0) });
    const fields = { name: `Plan ${unique()}`, description: "Another description", priority: 3, maxGames: 7 };
    const data = dataOf(await admin.put(`/api/plans/${id}`, fields), { message: true });
    expect(data).toEqual({ ...SUMMARY, updatedAt: TIME });
    const { maxGames, ...shown } = fields;
    expect(data).toMatchObject({ id, ...shown });
    expect(Date.parse(data.updatedAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(await storedPlan(id)).toMatchObject({ ...shown, maxGames });
  });

  test("changing nothing changes nothing", async () => {
    const id = await createPlan();
    const { updatedAt: _, __v: __, ...before } = await storedPlan(id);
    dataOf(await admin.put(`/api/plans/${id}`, {}), { message: true });
    expect(await storedPlan(id)).toMatchObject(before);
  });

  test("looks at the body before the id", async () => {
    expectFieldErrors(await admin.put("/api/plans/nonsense", { price: -1 }), ["price"]);
  });

  test("deleting says what is gone", async () => {
    const id = await createPlan({ name: `Plan ${unique()}`, price: 12.5 });
    const { name } = await storedPlan(id);
    expect(dataOf(await admin.delete(`/api/plans/${id}`), { message: true })).toEqual({
      id,
      name,
      price: 12.5,
    });
  });

  test("toggling says what changed", async () => {
    const id = await createPlan({ updatedAt: new Date(0) });
    const { name } = await storedPlan(id);
    const data = dataOf(await admin.patch(`/api/plans/${id}/toggle-status`), { message: true });
    expect(data).toEqual({ id, name, isActive: false, updatedAt: TIME });
    expect(Date.parse(data.updatedAt)).toBeGreaterThan(Date.now() - 60_000);
  });
});

describe("/api/admin/plans", () => {
  test("the list is an array of whole documents, active or not, cheapest first", async () => {
    const made = await createPlans([
      { price: 3, isActive: false, razorpayPlanId: `plan_${unique()}` },
      { price: 1.5, description: undefined },
      { price: 2, features: undefined, priority: undefined, durationType: undefined, isPopular: undefined },
    ]);
    const data: Document[] = dataOf(await admin.get("/api/admin/plans?limit=1"));
    for (const plan of data) expectPlanFull(plan);
    const prices = data.map(({ price }) => price);
    expect(prices).toEqual(prices.toSorted((a, b) => a - b));
    const mine = data.filter(({ _id }) => made.includes(_id));
    expect(mine.map(({ _id }) => _id)).toEqual([made[1], made[2], made[0]]);
    expect(mine[1]).toMatchObject({ features: [], priority: 0, durationType: "months", isPopular: false });
    expect(mine[2]).toMatchObject({ isActive: false, razorpayPlanId: TEXT });
  });

  test("creating answers the whole document, in the unit that was asked for", async () => {
    for (const durationType of ["days", "weeks", "months", "years"]) {
      const body = wanted({ durationType, isPopular: "true" });
      const data = dataOf(await admin.post("/api/admin/plans", body), { status: 201, message: true });
      expectPlanFull(data);
      expect(data).toMatchObject({ ...DEFAULTS, name: body.name, durationType, isPopular: true });
      expect(data.features).toEqual([FEATURE]);
      expect(await storedPlan(data._id)).toMatchObject({ durationType, price: 499, duration: 30 });
    }
  });

  test("creating without a unit says which one it took", async () => {
    const data = dataOf(await admin.post("/api/admin/plans", wanted()), { status: 201, message: true });
    expect(["days", "months"]).toContain(data.durationType);
    expect((await storedPlan(data._id))["durationType"]).toBe(data.durationType);
  });

  test("measures before it cuts white space off", async () => {
    const body = wanted({ description: "12345678  " });
    const data = dataOf(await admin.post("/api/admin/plans", body), { status: 201, message: true });
    expect(data.description.trim()).toBe("12345678");
  });

  test("changing answers the whole document", async () => {
    const id = await createPlan({ updatedAt: new Date(0) });
    const fields = { name: `Plan ${unique()}`, durationType: "years", isActive: false, isPopular: true };
    const data = dataOf(await admin.put(`/api/admin/plans/${id}`, fields), { message: true });
    expectPlanFull(data);
    expect(data).toMatchObject({ _id: id, ...fields });
    expect(Date.parse(data.updatedAt)).toBeGreaterThan(Date.now() - 60_000);
  });

  test("deleting answers no data", async () => {
    const answer = await admin.delete(`/api/admin/plans/${await createPlan()}`);
    expect([answer.status, answer.body]).toEqual([
      200,
      { success: true, message: expect.stringMatching(/\S/) },
    ]);
  });

  test("toggling answers the new value alone", async () => {
    const path = `/api/admin/plans/${await createPlan({ isActive: false })}/toggle-status`;
    expectExactly(dataOf(await admin.patch(path), { message: true }), { isActive: true });
  });

  test("what is made is on offer until it is switched off", async () => {
    const { _id } = (await admin.post("/api/admin/plans", wanted({ durationType: "days" }))).body.data;
    const offered = async () =>
      (await get("/api/transactions/plans")).body.data.some((plan: Document) => plan["_id"] === _id);
    const listed = async () =>
      (await get("/api/plans")).body.data.plans.some((plan: Document) => plan["_id"] === _id);
    expect([await offered(), await listed()]).toEqual([true, true]);
    await admin.patch(`/api/admin/plans/${_id}/toggle-status`);
    expect([await offered(), await listed()]).toEqual([false, false]);
    expect((await admin.get("/api/admin/plans")).body.data).toContainEqual(
      expect.objectContaining({ _id, isActive: false }),
    );
  });
});
