/** The tutor when its model fails, is slow, or is not there. */
import { describe, expect, inject, test } from "vitest";
import { join } from "node:path";
import { eventually } from "../support/client.ts";
import { serve } from "../support/serve.ts";
import type { Fault } from "../upstreams/openai.ts";
import {
  CONVERSATIONS,
  Room,
  at,
  chatsOf,
  expectChatRefusal,
  expectNoSecrets,
  openRoom,
  plantChat,
  question,
  storedChat,
  turn,
} from "./tutor.support.ts";

const room = openRoom("tutor-failures");
const contents = (messages: { content: string }[]) => messages.map(({ content }) => content);

describe("a model that fails", () => {
  test.for([
    ...([400, 401, 404, 408, 409, 429, 500, 503] as const),
    ...(["garbage", "odd", "empty", "lost"] as const),
  ] satisfies Fault[])("with %s gives 502 or 503, and an apology to read", async (fault) => {
    const who = await room().who();
    const id = await room().open(who, {});
    const asked = room().since();
    room().model.spoil(fault, { times: 9 });
    const answer = await who.post(at.messages(id), { message: "What is a gerund?" });
    expect([502, 503]).toContain(answer.status);
    expectChatRefusal(answer, answer.status);
    // A retry at most.
    expect(asked().length).toBeGreaterThanOrEqual(1);
    expect(asked().length).toBeLessThanOrEqual(2);

    const { messages, analytics, title } = await room().read(who, id);
    expect(messages).toMatchObject([
      { role: "user", content: "What is a gerund?" },
      { role: "assistant", content: expect.stringMatching(/\S/) },
    ]);
    for (const message of messages) expect(message).not.toHaveProperty("metadata");
    expect(analytics).toMatchObject({ totalMessages: 2, totalTokensUsed: 0, averageResponseTime: 0 });
    expect(title).toBe("What is a gerund?");
    expectNoSecrets(await who.get(at.one(id)));
  });

  test("once is asked again, and nobody notices", async () => {
    const who = await room().who();
    const id = await room().open(who);
    room().model.say("A noun.");
    room().model.spoil(500);
    const body = await room().ask(who, id, "What is a gerund?");
    expect(body["assistantMessage"].content).toBe("A noun.");
    expect((await room().read(who, id))["messages"]).toHaveLength(2);
  });

  test("does not hear of failed turns later", async () => {
    const who = await room().who();
    const id = await room().open(who);
    room().model.say("One.");
    await room().ask(who, id, "First?");
    room().model.spoil(400);
    expect((await who.post(at.messages(id), { message: "Second?" })).status).toBeGreaterThanOrEqual(502);
    const apology = (await room().read(who, id))["messages"].at(-1).content;
    const asked = room().since();
    await room().ask(who, id, "Third?");
    const sent = contents(asked()[0]!.completion!.messages);
    expect(sent).not.toContain(apology);
    expect(sent.slice(1)).toEqual(["First?", "One.", "Third?"]);
    expect(contents((await room().read(who, id))["messages"])).toHaveLength(6);
  });

  test("counts only answers in the mean time of an answer", async () => {
    const who = await room().who();
    const metadata = { responseTime: 900, tokens: 10, model: "m", category: "general", level: "beginner" };
    const id = await plantChat(who.id, {
      messages: [turn("user", "Hi"), turn("assistant", "Hello", { metadata })],
      analytics: {
        totalMessages: 2,
        totalTokensUsed: 10,
        averageResponseTime: 900,
        topicsDiscussed: [],
        lastActivity: new Date(0),
      },
    });
    room().model.spoil(400);
    await who.post(at.messages(id), { message: "Second?" });
    const { analytics } = await room().read(who, id);
    expect(analytics).toMatchObject({ totalMessages: 4, totalTokensUsed: 10, averageResponseTime: 900 });
    expect(analytics.lastActivity > new Date(0).toISOString()).toBe(true);
  });

  test("is waited for while it is only slow", async () => {
    const who = await room().who();
    const id = await room().open(who);
    room().model.spoil({ pause: 1500 });
    const body = await room().ask(who, id, "Hello?");
    expect(body["assistantMessage"].metadata.responseTime).toBeGreaterThanOrEqual(1000);
    const { stats } = (await who.get("/api/chat/stats")).body;
    expect(stats.avgResponseTime).toBeGreaterThanOrEqual(1000);
  });

  test("does not hold up others while one waits", async () => {
    const [slow, quick] = [await room().who(), await room().who()];
    const [held, free] = [await room().open(slow), await room().open(quick)];
    room().model.spoil("hold");
    const waiting = slow.post(at.messages(held), { message: question() });
    await eventually("the question is with the model", () => room().model.held === 1);
    await room().ask(quick, free, question());
    expect((await slow.get(CONVERSATIONS)).status).toBe(200);
    room().model.release();
    expect((await waiting).status).toBe(200);
  });

  test("answers into a conversation that is gone without bringing it back", async () => {
    const who = await room().who();
    const id = await room().open(who);
    room().model.spoil("hold");
    const waiting = who.post(at.messages(id), { message: question() });
    await eventually("the question is with the model", () => room().model.held === 1);
    expect((await room().call("DELETE", at.one(id), who)).status).toBe(200);
    room().model.release();
    expect((await waiting).status).toBeLessThan(500);
    expect(await storedChat(id)).toBeNull();
    expect((await who.get(CONVERSATIONS)).body.count).toBe(0);
  });

  test("and says too much is cut short, not refused", async () => {
    const who = await room().who();
    const id = await room().open(who);
    room().model.say("long ".repeat(40_000));
    const { assistantMessage } = await room().ask(who, id, question());
    expect(assistantMessage.content.length).toBeLessThan(150_000);
    expect((await room().read(who, id))["messages"].at(-1).content).toBe(assistantMessage.content);
  });
});

describe("a key", () => {
  test.for(["your_openai_api_key_here", "your-openai-api-key-here", "  "])(
    "that is a placeholder (%j) is none",
    async (key) => {
      const { dataApi, folder } = inject("stack");
      const env = { ...room().model.variables, OPENAI_API_KEY: key };
      const worker = await serve({ dataApi, folder: join(folder, "tutor-placeholder"), env });
      try {
        const place = new Room(room().model, worker.base);
        const who = await place.who();
        const asked = room().since();
        expectChatRefusal(await who.post(CONVERSATIONS, {}), 503);
        expect(await chatsOf(who.id)).toEqual([]);
        expect((await who.get("/api/chat/suggestions")).status).toBe(200);
        expect((await who.get("/api/chat/stats")).status).toBe(200);
        const health = await who.get("/api/chat/health");
        expect(health.status).toBe(200);
        expect(health.body).toMatchObject({ status: "unhealthy", details: { success: false, error: true } });
        expect(asked()).toEqual([]);
      } finally {
        await worker.program.stop();
      }
    },
  );
});
