import { ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { createRegion, get, unique, uniquePhone } from "../support/client.ts";
import {
  ID,
  TEXT,
  TIME,
  adminToken,
  bareUser,
  expectExactly,
  expectRefusal,
  plantAll,
} from "./auth.support.ts";

interface Listed {
  _id: string;
  name: string;
  code: string;
  [field: string]: unknown;
}

/** The list; what is asked for must succeed. */
async function list(query: Record<string, string> = {}, token?: string) {
  const answer = await get(`/api/regions?${new URLSearchParams(query)}`, { token });
  expect(answer.status, answer.text).toBe(200);
  return answer.body.data as { regions: Listed[]; total: number; filters: object };
}

const ids = ({ regions }: { regions: Listed[] }) => regions.map(({ _id }) => _id);

describe("the list", () => {
  test("needs no token, and has the shape of the contract", async () => {
    const [plain, described] = [await createRegion(), await createRegion({ description: "On the river" })];
    const answer = await get("/api/regions");
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({
      success: true,
      message: expect.stringMatching(/\S/),
      data: expect.any(Object),
    });
    const { regions, total, filters } = answer.body.data;
    expect(Object.keys(answer.body.data).sort()).toEqual(["filters", "regions", "total"]);
    expect(total).toBe(regions.length);
    expect(filters).toEqual({ active: "all", search: "none", sortBy: "name", sortOrder: "asc" });
    const NUMBER = expect.any(Number);
    for (const region of regions as Listed[]) {
      const counts = {
        totalUsers: NUMBER,
        totalStudents: NUMBER,
        totalTeachers: NUMBER,
        averageScore: NUMBER,
      };
      const texts = { _id: ID, name: TEXT, code: TEXT, isActive: expect.any(Boolean), createdAt: TIME };
      expectExactly(region, { ...texts, ...counts }, { description: TEXT });
    }
    const find = (id: string) => regions.find(({ _id }: Listed) => _id === id);
    expect(find(described)).toMatchObject({ description: "On the river" });
    expect(find(plain)).not.toHaveProperty("description");
  });

  test("is the same with a token, good or bad", async () => {
    const mark = unique();
    const id = await createRegion({ name: `Region ${mark}` });
    for (const token of [await adminToken(), "garbage"])
      expect(ids(await list({ search: mark }, token))).toEqual([id]);
  });

  test("has no paging", async () => {
    const mark = unique();
    for (let turn = 0; turn < 25; turn++) await createRegion({ name: `${mark} ${turn}` });
    expect((await list({ search: mark, limit: "5", page: "2" })).total).toBe(25);
  });
});

describe("counts", () => {
  test("of active users, by role, and the mean score of the students", async () => {
    const region = new ObjectId(await createRegion({ totalUsers: 99, averageScore: 99 }));
    const elsewhere = new ObjectId(await createRegion());
    const student = (averageGameScore: number, fields = {}) =>
      bareUser({ region, studentInfo: { averageGameScore }, ...fields });
    await plantAll([
      student(80),
      student(85),
      student(88.5, { phone: uniquePhone() }),
      student(1, { isActive: false }),
      student(2, { region: elsewhere }),
      bareUser({ region, role: "teacher", studentInfo: { averageGameScore: 3 } }),
      bareUser({ region, role: "teacher", isActive: false }),
      bareUser({ region, role: "admin" }),
    ]);
    const { regions } = await list();
    const counts = { totalUsers: 5, totalStudents: 3, totalTeachers: 1 };
    // (80 + 85 + 88.5) / 3 = 84.5, which rounds up.
    expect(regions.find(({ _id }) => _id === region.toHexString())).toMatchObject({
      ...counts,
      averageScore: 85,
    });
    expect(regions.find(({ _id }) => _id === elsewhere.toHexString())).toMatchObject({
      totalUsers: 1,
      totalStudents: 1,
      totalTeachers: 0,
      averageScore: 2,
    });
  });

  test("of nobody are zero", async () => {
    const id = await createRegion({ totalUsers: 7, totalStudents: 6, totalTeachers: 1, averageScore: 5 });
    const found = (await list()).regions.find(({ _id }) => _id === id);
    expect(found).toMatchObject({ totalUsers: 0, totalStudents: 0, totalTeachers: 0, averageScore: 0 });
  });
});

describe("filters", () => {
  test.for([
    [undefined, "all", ["on", "off"]],
    ["true", true, ["on"]],
    ["false", false, ["off"]],
    ["0", false, ["off"]],
    ["TRUE", false, ["off"]],
  ] as const)("active=%s", async ([active, echoed, expected]) => {
    const mark = unique();
    const made = {
      on: await createRegion({ name: `A ${mark}` }),
      off: await createRegion({ name: `B ${mark}`, isActive: false }),
    };
    const data = await list({ search: mark, ...(active === undefined ? {} : { active }) });
    expect(ids(data)).toEqual(expected.map((which) => made[which]));
    expect(data.filters).toMatchObject({ active: echoed });
    for (const region of data.regions) expect(region["isActive"]).toBe(region._id === made.on);
  });

  test.for(["name", "code", "description"])("a fragment of the %s, in any case", async (field) => {
    const mark = unique();
    const id = await createRegion({ [field]: `Über-${mark}-Nagar` });
    for (const search of [mark, `über-${mark.toUpperCase()}`, `ÜBER-${mark}-NAG`]) {
      const data = await list({ search });
      expect(ids(data)).toEqual([id]);
      expect(data.filters).toMatchObject({ search });
    }
    expect(ids(await list({ search: `${mark}x` }))).toEqual([]);
  });

  test.for([".*", "^", "[a-z]", "a|b", "(", "+", "\\d", "$", "?", "%", "{1}"])(
    "characters of regular expressions stand for themselves: %s",
    async (search) => {
      const mark = unique();
      const id = await createRegion({ name: `${mark} ${search} end` });
      await createRegion({ name: `${mark} other` });
      expect(ids(await list({ search: `${mark} ${search}` }))).toEqual([id]);
    },
  );

  test("an empty search is none", async () => {
    const id = await createRegion();
    const data = await list({ search: "" });
    expect(data.filters).toMatchObject({ search: "none" });
    expect(ids(data)).toContain(id);
  });

  test.for(["search[$regex]=zzz", "active[$ne]=true", "search[]=zzz", "sortBy[]=code"])(
    "nested parameters are no filters: %s",
    async (query) => {
      const id = await createRegion({ isActive: false });
      const answer = await get(`/api/regions?${query}`);
      expect(answer.status, answer.text).toBe(200);
      expect(ids(answer.body.data)).toContain(id);
    },
  );

  test.for([
    "search=a&search=b",
    "active=true&active=false",
    "sortBy=name&sortBy=code",
    "search=%FF",
    "search=%",
  ])("an odd query is answered in the envelope: %s", async (query) => {
    const answer = await get(`/api/regions?${query}`);
    if (answer.status === 200)
      expect(answer.body).toMatchObject({ success: true, data: { regions: expect.any(Array) } });
    else expectRefusal(answer, 400);
  });
});

describe("sorting", () => {
  test.for([
    [{}, "abc"],
    [{ sortBy: "name" }, "abc"],
    [{ sortBy: "name", sortOrder: "desc" }, "cba"],
    [{ sortBy: "code" }, "bca"],
    [{ sortBy: "code", sortOrder: "asc" }, "bca"],
    [{ sortBy: "createdAt" }, "cab"],
    [{ sortBy: "createdAt", sortOrder: "desc" }, "bac"],
    [{ sortBy: "totalUsers" }, "acb"],
    [{ sortBy: "totalUsers", sortOrder: "desc" }, "bca"],
    [{ sortOrder: "DESC" }, "abc"],
    [{ sortOrder: "down" }, "abc"],
    [{ sortBy: "password" }, "abc"],
    [{ sortBy: "$where" }, "abc"],
  ] as const)("%j", async ([query, expected]) => {
    const mark = unique();
    const people: Record<string, number> = { a: 0, b: 2, c: 1 };
    const made: Record<string, string> = {};
    for (const [name, code, year] of [
      ["b", "1", 2003],
      ["c", "2", 2001],
      ["a", "3", 2002],
    ] as const) {
      const createdAt = new Date(Date.UTC(year, 0));
      const id = await createRegion({ name: `${name} ${mark}`, code: `${code}${mark}`, createdAt });
      made[id] = name;
      const users = Array.from({ length: people[name]! }, () => bareUser({ region: new ObjectId(id) }));
      if (users.length > 0) await plantAll(users);
    }
    const data = await list({ search: mark, ...query });
    expect(
      ids(data)
        .map((id) => made[id])
        .join(""),
    ).toBe(expected);
    expect(data.filters).toMatchObject(query);
  });
});
