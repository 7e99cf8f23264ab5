/** What the tutor costs, for administrators. */
import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Learner, call, eventually } from "../support/client.ts";
import { admin, teacher } from "../support/people.ts";
import type { Fault } from "../upstreams/openai.ts";
import { expectRefusal } from "./auth.support.ts";
import { PRONUNCIATION } from "./evaluation.support.ts";
import { through } from "./sessions.support.ts";
import { TEXT, at, openRoom, question, turn } from "./tutor.support.ts";
import { dataOf } from "./users.support.ts";

const room = openRoom("tutor-usage");
const USAGE = "/api/chat/admin/usage";
const COUNTS = [
  ...["requests", "promptTokens", "completionTokens", "tokens"],
  ...["costEstimate", "cacheHits", "cacheMisses", "failures"],
];
const NUMBERS = Object.fromEntries(COUNTS.map((name) => [name, expect.any(Number)]));

let boss: Learner;
beforeAll(async () => {
  boss = through(await admin(), room().base);
});

const usage = async (query = ""): Promise<Document> => dataOf(await boss.get(USAGE + query));
const today = () => new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Kolkata" }).format();

const NOTHING = { requests: 0, promptTokens: 0, completionTokens: 0, tokens: 0, cacheHits: 0, failures: 0 };
type Way = "plain" | "streamed";

/** Waits until what `work` did is counted: the totals have grown by what it says, and by no more. */
async function expectGrowth(work: () => Promise<Document>): Promise<void> {
  const before = (await usage())["totals"];
  const growth = await work();
  let grown: Document = {};
  await eventually("it is counted", async () => {
    const { totals } = await usage();
    grown = Object.fromEntries(Object.keys(growth).map((name) => [name, totals[name] - before[name]]));
    return Object.entries(growth).every(([name, value]) => grown[name] >= value);
  });
  expect(grown).toEqual(growth);
}

const send = (way: Way, who: Learner, id: string, message: string): Promise<Answer> =>
  way === "plain" ? who.post(at.messages(id), { message }) : room().stream(who, id, { message });

/** A first question that the model answers, and what is counted for it. */
async function answered(way: Way = "plain", said = "A noun."): Promise<Document> {
  const { who, id } = await room().begin();
  room().model.say(said);
  const answer = await send(way, who, id, question());
  expect(answer.status, answer.text).toBe(200);
  const used = room().model.usage(room().model.completions.at(-1)!, said);
  const tokens = { promptTokens: used.prompt_tokens, completionTokens: used.completion_tokens };
  return { ...NOTHING, ...tokens, tokens: used.total_tokens, requests: 1, cacheMisses: 1 };
}

describe("who may know", () => {
  test("is nobody without a token", async () => {
    for (const token of [undefined, "garbage"]) {
      expectRefusal(await call("GET", USAGE, { base: room().base, token }), 401);
    }
  });

  test("is no student and no teacher", async () => {
    for (const who of [await room().who(), through(await teacher(), room().base)]) {
      const answer = await who.get(USAGE);
      expectRefusal(answer, 403);
      expect(answer.text).not.toMatch(/tokens|cost/i);
    }
  });
});

describe("the days", () => {
  test.for(["0", "91", "-1", "1.5", "x", "7d", "1e1", "99999999999999999999"])(
    "cannot be %s",
    async (days) => {
      const answer = await boss.get(`${USAGE}?days=${days}`);
      expect(answer.status, answer.text).toBe(400);
      expect(answer.body).toMatchObject({ message: TEXT });
    },
  );

  test.for(["", "?days=1", "?days=7", "?days=90"])(
    "have the shape of the contract with %j",
    async (query) => {
      await expectGrowth(() => answered());
      const { days, totals, currency, ...rest } = await usage(query);
      expect([currency, rest]).toEqual(["USD", {}]);
      const most = Number(query.split("=")[1] ?? 30);
      expect(days.length).toBeLessThanOrEqual(most);
      for (const day of days) {
        expect(day).toEqual({ day: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), ...NUMBERS });
        // Nothing is below zero, and a day without any use is not there.
        for (const name of COUNTS) expect(day[name]).toBeGreaterThanOrEqual(0);
        expect(COUNTS.some((name) => day[name] > 0)).toBe(true);
        expect(day.tokens).toBe(day.promptTokens + day.completionTokens);
      }
      const names = days.map(({ day }: Document) => day);
      expect(names).toEqual([...new Set(names)].sort().reverse());

      expect(totals).toEqual({ ...NUMBERS, hitRatio: expect.any(Number) });
      for (const name of COUNTS) {
        const sum = days.reduce((all: number, day: Document) => all + day[name], 0);
        expect(totals[name]).toBeCloseTo(sum, 4);
      }
      const looked = totals.cacheHits + totals.cacheMisses;
      expect(totals.hitRatio).toBeCloseTo(looked === 0 ? 0 : totals.cacheHits / looked, 2);
    },
  );

  test("end in India, and the newest is the first", async () => {
    const possible = [today()];
    await expectGrowth(() => answered());
    const { days } = await usage("?days=1");
    possible.push(today());
    expect(possible).toContain(days[0].day);
    expect(days).toHaveLength(1);
  });

  test("are thirty when nobody says how many", async () => {
    const [some, thirty] = [await usage(), await usage("?days=30")];
    expect(some["days"]).toEqual(thirty["days"]);
  });
});

