/** What administrators see of payments. */
import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, unique } from "../support/client.ts";
import { person } from "../support/people.ts";
import { TEXT, expectRefusal } from "./auth.support.ts";
import {
  dataOf,
  expectContact,
  expectPagination,
  expectPlanRef,
  expectTransaction,
} from "./payments.shapes.ts";
import {
  DAY,
  UNKNOWN,
  createPlan,
  createTransaction,
  createTransactions,
  refusesOthers,
  theAdmin,
} from "./payments.support.ts";

const admin = theAdmin();
const PATH = "/api/admin/transactions";

refusesOthers([
  ["GET", PATH],
  ["GET", `${PATH}/statistics`],
  ["GET", `${PATH}/${UNKNOWN}`],
  ["PATCH", `${PATH}/${UNKNOWN}/status`, { status: "completed" }],
  ["GET", "/api/admin/subscriptions/statistics"],
  ["GET", "/api/admin/users/subscriptions"],
]);

const nowhere = () => new ObjectId().toHexString();
const list = async (query: string) => dataOf(await admin.get(PATH + query));
const idsOf = (data: Document): string[] => data["transactions"].map(({ _id }: Document) => _id);

describe("the list", () => {
  let ann: Learner, bob: Learner;
  let cheap: string, dear: string;
  let anns: string[], bobs: string[];
  const mark = unique();
  const day = Date.UTC(2024, 4, 10);
  beforeAll(async () => {
    ann = await person({ name: `Ann Ÿlva ${mark}` });
    bob = await person({ name: `Bob ${unique()}`, email: `bob.${mark}+x@example.com`, role: "teacher" });
    [cheap, dear] = [await createPlan({ price: 100 }), await createPlan({ price: 900 })];
    const at = (days: number) => ({ createdAt: new Date(day + days * DAY) });
    anns = [
      ...(await createTransactions(ann.id, cheap, [
        { status: "completed", ...at(3) },
        { status: "pending", ...at(2) },
      ])),
      ...(await createTransactions(ann.id, dear, [{ status: "completed", ...at(1) }])),
    ];
    bobs = await createTransactions(bob.id, dear, [{ status: "failed", ...at(2.5) }]);
  });

  test("has the shape of the contract, newest first, in pages of 20", async () => {
    const data = await list("");
    expect(Object.keys(data).sort()).toEqual(["pagination", "transactions"]);
    expectPagination(data.pagination, 1, 20, data.pagination.total);
    expect(data.transactions.length).toBe(Math.min(20, data.pagination.total));
    const times = data.transactions.map(({ createdAt }: Document) => Date.parse(createdAt));
    expect(times).toEqual(times.toSorted((a: number, b: number) => b - a));
  });

  test("knows who bought what", async () => {
    const data = await list(`?userId=${ann.id}`);
    expect(idsOf(data)).toEqual(anns);
    for (const transaction of data.transactions) {
      expectTransaction(transaction);
      expectContact(transaction.user, true);
      expect(transaction.user).toMatchObject({ _id: ann.id, email: ann.email, role: "student" });
      expectPlanRef(transaction.plan, false);
    }
    expect(data.transactions.map(({ plan }: Document) => [plan._id, plan.price])).toEqual([
      [cheap, 100],
      [cheap, 100],
      [dear, 900],
    ]);
    expect((await admin.get(PATH)).headers.get("cache-control")).toMatch(/no-store/);
  });

  test("filters, each and together", async () => {
    const cases: [query: string, expected: string[]][] = [
      [`?planId=${cheap}`, anns.slice(0, 2)],
      [`?planId=${dear}`, [bobs[0]!, anns[2]!]],
      [`?planId=${dear}&status=completed`, [anns[2]!]],
      [`?userId=${ann.id}&status=completed`, [anns[0]!, anns[2]!]],
      [`?userId=${ann.id}&planId=${cheap}&status=pending`, [anns[1]!]],
      [`?userId=${ann.id}&status=refunded`, []],
      [`?userId=${new ObjectId().toHexString()}`, []],
      [`?userId=${ann.id}&startDate=2024-05-12`, anns.slice(0, 2)],
      // A bare day is its first instant.
      [`?userId=${ann.id}&endDate=2024-05-12`, anns.slice(1)],
      [`?userId=${ann.id}&endDate=2024-05-11T23:59:59Z`, anns.slice(2)],
      [`?userId=${ann.id}&startDate=2024-05-11&endDate=2024-05-12T12:00:00.000Z`, anns.slice(1)],
    ];
    for (const [query, expected] of cases) {
      const data = await list(query);
      expect(idsOf(data), query).toEqual(expected);
      expectPagination(data.pagination, 1, 20, expected.length);
    }
  });

  test("finds buyers by a part of name or e-mail address, in any case", async () => {
    for (const [search, expected] of [
      [`ann ÿlva ${mark}`, anns],
      [`YLVA ${mark}`.replace("Y", "ÿ"), anns],
      [`BOB.${mark.toUpperCase()}+X@`, bobs],
      [ann.email, anns],
      [`${mark}nobody`, []],
    ] as const) {
      const data = await list(`?search=${encodeURIComponent(search)}`);
      expect(idsOf(data), search).toEqual(expected);
      expectPagination(data.pagination, 1, 20, expected.length);
    }
    const both = await list(`?search=${mark}`);
    expect(new Set(idsOf(both))).toEqual(new Set([...anns, ...bobs]));
    const paid = await list(`?search=${mark}&status=completed&limit=1&page=2`);
    expect(idsOf(paid)).toEqual([anns[2]]);
    expectPagination(paid.pagination, 2, 1, 2);
  });

  test.for([".*", "^", "b|x", "(", "[", "\\", "$", "+"])(
    "looks for characters, not for patterns: %s",
    async (search) => {
      const data = await list(`?search=${encodeURIComponent(`${mark}${search}`)}`);
      expect(idsOf(data)).toEqual(search === "+" ? bobs : []);
    },
  );

  test("an empty search is none", async () => {
    expect(idsOf(await list(`?search=&userId=${ann.id}`))).toEqual(anns);
  });

  test.for([
    ["?page=2&limit=2", 2, 2],
    ["?page=0&limit=0", 1, 20],
    ["?page=x&limit=y", 1, 20],
    ["?page=-1", 1, 20],
  ] as const)("pages: %s", async ([query, page, limit]) => {
    const data = await list(`${query}&userId=${ann.id}`);
    expectPagination(data.pagination, page, limit, 3);
    expect(idsOf(data)).toEqual(anns.slice((page - 1) * limit, page * limit));
  });

  test.for(["1000", "-3"])("bounds the limit %s", async (limit) => {
    const { pagination } = await list(`?limit=${limit}`);
    expect(pagination.limit).toBeGreaterThanOrEqual(1);
    expect(pagination.limit).toBeLessThanOrEqual(100);
  });

  test.for(["userId=me", "planId=1", "startDate=yesterday", "endDate=2024-13-45"])(
    "refuses %s",
    async (query) => expectRefusal(await admin.get(`${PATH}?${query}`), 400),
  );

  test.for(["status[$ne]=x", "userId[$gt]=", "search[$regex]=.*", "status=paid", "startDate[$gt]=1"])(
    "takes no operators and no unknown status: %s",
    async (query) => {
      const answer = await admin.get(`${PATH}?${query}`);
      if (answer.status === 200) expect(answer.body.data.transactions).toEqual(expect.any(Array));
      else expectRefusal(answer, 400);
    },
  );

  test("never breaks the page for a buyer or a plan that is gone", async () => {
    const gone = nowhere();
    const id = await createTransaction(gone, nowhere(), { amount: 250 });
    const data = await list(`?userId=${gone}`);
    expect(idsOf(data)).toEqual([id]);
    expectTransaction(data.transactions[0]);
    expect(data.transactions[0]).toMatchObject({
      user: { name: TEXT, email: TEXT },
      plan: { name: TEXT, price: expect.any(Number) },
    });
  });
});

describe("one transaction", () => {
  test("has the role of the buyer and the features of the plan", async () => {
    const who = await person({ role: "teacher" });
    const plan = await createPlan();
    const id = await createTransaction(who.id, plan, { status: "completed", completedAt: new Date() });
    const data = dataOf(await admin.get(`${PATH}/${id}`));
    expectTransaction(data);
    expectContact(data.user, true);
    expect(data.user).toMatchObject({ _id: who.id, role: "teacher" });
    expectPlanRef(data.plan, true);
    expect(data.plan._id).toBe(plan);
  });

  test("whose buyer and plan are gone can be read", async () => {
    const id = await createTransaction(nowhere(), nowhere());
    const data = dataOf(await admin.get(`${PATH}/${id}`));
    expectTransaction(data);
    expect(data._id).toBe(id);
  });

  test("must exist", async () => {
    expectRefusal(await admin.get(`${PATH}/${UNKNOWN}`), 404);
    expectRefusal(await admin.get(`${PATH}/nonsense`), 400);
  });
});
