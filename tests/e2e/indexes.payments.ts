/** The rows of tests/e2e/indexes.test.ts for plans, purchases, and what administrators see of them. */
import { ObjectId } from "mongodb";
import { type Learner, unique } from "../support/client.ts";
import type { Row, Send, World } from "./indexes.operations.ts";
import {
  WEBHOOK,
  createPlan,
  createTransaction,
  createTransactions,
  inDays,
  proof,
} from "./payments.support.ts";

const plan = (fields: object = {}) => ({
  name: `Plan ${unique()}`,
  description: "A month of practice",
  price: 499,
  duration: 30,
  durationType: "days",
  features: [{ name: "Calls", description: "With anybody", isIncluded: true }],
  ...fields,
});

/** Both spell the id differently. */
const idIn = ({ body: { data } }: Awaited<ReturnType<Send>>): string => data.id ?? data._id;

const SPAN = "startDate=2024-01-01&endDate=2099-01-01";
const STATUSES = ["pending", "completed", "failed", "refunded", "cancelled"];

/** Every filter alone, and all together. */
async function list(send: Send, as: Learner, filters: string[]): Promise<void> {
  for (const filter of ["", ...filters, filters.join("&")]) {
    await send({ as, query: `?${filter}&page=2&limit=5` });
  }
}

const subscribed = async ({ fresh }: World, days: number): Promise<Learner> => {
  const currentPlan = new ObjectId(await createPlan());
  return fresh({ studentInfo: { currentPlan, planExpiryDate: inDays(days) } });
};

/** A purchase of somebody, paid with the teacher's code. */
const bought = async ({ student, teacher, code }: World, fields: object = {}): Promise<string> =>
  createTransaction(student.id, await createPlan(), {
    status: "completed",
    referralCode: code,
    referredBy: new ObjectId(teacher.id),
    completedAt: new Date(),
    ...fields,
  });

async function ordered({ ask, gateway }: World, as: Learner, fields: object = {}) {
  const body = { planId: await createPlan(), ...fields };
  const { data } = (await ask("POST", "/transactions/create-order", { as, body })).body;
  return { checkout: gateway.pay(data.orderId), transactionId: data.transactionId as string };
}

/** An approved offer, and the code that a teacher simply has. */
async function codes({ ask, admin, fresh }: World): Promise<string[]> {
  const referralCode = `S${unique()}`.toUpperCase();
  await fresh({ role: "teacher", teacherInfo: { isApproved: true, referralCode } });
  const offered = await fresh({
    role: "teacher",
    teacherInfo: { isApproved: true, referralCode: `O${unique()}`.toUpperCase() },
  });
  const body = { teacher: offered.id, discountPercentage: 10 };
  const { data } = (await ask("POST", "/referrals", { as: admin, body })).body;
  const offer: string = (data.referral ?? data).referralCode;
  return [offer, referralCode];
}

export const plans: Record<string, Row> = {
  "GET /plans": async (send) => {
    for (const query of [
      "",
      "active=true",
      "active=false",
      "premium=true",
      "sortBy=price&sortOrder=asc",
      "sortBy=name",
    ]) {
      await send({ query: `?${query}` });
    }
  },
  "POST /plans": (send, { admin }) => send({ as: admin, body: plan({ priority: 3, maxGames: 5 }) }),
  "GET /plans/{id}": async (send) => send({ ids: { id: await createPlan() } }),
  "PUT /plans/{id}": async (send, { admin }) =>
    send({ as: admin, ids: { id: await createPlan() }, body: plan({ isActive: false }) }),
  "DELETE /plans/{id}": async (send, world) => {
    await send({ as: world.admin, ids: { id: await createPlan() } });
    const used = await createPlan();
    await createTransaction(world.student.id, used);
    await send({ as: world.admin, ids: { id: used }, status: 400 });
  },
  "PATCH /plans/{id}/toggle-status": async (send, { admin }) =>
    send({ as: admin, ids: { id: await createPlan() } }),
  "GET /plans/admin/statistics": async (send, { admin }) => {
    for (const query of ["", SPAN]) await send({ as: admin, query: `?${query}` });
  },
  "GET /admin/plans": (send, { admin }) => send({ as: admin }),
  "POST /admin/plans": (send, { admin }) => send({ as: admin, body: plan() }),
  "PUT /admin/plans/{planId}": async (send, world) => {
    const made = idIn(await world.ask("POST", "/admin/plans", { as: world.admin, body: plan() }));
    await send({ as: world.admin, ids: { planId: made }, body: plan({ isPopular: true }) });
  },
  "DELETE /admin/plans/{planId}": async (send, { admin }) =>
    send({ as: admin, ids: { planId: await createPlan() } }),
  "PATCH /admin/plans/{planId}/toggle-status": async (send, { admin }) =>
    send({ as: admin, ids: { planId: await createPlan() } }),
};

