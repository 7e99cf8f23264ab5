/** What the payment gateway tells us by itself. */
import { createHmac } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, eventually } from "../support/client.ts";
import { dataOf } from "./payments.shapes.ts";
import {
  DAY,
  type Ordered,
  createPlan,
  createReferral,
  expiryOf,
  inDays,
  openShop,
  proof,
  storedReferral,
  storedTransaction,
  storedUser,
  subscriber,
} from "./payments.support.ts";
import type { GatewayEvent } from "../upstreams/razorpay.ts";

const shop = openShop("payments-webhook");
const gateway = () => shop().gateway;

const tenDays = (fields: object = {}) => createPlan({ duration: 10, durationType: "days", ...fields });
const daysLeft = async (who: Learner) => (((await expiryOf(who.id))?.getTime() ?? 0) - Date.now()) / DAY;
const statusOf = async ({ transactionId }: Ordered) => (await storedTransaction(transactionId))["status"];
const send = (event: GatewayEvent, headers: Record<string, string> = {}) =>
  gateway().send(event, shop().webhook, headers);

/** Sends what must be accepted. */
async function deliver(event: GatewayEvent): Promise<void> {
  const answer = await send(event);
  expect(answer.status, await answer.text()).toBe(200);
}

async function ordered(who?: Learner) {
  const buyer = who ?? (await shop().buyer());
  return { who: buyer, order: await shop().order(buyer, await tenDays()) };
}

/** An order that was paid, without the app telling us. */
async function paid(who?: Learner) {
  const { who: buyer, order } = await ordered(who);
  const checkout = gateway().pay(order.orderId);
  return { who: buyer, order, checkout, payment: checkout.razorpay_payment_id };
}

/** Signs other text than the gateway's own. */
const signed = (event: GatewayEvent, body: string, secret = gateway().keys.webhookSecret) => ({
  event: { ...event, body },
  headers: { "x-razorpay-signature": createHmac("sha256", secret).update(body).digest("hex") },
});

describe("a payment that the app never proved", () => {
  test.for(["payment.captured", "order.paid"] as const)("is credited by %s", async (name) => {
    const { who, order, payment } = await paid();
    await deliver(gateway().event(name, payment));
    expect(await storedTransaction(order.transactionId)).toMatchObject({
      status: "completed",
      razorpayPaymentId: payment,
      completedAt: expect.any(Date),
      subscriptionStartDate: expect.any(Date),
      subscriptionEndDate: await expiryOf(who.id),
    });
    expect(await daysLeft(who)).toBeCloseTo(10, 1);
    const { subscriptionStatus, subscriptionExpiry } = dataOf(
      await who.get("/api/transactions/subscription"),
    );
    expect([subscriptionStatus, subscriptionExpiry]).toEqual([
      "active",
      (await expiryOf(who.id))!.toISOString(),
    ]);
    expect((await storedUser(who.id))["transactions"].map(String)).toEqual([order.transactionId]);
  });

  test("counts the use of its code", async () => {
    const { code, referral, teacher } = await createReferral();
    const who = await shop().buyer();
    const order = await shop().order(who, await tenDays({ price: 500 }), { referralCode: code });
    const { razorpay_payment_id } = gateway().pay(order.orderId);
    await deliver(gateway().event("payment.captured", razorpay_payment_id));
    const stored = await storedReferral(referral);
    expect(stored).toMatchObject({ totalUses: 1, totalDiscountGiven: 200, totalRevenue: 300 });
    expect((await storedUser(teacher.id))["teacherInfo"]).toMatchObject({
      totalStudents: 1,
      totalReferrals: 1,
    });
  });

  test("extends what is running", async () => {
    const { payment, who } = await paid(shop().at(await subscriber(await tenDays(), inDays(5))));
    await deliver(gateway().event("payment.captured", payment));
    expect(await daysLeft(who)).toBeCloseTo(15, 1);
  });

  test("can still be proved, and is not credited again", async () => {
    const { who, order, checkout, payment } = await paid();
    await deliver(gateway().event("payment.captured", payment));
    const expiry = await expiryOf(who.id);
    const answer = await shop().verify(who, proof(checkout, order.transactionId));
    if (answer.status === 200) expect(answer.body.data.planExpiryDate).toBe(expiry!.toISOString());
    else expect(answer.status).toBe(400);
    expect(await expiryOf(who.id)).toEqual(expiry);
  });
});

