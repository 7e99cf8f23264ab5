/** Codes of teachers: what they take off a price, and what a purchase with one leaves behind. */
import { type Document, ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { type Learner, unique } from "../support/client.ts";
import { teacher } from "../support/people.ts";
import { TEXT, expectRefusal } from "./auth.support.ts";
import {
  DAY,
  type Ordered,
  createPlan,
  createReferral,
  inDays,
  oid,
  openShop,
  proof,
  storedReferral,
  storedTransaction,
  storedUser,
  transactionsOf,
} from "./payments.support.ts";

const shop = openShop("payments-referrals");
const code = () => `T${unique()}`.toUpperCase();

async function order(price: number, referralCode: string, who?: Learner): Promise<Ordered> {
  return shop().order(who ?? (await shop().buyer()), await createPlan({ price }), { referralCode });
}

/** Full price: refused outright, or sold without a discount; both are honest. */
async function expectNoDiscount(referralCode: string, who?: Learner, price = 800): Promise<void> {
  const buyer = who ?? (await shop().buyer());
  const before = (await transactionsOf(buyer.id)).length;
  const answer = await shop().create(buyer, { planId: await createPlan({ price }), referralCode });
  if (answer.status === 400) {
    expectRefusal(answer, 400);
    expect((await transactionsOf(buyer.id)).length).toBe(before);
    return;
  }
  expect(answer.status, answer.text).toBe(200);
  const { amount, referralDiscount, orderId, transactionId } = answer.body.data;
  expect([amount, referralDiscount]).toEqual([price, null]);
  expect(shop().gateway.orders.get(orderId)!.amount).toBe(price * 100);
  const stored = await storedTransaction(transactionId);
  expect(stored).toMatchObject({
    discountAmount: 0,
    discountPercentage: 0,
    finalAmount: price,
    referredBy: null,
  });
}

describe("a code", () => {
  test("of a referral takes off its percentage", async () => {
    const { code, teacher } = await createReferral();
    const { name } = await storedUser(teacher.id);
    const data = await order(1000, code);
    expect(data).toMatchObject({
      amount: 600,
      referralDiscount: { code, discountPercentage: 40, discountAmount: 400, teacherName: name },
    });
    expect(Object.keys(data.referralDiscount).length).toBe(4);
    expect(shop().gateway.orders.get(data.orderId)!.amount).toBe(60_000);
    expect(await storedTransaction(data.transactionId)).toMatchObject({
      amount: 1000,
      discountAmount: 400,
      finalAmount: 600,
      discountPercentage: 40,
      referralCode: code,
      referredBy: oid(teacher.id),
    });
  });

  test("of a teacher takes off a quarter", async () => {
    const referralCode = code();
    const who = await teacher({ teacherInfo: { referralCode, isApproved: true } });
    const data = await order(1000, referralCode);
    const { name } = await storedUser(who.id);
    expect(data.referralDiscount).toEqual({
      code: referralCode,
      discountPercentage: 25,
      discountAmount: 250,
      teacherName: name,
    });
    expect((await storedTransaction(data.transactionId))["referredBy"]).toEqual(oid(who.id));
  });

  test("takes off at most 1000 rupees", async () => {
    const referralCode = code();
    await teacher({ teacherInfo: { referralCode, isApproved: true } });
    const { amount, referralDiscount } = await order(10_000, referralCode);
    expect([amount, referralDiscount.discountAmount]).toEqual([9000, 1000]);
  });

  test("takes off at most what the referral allows", async () => {
    const { code } = await createReferral({ discountPercentage: 50, maximumDiscount: 100 });
    const { amount, referralDiscount } = await order(1000, code);
    expect([amount, referralDiscount.discountAmount]).toEqual([900, 100]);
  });

  test.for([333.33, 99.99, 0.01 + 149.98, 777.77])("leaves whole paise of %d", async (price) => {
    const { code } = await createReferral({ discountPercentage: 33 });
    const { amount, orderId, referralDiscount, transactionId } = await order(price, code);
    const paise = (rupees: number) => Math.round(rupees * 100);
    expect(amount).toBe(paise(amount) / 100);
    expect(referralDiscount.discountAmount).toBe(paise(referralDiscount.discountAmount) / 100);
    expect(Math.abs(referralDiscount.discountAmount - price * 0.33)).toBeLessThan(0.011);
    expect(paise(amount) + paise(referralDiscount.discountAmount)).toBe(paise(price));
    expect(shop().gateway.orders.get(orderId)!.amount).toBe(paise(amount));
    expect((await storedTransaction(transactionId))["finalAmount"]).toBe(amount);
  });

  test("counts in any case, and is kept as it was typed", async () => {
    const { code } = await createReferral();
    const typed = code.toLowerCase();
    const { referralDiscount, transactionId } = await order(100, typed);
    expect(referralDiscount).toMatchObject({ code: typed, discountAmount: 40 });
    expect((await storedTransaction(transactionId))["referralCode"]).toBe(typed);
  });

  test("that nobody knows is no error, and is kept", async () => {
    const referralCode = `nobody's ${unique()}`;
    const { amount, referralDiscount, transactionId } = await order(100, referralCode);
    expect([amount, referralDiscount]).toEqual([100, null]);
    expect(await storedTransaction(transactionId)).toMatchObject({ referralCode, referredBy: null });
  });

  test.for([".*", "^T", "T.+", "(", "[", "\\", "", "{}"])("is no pattern: %j", async (pattern) => {
    await createReferral();
    await expectNoDiscount(pattern);
  });

  test("is not found by its beginning", async () => {
    const { code } = await createReferral();
    await expectNoDiscount(code.slice(0, -1));
    await expectNoDiscount(`${code.slice(0, -1)}.`);
  });

  test("without a limit of uses stays good", async () => {
    const { code } = await createReferral({ maxUses: -1, totalUses: 5000 });
    expect((await order(100, code)).amount).toBe(60);
  });
});

describe("no discount for a referral that", () => {
  test.for([
    ["is switched off", { isActive: false }],
    ["is not approved", { isApproved: false }],
    ["is used up", { maxUses: 3, totalUses: 3 }],
    ["is not valid yet", { validFrom: inDays(1) }],
    ["has run out", { validUntil: inDays(-0.01) }],
    ["is for dearer plans", { minimumAmount: 800.01 }],
  ] as const)("%s", async ([_, fields]) => {
    const { code } = await createReferral(fields);
    await expectNoDiscount(code);
  });

  test("just meets the minimum has one", async () => {
    const { code } = await createReferral({ minimumAmount: 800, validUntil: inDays(1), maxUses: 1 });
    expect((await order(800, code)).amount).toBe(480);
  });

  test.for([
    { isActive: false },
    { isApproved: false },
    { maxUses: 1, totalUses: 1 },
    { validUntil: inDays(-1) },
  ])("an administrator made %j, though the teacher's code is the same", async (fields) => {
    const same = code();
    await createReferral({ referralCode: same, ...fields }, { referralCode: same });
    await expectNoDiscount(same);
  });

  test("has another percentage than the teacher's code: its own counts", async () => {
    const same = code();
    await createReferral({ referralCode: same, discountPercentage: 10 }, { referralCode: same });
    expect((await order(1000, same)).amount).toBe(900);
  });

  test("the same learner used already", async () => {
    const { code } = await createReferral();
    const who = await shop().buyer();
    await shop().buy(who, await createPlan(), { referralCode: code });
    await expectNoDiscount(code, who);
    expect((await order(100, code)).amount).toBe(60);
  });

  test("the same learner used at the old server, which only noted the transaction", async () => {
    const who = await shop().buyer();
    const planId = await createPlan();
    const { transactionId } = await shop()
      .buy(who, planId)
      .then(({ order }) => order);
    const { code } = await createReferral({
      totalUses: 1,
      usedBy: [{ _id: new ObjectId(), usedAt: new Date(), transaction: oid(transactionId) }],
    });
    await expectNoDiscount(code, who);
  });
});

describe("no discount by the code of a teacher who", () => {
  test.for([
    ["was deactivated", { isActive: false }],
    ["is no teacher any more", { role: "student" }],
  ] as const)("%s", async ([_, fields]) => {
    const referralCode = code();
    await teacher({ teacherInfo: { referralCode, isApproved: true }, ...fields });
    await expectNoDiscount(referralCode);
  });

  test("is not approved", async () => {
    const referralCode = code();
    await teacher({ teacherInfo: { referralCode, isApproved: false } });
    await expectNoDiscount(referralCode);
  });

  test("buys for herself", async () => {
    const referralCode = code();
    const who = shop().at(await teacher({ teacherInfo: { referralCode, isApproved: true } }));
    await expectNoDiscount(referralCode, who);
    const { code: own, teacher: other } = await createReferral();
    await expectNoDiscount(own, shop().at(other));
  });
});

describe("a purchase with a code", () => {
  test("is written down with everybody whom it concerns", async () => {
    const { code, teacher, referral } = await createReferral({
      totalUses: 4,
      totalDiscountGiven: 10,
      totalRevenue: 20,
    });
    const who = await shop().buyer({ studentInfo: { totalGamesPlayed: 3 } });
    const { order } = await shop().buy(who, await createPlan({ price: 500 }), { referralCode: code });
    const stored = await storedReferral(referral);
    expect(stored).toMatchObject({ totalUses: 5, totalDiscountGiven: 210, totalRevenue: 320 });
    expect(stored["usedBy"]).toEqual([
      {
        _id: expect.any(ObjectId),
        student: oid(who.id),
        usedAt: expect.any(Date),
        transaction: oid(order.transactionId),
        discountApplied: 200,
        originalAmount: 500,
        finalAmount: 300,
      },
    ]);
    const { teacherInfo } = await storedUser(teacher.id);
    expect(teacherInfo).toMatchObject({ totalStudents: 1, totalReferrals: 1 });
    expect(teacherInfo.totalEarnings).toBeGreaterThan(0);
    const buyer: Document = await storedUser(who.id);
    expect(buyer).toMatchObject({ referredBy: oid(teacher.id), referralDiscountApplied: true });
    expect(buyer["transactions"]).toEqual([oid(order.transactionId)]);
    expect(buyer["studentInfo"].totalGamesPlayed).toBe(3);
  });

  test("adds to what the old server left", async () => {
    const old = [{ _id: new ObjectId(), usedAt: new Date(), transaction: new ObjectId() }];
    const { code, referral } = await createReferral({ totalUses: 1, usedBy: old });
    await shop().buy(await shop().buyer(), await createPlan(), { referralCode: code.toLowerCase() });
    const { totalUses, usedBy } = await storedReferral(referral);
    expect([totalUses, usedBy.length]).toEqual([2, 2]);
    expect(usedBy[0]).toEqual(old[0]);
  });

  test("by a teacher's own code counts for the teacher", async () => {
    const referralCode = code();
    const seller = await teacher({ teacherInfo: { referralCode, isApproved: true, totalStudents: 2 } });
    for (let turn = 0; turn < 2; turn++) {
      await shop().buy(await shop().buyer(), await createPlan(), { referralCode });
    }
    const { teacherInfo } = await storedUser(seller.id);
    expect(teacherInfo).toMatchObject({ totalStudents: 4, totalReferrals: 2 });
  });

  test("concerns nobody before it is paid, or without a code", async () => {
    const { code, teacher, referral } = await createReferral();
    const before = [await storedReferral(referral), await storedUser(teacher.id)];
    const who = await shop().buyer();
    await order(500, code, who);
    expect([await storedReferral(referral), await storedUser(teacher.id)]).toEqual(before);
    const { order: paid } = await shop().buy(who, await createPlan());
    const buyer: Document = await storedUser(who.id);
    expect(buyer["referredBy"] ?? null).toBeNull();
    expect(buyer["referralDiscountApplied"] ?? false).toBe(false);
    expect(buyer["transactions"]).toEqual([oid(paid.transactionId)]);
    expect([await storedReferral(referral), await storedUser(teacher.id)]).toEqual(before);
  });

  test("keeps the discount that was promised when the code runs out before the payment", async () => {
    const { code, referral } = await createReferral({ maxUses: 1 });
    const [first, second] = [await shop().buyer(), await shop().buyer()];
    const planId = await createPlan({ price: 500, duration: 10, durationType: "days" });
    const orders = [
      await shop().order(first, planId, { referralCode: code }),
      await shop().order(second, planId, { referralCode: code }),
    ] as const;
    for (const [who, { orderId, transactionId }] of [
      [first, orders[0]],
      [second, orders[1]],
    ] as const) {
      const verified = await shop().verify(who, proof(shop().gateway.pay(orderId), transactionId));
      // Money was taken at the price that was named: what it buys must begin.
      expect(verified.status, verified.text).toBe(200);
      const { planExpiryDate } = verified.body.data;
      expect((Date.parse(planExpiryDate) - Date.now()) / DAY).toBeCloseTo(10, 1);
      expect(verified.body.data.plan).toEqual(TEXT);
    }
    expect((await storedReferral(referral))["totalUses"]).toBeGreaterThanOrEqual(1);
  });
});
