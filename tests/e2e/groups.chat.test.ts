import { describe, expect, test } from "vitest";
import { ObjectId } from "mongodb";
import type { Learner } from "../support/client.ts";
import {
  SETTINGS,
  ago,
  at,
  cohort,
  createGroup,
  data,
  exactly,
  expectCard,
  expectPaging,
  oid,
  plantGroup,
  refused,
  running,
  startedGroup,
  told,
} from "./groups.support.ts";
import { ID, TIME, expectError, nobody } from "./sessions.support.ts";

const say = (who: Learner, id: string, message: unknown, more: object = {}) =>
  who.post(at.say(id), { message, ...more });
const lines = async (who: Learner, id: string, query = "") => data(await who.get(at.lines(id, query)));
const texts = ({ messages }: { messages: { message: string }[] }) => messages.map(({ message }) => message);
const trio = async () => (await cohort(3)) as [Learner, Learner, Learner];

/** A stored line, `n` minutes after the first. */
const line = (sender: string, message: string, n: number, more: object = {}) => ({
  _id: new ObjectId(),
  sender: oid(sender),
  message,
  messageType: "text",
  timestamp: new Date(Date.UTC(2024, 4, 1, 10, n)),
  isEdited: false,
  isDeleted: false,
  ...more,
});

describe("a line", () => {
  test("has the shape of the contract, and its own id", async () => {
    const crew = await trio();
    const id = await startedGroup(crew[0], crew.slice(1));
    const answer = await say(crew[1], id, "  hello नमस्ते 🙂  ");
    const { message } = told(answer);
    expect(answer.body.data).toEqual({
      message: {
        id: ID,
        sender: { id: crew[1].id, name: expect.stringMatching(/\S/) },
        message: "hello नमस्ते 🙂",
        messageType: "text",
        timestamp: TIME,
      },
    });
    for (const who of crew) {
      const read = await who.get(at.lines(id, "page=1&limit=100"));
      expect(read.body).toEqual({ success: true, data: expect.any(Object) });
      const { messages, pagination } = data(read);
      expect(pagination).toEqual({ page: 1, limit: 100, total: 1, pages: 1 });
      const { sender, ...rest } = messages[0];
      exactly(rest, {
        id: message.id,
        message: "hello नमस्ते 🙂",
        messageType: "text",
        timestamp: message.timestamp,
        isEdited: false,
      });
      expectCard(sender, crew[1]);
    }
  });

  test("may be said while the group waits", async () => {
    const [host, member] = await trio();
    const { id } = await createGroup(host, [member]);
    data(await say(member, id, "is anybody here?"));
    expect(texts(await lines(host, id))).toEqual(["is anybody here?"]);
  });

  test("may be of any kind, and up to 1000 characters", async () => {
    const [host, member] = await trio();
    const { id } = await createGroup(host, [member]);
    for (const messageType of ["text", "image", "file", "audio"]) {
      expect(data(await say(host, id, messageType, { messageType })).message.messageType).toBe(messageType);
    }
    for (const message of ["x".repeat(1000), "न".repeat(1000)]) {
      expect(data(await say(host, id, message)).message.message).toBe(message);
    }
    const { messages } = await lines(member, id);
    expect(messages.map(({ messageType }: { messageType: string }) => messageType)).toEqual([
      ...["text", "image", "file", "audio"],
      ...["text", "text"],
    ]);
  });

  test("is refused when it is none", async () => {
    const [host, member] = await trio();
    const { id } = await createGroup(host, [member]);
    for (const message of [undefined, null, "", "   ", "\n\t", "x".repeat(1001), { $ne: "" }, ["a"]]) {
      expectError(await say(member, id, message), 400);
    }
    for (const messageType of ["video", "", { $ne: "" }, ["text"], 5]) {
      expectError(await say(member, id, "hello", { messageType }), 400);
    }
    expectError(await member.post(at.say(id)), 400);
    expect(texts(await lines(host, id))).toEqual([]);
  });

  test.for(["completed", "disbanded"])("is refused when the group is %s", async (status) => {
    const crew = await trio();
    const messages = [line(crew[1].id, "before", 1)];
    const groupSession = { isActive: false, endedAt: ago(5) };
    const id = await plantGroup(crew, { status, messages, groupSession });
    refused(await say(crew[1], id, "after"), 400, 403, 409);
    expect(texts(await lines(crew[1], id))).toEqual(["before"]);
  });

  test("is refused after the end, which leaves the old ones readable", async () => {
    const crew = await trio();
    const id = await startedGroup(crew[0], crew.slice(1));
    data(await say(crew[1], id, "before"));
    data(await crew[0].post(at.end(id)));
    refused(await say(crew[1], id, "after"), 400, 403, 409);
    for (const who of crew) expect(texts(await lines(who, id))).toEqual(["before"]);
  });

  test("is refused where chat is not allowed", async () => {
    const crew = await trio();
    const id = await plantGroup(crew, { ...running(), settings: { ...SETTINGS, allowChat: false } });
    for (const who of crew) refused(await say(who, id, "psst"), 400, 403, 409);
    expect(texts(await lines(crew[0], id))).toEqual([]);
  });

  test("is not for the neighbours", async () => {
    const [host, member, neighbour] = await trio();
    const { id } = await createGroup(host, [member]);
    data(await say(host, id, "among us"));
    expectError(await say(neighbour, id, "let me in"), 403);
    const read = await neighbour.get(at.lines(id));
    expectError(read, 403);
    expect(texts(await lines(member, id))).toEqual(["among us"]);
  });
});

