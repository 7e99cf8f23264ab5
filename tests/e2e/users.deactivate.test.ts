import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, PASSWORD, call, get, withDatabase } from "../support/client.ts";
import { admin } from "../support/people.ts";
import { TIME, expectRefusal, login, plant, stored } from "./auth.support.ts";
import {
  LEGACY,
  NO_IDS,
  STUDENT_INFO,
  TEACHER_INFO,
  UNKNOWN,
  dataOf,
  deactivate,
  getUser,
  oid,
  reactivate,
  sixDigits,
} from "./users.support.ts";

let boss: Learner;
beforeAll(async () => {
  boss = await admin();
});

const NOW = { updatedAt: expect.any(Date), __v: expect.any(Number) };

describe("access", () => {
  test.for([
    ["deactivate", deactivate],
    ["reactivate", reactivate],
  ] as const)("%s: administrators only, before the id is looked at", async ([, act]) => {
    const user = await plant();
    const teacher = await plant({ role: "teacher" });
    const before = await stored(user.id);
    for (const id of [user.id, UNKNOWN, "not-an-id"]) {
      expectRefusal(await act(id), 401, /Access token required/);
      // Not even one's own account.
      for (const { token } of [user, teacher]) expectRefusal(await act(id, token), 403);
    }
    expect(await stored(user.id)).toEqual(before);
    for (const id of NO_IDS) expectRefusal(await act(id, boss.token), 400);
    expectRefusal(await act(UNKNOWN, boss.token), 404);
  });

  test.for([
    ["POST", ""],
    ["PATCH", ""],
    ["POST", "/reactivate"],
    ["GET", "/reactivate"],
  ] as const)("%s /api/users/{id}%s is no route", async ([method, rest]) => {
    const { id } = await plant();
    const options = method === "GET" ? {} : { body: {} };
    expectRefusal(await call(method, `/api/users/${id}${rest}`, { token: boss.token, ...options }), 404);
  });
});

describe("deactivating", () => {
  test("hides nothing, removes nothing, and notes when", async () => {
    const user = await plant({
      role: "teacher",
      studentInfo: STUDENT_INFO,
      // Not approved: saving a teacher must not approve him.
      teacherInfo: { ...TEACHER_INFO, isApproved: false, referralCode: sixDigits() },
      legacy: LEGACY.legacy,
    });
    const before = await stored(user.id);
    const data = dataOf(await deactivate(user.id, boss.token));
    expect(data).toEqual({
      id: user.id,
      name: before["name"],
      email: user.email,
      deactivatedAt: TIME,
    });
    const deactivatedAt = new Date(data.deactivatedAt);
    expect(Math.abs(deactivatedAt.getTime() - Date.now())).toBeLessThan(10_000);
    expect(await stored(user.id)).toMatchObject({ ...before, ...NOW, isActive: false, deactivatedAt });
    const shown = dataOf(await getUser(user.id, boss.token));
    expect(shown).toMatchObject({ isActive: false, email: user.email });
  });

  test("ends sign-in and every token at the next request", async () => {
    const { id, email, token: old } = await plant();
    const fresh = (await login(email)).body.data.token;
    for (const token of [old, fresh]) expect((await get("/api/auth/me", { token })).status).toBe(200);
    dataOf(await deactivate(id, boss.token));
    for (const token of [old, fresh]) {
      for (const path of ["/api/auth/me", `/api/users/${id}`, "/api/leaderboard/my-rank"])
        expectRefusal(await get(path, { token }), 401, /token/);
    }
    expectRefusal(await login(email), 401, /Account is deactivated/);
  });

  test("twice succeeds twice", async () => {
    const { id } = await plant();
    for (const _ of [1, 2]) {
      expect(dataOf(await deactivate(id, boss.token))).toMatchObject({ id, deactivatedAt: TIME });
      expect((await stored(id))["isActive"]).toBe(false);
    }
  });

  test("is refused for the own account", async () => {
    const own = await admin();
    const before = await stored(own.id);
    for (const id of [own.id, own.id.toUpperCase()]) expectRefusal(await deactivate(id, own.token), 400);
    expect(await stored(own.id)).toEqual(before);
    expect((await own.get("/api/users?limit=1")).status).toBe(200);
  });

  test("works for another administrator, whose own acts end with it", async () => {
    const other = await admin();
    const victim = await plant();
    expect((await other.get("/api/users?limit=1")).status).toBe(200);
    dataOf(await deactivate(other.id, boss.token));
    expectRefusal(await deactivate(victim.id, other.token), 401, /token/);
    expect((await stored(victim.id))["isActive"]).toBe(true);
  });

  test("leaves other collections alone", async () => {
    const user = await plant();
    const now = new Date();
    const session = {
      sessionId: `chat_${user.id}`,
      title: "A session",
      sessionType: "chat",
      status: "completed",
      host: oid(user.id),
      participants: [],
      duration: 0,
      createdAt: now,
      updatedAt: now,
      __v: 0,
    };
    await withDatabase((db) => db.collection("sessions").insertOne({ ...session }));
    const student = await plant({ referredBy: oid(user.id) });
    dataOf(await deactivate(user.id, boss.token));
    const kept = await withDatabase((db) =>
      db.collection("sessions").findOne({ sessionId: session.sessionId }),
    );
    expect(kept).toMatchObject(session);
    expect((await stored(student.id))["referredBy"]).toEqual(oid(user.id));
  });
});

describe("reactivating", () => {
  test("gives sign-in back, and changes nothing else", async () => {
    const user = await plant({
      isActive: false,
      role: "teacher",
      teacherInfo: { ...TEACHER_INFO, isApproved: false, referralCode: sixDigits() },
      legacy: LEGACY.legacy,
    });
    const before = await stored(user.id);
    expectRefusal(await login(user.email), 401, /Account is deactivated/);
    const data = dataOf(await reactivate(user.id, boss.token));
    expect(data).toEqual({ id: user.id, name: before["name"], email: user.email, reactivatedAt: TIME });
    expect(Math.abs(Date.parse(data.reactivatedAt) - Date.now())).toBeLessThan(10_000);
    const after = await stored(user.id);
    expect(after).toMatchObject({ ...before, ...NOW, isActive: true });
    const { token } = (await login(user.email, PASSWORD)).body.data;
    expect((await get("/api/auth/me", { token })).status).toBe(200);
  });

  test("undoes a deactivation at once", async () => {
    const { id, email, token } = await plant();
    expect((await get("/api/auth/me", { token })).status).toBe(200);
    dataOf(await deactivate(id, boss.token));
    expectRefusal(await get("/api/auth/me", { token }), 401, /token/);
    dataOf(await reactivate(id, boss.token));
    const fresh = (await login(email)).body.data.token;
    expect((await get("/api/auth/me", { token: fresh })).status).toBe(200);
    dataOf(await deactivate(id, boss.token));
    expectRefusal(await get("/api/auth/me", { token: fresh }), 401, /token/);
  });

  test("an active user is refused", async () => {
    const { id } = await plant();
    const before = await stored(id);
    expectRefusal(await reactivate(id, boss.token), 400);
    expect(await stored(id)).toEqual(before);
  });

  test("twice at once: one succeeds", async () => {
    const { id } = await plant({ isActive: false });
    const answers = await Promise.all([1, 2].map(() => reactivate(id, boss.token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect((await stored(id))["isActive"]).toBe(true);
  });
});
