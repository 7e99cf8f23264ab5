import { beforeAll, describe, expect, test } from "vitest";
import { createRegion, post, unique } from "../support/client.ts";
import { admin, student, teacher } from "../support/people.ts";
import { expectPopulatedUser, expectRefusal } from "./auth.support.ts";
import { UNKNOWN, crowd, dataOf, fromNow, idsOf } from "./users.support.ts";

const PATH = "/api/users/admin/search";
let token: string;
beforeAll(async () => {
  ({ token } = await admin());
});

const ask = (body?: unknown, headers = {}) => post(PATH, { token, body, headers });
/** A page; what is asked for must succeed. */
const search = async (body?: unknown) => dataOf(await ask(body));

const NONE = { query: "none", role: "all", region: "all", status: "all", subscriptionStatus: "all" };

/** Nothing but teachers carry the counts of the list. */
const expectFound = ({ totalReferrals: _, activeReferrals: __, ...user }: Record<string, unknown>) =>
  expectPopulatedUser(user);

test("is for administrators", async () => {
  expectRefusal(await post(PATH, { body: {} }), 401, /Access token required/);
  for (const person of [await student(await createRegion()), await teacher()])
    expectRefusal(await person.post(PATH, { role: { $ne: 1 } }), 403);
});

describe("an empty search lists everyone, the newest first", () => {
  test.for([
    ["an empty object", {}, {}],
    ["no body", undefined, {}],
    ["plain text", "whatever", { "content-type": "text/plain" }],
  ] as const)("%s", async ([, body, headers]) => {
    // Of tomorrow, so that nobody who came meanwhile is newer.
    const { ids } = await crowd([{ createdAt: fromNow(24) }, { createdAt: fromNow(25) }]);
    const data = dataOf(await ask(body, headers));
    expect(Object.keys(data).sort()).toEqual(["pagination", "searchCriteria", "users"]);
    expect(data.searchCriteria).toEqual(NONE);
    const found = idsOf(data);
    expect(found.length).toBeLessThanOrEqual(20);
    expect(found.filter((id) => ids.includes(id))).toEqual(ids.toReversed());
    expect(data.pagination).toMatchObject({ page: 1, limit: 20 });
    expect(data.pagination.total).toBeGreaterThanOrEqual(2);
    expect(data.pagination.pages).toBe(Math.ceil(data.pagination.total / 20));
    // Of the others, only what this file planted is known to be whole.
    const planted = data.users.filter(({ _id }: { _id: string }) => ids.includes(_id));
    planted.forEach(expectFound);
  });
});

