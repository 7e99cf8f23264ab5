import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { createRegion, get, unique, withDatabase } from "../support/client.ts";
import { admin, student, teacher } from "../support/people.ts";
import { TEXT, expectRefusal, plant } from "./auth.support.ts";
import {
  LEGACY,
  STUDENT_INFO,
  UNKNOWN,
  crowd,
  dataOf,
  expectListedUser,
  fromNow,
  idsOf,
  oid,
  plantPlan,
  sixDigits,
} from "./users.support.ts";

let token: string;
beforeAll(async () => {
  ({ token } = await admin());
});

const ask = (query: Record<string, string> | string = {}) =>
  get(`/api/users?${typeof query === "string" ? query : new URLSearchParams(query)}`, { token });
/** A page; what is asked for must succeed. */
const list = async (query: Record<string, string> | string = {}) => dataOf(await ask(query));

const count = (active: number, inactive = 0) => ({
  count: active + inactive,
  activeCount: active,
  inactiveCount: inactive,
});
/** The counts by role; a role that nobody has may be left out or be 0. */
function byRole(statistics: { _id: string; count: number }[]): object {
  for (const role of statistics) {
    expect(Object.keys(role).sort()).toEqual(["_id", "activeCount", "count", "inactiveCount"]);
  }
  const some = statistics.filter((role) => role.count > 0);
  return Object.fromEntries(some.map(({ _id, ...counts }) => [_id, counts]));
}

describe("access", () => {
  test("administrators only, before anything else is looked at", async () => {
    const region = await createRegion();
    for (const query of ["", "?region=not-an-id", "?role[$ne]=x"]) {
      expectRefusal(await get(`/api/users${query}`), 401, /Access token required/);
      for (const person of [await student(region), await teacher()])
        expectRefusal(await person.get(`/api/users${query}`), 403);
    }
  });

  test.for(["/api", "/api/api", ""])("under %j", async (base) => {
    const { region, ids } = await crowd([{}]);
    const answer = await get(`${base}/users?region=${region}`, { token });
    expect(idsOf(dataOf(answer))).toEqual(ids);
    expect(answer.headers.get("cache-control")).toContain("no-store");
  });
});

test("shape: users, paging, counts by role, filters", async () => {
  const [guru] = (await crowd([{ role: "teacher", name: "Guru" }])).users;
  const currentPlan = await plantPlan({ description: "All of it" });
  const planExpiryDate = fromNow(1);
  const { region, ids } = await crowd([
    { role: "admin", adminInfo: { permissions: ["manage_users"] }, profilePicture: "https://example.com/a" },
    { role: "teacher", teacherInfo: { referralCode: sixDigits(), qualification: "M.A.", isApproved: true } },
    { studentInfo: { ...STUDENT_INFO, currentPlan, planExpiryDate }, referredBy: oid(guru!.id), ...LEGACY },
    { isActive: false, revokedTokens: ["inside"], tokenVersion: 4 },
  ]);
  const data = await list({ region });
  expect(Object.keys(data).sort()).toEqual(["filters", "pagination", "statistics", "users"]);
  expect(idsOf(data)).toEqual(ids.toReversed());
  data.users.forEach(expectListedUser);
  const [inactive, paying, teaching, administering] = data.users;
  expect(inactive).toMatchObject({ isActive: false, isEmailVerified: false, region: { _id: region } });
  const { favourite: _, subscriptionStatus: __, ...studentInfo } = STUDENT_INFO;
  expect(paying.studentInfo).toMatchObject({
    ...studentInfo,
    currentPlan: {
      _id: currentPlan.toHexString(),
      name: TEXT,
      description: "All of it",
      price: 499.5,
    },
    planExpiryDate: planExpiryDate.toISOString(),
    subscriptionStatus: "active",
    subscriptionExpiry: planExpiryDate.toISOString(),
  });
  expect(paying.referredBy).toEqual({ _id: guru!.id, name: "Guru", email: guru!.email });
  expect(teaching.teacherInfo).toMatchObject({ qualification: "M.A.", isApproved: true });
  expect(administering).toMatchObject({
    adminInfo: { permissions: ["manage_users"] },
    profilePicture: "https://example.com/a",
  });
  expect(data.pagination).toEqual({ page: 1, limit: 20, total: 4, pages: 1, totalPages: 1, totalUsers: 4 });
  expect(byRole(data.statistics)).toEqual({ admin: count(1), teacher: count(1), student: count(1, 1) });
  expect(data.filters).toEqual({
    role: "all",
    region,
    status: "all",
    search: "none",
    sortBy: "createdAt",
    sortOrder: "desc",
  });
});

