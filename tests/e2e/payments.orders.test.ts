import type { Document } from "mongodb";
import { describe, expect, test } from "vitest";
import type { Learner } from "../support/client.ts";
import { ID, TEXT, expectFieldErrors, expectRefusal } from "./auth.support.ts";
import { dataOf } from "./payments.shapes.ts";
import {
  DAY,
  UNKNOWN,
  createPlan,
  createReferral,
  createTransaction,
  expiryOf,
  inDays,
  oid,
  openShop,
  planDocument,
  removeFrom,
  setIn,
  storedReferral,
  storedTransaction,
  storedUser,
  transactionsOf,
} from "./payments.support.ts";

const shop = openShop("payments-orders");
const PAISE = (rupees: number) => Math.round(rupees * 100);

/** The order as the gateway knows it. */
const atGateway = (orderId: string) => shop().gateway.orders.get(orderId)!;

/** Nothing was ordered and nothing stored. */
async function expectNothing(who: Learner, ordersBefore: number): Promise<void> {
  expect(await transactionsOf(who.id)).toEqual([]);
  expect(shop().gateway.orders.size).toBe(ordersBefore);
}

describe("an order", () => {
  test("has the shape of the contract", async () => {
    const who = await shop().buyer();
    const planId = await createPlan({ price: 499 });
    const answer = await shop().create(who, { planId });
    expect(dataOf(answer)).toEqual({
      orderId: expect.stringMatching(/^order_/),
      amount: 499,
      currency: "INR",
      referralDiscount: null,
      transactionId: ID,
    });
    expect(answer.headers.get("cache-control")).toMatch(/no-store/);
  });

  test("is opened at the gateway in whole paise, with a receipt and nothing about the buyer", async () => {
    const who = await shop().buyer();
    const { orderId } = await shop().order(who, await createPlan({ price: 499.99 }));
    const order = atGateway(orderId);
    expect(order).toMatchObject({ amount: 49_999, currency: "INR", status: "created" });
    expect(order.receipt).toEqual(TEXT);
    for (const secret of [who.email, who.phone]) expect(JSON.stringify(order)).not.toContain(secret);
  });

  test("is stored before it is answered", async () => {
    const who = await shop().buyer();
    const planId = await createPlan({ price: 250.5 });
    const { orderId, transactionId } = await shop().order(who, planId);
    const stored = await storedTransaction(transactionId);
    expect(stored).toMatchObject({
      user: oid(who.id),
      plan: oid(planId),
      amount: 250.5,
      currency: "INR",
      discountAmount: 0,
      finalAmount: 250.5,
      discountPercentage: 0,
      razorpayOrderId: orderId,
      referralCode: null,
      referredBy: null,
      status: "pending",
      paymentMethod: "razorpay",
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
      __v: 0,
    });
    for (const key of ["razorpayPaymentId", "completedAt", "subscriptionEndDate"]) {
      expect(stored[key] ?? null).toBeNull();
    }
    expect(stored).not.toHaveProperty("razorpayPaymentId");
  });

  test("takes the price from the plan, whatever the client says", async () => {
    const who = await shop().buyer();
    const planId = await createPlan({ price: 800 });
    const wishes = {
      amount: 1,
      price: 1,
      finalAmount: 1,
      discountAmount: 799,
      currency: "USD",
      receipt: "mine",
    };
    const { orderId, amount, currency } = await shop().order(who, planId, { ...wishes, user: UNKNOWN });
    expect([amount, currency]).toEqual([800, "INR"]);
    expect(atGateway(orderId)).toMatchObject({ amount: 80_000, currency: "INR" });
    expect((await transactionsOf(who.id)).length).toBe(1);
  });

  test.for([0.1 + 0.2 + 1, 19.999, 1.005, 333.335])("costs whole paise: %d", async (price) => {
    const who = await shop().buyer();
    const { orderId, amount, transactionId } = await shop().order(who, await createPlan({ price }));
    expect(Math.abs(amount - price)).toBeLessThan(0.01);
    expect(amount).toBe(PAISE(amount) / 100);
    expect(atGateway(orderId).amount).toBe(PAISE(amount));
    expect((await storedTransaction(transactionId))["finalAmount"]).toBe(amount);
  });
});

