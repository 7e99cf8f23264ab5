/** What the tests of referrals share: codes as the old server stored them, and the shapes of the contract. */
import { type Document, ObjectId } from "mongodb";
import { beforeAll, expect } from "vitest";
import { type Answer, type Learner, call, post, unique, withDatabase } from "../support/client.ts";
import { admin, teacher } from "../support/people.ts";
import { ID, TEXT, TIME, expectExactly, expectRefusal, withoutUndefined } from "./auth.support.ts";
import { oid } from "./users.support.ts";

const NUMBER = expect.any(Number);
const FLAG = expect.any(Boolean);
export const DAY = 86_400_000;
export const inDays = (days: number) => new Date(Date.now() + days * DAY);

/** A code that no other test uses; those of the old server were six digits, or letters and digits in capitals. */
export const newCode = () => `C${unique()}`.toUpperCase();

/** A teacher as the old server saved her: approved, and with a code. */
export const codedTeacher = (fields: Document = {}, teacherInfo: Document = {}) =>
  teacher({ ...fields, teacherInfo: { referralCode: newCode(), isApproved: true, ...teacherInfo } });

export interface Planted {
  id: string;
  code: string;
}

/** Stores approved codes of a teacher, for 40 percent; undefined fields are left out. */
export async function plantReferrals(teacher: string, all: Document[]): Promise<Planted[]> {
  const now = new Date();
  const documents = all.map((fields) =>
    withoutUndefined({
      _id: new ObjectId(),
      teacher: oid(teacher),
      referralCode: newCode(),
      discountPercentage: 40,
      totalUses: 0,
      maxUses: -1,
      usedBy: [],
      isActive: true,
      isApproved: true,
      validFrom: inDays(-1),
      minimumAmount: 0,
      maximumDiscount: 1000,
      totalDiscountGiven: 0,
      totalRevenue: 0,
      createdAt: now,
      updatedAt: now,
      __v: 0,
      ...fields,
    }),
  );
  await withDatabase((db) => db.collection("referrals").insertMany(documents));
  return documents.map(({ _id, referralCode }) => ({ id: _id.toHexString(), code: referralCode }));
}

export async function plantReferral(
  fields: Document = {},
  of?: Learner,
): Promise<Planted & { teacher: Learner }> {
  const teacher = of ?? (await codedTeacher());
  return { ...(await plantReferrals(teacher.id, [fields]))[0]!, teacher };
}

/** What the payment route of the old server noted of a use: neither student nor amounts. */
export const oldUse = (transaction = new ObjectId(), usedAt = new Date()) => ({
  _id: new ObjectId(),
  usedAt,
  transaction,
});

/** Purchases, completed unless said otherwise; their ids. */
export async function plantPurchases(teacher: string | null, all: Document[]): Promise<ObjectId[]> {
  const documents = all.map((fields) => {
    const createdAt = fields["createdAt"] ?? new Date();
    const status = fields["status"] ?? "completed";
    return withoutUndefined({
      _id: new ObjectId(),
      user: new ObjectId(),
      plan: new ObjectId(),
      amount: 500,
      currency: "INR",
      discountAmount: 125,
      finalAmount: 375,
      razorpayOrderId: `order_${unique()}`,
      razorpayPaymentId: status === "completed" ? `pay_${unique()}` : undefined,
      referralCode: null,
      referredBy: teacher === null ? null : oid(teacher),
      discountPercentage: 25,
      status,
      paymentMethod: "razorpay",
      completedAt: status === "completed" ? createdAt : undefined,
      createdAt,
      updatedAt: createdAt,
      __v: 0,
      ...fields,
    });
  });
  await withDatabase((db) => db.collection("transactions").insertMany(documents));
  return documents.map(({ _id }) => _id);
}

const storedIn = (collection: string) => (id: string) =>
  withDatabase((db) => db.collection(collection).findOne({ _id: oid(id) })) as Promise<Document>;
export const storedReferral = storedIn("referrals");
export const storedUser = storedIn("users");

