/**
 * The tokens that a learner may use in a day. Before a question its estimate is put aside: 600 for the answer, and those of
 * the words. For the short questions here that is from 605 to 900, whether the instructions count or not.
 */
import { type Document, ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { type Answer, type Learner, eventually } from "../support/client.ts";
import { people } from "../support/people.ts";
import type { Fault } from "../upstreams/openai.ts";
import { setUser } from "./auth.support.ts";
import { through } from "./sessions.support.ts";
import {
  type Room,
  at,
  expectChatRefusal,
  openRoom,
  plantChat,
  question,
  storedChat,
  turn,
} from "./tutor.support.ts";
import { fromNow, plantPlan } from "./users.support.ts";

const tiers = openRoom("tutor-budget-tiers", {
  AI_DAILY_TOKENS: "free=2000,basic=4000,premium=7000,pro=12000",
});
const same = openRoom("tutor-budget-same", { AI_DAILY_TOKENS: "1200" });
const usual = openRoom("tutor-budget-usual");

/** How a question is asked; both kinds are under the same budget. */
const WAYS = {
  plain: (_: Room, who: Learner, id: string, message: string) => who.post(at.messages(id), { message }),
  streamed: (place: Room, who: Learner, id: string, message: string) => place.stream(who, id, { message }),
};
const ways = Object.keys(WAYS) as (keyof typeof WAYS)[];

/** Asks something new in a new conversation. */
async function ask(place: Room, who: Learner, way: keyof typeof WAYS = "plain"): Promise<Answer> {
  return WAYS[way](place, who, await plantChat(who.id), question());
}

/** Asks something whose answer alone has so many tokens; with instructions and words it is up to 300 more. */
async function spend(place: Room, who: Learner, tokens: number, way?: keyof typeof WAYS): Promise<void> {
  place.model.say("x".repeat(4 * tokens));
  const answer = await ask(place, who, way);
  expect(answer.status, answer.text).toBe(200);
}

/** Two of a kind, at this Worker. */
const two = async (place: Room, fields: Document = {}): Promise<[Learner, Learner]> =>
  (await people(2, fields)).map((who) => through(who, place.base)) as [Learner, Learner];

/** Seconds until the day ends in India. */
const untilMidnight = (): number => 86_400 - ((Math.floor(Date.now() / 1000) + 5.5 * 3600) % 86_400);

function expectOverBudget(answer: Answer): void {
  expectChatRefusal(answer, 429);
  expect(answer.body.code).toBe("AI_BUDGET");
  expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
}

describe("a question beyond the budget", () => {
  test.for(ways)("is refused until the day ends, and leaves no trace (%s)", async (way) => {
    const who = await same().who();
    await spend(same(), who, 600, way);
    const id = await plantChat(who.id);
    const [before, asked] = [await storedChat(id), same().since()];
    const most = untilMidnight();
    const answer = await WAYS[way](same(), who, id, question());
    const least = untilMidnight();
    expectOverBudget(answer);
    // Unless midnight was in between.
    if (least <= most) {
      const after = Number(answer.headers.get("retry-after"));
      expect(after).toBeGreaterThanOrEqual(least - 1);
      expect(after).toBeLessThanOrEqual(most + 1);
    }
    expect(await storedChat(id)).toEqual(before);
    expect(asked()).toEqual([]);
    // Again, too: a refusal changes nothing.
    expectOverBudget(await ask(same(), who, way));
  });

  test("is that of one learner, and of no other", async () => {
    const [one, other] = await two(same());
    await spend(same(), one, 600);
    expectOverBudget(await ask(same(), one));
    expect((await ask(same(), other)).status).toBe(200);
  });

  test("may be so by what was said before", async () => {
    const who = await same().who();
    const messages = Array.from({ length: 7 }, (_, n) => turn(n % 2 ? "assistant" : "user", "x".repeat(900)));
    const id = await plantChat(who.id, { messages });
    const asked = same().since();
    for (const way of ways) expectOverBudget(await WAYS[way](same(), who, id, question()));
    expect(asked()).toEqual([]);
    expect((await storedChat(id))["messages"]).toHaveLength(7);
    // A shorter one still fits.
    expect((await ask(same(), who)).status).toBe(200);
  });

  test("is told after everything that is wrong with it", async () => {
    const who = await same().who();
    await spend(same(), who, 600);
    const id = await plantChat(who.id);
    expectChatRefusal(await who.post(at.messages(id), { message: "" }), 400);
    expectChatRefusal(await who.post(at.messages(new ObjectId().toHexString()), { message: "x" }), 404);
    expectOverBudget(await who.post(at.messages(id), { message: question() }));
  });

  test("keeps nobody from reading, opening and changing", async () => {
    const who = await same().who();
    await spend(same(), who, 600);
    expectOverBudget(await ask(same(), who));
    const id = await same().open(who);
    await same().read(who, id);
    expect((await same().call("PUT", at.one(id), who, { title: "New" })).status).toBe(200);
    expect((await who.get("/api/chat/stats")).status).toBe(200);
  });

  test("is answered when the answer is known", async () => {
    const [poor, other] = await two(same());
    await spend(same(), poor, 600);
    const message = question();
    const { assistantMessage } = await same().ask(other, await plantChat(other.id), message);
    let answer: Answer | undefined;
    await eventually("kept", async () => {
      answer = await poor.post(at.messages(await plantChat(poor.id)), { message });
      return answer.status === 200;
    });
    expect(answer!.body.assistantMessage).toMatchObject({
      ...{ content: assistantMessage.content, metadata: { tokens: 0, cached: true } },
    });
    expectOverBudget(await ask(same(), poor));
  });
});

describe("questions at once", () => {
  test.for([
    ["in as many conversations", true],
    ["in one conversation", false],
  ] as const)("%s: only those that fit are asked", async ([, apart]) => {
    const who = await same().who();
    const asked = same().since();
    // Nothing is settled while all five come in.
    same().model.spoil("hold", { times: 9 });
    const shared = await plantChat(who.id);
    const ids = await Promise.all(
      Array.from({ length: 5 }, () => (apart ? plantChat(who.id) : Promise.resolve(shared))),
    );
    const answers: Answer[] = [];
    const all = ids.map(async (id, n) => {
      answers.push(await WAYS[ways[n % 2]!](same(), who, id, question()));
    });
    await eventually("four are refused", () => answers.length === 4);
    for (const answer of answers) expectOverBudget(answer);
    expect(same().model.held).toBe(1);
    same().model.release();
    await Promise.all(all);
    expect(answers[4]!.status, answers[4]!.text).toBe(200);
    expect(asked()).toHaveLength(1);
    const kept = await Promise.all(
      [...new Set(ids)].map(async (id) => (await storedChat(id))["messages"].length),
    );
    expect(kept.reduce((sum, one) => sum + one, 0)).toBe(2);
  });

  test("of several learners do not take from each other", async () => {
    const all = await two(same());
    same().model.spoil("hold", { times: 2 });
    const waiting = all.map((who) => ask(same(), who));
    await eventually("both are with the model", () => same().model.held === 2);
    same().model.release();
    for (const answer of await Promise.all(waiting)) expect(answer.status, answer.text).toBe(200);
  });
});

describe("an answer", () => {
  test.for(ways)("that used less than was put aside gives the rest back (%s)", async (way) => {
    const who = await tiers().who();
    // Four times what was put aside would be more than the budget.
    for (let n = 0; n < 4; n++) await spend(tiers(), who, 1, way);
  });

  test.for(ways)("that used more than was put aside takes the rest, too (%s)", async (way) => {
    const who = await tiers().who();
    await spend(tiers(), who, 1500, way);
    expectOverBudget(await ask(tiers(), who, way));
  });

  test.for(ways)("that failed gives everything back (%s)", async (way) => {
    const who = await same().who();
    for (const fault of [400, "garbage", "empty", "lost", 503] satisfies Fault[]) {
      same().model.spoil(fault, { times: 9 });
      expect([502, 503]).toContain((await ask(same(), who, way)).status);
      same().model.release();
    }
    expect((await ask(same(), who, way)).status).toBe(200);
  });

  test.for(["lost", "error", "quit"] as const)("that broke off gives everything back (%s)", async (then) => {
    const who = await same().who();
    for (let n = 0; n < 3; n++) {
      same().model.spoil({ after: 2, then });
      const heard = await same().listen(who, await plantChat(who.id), question());
      expect((await heard.toTheEnd()).at(-1)!.event).toBe("error");
    }
    expect((await ask(same(), who)).status).toBe(200);
  });
});

describe("the budget", () => {
  const subscribed =
    (planType: string, hours = 24) =>
    async () => ({
      studentInfo: {
        currentPlan: await plantPlan({ planType, tier: planType }),
        planExpiryDate: fromNow(hours),
      },
    });

  /** After `enough` tokens one more question fits, after `over` none. */
  async function expectBudget(place: Room, fields: Document, enough: number, over: number): Promise<void> {
    const [modest, greedy] = await two(place, fields);
    await spend(place, modest, enough);
    const answer = await ask(place, modest);
    expect(answer.status, answer.text).toBe(200);
    await spend(place, greedy, over);
    expectOverBudget(await ask(place, greedy));
  }

  test.for([
    ["a student without a plan", async () => ({}), 700, 2000],
    ["a student with a basic plan", subscribed("basic"), 2500, 4000],
    ["a student with a premium plan", subscribed("premium"), 5000, 7000],
    ["a student with a pro plan", subscribed("pro"), 9000, 12_000],
    ["a student whose pro plan is over", subscribed("pro", -1), 700, 2000],
    ["a teacher", async () => ({ role: "teacher" }), 9000, 12_000],
    ["an administrator", async () => ({ role: "admin" }), 9000, 12_000],
  ] as const)("of %s", async ([, fields, enough, over]) => {
    await expectBudget(tiers(), await fields(), enough, over);
  });

  test.for(["student", "teacher", "admin"])("that is one number is the same for a %s", async (role) => {
    await expectBudget(same(), { role }, 10, 600);
  });

  test("of a student without a plan is fifty thousand when nobody chose another", async () => {
    await expectBudget(usual(), {}, 48_000, 50_000);
  });

  test("that grows during the day leaves more", async () => {
    const who = await tiers().who();
    await spend(tiers(), who, 2000);
    expectOverBudget(await ask(tiers(), who));
    await setUser(who.id, await subscribed("premium")());
    await eventually("the plan runs", async () => (await ask(tiers(), who)).status === 200);
  });
});
