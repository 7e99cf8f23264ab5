/** The whole Worker is killed in mid-call and started again: nothing that was acknowledged is missing. */
import type { ObjectId } from "mongodb";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import {
  type Answer,
  type Learner,
  type Pair,
  RoomSocket,
  createLearners,
  createRegion,
  eventually,
} from "../support/client.ts";
import { type Served, serve } from "../support/serve.ts";
import {
  ACTIVE,
  CANCEL_ALL,
  FIND,
  at,
  createPairsAt,
  liveSessions,
  recordOf,
  through,
} from "../e2e/sessions.support.ts";
import { ackOf, logged, of, settled } from "../e2e/socket.support.ts";

let worker: Served;
let restart: () => Promise<void>;

beforeAll(async () => {
  const { dataApi, folder } = inject("stack");
  const options = { dataApi, folder: join(folder, "crash") };
  worker = await serve(options);
  restart = async () => {
    await worker.program.kill();
    worker = await serve({ ...options, port: worker.port });
  };
});
afterAll(() => worker.program.stop());

const learners = async (many: number): Promise<Learner[]> =>
  (await createLearners(await createRegion(), many)).map((who) => through(who, worker.base));
const find = (who: Learner) => who.post(FIND, { sessionType: "chat" });
const say = (who: Learner, session: string, message: string): Promise<Answer> =>
  who.post(at.say(session), { message, messageType: "text" });
/** One finds a partner, and then another begins to wait. */
const findBoth = async (one: Learner, other: Learner): Promise<Answer> => {
  const found = await find(one);
  expect((await find(other)).body.data.waitingInQueue).toBe(true);
  return found;
};
const score = async (who: Learner) =>
  (await who.get("/api/leaderboard/my-rank")).body?.data?.user?.totalScore as number;

async function allLines(who: Learner, session: string): Promise<string[]> {
  const ids: string[] = [];
  for (let page = 1, pages = 1; page <= pages; page++) {
    const answer = await who.get(at.lines(session, `?page=${page}&limit=100`));
    expect(answer.status, answer.text).toBe(200);
    ids.unshift(...answer.body.data.messages.map(({ id }: { id: string }) => id));
    pages = answer.body.data.pagination.pages;
  }
  return ids;
}

