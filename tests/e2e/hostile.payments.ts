/** The operations of accounts.yaml about plans, purchases and subscriptions, for the table of the hostile tests. */
import { unique } from "../support/client.ts";
import { OPERATOR, type Operation, type Stage, operation } from "./hostile.operation.ts";

/** What both ways to write plans know. */
const plan = () => ({
  name: `Hostile ${unique()}`,
  description: "A plan that nobody shall have",
  price: 1,
  duration: 1,
  durationType: "days",
  features: [{ name: "Calls", description: "hostile", isIncluded: true }],
  isActive: true,
  isPopular: true,
});

/** What only one of them tells about. */
const wholePlan = () => ({
  ...plan(),
  maxSessions: 1,
  maxGames: 1,
  maxLectures: 1,
  includesVideoCalls: true,
  includesVoiceCalls: true,
  includesGroupCalls: true,
  includesChat: true,
  includesGames: true,
  includesLectures: true,
  priority: 1,
});

const oddPlan = () => [
  ...[OPERATOR, [null], [5], ["x"], [[]]].map((features) => ({ ...plan(), features })),
  ...["1e999", -1, [1], "NaN"].map((price) => ({ ...plan(), price })),
];

/** Changes of what is the server's own business; they count as changes of nothing. */
const foreign = () => [
  { $set: { price: 0 }, "features.0.name": "hostile" },
  { _id: OPERATOR, createdBy: OPERATOR, createdAt: OPERATOR, __v: OPERATOR, nameKey: OPERATOR },
];

const ofPlan: Partial<Operation> = { target: "plan" };
const changed: Partial<Operation> = { ...ofPlan, odd: () => [...oddPlan(), ...foreign()] };

const PLANS = [
  operation("plansList", "GET /api/plans", "public", {
    query: ["active", "premium", "sortBy", "sortOrder"],
    anonymous: [200],
  }),
  operation("plansCreate", "POST /api/plans", "admin", { good: wholePlan, odd: oddPlan }),
  operation("plansGet", "GET /api/plans/{}", "public", { ...ofPlan, anonymous: [200] }),
  operation("plansUpdate", "PUT /api/plans/{}", "admin", { ...changed, good: wholePlan }),
  operation("plansDelete", "DELETE /api/plans/{}", "admin", ofPlan),
  operation("plansToggleStatus", "PATCH /api/plans/{}/toggle-status", "admin", ofPlan),
  operation("plansStatistics", "GET /api/plans/admin/statistics", "admin", {
    query: ["startDate", "endDate"],
  }),
  operation("adminPlansList", "GET /api/admin/plans", "admin"),
  operation("adminPlansCreate", "POST /api/admin/plans", "admin", { good: plan, odd: oddPlan }),
  operation("adminPlansUpdate", "PUT /api/admin/plans/{}", "admin", { ...changed, good: plan }),
  operation("adminPlansDelete", "DELETE /api/admin/plans/{}", "admin", ofPlan),
  operation("adminPlansToggleStatus", "PATCH /api/admin/plans/{}/toggle-status", "admin", ofPlan),
];

/** A checkout that never was, of somebody else's purchase. */
const proof = ({ transaction }: Stage) => ({
  razorpayOrderId: `order_${unique()}`,
  razorpayPaymentId: `pay_${unique()}`,
  razorpaySignature: "0".repeat(64),
  transactionId: transaction,
});

const ofTransaction: Partial<Operation> = { target: "transaction" };

const PURCHASES = [
  operation("transactionsSubscription", "GET /api/transactions/subscription", "user"),
  operation("transactionsPlans", "GET /api/transactions/plans", "public", { anonymous: [200] }),
  // Opens an order at the gateway: `good` names a plan that nobody has, so that whoever is let in gets a 400.
  operation("transactionsCreateOrder", "POST /api/transactions/create-order", "user", {
    good: ({ user }) => ({ planId: user, referralCode: "no-such-code" }),
    odd: ({ region }) => [{ planId: region, amount: OPERATOR, finalAmount: 1, discountPercentage: 100 }],
    others: [400],
  }),
  operation("transactionsVerifyPayment", "POST /api/transactions/verify-payment", "user", {
    good: proof,
    odd: (stage) => [
      { ...proof(stage), razorpaySignature: "" },
      { ...proof(stage), razorpaySignature: "x".repeat(5000) },
      { ...proof(stage), status: "completed", amount: 0 },
    ],
    // The signature is looked at before the purchase.
    others: [400],
  }),
  // Not the app's, but the gateway's, which signs.
  operation("transactionsWebhook", "POST /api/transactions/webhook", "public", {
    anonymous: [400, 401, 403],
  }),
  operation("transactionsCancelSubscription", "POST /api/transactions/cancel-subscription", "user", {
    others: [400],
  }),
  operation("transactionsHistory", "GET /api/transactions/history", "user", {
    query: ["status", "type", "page", "limit"],
  }),
  operation("transactionsGet", "GET /api/transactions/{}", "user", {
    ...ofTransaction,
    others: [403],
    unknownToOthers: [404],
  }),
];

const LEDGERS = [
  operation("adminTransactionsList", "GET /api/admin/transactions", "admin", {
    query: ["status", "userId", "planId", "startDate", "endDate", "search", "page", "limit"],
  }),
  operation("adminTransactionsStatistics", "GET /api/admin/transactions/statistics", "admin", {
    query: ["startDate", "endDate"],
  }),
  operation("adminTransactionsReconcile", "POST /api/admin/transactions/reconcile", "admin"),
  operation("adminTransactionsReconciliations", "GET /api/admin/transactions/reconciliations", "admin"),
  operation("adminTransactionsGet", "GET /api/admin/transactions/{}", "admin", ofTransaction),
  operation("adminTransactionsSetStatus", "PATCH /api/admin/transactions/{}/status", "admin", {
    ...ofTransaction,
    good: () => ({ status: "failed", notes: "hostile" }),
    odd: () => [{ status: "refunded" }, { status: ["failed"] }, { status: "completed\u0000" }],
  }),
  operation("adminSubscriptionsStatistics", "GET /api/admin/subscriptions/statistics", "admin"),
  operation("adminUsersSubscriptions", "GET /api/admin/users/subscriptions", "admin", {
    query: ["status", "planId", "page", "limit"],
  }),
];

export const PAYMENTS = [...PLANS, ...PURCHASES, ...LEDGERS];
