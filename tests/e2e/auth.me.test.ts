import { ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { createRegion, unique, withDatabase } from "../support/client.ts";
import { expectPopulatedUser, plant, withUnreadable } from "./auth.support.ts";

const HOUR = 3_600_000;

async function plantPlan(fields: object = {}): Promise<ObjectId> {
  const _id = new ObjectId();
  const plan = { _id, name: `Plan ${unique()}`, description: "All of it", price: 499.5, duration: 1 };
  await withDatabase((db) =>
    db.collection("plans").insertOne({ ...plan, durationType: "months", isActive: true, __v: 0, ...fields }),
  );
  return _id;
}

/** What a planted user gets, checked against the schema. */
async function meOf(fields: object) {
  const planted = await plant(fields);
  const answer = await planted.get("/api/auth/me");
  expect(answer.status, answer.text).toBe(200);
  expect(Object.keys(answer.body).sort()).toEqual(["data", "success"]);
  expect(answer.text).not.toContain("$2");
  const { data } = answer.body;
  expectPopulatedUser(data.user);
  expect(data.user).toMatchObject({ _id: planted.id, email: planted.email, phone: planted.phone });
  return data;
}

describe("linked documents", () => {
  test("are expanded", async () => {
    const region = await createRegion({ description: "not sent", isActive: false });
    const teacher = await plant({ role: "teacher", name: "Guru" });
    const plan = await plantPlan({ features: [{ _id: new ObjectId(), name: "not sent" }] });
    const { user } = await meOf({
      region: new ObjectId(region),
      referredBy: new ObjectId(teacher.id),
      studentInfo: { currentPlan: plan },
    });
    expect(user.region._id).toBe(region);
    expect(user.referredBy).toEqual({ _id: teacher.id, name: "Guru", email: teacher.email });
    expect(user.studentInfo.currentPlan).toEqual({
      _id: plan.toHexString(),
      name: expect.stringMatching(/^Plan/),
      description: "All of it",
      price: 499.5,
    });
  });

  test("are null when there is no such document", async () => {
    const { user, region } = await meOf({
      region: new ObjectId(),
      referredBy: new ObjectId(),
      studentInfo: { currentPlan: new ObjectId() },
    });
    expect(user).toMatchObject({ region: null, referredBy: null, studentInfo: { currentPlan: null } });
    expect(region).toBeNull();
  });

  test("are absent or null when nothing was linked", async () => {
    const { user } = await meOf({ referredBy: null });
    expect(user.referredBy).toBeNull();
    expect(user.studentInfo).not.toHaveProperty("currentPlan");
  });
});

describe("the subscription follows from the expiry of the plan", () => {
  test.for([
    ["active", 1],
    ["expired", -1],
  ] as const)("%s", async ([status, hours]) => {
    const planExpiryDate = new Date(Date.now() + hours * HOUR);
    const currentPlan = await plantPlan();
    const { user } = await meOf({
      studentInfo: { planExpiryDate, currentPlan, subscriptionStatus: "written from outside" },
    });
    expect(user.studentInfo).toMatchObject({
      planExpiryDate: planExpiryDate.toISOString(),
      subscriptionStatus: status,
      subscriptionExpiry: planExpiryDate.toISOString(),
    });
  });

  test("its start is a plan's length before", async () => {
    const planExpiryDate = new Date("2031-03-15T10:00:00.000Z");
    const currentPlan = await plantPlan({ duration: 1, durationType: "months" });
    const { user } = await meOf({ studentInfo: { planExpiryDate, currentPlan } });
    expect(user.studentInfo.subscriptionStartDate).toBe("2031-02-15T10:00:00.000Z");
  });

  test("without an expiry there is nothing to derive", async () => {
    const { user } = await meOf({
      studentInfo: {
        subscriptionStatus: "active",
        subscriptionExpiry: new Date(Date.now() + HOUR),
        subscriptionStartDate: new Date(),
      },
    });
    for (const field of ["Status", "Expiry", "StartDate"]) {
      expect(user.studentInfo).not.toHaveProperty(`subscription${field}`);
    }
  });
});

test("the fields that a screen reads one level higher are there too", async () => {
  const region = await createRegion();
  const data = await meOf({
    role: "teacher",
    region: new ObjectId(region),
    teacherInfo: {
      referralCode: String(Math.floor(1e5 + Math.random() * 9e5)),
      experience: 7,
      isApproved: true,
    },
  });
  for (const field of ["_id", "name", "email", "phone", "region", "teacherInfo"]) {
    expect(data[field]).toEqual(data.user[field]);
  }
  expect(data.region._id).toBe(region);
  expect(data.teacherInfo.experience).toBe(7);
});

describe("documents of the old server", () => {
  test("that lack sub-objects are filled with defaults", async () => {
    const createdAt = new Date("2024-05-06T07:08:09.010Z");
    const { user } = await meOf({ createdAt });
    expect(user).toMatchObject({
      profilePicture: null,
      isEmailVerified: false,
      isPhoneVerified: false,
      referralDiscountApplied: false,
      studentInfo: {
        learningGoals: [],
        totalSessions: 0,
        averageGameScore: 0,
        totalGamesPlayed: 0,
        totalLecturesWatched: 0,
        totalWatchTime: 0,
      },
      teacherInfo: {
        experience: 0,
        specialization: [],
        hourlyRate: 0,
        totalStudents: 0,
        totalEarnings: 0,
        totalReferrals: 0,
        isApproved: false,
      },
      adminInfo: { permissions: [] },
      sessions: [],
      transactions: [],
      gameScores: [],
      createdAt: createdAt.toISOString(),
      __v: 0,
    });
    expect(user.teacherInfo).not.toHaveProperty("referralCode");
    // Its default is the time of the reading; 1970 would tell the app that he was away for decades.
    expect(Date.parse(user.lastActive)).toBeGreaterThanOrEqual(createdAt.getTime());
  });

  test("are sent as they are where they are full", async () => {
    const at = new Date("2025-01-02T03:04:05.678Z");
    const [game, session] = [new ObjectId(), new ObjectId()];
    const full = {
      profilePicture: "https://example.com/a.png",
      phone: `+91-98 ${unique()}`,
      isEmailVerified: true,
      studentInfo: {
        age: 12,
        educationLevel: "beginner",
        preferredLearningTime: "night",
        learningGoals: ["speak", "read"],
        totalSessions: 3,
        averageGameScore: 66.5,
        totalGamesPlayed: 4,
        totalLecturesWatched: 5,
        totalWatchTime: 6,
      },
      gameScores: [{ _id: game, gameType: "grammar", score: 80, date: at }],
      sessions: [session],
      transactions: [session],
      lastActive: at,
      __v: 7,
    };
    const { user } = await meOf({ ...full, deletedAt: at, resetPasswordToken: "hush", somethingNew: 1 });
    expect(user).toMatchObject({
      ...full,
      gameScores: [{ _id: game.toHexString(), gameType: "grammar", score: 80, date: at.toISOString() }],
      sessions: [session.toHexString()],
      transactions: [session.toHexString()],
      lastActive: at.toISOString(),
    });
    expect(user).not.toHaveProperty("resetPasswordToken");
  });

  test("without a role are students", async () => {
    const { user } = await meOf({ role: undefined });
    expect(user.role).toBe("student");
  });
});

describe("a document that cannot be read is nobody else's trouble", () => {
  test.for([
    ["another user", "/api/auth/me"],
    ["the list of regions", "/api/regions"],
  ] as const)("%s", ([, path]) =>
    withUnreadable(async (broken) => {
      const other = await plant();
      for (let turn = 0; turn < 8; turn++) {
        expect((await broken.get("/api/auth/me")).status).toBeGreaterThanOrEqual(400);
      }
      const answer = await other.get(path);
      expect(answer.status, answer.text).toBe(200);
    }),
  );

  test("the counts of regions", async () => {
    const region = await createRegion();
    await plant({ region: new ObjectId(region) });
    await withUnreadable(async (broken) => {
      const { regions } = (await broken.get("/api/regions")).body.data;
      expect(regions.find(({ _id }: { _id: string }) => _id === region).totalUsers).toBe(1);
    });
  });
});
