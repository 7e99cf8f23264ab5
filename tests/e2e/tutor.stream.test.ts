/** Answers of the tutor that come word by word. */
import { describe, expect, test } from "vitest";
import { call, eventually } from "../support/client.ts";
import { pieces } from "../upstreams/openai.stream.ts";
import { CONVERSATIONS, ID, TEXT, TIME, at, openRoom, question, storedChat, turn } from "./tutor.support.ts";

const room = openRoom("tutor-stream");
const SAID = "A gerund is a noun made of a verb.";
describe("a streamed answer", () => {
  test("comes in pieces, and at last whole", async () => {
    const { who, id } = await room().begin({ title: "Gerunds", category: "grammar", level: "beginner" });
    room().model.say(`  ${SAID}  `);
    const asked = question();
    const events = await (await room().listen(who, id, `  ${asked}  `)).toTheEnd();
    const tokens = events.slice(0, -1);
    expect(tokens.length).toBeGreaterThan(1);
    for (const one of tokens) expect(one).toEqual({ event: "token", data: { text: expect.any(String) } });
    expect(
      tokens
        .map(({ data }) => data.text)
        .join("")
        .trim(),
    ).toBe(SAID);

    const used = room().model.usage(room().model.completions.at(-1)!, `  ${SAID}  `);
    const { event, data } = events.at(-1)!;
    expect(event).toBe("done");
    expect(data).toEqual({
      message: TEXT,
      userMessage: { id: ID, role: "user", content: asked, timestamp: TIME },
      assistantMessage: {
        id: ID,
        role: "assistant",
        content: SAID,
        timestamp: TIME,
        metadata: {
          responseTime: expect.any(Number),
          tokens: used.total_tokens,
          model: room().model.answeringModel,
          category: "grammar",
          level: "beginner",
        },
      },
      conversation: { id, title: "Gerunds", totalMessages: 2 },
      usage: {
        promptTokens: used.prompt_tokens,
        completionTokens: used.completion_tokens,
        totalTokens: used.total_tokens,
      },
    });

    // What was said is what is read later, and what is stored.
    const conversation = await room().read(who, id);
    expect(conversation["messages"]).toEqual([data.userMessage, data.assistantMessage]);
    expect(conversation["analytics"]).toMatchObject({
      totalMessages: 2,
      totalTokensUsed: used.total_tokens,
      averageResponseTime: data.assistantMessage.metadata.responseTime,
    });
    for (const message of (await storedChat(id))["messages"]) expect(message).not.toHaveProperty("failed");
  });

  test.for([
    "text/event-stream",
    "Text/Event-STREAM",
    "application/json, text/event-stream",
    "text/event-stream;q=0.9, */*;q=0.1",
  ])("is what Accept: %s asks for", async (accept) => {
    const { who, id } = await room().begin();
    const body = { message: question() };
    const answer = await call("POST", at.messages(id), {
      ...{ base: room().base, token: who.token, body, headers: { accept } },
    });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get("content-type")).toMatch(/^text\/event-stream\b/);
    expect(answer.headers.get("cache-control")).toContain("no-store");
    expect(answer.text).toMatch(/^event: token\ndata: \{/);
    expect(room().model.completions.at(-1)).toMatchObject({ stream: true });
  });

  test.for(["application/json", "*/*", "text/plain", "text/event-streams", ""])(
    "is not what Accept: %j asks for",
    async (accept) => {
      const { who, id } = await room().begin();
      const answer = await call("POST", at.messages(id), {
        ...{ base: room().base, token: who.token, body: { message: question() }, headers: { accept } },
      });
      expect(answer.status, answer.text).toBe(200);
      expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
      expect(answer.body).not.toHaveProperty("usage");
      expect(room().model.completions.at(-1)!.stream ?? false).toBe(false);
    },
  );

  test("is asked of the model with the same words, and its count", async () => {
    const { who, id } = await room().begin({ messages: [turn("user", "Hi"), turn("assistant", "Hello")] });
    const asked = room().since();
    await (await room().listen(who, id, "What is a gerund?")).toTheEnd();
    expect(asked()).toHaveLength(1);
    const { completion, authorization } = asked()[0]!;
    expect(authorization).toBe(`Bearer ${room().model.key}`);
    expect(completion).toMatchObject({
      model: "gpt-3.5-turbo",
      temperature: 0.7,
      max_tokens: 600,
      presence_penalty: 0.1,
      frequency_penalty: 0.1,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(completion!.messages).toEqual([
      { role: "system", content: TEXT },
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello" },
      { role: "user", content: "What is a gerund?" },
    ]);
  });

  test("begins before the model has finished", async () => {
    const { who, id } = await room().begin();
    room().model.say(SAID);
    room().model.spoil({ after: 3, then: "hold" });
    const heard = await room().listen(who, id, question());
    const begin = pieces(SAID).slice(0, 3).join("");
    await heard.untilSaid(begin);
    expect(room().model.held).toBe(1);
    expect(heard.pieces.join("").trim()).toBe(begin);
    expect(heard.events.map(({ event }) => event)).not.toContain("done");
    room().model.release();
    expect((await heard.toTheEnd()).at(-1)).toMatchObject({
      ...{ event: "done", data: { assistantMessage: { content: SAID } } },
    });
  });

  test.for([
    "One.\n\nTwo.\r\n\r\nThree.",
    'event: done\ndata: {"message":"forged"}\n\nand on',
    ": no comment\nid: 5\nretry: 1",
    "नमस्ते 👋🏽 é \u2028 \u0000 \\n \"quoted\" {'x': [1]}",
    "x".repeat(5000),
  ])("may say anything: %j", async (said) => {
    const { who, id } = await room().begin();
    for (const fault of [undefined, "torn"] as const) {
      room().model.say(said);
      if (fault) room().model.spoil(fault);
      const heard = await room().listen(who, id, question());
      const { event, data } = (await heard.toTheEnd()).at(-1)!;
      expect(event).toBe("done");
      expect(data.assistantMessage.content).toBe(said);
      expect(heard.pieces.join("")).toBe(said);
      expect((await room().read(who, id))["messages"].at(-1).content).toBe(said);
    }
  });

  test("that says too much is cut short, not refused", async () => {
    const { who, id } = await room().begin();
    room().model.say("long ".repeat(40_000));
    const heard = await room().listen(who, id, question());
    const { event, data } = (await heard.toTheEnd()).at(-1)!;
    expect(event).toBe("done");
    const { content } = data.assistantMessage;
    expect(content.length).toBeLessThan(150_000);
    expect(heard.pieces.join("").trim()).toBe(content);
    expect((await room().read(who, id))["messages"].at(-1).content).toBe(content);
  });

  test("is part of what the model hears next, streamed or not", async () => {
    const { who, id } = await room().begin();
    room().model.say("One.", "Two.");
    const asked = room().since();
    await (await room().listen(who, id, "First?")).toTheEnd();
    await room().ask(who, id, "Second?");
    await (await room().listen(who, id, "Third?")).toTheEnd();
    const sent = asked().at(-1)!.completion!.messages;
    expect(sent.slice(1).map(({ content }) => content)).toEqual([
      ...["First?", "One.", "Second?", "Two.", "Third?"],
    ]);
    const { messages, analytics } = await room().read(who, id);
    expect(messages).toHaveLength(6);
    const tokens = messages.flatMap((message: { metadata?: { tokens: number } }) =>
      message.metadata ? [message.metadata.tokens] : [],
    );
    expect(tokens).toHaveLength(3);
    expect(analytics.totalTokensUsed).toBe(tokens.reduce((sum: number, one: number) => sum + one, 0));
  });

  test("names a conversation that nobody named", async () => {
    const { who, id } = await room().begin();
    const heard = await room().listen(who, id, "one two three four five six seven");
    const title = "one two three four five six...";
    expect((await heard.toTheEnd()).at(-1)!.data.conversation).toMatchObject({ title, totalMessages: 2 });
    expect(await room().read(who, id)).toMatchObject({ title });
  });

  test("into a conversation that is gone does not bring it back", async () => {
    const { who, id } = await room().begin();
    room().model.spoil({ after: 1, then: "hold" });
    const heard = await room().listen(who, id, question());
    await eventually("the model waits", () => room().model.held === 1);
    expect((await room().call("DELETE", at.one(id), who)).status).toBe(200);
    room().model.release();
    expect(["done", "error"]).toContain((await heard.toTheEnd()).at(-1)!.event);
    expect(await storedChat(id)).toBeNull();
    expect((await who.get(CONVERSATIONS)).body.count).toBe(0);
  });
});
