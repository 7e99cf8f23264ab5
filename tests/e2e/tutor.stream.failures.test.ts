/** Streamed answers of the tutor that fail before the first word, after some, or whose reader leaves. */
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { type Learner, eventually } from "../support/client.ts";
import { serve } from "../support/serve.ts";
import type { Fault } from "../upstreams/openai.ts";
import { pieces } from "../upstreams/openai.stream.ts";
import { expectRefusal } from "./auth.support.ts";
import {
  NO_IDS,
  Room,
  STREAMED,
  TEXT,
  at,
  expectChatErrors,
  expectChatRefusal,
  expectNoSecrets,
  openRoom,
  question,
  storedChat,
} from "./tutor.support.ts";

const room = openRoom("tutor-stream-failures");
const SAID = "A gerund is a noun made of a verb.";

/** The question is kept with what came of the answer, and nothing is counted. */
async function expectFailed(who: Learner, id: string, asked: string, part: unknown): Promise<void> {
  const { messages, analytics } = await room().read(who, id);
  expect(messages).toMatchObject([
    { role: "user", content: asked },
    { role: "assistant", content: part },
  ]);
  for (const message of messages) expect(message).not.toHaveProperty("metadata");
  expect(analytics).toMatchObject({ totalMessages: 2, totalTokensUsed: 0, averageResponseTime: 0 });
  expect((await storedChat(id))["messages"]).toMatchObject([{ failed: true }, { failed: true }]);
}

/** The question is kept, out of the model's sight, and the conversation goes on. */
async function expectKeptAsFailed(who: Learner, id: string, message: string): Promise<void> {
  await eventually("the question is kept", async () => (await storedChat(id))["messages"].length > 0);
  const kept = (await storedChat(id))["messages"];
  expect(kept[0]).toMatchObject({ role: "user", content: message });
  for (const one of kept) expect(one).toMatchObject({ failed: true });
  expect((await room().read(who, id))["analytics"]).toMatchObject({ totalTokensUsed: 0 });
  const asked = room().since();
  const next = question();
  const heard = await room().listen(who, id, next);
  expect((await heard.toTheEnd()).at(-1)).toMatchObject({ event: "done" });
  expect(asked()[0]!.completion!.messages.slice(1)).toEqual([{ role: "user", content: next }]);
}

describe("what is refused before the first word is told in JSON", () => {
  test("a missing token", async () => {
    const { id } = await room().begin();
    expectRefusal(await room().stream(undefined, id, { message: question() }), 401, /Access token required/);
  });

  test.for([
    ["message", ""],
    ["message", "x".repeat(1001)],
    ["message", { $ne: "" }],
    ["category", "cooking"],
    ["level", "native"],
  ] as const)("a wrong %s: %j", async ([field, value]) => {
    const { who, id } = await room().begin();
    const asked = room().since();
    expectChatErrors(await room().stream(who, id, { message: question(), [field]: value }), field);
    expect(asked()).toEqual([]);
  });

  test("a conversation that is not there, or is somebody else's", async () => {
    const who = await room().who();
    const others = (await room().begin()).id;
    for (const id of [...NO_IDS, others]) {
      expectChatRefusal(await room().stream(who, id, { message: question() }), 404);
    }
    expect((await storedChat(others))["messages"]).toEqual([]);
  });

  test("a tutor that is not set up", async () => {
    const { dataApi, folder } = inject("stack");
    const worker = await serve({ dataApi, folder: join(folder, "tutor-stream-none") });
    try {
      const { who, id } = await room().begin();
      const place = new Room(room().model, worker.base);
      expectChatRefusal(await place.stream(who, id, { message: question() }), 503);
      expect((await storedChat(id))["messages"]).toEqual([]);
    } finally {
      await worker.program.stop();
    }
  });

  test.for([
    ...([400, 401, 404, 408, 409, 429, 500, 503, "garbage", "odd", "empty", "lost"] as const),
    ...(["lost", "error", "garbage", "quit"] as const).map((then) => ({ after: 0, then })),
  ] satisfies Fault[])("a model that fails at once, with %j", async (fault) => {
    const { who, id } = await room().begin();
    const [asked, message] = [room().since(), question()];
    room().model.spoil(fault, { times: 9 });
    const answer = await room().stream(who, id, { message });
    expect([502, 503]).toContain(answer.status);
    expectChatRefusal(answer, answer.status);
    // A retry at most.
    expect([1, 2]).toContain(asked().length);
    await expectFailed(who, id, message, TEXT);
    expectNoSecrets(await who.get(at.one(id)));
  });
});

