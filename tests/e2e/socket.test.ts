/** One socket per room: docs/realtime.md and x-signaling.websocket. */
import { beforeAll, describe, expect, inject, test } from "vitest";
import WebSocket from "ws";
import {
  type Frame,
  type Learner,
  type Pair,
  RoomSocket,
  createLearners,
  createRegion,
  get,
  post,
} from "../support/client.ts";
import { tokenFor } from "../support/tokens.ts";
import { ID, TEXT, TIME, at, createPairs, expectError, nobody, taker } from "./sessions.support.ts";
import { ackOf, errorOf, of, settled } from "./socket.support.ts";

const pairs = taker<Pair>();
beforeAll(async () => pairs.fill(await createPairs(34)));

const address = (session: string, query = "") => `/api/communication/session/${session}/socket${query}`;
const ticketOf = async (who: Learner, session: string) =>
  who.post(`/api/communication/session/${session}/ticket`);

/** Asks for an upgrade: 101, or the status and body of the refusal. */
function upgrade(
  path: string,
  token?: string,
): Promise<{ status: number; body?: unknown; socket?: WebSocket }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(inject("stack").base.replace("http", "ws") + path, { headers });
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve({ status: 101, socket }));
    socket.once("unexpected-response", (_, response) => {
      let text = "";
      response.on("data", (part: Buffer) => (text += part.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    socket.once("error", reject);
  });
}

const join = ({ session }: Pair, who: Learner, lastSeq?: number) =>
  RoomSocket.join(session, who.token, lastSeq);
const signals = async (who: Learner, session: string) =>
  (await who.get(at.signals(session))).body.data.signaling;

describe("opening", () => {
  test("with a token, or with a ticket of the room", async () => {
    const { session, host } = pairs.take();
    const answer = await ticketOf(host, session);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ success: true, data: { ticket: TEXT, expiresAt: TIME } });
    const left = Date.parse(answer.body.data.expiresAt) - Date.now();
    expect(left).toBeGreaterThan(50_000);
    expect(left).toBeLessThanOrEqual(61_000);
    const query = `?ticket=${encodeURIComponent(answer.body.data.ticket)}`;
    for (const opened of [
      await upgrade(address(session), host.token),
      await upgrade(address(session, query)),
    ]) {
      expect(opened.status).toBe(101);
      opened.socket!.close();
    }
    // It opens nothing else.
    expectError(await get(at.details(session), { token: answer.body.data.ticket }), 401);
  });

  test("is refused with a status", async () => {
    const [one, other] = [pairs.take(), pairs.take()];
    const { session, host } = one;
    const { ticket } = (await ticketOf(other.host, other.session)).body.data;
    const [stranger] = await createLearners(await createRegion(), 1);
    for (const [path, token, status] of [
      [address(session), undefined, 401],
      [address(session), "no.token.this", 401],
      [address(session), tokenFor(nobody()), 401],
      [address(session, "?ticket=garbage"), undefined, 401],
      [address(session, "?ticket=a.b.c"), undefined, 401],
      [address(session, `?ticket=${host.token}`), undefined, 401],
      [address(session, `?token=${host.token}`), undefined, 401],
      [address(session, `?ticket=${ticket}`), undefined, 403],
      [address(session), stranger!.token, 403],
      [address(session), other.host.token, 403],
      [address(nobody()), host.token, 404],
      [address("nope"), host.token, 400],
    ] as const) {
      const refused = await upgrade(path, token);
      expect([path, refused.status]).toEqual([path, status]);
      expect(refused.body).toMatchObject({ success: false, message: TEXT });
    }
    expectError(await get(address(session), { token: host.token }), 400);
    expectError(await ticketOf(stranger!, session), 403);
    expectError(await ticketOf(host, nobody()), 404);
    expectError(await ticketOf(host, "nope"), 400);
    expectError(await post(`/api/communication/session/${session}/ticket`), 401, "Access token required");
  });

  test("hello is answered with a welcome and a snapshot", async () => {
    const pair = pairs.take();
    const { session, host, seeker } = pair;
    await host.post(at.offer(session), { type: "offer", sdp: "v=0 polled" });
    await host.post(at.ice(session), {
      candidate: '{"candidate":"candidate:1","sdpMLineIndex":0,"sdpMid":"0"}',
    });
    await host.post(at.say(session), { message: "hi", messageType: "text" });
    const socket = await join(pair, seeker);
    const frames = await settled(socket);
    expect(frames.slice(0, 2).map(({ t }) => t)).toEqual(["welcome", "room.snapshot"]);
    const [welcome, snapshot] = frames as [Frame, Frame];
    expect(welcome).toMatchObject({
      v: 1,
      ts: TIME,
      seq: expect.any(Number),
      d: { userId: seeker.id, room: `session:${session}`, role: "answerer", limits: { frameBytes: 131_072 } },
    });
    const person = (who: Learner, role: string) => ({ id: who.id, name: TEXT, isActive: true, role });
    expect(snapshot).toMatchObject({
      seq: welcome.seq,
      d: {
        status: "active",
        role: "answerer",
        participants: [
          { ...person(host, "host"), transport: "polling" },
          { ...person(seeker, "participant"), transport: "socket" },
        ],
        offer: { from: host.id, d: { generation: 1, sdp: "v=0 polled" } },
        answer: null,
        candidates: [{ from: host.id, d: { candidate: "candidate:1", sdpMLineIndex: 0, sdpMid: "0" } }],
        messages: [{ id: ID, message: "hi", sender: { id: host.id } }],
      },
    });
    socket.close();
  });
});

