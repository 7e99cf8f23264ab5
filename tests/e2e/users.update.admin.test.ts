/** PUT /api/users/{id} by an administrator. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, PASSWORD, createRegion, eventually, get, post } from "../support/client.ts";
import { admin } from "../support/people.ts";
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

let boss: Learner;
beforeAll(async () => {
  boss = await admin();
});

const change = async (id: string, body: object) => dataOf(await put(id, body, boss.token));

async function someone(fields: object = {}) {
  const user = await plant({ studentInfo: STUDENT_INFO, ...LEGACY, ...fields });
  return { ...user, before: await stored(user.id) };
}

describe("may change", () => {
  test("flags, also when they come as text", async () => {
    const { id, before } = await someone();
    const flags = { isActive: "false", isEmailVerified: "true", isPhoneVerified: 1 };
    const data = await change(id, flags);
    expectSingleUser(data);
    const set = { isActive: false, isEmailVerified: true, isPhoneVerified: true };
    expect(data).toMatchObject(set);
    const saved = { updatedAt: expect.any(Date), __v: expect.any(Number) };
    expect(await stored(id)).toMatchObject({ ...before, ...saved, ...set });
  });

  test("plan, expiry and statistics of a student", async () => {
    const { id, before } = await someone();
    const plan = await plantPlan();
    const expiry = new Date("2099-01-02T03:04:05.678Z");
    const counts = {
      totalSessions: 30,
      averageGameScore: 55.5,
      totalGamesPlayed: 40,
      totalLecturesWatched: "50",
      totalWatchTime: 60,
    };
    const sent = { currentPlan: plan.toHexString(), planExpiryDate: expiry.toISOString(), ...counts };
    const data = await change(id, { studentInfo: sent });
    expectSingleUser(data);
    const set = { ...counts, totalLecturesWatched: 50 };
    expect(data.studentInfo).toMatchObject({
      ...set,
      currentPlan: { _id: plan.toHexString(), price: 499.5 },
      planExpiryDate: expiry.toISOString(),
      subscriptionStatus: "active",
    });
    // As ids and dates, not as texts: everybody else looks for those.
    const links = { currentPlan: plan, planExpiryDate: expiry };
    await expectOnlyChanged(before, { studentInfo: { ...before["studentInfo"], ...set, ...links } });
  });

  test("nothing that the store does not have: such fields are checked and dropped", async () => {
    const { id, before } = await someone();
    await change(id, {
      studentInfo: {
        subscriptionStatus: "cancelled",
        subscriptionExpiry: "2099-01-02T03:04:05.678Z",
        totalGameSessions: 5,
        totalCommunicationSessions: 6,
      },
      profilePicture: "https://example.com/x",
      referredBy: boss.id,
      tokenVersion: 9,
    });
    await expectOnlyChanged(before);
  });

  test("permissions, all seven; a list replaces a list", async () => {
    const { id, before } = await someone({ role: "admin", adminInfo: { permissions: ["manage_users"] } });
    const permissions = [
      "manage_content",
      "manage_plans",
      "view_analytics",
      "manage_teachers",
      "manage_transactions",
      "manage_regions",
    ];
    expect((await change(id, { adminInfo: { permissions } })).adminInfo.permissions).toEqual(permissions);
    await expectOnlyChanged(before, { adminInfo: { permissions } });
    expect((await change(id, { adminInfo: { permissions: [] } })).adminInfo.permissions).toEqual([]);
    const all = [...permissions, "manage_users"];
    expect((await change(id, { adminInfo: { permissions: all } })).adminInfo.permissions).toEqual(all);
  });

  test("the region; an empty one is not given", async () => {
    const [region, other] = [await createRegion(), await createRegion()];
    const { id, before } = await someone({ region: oid(region) });
    const data = await change(id, { name: "Asha", region: "" });
    expect(data).toMatchObject({ name: "Asha", region: { _id: region } });
    await expectOnlyChanged(before, { name: "Asha" });
    expect((await change(id, { region: other })).region._id).toBe(other);
  });
});

describe("the forms of the admin site are saved as they are sent", () => {
  test("student", async () => {
    const { id, email, phone, before } = await someone();
    const flags = { isActive: true, isEmailVerified: true };
    const form = { name: "Asha", email, phone, role: "student", region: "", ...flags };
    const data = await change(id, { ...form, studentInfo: { age: 14 } });
    expectSingleUser(data);
    expect(data).toMatchObject({ name: "Asha", isEmailVerified: true, studentInfo: { age: 14 } });
    const studentInfo = { ...before["studentInfo"], age: 14 };
    await expectOnlyChanged(before, { name: "Asha", isEmailVerified: true, studentInfo });
  });

  test("teacher", async () => {
    const teacherInfo = { ...TEACHER_INFO, referralCode: sixDigits() };
    const { id, email, phone, before } = await someone({ role: "teacher", teacherInfo });
    const flags = { isActive: true, isEmailVerified: false };
    const sent = { qualification: "B.Ed.", experience: 3 };
    const form = { name: "Guru", email, phone, role: "teacher", region: "", ...flags, teacherInfo: sent };
    expectSingleUser(await change(id, form));
    const set = { isEmailVerified: false, teacherInfo: { ...teacherInfo, ...sent } };
    await expectOnlyChanged(before, { name: "Guru", ...set });
  });
});

describe("roles", () => {
  test("who becomes a teacher gets a code and is approved; later he keeps both", async () => {
    const { id } = await someone();
    const data = await change(id, { role: "teacher" });
    expectSingleUser(data);
    expect(data).toMatchObject({ role: "teacher", teacherInfo: { isApproved: true } });
    const { referralCode } = data.teacherInfo;
    expect(referralCode).toMatch(/^[1-9]\d{5}$/);
    expect((await change(id, { name: "Guru" })).teacherInfo).toMatchObject({ referralCode });
    const former = await change(id, { role: "student" });
    expect(former).toMatchObject({ role: "student", teacherInfo: { referralCode, isApproved: true } });
    expect((await change(id, { role: "teacher" })).teacherInfo).toMatchObject({ referralCode });
    expect((await stored(id))["studentInfo"]).toEqual(STUDENT_INFO);
  });

  test("approval can be withdrawn and given back", async () => {
    const teacherInfo = { ...TEACHER_INFO, referralCode: sixDigits() };
    const { id, before } = await someone({ role: "teacher", teacherInfo });
    for (const isApproved of [false, true, false]) {
      expect((await change(id, { teacherInfo: { isApproved } })).teacherInfo.isApproved).toBe(isApproved);
      await expectOnlyChanged(before, { teacherInfo: { ...teacherInfo, isApproved } });
    }
  });

  test("no two teachers have one code", async () => {
    const teachers = [];
    for (const _ of [1, 2]) {
      const teacherInfo = { ...TEACHER_INFO, referralCode: sixDigits() };
      teachers.push(await someone({ role: "teacher", teacherInfo }));
    }
    const [one, other] = teachers;
    const { referralCode } = one!.before["teacherInfo"];
    const answer = await put(other!.id, { teacherInfo: { referralCode } }, boss.token);
    expect([200, 400]).toContain(answer.status);
    expect((await stored(other!.id))["teacherInfo"].referralCode).not.toBe(referralCode);
  });

  test("a new role counts at once, whatever becomes of the token", async () => {
    const other = await admin();
    expect((await other.get("/api/users?limit=1")).status).toBe(200);
    await change(other.id, { role: "student" });
    await eventually("no longer an administrator", async () =>
      [401, 403].includes((await other.get("/api/users?limit=1")).status),
    );
    const again = await login(other.email);
    expect(again.body.data.user.role).toBe("student");
    expectRefusal(await get("/api/users", { token: again.body.data.token }), 403);
  });
});

describe("activity", () => {
  test("isActive false ends sign-in and every token at once; true gives sign-in back", async () => {
    const { id, email } = await someone();
    const token = (await login(email)).body.data.token;
    expect((await get("/api/auth/me", { token })).status).toBe(200);
    expect((await change(id, { isActive: false })).isActive).toBe(false);
    expectRefusal(await get("/api/auth/me", { token }), 401, /token/);
    expectRefusal(await login(email), 401, /Account is deactivated/);
    expect((await change(id, { isActive: true })).isActive).toBe(true);
    expect((await login(email)).status).toBe(200);
  });
});

describe("the own account", () => {
  test.for<object>([{ role: "student" }, { role: "teacher" }, { isActive: false }, { isActive: "false" }])(
    "is not demoted or deactivated: %j",
    async (body) => {
      const own = await admin();
      const before = await stored(own.id);
      const answer = await put(own.id, { name: "Kept", ...body }, own.token);
      expect([400, 403]).toContain(answer.status);
      expectRefusal(answer, answer.status);
      expect(await stored(own.id)).toEqual(before);
      expect((await own.get("/api/users?limit=1")).status).toBe(200);
    },
  );

  test("may be renamed, with the form that names role and activity as they are", async () => {
    const own = await admin();
    const before = await stored(own.id);
    const { email, phone } = own;
    const form = { name: "Boss", email, phone, role: "admin", region: "", isActive: true };
    dataOf(await put(own.id, { ...form, adminInfo: { permissions: ["manage_users"] } }, own.token));
    expect(await stored(own.id)).toMatchObject({
      ...before,
      name: "Boss",
      adminInfo: { permissions: ["manage_users"] },
      updatedAt: expect.any(Date),
      __v: expect.any(Number),
    });
    expect((await own.get("/api/users?limit=1")).status).toBe(200);
  });
});

describe("a password", () => {
  test("is set, and ends every session of that user", async () => {
    const { id, email, token: old, before } = await someone();
    const fresh = (await login(email)).body.data.token;
    const body = { name: "Asha", password: "six-ch" };
    const answer = await put(id, body, boss.token);
    expectSingleUser(dataOf(answer));
    expect(answer.text).not.toContain("six-ch");
    for (const token of [old, fresh]) {
      expectRefusal(await get("/api/auth/me", { token }), 401, /token/);
      expectRefusal(await post("/api/auth/logout", { token }), 401, /token/);
    }
    expectRefusal(await login(email, PASSWORD), 401, /Invalid credentials/);
    expect((await login(email, "six-ch")).status).toBe(200);
    const after = await stored(id);
    expect(after["password"]).toMatch(/^\$2[ab]\$12\$.{53}$/);
    expect(after).toMatchObject({ name: "Asha", legacy: before["legacy"], studentInfo: STUDENT_INFO });
    expect((await boss.get("/api/auth/me")).status).toBe(200);
  });

  test("that is bad stops the whole save", async () => {
    const { id, email, before } = await someone();
    expectRefusal(await put(id, { name: "Asha", password: "five5" }, boss.token), 400);
    expect(await stored(id)).toEqual(before);
    expect((await login(email)).status).toBe(200);
  });
});

test("saving never loses what a game or payment writes meanwhile", async () => {
  const { id, before } = await someone();
  const planExpiryDate = fromNow(24);
  const saves = [11, 12, 13, 14].map((age) => put(id, { studentInfo: { age } }, boss.token));
  await setUser(id, { "studentInfo.planExpiryDate": planExpiryDate, "studentInfo.totalSessions": 9 });
  for (const answer of await Promise.all(saves)) dataOf(answer);
  const studentInfo = { ...before["studentInfo"], planExpiryDate, totalSessions: 9 };
  await expectOnlyChanged(before, { studentInfo: { ...studentInfo, age: expect.any(Number) } });
});
