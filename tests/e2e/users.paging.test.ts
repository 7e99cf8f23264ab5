import { beforeAll, describe, expect, test } from "vitest";
import { get, unique } from "../support/client.ts";
import { admin } from "../support/people.ts";
import { expectRefusal } from "./auth.support.ts";
import { crowd, dataOf, idsOf } from "./users.support.ts";

let token: string;
let region: string;
/** The newest first, as listed when nothing else is asked for. */
let newest: string[];
beforeAll(async () => {
  ({ token } = await admin());
  const made = await crowd(Array.from({ length: 23 }, () => ({})));
  region = made.region;
  newest = made.ids.toReversed();
});

const ask = (query: string, where = region) => get(`/api/users?region=${where}${query}`, { token });
const list = async (query: string, where = region) => dataOf(await ask(query, where));

describe("pages", () => {
  test("are cut out of the whole list, and clamped", async () => {
    for (const [query, page, limit, from, to] of [
      ["", 1, 20, 0, 20],
      ["&page=2", 2, 20, 20, 23],
      ["&page=2&limit=10", 2, 10, 10, 20],
      ["&page=3&limit=10", 3, 10, 20, 23],
      ["&page=9&limit=10", 9, 10, 23, 23],
      ["&page=0&limit=5", 1, 5, 0, 5],
      ["&page=-4&limit=5", 1, 5, 0, 5],
      ["&limit=0", 1, 1, 0, 1],
      ["&limit=-7", 1, 1, 0, 1],
      ["&limit=100", 1, 100, 0, 23],
      ["&limit=5000", 1, 100, 0, 23],
    ] as const) {
      const data = await list(query);
      const pages = Math.ceil(23 / limit);
      const counts = { total: 23, pages, totalPages: pages, totalUsers: 23 };
      expect(data.pagination, query).toEqual({ page, limit, ...counts });
      expect(idsOf(data), query).toEqual(newest.slice(from, to));
      const some = data.statistics.filter((role: { count: number }) => role.count > 0);
      expect(some, query).toEqual([{ _id: "student", count: 23, activeCount: 23, inactiveCount: 0 }]);
    }
  });

  test.for([
    "page=abc&limit=xyz",
    "page=&limit=",
    "page[$gt]=2&limit[]=3",
    "page=1e3&limit=2.5",
    "page=9e99",
  ])("odd numbers are clamped or refused: %s", async (query) => {
    const answer = await ask(`&${query}`);
    if (answer.status === 400) return expectRefusal(answer, 400);
    const { page, limit } = dataOf(answer).pagination;
    expect(page).toBeGreaterThanOrEqual(1);
    expect(limit).toBeGreaterThanOrEqual(1);
    expect(limit).toBeLessThanOrEqual(100);
  });

  test("hold everybody once, even where the order is a tie", async () => {
    const createdAt = new Date("2024-02-03T04:05:06.789Z");
    const tied = await crowd(Array.from({ length: 12 }, () => ({ createdAt, name: "Same" })));
    for (const sort of ["", "&sortBy=name", "&sortBy=name&sortOrder=asc"]) {
      const found: string[] = [];
      for (const page of [1, 2, 3]) found.push(...idsOf(await list(`&limit=5&page=${page}`, tied.region)));
      expect(found.sort(), sort).toEqual(tied.ids.toSorted());
    }
  });
});

describe("sorting", () => {
  test.for([
    ["", "bac"],
    ["&sortOrder=desc", "bac"],
    ["&sortOrder=asc", "cab"],
    ["&sortOrder=DESC", "cab"],
    ["&sortOrder=down", "cab"],
    ["&sortBy=createdAt", "bac"],
    ["&sortBy=createdAt&sortOrder=asc", "cab"],
    ["&sortBy=name", "cba"],
    ["&sortBy=name&sortOrder=asc", "abc"],
    ["&sortBy=email", "acb"],
    ["&sortBy=email&sortOrder=asc", "bca"],
  ] as const)("%s", async ([query, expected]) => {
    const mark = unique();
    const names = ["c", "a", "b"];
    const emails: Record<string, number> = { b: 1, c: 2, a: 3 };
    const made = await crowd(
      names.map((name) => ({ name: `${name} ${mark}`, email: `${emails[name]}${mark}@example.com` })),
    );
    const data = await list(query, made.region);
    expect(data.users.map(({ name }: { name: string }) => name[0]).join("")).toBe(expected);
    for (const field of ["sortBy", "sortOrder"]) {
      const given = new URLSearchParams(query).get(field);
      expect(data.filters[field]).toBe(given ?? { sortBy: "createdAt", sortOrder: "desc" }[field]);
    }
  });

  // An order by the hash would tell it, character by character, to who can create accounts.
  test.for(["password", "password.x", "tokenVersion", "legacy", "$where", "__proto__", "constructor"])(
    "not by %s",
    async (sortBy) => {
      const hash = (at: number) => `$2b$04$${String(at).repeat(53)}`;
      const made = await crowd(
        [2, 3, 1].map((at) => ({ password: hash(at), tokenVersion: at, legacy: `${at}` })),
      );
      for (const order of ["asc", "desc"]) {
        const answer = await ask(`&sortBy=${encodeURIComponent(sortBy)}&sortOrder=${order}`, made.region);
        if (answer.status === 400) return expectRefusal(answer, 400);
        expect([made.ids, made.ids.toReversed()]).toContainEqual(idsOf(dataOf(answer)));
      }
    },
  );
});
