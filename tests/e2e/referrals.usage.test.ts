/** The whole way of a code: made by an administrator, tried, paid with, counted once, and kept from deletion. */
import { describe, expect, test } from "vitest";
import { createPlan, openShop, proof } from "./payments.support.ts";
import {
  codedTeacher,
  expectBadCode,
  expectPlain,
  expectReferral,
  offer,
  referralsAdmin,
  storedReferral,
} from "./referrals.support.ts";
import { dataOf, oid } from "./users.support.ts";

const shop = openShop("referrals-usage");
const admins = referralsAdmin();
// Another Worker took the payment; what it stored is what counts here.
const validate = (
  who: { post: (path: string, body: unknown) => ReturnType<typeof admins.create> },
  code: string,
) => who.post("/api/referrals/validate", { referralCode: code, amount: 500 });

async function issue(fields: object = {}) {
  const teacher = await codedTeacher();
  const referral = dataOf(
    await admins.create({ teacher: teacher.id, discountPercentage: 40, ...fields }),
    201,
  );
  return { teacher, id: referral._id as string, code: referral.referralCode as string };
}

describe("a code of an administrator", () => {
  test("is tried, paid with, and counted once however often the app says so", async () => {
    const { teacher, id, code } = await issue({ maxUses: 2 });
    const who = await shop().buyer();
    const planId = await createPlan({ price: 500 });
    expect(await offer(code, 500, who.token)).toMatchObject({ discountAmount: 200, finalAmount: 300 });
    const order = await shop().order(who, planId, { referralCode: code });
    expect(order.amount).toBe(300);
    expect((await storedReferral(id))["totalUses"]).toBe(0);
    const sent = proof(shop().gateway.pay(order.orderId), order.transactionId);
    const answers = await Promise.all(Array.from({ length: 5 }, () => shop().verify(who, sent)));
    for (const { status, text } of answers) expect(status, text).toBeLessThan(500);
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    const stored = await storedReferral(id);
    expect(stored).toMatchObject({ totalUses: 1, totalDiscountGiven: 200, totalRevenue: 300 });
    expect(stored["usedBy"]).toMatchObject([{ student: oid(who.id), transaction: oid(order.transactionId) }]);

    // Once per learner; for others the code has one use left.
    expectBadCode(await validate(who, code));
    await offer(code, 500);
    const { statistics, transactions } = dataOf(await admins.ofTeacher(teacher.id, teacher.token));
    expect(statistics).toMatchObject({ totalUses: 1, totalDiscount: 200 });
    expect(transactions).toMatchObject([{ _id: order.transactionId, amount: 500, finalAmount: 300 }]);
    expect(transactions[0].user.name).toEqual(expect.any(String));

    // A used code can be changed and switched, but not deleted.
    expectReferral(dataOf(await admins.update(id, { discountPercentage: 10 })));
    for (const isActive of [false, true]) expect(dataOf(await admins.toggle(id))).toEqual({ isActive });
    expectPlain(await admins.remove(id), 400, /\b1\b/);
    const expected = { discountPercentage: 10, totalUses: 1, usedBy: stored["usedBy"] };
    expect(await storedReferral(id)).toMatchObject(expected);
  });

  test("without a limit counts every buyer, also those who pay at once", async () => {
    const { id, code } = await issue();
    const planId = await createPlan({ price: 500 });
    const buyers = await Promise.all(Array.from({ length: 5 }, () => shop().buyer()));
    const bought = await Promise.all(buyers.map((who) => shop().buy(who, planId, { referralCode: code })));
    for (const { order } of bought) expect(order.amount).toBe(300);
    const { totalUses, usedBy } = await storedReferral(id);
    expect([totalUses, usedBy.length]).toEqual([5, 5]);
    const students = usedBy.map(({ student }: { student: object }) => String(student));
    expect(students.sort()).toEqual(buyers.map((who) => who.id).sort());
    await offer(code, 500);
  });

  test("is used up by its last use", async () => {
    const { code } = await issue({ maxUses: 1 });
    const planId = await createPlan({ price: 500 });
    await shop().buy(await shop().buyer(), planId, { referralCode: code });
    expectBadCode(await validate(await shop().buyer(), code));
  });
});
