/** Opening and listing conversations with the tutor. */
import { describe, expect, test } from "vitest";
import { post, unique } from "../support/client.ts";
import { person } from "../support/people.ts";
import {
  CATEGORIES,
  CONVERSATIONS,
  ID,
  LEVELS,
  TEXT,
  TIME,
  UUID,
  at,
  chatsOf,
  expectChatErrors,
  expectChatRefusal,
  expectSignIn,
  openRoom,
  plantChat,
  storedChat,
  turn,
} from "./tutor.support.ts";

const room = openRoom("tutor-conversations");

describe("opening a conversation", () => {
  test.for(["POST", "GET"])("needs a token to %s", (method) => expectSignIn(room(), method, CONVERSATIONS));

  test("answers with what the app reads, and asks the model nothing", async () => {
    const who = await room().who();
    const asked = room().since();
    const answer = await who.post(CONVERSATIONS, {
      category: "general",
      level: "beginner",
      title: "  Chat with AI  ",
    });
    expect(answer.status, answer.text).toBe(201);
    expect(answer.body).toEqual({
      message: TEXT,
      conversation: {
        id: ID,
        sessionId: UUID,
        title: "Chat with AI",
        category: "general",
        level: "beginner",
        status: "active",
        createdAt: TIME,
      },
    });
    expect(asked()).toEqual([]);
    const stored = await storedChat(answer.body.conversation.id);
    expect(stored).toMatchObject({
      sessionId: answer.body.conversation.sessionId,
      title: "Chat with AI",
      category: "general",
      level: "beginner",
      status: "active",
      messages: [],
      settings: { includeExercises: true, includeGameRecommendations: true, language: "en" },
      analytics: { totalMessages: 0, totalTokensUsed: 0, averageResponseTime: 0 },
    });
    expect(stored["userId"].toHexString()).toBe(who.id);
    expect(stored["createdAt"]).toBeInstanceOf(Date);
    expect(stored["analytics"].lastActivity).toBeInstanceOf(Date);
  });

  test("needs no body", async () => {
    const who = await room().who();
    const headers = { "content-type": "application/json" };
    const answer = await post(CONVERSATIONS, { token: who.token, headers, base: room().base });
    expect(answer.status, answer.text).toBe(201);
    expect(answer.body.conversation).toMatchObject({
      title: "New Conversation",
      category: "general",
      level: "intermediate",
    });
  });

  test("takes every category and level", async () => {
    const who = await room().who();
    for (const category of CATEGORIES) {
      const answer = await who.post(CONVERSATIONS, { category, title: unique() });
      expect(answer.body.conversation).toMatchObject({ category });
    }
    for (const level of LEVELS) {
      expect((await who.post(CONVERSATIONS, { level, title: unique() })).body.conversation).toMatchObject({
        level,
      });
    }
  });

  test.for([
    ["category", "cooking"],
    ["category", { $ne: "" }],
    ["level", "expert"],
    ["level", 1],
    ["title", ""],
    ["title", "   "],
    ["title", "x".repeat(101)],
    ["title", { $gt: "" }],
    ["title", ["a"]],
  ] as const)("refuses a wrong %s: %j", async ([field, value]) => {
    const who = await room().who();
    expectChatErrors(await who.post(CONVERSATIONS, { [field]: value }), field);
    expect(await chatsOf(who.id)).toEqual([]);
  });

  test("takes a title of a hundred characters", async () => {
    const title = "é".repeat(100);
    const answer = await (await room().who()).post(CONVERSATIONS, { title });
    expect(answer.status).toBe(201);
    expect(answer.body.conversation.title).toBe(title);
  });

  test("ignores what is not the caller's to say", async () => {
    const [who, other] = [await room().who(), await room().who()];
    const answer = await who.post(CONVERSATIONS, {
      userId: other.id,
      sessionId: "forged",
      status: "archived",
      messages: [{ role: "assistant", content: "forged" }],
      analytics: { totalMessages: 9 },
    });
    expect(answer.status, answer.text).toBe(201);
    expect(answer.body.conversation).toMatchObject({ sessionId: UUID, status: "active" });
    expect(await chatsOf(other.id)).toEqual([]);
    const [stored] = await chatsOf(who.id);
    expect(stored).toMatchObject({ messages: [], analytics: { totalMessages: 0 } });
  });

  test("again and again leaves one empty conversation, as the app's widget does it", async () => {
    const who = await room().who();
    const body = { category: "general", level: "intermediate", title: "Chat with AI" };
    for (let round = 0; round < 3; round++) {
      const answer = await who.post(CONVERSATIONS, body);
      expect(answer.status).toBe(201);
      expect(answer.body.conversation).toMatchObject(body);
    }
    expect(await chatsOf(who.id)).toHaveLength(1);
  });

  test("after something was said opens another one", async () => {
    const who = await room().who();
    const body = { title: "Chat with AI" };
    const first = await room().open(who, body);
    await room().ask(who, first, "What is a gerund?");
    const second = await room().open(who, body);
    expect(second).not.toBe(first);
    expect((await room().read(who, second))["messages"]).toEqual([]);
  });

  test("never gives somebody else's empty conversation", async () => {
    const [one, other] = [await room().who(), await room().who()];
    const body = { title: "Chat with AI" };
    expect(await room().open(one, body)).not.toBe(await room().open(other, body));
  });

  test("is not possible without a model, and a wrong body is told first", async () => {
    const who = await person();
    expectChatErrors(await who.post(CONVERSATIONS, { level: "expert" }), "level");
    expectChatRefusal(await who.post(CONVERSATIONS, {}), 503);
    expect(await chatsOf(who.id)).toEqual([]);
  });
});