describe("teachers", () => {
  test("carry the counts of those they referred", async () => {
    const { region, users } = await crowd([{ role: "teacher" }, { role: "teacher" }]);
    const [busy, idle] = users;
    const referredBy = oid(busy!.id);
    await crowd([{ referredBy }, { referredBy }, { referredBy, isActive: false }, {}]);
    const data = await list({ region, role: "teacher", limit: "10", page: "1" });
    data.users.forEach(expectListedUser);
    const find = (id: string) => data.users.find(({ _id }: { _id: string }) => _id === id);
    expect(find(busy!.id)).toMatchObject({ totalReferrals: 3, activeReferrals: 2 });
    expect(find(idle!.id)).toMatchObject({ totalReferrals: 0, activeReferrals: 0 });
  });

  test("always have a region: their page reads its name without a look", async () => {
    const mark = unique();
    await crowd([{ role: "teacher", name: mark }], UNKNOWN);
    await plant({ role: "teacher", name: mark, region: undefined });
    const { users } = await list({ role: "teacher", search: mark });
    expect(users).toHaveLength(2);
    for (const { region } of users) expect(region).toMatchObject({ name: TEXT, code: TEXT });
  });
});

test("links to nothing are null, and missing parts are filled", async () => {
  const mark = unique();
  await plant({
    name: mark,
    region: new ObjectId(),
    referredBy: new ObjectId(),
    studentInfo: { currentPlan: new ObjectId() },
  });
  await plant({ name: mark });
  const { users } = await list({ search: mark });
  users.forEach(expectListedUser);
  const [bare, broken] = "currentPlan" in users[1].studentInfo ? users : users.toReversed();
  expect(broken).toMatchObject({ region: null, referredBy: null, studentInfo: { currentPlan: null } });
  expect(bare).toMatchObject({ region: null, studentInfo: { totalSessions: 0 }, gameScores: [] });
});

