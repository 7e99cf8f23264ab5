/** PUT /api/users/{id} by the user himself: what he may change, and what nobody may raise for himself. */
import { type Document, ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { PASSWORD, createRegion, eventually, get, unique, uniquePhone } from "../support/client.ts";
import { expectRefusal, login, plant, setUser, stored } from "./auth.support.ts";
import {
  LEGACY,
  STUDENT_INFO,
  TEACHER_INFO,
  dataOf,
  expectOnlyChanged,
  expectSingleUser,
  fromNow,
  oid,
  plantPlan,
  put,
  sixDigits,
} from "./users.support.ts";

/** A student whose document is full, and holds more than any schema knows. */
async function fullStudent(fields: Document = {}) {
  const user = await plant({
    region: oid(await createRegion()),
    studentInfo: { ...STUDENT_INFO, planExpiryDate: fromNow(-1) },
    teacherInfo: { experience: 1 },
    adminInfo: { permissions: [] },
    gameScores: [{ _id: new ObjectId(), gameType: "grammar", score: 80, date: fromNow(-2), extra: 1 }],
    isEmailVerified: false,
    isPhoneVerified: false,
    updatedAt: new Date("2024-01-02T03:04:05.678Z"),
    ...LEGACY,
    ...fields,
  });
  return { ...user, before: await stored(user.id) };
}

async function fullTeacher(fields: Document = {}) {
  const referralCode = sixDigits();
  const teacherInfo = { ...TEACHER_INFO, referralCode, ...fields };
  const user = await plant({ role: "teacher", region: oid(await createRegion()), teacherInfo, ...LEGACY });
  return { ...user, before: await stored(user.id) };
}

const me = async (token: string) => (await get("/api/auth/me", { token })).body.data.user;

describe("only what is sent changes", () => {
  test("the name, trimmed; the answer is the user with links expanded", async () => {
    const currentPlan = await plantPlan();
    const guru = await plant({ role: "teacher" });
    const { id, token } = await fullStudent({ referredBy: oid(guru.id) });
    await setUser(id, { "studentInfo.currentPlan": currentPlan });
    const before = await stored(id);
    const data = dataOf(await put(id, { name: "  Asha Rao  " }, token));
    expectSingleUser(data);
    expect(data).toMatchObject({
      _id: id,
      name: "Asha Rao",
      region: { _id: before["region"].toHexString() },
      referredBy: { _id: guru.id },
      studentInfo: { age: 12, currentPlan: { _id: currentPlan.toHexString() } },
    });
    expect(data.updatedAt > before["updatedAt"].toISOString()).toBe(true);
    const after = await expectOnlyChanged(before, { name: "Asha Rao" });
    expect(after["updatedAt"].getTime()).toBeGreaterThan(before["updatedAt"].getTime());
    expect((await me(token)).name).toBe("Asha Rao");
  });

  test("nothing, when nothing is sent", async () => {
    const { id, token, before } = await fullStudent();
    expectSingleUser(dataOf(await put(id, {}, token)));
    await expectOnlyChanged(before);
  });

  test("studentInfo is merged one level deep, lists are replaced, numbers may be text", async () => {
    const { id, token, before } = await fullStudent();
    const sent = { age: "13", learningGoals: ["sing"], preferredLearningTime: "morning" };
    const data = dataOf(await put(id, { studentInfo: sent }, token));
    expectSingleUser(data);
    expect(data.studentInfo).toMatchObject({
      ...sent,
      age: 13,
      educationLevel: "beginner",
      totalSessions: 3,
    });
    await expectOnlyChanged(before, { studentInfo: { ...before["studentInfo"], ...sent, age: 13 } });
  });

  test("parts that an old document lacks are made", async () => {
    const { id, token } = await plant({ ...LEGACY });
    const before = await stored(id);
    expect(before).not.toHaveProperty("studentInfo");
    dataOf(await put(id, { studentInfo: { age: 20, educationLevel: "advanced" } }, token));
    const after = await stored(id);
    expect(after["studentInfo"]).toMatchObject({ age: 20, educationLevel: "advanced" });
    expect(after).toMatchObject({ ...before, updatedAt: expect.any(Date), __v: expect.any(Number) });
  });

  test("two saves of different fields at once both hold", async () => {
    const { id, token, before } = await fullStudent();
    const bodies = [
      { name: "Both" },
      { studentInfo: { age: 14 } },
      { studentInfo: { educationLevel: "advanced" } },
    ];
    const answers = await Promise.all(bodies.map((body) => put(id, body, token)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const studentInfo = { ...before["studentInfo"], age: 14, educationLevel: "advanced" };
    await expectOnlyChanged(before, { name: "Both", studentInfo });
  });
});

describe("the screens of the app", () => {
  test.for([
    ["plain", () => uniquePhone(), (phone: string) => phone],
    ["with a plus", () => `+91${uniquePhone()}`, (phone: string) => phone],
    [
      "with separators, stored clean on the next save",
      () => `${uniquePhone().slice(0, 5)}-${uniquePhone().slice(5)}`,
      (phone: string) => phone.replace("-", ""),
    ],
  ] as const)("profile: a phone %s is saved along with the rest", async ([, make, clean]) => {
    const phone = make();
    const { id, token, email, before } = await fullStudent({ phone, isEmailVerified: true });
    const answer = await put(id, { name: "New Name", email, phone }, token);
    expectSingleUser(dataOf(answer));
    await expectOnlyChanged(before, { name: "New Name", phone: clean(phone) });
    expect(await me(token)).toMatchObject({ name: "New Name", email, phone: clean(phone) });
  });

  test("profile: a new address is folded, no longer verified, and opens the account", async () => {
    const { id, token, before } = await fullStudent({ isEmailVerified: true });
    const mark = unique();
    const data = dataOf(await put(id, { email: `A.B${mark}+x@GoogleMail.com` }, token));
    const email = `ab${mark}@gmail.com`;
    expect(data).toMatchObject({ email, isEmailVerified: false });
    await expectOnlyChanged(before, { email, isEmailVerified: false });
    expect((await login(`a.b${mark}@gmail.com`)).status).toBe(200);
  });

  test("profile: the own address in another writing is the same, and stays verified", async () => {
    const email = `ab${unique()}@gmail.com`;
    const { id, token, before } = await fullStudent({ email, isEmailVerified: true });
    dataOf(await put(id, { email: email.toUpperCase().replace("AB", "A.B") }, token));
    await expectOnlyChanged(before);
  });

  test("profile: separators of a new phone are cut out", async () => {
    const { id, token, before } = await fullStudent();
    const digits = uniquePhone();
    const phone = `+91-${digits.slice(0, 5)} ${digits.slice(5)}`;
    const data = dataOf(await put(id, { phone }, token));
    expect(data.phone).toBe(`+91${digits}`);
    await expectOnlyChanged(before, { phone: `+91${digits}` });
  });

  test("region: it is linked, and the student is ranked there", async () => {
    const { id, token, before } = await fullStudent();
    const region = await createRegion();
    const data = dataOf(await put(id, { region }, token));
    expectSingleUser(data);
    expect(data.region._id).toBe(region);
    await expectOnlyChanged(before, { region: oid(region) });
    expect((await me(token)).region._id).toBe(region);
    await eventually("ranked in the new region", async () => {
      const rank = await get("/api/leaderboard/my-rank", { token });
      return rank.body.data?.region.id === region && rank.body.data.totalStudents === 1;
    });
  });

  test("teacher dashboard: the five fields, and nothing else of a teacher", async () => {
    const { id, token, email, phone, before } = await fullTeacher();
    const sent = {
      qualification: "Ph.D.",
      experience: "9",
      specialization: ["poems", "plays"],
      bio: "Older hand",
      hourlyRate: 300.5,
    };
    const data = dataOf(await put(id, { name: "Guru", email, phone, teacherInfo: sent }, token));
    expectSingleUser(data);
    const teacherInfo = { ...before["teacherInfo"], ...sent, experience: 9 };
    const { favourite: _, ...shown } = teacherInfo;
    expect(data.teacherInfo).toEqual(shown);
    await expectOnlyChanged(before, { name: "Guru", teacherInfo });
    expect((await me(token)).teacherInfo).toEqual(shown);
  });

  test("teacher dashboard: its call without an id is refused", async () => {
    const { token } = await fullTeacher();
    expectRefusal(await put("undefined", { name: "Guru" }, token), 400);
  });

  test("a teacher without a code gets one on the first save, and keeps it", async () => {
    const { id, token } = await plant({ role: "teacher" });
    const { referralCode } = dataOf(await put(id, { name: "Guru" }, token)).teacherInfo;
    expect(referralCode).toMatch(/^[1-9]\d{5}$/);
    const { teacherInfo } = dataOf(await put(id, { name: "Guru II" }, token));
    expect(teacherInfo).toMatchObject({ referralCode, isApproved: true });
    expect((await stored(id))["teacherInfo"]).toMatchObject({ referralCode, isApproved: true });
  });
});

/** A body by somebody for himself, in which nothing but the name may come through. */
async function expectOnlyName(user: { id: string; token: string; before: Document }, body: object) {
  const name = `Climber ${unique()}`;
  const answer = await put(user.id, { ...body, name }, user.token);
  if (answer.status === 200) {
    expectSingleUser(dataOf(answer));
    await expectOnlyChanged(user.before, { name });
  } else {
    expect([400, 403]).toContain(answer.status);
    expectRefusal(answer, answer.status);
    expect(await stored(user.id)).toEqual(user.before);
  }
  expect((await get("/api/users", { token: user.token })).status).toBe(403);
}

describe("nobody raises himself", () => {
  const future = new Date("2099-01-01T00:00:00.000Z");
  test.for<object>([
    { role: "admin" },
    { role: "teacher" },
    { isActive: false },
    { isEmailVerified: true },
    { isPhoneVerified: true },
    { studentInfo: { currentPlan: new ObjectId().toHexString() } },
    { studentInfo: { planExpiryDate: future } },
    { studentInfo: { subscriptionStatus: "active", subscriptionExpiry: future } },
    { studentInfo: { totalSessions: 99 } },
    { studentInfo: { averageGameScore: 99 } },
    { studentInfo: { totalGamesPlayed: 99 } },
    { studentInfo: { totalLecturesWatched: 99 } },
    { studentInfo: { totalWatchTime: 99 } },
    { studentInfo: { totalGameSessions: 99, totalCommunicationSessions: 99 } },
    { teacherInfo: { isApproved: true } },
    { teacherInfo: { referralCode: "123456", totalEarnings: 99 } },
    { adminInfo: { permissions: ["manage_users"] } },
    { _id: new ObjectId().toHexString() },
    { profilePicture: "https://example.com/x", referredBy: new ObjectId().toHexString() },
    { gameScores: [], sessions: [], transactions: [], referralDiscountApplied: true },
    { tokenVersion: 9, revokedTokens: [], __v: 99 },
    { createdAt: future, updatedAt: future, lastActive: future, deletedAt: null },
    { legacy: null, resetPasswordToken: "mine" },
    { "studentInfo.planExpiryDate": future, "role.x": "admin" },
    { $set: { role: "admin" }, $inc: { "studentInfo.totalSessions": 9 } },
    { studentInfo: { $set: 1, "planExpiryDate.x": 1 } },
    { studentInfo: { favourite: "red" } },
  ])("a student with %j", async (body) => expectOnlyName(await fullStudent(), body));

  test.for<object>([
    { role: "admin" },
    { teacherInfo: { totalEarnings: 1e6 } },
    { teacherInfo: { totalStudents: 99 } },
    { teacherInfo: { totalReferrals: 99 } },
    { teacherInfo: { referralCode: "123456" } },
    { teacherInfo: { earlierCodes: ["123456"] } },
    { teacherInfo: { isApproved: false } },
    { adminInfo: { permissions: ["manage_users"] } },
    { studentInfo: { planExpiryDate: future } },
  ])("a teacher with %j", async (body) => expectOnlyName(await fullTeacher(), body));

  test("not even with the code of a colleague", async () => {
    const colleague = await fullTeacher();
    const { referralCode } = colleague.before["teacherInfo"];
    await expectOnlyName(await fullTeacher(), { teacherInfo: { referralCode } });
    expect((await stored(colleague.id))["teacherInfo"].referralCode).toBe(referralCode);
  });

  test("a subscription cannot be had for the asking", async () => {
    const user = await fullStudent();
    const plan = (await plantPlan()).toHexString();
    const planExpiryDate = "2099-01-01T00:00:00.000Z";
    await put(user.id, { studentInfo: { currentPlan: plan, planExpiryDate } }, user.token);
    expect((await me(user.token)).studentInfo.subscriptionStatus).toBe("expired");
  });

  test("a password is not set this way", async () => {
    const user = await fullStudent();
    await expectOnlyName(user, { password: "brand-new-pass" });
    expect((await login(user.email, PASSWORD)).status).toBe(200);
    expect((await get("/api/auth/me", { token: user.token })).status).toBe(200);
  });
});
