/** PUT /api/users/{id}: the body checks, the order of all checks, and duplicates. */
import { type Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Learner, unique, uniquePhone, withDatabase } from "../support/client.ts";
import { admin } from "../support/people.ts";
import { TEXT, expectRefusal, plant, stored } from "./auth.support.ts";
import { NO_IDS, STUDENT_INFO, UNKNOWN, dataOf, expectOnlyChanged, put } from "./users.support.ts";

let boss: Learner;
beforeAll(async () => {
  boss = await admin();
});

/** The list of failed checks, all of which are about this field or what is in it. */
function expectFailed(answer: Answer, field: string): void {
  expectRefusal(answer, 400);
  expect(answer.body.errors, answer.text).not.toHaveLength(0);
  for (const { value: _, ...error } of answer.body.errors) {
    expect(error).toEqual({ type: "field", msg: expect.stringMatching(/\S/), path: TEXT, location: "body" });
    expect(error.path.startsWith(field), answer.text).toBe(true);
  }
}

const OPERATOR = { $ne: 1 };

describe("a bad value of an own field is listed, and nothing is stored", () => {
  test.for<[string, unknown[]]>([
    ["name", ["a", " a ", "", "x".repeat(101), null, OPERATOR, ["Asha"]]],
    ["email", ["no address", "a@b", "", null, 5, OPERATOR, ["a@example.com"]]],
    ["phone", ["abc", "12345", "----------", "98765x3210", "9876543210123456", null, OPERATOR]],
    ["region", ["not-an-id", UNKNOWN.slice(1), OPERATOR, [UNKNOWN], 5]],
  ])("%s", async ([field, values]) => {
    const user = await plant();
    const before = await stored(user.id);
    for (const value of values) {
      expectFailed(await put(user.id, { studentInfo: { age: 30 }, [field]: value }, user.token), field);
    }
    expect(await stored(user.id)).toEqual(before);
  });

  test.for<[string, unknown[]]>([
    ["age", [4, 101, 5.5, "abc", null, OPERATOR]],
    ["educationLevel", ["expert", 5, OPERATOR]],
    ["preferredLearningTime", ["noon", 5, OPERATOR]],
    ["learningGoals", [{ a: 1 }, [OPERATOR]]],
  ])("studentInfo.%s", async ([field, values]) => {
    const user = await plant({ studentInfo: STUDENT_INFO });
    const before = await stored(user.id);
    for (const value of values) {
      const answer = await put(user.id, { name: "Kept", studentInfo: { [field]: value } }, user.token);
      expectFailed(answer, `studentInfo.${field}`);
    }
    expect(await stored(user.id)).toEqual(before);
  });

  test.for<[string, unknown[]]>([
    ["experience", [-1, 1.5, "x", null, OPERATOR]],
    ["hourlyRate", [-1, "x", null, OPERATOR]],
    ["qualification", [OPERATOR]],
    ["bio", [OPERATOR]],
    ["specialization", [{ a: 1 }, [OPERATOR]]],
  ])("teacherInfo.%s", async ([field, values]) => {
    const user = await plant({ role: "teacher" });
    const before = await stored(user.id);
    for (const value of values) {
      const answer = await put(user.id, { name: "Kept", teacherInfo: { [field]: value } }, user.token);
      expectFailed(answer, `teacherInfo.${field}`);
    }
    expect(await stored(user.id)).toEqual(before);
  });

  test("several at once are all listed, with the values as they were read", async () => {
    const { id, token } = await plant();
    const body = { name: " a ", email: "no address", studentInfo: { age: 4 } };
    const answer = await put(id, body, token);
    expectRefusal(answer, 400);
    const values = Object.fromEntries(
      answer.body.errors.map((error: { path: string; value: unknown }) => [error.path, error.value]),
    );
    expect(values).toEqual({ name: "a", email: "no address", "studentInfo.age": 4 });
  });
});

describe("an administrator's bad value is listed too", () => {
  test.for<[string, string, unknown[]]>([
    ["", "role", ["king", "Admin", OPERATOR]],
    ["", "isActive", ["maybe", 7, null, OPERATOR]],
    ["", "isEmailVerified", ["maybe", 7, OPERATOR]],
    ["", "isPhoneVerified", ["maybe", 7, OPERATOR]],
    ["", "password", ["abcde", 12345678, OPERATOR]],
    ["studentInfo", "subscriptionStatus", ["paused", OPERATOR]],
    ["studentInfo", "currentPlan", ["not-an-id", OPERATOR]],
    ["studentInfo", "planExpiryDate", ["soon", "2024-13-01", OPERATOR]],
    ["studentInfo", "subscriptionExpiry", ["soon", OPERATOR]],
    ["studentInfo", "totalLecturesWatched", [-1, 1.5, "x", OPERATOR]],
    ["studentInfo", "totalGameSessions", [-1, "x"]],
    ["studentInfo", "totalCommunicationSessions", [-1, "x"]],
    ["studentInfo", "averageGameScore", [-1, "x", OPERATOR]],
    ["studentInfo", "totalSessions", ["x", OPERATOR]],
    ["studentInfo", "totalGamesPlayed", ["x", OPERATOR]],
    ["studentInfo", "totalWatchTime", ["x", OPERATOR]],
    ["teacherInfo", "isApproved", ["maybe", OPERATOR]],
    ["adminInfo", "permissions", [["rule_the_world"], ["manage_users", OPERATOR], { a: 1 }]],
  ])("%s %s", async ([part, field, values]) => {
    const { id } = await plant({ studentInfo: STUDENT_INFO });
    const before = await stored(id);
    for (const value of values) {
      const body = part === "" ? { [field]: value } : { [part]: { [field]: value } };
      const answer = await put(id, { name: "Kept", ...body }, boss.token);
      expectFailed(answer, part === "" ? field : `${part}.${field}`);
      if (field === "password") expect(answer.text).not.toContain("abcde");
    }
    expect(await stored(id)).toEqual(before);
  });
});