describe("an event", () => {
  test("that comes again changes nothing, nor does another about the same", async () => {
    const { who, order, checkout, payment } = await paid();
    dataOf(await shop().verify(who, proof(checkout, order.transactionId)), { message: true });
    const before = [await storedTransaction(order.transactionId), await expiryOf(who.id)];
    const captured = gateway().event("payment.captured", payment);
    for (let turn = 0; turn < 3; turn++) await deliver(captured);
    await deliver(gateway().event("payment.captured", payment));
    await deliver(gateway().event("order.paid", payment));
    expect([await storedTransaction(order.transactionId), await expiryOf(who.id)]).toEqual(before);
  });

  test("needs no token, and takes none", async () => {
    const { who, order, payment } = await paid();
    const event = gateway().event("payment.captured", payment);
    const unsigned = { authorization: `Bearer ${who.token}`, "x-razorpay-signature": "" };
    expect([400, 401, 403]).toContain((await send(event, unsigned)).status);
    expect(await statusOf(order)).toBe("pending");
    await deliver(event);
  });

  test("is believed only with a signature by the webhook's secret over the very bytes", async () => {
    const { who, order, payment } = await paid();
    const event = gateway().event("payment.captured", payment);
    const good = gateway().headersOf(event)["x-razorpay-signature"]!;
    const { keySecret } = gateway().keys;
    const forgeries: [GatewayEvent, Record<string, string>][] = [
      [event, { "x-razorpay-signature": "" }],
      [event, { "x-razorpay-signature": "0".repeat(64) }],
      [event, { "x-razorpay-signature": good.slice(0, -2) }],
      [event, { "x-razorpay-signature": `${good}00` }],
      [event, signed(event, event.body, keySecret).headers],
      [event, signed(event, event.body, "").headers],
      [{ ...event, body: `${event.body} ` }, { "x-razorpay-signature": good }],
      [{ ...event, body: event.body.replace(payment, `${payment}x`) }, { "x-razorpay-signature": good }],
    ];
    for (const [forged, headers] of forgeries) {
      const answer = await send(forged, headers);
      expect([400, 401, 403]).toContain(answer.status);
      expect(await answer.json()).toMatchObject({ success: false, message: expect.stringMatching(/\S/) });
    }
    const { "x-razorpay-signature": _, ...headers } = gateway().headersOf(event);
    const bare = await fetch(shop().webhook, { method: "POST", headers, body: event.body });
    expect([400, 401, 403]).toContain(bare.status);
    expect([await statusOf(order), await expiryOf(who.id)]).toEqual(["pending", undefined]);
    // A forged event must not use up the id of the real one.
    await deliver(event);
    expect(await statusOf(order)).toBe("completed");
  });

  test.for([
    ["spaces and line breaks", (body: string) => `\n${JSON.stringify(JSON.parse(body), null, "\t")}\r\n`],
    ["escapes", (body: string) => body.replace("Test Transaction", "T\\u00e9st \\/ Tr\\u0061nsaction")],
    ["other letters", (body: string) => body.replace("Test Transaction", "टेस्ट 💸")],
  ] as const)("is signed as it was sent, with %s", async ([_, change]) => {
    const { order, payment } = await paid();
    const event = gateway().event("payment.captured", payment);
    const sent = signed(event, change(event.body));
    const answer = await send(sent.event, sent.headers);
    expect(answer.status, await answer.text()).toBe(200);
    expect(await statusOf(order)).toBe("completed");
  });

  test("of another kind, or about orders of others, is accepted and ignored", async () => {
    const { who, order } = await paid();
    const strange = { id: "pay_of_somebody", order_id: "order_of_somebody", amount: 49_900, currency: "INR" };
    const entity = { ...strange, entity: "payment", status: "captured", captured: true };
    for (const event of [
      gateway().eventOf("payment.captured", { payment: { entity } }),
      gateway().eventOf("payment.captured", { payment: { entity: { ...entity, order_id: null } } }),
      gateway().eventOf("subscription.charged", {}),
      gateway().eventOf("payment.downtime.started", { "payment.downtime": { entity: { id: "down_1" } } }),
    ]) {
      await deliver(event);
    }
    expect([await statusOf(order), await expiryOf(who.id)]).toEqual(["pending", undefined]);
  });

  test.for(["", "{", "[]", "null", '"text"', '{"event":7}', '{"event":"payment.captured"}'])(
    "that makes no sense is no crash: %j",
    async (body) => {
      const sent = signed({ id: `odd-${body}`, body }, body);
      const headers = { ...sent.headers, "x-razorpay-event-id": `odd${body.length}` };
      expect([200, 400, 422]).toContain((await send(sent.event, headers)).status);
    },
  );

  test("about another amount or currency credits nothing", async () => {
    const { who, order, payment } = await paid();
    const entity = gateway().payments.get(payment)!;
    for (const change of [
      { amount: entity.amount - 1 },
      { amount: entity.amount * 2 },
      { currency: "USD" },
    ]) {
      Object.assign(entity, change);
      expect((await send(gateway().event("payment.captured", payment))).status).toBeLessThan(500);
      Object.assign(entity, { amount: order.amount * 100, currency: "INR" });
    }
    expect(await statusOf(order)).not.toBe("completed");
    expect(await expiryOf(who.id)).toBeUndefined();
  });
});