describe("what is refused", () => {
  test.for([
    {},
    { planId: "" },
    { planId: "nonsense" },
    { planId: null },
    { planId: { $ne: null } },
    { planId: 7 },
    { planId: [UNKNOWN, UNKNOWN] },
  ])("a body without a plan: %j", async (body) => {
    const who = await shop().buyer();
    const before = shop().gateway.orders.size;
    expectFieldErrors(await shop().create(who, body), ["planId"]);
    await expectNothing(who, before);
  });

  test("a plan that does not exist, or is not on offer", async () => {
    const who = await shop().buyer();
    const before = shop().gateway.orders.size;
    const inactive = await createPlan({ isActive: false });
    for (const planId of [UNKNOWN, inactive]) {
      const answer = await shop().create(who, { planId });
      expectRefusal(answer, 400);
      expect(answer.body).not.toHaveProperty("errors");
      expect(answer.body).not.toHaveProperty("debug");
    }
    await expectNothing(who, before);
  });

  test.for([{ $ne: "" }, { $regex: ".*" }, ["A", "B"], 7])("a code that is no text: %j", async (code) => {
    const who = await shop().buyer();
    await createReferral();
    const answer = await shop().create(who, { planId: await createPlan(), referralCode: code });
    // A number may be read as the text of a code that nobody knows.
    if (answer.status === 200) expect(answer.body.data.referralDiscount).toBeNull();
    else expectFieldErrors(answer, ["referralCode"]);
  });
});

describe("a second order", () => {
  test("for the same plan is the first, while that is pending", async () => {
    const who = await shop().buyer();
    const planId = await createPlan();
    const before = shop().gateway.orders.size;
    const first = await shop().order(who, planId);
    expect(await shop().order(who, planId)).toEqual(first);
    expect((await transactionsOf(who.id)).length).toBe(1);
    expect(shop().gateway.orders.size).toBe(before + 1);
  });

  test("is another one for another plan, buyer or price", async () => {
    const [who, other] = [await shop().buyer(), await shop().buyer()];
    const planId = await createPlan({ price: 100 });
    const orders = [
      await shop().order(who, planId),
      await shop().order(other, planId),
      await shop().order(who, await createPlan({ price: 100 })),
    ];
    await setIn("plans", planId, { price: 150 });
    orders.push(await shop().order(who, planId));
    expect(orders[3]!.amount).toBe(150);
    const { code } = await createReferral();
    orders.push(await shop().order(who, planId, { referralCode: code }));
    expect(orders[4]!.amount).toBe(90);
    expect(new Set(orders.map(({ orderId }) => orderId)).size).toBe(5);
    expect(new Set(orders.map(({ transactionId }) => transactionId)).size).toBe(5);
  });

  test.for(["completed", "failed", "cancelled", "refunded"])(
    "does not bring back a %s one",
    async (status) => {
      const who = await shop().buyer();
      const planId = await createPlan();
      const first = await shop().order(who, planId);
      await setIn("transactions", first.transactionId, { status });
      const second = await shop().order(who, planId);
      expect(second.orderId).not.toBe(first.orderId);
      expect(second.transactionId).not.toBe(first.transactionId);
    },
  );

  test("does not bring back one that was forgotten long ago", async () => {
    const who = await shop().buyer();
    const planId = await createPlan();
    const old = await createTransaction(who.id, planId, { createdAt: inDays(-40) });
    expect((await shop().order(who, planId)).transactionId).not.toBe(old);
  });

  test("many times at once takes no payment twice", async () => {
    const who = await shop().buyer();
    const planId = await createPlan();
    const answers = await Promise.all(Array.from({ length: 10 }, () => shop().create(who, { planId })));
    for (const answer of answers) expect([200, 409]).toContain(answer.status);
    const orders: Document[] = answers.filter(({ status }) => status === 200).map(({ body }) => body.data);
    expect(orders.length).toBeGreaterThan(0);
    // Whatever order a phone was told, its transaction is there.
    for (const { orderId, transactionId } of orders) {
      expect((await storedTransaction(transactionId))["razorpayOrderId"]).toBe(orderId);
    }
  });
});