test("parts that are no objects are refused or ignored", async () => {
  for (const value of ["text", 5, [], [{ age: 30 }], null]) {
    for (const part of ["studentInfo", "teacherInfo", "adminInfo"]) {
      const { id } = await plant({ studentInfo: STUDENT_INFO });
      const before = await stored(id);
      const answer = await put(id, { [part]: value }, boss.token);
      expect([200, 400]).toContain(answer.status);
      await expectOnlyChanged(before);
    }
  }
});

test("malformed JSON is refused without a list", async () => {
  const { id, token } = await plant();
  const answer = await put(id, "{", token);
  expectRefusal(answer, 400);
  expect(answer.body).not.toHaveProperty("errors");
});

test("an unknown region is refused", async () => {
  const { id, token } = await plant();
  const before = await stored(id);
  expectRefusal(await put(id, { region: UNKNOWN }, token), 400);
  expectRefusal(await put(id, { region: UNKNOWN }, boss.token), 400);
  expect(await stored(id)).toEqual(before);
});

test("the order: token, body, id, whose it is, whether it exists, duplicates", async () => {
  const [user, other] = [await plant(), await plant()];
  const [bad, good, taken] = [{ name: "a" }, { name: "Asha" }, { email: other.email }];
  expectRefusal(await put("not-an-id", bad), 401, /Access token required/);
  expectRefusal(await put(other.id, bad, "garbage"), 401, /token/);
  for (const id of [...NO_IDS, other.id, UNKNOWN]) expectFailed(await put(id, bad, user.token), "name");
  for (const id of NO_IDS) {
    for (const token of [user.token, boss.token]) {
      const answer = await put(id, good, token);
      expectRefusal(answer, 400);
      expect(answer.body).not.toHaveProperty("errors");
    }
  }
  for (const id of [other.id, UNKNOWN, boss.id]) expectRefusal(await put(id, good, user.token), 403);
  expectRefusal(await put(other.id, { phone: user.phone }, user.token), 403);
  expectRefusal(await put(UNKNOWN, good, boss.token), 404);
  expectRefusal(await put(UNKNOWN, taken, boss.token), 404);
  const answer = await put(user.id, taken, boss.token);
  expectRefusal(answer, 400, /email/i);
  expect(answer.body).not.toHaveProperty("errors");
  const teacher = await plant({ role: "teacher" });
  expectRefusal(await put(user.id, good, teacher.token), 403);
});

describe("another user's", () => {
  /** A plain 400 that names the field, and nothing stored. */
  async function expectTaken(user: Learner, body: Document, field: RegExp): Promise<void> {
    const before = await stored(user.id);
    for (const token of [user.token, boss.token]) {
      const answer = await put(user.id, { name: "Kept", ...body }, token);
      expectRefusal(answer, 400, field);
      expect(answer.body).not.toHaveProperty("errors");
    }
    expect(await stored(user.id)).toEqual(before);
  }

  test("e-mail, in any writing", async () => {
    const mark = unique();
    await plant({ email: `ab${mark}@gmail.com` });
    for (const email of [`ab${mark}@gmail.com`, `A.B${mark.toUpperCase()}+x@GoogleMail.com`])
      await expectTaken(await plant(), { email }, /email/i);
  });

  test("phone, in any writing", async () => {
    const other = await plant();
    const spaced = `${other.phone.slice(0, 5)}-${other.phone.slice(5)}`;
    for (const phone of [other.phone, spaced, `(${other.phone})`])
      await expectTaken(await plant(), { phone }, /phone/i);
    const abroad = await plant({ phone: `+91${uniquePhone()}` });
    await expectTaken(await plant(), { phone: abroad.phone }, /phone/i);
  });

  test("e-mail is compared whole and literally", async () => {
    const mark = unique();
    await plant({ email: `axb${mark}@example.com` });
    const { id, token } = await plant();
    for (const email of [`a.b${mark}@example.com`, `b${mark}@example.com`])
      expect(dataOf(await put(id, { email }, token)).email).toBe(email);
  });

  test.for([
    ["email", () => `${unique()}@example.com`],
    ["phone", () => uniquePhone()],
  ] as const)("%s, when two want it at once: one gets it", async ([field, make]) => {
    const value = make();
    const users = [await plant(), await plant()];
    const answers = await Promise.all(users.map(({ id, token }) => put(id, { [field]: value }, token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    expectRefusal(
      answers.find(({ status }) => status === 400)!,
      400,
      new RegExp(field, "i"),
    );
    expect(await withDatabase((db) => db.collection("users").countDocuments({ [field]: value }))).toBe(1);
  });
});