describe("a model", () => {
  test("that fails once and at once is asked again, and nobody notices", async () => {
    const { who, id } = await room().begin();
    room().model.say(SAID);
    room().model.spoil(500);
    const heard = await room().listen(who, id, question());
    expect((await heard.toTheEnd()).at(-1)!.event).toBe("done");
    expect(heard.pieces.join("")).toBe(SAID);
    expect((await room().read(who, id))["messages"]).toHaveLength(2);
  });

  test.for(["lost", "error", "garbage", "quit"] as const)(
    "that breaks off (%s) leaves the part that came, and says so",
    async (then) => {
      const { who, id } = await room().begin();
      const [asked, message] = [room().since(), question()];
      room().model.say(SAID);
      room().model.spoil({ after: 4, then });
      const heard = await room().listen(who, id, message);
      const events = await heard.toTheEnd();
      expect(events.at(-1)).toEqual({ event: "error", data: { message: TEXT, code: "UNAVAILABLE" } });
      expect(new Set(events.slice(0, -1).map(({ event }) => event))).toEqual(new Set(["token"]));
      const part = heard.pieces.join("");
      expect(part).toBe(pieces(SAID).slice(0, 4).join(""));
      expectNoSecrets({ status: heard.status, headers: heard.headers, text: heard.text, body: undefined });
      // Words that somebody has read are not said again in other words.
      expect(asked()).toHaveLength(1);
      await expectFailed(who, id, message, part);

      // The model does not hear of it, and goes on.
      const next = question();
      await room().ask(who, id, next);
      expect(
        asked()
          .at(-1)!
          .completion!.messages.slice(1)
          .map(({ content }) => content),
      ).toEqual([next]);
      expect((await room().read(who, id))["analytics"]).toMatchObject({ totalMessages: 4 });
    },
  );
});

describe("a client that hangs up", () => {
  test.for([
    ["is silent", { after: 2, then: "hold" }],
    ["speaks on", { pace: 250 }],
  ] as const)("ends the call of a model that %s", async ([, fault]) => {
    const { who, id } = await room().begin();
    const [asked, message] = [room().since(), question()];
    room().model.say("on and ".repeat(400));
    room().model.spoil(fault);
    const heard = await room().listen(who, id, message);
    await heard.untilSaid("on and");
    expect(asked()).toMatchObject([{ left: false }]);
    heard.hangUp();
    await eventually("the call has ended", () => asked()[0]!.left);
    expect(room().model.held).toBe(0);
    await expectKeptAsFailed(who, id, message);
  });

  test("ends the call of a model that has said nothing yet", async () => {
    const { who, id } = await room().begin();
    const [asked, message] = [room().since(), question()];
    room().model.spoil("hold");
    const hung = new AbortController();
    const waiting = fetch(room().base + at.messages(id), {
      method: "POST",
      headers: { ...STREAMED, "content-type": "application/json", authorization: `Bearer ${who.token}` },
      body: JSON.stringify({ message }),
      signal: hung.signal,
    }).catch(() => "gone");
    await eventually("the question is with the model", () => room().model.held === 1);
    hung.abort();
    expect(await waiting).toBe("gone");
    await eventually("the call has ended", () => asked()[0]!.left);
    await expectKeptAsFailed(who, id, message);
  });

  test("leaves others alone", async () => {
    const [one, other] = [await room().begin(), await room().begin()];
    room().model.say(SAID, SAID);
    room().model.spoil({ after: 1, then: "hold" }, { times: 2 });
    const [leaves, stays] = [
      await room().listen(one.who, one.id, question()),
      await room().listen(other.who, other.id, question()),
    ];
    await eventually("both are with the model", () => room().model.held === 2);
    leaves.hangUp();
    await eventually("one call has ended", () => room().model.held === 1);
    room().model.release();
    expect((await stays.toTheEnd()).at(-1)).toMatchObject({ event: "done" });
    expect(stays.pieces.join("")).toBe(SAID);
  });
});