/** The calls of an administrator, one for a file. */
export function referralsAdmin() {
  let boss: Learner;
  beforeAll(async () => {
    boss = await admin();
  });
  const ask = (method: string, path: string, body?: unknown, token: string = boss.token) =>
    call(method, `/api/referrals${path}`, { token, ...(body === undefined ? {} : { body }) });
  return {
    boss: () => boss,
    ask,
    create: (body: unknown) => ask("POST", "", body),
    one: (id: string, token?: string) => ask("GET", `/${id}`, undefined, token),
    update: (id: string, body: unknown) => ask("PUT", `/${id}`, body),
    remove: (id: string) => ask("DELETE", `/${id}`),
    toggle: (id: string) => ask("PATCH", `/${id}/toggle-status`),
    ofTeacher: (id: string, token?: string) => ask("GET", `/teacher/${id}`, undefined, token),
  };
}

export const validate = (body: unknown, token?: string) => post("/api/referrals/validate", { token, body });

/** Those whom a teacher brought, for the admin site; no client reads a message there. */
export function broughtOf(answer: Answer): Document[] {
  expect(answer.status, answer.text).toBe(200);
  expectExactly(answer.body, { success: true, data: expect.any(Object) }, { message: TEXT });
  expect(answer.text).not.toContain("$2");
  return answer.body.data.referrals;
}

/** What a code is good for; it must be good. */
export async function offer(referralCode: string, amount?: unknown, token?: string): Promise<Document> {
  const answer = await validate({ referralCode, ...(amount === undefined ? {} : { amount }) }, token);
  expect(answer.status, answer.text).toBe(200);
  expect(answer.body).toMatchObject({ success: true, message: expect.stringMatching(/\S/) });
  expect(answer.body.data).toEqual({ isValid: true, referral: expect.any(Object) });
  return answer.body.data.referral;
}

/** The app shows the message of a 200, and a general one for anything else. */
export function expectBadCode(answer: Answer, why = answer.text): void {
  expect(answer.status, why).toBe(200);
  expect(answer.body, why).toMatchObject({ success: false, message: expect.stringMatching(/\S/) });
  expect(answer.body.data).toEqual({ isValid: false });
}

export async function expectInvalid(referralCode: string, amount?: number, token?: string): Promise<void> {
  expectBadCode(
    await validate({ referralCode, ...(amount === undefined ? {} : { amount }) }, token),
    referralCode,
  );
}

/** A plain refusal, without a list of fields. */
export function expectPlain(answer: Answer, status: number, text?: RegExp): void {
  expectRefusal(answer, status, text);
  expect(answer.body).not.toHaveProperty("errors");
}

function expectUse(use: Document, student: unknown): void {
  const amounts = { discountApplied: NUMBER, originalAmount: NUMBER, finalAmount: NUMBER };
  expectExactly(use, { _id: ID, usedAt: TIME }, { transaction: ID, student, ...amounts });
}

const REFERRAL = {
  _id: ID,
  referralCode: TEXT,
  discountPercentage: NUMBER,
  totalUses: NUMBER,
  maxUses: NUMBER,
  isActive: FLAG,
  isApproved: FLAG,
  minimumAmount: NUMBER,
  maximumDiscount: NUMBER,
  totalDiscountGiven: NUMBER,
  totalRevenue: NUMBER,
  usedBy: expect.any(Array),
  validFrom: TIME,
  createdAt: TIME,
  updatedAt: TIME,
  __v: NUMBER,
};
// The old store had no description; ours has.
const OPTIONAL = { validUntil: TIME, description: TEXT };

/** ReferralPopulated of the contract. */
export function expectReferral(referral: Document): void {
  const contact = { _id: ID, name: TEXT, email: TEXT, phone: TEXT };
  expectExactly(referral, { ...REFERRAL, teacher: referral["teacher"] === null ? null : contact }, OPTIONAL);
  for (const use of referral["usedBy"]) expectUse(use, ID);
}

/** ReferralFlat of the contract; its schema has ids of the students, its rules have them expanded. */
export function expectFlatReferral(referral: Document): void {
  expectExactly(referral, { ...REFERRAL, teacher: ID }, OPTIONAL);
  for (const use of referral["usedBy"]) {
    const expanded = typeof use["student"] === "object" && use["student"] !== null;
    expectUse(use, expanded ? expect.objectContaining({ _id: ID, name: TEXT }) : ID);
  }
}