describe("a payment that failed", () => {
  test("credits nothing, and a second try succeeds", async () => {
    const { who, order } = await ordered();
    const failed = gateway().fail(order.orderId);
    await deliver(gateway().event("payment.failed", failed.id));
    expect(["pending", "failed"]).toContain(await statusOf(order));
    expect(await expiryOf(who.id)).toBeUndefined();
    const { razorpay_payment_id } = gateway().pay(order.orderId);
    await deliver(gateway().event("payment.captured", razorpay_payment_id));
    expect(await statusOf(order)).toBe("completed");
    expect(await daysLeft(who)).toBeCloseTo(10, 1);
  });

  test("takes nothing back from the one that succeeded", async () => {
    const { who, order } = await ordered();
    const failed = gateway().event("payment.failed", gateway().fail(order.orderId).id);
    const checkout = gateway().pay(order.orderId);
    dataOf(await shop().verify(who, proof(checkout, order.transactionId)), { message: true });
    await deliver(failed);
    expect(await statusOf(order)).toBe("completed");
    expect(await daysLeft(who)).toBeCloseTo(10, 1);
  });
});

describe("a refund", () => {
  test("ends the subscription that was paid with it", async () => {
    const { who, order, checkout, payment } = await paid();
    dataOf(await shop().verify(who, proof(checkout, order.transactionId)), { message: true });
    await deliver(gateway().event("refund.processed", gateway().refund(payment).id));
    expect(await statusOf(order)).toBe("refunded");
    expect(await daysLeft(who)).toBeLessThanOrEqual(0);
    expect(dataOf(await who.get("/api/transactions/subscription")).subscriptionStatus).toBe("inactive");
  });

  test("leaves what was bought besides", async () => {
    const who = shop().at(await subscriber(await tenDays(), inDays(5)));
    const { checkout } = await shop().buy(who, await tenDays());
    await shop().buy(who, await tenDays());
    expect(await daysLeft(who)).toBeCloseTo(25, 1);
    const refund = gateway().event("refund.processed", gateway().refund(checkout.razorpay_payment_id).id);
    await deliver(refund);
    await deliver(refund);
    expect(await daysLeft(who)).toBeCloseTo(15, 1);
  });

  test("that is told before the payment still counts, and nothing brings it back", async () => {
    const { who, order, checkout, payment } = await paid();
    const events = (["payment.captured", "order.paid"] as const).map((name) =>
      gateway().event(name, payment),
    );
    await deliver(gateway().event("refund.processed", gateway().refund(payment).id));
    for (const event of events) await deliver(event);
    const answer = await shop().verify(who, proof(checkout, order.transactionId));
    expect(answer.status).toBeLessThan(500);
    expect(await statusOf(order)).toBe("refunded");
    expect(await daysLeft(who)).toBeLessThanOrEqual(0);
  });
});

describe("while the gateway's own interface hangs", () => {
  let answered: Promise<Response>;
  let took: number;
  let state: Awaited<ReturnType<typeof paid>>;
  beforeAll(async () => {
    state = await paid();
    gateway().spoil("hold", { times: 100 });
    const since = performance.now();
    answered = send(gateway().event("payment.captured", state.payment)).finally(
      () => (took = performance.now() - since),
    );
  });

  test("its events are answered within the five seconds that it waits", async () => {
    const { status } = await answered;
    expect(took).toBeLessThan(5000);
    expect(status).toBe(200);
    gateway().release();
    await eventually("the payment is credited", async () => (await statusOf(state.order)) === "completed");
    expect(await daysLeft(state.who)).toBeCloseTo(10, 1);
  });
});
