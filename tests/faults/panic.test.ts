/** A room that panics (a build for tests can be asked to): its caller hears of it at once, and nobody else notices. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Pair, RoomSocket, call, eventually } from "../support/client.ts";
import { type Served, serve } from "../support/serve.ts";
import { ACTIVE, at, createPairsAt, expectError, liveSessions, recordOf } from "../e2e/sessions.support.ts";
import { ackOf, logged, of, settled } from "../e2e/socket.support.ts";

let worker: Served;
let pairs: Pair[];

beforeAll(async () => {
  const { dataApi, folder } = inject("stack");
  const build = process.env["TEST_FAULTS_BUILD"] ?? "build-faults";
  worker = await serve({ dataApi, folder: join(folder, "panic"), build });
  pairs = await createPairsAt(worker.base, 5);
});
afterAll(() => worker?.program.stop());

/** Makes the room panic; resolves with the milliseconds until the caller knew. */
async function panic({ session, host }: Pair): Promise<number> {
  const started = performance.now();
  const answer = await host.post(`/api/test/panic/${session}`);
  const took = performance.now() - started;
  expectError(answer, 503);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(answer.text).not.toMatch(/panic|asked to|unreachable|wasm|\.rs/i);
  return took;
}

const say = ({ session, seeker }: Pair, message: string) =>
  seeker.post(at.say(session), { message, messageType: "text" });

describe("a panic in a room", () => {
  test("is told to its caller within a second, every time", async () => {
    for (let n = 0; n < 5; n++) expect(await panic(pairs[0]!)).toBeLessThan(1_000);
    expect(await liveSessions(pairs[0]!.host)).toEqual([pairs[0]!.session]);
  });

  test("costs nobody in that room anything", async () => {
    const pair = pairs[1]!;
    const { session, host, seeker } = pair;
    const socket = await RoomSocket.join(session, seeker.token, undefined, worker.base);
    await host.post(at.offer(session), { type: "offer", sdp: "v=0 before" });
    await host.post(at.ice(session), { candidate: "candidate:1" });
    socket.send("sdp.answer", { sdp: "v=0 answer" }, "a");
    await socket.next(ackOf("a"));
    const line = (await say(pair, "before")).body.data.message.id;
    const before = (await seeker.get(at.signals(session))).body;
    socket.send("hello", { lastSeq: 0 });
    const last = (await settled(socket)).findLast(of("welcome"))!.seq!;

    expect(await panic(pair)).toBeLessThan(1_000);

    expect(socket.closed).toBeUndefined();
    const poll = await seeker.get(at.signals(session));
    expect([poll.status, poll.body]).toEqual([200, before]);
    expect((await seeker.get(at.lines(session))).body.data.messages).toMatchObject([{ id: line }]);
    expect((await host.get(at.details(session))).body.data.session.status).toBe("active");
    for (const side of [host, seeker]) expect(await liveSessions(side)).toEqual([session]);
    // The socket that was open hears what comes next, and what it sends arrives.
    await host.post(at.offer(session), { type: "offer", sdp: "v=0 after" });
    expect(await socket.next((f) => f.t === "sdp.offer" && f.d.sdp === "v=0 after")).toMatchObject({
      seq: last + 1,
    });
    socket.send("chat.send", { message: "after" }, "m");
    const { entityId } = (await socket.next(ackOf("m"))).d;
    expect((await host.get(at.lines(session))).body.data.messages).toMatchObject([
      { id: line },
      { id: entityId },
    ]);
    // One that comes back misses nothing.
    const again = await RoomSocket.join(session, host.token, last, worker.base);
    expect(logged(await settled(again)).map(({ seq }) => seq)).toEqual([last + 1, last + 2]);
    await host.post(at.leave(session));
    await socket.next((f) => f.t === "session.status" && f.d.status === "completed");
    await eventually("recorded", async () => (await recordOf(session))?.["status"] === "completed");
    expect((await recordOf(session))!["chatSession"].totalMessages).toBe(2);
    socket.close();
    again.close();
  });

  test("costs nobody in another room anything, even when panics come one after the other", async () => {
    const [broken, quiet, busy] = [pairs[2]!, pairs[3]!, pairs[4]!];
    const sockets = await Promise.all(
      [quiet.host, quiet.seeker].map((who) =>
        RoomSocket.join(quiet.session, who.token, undefined, worker.base),
      ),
    );
    const [a, b] = sockets as [RoomSocket, RoomSocket];
    let over = false;
    const panics = (async () => {
      for (let n = 0; n < 20; n++) expect(await panic(broken)).toBeLessThan(1_000);
      over = true;
    })();
    const ids: string[] = [];
    for (let n = 0; !over || n < 20; n++) {
      const started = performance.now();
      const answer = await say(busy, `${n}`);
      expect(answer.status, answer.text).toBe(200);
      ids.push(answer.body.data.message.id);
      expect((await busy.host.get(at.signals(busy.session))).status).toBe(200);
      expect((await busy.host.get(ACTIVE)).status).toBe(200);
      expect(performance.now() - started).toBeLessThan(1_000);
      a.send("state.update", { audioLevel: n % 100 });
      if (n < 20) a.send("chat.send", { message: `${n}` }, `${n}`);
    }
    await panics;
    await a.next(ackOf("19"));
    await settled(b);
    const heard = b.frames.filter(of("chat.message")).map(({ d }) => d.message);
    expect(heard).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
    const listed = (await busy.host.get(at.lines(busy.session, "?limit=100"))).body.data;
    expect(listed.pagination.total).toBe(ids.length);
    expect(listed.messages.map(({ id }: { id: string }) => id)).toEqual(ids.slice(-100));
    expect([a.closed, b.closed]).toEqual([undefined, undefined]);
    expect(await liveSessions(broken.seeker)).toEqual([broken.session]);
    a.close();
    b.close();
  });

  test("is nothing that a stranger can cause", async () => {
    const path = `/api/test/panic/${pairs[0]!.session}`;
    expectError(await call("POST", path, { base: worker.base }), 401, "Access token required");
  });
});
