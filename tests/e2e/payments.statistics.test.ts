import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, unique } from "../support/client.ts";
import { admin as anAdmin, person } from "../support/people.ts";
import { ID, TEXT, TIME, expectExactly, expectRefusal } from "./auth.support.ts";
import { dataOf, expectPagination, expectPlanFull, expectPlanRef } from "./payments.shapes.ts";
import {
  DAY,
  createPlan,
  createPlans,
  createTransaction,
  createTransactions,
  inDays,
  oid,
  subscriber,
  theAdmin,
} from "./payments.support.ts";

const admin = theAdmin();
const COUNT = expect.any(Number);

describe("transactions of a period", () => {
  const PATH = "/api/admin/transactions/statistics";
  const start = Date.UTC(1983, 2, 3) + Math.floor(Math.random() * 1000) * DAY;
  const at = (minutes: number) => ({ createdAt: new Date(start + minutes * 60_000) });
  const iso = (minutes: number) => at(minutes).createdAt.toISOString();
  const ask = async (query: string) => dataOf(await admin.get(PATH + query));
  const code = `S${unique()}`.toUpperCase();

  let data: Document;
  let plans: string[];
  beforeAll(async () => {
    const buyer = (await person()).id;
    plans = await createPlans(Array.from({ length: 6 }, () => ({})));
    const completed = { status: "completed" };
    const teacher = { referredBy: new ObjectId(), discountPercentage: 25 };
    // Six plans with 6, 5, 4, 3, 2 and 1 sales: one more than there is room for.
    for (const [index, plan] of plans.entries()) {
      const sales = Array.from({ length: 6 - index }, (_, n) => ({ ...completed, amount: 100.1, ...at(n) }));
      await createTransactions(buyer, plan, sales);
    }
    const gone = new ObjectId().toHexString();
    await createTransactions(buyer, gone, Array(9).fill({ ...completed, amount: 10, ...at(20) }));
    await createTransactions(buyer, plans[5]!, [
      { ...completed, ...teacher, amount: 1000, discountAmount: 250, referralCode: code, ...at(30) },
      {
        ...completed,
        ...teacher,
        amount: 400,
        discountAmount: 100,
        referralCode: code.toLowerCase(),
        ...at(31),
      },
      // A code that nobody knows is stored as typed, and is no referral.
      { ...completed, amount: 1, referralCode: `X${unique()}`, ...at(32) },
      { status: "pending", ...at(33) },
      { status: "pending", ...teacher, amount: 7, discountAmount: 0, referralCode: code, ...at(600) },
      { status: "failed", ...at(0) },
      { status: "failed", ...at(34) },
      { status: "failed", ...at(35) },
      { status: "refunded", ...at(36) },
      { status: "cancelled", ...at(37) },
      // Outside.
      { ...completed, amount: 9999, ...at(-1) },
      { ...completed, amount: 9999, ...at(601) },
    ]);
    data = await ask(`?startDate=${iso(0)}&endDate=${iso(600)}`);
  });

  test("has the parts of the contract", () => {
    expectExactly(
      data,
      {
        period: { startDate: iso(0), endDate: iso(600) },
        totalTransactions: COUNT,
        completedTransactions: COUNT,
        pendingTransactions: COUNT,
        totalRevenue: COUNT,
        totalDiscount: COUNT,
        netRevenue: COUNT,
        transactionsByStatus: expect.any(Array),
        topPlans: expect.any(Array),
        referralStats: expect.any(Array),
      },
      // What may be added: figures by day and by plan.
      Object.fromEntries(Object.keys(data).map((key) => [key, expect.anything()])),
    );
  });

  test("counts pending ones apart from those that came to nothing", () => {
    expect(data).toMatchObject({ totalTransactions: 40, completedTransactions: 33, pendingTransactions: 2 });
    const counts = data["transactionsByStatus"].map(({ _id, count, ...rest }: Document) => {
      expect(rest).toEqual({});
      return [_id, count];
    });
    expect(Object.fromEntries(counts)).toEqual({
      completed: 33,
      pending: 2,
      failed: 3,
      refunded: 1,
      cancelled: 1,
    });
    expect(counts.length).toBe(5);
  });

  test("takes discounts off once", () => {
    expect(data["totalRevenue"]).toBeCloseTo(21 * 100.1 + 90 + 750 + 300 + 1, 2);
    expect(data["totalDiscount"]).toBeCloseTo(350, 2);
    expect(data["netRevenue"]).toBe(data["totalRevenue"]);
  });

  test("names the five plans that sold most, and not those that are gone", () => {
    const { topPlans } = data;
    for (const plan of topPlans) {
      expect(plan).toEqual({
        _id: ID,
        transactionCount: COUNT,
        totalRevenue: COUNT,
        planDetails: expect.any(Object),
      });
      expectPlanFull(plan.planDetails);
      expect(plan.planDetails._id).toBe(plan._id);
    }
    const sold = topPlans.map(({ _id, transactionCount }: Document) => [
      plans.indexOf(_id),
      transactionCount,
    ]);
    // The last plan has one sale at the list price and three with codes; the one that is gone may have taken a place.
    const counts = sold.map(([, count]: number[]) => count);
    expect([
      [6, 5, 4, 4, 3],
      [6, 5, 4, 4],
    ]).toContainEqual(counts);
    expect({ 0: 6, 1: 5, 2: 4, 3: 3, 5: 4 }).toMatchObject(Object.fromEntries(sold));
    const first = topPlans.find(({ _id }: Document) => _id === plans[0]);
    expect(first.totalRevenue).toBeCloseTo(600.6, 2);
  });

  test("counts a code once, however it was typed, and only codes that somebody was paid for", () => {
    expect(data["referralStats"].length).toBe(1);
    const [{ _id, ...rest }] = data["referralStats"];
    expect(_id.toUpperCase()).toBe(code);
    expect(rest).toEqual({ usageCount: 2, totalDiscount: 350 });
  });

  test("is zero when there were none", async () => {
    const period = { startDate: iso(-20), endDate: iso(-10) };
    expect(await ask(`?${new URLSearchParams(period)}`)).toMatchObject({
      period,
      totalTransactions: 0,
      completedTransactions: 0,
      pendingTransactions: 0,
      totalRevenue: 0,
      totalDiscount: 0,
      netRevenue: 0,
      transactionsByStatus: [],
      topPlans: [],
      referralStats: [],
    });
  });

  test("covers the last 30 days unless told otherwise", async () => {
    const user = (await person()).id;
    const before = await ask("");
    const plan = await createPlan();
    await createTransactions(user, plan, [
      { status: "completed", amount: 50, createdAt: inDays(-29.9) },
      { status: "completed", amount: 70, createdAt: inDays(-30.1) },
    ]);
    await createTransaction(user, plan);
    const after = await ask("");
    expect(after.totalTransactions - before.totalTransactions).toBe(2);
    expect(after.pendingTransactions - before.pendingTransactions).toBe(1);
    expect(after.totalRevenue - before.totalRevenue).toBeCloseTo(50, 2);
    expect(after.period).toEqual({ startDate: TIME, endDate: TIME });
    const { startDate, endDate } = after.period;
    expect(Math.abs(Date.parse(endDate) - Date.now())).toBeLessThan(60_000);
    expect(Math.abs(Date.parse(endDate) - Date.parse(startDate) - 30 * DAY)).toBeLessThan(DAY / 10);
  });

  test.for(["startDate=yesterday", "endDate=2024-13-45"])("a date must be one: %s", async (query) =>
    expectRefusal(await admin.get(`${PATH}?${query}`), 400),
  );
});

