import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { get, unique } from "../support/client.ts";
import { person, teacher } from "../support/people.ts";
import { ID, TEXT, expectExactly, expectRefusal } from "./auth.support.ts";
import { dataOf, expectPlanDetail, expectPlanListItem } from "./payments.shapes.ts";
import { UNKNOWN, createPlan, createPlans, removeFrom, theAdmin } from "./payments.support.ts";

const admin = theAdmin();

interface Listed {
  plans: (Document & { _id: string; isActive: boolean })[];
  total: number;
  filters: Document;
}

async function list(query = "", token?: string): Promise<Listed> {
  return dataOf(await get(`/api/plans${query}`, { token }), { message: true });
}

const ids = ({ plans }: Listed) => plans.map(({ _id }) => _id);
/** The plans of a test, in the order of an answer. */
const among = (wanted: string[], listed: Listed) => ids(listed).filter((id) => wanted.includes(id));

/** As little as the store insists on. */
const BARE = {
  description: undefined,
  durationType: undefined,
  features: undefined,
  isActive: undefined,
  isPopular: undefined,
  maxSessions: undefined,
  maxGames: undefined,
  maxLectures: undefined,
  includesVideoCalls: undefined,
  includesVoiceCalls: undefined,
  includesGroupCalls: undefined,
  includesChat: undefined,
  includesGames: undefined,
  includesLectures: undefined,
  priority: undefined,
  __v: undefined,
};

describe("the list", () => {
  test("needs no token, and has the shape of the contract", async () => {
    const [plain, full] = (await createPlans([
      { description: undefined, features: [] },
      {
        description: "All there is",
        features: [
          { _id: new ObjectId(), name: "Chat", isIncluded: false },
          { _id: new ObjectId(), name: "Calls", description: "Video too", isIncluded: true },
        ],
        razorpayPlanId: `plan_${unique()}`,
        maxGames: 5,
        priority: 2,
        includesVideoCalls: true,
      },
    ])) as [string, string];
    const listed = await list();
    expect(Object.keys(listed).sort()).toEqual(["filters", "plans", "total"]);
    expect(listed.total).toBe(listed.plans.length);
    expectExactly(listed.filters, {
      active: expect.anything(),
      premium: "all",
      sortBy: "priority",
      sortOrder: "desc",
    });
    expect([true, "all"]).toContain(listed.filters["active"]);
    for (const plan of listed.plans) expectPlanListItem(plan);
    const find = (id: string) => listed.plans.find(({ _id }) => _id === id)!;
    expect(find(plain)).not.toHaveProperty("description");
    expect(find(plain)["features"]).toEqual([]);
    expect(find(full)).toMatchObject({
      description: "All there is",
      maxGames: 5,
      priority: 2,
      includesVideoCalls: true,
    });
    expect(find(full)["features"]).toEqual([
      { _id: ID, name: "Chat", isIncluded: false },
      { _id: ID, name: "Calls", description: "Video too", isIncluded: true },
    ]);
  });

  test("has no paging", async () => {
    const made = await createPlans(Array.from({ length: 12 }, () => ({})));
    expect(among(made, await list("?limit=5&page=2")).length).toBe(12);
  });

  test.for(["?premium=true", "?premium=false", "?premium=x"])("is not filtered by %s", async (query) => {
    const id = await createPlan();
    const listed = await list(query);
    expect(ids(listed)).toContain(id);
    expect([true, false, "all"]).toContain(listed.filters["premium"]);
  });
});

describe("inactive plans", () => {
  let on: string, off: string;
  beforeAll(async () => {
    [on, off] = (await createPlans([{}, { isActive: false }])) as [string, string];
  });

  test.for(["", "?active=true", "?active=all", "?active=", "?active[$ne]=true", "?isActive=false"])(
    "do not reach buyers: %s",
    async (query) => {
      for (const token of [undefined, "garbage", (await person()).token, (await teacher()).token]) {
        expect(ids(await list(query, token))).not.toContain(off);
      }
    },
  );

  test("do not reach buyers who ask for them", async () => {
    for (const token of [undefined, (await person()).token]) {
      const listed = await list("?active=false", token);
      expect(listed.plans.filter(({ isActive }) => !isActive)).toEqual([]);
    }
  });

  test("reach administrators who ask", async () => {
    const listed = await list("?active=false", admin.token());
    expect(among([on, off], listed)).toEqual([off]);
    expect(listed.plans.every(({ isActive }) => !isActive)).toBe(true);
    expect(listed.filters["active"]).toBe(false);
  });

  test("do not reach administrators who ask for active ones", async () => {
    const listed = await list("?active=true", admin.token());
    expect(among([on, off], listed)).toEqual([on]);
    expect(listed.filters["active"]).toBe(true);
  });

  test("can be read by id", async () => {
    const data = dataOf(await get(`/api/plans/${off}`), { message: true });
    expect(data).toMatchObject({ _id: off, isActive: false });
  });
});

