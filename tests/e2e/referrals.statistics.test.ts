/** Figures about codes, for administrators. */
import { type Document, ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { call } from "../support/client.ts";
import { person } from "../support/people.ts";
import { ID, TEXT, TIME, expectExactly, expectRefusal } from "./auth.support.ts";
import {
  DAY,
  codedTeacher,
  oldUse,
  plantPurchases,
  plantReferrals,
  referralsAdmin,
  storedUser,
} from "./referrals.support.ts";
import { NO_IDS, UNKNOWN, dataOf } from "./users.support.ts";

const PATH = "/admin/statistics";
const { ask } = referralsAdmin();
const statistics = async (query: Record<string, string> = {}) =>
  dataOf(await ask("GET", `${PATH}?${new URLSearchParams(query)}`));

const sorted = (values: number[]) => values.toSorted((a, b) => b - a);
/** The first instant of a day, long ago, in which no other test makes codes. */
const someDay = () => Date.UTC(1971, 0, 1 + Math.floor(Math.random() * 9000));

test("is for administrators, before anything else is looked at", async () => {
  expectRefusal(await call("GET", `/api/referrals${PATH}`), 401, /Access token required/);
  for (const { token } of [await person(), await codedTeacher()]) {
    expectRefusal(await ask("GET", `${PATH}?teacher=x&startDate=soon`, undefined, token), 403);
  }
});

test("shape, over everything", async () => {
  const teachers = [await codedTeacher({}, { bio: "Secret bio" }), await codedTeacher()];
  await plantReferrals(teachers[0]!.id, [{ totalUses: 2e6 }, { totalUses: 1e6, isActive: false }]);
  await plantReferrals(teachers[1]!.id, [{ totalUses: 4e6, discountPercentage: 10 }]);
  const data = await statistics();
  expect(Object.keys(data).sort()).toEqual(["filters", "referralStats", "topReferrals", "usageOverTime"]);
  expect(data.filters).toEqual({ startDate: TEXT, endDate: TEXT, teacher: TEXT });
  for (const { statuses, teacherDetails, ...rest } of data.referralStats) {
    expect(rest).toEqual({ _id: ID, totalReferrals: expect.any(Number), totalUses: expect.any(Number) });
    let sum = 0;
    for (const { isActive, count, totalUses, avgDiscount, ...more } of statuses) {
      expect(more).toEqual({});
      expect([typeof isActive, typeof count, typeof totalUses]).toEqual(["boolean", "number", "number"]);
      if (avgDiscount !== null) expect(avgDiscount).toEqual(expect.any(Number));
      sum += count;
    }
    expect(sum).toBe(rest.totalReferrals);
    // A contact, and least of all the hash.
    expectExactly(
      teacherDetails,
      { name: TEXT, email: TEXT, phone: TEXT },
      { _id: rest._id, role: TEXT, isActive: expect.any(Boolean) },
    );
  }
  const uses = data.referralStats.map(({ totalUses }: Document) => totalUses);
  expect(uses).toEqual(sorted(uses));
  const find = (id: string) => data.referralStats.find(({ _id }: Document) => _id === id);
  const { name } = await storedUser(teachers[0]!.id);
  expect(find(teachers[0]!.id)).toMatchObject({
    totalReferrals: 2,
    totalUses: 3e6,
    teacherDetails: { name, email: teachers[0]!.email, phone: teachers[0]!.phone },
  });
  expect(new Set(find(teachers[0]!.id).statuses)).toEqual(
    new Set([
      { isActive: true, count: 1, totalUses: 2e6, avgDiscount: 40 },
      { isActive: false, count: 1, totalUses: 1e6, avgDiscount: 40 },
    ]),
  );
  expect(data.topReferrals.length).toBeLessThanOrEqual(10);
  for (const { teacher, ...rest } of data.topReferrals) {
    const figures = { discountPercentage: expect.any(Number), totalUses: expect.any(Number) };
    const flags = { isActive: expect.any(Boolean), createdAt: TIME };
    expect(rest).toEqual({ _id: ID, referralCode: TEXT, ...figures, ...flags });
    if (teacher !== null) expect(teacher).toEqual({ _id: ID, name: TEXT, email: TEXT });
  }
  const top = data.topReferrals.map(({ totalUses }: Document) => totalUses);
  expect(top).toEqual(sorted(top));
  for (const { _id, ...counts } of data.usageOverTime) {
    expect(_id).toEqual({ year: expect.any(Number), month: expect.any(Number) });
    expect(counts).toEqual({ newReferrals: expect.any(Number), totalUses: expect.any(Number) });
  }
});

describe("a teacher", () => {
  test("restricts every list", async () => {
    const teacher = await codedTeacher();
    const planted = await plantReferrals(
      teacher.id,
      Array.from({ length: 11 }, (_, at) => ({ totalUses: (at * 4) % 11, isActive: at !== 3 })),
    );
    const data = await statistics({ teacher: teacher.id });
    expect(data.referralStats).toMatchObject([{ _id: teacher.id, totalReferrals: 11, totalUses: 55 }]);
    const ids = planted.map(({ id }) => id);
    expect(data.topReferrals.map(({ _id }: Document) => (ids.indexOf(_id) * 4) % 11)).toEqual([
      10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
    ]);
    const { name } = await storedUser(teacher.id);
    for (const one of data.topReferrals) {
      expect(one.teacher).toEqual({ _id: teacher.id, name, email: teacher.email });
    }
    const made = data.usageOverTime.reduce((sum: number, month: Document) => sum + month["newReferrals"], 0);
    expect(made).toBe(11);
    expect(data.filters.teacher).toBe(teacher.id);
  });

  test("with nothing has nothing; a bad id is refused", async () => {
    for (const teacher of [UNKNOWN, (await codedTeacher()).id]) {
      const { filters, ...rest } = await statistics({ teacher });
      expect(rest).toEqual({ referralStats: [], topReferrals: [], usageOverTime: [] });
      expect(filters.teacher).toBe(teacher);
    }
    for (const teacher of NO_IDS) {
      expectRefusal(await ask("GET", `${PATH}?${new URLSearchParams({ teacher })}`), 400);
    }
  });
});

test("codes count in the month they were made, uses in the month of the use", async () => {
  const teacher = await codedTeacher();
  const at = (month: number) => new Date(Date.UTC(2023, month, 15));
  const bought = await plantPurchases(
    teacher.id,
    [2, 2, 5].map((month) => ({ createdAt: at(month) })),
  );
  const [march, again, june] = bought.map((transaction, index) => ({
    ...oldUse(transaction, at([2, 2, 5][index]!)),
    student: new ObjectId(),
    discountApplied: 125,
    originalAmount: 500,
    finalAmount: 375,
  }));
  await plantReferrals(teacher.id, [
    { createdAt: at(0), usedBy: [march, june], totalUses: 2 },
    { createdAt: at(2), usedBy: [again], totalUses: 1 },
    { createdAt: at(0) },
  ]);
  const { usageOverTime } = await statistics({ teacher: teacher.id });
  const months = Object.fromEntries(
    usageOverTime.map(({ _id, newReferrals, totalUses }: Document) => [
      `${_id.year}-${_id.month}`,
      [newReferrals, totalUses],
    ]),
  );
  expect(months).toEqual({ "2023-1": [2, 0], "2023-3": [1, 2], "2023-6": [0, 1] });
});

describe("dates", () => {
  test("restrict by the day a code was made", async () => {
    const day = someDay();
    const teacher = await codedTeacher();
    const ids = (
      await plantReferrals(
        teacher.id,
        [-1, 0, 0.5, 2].map((days) => ({ createdAt: new Date(day + days * DAY), totalUses: 1 })),
      )
    ).map(({ id }) => id);
    const iso = (days: number) => new Date(day + days * DAY).toISOString();
    for (const [query, expected] of [
      [{ startDate: iso(0) }, [1, 2, 3]],
      [{ endDate: iso(0.75) }, [0, 1, 2]],
      [{ startDate: iso(0), endDate: iso(0.75) }, [1, 2]],
      [{ startDate: iso(3) }, []],
    ] as [Record<string, string>, number[]][]) {
      const data = await statistics({ teacher: teacher.id, ...query });
      const found = data.topReferrals.map(({ _id }: Document) => ids.indexOf(_id)).sort();
      expect(found, JSON.stringify(query)).toEqual(expected);
      expect(data.referralStats).toMatchObject(
        expected.length === 0 ? [] : [{ totalReferrals: expected.length, totalUses: expected.length }],
      );
      expect(data.filters).toMatchObject(query);
    }
  });

  test.for(["soon", "2024-13-45", "NaN", "31/12/2024"])("unreadable ones are refused: %s", async (date) => {
    for (const name of ["startDate", "endDate"]) {
      expectRefusal(await ask("GET", `${PATH}?${new URLSearchParams({ [name]: date })}`), 400);
    }
  });

  test.for(["startDate[$gt]=", "teacher[$ne]=x", "endDate[]=2024-01-01"])(
    "brackets make no operators: %s",
    async (query) => {
      const answer = await ask("GET", `${PATH}?${query}`);
      if (answer.status === 400) return expectRefusal(answer, 400);
      expect(dataOf(answer).filters).toEqual((await statistics()).filters);
    },
  );
});
