/** The first questions of conversations: who asks what somebody asked before gets that answer, and the model rests. */
import type { Document } from "mongodb";
import { describe, expect, test } from "vitest";
import { eventually, unique } from "../support/client.ts";
import type { Fault } from "../upstreams/openai.ts";
import {
  CONVERSATIONS,
  ID,
  TEXT,
  TIME,
  at,
  openRoom,
  plantChat,
  question,
  storedChat,
  turn,
} from "./tutor.support.ts";

const room = openRoom("tutor-cache");
const SETTINGS = { includeExercises: true, includeGameRecommendations: true, language: "en" };

/** A question in a new conversation of a new learner, and its answer. */
async function first(message: string, chat: Document = {}, more: object = {}): Promise<Document> {
  const { who, id } = await room().begin(chat);
  return (await room().ask(who, id, message, more))["assistantMessage"];
}

/** A question whose answer is in the cache, and that answer. */
async function known(chat: Document = {}, message = question()): Promise<{ message: string; said: string }> {
  const { content, metadata } = await first(message, chat);
  // An answer of the model does not say that it is none.
  expect(metadata).not.toHaveProperty("cached");
  expect(metadata.tokens).toBeGreaterThan(0);
  await eventually("kept", async () => (await first(message, chat))["metadata"].cached === true);
  return { message, said: content };
}

/** The model is asked, once, and what it says is the answer. */
async function expectAsked(message: string, chat: Document = {}, more: object = {}): Promise<void> {
  const asked = room().since();
  const fresh = `Fresh ${unique()}.`;
  room().model.say(fresh);
  const { content, metadata } = await first(message, chat, more);
  expect(asked()).toHaveLength(1);
  expect(content).toBe(fresh);
  expect(metadata).not.toHaveProperty("cached");
  room().model.release();
}

describe("a first question that somebody asked before", () => {
  test("is answered without the model, for nothing", async () => {
    const chat = { title: "New Conversation", category: "grammar", level: "beginner" };
    const { message, said } = await known(chat);
    const { who, id } = await room().begin(chat);
    const asked = room().since();
    const body = await room().ask(who, id, message);
    expect(asked()).toEqual([]);
    expect(body).toEqual({
      message: TEXT,
      userMessage: { id: ID, role: "user", content: message, timestamp: TIME },
      assistantMessage: {
        id: ID,
        role: "assistant",
        content: said,
        timestamp: TIME,
        metadata: {
          responseTime: expect.any(Number),
          tokens: 0,
          model: room().model.answeringModel,
          category: "grammar",
          level: "beginner",
          cached: true,
        },
      },
      conversation: { id, title: message, totalMessages: 2 },
    });
    const conversation = await room().read(who, id);
    expect(conversation["messages"]).toEqual([body["userMessage"], body["assistantMessage"]]);
    expect(conversation["analytics"]).toMatchObject({ totalMessages: 2, totalTokensUsed: 0 });
    for (const one of (await storedChat(id))["messages"]) expect(one).not.toHaveProperty("failed");
  });

  test("has ids of its own each time", async () => {
    const { message } = await known();
    const ids = [];
    for (let n = 0; n < 3; n++) ids.push((await first(message))["id"]);
    expect(new Set(ids).size).toBe(3);
  });

  test.for([
    ["in capitals", (text: string) => text.toUpperCase()],
    ["with blanks around it", (text: string) => `  ${text}\n`],
    ["with more blanks in it", (text: string) => text.replaceAll(" ", " \n\t ")],
    ["without a question mark", (text: string) => text.slice(0, -1)],
    ["with a full stop", (text: string) => `${text.slice(0, -1)}.`],
    ["with many marks", (text: string) => `${text.slice(0, -1)}?!...`],
  ] as const)("may be written %s", async ([, spelled]) => {
    const { message, said } = await known();
    const { who, id } = await room().begin();
    const asked = room().since();
    const { userMessage, assistantMessage } = await room().ask(who, id, spelled(message));
    expect(asked()).toEqual([]);
    expect(assistantMessage).toMatchObject({ content: said, metadata: { cached: true } });
    // His own words stay as he wrote them.
    expect(userMessage.content).toBe(spelled(message).trim());
  });

  test.for([
    ["has another word", (text: string) => text.replace("What", "Who")],
    ["has a mark in its midst", (text: string) => text.replace("What is", "What, is")],
    ["has a mark at its beginning", (text: string) => `?${text}`],
    ["has words that are put together", (text: string) => text.replace("is a", "isa")],
    ["goes on", (text: string) => `${text} Tell me`],
  ] as const)("is another one when it %s", async ([, changed]) => {
    const { message } = await known();
    await expectAsked(changed(message));
  });

  test.for([
    ["category", { category: "grammar" }],
    ["level", { level: "beginner" }],
    ["exercises", { settings: { ...SETTINGS, includeExercises: false } }],
    ["games", { settings: { ...SETTINGS, includeGameRecommendations: false } }],
    ["language", { settings: { ...SETTINGS, language: "hi" } }],
  ] as const)("is another one with another %s", async ([, chat]) => {
    const { message } = await known();
    await expectAsked(message, chat);
  });

  test("is the same when its category and level come with it", async () => {
    const wanted = { category: "speaking", level: "advanced" };
    const { message, said } = await known(wanted);
    const asked = room().since();
    expect(await first(message, {}, wanted)).toMatchObject({ content: said, metadata: wanted });
    expect(asked()).toEqual([]);
    await expectAsked(message, wanted, { category: "writing" });
  });

  test("is streamed in one piece", async () => {
    const { message, said } = await known();
    const { who, id } = await room().begin();
    const asked = room().since();
    const [token, done, ...more] = await (await room().listen(who, id, message)).toTheEnd();
    expect(asked()).toEqual([]);
    expect(token).toEqual({ event: "token", data: { text: said } });
    expect(done).toMatchObject({
      event: "done",
      data: {
        userMessage: { content: message },
        assistantMessage: { content: said, metadata: { tokens: 0, cached: true } },
        conversation: { id, totalMessages: 2 },
        usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 },
      },
    });
    expect(more).toEqual([]);
    const { messages } = await room().read(who, id);
    expect(messages).toEqual([done!.data.userMessage, done!.data.assistantMessage]);
  });

  test("may have been streamed then", async () => {
    const { who, id } = await room().begin();
    const message = question();
    room().model.say("  A noun. And more of it.  ");
    await (await room().listen(who, id, message)).toTheEnd();
    await eventually("kept", async () => (await first(message))["metadata"].cached === true);
    // Asking for it has not put another answer in its place.
    expect((await first(message))["content"]).toBe("A noun. And more of it.");
  });
});

