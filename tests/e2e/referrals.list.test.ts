/** Referral codes page by page, as administrators see them. */
import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { call } from "../support/client.ts";
import { person } from "../support/people.ts";
import { expectRefusal } from "./auth.support.ts";
import {
  codedTeacher,
  expectReferral,
  newCode,
  oldUse,
  plantReferrals,
  referralsAdmin,
  storedUser,
} from "./referrals.support.ts";
import { NO_IDS, UNKNOWN, dataOf } from "./users.support.ts";

const { ask } = referralsAdmin();

const query = (fields: Record<string, string> | string) =>
  `?${typeof fields === "string" ? fields : new URLSearchParams(fields)}`;
/** A page; what is asked for must succeed. */
const list = async (fields: Record<string, string> | string = {}) => dataOf(await ask("GET", query(fields)));
const idsOf = ({ referrals }: Document) => referrals.map(({ _id }: Document) => _id);

/** Codes of a teacher of their own, the oldest first. */
async function series(each: Document[]) {
  const teacher = await codedTeacher();
  const planted = await plantReferrals(
    teacher.id,
    each.map((fields, at) => ({ createdAt: new Date(Date.UTC(2024, 0, 1, at)), ...fields })),
  );
  return { teacher, planted, ids: planted.map(({ id }) => id) };
}

test("is for administrators, before anything else is looked at", async () => {
  for (const rest of ["", "?teacher=not-an-id"]) {
    expectRefusal(await call("GET", `/api/referrals${rest}`), 401, /Access token required/);
    for (const { token } of [await person(), await codedTeacher()]) {
      expectRefusal(await ask("GET", rest, undefined, token), 403);
    }
  }
});

test("shape: codes with their teachers, paging, figures, filters", async () => {
  const validUntil = new Date("2030-01-02T03:04:05.678Z");
  const student = new ObjectId();
  const full = { ...oldUse(), student, discountApplied: 40, originalAmount: 100, finalAmount: 60 };
  const { teacher, ids, planted } = await series([
    { usedBy: [oldUse(), full], totalUses: 2, validUntil, isApproved: false },
    { isActive: false, discountPercentage: 12.5, maxUses: 9, totalUses: 1, minimumAmount: 10 },
  ]);
  const data = await list({ teacher: teacher.id });
  expect(Object.keys(data).sort()).toEqual(["filters", "pagination", "referrals", "statistics"]);
  expect(idsOf(data)).toEqual(ids.toReversed());
  data.referrals.forEach(expectReferral);
  const [second, first] = data.referrals;
  const { name } = await storedUser(teacher.id);
  const contact = { _id: teacher.id, name, email: teacher.email, phone: teacher.phone };
  expect(second).toMatchObject({
    teacher: contact,
    referralCode: planted[1]!.code,
    isActive: false,
    discountPercentage: 12.5,
    maxUses: 9,
    minimumAmount: 10,
    usedBy: [],
  });
  expect(second).not.toHaveProperty("validUntil");
  expect(first).toMatchObject({
    teacher: contact,
    isApproved: false,
    validUntil: validUntil.toISOString(),
    totalUses: 2,
  });
  expect(first.usedBy[1]).toMatchObject({
    student: student.toHexString(),
    discountApplied: 40,
    finalAmount: 60,
  });
  expect(data.pagination).toEqual({ page: 1, limit: 20, total: 2, pages: 1 });
  expect(data.statistics).toHaveLength(2);
  expect(data.statistics).toEqual(
    expect.arrayContaining([
      { _id: true, count: 1, totalUses: 2, avgDiscount: 40 },
      { _id: false, count: 1, totalUses: 1, avgDiscount: 12.5 },
    ]),
  );
  const given = { teacher: teacher.id, status: "all", search: "none" };
  expect(data.filters).toEqual({ ...given, sortBy: "createdAt", sortOrder: "desc" });
});

test("a teacher who is gone is null", async () => {
  const gone = new ObjectId().toHexString();
  await plantReferrals(gone, [{}]);
  const { referrals } = await list({ teacher: gone });
  expect(referrals).toHaveLength(1);
  expectReferral(referrals[0]);
  expect(referrals[0].teacher).toBeNull();
});

test("without filters everything is counted", async () => {
  const { ids } = await series([{}, { isActive: false }]);
  const { pagination, statistics, filters, referrals } = await list();
  expect(referrals.length).toBe(Math.min(20, pagination.total));
  const counts = statistics.map(({ count }: { count: number }) => count);
  expect(counts.reduce((sum: number, count: number) => sum + count, 0)).toBe(pagination.total);
  expect(pagination.total).toBeGreaterThanOrEqual(ids.length);
  expect(filters).toMatchObject({ teacher: "all", status: "all", search: "none" });
});