describe("many lines", () => {
  test("said at once are all there, each once", async () => {
    const crew = await trio();
    const id = await startedGroup(crew[0], crew.slice(1));
    const said = Array.from({ length: 24 }, (_, n) => `line ${n}`);
    const answers = await Promise.all(said.map((text, n) => say(crew[n % 3]!, id, text)));
    const ids = answers.map((answer) => data(answer).message.id);
    const { messages, pagination } = await lines(crew[0], id);
    expect(texts({ messages }).sort()).toEqual(said.sort());
    expect(new Set(messages.map((message: { id: string }) => message.id))).toEqual(new Set(ids));
    expect(pagination.total).toBe(24);
    const times = messages.map(({ timestamp }: { timestamp: string }) => timestamp);
    expect(times).toEqual([...times].sort());
  });

  test("come in pages, the newest page first, the oldest line of it first", async () => {
    const [host, member] = await trio();
    const messages = [
      ...Array.from({ length: 7 }, (_, n) => line(n % 2 ? host.id : member.id, `old ${n}`, n)),
      line(host.id, "deleted", 7, { isDeleted: true }),
    ];
    const id = await plantGroup([host, member], { ...running(), messages });
    data(await say(member, id, "new"));
    const read = (query: string) => lines(host, id, query);
    await expectPaging(read, 8, 50);
    expect(texts(await read("page=1&limit=3"))).toEqual(["old 5", "old 6", "new"]);
    expect(texts(await read("page=2&limit=3"))).toEqual(["old 2", "old 3", "old 4"]);
    expect(texts(await read("page=3&limit=3"))).toEqual(["old 0", "old 1"]);
    expect(texts(await read("page=4&limit=3"))).toEqual([]);
    const all = await read("");
    expect(all.messages[0].id).toBe(messages[0]!._id.toHexString());
    expect(all.messages[1]).toMatchObject({ sender: { id: host.id }, timestamp: "2024-05-01T10:01:00.000Z" });
  });

  test("of an old group show edits, and people who are gone", async () => {
    const [host, member] = await trio();
    const ghost = nobody();
    const messages = [
      line(ghost, "from nobody", 1, { isEdited: true }),
      line(member.id, "a picture", 2, { messageType: "image" }),
    ];
    const id = await plantGroup([host, member], { ...running(), messages });
    const read = await lines(host, id);
    expect(read.messages).toMatchObject([
      { message: "from nobody", isEdited: true, sender: { id: ghost } },
      { message: "a picture", messageType: "image", isEdited: false, sender: { id: member.id } },
    ]);
    expectCard(read.messages[0].sender, { id: ghost });
  });

  test("that lack fields are read with the defaults", async () => {
    const [host, member] = await trio();
    const bare = { _id: new ObjectId(), sender: oid(member.id), message: "bare", timestamp: ago(9) };
    const id = await plantGroup([host, member], { messages: [bare] });
    expect((await lines(host, id)).messages).toMatchObject([
      { id: bare._id.toHexString(), message: "bare", messageType: "text", isEdited: false },
    ]);
  });

  test("of a group without any", async () => {
    const [host, member] = await trio();
    const id = await plantGroup([host, member], { messages: undefined });
    expect(await lines(member, id)).toEqual({
      messages: [],
      pagination: { page: 1, limit: 50, total: 0, pages: 0 },
    });
  });
});
