import { createHmac } from "node:crypto";
import type { Document } from "mongodb";
import { describe, expect, test } from "vitest";
import type { Learner } from "../support/client.ts";
import { expectFieldErrors, expectRefusal, TEXT, TIME } from "./auth.support.ts";
import { dataOf } from "./payments.shapes.ts";
import {
  DAY,
  type Ordered,
  UNKNOWN,
  createPlan,
  createReferral,
  expiryOf,
  oid,
  openShop,
  proof,
  removeFrom,
  setIn,
  storedPlan,
  storedReferral,
  storedTransaction,
  storedUser,
  subscriber,
} from "./payments.support.ts";

const shop = openShop("payments-verify");
const gateway = () => shop().gateway;

const tenDays = (fields: Document = {}) => createPlan({ duration: 10, durationType: "days", ...fields });
const daysLeft = async (who: Learner) => (((await expiryOf(who.id))?.getTime() ?? 0) - Date.now()) / DAY;

/** An order that waits for its payment. */
async function ordered(fields: Document = {}, order: object = {}) {
  const who = await shop().buyer();
  return { who, order: await shop().order(who, await tenDays(fields), order) };
}

/** A proof with parts replaced. */
const proofOf = (order: Ordered, fields: object = {}) => ({
  ...proof(gateway().pay(order.orderId), order.transactionId),
  ...fields,
});

/** The order still waits, and its buyer has nothing. */
async function expectUntouched(who: Learner, { transactionId }: Ordered): Promise<void> {
  const stored = await storedTransaction(transactionId);
  expect(stored["status"]).toBe("pending");
  expect(stored).not.toHaveProperty("razorpayPaymentId");
  expect(await expiryOf(who.id)).toBeUndefined();
  expect((await storedUser(who.id))["studentInfo"]?.currentPlan ?? null).toBeNull();
}

describe("a payment", () => {
  test("starts the subscription, and has the shape of the contract", async () => {
    const { who, order } = await ordered();
    const body = proofOf(order);
    const answer = await shop().verify(who, body);
    const data = dataOf(answer, { message: true });
    expect(data).toEqual({ transactionId: order.transactionId, planExpiryDate: TIME, plan: TEXT });
    const stored = await storedTransaction(order.transactionId);
    const expiry = new Date(data.planExpiryDate);
    expect(stored).toMatchObject({
      status: "completed",
      razorpayPaymentId: body.razorpayPaymentId,
      razorpaySignature: body.razorpaySignature,
      completedAt: expect.any(Date),
      subscriptionStartDate: expect.any(Date),
      subscriptionEndDate: expiry,
    });
    expect(await expiryOf(who.id)).toEqual(expiry);
    expect(await daysLeft(who)).toBeCloseTo(10, 2);
    const plan = await storedPlan(String(stored["plan"]));
    expect(data.plan).toBe(plan["name"]);
    const buyer: Document = await storedUser(who.id);
    expect(buyer["studentInfo"].currentPlan).toEqual(stored["plan"]);
    expect(buyer["transactions"]).toEqual([oid(order.transactionId)]);
    expect(answer.headers.get("cache-control")).toMatch(/no-store/);
  });

  test("leaves the rest of the learner alone", async () => {
    const info = { age: 31, learningGoals: ["fluency"], totalGamesPlayed: 12, averageGameScore: 66.5 };
    const who = await shop().buyer({ studentInfo: info, profilePicture: "p.png" });
    const before: Document = await storedUser(who.id);
    await shop().buy(who, await tenDays());
    const after: Document = await storedUser(who.id);
    expect(after["studentInfo"]).toMatchObject(info);
    for (const key of ["name", "email", "phone", "password", "role", "profilePicture", "createdAt"]) {
      expect(after[key]).toEqual(before[key]);
    }
  });

  test("proven again changes nothing", async () => {
    const { code, referral } = await createReferral();
    const { who, order } = await ordered({}, { referralCode: code });
    const body = proofOf(order);
    const first = await shop().verify(who, body);
    dataOf(first, { message: true });
    const state = async () => [await storedTransaction(order.transactionId), await storedReferral(referral)];
    const before = await state();
    const expiry = await expiryOf(who.id);
    for (let turn = 0; turn < 2; turn++) {
      const again = await shop().verify(who, body);
      // The old server said 400, already processed; ours may say what it said before.
      if (again.status === 200) expect(again.body.data).toEqual(first.body.data);
      else expectRefusal(again, 400);
    }
    expect(await state()).toEqual(before);
    expect(await expiryOf(who.id)).toEqual(expiry);
  });
});

