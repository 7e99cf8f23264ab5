/** What the tests of /api/users share: the calls, planted users with all that a document may hold, and the shapes. */
import { type Document, ObjectId } from "mongodb";
import { expect } from "vitest";
import { type Answer, call, createRegion, get, unique, withDatabase } from "../support/client.ts";
import { ID, TEXT, bareUser, expectExactly, expectPopulatedUser, plantAll, stored } from "./auth.support.ts";

export const UNKNOWN = new ObjectId().toHexString();
export const oid = (id: string) => new ObjectId(id);
/** Texts that are no ids. */
export const NO_IDS = ["not-an-id", "undefined", UNKNOWN.slice(1), `${UNKNOWN}0`, "g".repeat(24), "$ne"];

export const put = (id: string, body: unknown, token?: string) =>
  call("PUT", `/api/users/${id}`, { token, body });
export const getUser = (id: string, token?: string) => get(`/api/users/${id}`, { token });
export const deactivate = (id: string, token?: string) => call("DELETE", `/api/users/${id}`, { token });
export const reactivate = (id: string, token?: string) =>
  call("PATCH", `/api/users/${id}/reactivate`, { token });

/** The code of a teacher, as the old server made them. */
export const sixDigits = () => String(100_000 + Math.floor(Math.random() * 900_000));

export const HOUR = 3_600_000;
export const fromNow = (hours: number) => new Date(Date.now() + hours * HOUR);

/** The data of an answer that must have succeeded, in an envelope with nothing else. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function dataOf(answer: Answer, status = 200): any {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.body).toEqual({
    success: true,
    message: expect.stringMatching(/\S/),
    data: expect.any(Object),
  });
  expect(answer.text).not.toMatch(/\$2[aby]\$\d\d\$[./\w]{53}/);
  return answer.body.data;
}

export const idsOf = ({ users }: { users: { _id: string }[] }) => users.map(({ _id }) => _id);

export async function plantPlan(fields: Document = {}): Promise<ObjectId> {
  const _id = new ObjectId();
  const features = [
    { _id: new ObjectId(), name: "Calls", description: "With anybody", isIncluded: true },
    { _id: new ObjectId(), name: "Games", isIncluded: false },
  ];
  const plan = { _id, name: `Plan ${unique()}`, price: 499.5, duration: 3, features };
  await withDatabase((db) =>
    db.collection("plans").insertOne({ ...plan, durationType: "months", isActive: true, __v: 0, ...fields }),
  );
  return _id;
}

/** Learners in a region of their own, with these fields each, the oldest first. */
export async function crowd(each: Document[], region?: string) {
  const home = region ?? (await createRegion());
  const users = await plantAll(
    each.map((fields, at) =>
      bareUser({ region: oid(home), createdAt: new Date(Date.UTC(2024, 0, 1, at)), ...fields }),
    ),
  );
  return { region: home, users, ids: users.map(({ id }) => id) };
}

/** Fields that old documents hold and no schema knows; they must survive, and must not be sent. */
export const LEGACY = {
  legacy: { kept: [1, { deep: true }] },
  deletedAt: new Date("2023-01-02T03:04:05.678Z"),
  resetPasswordToken: "hush",
};

/** What only the server or an administrator may set, and some that the user may. */
export const STUDENT_INFO = {
  age: 12,
  educationLevel: "beginner",
  preferredLearningTime: "night",
  learningGoals: ["speak", "read"],
  totalSessions: 3,
  averageGameScore: 66.5,
  totalGamesPlayed: 4,
  totalLecturesWatched: 5,
  totalWatchTime: 6,
  subscriptionStatus: "written from outside",
  favourite: "blue",
};
export const TEACHER_INFO = {
  qualification: "M.A.",
  experience: 7,
  specialization: ["grammar"],
  bio: "Old hand",
  hourlyRate: 250,
  totalStudents: 2,
  totalEarnings: 300.5,
  totalReferrals: 2,
  isApproved: true,
  favourite: "green",
};

/** A user of a list: as populated, teachers with the counts that the teacher page shows. */
export function expectListedUser(user: Document): void {
  const { totalReferrals, activeReferrals, ...rest } = user;
  expectPopulatedUser(rest);
  for (const count of [totalReferrals, activeReferrals]) {
    if (user["role"] === "teacher" || count !== undefined) expect(count).toEqual(expect.any(Number));
  }
}

/** A single user; teachers may carry the counts of the list here too. */
export function expectSingleUser(user: Document): void {
  const { totalReferrals: _, activeReferrals: __, ...rest } = user;
  expectPopulatedUser(rest);
}

/** UserPopulatedFull of the contract: the plan carries its duration and features. */
export function expectFullUser(user: Document): void {
  const plan = user["studentInfo"].currentPlan;
  if (!plan) return expectSingleUser(user);
  const { duration, features, ...reduced } = plan;
  expect(duration).toEqual(expect.any(Number));
  for (const feature of features) {
    const required = { _id: ID, name: TEXT, isIncluded: expect.any(Boolean) };
    expectExactly(feature, required, { description: TEXT });
  }
  expectSingleUser({ ...user, studentInfo: { ...user["studentInfo"], currentPlan: reduced } });
}

/** What may always differ after a save. */
const SAVED = { updatedAt: expect.any(Date), __v: expect.any(Number) };

/** The document is as before, but for these fields. */
export async function expectOnlyChanged(before: Document, changes: Document = {}): Promise<Document> {
  const after = await stored(before["_id"].toHexString());
  expect(after).toEqual({ ...before, ...SAVED, ...changes });
  return after;
}