describe("counted is", () => {
  test.for(["plain", "streamed"] as const)("a %s answer, with what the model used", async (way) => {
    await expectGrowth(() => answered(way, "A gerund is a noun made of a verb."));
  });

  test("a later question, though its answer is never kept", async () => {
    await expectGrowth(async () => {
      const messages = [turn("user", "Hello?"), turn("assistant", "Hello!")];
      const { who, id } = await room().begin({ messages });
      await room().ask(who, id, question());
      return { requests: 1, cacheHits: 0, failures: 0 };
    });
  });

  test("a price that grows with what was used", async () => {
    const { totals } = await usage();
    await expectGrowth(() => answered("plain", "x".repeat(40_000)));
    const after = (await usage())["totals"];
    const used = after.tokens - totals.tokens;
    expect(used).toBeGreaterThan(10_000);
    // A model of this kind costs between a cent and a hundred dollars for a million tokens.
    const price = (after.costEstimate - totals.costEstimate) / used;
    expect(price).toBeGreaterThan(0.01 / 1e6);
    expect(price).toBeLessThan(100 / 1e6);
  });

  test.for(["plain", "streamed"] as const)("a known answer (%s) as a hit that costs nothing", async (way) => {
    const message = question();
    const first = async () => {
      const { who, id } = await room().begin();
      const answer = await send(way, who, id, message);
      expect(answer.status, answer.text).toBe(200);
    };
    // Until it is kept, the model is asked once more each time.
    await expectGrowth(async () => {
      const [asked, before] = [room().since(), { times: 0 }];
      await eventually("kept", async () => {
        before.times = asked().length;
        await first();
        return asked().length === before.times;
      });
      return { requests: before.times, cacheMisses: before.times, cacheHits: 1, failures: 0 };
    });
    const { totals } = await usage();
    await expectGrowth(async () => {
      for (let n = 0; n < 3; n++) await first();
      return { ...NOTHING, cacheHits: 3, cacheMisses: 0 };
    });
    const after = (await usage())["totals"];
    expect(after.costEstimate).toBe(totals.costEstimate);
    expect(after.hitRatio).toBeGreaterThan(totals.hitRatio);
  });

  test.for([
    ["plain", 400],
    ["plain", "garbage"],
    ["plain", "empty"],
    ["streamed", 400],
    ["streamed", { after: 2, then: "lost" }],
    ["streamed", { after: 2, then: "quit" }],
  ] as const satisfies [Way, Fault][])("a failure (%s, %j), and no answer", async ([way, fault]) => {
    const { totals } = await usage();
    await expectGrowth(async () => {
      const { who, id } = await room().begin();
      room().model.spoil(fault);
      const answer = await send(way, who, id, question());
      if (answer.status === 200) expect(answer.text).toContain("event: error");
      else expect([502, 503]).toContain(answer.status);
      return { ...NOTHING, failures: 1 };
    });
    expect((await usage())["totals"].costEstimate).toBe(totals.costEstimate);
  });

  test("nothing that was refused", async () => {
    // The last question shows that those before it are not there.
    await expectGrowth(async () => {
      const { who, id } = await room().begin();
      const others = (await room().begin()).id;
      expect((await who.post(at.messages(id), { message: "" })).status).toBe(400);
      expect((await room().stream(undefined, id, { message: question() })).status).toBe(401);
      expect((await who.post(at.messages(others), { message: question() })).status).toBe(404);
      return answered();
    });
  });

  test("no word and no probe: those are no questions to the tutor", async () => {
    await expectGrowth(async () => {
      const who = await room().who();
      const asked = room().since();
      const word = { targetWord: "three", transcription: "tree" };
      expect((await who.post(PRONUNCIATION, word)).status).toBe(200);
      expect((await boss.get("/api/chat/health")).status).toBe(200);
      expect(asked()).toHaveLength(2);
      return answered();
    });
  });
});