describe("sorting", () => {
  const made: Record<string, string> = {};
  beforeAll(async () => {
    const fields = { b: [200, 3], c: [100, 2], a: [300, 1] };
    const mark = unique();
    for (const [name, [price, priority]] of Object.entries(fields)) {
      made[await createPlan({ name: `${name} ${mark}`, price, priority })] = name;
    }
  });

  test.for([
    ["", "bca"],
    ["?sortBy=priority", "bca"],
    ["?sortOrder=asc", "acb"],
    ["?sortOrder=DESC", "acb"],
    ["?sortOrder=down", "acb"],
    ["?sortBy=price", "abc"],
    ["?sortBy=price&sortOrder=asc", "cba"],
    ["?sortBy=name&sortOrder=asc", "abc"],
    ["?sortBy=name", "cba"],
  ] as const)("%s", async ([query, expected]) => {
    const listed = await list(query);
    const order = among(Object.keys(made), listed).map((id) => made[id]);
    expect(order.join("")).toBe(expected);
    expect(listed.filters).toMatchObject(Object.fromEntries(new URLSearchParams(query)));
  });

  test("of the same priority goes by price, whatever came first", async () => {
    const prices = [200, 500, 100, 400, 300];
    const tied = await createPlans(prices.map((price) => ({ price, priority: 7 })));
    const listed = await list();
    const order = among(tied, listed).map((id) => prices[tied.indexOf(id)]);
    const upwards = prices.toSorted((a, b) => a - b);
    expect([upwards, upwards.toReversed()]).toContainEqual(order);
  });

  test.for(["?sortBy=razorpayPlanId", "?sortBy=$where", "?sortBy[]=price", "?sortBy=price&sortBy=name"])(
    "by what is not on the list is answered all the same: %s",
    async (query) => {
      const id = await createPlan();
      const answer = await get(`/api/plans${query}`);
      if (answer.status === 200) expect(ids(answer.body.data)).toContain(id);
      else expectRefusal(answer, 400);
    },
  );
});

describe("one plan", () => {
  test("is the data itself, and keeps the gateway's id from the public", async () => {
    const razorpayPlanId = `plan_${unique()}`;
    const id = await createPlan({ razorpayPlanId, price: 499.5, duration: 2, durationType: "weeks" });
    for (const path of [id, id.toUpperCase()]) {
      for (const token of [undefined, (await person()).token]) {
        const data = dataOf(await get(`/api/plans/${path}`, { token }), { message: true });
        expectPlanDetail(data);
        expect(data).toMatchObject({ _id: id, price: 499.5, duration: 2, durationType: "weeks" });
      }
    }
  });

  test("of old data comes with the defaults of the store", async () => {
    const id = await createPlan(BARE);
    const data = dataOf(await get(`/api/plans/${id}`), { message: true });
    expectPlanDetail(data);
    expect(data).toMatchObject({
      durationType: "months",
      features: [],
      isActive: true,
      isPopular: false,
      maxSessions: -1,
      maxGames: -1,
      maxLectures: -1,
      includesVideoCalls: false,
      includesVoiceCalls: false,
      includesGroupCalls: false,
      includesChat: true,
      includesGames: true,
      includesLectures: true,
      priority: 0,
    });
    expect(data).not.toHaveProperty("description");
  });

  test("must exist", async () => {
    expectRefusal(await get(`/api/plans/${UNKNOWN}`), 404);
    const id = await createPlan();
    expect((await get(`/api/plans/${id}`)).status).toBe(200);
    await removeFrom("plans", id);
    expectRefusal(await get(`/api/plans/${id}`), 404);
  });

  test.for(["1", "zzzzzzzzzzzzzzzzzzzzzzzz", `${UNKNOWN}0`, "%7B%22$ne%22:1%7D"])(
    "has an id of 24 digits: %s",
    async (id) => expectRefusal(await get(`/api/plans/${id}`), 400),
  );
});

describe("plans on offer, /api/transactions/plans", () => {
  test("are the active ones, cheapest first, with the unit of their duration", async () => {
    const made = await createPlans([
      { price: 30 },
      { price: 10.5, description: undefined, durationType: "days" },
      { price: 20, isActive: false },
      { price: 25, isPopular: true, durationType: "years", features: [] },
    ]);
    const data: Document[] = dataOf(await get("/api/transactions/plans"));
    for (const plan of data) {
      const features = plan["features"].map((feature: Document) => ({
        _id: ID,
        name: TEXT,
        isIncluded: expect.any(Boolean),
        ...("description" in feature ? { description: TEXT } : {}),
      }));
      const numbers = { price: expect.any(Number), duration: expect.any(Number) };
      const unit = expect.stringMatching(/^(days|weeks|months|years)$/);
      expectExactly(
        plan,
        { _id: ID, name: TEXT, ...numbers, durationType: unit, features, isPopular: expect.any(Boolean) },
        { description: TEXT },
      );
    }
    const prices = data.map(({ price }) => price);
    expect(prices).toEqual(prices.toSorted((a, b) => a - b));
    const mine = data.filter(({ _id }) => made.includes(_id));
    expect(mine.map(({ price, durationType, isPopular }) => [price, durationType, isPopular])).toEqual([
      [10.5, "days", false],
      [25, "years", true],
      [30, "months", false],
    ]);
    expect(mine[0]).not.toHaveProperty("description");
  });

  test("need no token, and a bad one does no harm", async () => {
    const id = await createPlan();
    const data: Document[] = dataOf(await get("/api/transactions/plans", { token: "garbage" }));
    expect(data.map(({ _id }) => _id)).toContain(id);
  });
});
