import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, createRegion, get } from "../support/client.ts";
import { admin } from "../support/people.ts";
import { TEXT, expectRefusal, plant } from "./auth.support.ts";
import {
  LEGACY,
  NO_IDS,
  STUDENT_INFO,
  TEACHER_INFO,
  UNKNOWN,
  dataOf,
  expectFullUser,
  fromNow,
  getUser,
  oid,
  plantPlan,
  sixDigits,
} from "./users.support.ts";

let boss: Learner;
beforeAll(async () => {
  boss = await admin();
});

describe("one user", () => {
  test("is the data itself, with region, referrer and the whole plan", async () => {
    const region = await createRegion({ description: "not sent" });
    const guru = await plant({ role: "teacher", name: "Guru" });
    const currentPlan = await plantPlan({ description: "All of it" });
    const planExpiryDate = fromNow(1);
    const user = await plant({
      region: oid(region),
      referredBy: oid(guru.id),
      studentInfo: { ...STUDENT_INFO, currentPlan, planExpiryDate },
      tokenVersion: 0,
      revokedTokens: ["inside"],
      ...LEGACY,
    });
    const data = dataOf(await getUser(user.id, user.token));
    expectFullUser(data);
    expect(data.studentInfo).not.toHaveProperty("favourite");
    expect(data).toMatchObject({
      _id: user.id,
      email: user.email,
      phone: user.phone,
      region: { _id: region, name: TEXT, code: TEXT },
      referredBy: { _id: guru.id, name: "Guru", email: guru.email },
      studentInfo: {
        age: 12,
        planExpiryDate: planExpiryDate.toISOString(),
        subscriptionStatus: "active",
        currentPlan: {
          _id: currentPlan.toHexString(),
          description: "All of it",
          price: 499.5,
          duration: 3,
          features: [
            { name: "Calls", description: "With anybody", isIncluded: true },
            { name: "Games", isIncluded: false },
          ],
        },
      },
    });
    // Neither the hash nor what only the server needs.
    for (const hidden of ["password", "tokenVersion", "revokedTokens", ...Object.keys(LEGACY)])
      expect(data).not.toHaveProperty(hidden);
    expect(dataOf(await getUser(user.id, boss.token))).toEqual({
      ...data,
      lastActive: expect.any(String),
    });
  });

  test("is a teacher or administrator himself", async () => {
    const teacher = await plant({
      role: "teacher",
      teacherInfo: { ...TEACHER_INFO, referralCode: sixDigits() },
    });
    const data = dataOf(await getUser(teacher.id, teacher.token));
    expectFullUser(data);
    const { favourite: _, ...info } = TEACHER_INFO;
    expect(data.teacherInfo).toMatchObject(info);
    expect(dataOf(await getUser(boss.id, boss.token))).toMatchObject({ _id: boss.id, role: "admin" });
  });

  test("links to nothing are null, and missing parts are filled", async () => {
    const lost = { region: new ObjectId(), referredBy: new ObjectId() };
    const broken = await plant({ ...lost, studentInfo: { currentPlan: new ObjectId() } });
    const data = dataOf(await getUser(broken.id, broken.token));
    expectFullUser(data);
    expect(data).toMatchObject({ region: null, referredBy: null, studentInfo: { currentPlan: null } });
    const bare = await plant({ region: undefined });
    const filled = dataOf(await getUser(bare.id, bare.token));
    expectFullUser(filled);
    expect(filled.studentInfo).not.toHaveProperty("currentPlan");
    expect(filled).toMatchObject({ region: null, profilePicture: null, adminInfo: { permissions: [] } });
  });

  test("stays readable for administrators when deactivated", async () => {
    const gone = await plant({ isActive: false });
    expect(dataOf(await getUser(gone.id, boss.token))).toMatchObject({ _id: gone.id, isActive: false });
    expectRefusal(await getUser(gone.id, gone.token), 401, /token/);
  });
});

describe("access", () => {
  test("nobody else's profile", async () => {
    const [one, other] = [await plant(), await plant()];
    const teacher = await plant({ role: "teacher" });
    expectRefusal(await getUser(other.id), 401, /Access token required/);
    for (const [target, token] of [
      [other, one.token],
      [other, teacher.token],
      [teacher, one.token],
      [boss, one.token],
    ] as const) {
      const answer = await getUser(target.id, token);
      expectRefusal(answer, 403);
      expect(answer.text).not.toContain(target.email);
    }
  });

  test("the token first, then the id, then whose it is, then whether it exists", async () => {
    const { token } = await plant();
    for (const id of NO_IDS) {
      expectRefusal(await getUser(id), 401, /Access token required/);
      expectRefusal(await getUser(id, token), 400);
      expectRefusal(await getUser(id, boss.token), 400);
    }
    expectRefusal(await getUser(UNKNOWN, token), 403);
    expectRefusal(await getUser(UNKNOWN, boss.token), 404);
  });

  test("an id in capitals is the same id, for an administrator", async () => {
    const { id } = await plant();
    expect(dataOf(await getUser(id.toUpperCase(), boss.token))._id).toBe(id);
  });

  test.for(["/api", "/api/api", ""])("under %j", async (base) => {
    const { id, token } = await plant();
    const answer = await get(`${base}/users/${id}`, { token });
    expect(dataOf(answer)._id).toBe(id);
    expect(answer.headers.get("cache-control")).toContain("no-store");
  });
});