describe("filters", () => {
  /** Of each role an active and an inactive one, all with one mark. */
  async function mixed() {
    const mark = unique();
    const kinds = ["student", "teacher", "admin"].flatMap((role) => [
      { role, isActive: true },
      { role, isActive: false },
    ]);
    const { region, ids } = await crowd(kinds.map((kind) => ({ ...kind, name: `Mix ${mark}` })));
    const which = (fits: (kind: (typeof kinds)[number]) => boolean) =>
      new Set(ids.filter((_, at) => fits(kinds[at]!)));
    return { mark, region, ids, which };
  }

  test("role and status, alone and together, with the counts of the same filter", async () => {
    const { mark, region, which } = await mixed();
    const found = async (query: Record<string, string>) => {
      const data = await list({ search: mark, ...query });
      expect(data.filters).toMatchObject({ search: mark, ...query });
      expect(data.pagination.total).toBe(data.users.length);
      return { ids: new Set(idsOf(data)), roles: byRole(data.statistics) };
    };
    expect(await found({ role: "teacher" })).toEqual({
      ids: which(({ role }) => role === "teacher"),
      roles: { teacher: count(1, 1) },
    });
    expect(await found({ status: "active" })).toEqual({
      ids: which(({ isActive }) => isActive),
      roles: { student: count(1), teacher: count(1), admin: count(1) },
    });
    expect(await found({ status: "inactive", role: "admin", region })).toEqual({
      ids: which(({ role, isActive }) => role === "admin" && !isActive),
      roles: { admin: count(0, 1) },
    });
    expect(await found({ status: "sleepy" })).toEqual({
      ids: which(() => true),
      roles: { student: count(1, 1), teacher: count(1, 1), admin: count(1, 1) },
    });
  });

  test("an unknown role or region matches nothing", async () => {
    const { mark } = await mixed();
    for (const query of [{ role: "king" }, { role: "Student" }, { region: UNKNOWN }] as Record<
      string,
      string
    >[]) {
      const data = await list({ search: mark, ...query });
      expect(data).toMatchObject({ users: [], pagination: { page: 1, limit: 20, total: 0, pages: 0 } });
      expect(data.pagination).toMatchObject({ totalPages: 0, totalUsers: 0 });
      expect(byRole(data.statistics)).toEqual({});
    }
  });

  test("empty values are not given", async () => {
    const { region, ids } = await mixed();
    const data = await list({ region, role: "", status: "", search: "" });
    expect(new Set(idsOf(data))).toEqual(new Set(ids));
    expect(data.filters).toMatchObject({ role: "all", status: "all", search: "none" });
  });

  test.for(["not-an-id", UNKNOWN.slice(1), "g".repeat(24)])(
    "a bad region id is refused: %s",
    async (region) => expectRefusal(await ask({ region }), 400),
  );

  test.for([
    "role[$ne]=student",
    "role[$in][]=teacher",
    "role[]=teacher",
    "status[$ne]=active",
    "region[$ne]=x",
    "search[$regex]=zzz",
  ])("brackets make no operators: %s", async (query) => {
    const { mark, region, ids } = await mixed();
    const within = query.startsWith("region") ? `search=${mark}` : `region=${region}`;
    const answer = await ask(`${within}&${query}`);
    if (answer.status === 400) return expectRefusal(answer, 400);
    const found = new Set(idsOf(dataOf(answer)));
    // Not looked at: then all are there.
    for (const id of ids) expect(found).toContain(id);
  });

  test.for(["search=a&search=b", "role=student&role=admin", "search=%FF", "search=%", "page=1&page=2"])(
    "an odd query is answered in the envelope: %s",
    async (query) => {
      const answer = await ask(query);
      if (answer.status === 200) dataOf(answer);
      else expectRefusal(answer, 400);
    },
  );
});

describe("search", () => {
  test("finds a fragment of name, e-mail or phone, in any case", async () => {
    const mark = unique();
    const { ids } = await crowd([
      { name: `Zoë ${mark} Rao` },
      { email: `zo.${mark}@example.com` },
      { phone: `+91(${mark}) 55` },
      { name: "Nobody", qualification: mark },
    ]);
    for (const [search, expected] of [
      [mark.toUpperCase(), [2, 1, 0]],
      [`ZOË ${mark} R`, [0]],
      [`O.${mark}@EXAMPLE`, [1]],
      [`+91(${mark})`, [2]],
    ] as const) {
      const data = await list({ search });
      expect(idsOf(data)).toEqual(expected.map((at) => ids[at]));
      expect(data.filters.search).toBe(search);
      expect(byRole(data.statistics)).toEqual({ student: count(expected.length) });
    }
    expect(idsOf(await list({ search: `${mark}zz` }))).toEqual([]);
  });

  test.for([".*", "^", "[a-z]", "a|b", "((", "+", "\\d", "$", "?", "%", "{1}", "\\", "(a+)+$"])(
    "characters of regular expressions stand for themselves: %s",
    async (search) => {
      const mark = unique();
      const { ids } = await crowd([{ name: `${mark} ${search} end` }, { name: `${mark} other` }]);
      expect(idsOf(await list({ search: `${mark} ${search}` }))).toEqual([ids[0]]);
    },
  );

  test("does not look at the password hash", async () => {
    const { id } = await plant();
    const hash = await withDatabase((db) => db.collection("users").findOne({ _id: oid(id) }));
    expect(idsOf(await list({ search: (hash!["password"] as string).slice(0, 40) }))).toEqual([]);
  });
});