describe("after a crash", { timeout: 90_000 }, () => {
  test("both sides go on in the same call, waiters wait, and points are what they were", async () => {
    const { base } = worker;
    const [call, ended, cancelled] = (await createPairsAt(base, 3)) as [Pair, Pair, Pair];
    const { session, host, seeker } = call;
    const [waiter, partner, fresh, mate] = await learners(4);
    const a = await RoomSocket.join(session, host.token, undefined, base);
    const b = await RoomSocket.join(session, seeker.token, undefined, base);
    b.send("sdp.offer", { sdp: "v=0\r\noffer" }, "o");
    await a.next(of("sdp.offer"));
    const last = Math.max(...(await settled(a)).map(({ seq }) => seq ?? 0));
    a.drop();
    // What the host misses: some over the socket, some over HTTP.
    b.send("ice.candidate", { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0 }, "c");
    await b.next(ackOf("c"));
    await seeker.post(at.ice(session), { candidate: "candidate:polled" });
    b.send("chat.send", { message: "over the socket" }, "m");
    const { entityId } = (await b.next(ackOf("m"))).d;
    const { id } = (await say(seeker, session, "over HTTP")).body.data.message;
    for (const side of [host, seeker]) await eventually("one point", async () => (await score(side)) === 1);
    const before = {
      active: (await host.get(ACTIVE)).body.data,
      signals: (await host.get(at.signals(session))).body.data,
      lines: (await host.get(at.lines(session))).body.data,
      details: (await host.get(at.details(session))).body.data,
    };
    const waits = (await find(waiter!)).body.data.session.id;
    await cancelled.host.post(CANCEL_ALL);
    // The last words before the crash.
    const [matched, left] = await Promise.all([
      findBoth(partner!, fresh!),
      ended.seeker.post(at.leave(ended.session)),
    ]);
    expect([matched.status, left.status]).toEqual([200, 200]);

    await restart();
    expect({
      active: (await host.get(ACTIVE)).body.data,
      signals: (await host.get(at.signals(session))).body.data,
      lines: (await host.get(at.lines(session))).body.data,
      details: (await host.get(at.details(session))).body.data,
    }).toEqual(before);
    expect(await liveSessions(seeker)).toEqual([session]);
    for (const pair of [ended, cancelled]) {
      for (const side of [pair.host, pair.seeker]) expect(await liveSessions(side)).toEqual([]);
    }

    // The host comes back to what he missed, the seeker to where he was; and they go on.
    const again = await RoomSocket.join(session, host.token, last, base);
    const frames = await settled(again);
    expect(frames.filter(of("room.snapshot"))).toEqual([]);
    const missed = logged(frames);
    expect(missed.map(({ t, d }) => [t, d.candidate ?? d.id])).toEqual([
      ["ice.candidate", "candidate:1"],
      ["ice.candidate", "candidate:polled"],
      ["chat.message", entityId],
      ["chat.message", id],
    ]);
    expect(missed.map(({ seq }) => seq)).toEqual([1, 2, 3, 4].map((n) => last + n));
    const other = await RoomSocket.join(session, seeker.token, last + 4, base);
    // What was not known to have arrived is sent once more.
    other.send("chat.send", { message: "over the socket" }, "m");
    expect((await other.next(ackOf("m"))).d.entityId).toBe(entityId);
    again.send("sdp.answer", { generation: 1, sdp: "answer after the crash" }, "a");
    const answer = await other.next(of("sdp.answer"));
    expect(answer).toMatchObject({ seq: last + 5, d: { generation: 1, sdp: "answer after the crash" } });

    // The waiters are matched.
    expect(matched.body.data.partner.id).toBe(waiter!.id);
    expect(matched.body.data.session.id).toBe(waits);
    for (const who of [waiter!, partner!]) expect(await liveSessions(who)).toEqual([waits]);
    const waiting = (await liveSessions(fresh!))[0];
    expect((await find(mate!)).body.data).toMatchObject({
      partner: { id: fresh!.id },
      session: { id: waiting },
    });

    await host.post(at.leave(session));
    for (const { session } of [call, ended, cancelled]) {
      await eventually("completed", async () => (await recordOf(session))?.["status"] === "completed", 40);
    }
    const recorded = (await recordOf(session))!["chatSession"];
    expect(recorded.messages.map(({ _id }: { _id: ObjectId }) => String(_id))).toEqual([entityId, id]);
    expect(recorded.totalMessages).toBe(2);
    for (const pair of [call, ended, cancelled]) {
      for (const side of [pair.host, pair.seeker])
        await eventually("one point", async () => (await score(side)) === 1, 40);
    }
    again.close();
    other.close();
  });

  test("in the middle of a talk every acknowledged line is there, once", async () => {
    const { base } = worker;
    const pairs = await createPairsAt(base, 3);
    const sockets = await Promise.all(
      pairs.map(({ session, host }) => RoomSocket.join(session, host.token, undefined, base)),
    );
    const acknowledged: string[][] = pairs.map(() => []);
    let stop = false;
    /** Sends line after line until the Worker is gone. */
    const talk = async (who: Learner, n: number) => {
      for (let line = 0; !stop; line++) {
        const answer = await say(who, pairs[n]!.session, `${who.id} ${line}`).catch(() => undefined);
        if (answer?.status !== 200) return;
        acknowledged[n]!.push(answer.body.data.message.id);
      }
    };
    const shout = async (n: number) => {
      const socket = sockets[n]!;
      for (let line = 0; !stop && !socket.closed; line++) {
        socket.send("chat.send", { message: `socket ${line}` }, `${line}`);
        const ack = await socket.next(ackOf(`${line}`), 1).catch(() => undefined);
        if (!ack) return;
        acknowledged[n]!.push(ack.d.entityId);
      }
    };
    const talks = pairs.flatMap(({ seeker, host }, n) => [talk(seeker, n), talk(host, n), shout(n)]);
    const count = () => acknowledged.flat().length;
    await eventually("they talk", () => count() > 300);
    const leader = pairs[2]!;
    const heard = Math.max(...sockets[2]!.frames.map(({ seq }) => seq ?? 0));
    await restart();
    stop = true;
    await Promise.all(talks);

    for (const [n, { session, host, seeker }] of pairs.entries()) {
      const acked = acknowledged[n]!;
      expect(acked.length).toBeGreaterThan(10);
      const lines = await allLines(seeker, session);
      expect(new Set(lines).size).toBe(lines.length);
      expect(lines).toEqual(expect.arrayContaining(acked));
      // At most what was under way: two requests and a frame.
      expect(lines.length - acked.length).toBeLessThanOrEqual(3);
      await host.post(at.leave(session));
      const recorded = async () =>
        ((await recordOf(session))?.["chatSession"]?.messages ?? []).map(({ _id }: { _id: ObjectId }) =>
          String(_id),
        );
      await eventually("recorded", async () => (await recorded()).length >= lines.length, 40);
      expect(await recorded()).toEqual(lines);
      expect((await recordOf(session))!["chatSession"].totalMessages).toBe(lines.length);
    }
    // Numbers go on where they were: a socket that comes back is not ahead of the room.
    const back = await RoomSocket.join(leader.session, leader.host.token, heard, base);
    expect((await back.next(of("welcome"))).seq).toBeGreaterThanOrEqual(heard);
    back.close();
  });
});