describe("what is refused", () => {
  test("a body without the parts", async () => {
    const who = await shop().buyer();
    const parts = ["razorpayOrderId", "razorpayPaymentId", "razorpaySignature", "transactionId"];
    expectFieldErrors(await shop().verify(who, {}), parts);
    const { who: buyer, order } = await ordered();
    const body = proofOf(order);
    for (const part of parts) {
      expectRefusal(await shop().verify(buyer, { ...body, [part]: "" }), 400);
      expectRefusal(await shop().verify(buyer, { ...body, [part]: { $ne: null } }), 400);
    }
    expectFieldErrors(await shop().verify(buyer, { ...body, transactionId: "nonsense" }), ["transactionId"]);
    await expectUntouched(buyer, order);
  });

  test("a signature that is not the gateway's", async () => {
    const { who, order } = await ordered();
    const { razorpaySignature: good, ...body } = proofOf(order);

    const text = `${body.razorpayOrderId}|${body.razorpayPaymentId}`;
    const sign = (secret: string, what = text) => createHmac("sha256", secret).update(what).digest("hex");
    const { keySecret, webhookSecret } = gateway().keys;
    const bad = [
      "0".repeat(64),
      good.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
      good.slice(0, -1),
      `${good}0`,
      sign(webhookSecret),
      sign(""),
      sign(keySecret, `${body.razorpayPaymentId}|${body.razorpayOrderId}`),
      Buffer.from(good, "hex").toString("base64"),
      "ü".repeat(64),
    ];
    for (const razorpaySignature of bad) {
      expectRefusal(await shop().verify(who, { ...body, razorpaySignature }), 400);
      // The signature is looked at before anything is told about transactions.
      expectRefusal(await shop().verify(who, { ...body, razorpaySignature, transactionId: UNKNOWN }), 400);
    }
    await expectUntouched(who, order);
    dataOf(await shop().verify(who, { ...body, razorpaySignature: good }), { message: true });
  });

  test("a transaction that does not exist, or is somebody else's", async () => {
    const { who, order } = await ordered();
    const body = proofOf(order);
    expectRefusal(await shop().verify(who, { ...body, transactionId: UNKNOWN }), 404);
    const thief = await shop().buyer();
    expectRefusal(await shop().verify(thief, body), 403);
    await expectUntouched(who, order);
    expect(await expiryOf(thief.id)).toBeUndefined();
  });

  test("the payment of a cheap order for a dear one", async () => {
    const { who, order: cheap } = await ordered({ price: 1 });
    const dear = await shop().order(
      who,
      await createPlan({ price: 9000, duration: 5, durationType: "years" }),
    );
    const body = proofOf(cheap);
    expectRefusal(await shop().verify(who, { ...body, transactionId: dear.transactionId }), 400);
    await expectUntouched(who, dear);
    await expectUntouched(who, cheap);
    // The payment is still good for what it paid.
    dataOf(await shop().verify(who, body), { message: true });
    expect(await daysLeft(who)).toBeCloseTo(10, 1);
  });

  test("a payment that has paid something already", async () => {
    const who = await shop().buyer();
    const { checkout } = await shop().buy(who, await tenDays());
    const second = await shop().order(who, await tenDays());
    const signed = gateway().checkout(second.orderId, checkout.razorpay_payment_id);
    expectRefusal(await shop().verify(who, proof(signed, second.transactionId)), 400);
    expect((await storedTransaction(second.transactionId))["status"]).toBe("pending");
    expect(await daysLeft(who)).toBeCloseTo(10, 1);
    const other = await ordered();
    const stolen = gateway().checkout(other.order.orderId, checkout.razorpay_payment_id);
    expectRefusal(await shop().verify(other.who, proof(stolen, other.order.transactionId)), 400);
    await expectUntouched(other.who, other.order);
  });

  test.for([
    ["of another amount", { amount: 100 }],
    ["that failed", { status: "failed" }],
  ] as const)("a signed payment %s, by the gateway's books", async ([_, payment]) => {
    const { who, order } = await ordered();
    const checkout = gateway().pay(order.orderId, payment);
    const answer = await shop().verify(who, proof(checkout, order.transactionId));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expectRefusal(answer, answer.status);
    expect((await storedTransaction(order.transactionId))["status"]).not.toBe("completed");
    expect(await expiryOf(who.id)).toBeUndefined();
  });

  test.for(["failed", "cancelled", "refunded"])("a %s transaction", async (status) => {
    const { who, order } = await ordered();
    await setIn("transactions", order.transactionId, { status });
    const signed = gateway().checkout(order.orderId, `pay_never_made_${order.transactionId}`);
    expectRefusal(await shop().verify(who, proof(signed, order.transactionId)), 400);
    expect((await storedTransaction(order.transactionId))["status"]).toBe(status);
    expect(await expiryOf(who.id)).toBeUndefined();
  });
});

