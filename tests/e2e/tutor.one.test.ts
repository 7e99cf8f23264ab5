/** Reading, changing and deleting one conversation with the tutor. */
import { ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { withDatabase } from "../support/client.ts";
import { admin } from "../support/people.ts";
import { through } from "./sessions.support.ts";
import {
  CONVERSATIONS,
  NO_IDS,
  TEXT,
  TIME,
  at,
  expectChatErrors,
  expectChatRefusal,
  expectSignIn,
  openRoom,
  plantChat,
  storedChat,
  turn,
} from "./tutor.support.ts";

const room = openRoom("tutor-one");
const METHODS = ["GET", "PUT", "DELETE"] as const;

describe("a conversation", () => {
  test.for(METHODS)("needs a token to %s", (method) => expectSignIn(room(), method, at.one(NO_IDS.at(-1)!)));

  test.for([...METHODS, "POST"] as const)("that is not there is not found by %s", async (method) => {
    const who = await room().who();
    for (const id of NO_IDS) {
      const path = method === "POST" ? at.messages(id) : at.one(id);
      const body = method === "PUT" ? { title: "x" } : method === "POST" ? { message: "x" } : undefined;
      expectChatRefusal(await room().call(method, path, who, body), 404);
    }
  });

  test("of somebody else is not there, not even for an administrator", async () => {
    const [owner, other] = [await room().who(), await room().who()];
    const boss = through(await admin(), room().base);
    const id = await plantChat(owner.id, { title: "Mine", messages: [turn("user", "A secret")] });
    const before = await storedChat(id);
    const asked = room().since();
    for (const who of [other, boss]) {
      for (const method of METHODS) {
        const body = method === "PUT" ? { title: "Yours" } : undefined;
        expectChatRefusal(await room().call(method, at.one(id), who, body), 404);
      }
      expectChatRefusal(await who.post(at.messages(id), { message: "Let me in" }), 404);
    }
    expect(await storedChat(id)).toEqual(before);
    expect(asked()).toEqual([]);
  });

  test("is read whole", async () => {
    const who = await room().who();
    const metadata = {
      responseTime: 812,
      tokens: 120,
      model: "gpt-3.5-turbo-0125",
      category: "grammar",
      level: "beginner",
    };
    const messages = [turn("user", "What is a gerund?"), turn("assistant", "A noun.", { metadata })];
    const id = await plantChat(who.id, {
      title: "Gerunds",
      category: "grammar",
      level: "beginner",
      status: "completed",
      messages,
      analytics: {
        totalMessages: 2,
        totalTokensUsed: 120,
        averageResponseTime: 812,
        topicsDiscussed: [],
        lastActivity: new Date(),
      },
    });
    const answer = await who.get(at.one(id));
    expect(answer.status, answer.text).toBe(200);
    const wire = ({ _id, timestamp, ...rest }: (typeof messages)[number]) => ({
      id: _id.toHexString(),
      timestamp: timestamp.toISOString(),
      ...rest,
    });
    expect(answer.body).toEqual({
      message: TEXT,
      conversation: {
        id,
        sessionId: (await storedChat(id))["sessionId"],
        title: "Gerunds",
        category: "grammar",
        level: "beginner",
        status: "completed",
        messages: messages.map(wire),
        analytics: {
          totalMessages: 2,
          totalTokensUsed: 120,
          averageResponseTime: 812,
          topicsDiscussed: [],
          lastActivity: TIME,
        },
        createdAt: TIME,
        updatedAt: TIME,
      },
    });
  });
});

describe("changing a conversation", () => {
  test("answers with what it is now", async () => {
    const who = await room().who();
    const id = await plantChat(who.id);
    const change = { title: "  Gerunds  ", category: "grammar", level: "advanced", status: "archived" };
    const answer = await room().call("PUT", at.one(id), who, change);
    expect(answer.status, answer.text).toBe(200);
    const now = { ...change, title: "Gerunds" };
    expect(answer.body).toEqual({ message: TEXT, conversation: { id, ...now } });
    expect(await storedChat(id)).toMatchObject(now);
    expect(await room().read(who, id)).toMatchObject(now);
  });

  test("changes what is sent, and only that", async () => {
    const who = await room().who();
    const id = await plantChat(who.id, { title: "Old", category: "writing", level: "beginner" });
    const answer = await room().call("PUT", at.one(id), who, { status: "completed" });
    expect(answer.body.conversation).toEqual({
      id,
      title: "Old",
      category: "writing",
      level: "beginner",
      status: "completed",
    });
  });

  test.for([
    ["title", ""],
    ["title", "  "],
    ["title", "x".repeat(101)],
    ["title", { $set: 1 }],
    ["category", "cooking"],
    ["level", "native"],
    ["status", "deleted"],
    ["status", null],
  ] as const)("refuses a wrong %s: %j", async ([field, value]) => {
    const who = await room().who();
    const id = await plantChat(who.id);
    const before = await storedChat(id);
    expectChatErrors(await room().call("PUT", at.one(id), who, { [field]: value }), field);
    expect(await storedChat(id)).toEqual(before);
  });

  test("a wrong body is told before a missing conversation", async () => {
    const who = await room().who();
    expectChatErrors(await room().call("PUT", at.one(NO_IDS.at(-1)!), who, { level: "native" }), "level");
  });

  test("hands nothing to anybody, and forges nothing", async () => {
    const [who, other] = [await room().who(), await room().who()];
    const id = await plantChat(who.id, { messages: [turn("user", "Mine")] });
    const before = await storedChat(id);
    const answer = await room().call("PUT", at.one(id), who, {
      title: "New",
      _id: new ObjectId().toHexString(),
      userId: other.id,
      sessionId: "forged",
      messages: [{ role: "assistant", content: "forged" }],
      analytics: { totalMessages: 99 },
      "analytics.totalMessages": 99,
      createdAt: "2001-01-01T00:00:00.000Z",
      save: "x",
      populate: 1,
      $set: { title: "Worse" },
    });
    // Silently dropped, or refused: never stored.
    expect([200, 400]).toContain(answer.status);
    const { title, updatedAt, ...after } = await storedChat(id);
    const { title: _, updatedAt: __, ...kept } = before;
    expect(after).toEqual(kept);
    expect(updatedAt).toBeInstanceOf(Date);
    expect(title).toBe(answer.status === 200 ? "New" : before["title"]);
    expect((await other.get(CONVERSATIONS)).body.count).toBe(0);
  });

  test("merges settings", async () => {
    const who = await room().who();
    const id = await plantChat(who.id);
    const put = (settings: unknown) => room().call("PUT", at.one(id), who, { settings });
    expect((await put({ includeExercises: false })).status).toBe(200);
    const base = { includeExercises: false, includeGameRecommendations: true, language: "en" };
    expect((await storedChat(id))["settings"]).toEqual(base);
    expect((await put({ language: "hi", includeGameRecommendations: false, userId: "x" })).status).toBe(200);
    expect((await storedChat(id))["settings"]).toEqual({
      includeExercises: false,
      includeGameRecommendations: false,
      language: "hi",
    });
    for (const wrong of ["x", [true], 5, { includeExercises: "perhaps" }, { language: { $ne: "" } }]) {
      expectChatRefusal(await put(wrong), 400);
    }
  });

  test("merges settings into a conversation that has none", async () => {
    const who = await room().who();
    const id = await plantChat(who.id, { settings: undefined });
    const put = await room().call("PUT", at.one(id), who, { settings: { includeExercises: false } });
    expect(put.status, put.text).toBe(200);
    expect((await storedChat(id))["settings"]).toMatchObject({ includeExercises: false });
    await room().ask(who, id, "Hello?");
  });

  test("changes nothing without a field", async () => {
    const who = await room().who();
    const id = await plantChat(who.id, { title: "Same" });
    const answer = await room().call("PUT", at.one(id), who, {});
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.conversation).toMatchObject({ id, title: "Same", status: "active" });
  });

  test("keeps words that look like code", async () => {
    const who = await room().who();
    const id = await plantChat(who.id);
    for (const title of ["$userId", "<b>bold</b>", "{{x}}", "null"]) {
      expect((await room().call("PUT", at.one(id), who, { title })).body.conversation.title).toBe(title);
      expect((await room().read(who, id))["title"]).toBe(title);
    }
  });
});

describe("deleting a conversation", () => {
  test("is for good", async () => {
    const who = await room().who();
    const [id, other] = [await plantChat(who.id), await plantChat(who.id)];
    const answer = await room().call("DELETE", at.one(id), who);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ message: TEXT });
    expect(await withDatabase((db) => db.collection("chats").findOne({ _id: new ObjectId(id) }))).toBeNull();
    expectChatRefusal(await who.get(at.one(id)), 404);
    expectChatRefusal(await room().call("DELETE", at.one(id), who), 404);
    expect((await who.get(CONVERSATIONS)).body.conversations).toMatchObject([{ id: other }]);
  });
});
