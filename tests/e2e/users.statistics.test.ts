import { beforeAll, describe, expect, test } from "vitest";
import { createRegion, get } from "../support/client.ts";
import { admin, student, teacher } from "../support/people.ts";
import { ID, TEXT, TIME, expectExactly, expectRefusal } from "./auth.support.ts";
import { UNKNOWN, crowd, dataOf, fromNow } from "./users.support.ts";

const PATH = "/api/users/admin/statistics";
let token: string;
beforeAll(async () => {
  ({ token } = await admin());
});

const ask = (query: Record<string, string> = {}) => get(`${PATH}?${new URLSearchParams(query)}`, { token });
/** The statistics; what is asked for must succeed. */
const statistics = async (query: Record<string, string> = {}) => dataOf(await ask(query));

/** The first instant of a day, long ago, in which nobody else was created. */
const someDay = () => Date.UTC(1971, 0, 1 + Math.floor(Math.random() * 9000));
const DAY = 86_400_000;
const day = (at: number) => new Date(at).toISOString().slice(0, 10);

interface Roles {
  userStats: { _id: string; totalCount: number; statuses: object[] }[];
}
const totals = ({ userStats }: Roles) =>
  Object.fromEntries(
    userStats.filter(({ totalCount }) => totalCount > 0).map((role) => [role._id, role.totalCount]),
  );

test("is for administrators", async () => {
  expectRefusal(await get(PATH), 401, /Access token required/);
  for (const person of [await student(await createRegion()), await teacher()])
    expectRefusal(await person.get(`${PATH}?startDate=soon`), 403);
});

test("shape, over everybody", async () => {
  await crowd([{}]);
  const data = await statistics();
  const parts = ["filters", "recentUsers", "subscriptionStats", "topRegions", "userStats"];
  expect(Object.keys(data).sort()).toEqual(parts);
  expect(data.filters).toEqual({ startDate: "none", endDate: "none", region: "all" });
  expect(data.userStats.length).toBeLessThanOrEqual(3);
  for (const { _id, statuses, totalCount, ...rest } of data.userStats) {
    expect(rest).toEqual({});
    expect(_id).toMatch(/^(student|teacher|admin)$/);
    let sum = 0;
    for (const { isActive, count, avgScore, ...more } of statuses) {
      expect(more).toEqual({});
      expect(isActive).toEqual(expect.any(Boolean));
      if (avgScore !== null) expect(avgScore).toEqual(expect.any(Number));
      sum += count;
    }
    expect(totalCount).toBe(sum);
  }
  expect(data.recentUsers).toHaveLength(10);
  for (const user of data.recentUsers) {
    const region = user.region === null ? null : { _id: ID, name: TEXT, code: TEXT };
    const texts = { _id: ID, name: TEXT, email: TEXT, role: TEXT, createdAt: TIME };
    expect(user).toEqual({ ...texts, region, isActive: expect.any(Boolean) });
  }
  expect(data.topRegions.length).toBeLessThanOrEqual(5);
  for (const region of data.topRegions) {
    const NUMBER = expect.any(Number);
    const { regionDetails, ...counts } = region;
    expect(counts).toEqual({ _id: ID, userCount: NUMBER, studentCount: NUMBER, teacherCount: NUMBER });
    const totalsOf = {
      totalUsers: NUMBER,
      totalStudents: NUMBER,
      totalTeachers: NUMBER,
      averageScore: NUMBER,
    };
    const texts = { _id: region._id, name: TEXT, code: TEXT, isActive: expect.any(Boolean), __v: NUMBER };
    const times = { createdAt: TIME, updatedAt: TIME };
    expectExactly(regionDetails, { ...texts, ...totalsOf, ...times }, { description: TEXT });
  }
  for (const { _id, count, ...rest } of data.subscriptionStats) {
    expect(rest).toEqual({});
    if (_id !== null) expect(_id).toEqual(TEXT);
    expect(count).toEqual(expect.any(Number));
  }
});

describe("a region", () => {
  test("restricts every part", async () => {
    const score = (averageGameScore: number) => ({ studentInfo: { averageGameScore } });
    const { region, ids } = await crowd([
      score(80),
      score(60),
      { ...score(50), isActive: false },
      { role: "teacher" },
      { role: "admin", isActive: false },
    ]);
    const data = await statistics({ region });
    const found = Object.fromEntries((data as Roles).userStats.map((role) => [role._id, role]));
    expect(totals(data)).toEqual({ student: 3, teacher: 1, admin: 1 });
    expect(new Set(found["student"]!.statuses)).toEqual(
      new Set([
        { isActive: true, count: 2, avgScore: 70 },
        { isActive: false, count: 1, avgScore: 50 },
      ]),
    );
    expect(found["teacher"]!.statuses).toMatchObject([{ isActive: true, count: 1 }]);
    expect(found["admin"]!.statuses).toMatchObject([{ isActive: false, count: 1 }]);
    expect(data.recentUsers.map(({ _id }: { _id: string }) => _id)).toEqual(ids.toReversed());
    expect(data.topRegions).toMatchObject([
      { _id: region, userCount: 5, studentCount: 3, teacherCount: 1, regionDetails: { _id: region } },
    ]);
    expect(data.filters).toEqual({ startDate: "none", endDate: "none", region });
  });

  test("shows its ten newest", async () => {
    const { region, ids } = await crowd(Array.from({ length: 12 }, () => ({})));
    const { recentUsers } = await statistics({ region });
    expect(recentUsers.map(({ _id }: { _id: string }) => _id)).toEqual(ids.toReversed().slice(0, 10));
    for (const user of recentUsers) expect(user.region._id).toBe(region);
  });

  test("nobody lives in: everything is empty", async () => {
    const { userStats, subscriptionStats, ...data } = await statistics({ region: UNKNOWN });
    expect(data).toMatchObject({ recentUsers: [], topRegions: [] });
    expect(totals({ userStats })).toEqual({});
    for (const { count } of subscriptionStats) expect(count).toBe(0);
  });
});

