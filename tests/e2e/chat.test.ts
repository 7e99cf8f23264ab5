import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Learner, type Pair, eventually, post } from "../support/client.ts";
import {
  CANCEL_ALL,
  FIND,
  ID,
  TEXT,
  TIME,
  at,
  createPairs,
  expectError,
  expectFields,
  nobody,
  recordOf,
  taker,
  testAccess,
} from "./sessions.support.ts";

const pairs = taker<Pair>();
beforeAll(async () => pairs.fill(await createPairs(24)));

const say = (who: Learner, session: string, message: unknown, more: object = {}): Promise<Answer> =>
  who.post(at.say(session), { message, messageType: "text", ...more });

async function said(who: Learner, session: string, message: string, more: object = {}): Promise<string> {
  const answer = await say(who, session, message, more);
  expect(answer.status, answer.text).toBe(200);
  return answer.body.data.message.id;
}

async function page(who: Learner, session: string, query = "") {
  const answer = await who.get(at.lines(session, query));
  expect(answer.status, answer.text).toBe(200);
  return answer.body.data as {
    messages: { id: string; message: string; sender: { id: string } }[];
    pagination: object;
  };
}

const texts = ({ messages }: Awaited<ReturnType<typeof page>>) => messages.map(({ message }) => message);

describe("a line", () => {
  let links: Pair;
  beforeAll(() => void (links = pairs.take()));

  test("is answered with its real id, and listed with it", async () => {
    const { session, host, seeker } = pairs.take();
    const first = await say(host, session, "  Hello नमस्ते 🙂 \n");
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      success: true,
      message: TEXT,
      data: {
        sessionId: session,
        message: {
          id: ID,
          sender: { id: host.id, name: TEXT },
          message: "Hello नमस्ते 🙂",
          messageType: "text",
          timestamp: TIME,
        },
      },
    });
    const { id, timestamp } = first.body.data.message;
    const mediaUrl = "https://cdn.example.com/a.png?x=1&y=ü";
    const second = await say(seeker, session, "see", { messageType: "image", mediaUrl, replyTo: id });
    expect(second.body.data.message).toMatchObject({ messageType: "image", mediaUrl, replyTo: id });

    const card = (who: Learner) => ({ id: who.id, name: TEXT, email: "", profilePicture: null });
    for (const side of [host, seeker]) {
      const answer = await side.get(at.lines(session, "?page=1&limit=50"));
      expect(answer.body).toEqual({
        success: true,
        data: {
          messages: [
            {
              id,
              sender: card(host),
              message: "Hello नमस्ते 🙂",
              messageType: "text",
              timestamp,
              isEdited: false,
            },
            {
              id: second.body.data.message.id,
              sender: card(seeker),
              message: "see",
              messageType: "image",
              mediaUrl,
              replyTo: id,
              timestamp: second.body.data.message.timestamp,
              isEdited: false,
            },
          ],
          pagination: { page: 1, limit: 50, total: 2, pages: 1 },
        },
      });
      expect(answer.headers.get("cache-control")).toContain("no-store");
    }
  });

  test.each(["text", "image", "file", "audio"])("may be %s", async (messageType) => {
    const { session, host, seeker } = pairs.take();
    await said(host, session, "x", { messageType });
    expect((await page(seeker, session)).messages).toMatchObject([{ messageType }]);
    await host.post(CANCEL_ALL);
  });

  test.each([
    ["1000 letters", "a".repeat(1000), true],
    ["1001 letters", "a".repeat(1001), false],
    ["1000 letters and blanks around", ` ${"a".repeat(1000)}\n\t `, true],
    ["1000 emoji", "🙂".repeat(1000), true],
    ["1001 emoji", "🙂".repeat(1001), false],
    ["1000 letters of Devanagari", "न".repeat(1000), true],
    ["1001 letters of Devanagari", "न".repeat(1001), false],
  ])("has a length in characters: %s", async (_, message, fits) => {
    const { session, host, seeker } = pairs.take();
    const answer = await say(host, session, message);
    if (fits) expect(answer.status, answer.text).toBe(200);
    else expectFields(answer, "message");
    expect(texts(await page(seeker, session))).toEqual(fits ? [message.trim()] : []);
    await host.post(CANCEL_ALL);
  });

  test("that is wrong is refused, field by field", async () => {
    const { session, host } = pairs.take();
    const good = { message: "x", messageType: "text" };
    for (const [body, ...fields] of [
      [undefined, "message", "messageType"],
      [{}, "message", "messageType"],
      [{ messageType: "text" }, "message"],
      [{ message: "x" }, "messageType"],
      [{ ...good, message: "" }, "message"],
      [{ ...good, message: " \r\n\t " }, "message"],
      [{ ...good, message: null }, "message"],
      [{ ...good, message: 5 }, "message"],
      [{ ...good, message: ["x"] }, "message"],
      [{ ...good, message: { $ne: "" } }, "message"],
      [{ ...good, messageType: "video" }, "messageType"],
      [{ ...good, messageType: "TEXT" }, "messageType"],
      [{ ...good, messageType: { $gt: "" } }, "messageType"],
      [{ ...good, mediaUrl: "" }, "mediaUrl"],
      [{ ...good, mediaUrl: "http://example.com/a.png" }, "mediaUrl"],
      [{ ...good, mediaUrl: "javascript:alert(1)" }, "mediaUrl"],
      [{ ...good, mediaUrl: "//example.com/a" }, "mediaUrl"],
      [{ ...good, mediaUrl: " https://example.com/a b" }, "mediaUrl"],
      [{ ...good, mediaUrl: `https://example.com/${"a".repeat(5000)}` }, "mediaUrl"],
      [{ ...good, mediaUrl: { $regex: "^https" } }, "mediaUrl"],
      [{ ...good, replyTo: "nope" }, "replyTo"],
      [{ ...good, replyTo: "z".repeat(24) }, "replyTo"],
      [{ ...good, replyTo: 5 }, "replyTo"],
      [{ ...good, replyTo: { $oid: nobody() } }, "replyTo"],
      [
        { message: "", messageType: "", mediaUrl: "ftp://x", replyTo: "" },
        "mediaUrl",
        "message",
        "messageType",
        "replyTo",
      ],
    ] as [unknown, ...string[]][]) {
      const answer = await host.post(at.say(session), body);
      expect(answer.status, `${JSON.stringify(body)} ${answer.text}`).toBe(400);
      expectFields(answer, ...fields);
    }
    expectError(await post(at.say(session), { token: host.token, body: '{"message":"x"' }), 400);
    expect((await page(host, session)).messages).toEqual([]);
    await said(host, session, "x", { mediaUrl: null, replyTo: null });
  });

  test.each(["https://", "https://?x", "https://exa mple.com/a", "https://example.com/\r\nx"])(
    "has no media at what is no address: %j",
    async (mediaUrl) => {
      const { session, host } = links;
      expectFields(await say(host, session, "x", { mediaUrl }), "mediaUrl");
    },
  );

  test("is welcome while waiting, and refused after the end", async () => {
    const { session, host, seeker } = pairs.take();
    await said(host, session, "last words");
    await seeker.post(at.leave(session));
    for (const side of [host, seeker]) {
      expectError(await say(side, session, "too late"), 409);
      expect(texts(await page(side, session))).toEqual(["last words"]);
    }
    const waiting = (await host.post(FIND, { sessionType: "chat" })).body.data.session.id;
    await said(host, waiting, "anybody here?");
    expect((await seeker.post(FIND, { sessionType: "chat" })).body.data.session.id).toBe(waiting);
    expect(texts(await page(seeker, waiting))).toEqual(["anybody here?"]);
  });
});

