/** Idempotency-Key on create-order, and a payment gateway that fails. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Learner, eventually, unique } from "../support/client.ts";
import { expectRefusal } from "./auth.support.ts";
import { dataOf } from "./payments.shapes.ts";
import {
  createPlan,
  createPlans,
  createReferral,
  expiryOf,
  openShop,
  proof,
  setIn,
  storedTransaction,
  transactionsOf,
} from "./payments.support.ts";
import type { Fault } from "../upstreams/razorpay.ts";

const shop = openShop("payments-idempotency");
const key = () => `key-${unique()}`;

/** An order that the gateway never answers; asked for at the beginning, because giving up may take a while. */
let unanswered: Promise<Answer>;
let waiter: Learner;
let waited: number;
beforeAll(async () => {
  waiter = await shop().buyer();
  const planId = await createPlan();
  shop().gateway.spoil("hold", { path: /orders/ });
  const since = performance.now();
  unanswered = shop()
    .create(waiter, { planId })
    .finally(() => (waited = performance.now() - since));
  await eventually("the gateway was asked", () => shop().gateway.held === 1);
});

describe("a gateway that never answers", () => {
  // First, because the release after each test answers what is held.
  test("is given up, and the buyer hears of it", async () => {
    const answer = await unanswered;
    expect([500, 502, 503, 504]).toContain(answer.status);
    expectRefusal(answer, answer.status);
    expect(answer.body).not.toHaveProperty("debug");
    expect(waited).toBeLessThan(20_000);
  });

  test("costs nothing once it is back", async () => {
    const { amount, transactionId } = await shop().order(waiter, await createPlan({ price: 12 }));
    expect(amount).toBe(12);
    expect((await storedTransaction(transactionId))["status"]).toBe("pending");
  });
});

describe("the same key", () => {
  test("and body get the same answer, and one order", async () => {
    const who = await shop().buyer();
    const body = { planId: await createPlan() };
    const before = shop().gateway.orders.size;
    const mine = key();
    const first = await shop().create(who, body, mine);
    dataOf(first);
    for (let turn = 0; turn < 3; turn++) {
      const again = await shop().create(who, body, mine);
      expect([again.status, again.body]).toEqual([first.status, first.body]);
    }
    expect(shop().gateway.orders.size).toBe(before + 1);
    expect((await transactionsOf(who.id)).length).toBe(1);
  });

  test("gets the same answer even after the payment", async () => {
    const who = await shop().buyer();
    const body = { planId: await createPlan() };
    const mine = key();
    const first = await shop().create(who, body, mine);
    const { orderId, transactionId } = dataOf(first);
    const checkout = shop().gateway.pay(orderId);
    dataOf(await shop().verify(who, proof(checkout, transactionId)), { message: true });
    const before = shop().gateway.orders.size;
    const again = await shop().create(who, body, mine);
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect(shop().gateway.orders.size).toBe(before);
    // Another key is another purchase.
    const next = dataOf(await shop().create(who, body, key()));
    expect(next.orderId).not.toBe(orderId);
  });

  test("gets the same answer even when the price has changed", async () => {
    const who = await shop().buyer();
    const { code } = await createReferral();
    const planId = await createPlan({ price: 100 });
    const body = { planId, referralCode: code };
    const mine = key();
    const first = await shop().create(who, body, mine);
    expect(dataOf(first).amount).toBe(60);
    await setIn("plans", planId, { price: 700 });
    const again = await shop().create(who, body, mine);
    expect([again.status, again.body]).toEqual([200, first.body]);
  });

  test("with another body is refused, and orders nothing", async () => {
    const who = await shop().buyer();
    const [one, two] = (await createPlans([{}, {}])) as [string, string];
    const mine = key();
    dataOf(await shop().create(who, { planId: one }, mine));
    const before = shop().gateway.orders.size;
    for (const body of [{ planId: two }, { planId: one, referralCode: "ABC" }]) {
      expectRefusal(await shop().create(who, body, mine), 422);
    }
    expect(shop().gateway.orders.size).toBe(before);
    expect((await transactionsOf(who.id)).length).toBe(1);
    // The first is unharmed.
    dataOf(await shop().create(who, { planId: one }, mine));
  });

  test("of somebody else is another key", async () => {
    const [who, other] = [await shop().buyer(), await shop().buyer()];
    const body = { planId: await createPlan() };
    const mine = key();
    const first = dataOf(await shop().create(who, body, mine));
    const second = dataOf(await shop().create(other, body, mine));
    expect(second.orderId).not.toBe(first.orderId);
    expect(second.transactionId).not.toBe(first.transactionId);
    dataOf(await shop().create(other, { planId: await createPlan() }, key()));
  });

  test("while the first is under way is refused, and afterwards answered", async () => {
    const who = await shop().buyer();
    const body = { planId: await createPlan() };
    const mine = key();
    const before = shop().gateway.orders.size;
    shop().gateway.spoil("hold", { path: /orders/ });
    const first = shop().create(who, body, mine);
    await eventually("the gateway was asked", () => shop().gateway.held === 1);
    const meanwhile = await Promise.all([1, 2, 3].map(() => shop().create(who, body, mine)));
    for (const answer of meanwhile) expectRefusal(answer, 409);
    shop().gateway.release();
    const answer = await first;
    dataOf(answer);
    const again = await shop().create(who, body, mine);
    expect([again.status, again.body]).toEqual([200, answer.body]);
    expect(shop().gateway.orders.size).toBe(before + 1);
    expect((await transactionsOf(who.id)).length).toBe(1);
  });

  test("20 times at once makes one order", async () => {
    const who = await shop().buyer();
    const body = { planId: await createPlan() };
    const mine = key();
    const before = shop().gateway.orders.size;
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop().create(who, body, mine)));
    for (const { status } of answers) expect([200, 409]).toContain(status);
    const bodies = answers.filter(({ status }) => status === 200).map((answer) => answer.text);
    expect(bodies.length).toBeGreaterThan(0);
    expect(new Set(bodies.map((text) => JSON.parse(text).data.orderId)).size).toBe(1);
    expect(shop().gateway.orders.size).toBe(before + 1);
    expect((await transactionsOf(who.id)).length).toBe(1);
  });
});