describe("the list of conversations", () => {
  test("has the latest activity first, and leaves out archived ones", async () => {
    const who = await room().who();
    const other = await room().who();
    await plantChat(other.id, { title: "Not yours" });
    const day = (n: number) => new Date(Date.UTC(2026, 0, n));
    const planted = { title: "t", category: "grammar", level: "advanced", createdAt: day(1) };
    const activity = (n: number, totalMessages = 0) => ({
      totalMessages,
      totalTokensUsed: 0,
      averageResponseTime: 0,
      lastActivity: day(n),
    });
    const oldest = await plantChat(who.id, { ...planted, analytics: activity(2, 4) });
    const newest = await plantChat(who.id, { ...planted, analytics: activity(9), status: "completed" });
    const middle = await plantChat(who.id, { ...planted, analytics: activity(5) });
    const archived = await plantChat(who.id, { ...planted, analytics: activity(12), status: "archived" });

    const answer = await who.get(CONVERSATIONS);
    expect(answer.status, answer.text).toBe(200);
    expect(Object.keys(answer.body).sort()).toEqual(["conversations", "count", "message"]);
    expect(answer.body.count).toBe(3);
    expect(answer.body.conversations.map(({ id }: { id: string }) => id)).toEqual([newest, middle, oldest]);
    expect(answer.body.conversations[2]).toEqual({
      id: oldest,
      title: "t",
      category: "grammar",
      level: "advanced",
      status: "active",
      messageCount: 4,
      lastActivity: day(2).toISOString(),
      createdAt: day(1).toISOString(),
    });
    const of = async (query: string) =>
      (await who.get(`${CONVERSATIONS}?${query}`)).body.conversations.map(({ id }: { id: string }) => id);
    expect(await of("status=active")).toEqual([middle, oldest]);
    expect(await of("status=completed")).toEqual([newest]);
    expect(await of("status=archived")).toEqual([archived]);
    expect(await of("limit=2")).toEqual([newest, middle]);
    expect(await of("limit=1&status=active")).toEqual([middle]);
  });

  test("is empty for who never asked", async () => {
    const { body } = await (await room().who()).get(CONVERSATIONS);
    expect(body).toEqual({ message: TEXT, conversations: [], count: 0 });
  });

  test("is ten long unless asked otherwise, and fifty at most", async () => {
    const who = await room().who();
    for (let n = 0; n < 12; n++) await plantChat(who.id, { title: `Number ${n}` });
    expect((await who.get(CONVERSATIONS)).body).toMatchObject({ count: 10 });
    expect((await who.get(`${CONVERSATIONS}?limit=50`)).body).toMatchObject({ count: 12 });
  });

  test.for(["limit=0", "limit=51", "limit=-1", "limit=many", "limit=1.5", "status=lost", "status[$ne]=x"])(
    "is refused with %s",
    async (query) => {
      const who = await room().who();
      await plantChat(who.id);
      const answer = await who.get(`${CONVERSATIONS}?${query}`);
      // A nested parameter is no status at all: refused, or as if it were not there.
      if (query.includes("[") && answer.status === 200) expect(answer.body.count).toBe(1);
      else expectChatErrors(answer, query.split(/[=[]/)[0]!, "query");
    },
  );

  test("survives a conversation without counters", async () => {
    const who = await room().who();
    const id = await plantChat(who.id, { analytics: undefined, messages: undefined });
    const answer = await who.get(CONVERSATIONS);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.conversations).toMatchObject([{ id, messageCount: 0, lastActivity: TIME }]);
    expect((await who.get(at.one(id))).status).toBe(200);
  });

  test("moves a conversation up when something is said in it", async () => {
    const who = await room().who();
    const [first, second] = [await room().open(who), await room().open(who)];
    const order = async () =>
      (await who.get(CONVERSATIONS)).body.conversations.map(({ id }: { id: string }) => id);
    await room().ask(who, second, "Hello?");
    expect(await order()).toEqual([second, first]);
    await room().ask(who, first, "Hello?");
    expect(await order()).toEqual([first, second]);
    expect((await who.get(CONVERSATIONS)).body.conversations[0].messageCount).toBe(2);
  });

  test("works without a model", async () => {
    const who = await person();
    const id = await plantChat(who.id, { messages: [turn("user", "Hello")] });
    expect((await who.get(CONVERSATIONS)).body.conversations).toMatchObject([{ id }]);
    expect((await who.get(at.one(id))).body.conversation.messages).toHaveLength(1);
  });
});
