/** What the tests of accounts share: users planted in the database, and the shapes that the contract prescribes. */
import { hashSync } from "bcryptjs";
import { type Document, ObjectId } from "mongodb";
import { expect, inject } from "vitest";
import {
  type Answer,
  type Learner,
  PASSWORD,
  eventually,
  learner,
  post,
  unique,
  uniquePhone,
  withDatabase,
} from "../support/client.ts";
import { tokenFor } from "../support/tokens.ts";

/** Of {@link PASSWORD}; cheap, for accounts whose hash is not under test. */
export const CHEAP_HASH = hashSync(PASSWORD, 4);

/** Leaves out what is undefined; the driver would store null. */
export const withoutUndefined = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;

/** A document of the old server with nothing but what it always has; undefined fields are left out. */
export function bareUser(fields: Document = {}): Document & { _id: ObjectId } {
  return withoutUndefined({
    _id: new ObjectId(),
    name: `Learner ${unique()}`,
    email: `${unique()}@example.com`,
    phone: uniquePhone(),
    password: CHEAP_HASH,
    role: "student",
    isActive: true,
    region: new ObjectId(),
    createdAt: new Date(),
    updatedAt: new Date(),
    __v: 0,
    ...fields,
  });
}

/** Puts users into the database, past the Worker. Their tokens are those of the old server. */
export async function plantAll(documents: (Document & { _id: ObjectId })[]): Promise<Learner[]> {
  await withDatabase((db) => db.collection("users").insertMany(documents));
  return documents.map(({ _id, email, phone, region }) => {
    const id = _id.toHexString();
    return learner(id, tokenFor(id), email, phone, String(region));
  });
}

export async function plant(fields: Document = {}): Promise<Learner> {
  const [planted] = await plantAll([bareUser(fields)]);
  return planted!;
}

/**
 * Works with a user whose document cannot be read, and cleans up: neither the document nor what the Worker makes of it
 * may reach another file.
 */
export async function withUnreadable(work: (broken: Learner) => Promise<void>): Promise<void> {
  const [broken, other] = [await plant({ role: 7 }), await plant()];
  try {
    await work(broken);
  } finally {
    await withDatabase((db) => db.collection("users").deleteOne({ _id: new ObjectId(broken.id) }));
    await eventually("served again", async () => (await other.get("/api/auth/me")).status === 200);
  }
}

/** The user as stored. */
export async function stored(id: string): Promise<Document> {
  const found = await withDatabase((db) => db.collection("users").findOne({ _id: new ObjectId(id) }));
  return found!;
}

export const setUser = (id: string, fields: Document) =>
  withDatabase((db) => db.collection("users").updateOne({ _id: new ObjectId(id) }, { $set: fields }));

export const login = (email: unknown, password: unknown = PASSWORD) =>
  post("/api/auth/login", { body: { email, password } });

/** The body of a sign-up that is accepted. */
export const registration = (region: string, fields: object = {}) => ({
  name: `Learner ${unique()}`,
  email: `${unique()}@example.com`,
  phone: uniquePhone(),
  password: PASSWORD,
  role: "student",
  region,
  ...fields,
});

export const register = (region: string, fields: object = {}) =>
  post("/api/auth/register", { body: registration(region, fields) });

/** The user of a sign-up that must have succeeded. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function created(answer: Answer): any {
  expect(answer.status, answer.text).toBe(201);
  return answer.body.data.user;
}

export async function adminToken(): Promise<string> {
  return (await post("/api/auth/admin/login", { body: inject("stack").admin })).body.data.token;
}

/** What a token says, unchecked. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export const claimsOf = (token: string): any =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

/** The error envelope. Every 401 that is not about credentials has its own check in the tests. */
export function expectRefusal(answer: Answer, status: number, text: RegExp | string = /\S/): void {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.body).toMatchObject({ success: false, message: expect.stringMatching(text) });
}