describe("two sockets", () => {
  test("have roles that follow the other side", async () => {
    const pair = pairs.take();
    const a = await join(pair, pair.host);
    expect((await a.next(of("room.snapshot"))).d.role).toBe("answerer");
    const b = await join(pair, pair.seeker);
    expect((await b.next(of("room.snapshot"))).d.role).toBe("offerer");
    const came = await a.next(of("peer.presence"));
    expect(came).toMatchObject({
      from: pair.seeker.id,
      d: { userId: pair.seeker.id, online: true, transport: "socket", yourRole: "answerer" },
    });
    a.close();
    const gone = await b.next(of("peer.presence"));
    expect(gone).toMatchObject({ from: pair.host.id, d: { userId: pair.host.id, yourRole: "answerer" } });
    expect(gone.d.transport).not.toBe("socket");
    const again = await join(pair, pair.host);
    const back = await b.next((frame) => frame.t === "peer.presence" && frame.d.transport === "socket");
    expect(back.d.yourRole).toBe("offerer");
    again.close();
    b.close();
  });

  test("relay offers, answers and candidates by generation", async () => {
    const pair = pairs.take();
    const { session, host, seeker } = pair;
    const [a, b] = [await join(pair, host), await join(pair, seeker)];
    b.send("sdp.offer", { sdp: "offer 1" }, "o1");
    const first = await a.next(of("sdp.offer"));
    expect(first).toMatchObject({ v: 1, from: seeker.id, ts: TIME, d: { generation: 1, sdp: "offer 1" } });
    expect((await b.next(ackOf("o1"))).d.seq).toBe(first.seq);
    b.send("ice.candidate", { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0 }, "c1");
    const candidate = await a.next(of("ice.candidate"));
    expect(candidate).toMatchObject({
      from: seeker.id,
      seq: first.seq! + 1,
      d: { generation: 1, candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0 },
    });
    a.send("sdp.answer", { generation: 1, sdp: "answer 1" }, "a1");
    expect(await b.next(of("sdp.answer"))).toMatchObject({
      from: host.id,
      seq: first.seq! + 2,
      d: { generation: 1, sdp: "answer 1" },
    });

    // An ICE restart: a new generation; a late answer to the old one is refused.
    b.send("sdp.offer", { sdp: "offer 2" }, "o2");
    expect((await a.next((f) => f.t === "sdp.offer" && f.seq! > first.seq!)).d).toMatchObject({
      generation: 2,
      sdp: "offer 2",
    });
    a.send("sdp.answer", { generation: 1, sdp: "late answer" }, "a2");
    expect((await a.next(errorOf("a2"))).d).toEqual({ code: "conflict", message: TEXT });
    b.send("sdp.answer", { generation: 2, sdp: "own answer" }, "a3");
    expect((await b.next(errorOf("a3"))).d.code).toBe("conflict");
    expect((await signals(host, session)).answer).toEqual({});
    a.send("sdp.answer", { generation: 2, sdp: "answer 2" }, "a4");
    await a.next(ackOf("a4"));
    expect((await signals(host, session)).answer).toMatchObject({ from: host.id, sdp: "answer 2" });

    b.send("sdp.reset", {}, "r1");
    await a.next(of("sdp.reset"));
    expect(await signals(host, session)).toEqual({ offer: {}, answer: {}, iceCandidates: [] });
    b.send("sdp.offer", { sdp: "offer 3" });
    expect((await a.next((f) => f.t === "sdp.offer" && f.d.sdp === "offer 3")).d.generation).toBe(3);
    // Nobody hears himself.
    expect((await settled(b)).filter(({ from }) => from === seeker.id)).toEqual([]);
    a.close();
    b.close();
  });

  test("send several candidates in one frame", async () => {
    const pair = pairs.take();
    const [a, b] = [await join(pair, pair.host), await join(pair, pair.seeker)];
    const candidates = [1, 2, 3].map((n) => ({
      candidate: `candidate:${n}`,
      sdpMid: `${n}`,
      sdpMLineIndex: n,
    }));
    b.send("ice.candidate", { candidates }, "several");
    await b.next(ackOf("several"));
    expect((await settled(a)).filter(of("ice.candidate")).map(({ d }) => d)).toMatchObject(candidates);
    expect((await signals(pair.host, pair.session)).iceCandidates).toHaveLength(3);
    a.close();
    b.close();
  });

  test("are not sent candidates of an older generation", async () => {
    const pair = pairs.take();
    const [a, b] = [await join(pair, pair.host), await join(pair, pair.seeker)];
    b.send("sdp.offer", { sdp: "offer 1" });
    b.send("ice.candidate", { generation: 1, candidate: "candidate:old", sdpMid: "0", sdpMLineIndex: 0 });
    b.send("sdp.offer", { sdp: "offer 2" });
    // Was on its way when the new offer was made.
    b.send("ice.candidate", { generation: 1, candidate: "candidate:late", sdpMid: "0", sdpMLineIndex: 0 });
    b.send("ice.candidate", { generation: 2, candidate: "candidate:new", sdpMid: "0", sdpMLineIndex: 0 });
    await a.next((frame) => frame.d?.candidate === "candidate:new");
    const got = a.frames.filter(of("ice.candidate")).map(({ d }) => [d.generation, d.candidate]);
    expect(got).toEqual([
      [1, "candidate:old"],
      [2, "candidate:new"],
    ]);
    const again = await join(pair, pair.host);
    const { candidates } = (await again.next(of("room.snapshot"))).d;
    expect(candidates.map(({ d }: Frame) => d.candidate)).toEqual(["candidate:new"]);
    again.close();
    b.close();
  });

  test("relay states, of known fields only", async () => {
    const pair = pairs.take();
    const [a, b] = [await join(pair, pair.host), await join(pair, pair.seeker)];
    const state = { micEnabled: false, isSpeaking: true, audioLevel: 40 };
    b.send("state.update", { cameraEnabled: { $ne: 1 } }, "odd");
    expect((await b.next(errorOf("odd"))).d.code).toBe("validation");
    b.send("state.update", { ...state, evil: 1 });
    expect((await a.next(of("state.update"))).d).toEqual(state);
    b.send("ice.end", { generation: 1 });
    expect((await a.next(of("ice.end"))).from).toBe(pair.seeker.id);
    a.close();
    b.close();
  });

  test("chat, and repeats are acknowledged but stored once", async () => {
    const pair = pairs.take();
    const { session, host, seeker } = pair;
    const [a, b] = [await join(pair, host), await join(pair, seeker)];
    a.send("chat.send", { message: "  hello 🙂 ", messageType: "text" }, "m1");
    const ack = await a.next(ackOf("m1"));
    const line = await b.next(of("chat.message"));
    expect(ack.d).toEqual({ seq: line.seq, entityId: ID });
    expect(line).toMatchObject({
      from: host.id,
      d: {
        id: ack.d.entityId,
        message: "hello 🙂",
        messageType: "text",
        timestamp: TIME,
        sender: { id: host.id, name: TEXT },
      },
    });
    a.send("chat.send", { message: "hello again", messageType: "text" }, "m1");
    await settled(a);
    const acks = a.frames.filter(ackOf("m1"));
    expect(acks.map(({ d }) => d.entityId)).toEqual([ack.d.entityId, ack.d.entityId]);
    // Another learner's ids are his own.
    b.send("chat.send", { message: "mine", messageType: "text" }, "m1");
    await b.next(ackOf("m1"));
    const listed = (await host.get(at.lines(session))).body.data.messages;
    expect(listed.map(({ message }: { message: string }) => message)).toEqual(["hello 🙂", "mine"]);
    expect(listed[0].id).toBe(ack.d.entityId);
    expect((await settled(b)).filter(of("chat.message"))).toHaveLength(1);

    for (const [id, d] of [
      ["e1", { message: "" }],
      ["e2", { message: "x".repeat(1001) }],
      ["e3", { message: { $ne: "" } }],
      ["e4", { message: "x", messageType: "video" }],
      ["e5", { message: "x", mediaUrl: "http://example.com" }],
      ["e6", { message: "x", replyTo: "nope" }],
    ] as const) {
      a.send("chat.send", d, id);
      expect((await a.next(errorOf(id))).d).toEqual({ code: "validation", message: TEXT });
    }
    a.close();
    b.close();
  });

  test("number what both send at once without a gap, and tell each his own number", async () => {
    const pair = pairs.take();
    const [a, b] = [await join(pair, pair.host), await join(pair, pair.seeker)];
    for (let n = 0; n < 30; n++) {
      a.send("chat.send", { message: `a${n}` }, `a${n}`);
      b.send("chat.send", { message: `b${n}` }, `b${n}`);
    }
    await Promise.all([a.next(ackOf("a29")), b.next(ackOf("b29"))]);
    await Promise.all([settled(a), settled(b)]);
    const numbers = new Map(
      [...a.frames, ...b.frames].filter(of("chat.message")).map((f) => [f.d.message, f.seq]),
    );
    for (const frame of [...a.frames, ...b.frames].filter(of("ack"))) {
      expect([frame.id, frame.d.seq]).toEqual([frame.id, numbers.get(frame.id!)]);
    }
    const all = [...numbers.values()].sort((x, y) => x! - y!);
    expect(all).toEqual(all.map((_, n) => all[0]! + n));
    expect(numbers.size).toBe(60);
    a.close();
    b.close();
  });

  test("repeats of signaling that has been overtaken change nothing", async () => {
    const pair = pairs.take();
    const { session, host, seeker } = pair;
    const [a, b] = [await join(pair, host), await join(pair, seeker)];
    b.send("sdp.offer", { sdp: "first" }, "o1");
    await b.next(ackOf("o1"));
    a.send("sdp.offer", { sdp: "second" }, "o1");
    await a.next(ackOf("o1"));
    b.send("sdp.offer", { sdp: "first" }, "o1");
    await settled(b);
    expect(b.frames.filter(ackOf("o1"))).toHaveLength(2);
    expect((await signals(host, session)).offer).toMatchObject({ from: host.id, sdp: "second" });
    a.close();
    b.close();
  });
});
