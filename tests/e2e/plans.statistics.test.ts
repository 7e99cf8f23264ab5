import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { ID, TEXT, TIME, expectRefusal } from "./auth.support.ts";
import { dataOf } from "./payments.shapes.ts";
import { createPlans, removeFrom, theAdmin } from "./payments.support.ts";

const admin = theAdmin();
const PATH = "/api/plans/admin/statistics";
const NUMBER = expect.any(Number);

/** Days that no other plan was made on. */
const START = Date.UTC(1981, 2, 3) + Math.floor(Math.random() * 1000) * 86_400_000;
const at = (minutes: number) => new Date(START + minutes * 60_000);
const WINDOW = `?startDate=${at(0).toISOString()}&endDate=${at(600).toISOString()}`;

const ask = async (query: string) => dataOf(await admin.get(PATH + query), { message: true });

describe("of a period", () => {
  let data: Document;
  const prices = [0, 99.99, 100, 499, 500, 999.5, 1000, 4999, 5000, 9999.99, 10_000, 250_000];
  beforeAll(async () => {
    const lengths = [
      [10, "days"],
      [2, "weeks"],
      [1, "months"],
      [1, "years"],
    ] as const;
    await createPlans([
      ...prices.map((price, index) => {
        const [duration, durationType] = lengths[index % 4]!;
        return { price, duration, durationType, createdAt: at(index) };
      }),
      { price: 40, duration: 3, durationType: "weeks", isActive: false, createdAt: at(60) },
      { price: 80, duration: 5, durationType: "days", isActive: false, createdAt: at(600) },
      // Outside.
      { price: 1, createdAt: at(-1) },
      { price: 2, createdAt: at(601) },
    ]);
    data = await ask(WINDOW);
  });

  test("has the parts of the contract", () => {
    expect(data).toEqual({
      planStats: expect.any(Array),
      popularPlans: expect.any(Array),
      priceRanges: expect.any(Array),
      recentPlans: expect.any(Array),
      filters: { startDate: TEXT, endDate: TEXT },
    });
    expect(Date.parse(data["filters"].startDate)).toBe(at(0).getTime());
    expect(Date.parse(data["filters"].endDate)).toBe(at(600).getTime());
  });

  test("counts active and inactive plans, with mean price and mean length in days", () => {
    const groups = data["planStats"].toSorted(
      (a: Document, b: Document) => Number(a["_id"]) - Number(b["_id"]),
    );
    expect(groups).toEqual([
      { _id: false, count: 2, avgPrice: 60, avgDuration: 13 },
      { _id: true, count: prices.length, avgPrice: NUMBER, avgDuration: NUMBER },
    ]);
    const mean = prices.reduce((sum, price) => sum + price) / prices.length;
    expect(groups[1].avgPrice).toBeCloseTo(mean, 1);
    expect(groups[1].avgDuration).toBeCloseTo((10 + 14 + 30 + 365) / 4, 1);
  });

  test("sorts plans into price bands by their lower bounds", () => {
    const bands = Object.fromEntries(
      data["priceRanges"].map(({ _id, count, plans, ...rest }: Document) => {
        expect(rest).toEqual({});
        expect(count).toBe(plans.length);
        for (const plan of plans) expect(plan).toEqual({ name: TEXT, price: NUMBER });
        return [_id, plans.map(({ price }: Document) => price).sort((a: number, b: number) => a - b)];
      }),
    );
    expect(bands).toEqual({
      0: [0, 40, 80, 99.99],
      100: [100, 499],
      500: [500, 999.5],
      1000: [1000, 4999],
      5000: [5000, 9999.99],
      "Above 10000": [10_000, 250_000],
    });
    for (const { _id } of data["priceRanges"]) {
      expect(typeof _id).toBe(_id === "Above 10000" ? "string" : "number");
    }
  });

  test("names the ten newest", () => {
    const recent = data["recentPlans"];
    expect(recent.length).toBe(10);
    for (const plan of recent) {
      expect(plan).toEqual({
        _id: ID,
        name: TEXT,
        price: NUMBER,
        duration: NUMBER,
        isActive: expect.any(Boolean),
        createdAt: TIME,
      });
    }
    expect(recent.map(({ price }: Document) => price)).toEqual([80, 40, ...prices.toReversed().slice(0, 8)]);
  });
});

test("popular plans are active, by priority and then price, whatever the dates", async () => {
  // Above everything else, so that a bounded list must hold them; taken away so that nothing else must.
  const made = await createPlans([
    { isPopular: true, priority: 1e9, price: 300 },
    { isPopular: true, priority: 1e9, price: 100 },
    { isPopular: true, priority: 2e9, price: 900 },
    { isPopular: true, priority: 3e9, isActive: false },
    { isPopular: false, priority: 3e9 },
  ]);
  try {
    for (const query of ["", WINDOW]) {
      const { popularPlans } = await ask(query);
      for (const plan of popularPlans) {
        expect(plan).toEqual({ _id: ID, name: TEXT, price: NUMBER, duration: NUMBER, priority: NUMBER });
      }
      expect(popularPlans.slice(0, 3).map(({ _id }: Document) => _id)).toEqual([made[2], made[1], made[0]]);
    }
  } finally {
    await removeFrom("plans", ...made);
  }
});

test("one bound is enough, and none is too", async () => {
  expect((await ask(`?endDate=${at(-10_000_000).toISOString()}`)).planStats).toEqual([]);
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  expect((await ask(`?startDate=${soon}`)).recentPlans).toEqual([]);
  const all = await ask("");
  expect(all.recentPlans.length).toBe(10);
  expect(all.filters).toEqual({ startDate: TEXT, endDate: TEXT });
});

test("an empty period is empty", async () => {
  const { planStats, priceRanges, recentPlans } = await ask(
    `?startDate=${at(-20).toISOString()}&endDate=${at(-10).toISOString()}`,
  );
  expect([planStats, priceRanges, recentPlans]).toEqual([[], [], []]);
});

test.for(["startDate=yesterday", "endDate=2024-13-45", "startDate=2024-01-01&endDate=x"])(
  "a date must be one: %s",
  async (query) => expectRefusal(await admin.get(`${PATH}?${query}`), 400),
);