describe("how long a plan lasts", () => {
  const leap = [2028, 2032, 2036, 2040].find((year) => Date.UTC(year, 1, 29) > Date.now() + 40 * DAY)!;
  const at = (year: number, month: number, day: number) =>
    new Date(Date.UTC(year, month - 1, day, 10, 20, 30, 400));

  test.for([
    [10, "days", at(leap, 2, 25), at(leap, 3, 6)],
    [2, "weeks", at(leap, 2, 20), at(leap, 3, 5)],
    [1, "months", at(leap + 1, 1, 31), at(leap + 1, 2, 28)],
    [1, "months", at(leap, 1, 31), at(leap, 2, 29)],
    [1, "months", at(leap, 3, 31), at(leap, 4, 30)],
    [3, "months", at(leap, 11, 30), at(leap + 1, 2, 28)],
    [14, "months", at(leap, 1, 15), at(leap + 1, 3, 15)],
    [1, "years", at(leap, 2, 29), at(leap + 1, 2, 28)],
    [4, "years", at(leap, 2, 29), at(leap + 4, 2, 29)],
    [1, "years", at(leap, 12, 31), at(leap + 1, 12, 31)],
  ] as const)("%d %s after what runs until %s", async ([duration, durationType, until, expected]) => {
    // Renewal extends from the current end, which also makes the calendar arithmetic exact.
    const planId = await createPlan({ duration, durationType });
    const who = shop().at(await subscriber(planId, until));
    const { expiry } = await shop().buy(who, planId);
    expect(expiry).toEqual(expected);
    expect(await expiryOf(who.id)).toEqual(expected);
  });

  test.for([
    [7, "days"],
    [2, "weeks"],
    [1, "months"],
    [1, "years"],
  ] as const)("%d %s from now, when nothing runs", async ([duration, durationType]) => {
    const planId = await createPlan({ duration, durationType });
    const who = shop().at(await subscriber(planId, new Date(Date.now() - 5 * DAY)));
    const from = new Date();
    const { expiry, order } = await shop().buy(who, planId);
    const plus = (date: Date) => {
      if (durationType === "days") return date.getTime() + duration * DAY;
      if (durationType === "weeks") return date.getTime() + 7 * duration * DAY;
      const months = date.getUTCMonth() + (durationType === "years" ? 12 * duration : duration);
      const lastDay = new Date(Date.UTC(date.getUTCFullYear(), months + 1, 0)).getUTCDate();
      return new Date(date).setUTCFullYear(
        date.getUTCFullYear(),
        months,
        Math.min(date.getUTCDate(), lastDay),
      );
    };
    expect(expiry.getTime()).toBeGreaterThanOrEqual(plus(from) - 1000);
    expect(expiry.getTime()).toBeLessThanOrEqual(plus(new Date()) + 1000);
    const { subscriptionStartDate, subscriptionEndDate } = await storedTransaction(order.transactionId);
    expect(subscriptionEndDate).toEqual(expiry);
    expect(Math.abs(subscriptionStartDate.getTime() - Date.now())).toBeLessThan(60_000);
  });

  test("is what was sold, whatever the plan became meanwhile", async () => {
    const who = await shop().buyer();
    const planId = await tenDays({ price: 100 });
    const order = await shop().order(who, planId);
    const changed = { duration: 1, durationType: "years", price: 9999, isActive: false };
    await setIn("plans", planId, changed);
    dataOf(await shop().verify(who, proofOf(order)), { message: true });
    expect(await daysLeft(who)).toBeCloseTo(10, 1);
    expect(await storedTransaction(order.transactionId)).toMatchObject({ amount: 100, finalAmount: 100 });
  });

  test("is all or nothing when the plan is gone", async () => {
    const who = await shop().buyer();
    const planId = await tenDays();
    const order = await shop().order(who, planId);
    await removeFrom("plans", planId);
    const answer = await shop().verify(who, proofOf(order));
    if (answer.status === 200) {
      expect(await daysLeft(who)).toBeCloseTo(10, 1);
      expect((await storedTransaction(order.transactionId))["status"]).toBe("completed");
    } else {
      expectRefusal(answer, 400);
      await expectUntouched(who, order);
    }
  });
});