describe("subscriptions", () => {
  const PATH = "/api/admin/subscriptions/statistics";

  test("are counted by the expiry of students' plans", async () => {
    const before = dataOf(await admin.get(PATH));
    const [one, two] = (await createPlans([{ name: `One ${unique()}` }, {}])) as [string, string];
    await subscriber(one, inDays(6.9));
    await subscriber(one, inDays(7.1));
    await subscriber(one, inDays(300));
    await subscriber(two, inDays(0.01));
    await subscriber(one, inDays(-0.01));
    await subscriber(two, inDays(-40));
    // Neither fields from outside nor other roles count.
    const outside = { subscriptionStatus: "active", subscriptionExpiry: inDays(3), currentPlan: oid(one) };
    await person({ studentInfo: outside });
    for (const role of ["teacher", "admin"]) await subscriber(one, inDays(3), { role });
    const after = dataOf(await admin.get(PATH));
    expectExactly(
      after,
      {
        activeSubscriptions: COUNT,
        expiredSubscriptions: COUNT,
        expiringSoon: COUNT,
        subscriptionsByPlan: expect.any(Array),
      },
      Object.fromEntries(Object.keys(after).map((key) => [key, expect.anything()])),
    );
    const more = (key: string) => after[key] - before[key];
    expect(more("activeSubscriptions")).toBe(4);
    expect(more("expiredSubscriptions")).toBe(2);
    expect(more("expiringSoon")).toBe(2);
    for (const plan of after.subscriptionsByPlan)
      expect(plan).toEqual({ _id: ID, planName: TEXT, count: COUNT });
    const counts = after.subscriptionsByPlan.map(({ _id, count }: Document) => [_id, count]);
    expect(Object.fromEntries(counts)).toMatchObject({ [one]: 3, [two]: 1 });
  });
});

