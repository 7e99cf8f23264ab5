/** What a teacher sees of her codes and sales, and what the admin site shows of those whom she brought. */
import { type Document, ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { type Learner, call, createRegion, get, unique, withDatabase } from "../support/client.ts";
import { people, person } from "../support/people.ts";
import { ID, TEXT, TIME, expectRefusal } from "./auth.support.ts";
import {
  broughtOf,
  codedTeacher,
  expectFlatReferral,
  expectPlain,
  inDays,
  newCode,
  oldUse,
  plantPurchases,
  plantReferral,
  plantReferrals,
  referralsAdmin,
  storedUser,
} from "./referrals.support.ts";
import { NO_IDS, UNKNOWN, dataOf, oid, plantPlan } from "./users.support.ts";

const admins = referralsAdmin();
const dashboard = async (who: Learner, token = who.token) => dataOf(await admins.ofTeacher(who.id, token));

const INFO = {
  qualification: "M.A.",
  experience: 7,
  specialization: ["grammar"],
  bio: "Old hand",
  hourlyRate: 250,
  totalStudents: 2,
  totalEarnings: 300.5,
  totalReferrals: 2,
};

describe("the dashboard", () => {
  test("has the teacher, codes, sales and figures", async () => {
    const teacher = await codedTeacher({}, INFO);
    const { name, teacherInfo } = await storedUser(teacher.id);
    const buyers = await people(2, { name: `Buyer ${unique()}` });
    const [first, second] = buyers.map(({ id }) => oid(id));
    const plan = await plantPlan({ name: "Quarter", description: "Three months" });
    const own = { user: first, plan, referralCode: teacherInfo.referralCode, createdAt: inDays(-3) };
    const [paid] = await plantPurchases(teacher.id, [
      own,
      { user: second, plan: new ObjectId(), discountAmount: 50.5, createdAt: inDays(-2) },
      { user: new ObjectId(), plan, discountAmount: 0, finalAmount: 500, createdAt: inDays(-1) },
      // None of these was a sale of hers.
      { user: first, status: "pending" },
      { user: first, status: "failed" },
      { user: first, status: "refunded" },
      { user: first, status: "cancelled" },
    ]);
    await plantPurchases(UNKNOWN, [{ user: first }]);
    const student = { student: second, discountApplied: 50.5, originalAmount: 500, finalAmount: 449.5 };
    const planted = await plantReferrals(teacher.id, [
      { createdAt: inDays(-9), usedBy: [oldUse(paid), { ...oldUse(), ...student }], totalUses: 2 },
      { createdAt: inDays(-8), isActive: false },
      { createdAt: inDays(-7), validUntil: inDays(9) },
    ]);
    const answer = await admins.ofTeacher(teacher.id, teacher.token);
    const data = dataOf(answer);
    expect(Object.keys(data).sort()).toEqual(["code", "referrals", "statistics", "teacher", "transactions"]);
    const { teacherInfo: shown, ...rest } = data.teacher;
    expect(rest).toEqual({
      _id: teacher.id,
      name,
      email: teacher.email,
      phone: teacher.phone,
      role: "teacher",
    });
    // The edit form starts from these: what is missing here would be saved as blank.
    expect(shown).toMatchObject({ ...INFO, referralCode: teacherInfo.referralCode, isApproved: true });
    expect(data.code).toBe(teacherInfo.referralCode);

    data.referrals.forEach(expectFlatReferral);
    expect(data.referrals.map(({ _id }: Document) => _id)).toEqual(planted.map(({ id }) => id).toReversed());
    for (const referral of data.referrals) expect(referral.teacher).toBe(teacher.id);
    const used = data.referrals[2].usedBy;
    expect(used).toHaveLength(2);
    expect(used[1].student._id ?? used[1].student).toBe(buyers[1]!.id);

    expect(data.transactions.map(({ discountAmount }: Document) => discountAmount)).toEqual([0, 50.5, 125]);
    const [gone, planless, whole] = data.transactions;
    for (const sale of data.transactions) {
      expect(sale).toMatchObject({
        _id: ID,
        amount: 500,
        currency: "INR",
        status: "completed",
        createdAt: TIME,
      });
      expect(sale).toMatchObject({ referredBy: teacher.id, paymentMethod: "razorpay", __v: 0 });
    }
    expect([gone.user, planless.plan]).toEqual([null, null]);
    expect(whole).toMatchObject({ finalAmount: 375, referralCode: teacherInfo.referralCode });
    expect(whole.user).toMatchObject({ _id: buyers[0]!.id, name: (await storedUser(buyers[0]!.id))["name"] });
    expect(whole.plan).toMatchObject({
      _id: plan.toHexString(),
      name: "Quarter",
      description: "Three months",
      price: 499.5,
      duration: 3,
    });

    const { _id = null, ...figures } = data.statistics;
    expect(_id).toBeNull();
    expect(figures).toEqual({ totalReferrals: 3, activeReferrals: 2, totalUses: 3, totalDiscount: 175.5 });

    // Names are enough: a buyer's address is not the teacher's business.
    for (const { email, phone } of buyers)
      for (const secret of [email, phone]) expect(answer.text).not.toContain(secret);
    const seen = await dashboard(teacher, admins.boss().token);
    expect(seen).toMatchObject({ code: data.code, statistics: data.statistics });
    expect(seen.transactions).toHaveLength(3);
  });

  test("counts sales by the teacher's own code, without any referral", async () => {
    const teacher = await codedTeacher();
    await plantPurchases(teacher.id, [{}, { discountAmount: 75 }]);
    const { statistics, referrals } = await dashboard(teacher);
    expect(referrals).toEqual([]);
    const figures = { totalReferrals: 0, activeReferrals: 0, totalUses: 2, totalDiscount: 200 };
    expect(statistics).toMatchObject(figures);
  });

  test("counts all sales, however many are shown", async () => {
    const teacher = await codedTeacher();
    await plantPurchases(
      teacher.id,
      Array.from({ length: 230 }, () => ({ discountAmount: 1.5 })),
    );
    const { statistics, transactions } = await dashboard(teacher);
    expect(statistics).toMatchObject({ totalUses: 230, totalDiscount: 345 });
    expect(transactions.length).toBeGreaterThan(0);
    expect(transactions.length).toBeLessThanOrEqual(230);
  });

  test("is empty for somebody without codes, whatever the role", async () => {
    for (const who of [await person(), await person({ role: "teacher", teacherInfo: {} }), admins.boss()]) {
      const { teacher, statistics, ...rest } = await dashboard(who);
      expect(teacher).toMatchObject({ _id: who.id, email: who.email, phone: who.phone });
      expect(rest).toEqual({ code: null, referrals: [], transactions: [] });
      const { _id: _, ...figures } = statistics;
      expect(figures).toEqual({ totalReferrals: 0, activeReferrals: 0, totalUses: 0, totalDiscount: 0 });
    }
  });

  test("is for oneself and administrators: id, then leave, then existence", async () => {
    const teacher = await codedTeacher();
    expectRefusal(await call("GET", `/api/referrals/teacher/${teacher.id}`), 401, /Access token required/);
    for (const { token } of [await person(), await codedTeacher()]) {
      for (const id of [teacher.id, UNKNOWN]) expectPlain(await admins.ofTeacher(id, token), 403);
      // "undefined" is what the app asks for before it knows the id.
      for (const id of NO_IDS) expectPlain(await admins.ofTeacher(id, token), 400);
    }
    for (const id of NO_IDS) expectPlain(await admins.ofTeacher(id), 400);
    expectPlain(await admins.ofTeacher(UNKNOWN), 404);
    expect((await dashboard({ ...teacher, id: teacher.id.toUpperCase() })).teacher._id).toBe(teacher.id);
  });

  test("shows a new code of an administrator at once", async () => {
    const teacher = await codedTeacher();
    const created = dataOf(await admins.create({ teacher: teacher.id, discountPercentage: 20 }), 201);
    const { code, referrals, statistics } = await dashboard(teacher);
    expect(code).toBe(created.referralCode);
    expect(referrals[0]).toMatchObject({ _id: created._id, discountPercentage: 20 });
    expect(statistics.totalReferrals).toBe(referrals.length);
  });
});

describe("those whom a teacher brought, for the admin site", () => {
  const path = (id: string) => `/api/admin/referrals/teacher/${id}`;
  const dialog = async (id: string) => broughtOf(await get(path(id), { token: admins.boss().token }));

  test("one entry each, with a region whatever is stored", async () => {
    const teacher = await codedTeacher();
    const referredBy = oid(teacher.id);
    const region = oid(await createRegion());
    const referred = await people(2, { region, referredBy });
    const [lost] = await people(1, { region: new ObjectId(), referredBy });
    const [homeless] = await people(1, { referredBy });
    const [asleep] = await people(1, { region, referredBy, isActive: false });
    const [bought, waiting] = await people(2, { region });
    await plantPurchases(teacher.id, [
      { user: oid(referred[0]!.id) },
      { user: oid(bought!.id) },
      { user: oid(bought!.id) },
      { user: oid(waiting!.id), status: "pending" },
      { user: new ObjectId() },
    ]);
    const referrals = await dialog(teacher.id);
    const expected = [...referred, lost!, homeless!, asleep!, bought!].map(({ id }) => id);
    expect(referrals.map((one: Document) => one["referredUserId"]._id).sort()).toEqual(expected.sort());
    expect(new Set(referrals.map(({ _id }: Document) => _id)).size).toBe(expected.length);
    for (const entry of referrals) {
      expect(entry).toMatchObject({ _id: ID, referralCode: TEXT, createdAt: TIME });
      expect(entry.isActive).toEqual(expect.any(Boolean));
      const { region: home, ...user } = entry.referredUserId;
      expect(user).toMatchObject({
        _id: ID,
        name: TEXT,
        email: TEXT,
        phone: TEXT,
        role: "student",
        createdAt: TIME,
      });
      expect(user.isActive).toBe(user._id !== asleep!.id);
      expect(home).toMatchObject({ name: TEXT, code: TEXT });
    }
  });

  test("nobody: an empty list; access and ids", async () => {
    const teacher = await codedTeacher();
    expect(await dialog(teacher.id)).toEqual([]);
    expectRefusal(await get(path(teacher.id)), 401, /Access token required/);
    for (const { token } of [teacher, await person()]) {
      for (const id of [teacher.id, "not-an-id"]) expectRefusal(await get(path(id), { token }), 403);
    }
    for (const id of NO_IDS) expectRefusal(await get(path(id), { token: admins.boss().token }), 400);
    const unknown = await get(path(UNKNOWN), { token: admins.boss().token });
    if (unknown.status === 404) expectRefusal(unknown, 404);
    else expect(broughtOf(unknown)).toEqual([]);
  });

  test("does not change what is stored", async () => {
    const { teacher, id } = await plantReferral({ referralCode: newCode() });
    const read = () =>
      withDatabase((db) =>
        Promise.all([storedUser(teacher.id), db.collection("referrals").findOne({ _id: oid(id) })]),
      );
    const before = await read();
    await dialog(teacher.id);
    await dashboard(teacher);
    expect(await read()).toEqual(before);
  });
});
