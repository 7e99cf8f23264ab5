/** Sessions whose rooms are long gone, and those that the old server left behind: the database answers. */
import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, createLearners, createRegion, withDatabase } from "../support/client.ts";
import { NO_SIGNALS, TEXT, at, expectError, liveSessions, recordOf } from "./sessions.support.ts";

let host: Learner, peer: Learner, stranger: Learner;
const gone = new ObjectId();
const start = new Date("2024-05-01T10:00:00.000Z");
const later = (seconds: number) => new Date(start.getTime() + seconds * 1000);

beforeAll(async () => {
  [host, peer, stranger] = (await createLearners(await createRegion(), 3)) as [Learner, Learner, Learner];
});

interface Entry {
  user: ObjectId;
  role?: string;
}

/** A document as the old server left it. */
async function plant(fields: Record<string, unknown>, people: Entry[]): Promise<string> {
  const _id = new ObjectId();
  await withDatabase((db) =>
    db.collection("sessions").insertOne({
      _id,
      sessionId: `chat_${start.getTime()}_${_id.toHexString().slice(16)}`,
      sessionType: "chat",
      title: "Random chat",
      description: "Chat with someone from Delhi",
      host: people[0]!.user,
      hostRegion: new ObjectId(host.region),
      participants: people.map((entry) => ({
        _id: new ObjectId(),
        joinedAt: start,
        duration: 0,
        isActive: true,
        micEnabled: true,
        ...entry,
      })),
      status: "completed",
      scheduledAt: start,
      startedAt: later(5),
      endedAt: later(65),
      duration: 60,
      chatSession: { messages: [], totalMessages: 0 },
      callSession: {
        isGroupCall: false,
        signaling: {
          offer: { from: people[0]!.user, type: "offer", sdp: "v=0 old-sdp", createdAt: start },
          iceCandidates: [{ _id: new ObjectId(), from: people[0]!.user, candidate: "old-candidate" }],
        },
        videoUpgradeRequest: { status: "pending", requestedAt: start },
      },
      gameSession: { answers: [], scores: [], gameStatus: "not_started" },
      analytics: { totalParticipants: 0 },
      errorLog: [],
      createdAt: start,
      updatedAt: later(65),
      __v: 3,
      ...fields,
    }),
  );
  return _id.toHexString();
}

const both = (): Entry[] => [
  { user: new ObjectId(host.id), role: "host" },
  { user: new ObjectId(peer.id), role: "participant" },
];

const message = (sender: ObjectId, text: string, seconds: number, more: object = {}) => ({
  _id: new ObjectId(),
  sender,
  message: text,
  messageType: "text",
  timestamp: later(seconds),
  isRead: false,
  isEdited: false,
  isDeleted: false,
  ...more,
});

describe("a session of the old server", () => {
  test("has details", async () => {
    const session = await plant({}, both());
    for (const side of [host, peer]) {
      const answer = await side.get(at.details(session));
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body.data.session).toMatchObject({
        id: session,
        sessionType: "chat",
        title: "Random chat",
        description: "Chat with someone from Delhi",
        host: { id: host.id, name: TEXT, email: "" },
        participants: [
          { id: host.id, name: TEXT, email: "", role: "host", isActive: true, joinedAt: start.toISOString() },
          { id: peer.id, name: TEXT, email: "", role: "participant", user: { _id: peer.id } },
        ],
        status: "completed",
        scheduledAt: start.toISOString(),
        startedAt: later(5).toISOString(),
        endedAt: later(65).toISOString(),
        duration: 60,
        chatSession: { totalMessages: 0 },
        createdAt: start.toISOString(),
      });
      for (const part of ["old-sdp", "old-candidate", "iceCandidates"])
        expect(answer.text).not.toContain(part);
    }
  });

  test("has no signaling any more, and takes none", async () => {
    const session = await plant({ sessionType: "voice_call" }, both());
    const read = await host.get(`${at.signals(session)}?_=1`);
    expect([read.status, read.body]).toEqual([200, { success: true, data: { signaling: NO_SIGNALS } }]);
    expectError(await host.post(at.offer(session), { type: "offer", sdp: "v=0" }), 409);
    expectError(await peer.post(at.answer(session), { type: "answer", sdp: "v=0" }), 409);
    expectError(await peer.post(at.ice(session), { candidate: "candidate:1" }), 409);
    expectError(await host.post(at.say(session), { message: "hello?", messageType: "text" }), 409);
  });

  test.each([
    ["completed", 60],
    ["cancelled", 0],
    ["failed", 7],
  ])("that is %s can be left, and stays as it is", async (status, duration) => {
    const session = await plant({ status, duration }, both());
    const before = await recordOf(session);
    for (const side of [host, peer, host]) {
      const left = await side.post(at.leave(session));
      expect(left.status).toBe(200);
      expect(left.body).toEqual({
        success: true,
        message: TEXT,
        data: { sessionId: session, status, duration },
      });
    }
    expect(await recordOf(session)).toEqual(before);
    expect(await liveSessions(host)).toEqual([]);
  });

  test("has pages of messages, without the deleted ones", async () => {
    const [a, b] = [new ObjectId(host.id), new ObjectId(peer.id)];
    const replyTo = new ObjectId();
    const messages = [
      message(a, "one", 10),
      message(b, "two", 11, { isDeleted: true }),
      message(b, "three", 12, { isEdited: true }),
      message(a, "four", 13, { messageType: "image", mediaUrl: "http://old.example/p.png", replyTo }),
      message(b, "five", 14),
    ];
    const chatSession = { messages, totalMessages: 4, lastMessageAt: later(14) };
    const session = await plant({ chatSession }, both());
    const page = async (query = "") => {
      const answer = await peer.get(at.lines(session, query));
      expect(answer.status, answer.text).toBe(200);
      expect(answer.headers.get("cache-control")).toContain("no-store");
      return answer.body.data;
    };
    const texts = (data: { messages: { message: string }[] }) => data.messages.map(({ message }) => message);
    const all = await page();
    expect(texts(all)).toEqual(["one", "three", "four", "five"]);
    expect(all.pagination).toEqual({ page: 1, limit: 50, total: 4, pages: 1 });
    expect(all.messages[1]).toMatchObject({ isEdited: true, sender: { id: peer.id, name: TEXT, email: "" } });
    expect(all.messages[2]).toMatchObject({
      id: messages[3]!._id.toHexString(),
      messageType: "image",
      mediaUrl: "http://old.example/p.png",
      replyTo: replyTo.toHexString(),
      timestamp: later(13).toISOString(),
      isEdited: false,
    });
    expect(texts(await page("?page=1&limit=3"))).toEqual(["three", "four", "five"]);
    const second = await page("?page=2&limit=3");
    expect(texts(second)).toEqual(["one"]);
    expect(second.pagination).toEqual({ page: 2, limit: 3, total: 4, pages: 2 });
    expect(texts(await page("?page=3&limit=3"))).toEqual([]);
  });

  test("is for its participants only", async () => {
    const session = await plant({}, both());
    for (const path of [at.details, at.signals, at.lines])
      expectError(await stranger.get(path(session)), 403);
    const body = { type: "offer", sdp: "v=0", candidate: "c", message: "m", messageType: "text" };
    for (const path of [at.leave, at.offer, at.ice, at.clear, at.say]) {
      expectError(await stranger.post(path(session), body), 403);
    }
  });
});