describe("students with their plans", () => {
  const PATH = "/api/admin/users/subscriptions";
  const list = async (query: string) => dataOf(await admin.get(PATH + query));
  const idsOf = (data: Document) => data["users"].map(({ _id }: Document) => _id).sort();

  let plan: string;
  let active: Learner, left: Learner, expired: Learner;
  const until = inDays(9);
  const ended = inDays(-9);
  beforeAll(async () => {
    plan = await createPlan({ price: 300, duration: 2 });
    active = await subscriber(plan, until, { studentInfo: { ...planOf(until), averageGameScore: 70 } });
    left = await subscriber(plan, until, { isActive: false });
    expired = await subscriber(plan, ended);
    await subscriber(plan, until, { role: "teacher" });
    await subscriber(await createPlan(), until);
  });
  const planOf = (planExpiryDate: Date) => ({ currentPlan: oid(plan), planExpiryDate });
  const ids = (...who: Learner[]) => who.map(({ id }) => id).sort();

  test("have the shape of the contract", async () => {
    const data = await list(`?planId=${plan}`);
    expect(Object.keys(data).sort()).toEqual(["pagination", "users"]);
    expectPagination(data.pagination, 1, 20, 3);
    expect(idsOf(data)).toEqual(ids(active, left, expired));
    for (const user of data.users) {
      expectExactly(user, { _id: ID, name: TEXT, email: TEXT, phone: TEXT, studentInfo: expect.any(Object) });
      const { studentInfo } = user;
      expectExactly(
        studentInfo,
        { currentPlan: expect.any(Object), subscriptionStatus: TEXT, subscriptionExpiry: TIME },
        { planExpiryDate: TIME, subscriptionStartDate: TIME, cancelledAt: TIME },
      );
      expectPlanRef(studentInfo.currentPlan, false);
      expect(studentInfo.currentPlan).toMatchObject({ _id: plan, price: 300, duration: 2 });
      const isOver = user._id === expired.id;
      expect(studentInfo.subscriptionStatus).toBe(isOver ? "expired" : "active");
      expect(studentInfo.subscriptionExpiry).toBe((isOver ? ended : until).toISOString());
    }
    expect((await admin.get(PATH)).headers.get("cache-control")).toMatch(/no-store/);
  });

  test("can be had by status", async () => {
    expect(idsOf(await list(`?planId=${plan}&status=active`))).toEqual(ids(active, left));
    expect(idsOf(await list(`?planId=${plan}&status=expired`))).toEqual(ids(expired));
    expectPagination((await list(`?planId=${plan}&status=expired`)).pagination, 1, 20, 1);
    expect(idsOf(await list(`?planId=${plan}&status=cancelled`))).toEqual([]);
  });

  test("come in pages that miss nobody", async () => {
    const pages = [await list(`?planId=${plan}&limit=2`), await list(`?planId=${plan}&limit=2&page=2`)];
    expect(pages.map(({ users }) => users.length)).toEqual([2, 1]);
    expect(pages.flatMap(idsOf).sort()).toEqual(ids(active, left, expired));
    expectPagination(pages[1].pagination, 2, 2, 3);
    expectPagination((await list(`?planId=${plan}&page=-1`)).pagination, 1, 20, 3);
    expect((await list(`?limit=1000`)).pagination.limit).toBeLessThanOrEqual(100);
  });

  test("include those without a plan, and nobody but students", async () => {
    const before = (await list("?limit=1")).pagination.total;
    await person();
    await anAdmin();
    await person({ role: "teacher" });
    const { users, pagination } = await list("?limit=100");
    expect(pagination.total).toBe(before + 1);
    for (const user of users) {
      expectExactly(
        user,
        { _id: ID, name: TEXT, email: TEXT, phone: TEXT },
        { studentInfo: expect.any(Object) },
      );
    }
  });

  test.for(["planId=1", "planId[$ne]=x&planId=1"])("refuses %s", async (query) =>
    expectRefusal(await admin.get(`${PATH}?${query}`), 400),
  );

  test("survives plans that are gone, and unknown statuses", async () => {
    const gone = new ObjectId().toHexString();
    const who = await subscriber(gone, until);
    const data = await list(`?planId=${gone}`);
    expect(idsOf(data)).toEqual([who.id]);
    expect(data.users[0].studentInfo).toMatchObject({ subscriptionStatus: "active" });
    const odd = await admin.get(`${PATH}?status=paid`);
    if (odd.status === 200) expect(odd.body.data.users).toEqual([]);
    else expectRefusal(odd, 400);
  });
});
