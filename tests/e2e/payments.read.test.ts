/** What learners read about their own payments. */
import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, get, post } from "../support/client.ts";
import { admin, person, teacher } from "../support/people.ts";
import { TEXT, TIME, expectExactly, expectRefusal } from "./auth.support.ts";
import {
  dataOf,
  expectContact,
  expectPagination,
  expectPlanRef,
  expectTransaction,
} from "./payments.shapes.ts";
import {
  UNKNOWN,
  createPlan,
  createTransaction,
  createTransactions,
  inDays,
  removeFrom,
  subscriber,
} from "./payments.support.ts";

const SUBSCRIPTION = "/api/transactions/subscription";
const HISTORY = "/api/transactions/history";

const subscription = async (who: Learner) => dataOf(await who.get(SUBSCRIPTION));
const history = async (who: Learner, query = "") => dataOf(await who.get(HISTORY + query));

const nowhere = () => new ObjectId().toHexString();
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

test.for([
  ["GET", SUBSCRIPTION],
  ["GET", HISTORY],
  ["GET", `/api/transactions/${UNKNOWN}`],
  ["POST", "/api/transactions/create-order"],
  ["POST", "/api/transactions/verify-payment"],
  ["POST", "/api/transactions/cancel-subscription"],
] as const)("%s %s needs a token", async ([method, path]) => {
  const ask = (token?: string) => (method === "GET" ? get(path, { token }) : post(path, { token, body: {} }));
  expectRefusal(await ask(), 401, /Access token required/);
  expectRefusal(await ask("garbage"), 401, /token/);
});

describe("the own subscription", () => {
  test("of somebody new is inactive, and says no more", async () => {
    for (const who of [await person(), await person({ studentInfo: {} }), await teacher(), await admin()]) {
      const answer = await who.get(SUBSCRIPTION);
      expect(dataOf(answer)).toEqual({ subscriptionStatus: "inactive", transactions: [] });
      expect(answer.headers.get("cache-control")).toMatch(/no-store/);
    }
  });

  test("is active until the plan expires", async () => {
    const plan = await createPlan({ price: 250.5, duration: 3 });
    const until = inDays(0.01);
    const data = await subscription(await subscriber(plan, until));
    expect(data).toEqual({
      subscriptionStatus: "active",
      currentPlan: expect.any(Object),
      subscriptionExpiry: until.toISOString(),
      transactions: [],
    });
    expectPlanRef(data.currentPlan, true);
    expect(data.currentPlan).toMatchObject({ _id: plan, price: 250.5, duration: 3 });
  });

  test("is inactive afterwards", async () => {
    const plan = await createPlan();
    const until = inDays(-0.01);
    const data = await subscription(await subscriber(plan, until));
    expect(data).toMatchObject({ subscriptionStatus: "inactive", subscriptionExpiry: until.toISOString() });
    expect(data.currentPlan).toMatchObject({ _id: plan });
  });

  test("goes by the expiry, not by fields from outside", async () => {
    const studentInfo = { subscriptionStatus: "active", subscriptionExpiry: inDays(9) };
    expect((await subscription(await person({ studentInfo }))).subscriptionStatus).toBe("inactive");
    const expired = { ...studentInfo, planExpiryDate: inDays(-1) };
    const data = await subscription(await person({ studentInfo: expired }));
    expect(data.subscriptionStatus).toBe("inactive");
    expect(data.subscriptionExpiry).toBe(expired.planExpiryDate.toISOString());
  });

  test("names no plan that is gone", async () => {
    const data = await subscription(await subscriber(nowhere(), inDays(3)));
    expect(data).toMatchObject({ subscriptionStatus: "active", currentPlan: null });
  });

  test("comes with the ten newest transactions of any status", async () => {
    const [who, other] = [await person(), await person()];
    const plan = await createPlan();
    const statuses = ["pending", "completed", "failed", "refunded", "cancelled"];
    const made = await createTransactions(
      who.id,
      plan,
      Array.from({ length: 12 }, (_, at) => ({ status: statuses[at % 5], createdAt: minutesAgo(at) })),
    );
    await createTransaction(other.id, plan);
    const { transactions } = await subscription(who);
    expect(transactions.map(({ _id }: Document) => _id)).toEqual(made.slice(0, 10));
    for (const transaction of transactions) {
      expectTransaction(transaction);
      expect(transaction.user).toBe(who.id);
      expectPlanRef(transaction.plan, false);
      expect(transaction.plan._id).toBe(plan);
    }
  });

  test("tells the app when a purchase of the old server ends", async () => {
    const plan = await createPlan();
    const until = inDays(12);
    const who = await subscriber(plan, until);
    await createTransaction(who.id, plan, { status: "completed", completedAt: new Date() });
    const { transactions } = await subscription(who);
    expect(transactions).toMatchObject([{ status: "completed", expiresAt: until.toISOString() }]);
  });

  test("survives transactions whose plan is gone, as the old server left them", async () => {
    const who = await person();
    await createTransaction(who.id, nowhere());
    for (const data of [await subscription(who), await history(who)]) {
      expect(data.transactions.length).toBe(1);
      expectTransaction(data.transactions[0]);
    }
  });
});