describe("criteria", () => {
  test("text is a fragment of name, e-mail or phone, in any case, literally", async () => {
    const mark = unique();
    const { ids } = await crowd([
      { name: `É.* ((${mark}` },
      { email: `e.${mark}@example.com` },
      { phone: `+${mark}-(5)` },
    ]);
    for (const [query, expected] of [
      [mark.toUpperCase(), [2, 1, 0]],
      [`é.* ((${mark}`, [0]],
      [`E.${mark}@`, [1]],
      [`+${mark}-(5`, [2]],
      [`.*${mark}`, []],
      [`^${mark}`, []],
    ] as const) {
      const data = await search({ query });
      expect(idsOf(data), query).toEqual(expected.map((at) => ids[at]));
      expect(data.searchCriteria).toEqual({ ...NONE, query });
      expect(data.pagination).toMatchObject({ total: expected.length, pages: Math.min(expected.length, 1) });
    }
  });

  test("role, status, region and text combine", async () => {
    const { region, ids } = await crowd([
      { role: "teacher" },
      { role: "teacher", isActive: false },
      { isActive: false },
      {},
    ]);
    for (const [body, expected] of [
      [{}, [3, 2, 1, 0]],
      [{ role: "teacher" }, [1, 0]],
      [{ status: "active" }, [3, 0]],
      [{ status: "inactive" }, [2, 1]],
      [{ status: "inactive", role: "student" }, [2]],
      [{ status: "whatever" }, [3, 2, 1, 0]],
      [{ role: "" }, [3, 2, 1, 0]],
      [{ query: "Learner", role: "student" }, [3, 2]],
    ] as [Record<string, string>, number[]][]) {
      const data = await search({ region, ...body });
      expect(idsOf(data), JSON.stringify(body)).toEqual(expected.map((at) => ids[at]));
      if (body["role"] !== "") expect(data.searchCriteria).toEqual({ ...NONE, region, ...body });
      data.users.forEach(expectFound);
    }
    expect(idsOf(await search({ region: UNKNOWN }))).toEqual([]);
  });

  test("the state of the subscription follows from the expiry of the plan, for students only", async () => {
    const { region, ids } = await crowd([
      { studentInfo: { planExpiryDate: fromNow(1) } },
      { studentInfo: { planExpiryDate: fromNow(-1), subscriptionStatus: "active" } },
      { studentInfo: { subscriptionStatus: "active" } },
      { role: "teacher" },
    ]);
    const found = async (body: object) => idsOf(await search({ region, ...body }));
    expect(await found({ role: "student", subscriptionStatus: "active" })).toEqual([ids[0]]);
    // Whether who never had a plan counts as expired is left open.
    const expired = await found({ role: "student", subscriptionStatus: "expired" });
    expect(expired.filter((id) => id !== ids[2])).toEqual([ids[1]]);
    expect(await found({ subscriptionStatus: "active" })).toEqual(ids.toReversed());
    expect(await found({ role: "teacher", subscriptionStatus: "active" })).toEqual([ids[3]]);
    const data = await search({ region, role: "student", subscriptionStatus: "active" });
    expect(data.searchCriteria).toEqual({ ...NONE, region, role: "student", subscriptionStatus: "active" });
    expect(data.users[0].studentInfo.subscriptionStatus).toBe("active");
  });
});

describe("pages", () => {
  test("are cut out of the whole, clamped, and asked for in numbers or text", async () => {
    const { region, ids } = await crowd(Array.from({ length: 7 }, () => ({})));
    const newest = ids.toReversed();
    for (const [body, page, limit, from, to] of [
      [{ page: 2, limit: 3 }, 2, 3, 3, 6],
      [{ page: "3", limit: "3" }, 3, 3, 6, 7],
      [{ page: 9, limit: 3 }, 9, 3, 7, 7],
      [{ page: 0, limit: 3 }, 1, 3, 0, 3],
      [{ page: -2, limit: 3 }, 1, 3, 0, 3],
      [{ limit: 0 }, 1, 1, 0, 1],
      [{ limit: -5 }, 1, 1, 0, 1],
      [{ limit: 100000 }, 1, 100, 0, 7],
    ] as const) {
      const data = await search({ region, ...body });
      const at = JSON.stringify(body);
      expect(data.pagination, at).toMatchObject({ page, limit, total: 7, pages: Math.ceil(7 / limit) });
      expect(idsOf(data), at).toEqual(newest.slice(from, to));
    }
  });
});

describe("what is no text is no operator", () => {
  test.for([
    { role: { $ne: "student" } },
    { role: ["teacher"] },
    { status: { $ne: "active" } },
    { query: { $regex: "." } },
    { query: { $gt: "" } },
    { query: ["a"] },
    { role: "student", subscriptionStatus: { $ne: "active" } },
    { page: { $gt: 0 } },
    { limit: [5] },
    { $where: "sleep(1)" },
    { $or: [{}] },
  ])("%j", async (body) => {
    const { region, ids } = await crowd([{ studentInfo: { planExpiryDate: fromNow(1) } }, {}]);
    const answer = await ask({ region, ...body });
    if (answer.status === 400) return expectRefusal(answer, 400);
    expect(idsOf(dataOf(answer))).toEqual(ids.toReversed());
  });

  test.for([{ region: "not-an-id" }, { region: UNKNOWN.slice(1) }, { region: { $ne: UNKNOWN } }, "{", '"x"'])(
    "refused: %j",
    async (body) => expectRefusal(await ask(body), 400),
  );
});
