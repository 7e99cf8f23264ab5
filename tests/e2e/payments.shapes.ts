/** The shapes that the contract prescribes for plans and transactions. */
import type { Document } from "mongodb";
import { expect } from "vitest";
import type { Answer } from "../support/client.ts";
import { ID, TEXT, TIME, expectExactly } from "./auth.support.ts";

const NUMBER = expect.any(Number);
const FLAG = expect.any(Boolean);

const FEATURES = (features: Document[]) =>
  features.map((feature) => ({
    _id: ID,
    name: TEXT,
    isIncluded: FLAG,
    ...("description" in feature ? { description: TEXT } : {}),
  }));
const UNIT = expect.stringMatching(/^(days|weeks|months|years)$/);

const planShape = (plan: Document) => ({
  _id: ID,
  name: TEXT,
  price: NUMBER,
  duration: NUMBER,
  durationType: UNIT,
  features: FEATURES(plan["features"]),
  isActive: FLAG,
  isPopular: FLAG,
  maxSessions: NUMBER,
  maxGames: NUMBER,
  maxLectures: NUMBER,
  includesVideoCalls: FLAG,
  includesVoiceCalls: FLAG,
  includesGroupCalls: FLAG,
  includesChat: FLAG,
  includesGames: FLAG,
  includesLectures: FLAG,
  priority: NUMBER,
});
const DATES = { createdAt: TIME, updatedAt: TIME };

export const expectPlanListItem = (plan: Document) =>
  expectExactly(plan, planShape(plan), { description: TEXT });
/** PlanDetail as the public sees it: without razorpayPlanId. */
export const expectPlanDetail = (plan: Document) =>
  expectExactly(plan, { ...planShape(plan), ...DATES }, { description: TEXT });
export const expectPlanFull = (plan: Document) =>
  expectExactly(
    plan,
    { ...planShape(plan), ...DATES, __v: NUMBER },
    { description: TEXT, razorpayPlanId: TEXT },
  );
/** A plan inside something else; durationType is welcome there. */
export const expectPlanRef = (plan: Document, withFeatures: boolean) =>
  expectExactly(
    plan,
    {
      _id: ID,
      name: TEXT,
      price: NUMBER,
      duration: NUMBER,
      ...(withFeatures ? { features: FEATURES(plan["features"]) } : {}),
    },
    { description: TEXT, durationType: UNIT },
  );

const TRANSACTION = {
  _id: ID,
  amount: NUMBER,
  currency: "INR",
  discountAmount: NUMBER,
  finalAmount: NUMBER,
  razorpayOrderId: TEXT,
  discountPercentage: NUMBER,
  status: expect.stringMatching(/^(pending|completed|failed|refunded|cancelled)$/),
  paymentMethod: expect.stringMatching(/^(razorpay|wallet|coupon)$/),
  ...DATES,
  __v: NUMBER,
};
const TRANSACTION_OPTIONAL = {
  razorpayPaymentId: TEXT,
  razorpaySignature: TEXT,
  subscriptionStartDate: TIME,
  subscriptionEndDate: TIME,
  completedAt: TIME,
  expiresAt: TIME,
  description: TEXT,
  errorCode: TEXT,
  errorDescription: TEXT,
};

/** TransactionBase. More fields may be there: copies of what was sold, for example. */
export function expectTransaction(transaction: Document): void {
  const present = Object.entries(TRANSACTION_OPTIONAL).filter(([key]) => key in transaction);
  expect(transaction).toMatchObject({ ...TRANSACTION, ...Object.fromEntries(present) });
  for (const [key, shape] of [
    ["referralCode", TEXT],
    ["referredBy", ID],
  ] as const) {
    if (key in transaction) expect([null, shape]).toContainEqual(transaction[key]);
  }
  expect(transaction).toHaveProperty("user");
  expect(transaction).toHaveProperty("plan");
}

/** UserContact, with the role where an administrator asks. */
export const expectContact = (user: Document, withRole: boolean) =>
  expectExactly(user, {
    _id: ID,
    name: TEXT,
    email: TEXT,
    phone: TEXT,
    ...(withRole ? { role: expect.stringMatching(/^(student|teacher|admin)$/) } : {}),
  });

export const expectPagination = (pagination: Document, page: number, limit: number, total: number) =>
  expect(pagination).toEqual({ page, limit, total, pages: Math.ceil(total / limit) });

/** The data of an answer that must be a success, in an envelope with exactly these keys. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function dataOf(answer: Answer, { status = 200, message = false } = {}): any {
  expect(answer.status, answer.text).toBe(status);
  const text = message ? { message: expect.stringMatching(/\S/) } : {};
  expect(answer.body).toEqual({ success: true, data: expect.anything(), ...text });
  return answer.body.data;
}