describe("the history", () => {
  let who: Learner, plan: string, made: string[];
  beforeAll(async () => {
    who = await person();
    plan = await createPlan();
    made = await createTransactions(
      who.id,
      plan,
      Array.from({ length: 13 }, (_, at) => ({
        status: at % 4 === 0 ? "completed" : "pending",
        createdAt: minutesAgo(at),
      })),
    );
    await createTransaction((await person()).id, plan);
  });
  const idsOf = (data: Document) => data["transactions"].map(({ _id }: Document) => _id);

  test("is newest first, in pages of ten", async () => {
    const data = await history(who);
    expect(Object.keys(data).sort()).toEqual(["pagination", "transactions"]);
    expect(idsOf(data)).toEqual(made.slice(0, 10));
    expectPagination(data.pagination, 1, 10, 13);
    for (const transaction of data.transactions) {
      expectTransaction(transaction);
      expect(transaction.user).toBe(who.id);
      expectPlanRef(transaction.plan, false);
    }
    expect((await who.get(HISTORY)).headers.get("cache-control")).toMatch(/no-store/);
  });

  test.for([
    ["?page=2", 2, 10, [10, 13]],
    ["?page=3", 3, 10, [13, 13]],
    ["?limit=5&page=2", 2, 5, [5, 10]],
    ["?page=0&limit=0", 1, 10, [0, 10]],
    ["?page=x&limit=y", 1, 10, [0, 10]],
    ["?page=-4", 1, 10, [0, 10]],
    ["?type=referral", 1, 10, [0, 10]],
    ["?user=other", 1, 10, [0, 10]],
  ] as const)("%s", async ([query, page, limit, [from, to]]) => {
    const data = await history(who, query);
    expect(idsOf(data)).toEqual(made.slice(from, to));
    expectPagination(data.pagination, page, limit, 13);
  });

  test.for(["-1", "101", "100000", "99999999999999999999", "1.5"])(
    "the limit has bounds: %s",
    async (limit) => {
      const { transactions, pagination } = await history(who, `?limit=${limit}`);
      expect(pagination.limit).toBeGreaterThanOrEqual(1);
      expect(pagination.limit).toBeLessThanOrEqual(100);
      expect(transactions.length).toBe(Math.min(13, pagination.limit));
    },
  );

  test("of one status", async () => {
    const data = await history(who, "?status=completed");
    expect(idsOf(data)).toEqual([made[0], made[4], made[8], made[12]]);
    expectPagination(data.pagination, 1, 10, 4);
  });

  test("of no status that there is", async () => {
    const data = await history(who, "?status=paid");
    expect(data.transactions).toEqual([]);
    expectPagination(data.pagination, 1, 10, 0);
  });

  test.for(["?status[$ne]=x", "?status[]=completed", "?status=completed&status=pending"])(
    "takes no operators: %s",
    async (query) => {
      const answer = await who.get(HISTORY + query);
      if (answer.status !== 200) expectRefusal(answer, 400);
      else for (const { user } of answer.body.data.transactions) expect(user).toBe(who.id);
    },
  );

  test("of somebody new is empty", async () => {
    const data = await history(await person());
    expect(data.transactions).toEqual([]);
    expectPagination(data.pagination, 1, 10, 0);
  });
});