describe("the gateway", () => {
  test.for([400, 401, 500, "garbage", "lost"] as Fault[])(
    "fails (%s): the buyer hears of it, and can try again",
    async (fault) => {
      const who = await shop().buyer();
      const planId = await createPlan({ price: 77 });
      // More than once, because one retry is allowed.
      shop().gateway.spoil(fault, { times: 5, path: /orders/ });
      const answer = await shop().create(who, { planId });
      expect([500, 502, 503, 504]).toContain(answer.status);
      expectRefusal(answer, answer.status);
      expect(answer.body).not.toHaveProperty("debug");
      expect(answer.text).not.toMatch(
        /Authentication failed|facing some trouble|minimum amount|html|BAD_REQUEST/i,
      );
      expect(answer.text).not.toContain(shop().gateway.keys.keySecret);

      shop().gateway.release();
      const { orderId, transactionId, amount } = await shop().order(who, planId);
      expect(amount).toBe(77);
      expect(shop().gateway.orders.get(orderId)).toMatchObject({ amount: 7700 });
      const checkout = shop().gateway.pay(orderId);
      dataOf(await shop().verify(who, proof(checkout, transactionId)), { message: true });
      expect(await expiryOf(who.id)).toBeInstanceOf(Date);
    },
  );

  test("fails without using up the key", async () => {
    const who = await shop().buyer();
    const body = { planId: await createPlan() };
    const mine = key();
    shop().gateway.spoil(500, { times: 5, path: /orders/ });
    expect((await shop().create(who, body, mine)).status).toBeGreaterThanOrEqual(500);
    shop().gateway.release();
    const first = await shop().create(who, body, mine);
    dataOf(first);
    expect((await shop().create(who, body, mine)).body).toEqual(first.body);
  });

  test("is slow, and the order still comes", async () => {
    const who = await shop().buyer();
    shop().gateway.spoil({ pause: 1500 }, { path: /orders/ });
    const { orderId } = await shop().order(who, await createPlan());
    expect(shop().gateway.orders.has(orderId)).toBe(true);
  });

  test("fails while others buy what costs nothing", async () => {
    const who = await shop().buyer();
    shop().gateway.spoil(500, { times: 5 });
    expect((await shop().order(who, await createPlan({ price: 0 }))).amount).toBe(0);
  });
});