export const purchases: Record<string, Row> = {
  "GET /transactions/subscription": async (send, world) => {
    for (const days of [1, -1]) await send({ as: await subscribed(world, days) });
    await send({ as: world.teacher });
  },
  "GET /transactions/plans": (send) => send(),
  "POST /transactions/create-order": async (send, world) => {
    const [offer, own] = await codes(world);
    for (const referralCode of [undefined, offer, own, `Nowhere${unique()}`]) {
      const body = { planId: await createPlan(), ...(referralCode ? { referralCode } : {}) };
      await send({ as: await world.fresh(), body });
    }
  },
  "POST /transactions/verify-payment": async (send, world) => {
    const [offer, own] = await codes(world);
    for (const referralCode of [undefined, offer, own]) {
      const as = await world.fresh();
      const { checkout, transactionId } = await ordered(world, as, referralCode ? { referralCode } : {});
      await send({ as, body: proof(checkout, transactionId) });
    }
  },
  "POST /transactions/webhook": async (_, world) => {
    const { gateway, base, fresh } = world;
    const deliver = async (...about: Parameters<typeof gateway.event>) => {
      const answer = await gateway.send(gateway.event(...about), base + WEBHOOK);
      if (!answer.ok) throw new Error(`${about[0]}: ${answer.status} ${await answer.text()}`);
    };
    const { checkout } = await ordered(world, await fresh());
    const payment = checkout.razorpay_payment_id;
    for (const name of ["payment.captured", "order.paid"] as const) await deliver(name, payment);
    await deliver("refund.processed", gateway.refund(payment).id);
    const body = { planId: await createPlan() };
    const order = await world.ask("POST", "/transactions/create-order", { as: await fresh(), body });
    await deliver("payment.failed", gateway.fail(order.body.data.orderId).id);
  },
  "POST /transactions/cancel-subscription": async (send, world) => send({ as: await subscribed(world, 1) }),
  "GET /transactions/history": async (send, world) => {
    await createTransactions(
      world.student.id,
      await createPlan(),
      STATUSES.map((status) => ({ status })),
    );
    await list(send, world.student, [...STATUSES.map((status) => `status=${status}`), "type=razorpay"]);
  },
  "GET /transactions/{transactionId}": async (send, world) => {
    const ids = { transactionId: await bought(world) };
    for (const as of [world.student, world.admin]) await send({ as, ids });
  },
};

export const ledgers: Record<string, Row> = {
  "GET /admin/transactions": async (send, world) => {
    await bought(world);
    const { admin, student } = world;
    await list(send, admin, [
      "status=completed",
      `userId=${student.id}`,
      `planId=${await createPlan()}`,
      SPAN,
      "search=person",
    ]);
  },
  "GET /admin/transactions/statistics": async (send, world) => {
    await bought(world);
    for (const query of ["", SPAN]) await send({ as: world.admin, query: `?${query}` });
  },
  "POST /admin/transactions/reconcile": async (send, world) => {
    // Paid, and never proved.
    await ordered(world, await world.fresh());
    await send({ as: world.admin });
  },
  "GET /admin/transactions/reconciliations": (send, { admin }) => send({ as: admin }),
  "GET /admin/transactions/{transactionId}": async (send, world) =>
    send({ as: world.admin, ids: { transactionId: await bought(world) } }),
  "PATCH /admin/transactions/{transactionId}/status": async (send, world) => {
    for (const status of ["failed", "cancelled", "completed"]) {
      const ids = { transactionId: await bought(world, { status: "pending", completedAt: undefined }) };
      await send({ as: world.admin, ids, body: { status, notes: "by hand" } });
    }
  },
  "GET /admin/subscriptions/statistics": async (send, world) => {
    await subscribed(world, 3);
    await send({ as: world.admin });
  },
  "GET /admin/users/subscriptions": async (send, world) => {
    await subscribed(world, 3);
    await list(send, world.admin, [
      "status=active",
      "status=expired",
      "status=inactive",
      "status=cancelled",
      `planId=${await createPlan()}`,
    ]);
  },
};
