/** An administrator sets the status of a transaction by hand. */
import { type Document, ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import type { Learner } from "../support/client.ts";
import { person } from "../support/people.ts";
import { expectFieldErrors, expectRefusal } from "./auth.support.ts";
import { dataOf } from "./payments.shapes.ts";
import {
  DAY,
  UNKNOWN,
  createPlan,
  createReferral,
  createTransaction,
  expiryOf,
  inDays,
  storedReferral,
  storedTransaction,
  storedUser,
  subscriber,
  theAdmin,
} from "./payments.support.ts";

const admin = theAdmin();
const set = (id: string, body: unknown) => admin.patch(`/api/admin/transactions/${id}/status`, body);

/** Sets a status that must be accepted. */
async function become(id: string, status: string): Promise<void> {
  expect(dataOf(await set(id, { status }), { message: true })).toEqual({ status });
  expect((await storedTransaction(id))["status"]).toBe(status);
}

const tenDays = () => createPlan({ duration: 10, durationType: "days" });
const runsFor = async (who: Learner) => (((await expiryOf(who.id))?.getTime() ?? 0) - Date.now()) / DAY;

describe("the request", () => {
  test.for([
    {},
    { status: "paid" },
    { status: "Completed" },
    { status: null },
    { status: { $ne: 1 } },
    { status: 1 },
  ])("must name a status: %j", async (body) => {
    const id = await createTransaction((await person()).id, await createPlan());
    expectFieldErrors(await set(id, body), ["status"]);
    expect((await storedTransaction(id))["status"]).toBe("pending");
  });

  test("must find the transaction", async () => {
    expectRefusal(await set(UNKNOWN, { status: "failed" }), 404);
    expectRefusal(await set("nonsense", { status: "failed" }), 400);
  });

  test.for(["failed", "cancelled", "pending"])("%s changes nothing but the transaction", async (status) => {
    const plan = await tenDays();
    const until = inDays(5);
    const who = await subscriber(plan, until);
    const id = await createTransaction(who.id, plan);
    await become(id, status);
    expect(await expiryOf(who.id)).toEqual(until);
    expect(await storedTransaction(id)).not.toHaveProperty("completedAt");
  });

  test("keeps the notes, with who wrote them", async () => {
    const id = await createTransaction((await person()).id, await createPlan());
    const notes = "paid in cash, receipt 77";
    dataOf(await set(id, { status: "cancelled", notes }), { message: true });
    const stored = JSON.stringify(await storedTransaction(id));
    expect(stored).toContain(notes);
    const { userId } = JSON.parse(Buffer.from(admin.token().split(".")[1]!, "base64url").toString());
    expect(stored).toContain(userId);
  });
});

describe("completing", () => {
  test("starts the subscription", async () => {
    const plan = await tenDays();
    const who = await person({ studentInfo: { averageGameScore: 61, totalGamesPlayed: 4 } });
    const id = await createTransaction(who.id, plan);
    await become(id, "completed");
    expect(await runsFor(who)).toBeCloseTo(10, 1);
    const { studentInfo } = await storedUser(who.id);
    expect(studentInfo).toMatchObject({
      currentPlan: new ObjectId(plan),
      averageGameScore: 61,
      totalGamesPlayed: 4,
    });
    const { completedAt } = await storedTransaction(id);
    expect(Math.abs(completedAt.getTime() - Date.now())).toBeLessThan(60_000);
    expect(dataOf(await who.get("/api/transactions/subscription"))).toMatchObject({
      subscriptionStatus: "active",
      transactions: [{ _id: id, status: "completed" }],
    });
  });

  test.for(["failed", "cancelled"])("goes from %s too", async (status) => {
    const who = await person();
    const id = await createTransaction(who.id, await tenDays(), { status });
    await become(id, "completed");
    expect(await runsFor(who)).toBeCloseTo(10, 1);
  });

  test("extends what is running", async () => {
    const plan = await tenDays();
    const who = await subscriber(plan, inDays(5));
    await become(await createTransaction(who.id, plan), "completed");
    expect(await runsFor(who)).toBeCloseTo(15, 1);
  });

  test("twice, or many times at once, starts it once", async () => {
    const who = await person();
    const { code, teacher, referral } = await createReferral();
    const id = await createTransaction(who.id, await tenDays(), {
      referralCode: code,
      referredBy: new ObjectId(teacher.id),
      discountPercentage: 40,
      discountAmount: 199.6,
    });
    const answers = await Promise.all(Array.from({ length: 12 }, () => set(id, { status: "completed" })));
    answers.push(await set(id, { status: "completed" }));
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    for (const { status } of answers) expect([200, 400, 409]).toContain(status);
    expect(await runsFor(who)).toBeCloseTo(10, 1);
    expect((await storedReferral(referral))["totalUses"]).toBe(1);
  });
});

describe("taking it back", () => {
  test.for(["pending", "failed", "cancelled"])("to %s ends the subscription", async (status) => {
    const who = await person();
    const id = await createTransaction(who.id, await tenDays());
    await become(id, "completed");
    await become(id, status);
    expect(await runsFor(who)).toBeLessThanOrEqual(0);
    const { subscriptionStatus } = dataOf(await who.get("/api/transactions/subscription"));
    expect(subscriptionStatus).toBe("inactive");
  });

  test("leaves what ran before", async () => {
    const plan = await tenDays();
    const until = inDays(5);
    const who = await subscriber(plan, until);
    const id = await createTransaction(who.id, plan);
    await become(id, "completed");
    await become(id, "cancelled");
    expect(await runsFor(who)).toBeCloseTo(5, 1);
  });

  test("leaves what was bought besides", async () => {
    const plan = await tenDays();
    const who = await person();
    const ids = [await createTransaction(who.id, plan), await createTransaction(who.id, plan)];
    for (const id of ids) await become(id, "completed");
    expect(await runsFor(who)).toBeCloseTo(20, 1);
    await become(ids[0]!, "failed");
    expect(await runsFor(who)).toBeCloseTo(10, 1);
  });

  test("takes the use of the referral back, and completing again counts it again", async () => {
    const who = await person();
    const { code, teacher, referral } = await createReferral();
    const id = await createTransaction(who.id, await tenDays(), {
      amount: 500,
      discountAmount: 200,
      discountPercentage: 40,
      referralCode: code,
      referredBy: new ObjectId(teacher.id),
    });
    const uses = async () => {
      const { totalUses, usedBy, totalDiscountGiven, totalRevenue }: Document =
        await storedReferral(referral);
      return [totalUses, usedBy.length, totalDiscountGiven, totalRevenue];
    };
    await become(id, "completed");
    expect(await uses()).toEqual([1, 1, 200, 300]);
    await become(id, "failed");
    expect(await uses()).toEqual([0, 0, 0, 0]);
    await become(id, "completed");
    expect(await uses()).toEqual([1, 1, 200, 300]);
    expect(await runsFor(who)).toBeCloseTo(10, 1);
  });
});