describe("filters", () => {
  test.for([
    ["active", [0, 2]],
    ["inactive", [1]],
    ["Active", [0, 1, 2]],
    ["sleepy", [0, 1, 2]],
    ["", [0, 1, 2]],
  ] as const)("status %j", async ([status, expected]) => {
    const { teacher, ids } = await series([{}, { isActive: false }, {}]);
    const data = await list({ teacher: teacher.id, status, sortOrder: "asc" });
    expect(idsOf(data)).toEqual(expected.map((at) => ids[at]));
    expect(data.pagination.total).toBe(expected.length);
    const counted = data.statistics.reduce((sum: number, { count }: Document) => sum + count, 0);
    expect(counted).toBe(expected.length);
    expect(data.filters.status).toBe(status || "all");
  });

  test("a fragment of the code, in any case", async () => {
    const code = newCode();
    const { ids } = await series([{ referralCode: code, totalUses: 3 }, {}]);
    for (const search of [code, code.slice(2, -1), code.toLowerCase()]) {
      const data = await list({ search });
      expect(idsOf(data)).toEqual([ids[0]]);
      expect(data.filters).toMatchObject({ search, teacher: "all" });
      expect(data.statistics).toEqual([{ _id: true, count: 1, totalUses: 3, avgDiscount: 40 }]);
    }
    expect(idsOf(await list({ search: `${code}X` }))).toEqual([]);
  });

  test.for([".*", "^C", "(", "[", "+", "\\w", "C|D", "$", "?"])(
    "characters of regular expressions stand for themselves: %s",
    async (search) => {
      const { teacher } = await series([{}, {}]);
      expect(idsOf(await list({ search, teacher: teacher.id }))).toEqual([]);
    },
  );

  test("an unknown teacher has nothing; a bad id is refused", async () => {
    const data = await list({ teacher: UNKNOWN });
    const pagination = { page: 1, limit: 20, total: 0, pages: 0 };
    expect(data).toMatchObject({ referrals: [], statistics: [], pagination });
    for (const teacher of NO_IDS) expectRefusal(await ask("GET", query({ teacher })), 400);
  });

  test.for(["teacher[$ne]=x", "status[$ne]=active", "search[$regex]=zzz", "sortBy[]=x", "sortOrder[a]=desc"])(
    "brackets make no operators: %s",
    async (odd) => {
      const { teacher, planted, ids } = await series([{}, {}]);
      const within = odd.startsWith("teacher") ? `search=${planted[0]!.code}` : `teacher=${teacher.id}`;
      const answer = await ask("GET", query(`${within}&${odd}`));
      if (answer.status === 400) return expectRefusal(answer, 400);
      const found = idsOf(dataOf(answer)).sort();
      expect(found).toEqual(odd.startsWith("teacher") ? [ids[0]] : ids.toSorted());
    },
  );
});

describe("pages", () => {
  let all: Awaited<ReturnType<typeof series>>;
  beforeAll(async () => {
    all = await series(Array.from({ length: 23 }, () => ({ totalUses: 1 })));
  });

  test("are cut out of the whole list, and clamped; the figures are of the whole", async () => {
    for (const [rest, page, limit, from, to] of [
      ["", 1, 20, 0, 20],
      ["&page=2", 2, 20, 20, 23],
      ["&page=3&limit=10", 3, 10, 20, 23],
      ["&page=9&limit=10", 9, 10, 23, 23],
      ["&page=0&limit=5", 1, 5, 0, 5],
      ["&page=-4&limit=5", 1, 5, 0, 5],
      ["&limit=0", 1, 1, 0, 1],
      ["&limit=-7", 1, 1, 0, 1],
      ["&limit=5000", 1, 100, 0, 23],
    ] as const) {
      const data = await list(`teacher=${all.teacher.id}${rest}`);
      expect(data.pagination, rest).toEqual({ page, limit, total: 23, pages: Math.ceil(23 / limit) });
      expect(idsOf(data), rest).toEqual(all.ids.toReversed().slice(from, to));
      expect(data.statistics, rest).toEqual([{ _id: true, count: 23, totalUses: 23, avgDiscount: 40 }]);
    }
  });

  test.for([
    "page=abc&limit=xyz",
    "page=&limit=",
    "page[$gt]=2&limit[]=3",
    "page=1e3&limit=2.5",
    "page=9e99",
  ])("odd numbers are clamped or refused: %s", async (odd) => {
    const answer = await ask("GET", query(`teacher=${all.teacher.id}&${odd}`));
    if (answer.status === 400) return expectRefusal(answer, 400);
    const { page, limit, total } = dataOf(answer).pagination;
    expect(page).toBeGreaterThanOrEqual(1);
    expect(limit).toBeGreaterThanOrEqual(1);
    expect(limit).toBeLessThanOrEqual(100);
    expect(total).toBe(23);
  });

  test("hold every code once, even where the order is a tie", async () => {
    const tied = await series(Array.from({ length: 12 }, () => ({ createdAt: new Date(0) })));
    const found: string[] = [];
    for (const page of [1, 2, 3])
      found.push(...idsOf(await list(`teacher=${tied.teacher.id}&limit=5&page=${page}`)));
    expect(found.sort()).toEqual(tied.ids.toSorted());
  });
});

describe("order", () => {
  test.for([
    ["", true],
    ["sortOrder=desc", true],
    ["sortOrder=asc", false],
    ["sortOrder=DESC", false],
    ["sortOrder=down", false],
    ["sortBy=createdAt", true],
    ["sortBy=createdAt&sortOrder=asc", false],
  ] as const)("%s", async ([rest, newestFirst]) => {
    const { teacher, ids } = await series([{}, {}, {}]);
    const data = await list(`teacher=${teacher.id}&${rest}`);
    expect(idsOf(data)).toEqual(newestFirst ? ids.toReversed() : ids);
    const sent = new URLSearchParams(rest);
    expect(data.filters).toMatchObject({
      sortBy: sent.get("sortBy") ?? "createdAt",
      sortOrder: sent.get("sortOrder") ?? "desc",
    });
  });

  test.for(["$where", "__proto__", "usedBy.student", "teacher.password", "legacy"])(
    "not by %s",
    async (sortBy) => {
      const { teacher, ids } = await series([2, 3, 1].map((legacy) => ({ legacy })));
      const answer = await ask("GET", query({ teacher: teacher.id, sortBy }));
      if (answer.status === 400) return expectRefusal(answer, 400);
      expect([ids, ids.toReversed()]).toContainEqual(idsOf(dataOf(answer)));
    },
  );
});
