/** Coming back, mixing with polling clients, and how sockets end. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Frame, type Learner, type Pair, RoomSocket, eventually } from "../support/client.ts";
import { FIND, TEXT, TIME, at, createPairs, liveSessions, taker } from "./sessions.support.ts";
import { ackOf, errorOf, logged, of, settled } from "./socket.support.ts";

const pairs = taker<Pair>();
beforeAll(async () => pairs.fill(await createPairs(26)));

const join = ({ session }: Pair, who: Learner, lastSeq?: number) =>
  RoomSocket.join(session, who.token, lastSeq);
const signals = async (who: Learner, session: string) =>
  (await who.get(at.signals(session))).body.data.signaling;
const say = (who: Learner, session: string, message: string) =>
  who.post(at.say(session), { message, messageType: "text" });
const newest = (frames: Frame[]) => Math.max(...frames.map(({ seq }) => seq ?? 0));

describe("a socket that comes back", () => {
  test("gets exactly what it missed, in order", async () => {
    const pair = pairs.take();
    const { session, host, seeker } = pair;
    const a = await join(pair, host);
    await seeker.post(at.offer(session), { type: "offer", sdp: "before" });
    await say(seeker, session, "before");
    await a.next(of("chat.message"));
    const last = newest(await settled(a));
    a.drop();

    await seeker.post(at.ice(session), { candidate: "candidate:1" });
    await say(seeker, session, "one");
    await seeker.post(at.offer(session), { type: "offer", sdp: "missed" });
    await seeker.post(at.ice(session), { candidate: "candidate:2" });
    await say(seeker, session, "two");
    const expected = [
      ["ice.candidate", "candidate:1"],
      ["chat.message", "one"],
      ["sdp.offer", "missed"],
      ["ice.candidate", "candidate:2"],
      ["chat.message", "two"],
    ];
    for (let again = 0; again < 2; again++) {
      const back = await join(pair, host, last);
      const frames = await settled(back);
      expect(frames.filter(of("room.snapshot"))).toEqual([]);
      const missed = logged(frames);
      expect(missed.map(({ t, d }) => [t, d.message ?? d.candidate ?? d.sdp])).toEqual(expected);
      expect(missed.map(({ seq }) => seq)).toEqual(expected.map((_, n) => last + 1 + n));
      for (const frame of missed) expect(frame).toMatchObject({ v: 1, from: seeker.id, ts: TIME });
      back.drop();
    }
    const back = await join(pair, host, last + 3);
    expect(logged(await settled(back)).map(({ seq }) => seq)).toEqual([last + 4, last + 5]);
    back.drop();
    const current = await join(pair, host, last + 5);
    expect(await settled(current)).toMatchObject([{ t: "welcome", seq: last + 5 }, { t: "pong" }]);
    // What comes next has the next number.
    await say(seeker, session, "three");
    expect((await current.next(of("chat.message"))).seq).toBe(last + 6);
    current.close();
  });

  test("hears nothing of what has become void, but of the end", async () => {
    const pair = pairs.take();
    const { session, host, seeker } = pair;
    const a = await join(pair, host);
    const last = newest(await settled(a));
    a.drop();
    for (const sdp of ["one", "two", "three"]) await seeker.post(at.offer(session), { type: "offer", sdp });
    const b = await join(pair, host, last);
    expect(logged(await settled(b)).map(({ t, d }) => [t, d.sdp, d.generation])).toEqual([
      ["sdp.offer", "three", 3],
    ]);
    b.drop();
    await seeker.post(at.leave(session));
    const c = await join(pair, host, last);
    const frames = logged(await settled(c));
    expect(frames.filter(of("sdp.offer"))).toEqual([]);
    expect(frames.at(-1)).toMatchObject({
      t: "session.status",
      d: { status: "completed", endedBy: { id: seeker.id } },
    });
    c.close();
  });

  test.each([
    ["the future", 1_000_000],
    ["nowhere", -1],
    ["text", "5"],
    ["an operator", { $gt: 0 }],
    ["null", null],
  ])("with a number from %s gets a snapshot", async (_, lastSeq) => {
    const { session, host } = snapshots;
    const socket = await RoomSocket.open(session, host.token);
    socket.send("hello", { lastSeq });
    await socket.next(of("room.snapshot"));
    expect((await settled(socket)).map(({ t }) => t)).toEqual(["welcome", "room.snapshot", "pong"]);
    socket.close();
  });
  let snapshots: Pair;
  beforeAll(() => void (snapshots = pairs.take()));

  test("after more than 200 frames gets a snapshot with the newest lines", async () => {
    const pair = pairs.take();
    const a = await join(pair, pair.host);
    const last = newest(await settled(a));
    a.drop();
    for (let n = 0; n < 201; n++) await say(pair.seeker, pair.session, `${n}`);
    const b = await join(pair, pair.host, last);
    const { d, seq } = await b.next(of("room.snapshot"));
    expect(seq).toBe(last + 201);
    expect(d.messages.at(-1)).toMatchObject({ message: "200" });
    expect(logged(await settled(b))).toEqual([]);
    b.drop();
    const c = await join(pair, pair.host, last + 1);
    expect(logged(await settled(c))).toHaveLength(200);
    c.close();
  });

  test("takes the place of its older self, which is told", async () => {
    const pair = pairs.take();
    const other = await join(pair, pair.seeker);
    const old = await join(pair, pair.host);
    const young = await join(pair, pair.host);
    expect(await old.untilClosed()).toMatchObject({ code: 4409 });
    other.send("chat.send", { message: "still there?" });
    await young.next(of("chat.message"));
    // The other learner sees him on a socket all the time.
    const seen = (await settled(other)).filter(of("peer.presence"));
    expect(seen.map(({ d }) => d.transport)).not.toContain("polling");
    young.close();
    other.close();
  });

  test("is still there when its older self dies later", async () => {
    const pair = pairs.take();
    const other = await join(pair, pair.seeker);
    const old = await join(pair, pair.host);
    // A phone that changed its network: the old connection hears nothing any more, and breaks in the end.
    old.socket.pause();
    const young = await join(pair, pair.host);
    old.drop();
    young.send("chat.send", { message: "here" }, "m1");
    await young.next(ackOf("m1"));
    await other.next(of("chat.message"));
    const watcher = await join(pair, pair.seeker);
    const { participants } = (await watcher.next(of("room.snapshot"))).d;
    expect(participants[0]).toMatchObject({ id: pair.host.id, transport: "socket" });
    expect(other.frames.filter(of("peer.presence")).map(({ d }) => d.transport)).not.toContain("polling");
    young.close();
    watcher.close();
  });
});

describe("a socket and a polling client", () => {
  const sides = [
    ["the host polls", (pair: Pair) => [pair.host, pair.seeker]],
    ["the seeker polls", (pair: Pair) => [pair.seeker, pair.host]],
  ] as [string, (pair: Pair) => [Learner, Learner]][];

  test.each(sides)("come to one offer and one answer when %s", async (_, pick) => {
    const pair = pairs.take();
    const { session } = pair;
    const [polling, modern] = pick(pair);
    // Candidates of the app may come before its offer.
    const early = JSON.stringify({ candidate: "candidate:early", sdpMLineIndex: 0, sdpMid: "0" });
    await polling.post(at.ice(session), { candidate: early });
    const socket = await join(pair, modern);
    const { d } = await socket.next(of("room.snapshot"));
    expect(d).toMatchObject({
      role: "answerer",
      candidates: [{ d: { candidate: "candidate:early", sdpMid: "0" } }],
    });

    await polling.post(at.offer(session), { type: "offer", sdp: "polled offer\r\n" });
    const offer = await socket.next(of("sdp.offer"));
    expect(offer).toMatchObject({ from: polling.id, d: { generation: 1, sdp: "polled offer\r\n" } });
    const text = '{"candidate":"candidate:1 1 udp","sdpMLineIndex":1,"sdpMid":"video"}';
    await polling.post(at.ice(session), { candidate: text });
    await polling.post(at.ice(session), { candidate: "candidate:bare", sdpMid: "audio", sdpMLineIndex: 2 });
    const fields = async (candidate: string) => (await socket.next((f) => f.d?.candidate === candidate)).d;
    expect(await fields("candidate:1 1 udp")).toMatchObject({ sdpMid: "video", sdpMLineIndex: 1 });
    expect(await fields("candidate:bare")).toMatchObject({ sdpMid: "audio", sdpMLineIndex: 2 });

    socket.send("sdp.answer", { generation: offer.d.generation, sdp: "answer" }, "a");
    socket.send("ice.candidate", { candidate: "candidate:2 1 tcp", sdpMid: "0", sdpMLineIndex: 0 }, "c");
    await socket.next(ackOf("c"));
    const seen = await signals(polling, session);
    expect(seen.offer).toMatchObject({ from: polling.id, type: "offer", sdp: "polled offer\r\n" });
    expect(seen.answer).toMatchObject({ from: modern.id, type: "answer", sdp: "answer", createdAt: TIME });
    const [first, second, , fromSocket] = seen.iceCandidates as { candidate: string; from: string }[];
    expect([first!.candidate, second!.candidate]).toEqual([early, text]);
    expect(fromSocket!.from).toBe(modern.id);
    expect(JSON.parse(fromSocket!.candidate)).toEqual({
      candidate: "candidate:2 1 tcp",
      sdpMLineIndex: 0,
      sdpMid: "0",
    });

    // Chat goes both ways, with the same ids.
    const { id } = (await say(polling, session, "from the poll")).body.data.message;
    expect((await socket.next(of("chat.message"))).d.id).toBe(id);
    socket.send("chat.send", { message: "from the socket" }, "m");
    const { entityId } = (await socket.next(ackOf("m"))).d;
    const { messages } = (await polling.get(at.lines(session))).body.data;
    expect(messages.map((line: { id: string }) => line.id)).toEqual([id, entityId]);
    socket.close();
  });

  test("learn of the end from each other", async () => {
    const [one, other] = [pairs.take(), pairs.take()];
    const [a, b] = [await join(one, one.host), await join(one, one.seeker)];
    await one.seeker.post(at.leave(one.session));
    const over = await a.next(of("session.status"));
    expect(over.d).toEqual({
      status: "completed",
      sessionType: "chat",
      endedBy: { id: one.seeker.id, name: TEXT },
      reason: "left",
      endedAt: TIME,
      duration: expect.any(Number),
    });
    a.send("chat.send", { message: "too late" }, "late");
    expect((await a.next(errorOf("late"))).d.code).toBe("conflict");
    a.send("sdp.offer", { sdp: "too late" }, "late-offer");
    expect((await a.next(errorOf("late-offer"))).d.code).toBe("conflict");
    a.close();
    b.close();

    const socket = await join(other, other.host);
    socket.send("session.leave", {}, "bye");
    await socket.next(ackOf("bye"));
    for (const side of [other.host, other.seeker]) expect(await liveSessions(side)).toEqual([]);
    const left = await other.seeker.post(at.leave(other.session));
    expect(left.body.data).toMatchObject({ status: "completed" });
    socket.close();
  });

  test("a waiter's socket hears that the partner came, and that he gave up", async () => {
    const pair = pairs.take();
    await pair.host.post(at.leave(pair.session));
    const { id } = (await pair.host.post(FIND, { sessionType: "chat" })).body.data.session;
    const socket = await RoomSocket.join(id, pair.host.token);
    expect((await socket.next(of("room.snapshot"))).d).toMatchObject({
      status: "waiting_for_partner",
      role: null,
    });
    await pair.seeker.post(FIND, { sessionType: "chat" });
    const came = await socket.next((frame) => frame.t === "session.status" && frame.d.status === "active");
    expect(came.from).toBe(pair.seeker.id);
    socket.close();
  });
});

describe("a room", () => {
  test("answers what makes no sense with an error, and lives on", async () => {
    const pair = pairs.take();
    const [a, b] = [await join(pair, pair.host), await join(pair, pair.seeker)];
    const errors = () => a.frames.filter(of("error")).length;
    for (const text of [
      "",
      "nonsense",
      "{",
      "[]",
      "5",
      "null",
      '{"d":{}}',
      '{"t":5,"d":{}}',
      Buffer.from([1, 2, 3]),
    ]) {
      const before = errors();
      a.socket.send(text);
      await a.next(() => errors() > before);
      expect(a.frames.filter(of("error")).at(-1)!.d).toEqual({ code: "validation", message: TEXT });
    }
    for (const [t, d] of [
      ["no.such.frame", {}],
      ["sdp.offer", {}],
      ["sdp.offer", { sdp: "" }],
      ["sdp.offer", { sdp: { $ne: "" } }],
      ["sdp.offer", { sdp: "x".repeat(65_537) }],
      ["sdp.answer", { generation: 1, sdp: 5 }],
      ["ice.candidate", {}],
      ["ice.candidate", { candidate: "c".repeat(2049), sdpMid: "0", sdpMLineIndex: 0 }],
      ["ice.candidate", { candidate: 5 }],
      ["ice.candidate", { candidate: "c", sdpMLineIndex: -1 }],
      ["ice.candidate", { candidates: "c" }],
      ["chat.send", {}],
    ] as [string, object][]) {
      const id = `wrong ${a.frames.length}`;
      a.send(t, d, id);
      expect((await a.next(errorOf(id))).d).toEqual({ code: "validation", message: TEXT });
    }
    a.send("sdp.answer", { generation: 1, sdp: "to nothing" }, "nothing");
    expect((await a.next(errorOf("nothing"))).d.code).toBe("conflict");
    expect(logged(await settled(b)).filter(({ from }) => from === pair.host.id)).toEqual([]);
    a.socket.send('{"t":"ping"}');
    const pong = (await settled(a)).find(of("pong"));
    expect(pong).toEqual({ t: "pong" });
    a.close();
    b.close();
  });

  test.each([
    [
      "one frame of more than 128 KiB",
      1009,
      (socket: RoomSocket) => socket.send("state.update", { x: "x".repeat(131_072) }),
    ],
    [
      "a flood of frames",
      4429,
      (socket: RoomSocket) => {
        for (let n = 0; n < 400; n++) socket.send("state.update", { audioLevel: n % 100 });
      },
    ],
  ])("closes the socket of %s with %i, and lives on", async (_, code, misbehave) => {
    const pair = pairs.take();
    const [a, b] = [await join(pair, pair.host), await join(pair, pair.seeker)];
    misbehave(a);
    expect(await a.untilClosed()).toMatchObject({ code });
    await b.next((frame) => frame.t === "peer.presence" && frame.d.transport !== "socket");
    b.send("chat.send", { message: "who was that?" }, "m1");
    await b.next(ackOf("m1"));
    const back = await join(pair, pair.host);
    expect((await back.next(of("room.snapshot"))).d.messages).toMatchObject([{ message: "who was that?" }]);
    b.send("chat.send", { message: "again" });
    await back.next(of("chat.message"));
    expect(await liveSessions(pair.host)).toEqual([pair.session]);
    back.close();
    b.close();
  });

  test("keeps quick but honest talk", async () => {
    const pair = pairs.take();
    const [a, b] = [await join(pair, pair.host), await join(pair, pair.seeker)];
    for (let n = 0; n < 60; n++)
      a.send("ice.candidate", { candidate: `candidate:${n}`, sdpMid: "0", sdpMLineIndex: 0 });
    await eventually("all come", () => b.frames.filter(of("ice.candidate")).length === 60);
    expect(b.frames.filter(of("ice.candidate")).map(({ d }) => d.candidate)).toEqual(
      Array.from({ length: 60 }, (_, n) => `candidate:${n}`),
    );
    expect(a.closed).toBeUndefined();
    a.close();
    b.close();
  });
});