describe("what costs nothing", () => {
  const free = (fields: object = {}) =>
    createPlan({ price: 0, duration: 10, durationType: "days", ...fields });

  test("is active at once, without the gateway", async () => {
    const before = shop().gateway.orders.size;
    // Two, because what stands for the order id must be unique.
    for (const who of [await shop().buyer(), await shop().buyer()]) {
      const planId = await free();
      const data = await shop().order(who, planId);
      expect(data).toMatchObject({ amount: 0, currency: "INR", referralDiscount: null, transactionId: ID });
      expect(await storedTransaction(data.transactionId)).toMatchObject({
        status: "completed",
        amount: 0,
        finalAmount: 0,
        completedAt: expect.any(Date),
      });
      const { studentInfo } = await storedUser(who.id);
      expect(studentInfo.currentPlan).toEqual(oid(planId));
      expect((studentInfo.planExpiryDate.getTime() - Date.now()) / DAY).toBeCloseTo(10, 1);
      expect(dataOf(await who.get("/api/transactions/subscription")).subscriptionStatus).toBe("active");
    }
    expect(shop().gateway.orders.size).toBe(before);
  });

  test("includes what a code makes free", async () => {
    const before = shop().gateway.orders.size;
    const { code, referral } = await createReferral({ discountPercentage: 100 });
    const who = await shop().buyer();
    const data = await shop().order(who, await free({ price: 300 }), { referralCode: code });
    expect(data).toMatchObject({
      amount: 0,
      referralDiscount: { discountPercentage: 100, discountAmount: 300 },
    });
    expect(await storedTransaction(data.transactionId)).toMatchObject({ status: "completed", amount: 300 });
    expect(((await expiryOf(who.id))!.getTime() - Date.now()) / DAY).toBeCloseTo(10, 1);
    const uses = await shop().get(`/api/transactions/${data.transactionId}`, who.token);
    expect(dataOf(uses)).toMatchObject({ referralCode: code, finalAmount: 0 });
    expect(shop().gateway.orders.size).toBe(before);
    expect((await storedReferral(referral))["totalUses"]).toBe(1);
  });
});

test("the app's way from the list of plans to a running subscription", async () => {
  const who = await shop().buyer({ studentInfo: { averageGameScore: 77 } });
  const document = planDocument({ price: 99, duration: 2, durationType: "weeks" });
  const planId = await createPlan(document);
  const { plans } = dataOf(await shop().get("/api/plans"), { message: true });
  const plan = plans.find(({ _id }: Document) => _id === planId);
  expect(dataOf(await who.get("/api/transactions/subscription")).subscriptionStatus).toBe("inactive");
  const order = await shop().order(who, plan._id);
  // The app hands this to the checkout.
  expect(Math.round(order.amount * 100)).toBe(atGateway(order.orderId).amount);
  const { razorpay_order_id, razorpay_payment_id, razorpay_signature } = shop().gateway.pay(order.orderId);
  const verified = await shop().verify(who, {
    razorpayOrderId: razorpay_order_id,
    razorpayPaymentId: razorpay_payment_id,
    razorpaySignature: razorpay_signature,
    transactionId: order.transactionId,
  });
  const { planExpiryDate } = dataOf(verified, { message: true });
  // What the account cache remembers must not outlive the purchase.
  const state = dataOf(await who.get("/api/transactions/subscription"));
  expect(state).toMatchObject({
    subscriptionStatus: "active",
    subscriptionExpiry: planExpiryDate,
    currentPlan: { _id: planId, name: document["name"] },
    transactions: [{ _id: order.transactionId, status: "completed", expiresAt: planExpiryDate }],
  });
  const { user } = dataOf(await who.get("/api/auth/me"));
  expect(user.studentInfo).toMatchObject({ planExpiryDate, averageGameScore: 77 });
});

test("a purchase whose plan is gone still says what was bought", async () => {
  const who = await shop().buyer();
  const document = planDocument({ price: 123 });
  const planId = await createPlan(document);
  await shop().buy(who, planId);
  await removeFrom("plans", planId);
  const { transactions } = dataOf(await who.get("/api/transactions/subscription"));
  expect(transactions[0].plan).toMatchObject({ name: document["name"], price: 123 });
});