describe("pages", () => {
  test("begin with the newest, and are oldest first inside", async () => {
    const { session, host, seeker } = pairs.take();
    for (let n = 1; n <= 7; n++) await said(n % 2 === 0 ? host : seeker, session, `${n}`);
    const cases: [string, string[], object][] = [
      ["", ["1", "2", "3", "4", "5", "6", "7"], { page: 1, limit: 50, total: 7, pages: 1 }],
      ["?page=1&limit=3", ["5", "6", "7"], { page: 1, limit: 3, total: 7, pages: 3 }],
      ["?page=2&limit=3", ["2", "3", "4"], { page: 2, limit: 3, total: 7, pages: 3 }],
      ["?page=3&limit=3", ["1"], { page: 3, limit: 3, total: 7, pages: 3 }],
      ["?page=4&limit=3", [], { page: 4, limit: 3, total: 7, pages: 3 }],
      // Clamped: page from 1, limit 1 to 100; what is no number counts as absent.
      ["?page=0&limit=2", ["6", "7"], { page: 1, limit: 2, total: 7, pages: 4 }],
      ["?page=-3&limit=0", ["7"], { page: 1, limit: 1, total: 7, pages: 7 }],
      ["?limit=1000", ["1", "2", "3", "4", "5", "6", "7"], { page: 1, limit: 100, total: 7, pages: 1 }],
      ["?page=x&limit=y", ["1", "2", "3", "4", "5", "6", "7"], { page: 1, limit: 50, total: 7, pages: 1 }],
      [
        "?page[$gt]=0&limit[$ne]=1",
        ["1", "2", "3", "4", "5", "6", "7"],
        { page: 1, limit: 50, total: 7, pages: 1 },
      ],
    ];
    for (const [query, expected, pagination] of cases) {
      const found = await page(host, session, query);
      expect([query, texts(found), found.pagination]).toEqual([query, expected, pagination]);
    }
    expect((await page(host, session, "?page=9999999999&limit=100")).messages).toEqual([]);
  });

  test("of an empty chat", async () => {
    const { session, host } = pairs.take();
    expect(await page(host, session)).toEqual({
      messages: [],
      pagination: { page: 1, limit: 50, total: 0, pages: 0 },
    });
  });
});