test("subscriptions follow from the expiry of the plan", async () => {
  const { region } = await crowd([
    { studentInfo: { planExpiryDate: fromNow(1), subscriptionStatus: "cancelled" } },
    { studentInfo: { planExpiryDate: fromNow(2) } },
    { studentInfo: { planExpiryDate: fromNow(-1) } },
    { studentInfo: { subscriptionStatus: "active" } },
    { role: "teacher", studentInfo: { planExpiryDate: fromNow(1) } },
  ]);
  const { subscriptionStats } = await statistics({ region });
  const counts = new Map<string | null, number>(
    subscriptionStats.map(({ _id, count }: { _id: string; count: number }) => [_id, count]),
  );
  expect(counts.get("active")).toBe(2);
  expect(counts.has("cancelled")).toBe(false);
  // Whether who never had a plan is a group of its own is left open.
  expect([1, 2]).toContain(counts.get("expired"));
  expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(4);
});

describe("dates", () => {
  test("bound the registration, both inclusive; a bare day is its first instant", async () => {
    const start = someDay();
    const { ids } = await crowd(
      [start - 1, start, start + DAY / 2, start + DAY, start + DAY + 1].map((at) => ({
        createdAt: new Date(at),
      })),
    );
    const between = async (startDate: string, endDate: string) => {
      const data = await statistics({ startDate, endDate });
      expect(data.filters).toEqual({ startDate, endDate, region: "all" });
      const found = data.recentUsers.map(({ _id }: { _id: string }) => ids.indexOf(_id));
      expect(totals(data)).toEqual({ student: found.length });
      expect(data.topRegions).toMatchObject([{ userCount: found.length }]);
      return found;
    };
    expect(await between(day(start), day(start + DAY))).toEqual([3, 2, 1]);
    const exactly = (at: number) => new Date(at).toISOString();
    expect(await between(exactly(start - 1), exactly(start))).toEqual([1, 0]);
    expect(await between(exactly(start + DAY), exactly(start + DAY + 1))).toEqual([4, 3]);
  });

  test("alone", async () => {
    const start = someDay();
    const { region, ids } = await crowd([0, 1, 2].map((at) => ({ createdAt: new Date(start + at * DAY) })));
    const found = async (query: Record<string, string>) =>
      (await statistics({ region, ...query })).recentUsers.map(({ _id }: { _id: string }) =>
        ids.indexOf(_id),
      );
    expect(await found({ startDate: day(start + DAY) })).toEqual([2, 1]);
    expect(await found({ endDate: day(start + DAY) })).toEqual([1, 0]);
    expect(await found({ startDate: "", endDate: "" })).toEqual([2, 1, 0]);
  });

  test.for(["soon", "2024-13-01", "2024-02-30T99:00:00Z", "{}"])("that cannot be read: %s", async (date) => {
    expectRefusal(await ask({ startDate: date }), 400);
    expectRefusal(await ask({ endDate: date }), 400);
  });

  test.for(["not-an-id", UNKNOWN.slice(1)])("a bad region id: %s", async (region) =>
    expectRefusal(await ask({ region }), 400),
  );

  test.for(["startDate[$gt]=2020-01-01", "endDate[]=2020-01-01", "region[$ne]=x"])(
    "brackets make no operators: %s",
    async (query) => {
      const { region } = await crowd([{}]);
      const answer = await get(`${PATH}?${query.startsWith("region") ? "" : `region=${region}&`}${query}`, {
        token,
      });
      if (answer.status === 400) return expectRefusal(answer, 400);
      const data = dataOf(answer);
      if (!query.startsWith("region")) expect(totals(data)).toEqual({ student: 1 });
      expect(data.filters).toMatchObject({ startDate: "none", endDate: "none" });
    },
  );
});

test("the busiest regions come first, five at most, and those without a document not at all", async () => {
  const at = someDay();
  const createdAt = new Date(at + DAY / 2);
  const regions: string[] = [];
  for (const many of [1, 2, 3, 4, 5, 6]) {
    const each = Array.from({ length: many }, (_, index) => ({
      createdAt,
      role: index === 0 ? "teacher" : "student",
    }));
    regions.unshift((await crowd(each)).region);
  }
  await crowd(
    Array.from({ length: 7 }, () => ({ createdAt })),
    UNKNOWN,
  );
  const { topRegions } = await statistics({ startDate: day(at), endDate: day(at + DAY) });
  const found = topRegions.map(({ _id }: { _id: string }) => _id);
  // The one without a document may cost a place.
  expect(found.length).toBeGreaterThanOrEqual(4);
  expect(found).toEqual(regions.slice(0, Math.min(found.length, 5)));
  const counts = [6, 5, 4, 3].map((userCount) => ({
    userCount,
    studentCount: userCount - 1,
    teacherCount: 1,
  }));
  expect(topRegions.slice(0, 4)).toMatchObject(counts);
});
