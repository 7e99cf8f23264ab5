/** The tutor's totals, its sample questions, and whether its model answers. */
import { describe, expect, test } from "vitest";
import { admin, person } from "../support/people.ts";
import { through } from "./sessions.support.ts";
import { TEXT, expectNoSecrets, expectSignIn, openRoom, plantChat, turn } from "./tutor.support.ts";

const room = openRoom("tutor-info");
const STATS = "/api/chat/stats";
const SUGGESTIONS = "/api/chat/suggestions";
const HEALTH = "/api/chat/health";
const analytics = (totalMessages: number, totalTokensUsed: number, averageResponseTime: number) => ({
  totalMessages,
  totalTokensUsed,
  averageResponseTime,
  topicsDiscussed: [],
  lastActivity: new Date(),
});

test.for([STATS, SUGGESTIONS, HEALTH])("%s needs a token", (path) => expectSignIn(room(), "GET", path));

describe("own totals", () => {
  test("are zeros and empty lists at first", async () => {
    const answer = await (await room().who()).get(STATS);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({
      message: TEXT,
      stats: {
        totalConversations: 0,
        totalMessages: 0,
        totalTokens: 0,
        avgResponseTime: 0,
        categories: [],
        levels: [],
      },
    });
  });

  test("are about all own conversations, and no others", async () => {
    const [who, other] = [await room().who(), await room().who()];
    await plantChat(other.id, { category: "listening", analytics: analytics(50, 5000, 9) });
    const grammar = { category: "grammar", level: "beginner" };
    await plantChat(who.id, { ...grammar, analytics: analytics(4, 300, 1000) });
    await plantChat(who.id, { ...grammar, status: "archived", analytics: analytics(2, 100, 2000) });
    // Nothing was ever answered here: no time that could be part of a mean.
    await plantChat(who.id, { category: "writing", level: "advanced", analytics: analytics(0, 0, 0) });
    const { body } = await who.get(STATS);
    expect(body.stats).toEqual({
      totalConversations: 3,
      totalMessages: 6,
      totalTokens: 400,
      avgResponseTime: 1500,
      categories: expect.any(Array),
      levels: expect.any(Array),
    });
    expect(body.stats.categories.toSorted()).toEqual(["grammar", "writing"]);
    expect(body.stats.levels.toSorted()).toEqual(["advanced", "beginner"]);
  });

  test("survive conversations without counters", async () => {
    const who = await room().who();
    await plantChat(who.id, { analytics: undefined, messages: [turn("user", "Hello")] });
    await plantChat(who.id, { analytics: {} });
    const answer = await who.get(STATS);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.stats).toMatchObject({ totalConversations: 2, totalTokens: 0, avgResponseTime: 0 });
  });

  test("grow with what is asked", async () => {
    const who = await room().who();
    const id = await room().open(who, { category: "speaking", level: "advanced", title: "t" });
    const { assistantMessage } = await room().ask(who, id, "Hello?");
    expect((await who.get(STATS)).body.stats).toMatchObject({
      totalConversations: 1,
      totalMessages: 2,
      totalTokens: assistantMessage.metadata.tokens,
      categories: ["speaking"],
      levels: ["advanced"],
    });
  });
});

describe("sample questions", () => {
  test("are ten texts, always the same", async () => {
    const [who, other] = [await room().who(), await room().who()];
    const { status, body } = await who.get(SUGGESTIONS);
    expect(status).toBe(200);
    expect(body).toEqual({ message: TEXT, suggestions: expect.any(Array) });
    expect(body.suggestions).toHaveLength(10);
    for (const text of body.suggestions) expect(text).toEqual(TEXT);
    expect(new Set(body.suggestions).size).toBe(10);
    expect((await other.get(SUGGESTIONS)).body).toEqual(body);
  });

  test("are there without a model", async () => {
    expect((await (await person()).get(SUGGESTIONS)).body.suggestions).toHaveLength(10);
  });
});

describe("the health of the model", () => {
  test("is told, with a probe of few tokens", async () => {
    const boss = through(await admin(), room().base);
    const asked = room().since();
    const { status, body } = await boss.get(HEALTH);
    expect(status).toBe(200);
    expect(body).toEqual({
      message: TEXT,
      status: "healthy",
      details: {
        success: true,
        message: TEXT,
        model: expect.stringMatching(/^gpt-3\.5-turbo/),
        responseTime: expect.any(Number),
      },
    });
    expect(asked()).toHaveLength(1);
    const { messages, max_tokens } = asked()[0]!.completion!;
    expect(messages).toEqual([{ role: "user", content: TEXT }]);
    expect(max_tokens).toBeLessThanOrEqual(50);
  });

  test.for([401, 429, 500, "garbage", "empty"] as const)("is bad, in few words, after %s", async (fault) => {
    const boss = through(await admin(), room().base);
    room().model.spoil(fault, { times: 9 });
    const answer = await boss.get(HEALTH);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      message: TEXT,
      status: "unhealthy",
      details: { success: false, message: TEXT, error: true },
    });
    expectNoSecrets(answer);
    room().model.release();
    expect((await boss.get(HEALTH)).body.status).toBe("healthy");
  });

  test("costs nothing however often learners ask", async () => {
    const who = await room().who();
    await who.get(HEALTH);
    const asked = room().since();
    for (let round = 0; round < 5; round++) {
      const answer = await who.get(HEALTH);
      // Whether learners are told at all is open.
      expect([200, 403]).toContain(answer.status);
    }
    expect(asked()).toEqual([]);
  });

  test("without a key is bad, and still an answer", async () => {
    const answer = await (await person()).get(HEALTH);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      message: TEXT,
      status: "unhealthy",
      details: { success: false, message: TEXT, error: true },
    });
  });
});