describe("nothing is lost", () => {
  test("when both send at once, and the record holds each line once", async () => {
    const { session, host, seeker } = pairs.take();
    const each = 40;
    const lines = [host, seeker].flatMap((who) =>
      Array.from({ length: each }, (_, n) => ({ who, text: `${who.id} ${n}` })),
    );
    const ids = await Promise.all(lines.map(({ who, text }) => said(who, session, text)));
    expect(new Set(ids).size).toBe(2 * each);
    const found = await page(host, session, "?limit=100");
    expect(found.pagination).toMatchObject({ total: 2 * each });
    expect(texts(found).sort()).toEqual(lines.map(({ text }) => text).sort());
    expect((await host.get(at.details(session))).body.data.session.chatSession.totalMessages).toBe(2 * each);

    await host.post(at.leave(session));
    await eventually("recorded", async () => (await recordOf(session))?.["status"] === "completed", 5);
    const { chatSession } = (await recordOf(session))!;
    expect(chatSession.totalMessages).toBe(2 * each);
    const recorded = chatSession.messages as {
      _id: ObjectId;
      sender: ObjectId;
      message: string;
      timestamp: Date;
    }[];
    expect(recorded.map(({ _id }) => String(_id))).toEqual(found.messages.map(({ id }) => id));
    for (const [n, line] of recorded.entries()) {
      const { message, sender } = found.messages[n]!;
      expect([line.message, String(line.sender)]).toEqual([message, sender.id]);
      expect(line).toMatchObject({ messageType: "text", isRead: false, isEdited: false, isDeleted: false });
    }
    expect(chatSession.lastMessageAt).toEqual(recorded.at(-1)!.timestamp);
  });

  test("when lines go on right up to the end", async () => {
    const { session, host, seeker } = pairs.take();
    const sent = await Promise.all([
      ...Array.from({ length: 20 }, (_, n) => say(host, session, `${n}`)),
      seeker.post(at.leave(session)),
      ...Array.from({ length: 20 }, (_, n) => say(host, session, `${20 + n}`)),
    ]);
    const accepted = sent
      .flatMap(({ status, body }) => (status === 200 ? [body.data.message?.id ?? []] : []))
      .flat();
    for (const { status } of sent) expect([200, 409]).toContain(status);
    expect((await page(host, session, "?limit=100")).messages.map(({ id }) => id).sort()).toEqual(
      accepted.sort(),
    );
    const recorded = async () =>
      (((await recordOf(session))?.["chatSession"]?.messages ?? []) as { _id: ObjectId }[]).map(({ _id }) =>
        String(_id),
      );
    await eventually("recorded", async () => (await recorded()).length >= accepted.length, 35);
    expect((await recorded()).sort()).toEqual(accepted);
    expect((await recordOf(session))!["chatSession"].totalMessages).toBe(accepted.length);
  });
});

describe("who may", () => {
  let pair: Pair;
  beforeAll(() => void (pair = pairs.take()));
  testAccess(
    [
      { name: "send", method: "POST", path: at.say, body: { message: "intruder", messageType: "text" } },
      { name: "list", method: "GET", path: at.lines },
    ],
    () => pair,
  );

  test("whoever may not has said nothing", async () => {
    expect((await page(pair.host, pair.session)).messages).toEqual([]);
  });
});