/** The envelope of failed body checks; says which fields failed. */
export function expectFieldErrors(answer: Answer, paths: string[]): void {
  expectRefusal(answer, 400);
  const { errors } = answer.body;
  for (const { value: _, ...error } of errors ?? []) {
    expect(error).toEqual({ type: "field", msg: expect.stringMatching(/\S/), path: TEXT, location: "body" });
  }
  expect(new Set(errors?.map((error: { path: string }) => error.path)), answer.text).toEqual(new Set(paths));
}

export const ID = expect.stringMatching(/^[0-9a-f]{24}$/);
export const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
export const TEXT = expect.any(String);
const NUMBER = expect.any(Number);
const FLAG = expect.any(Boolean);
const LIST = expect.any(Array);
const OBJECT = expect.any(Object);

/** All required keys, perhaps optional ones, and no others. */
export function expectExactly(actual: Document, required: object, optional: object = {}): void {
  const present = Object.entries(optional).filter(([key]) => key in actual);
  expect(actual).toEqual({ ...required, ...Object.fromEntries(present) });
}

const STUDENT_INFO = {
  learningGoals: LIST,
  totalSessions: NUMBER,
  averageGameScore: NUMBER,
  totalGamesPlayed: NUMBER,
  totalLecturesWatched: NUMBER,
  totalWatchTime: NUMBER,
};
const STUDENT_INFO_OPTIONAL = {
  age: NUMBER,
  educationLevel: TEXT,
  preferredLearningTime: TEXT,
  planExpiryDate: TIME,
};
const TEACHER_INFO = {
  experience: NUMBER,
  specialization: LIST,
  hourlyRate: NUMBER,
  totalStudents: NUMBER,
  totalEarnings: NUMBER,
  totalReferrals: NUMBER,
  isApproved: FLAG,
};
const USER = {
  _id: ID,
  name: TEXT,
  email: TEXT,
  phone: TEXT,
  role: expect.stringMatching(/^(student|teacher|admin)$/),
  isActive: FLAG,
  isEmailVerified: FLAG,
  isPhoneVerified: FLAG,
  studentInfo: OBJECT,
  teacherInfo: OBJECT,
  adminInfo: OBJECT,
  referralDiscountApplied: FLAG,
  sessions: LIST,
  transactions: LIST,
  gameScores: LIST,
  lastActive: TIME,
  createdAt: TIME,
  updatedAt: TIME,
  __v: NUMBER,
};

function expectUser(user: Document, studentOptional: object, links: object, optionalLinks: object): void {
  const picture = user["profilePicture"] === null ? null : TEXT;
  expectExactly(user, { ...USER, profilePicture: picture, ...links }, optionalLinks);
  expectExactly(user["studentInfo"], STUDENT_INFO, { ...STUDENT_INFO_OPTIONAL, ...studentOptional });
  expectExactly(user["teacherInfo"], TEACHER_INFO, {
    qualification: TEXT,
    bio: TEXT,
    referralCode: expect.stringMatching(/^\d{6}$/),
  });
  expectExactly(user["adminInfo"], { permissions: LIST }, { lastLogin: TIME });
}

/** UserFlat of the contract: ids for linked documents. */
export function expectFlatUser(user: Document): void {
  const referrer = user["referredBy"] === null ? null : ID;
  expectUser(user, { currentPlan: ID }, { region: ID }, { referredBy: referrer });
}

/** UserPopulated of the contract, with the fields derived from the expiry of the plan. */
export function expectPopulatedUser(user: Document): void {
  const orNull = (value: unknown, shape: object) => (value === null ? null : shape);
  const plan = user["studentInfo"].currentPlan;
  const derived = {
    currentPlan: orNull(plan, {
      _id: ID,
      name: TEXT,
      price: NUMBER,
      ...(plan?.description === undefined ? {} : { description: TEXT }),
    }),
    subscriptionStatus: expect.stringMatching(/^(active|expired)$/),
    subscriptionExpiry: TIME,
    subscriptionStartDate: TIME,
  };
  const region = orNull(user["region"], { _id: ID, name: TEXT, code: TEXT });
  const referredBy = orNull(user["referredBy"], { _id: ID, name: TEXT, email: TEXT });
  expectUser(user, derived, { region }, { referredBy });
}