describe("a session whose people are gone", () => {
  test("keeps a placeholder with the old id", async () => {
    const messages = [message(gone, "from nobody", 10), message(new ObjectId(host.id), "from host", 11)];
    const chatSession = { messages, totalMessages: 2, lastMessageAt: later(11) };
    const people = [
      { user: gone, role: "host" },
      { user: new ObjectId(host.id), role: "participant" },
    ];
    const session = await plant({ chatSession }, people);
    const details = await host.get(at.details(session));
    expect(details.status, details.text).toBe(200);
    const placeholder = { id: gone.toHexString(), name: TEXT, email: "" };
    expect(details.body.data.session.host).toMatchObject(placeholder);
    expect(details.body.data.session.participants).toMatchObject([
      { ...placeholder, role: "host", user: { _id: gone.toHexString(), name: TEXT } },
      { id: host.id, role: "participant" },
    ]);
    const lines = await host.get(at.lines(session));
    expect(lines.status, lines.text).toBe(200);
    expect(lines.body.data.messages).toMatchObject([
      { message: "from nobody", sender: placeholder },
      { message: "from host", sender: { id: host.id } },
    ]);
    expect((await host.get(at.signals(session))).body.data.signaling).toEqual(NO_SIGNALS);
    expect((await host.post(at.leave(session))).body.data.status).toBe("completed");
  });
});

describe("an old document that lacks fields", () => {
  test("is read with the defaults of the old model", async () => {
    const line = {
      _id: new ObjectId(),
      sender: new ObjectId(peer.id),
      message: "short",
      timestamp: later(3),
    };
    const _id = new ObjectId();
    await withDatabase((db) =>
      db.collection("sessions").insertOne({
        _id,
        sessionType: "chat",
        host: new ObjectId(host.id),
        participants: [{ user: new ObjectId(host.id), role: "host" }, { user: new ObjectId(peer.id) }],
        status: "completed",
        chatSession: { messages: [line] },
        createdAt: start,
      }),
    );
    const session = _id.toHexString();
    const details = await host.get(at.details(session));
    expect(details.status, details.text).toBe(200);
    const shown = details.body.data.session;
    expect(shown).toMatchObject({
      duration: 0,
      participants: [
        { id: host.id, role: "host", isActive: true, duration: 0 },
        { id: peer.id, role: "participant", isActive: true, duration: 0 },
      ],
      chatSession: { totalMessages: 0 },
    });
    for (const absent of ["startedAt", "endedAt", "title"]) expect(shown).not.toHaveProperty(absent);
    const lines = await host.get(at.lines(session));
    expect(lines.status, lines.text).toBe(200);
    expect(lines.body.data.messages).toMatchObject([
      { message: "short", messageType: "text", isEdited: false },
    ]);
    expect((await host.post(at.leave(session))).body.data).toMatchObject({
      status: "completed",
      duration: 0,
    });
  });

  test("is read without a chat", async () => {
    const session = await plant({ chatSession: null }, both());
    expect((await host.get(at.details(session))).body.data.session.chatSession.totalMessages).toBe(0);
    expect((await host.get(at.lines(session))).body.data).toMatchObject({
      messages: [],
      pagination: { total: 0 },
    });
  });
});