describe("one transaction", () => {
  test("is shown to its owner and to administrators", async () => {
    const who = await person();
    const plan = await createPlan();
    const referredBy = new ObjectId();
    const fields = {
      status: "completed",
      amount: 1000,
      discountAmount: 250.5,
      discountPercentage: 25,
      razorpayPaymentId: `pay_${plan}`,
      referralCode: "abC123",
      referredBy,
      completedAt: new Date(),
    };
    const id = await createTransaction(who.id, plan, fields);
    for (const reader of [who, await admin()]) {
      const answer = await reader.get(`/api/transactions/${id}`);
      const data = dataOf(answer);
      expectTransaction(data);
      expectContact(data.user, false);
      expect(data.user).toMatchObject({ _id: who.id, email: who.email, phone: who.phone });
      expectPlanRef(data.plan, true);
      expect(data).toMatchObject({
        ...fields,
        _id: id,
        finalAmount: 749.5,
        referredBy: referredBy.toHexString(),
        completedAt: TIME,
      });
      expect(answer.headers.get("cache-control")).toMatch(/no-store/);
    }
  });

  test("sends null where null is stored, and leaves out what is not", async () => {
    const who = await person();
    const id = await createTransaction(who.id, await createPlan());
    const data = dataOf(await who.get(`/api/transactions/${id}`));
    expect(data).toMatchObject({ referralCode: null, referredBy: null });
    expect(data).not.toHaveProperty("razorpayPaymentId");
    expect(data).not.toHaveProperty("completedAt");
  });

  test("is nobody else's", async () => {
    const owner = await person();
    const id = await createTransaction(owner.id, await createPlan());
    for (const reader of [await person(), await teacher()]) {
      const answer = await reader.get(`/api/transactions/${id}`);
      // 404 keeps quiet about its existence.
      expect([403, 404]).toContain(answer.status);
      expectRefusal(answer, answer.status);
      expect(answer.text).not.toContain("order_");
    }
    dataOf(await owner.get(`/api/transactions/${id}`));
  });

  test("must exist", async () => {
    const who = await person();
    expectRefusal(await who.get(`/api/transactions/${UNKNOWN}`), 404);
    expectRefusal(await who.get("/api/transactions/nonsense"), 400);
  });

  test("whose user or plan is gone can still be read", async () => {
    const plan = await createPlan();
    const id = await createTransaction(nowhere(), plan);
    await removeFrom("plans", plan);
    const data = dataOf(await (await admin()).get(`/api/transactions/${id}`));
    expectTransaction(data);
    expect(data._id).toBe(id);
  });
});

describe("cancelling", () => {
  const cancel = (who: Learner) => who.post("/api/transactions/cancel-subscription");

  test("keeps access until the plan expires", async () => {
    const plan = await createPlan();
    const until = inDays(20);
    const who = await subscriber(plan, until);
    const answer = await cancel(who);
    expect(answer.status, answer.text).toBe(200);
    expectExactly(answer.body, { success: true, message: TEXT });
    expect(await subscription(who)).toMatchObject({
      subscriptionStatus: "active",
      subscriptionExpiry: until.toISOString(),
      currentPlan: { _id: plan },
    });
  });

  test("is remembered", async () => {
    const plan = await createPlan();
    const who = await subscriber(plan, inDays(20));
    await subscriber(plan, inDays(20));
    expect((await cancel(who)).status).toBe(200);
    const path = `/api/admin/users/subscriptions?status=cancelled&planId=${plan}`;
    const { users } = dataOf(await (await admin()).get(path));
    expect(users.map(({ _id }: Document) => _id)).toEqual([who.id]);
  });

  test("needs a subscription that runs", async () => {
    const plan = await createPlan();
    for (const who of [await person(), await subscriber(plan, inDays(-1)), await teacher()]) {
      expectRefusal(await cancel(who), 400);
    }
  });
});