describe("never kept is", () => {
  const said = [turn("user", "Hello?"), turn("assistant", "Hello!")];

  test("the answer to a second question, and none is given to one", async () => {
    const { message } = await known();
    await expectAsked(message, { messages: said });

    const later = question();
    await expectAsked(later, { messages: said });
    await expectAsked(later);
  });

  test("the answer to a second question in a conversation whose first was known", async () => {
    const { message } = await known();
    const { who, id } = await room().begin();
    const asked = room().since();
    await room().ask(who, id, message);
    const body = await room().ask(who, id, message);
    expect(asked()).toHaveLength(1);
    expect(body["assistantMessage"].metadata).not.toHaveProperty("cached");
  });

  test.for([400, "garbage", "empty", "lost"] satisfies Fault[])("a failure (%s)", async (fault) => {
    const { who, id } = await room().begin();
    const message = question();
    room().model.spoil(fault, { times: 9 });
    expect([502, 503]).toContain((await who.post(at.messages(id), { message })).status);
    room().model.release();
    await expectAsked(message);
  });

  test.for(["lost", "error", "quit"] as const)("an answer that breaks off (%s)", async (then) => {
    const { who, id } = await room().begin();
    const message = question();
    room().model.spoil({ after: 2, then });
    const heard = await room().listen(who, id, message);
    expect((await heard.toTheEnd()).at(-1)!.event).toBe("error");
    await expectAsked(message);
  });

  test("an answer whose reader has left", async () => {
    const { who, id } = await room().begin();
    const message = question();
    const asked = room().since();
    room().model.spoil({ after: 2, then: "hold" });
    const heard = await room().listen(who, id, message);
    await eventually("the model waits", () => room().model.held === 1);
    heard.hangUp();
    await eventually("the call has ended", () => asked()[0]!.left);
    await eventually("it is kept", async () => (await storedChat(id))["messages"].length > 0);
    await expectAsked(message);
  });
});

test("the learner's own part of the conversation stays his", async () => {
  const { message } = await known();
  const [one, other] = [await room().who(), await room().who()];
  const mine = await plantChat(one.id);
  await room().ask(one, mine, message);
  expect((await other.get(at.one(mine))).status).toBe(404);
  expect((await other.get(CONVERSATIONS)).body.count).toBe(0);
});
