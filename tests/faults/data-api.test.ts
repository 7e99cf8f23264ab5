/**
 * The Data API behind the Worker refuses connections, is slow, or answers garbage: what needs the database says so
 * quickly, live rooms go on, and whatever they acknowledged is in the database afterwards.
 */
import type { ObjectId } from "mongodb";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, inject, test } from "vitest";
import { type Answer, type Learner, PASSWORD, RoomSocket, eventually, post } from "../support/client.ts";
import { serve } from "../support/serve.ts";
import { ACTIVE, CANCEL_ALL, FIND, at, createPairsAt, recordOf } from "../e2e/sessions.support.ts";
import { ackOf, of } from "../e2e/socket.support.ts";
import { type Mode, Proxy } from "./proxy.ts";

/** x-signaling.client-timer-notes: signaling routes answer well below 2 s. */
const QUICK = 2_000;
/** Accounts may be trusted for some seconds without asking: longer than that. */
const OUTAGE = 13_000;
/** Retries of rooms slow down, but not beyond half a minute. */
const RECOVERY = 45;

async function timed(work: Promise<Answer>): Promise<Answer & { took: number }> {
  const started = performance.now();
  const answer = await work;
  return { ...answer, took: performance.now() - started };
}

const linesOf = async (session: string): Promise<string[]> =>
  ((await recordOf(session))?.["chatSession"]?.messages ?? []).map(({ _id }: { _id: ObjectId }) =>
    String(_id),
  );

describe.concurrent("while the Data API", () => {
  test.for([
    ["refuses connections", "refuse"],
    ["is slow", "slow"],
    ["answers garbage", "garbage"],
  ] as [string, Mode][])(
    "%s, live rooms go on and nothing is lost",
    { timeout: 150_000 },
    async ([, mode]) => {
      const { dataApi, folder } = inject("stack");
      const proxy = new Proxy(dataApi.url);
      const url = await proxy.listen();
      const worker = await serve({ dataApi: { ...dataApi, url }, folder: join(folder, `data-api-${mode}`) });
      try {
        const { base } = worker;
        const [talking, left, cancelled, hungUp, solo] = (await createPairsAt(base, 5)) as [P, P, P, P, P];
        const { session, host, seeker } = talking;
        const socket = await RoomSocket.join(session, seeker.token, undefined, base);
        const farewell = await RoomSocket.join(hungUp.session, hungUp.seeker.token, undefined, base);
        await solo.host.post(CANCEL_ALL);
        const waiting = (await solo.host.post(FIND, { sessionType: "chat" })).body.data.session.id as string;
        await eventually(
          "a session is recorded",
          async () => (await recordOf(left.session))?.["status"] === "active",
        );
        await proxy.set(mode);

        const late: string[] = [];
        const live = async (what: string, work: Promise<Answer>): Promise<Answer> => {
          const { took, ...answer } = await timed(work);
          expect(answer.status, `${what} ${answer.text}`).toBe(200);
          if (took > QUICK) late.push(`${what} took ${Math.round(took)} ms`);
          return answer;
        };
        const down = async (what: string, work: () => Promise<Answer>): Promise<void> => {
          const { took, ...answer } = await timed(work());
          expect([what, answer.status, answer.text]).toEqual([what, 503, expect.any(String)]);
          expect(answer.body).toMatchObject({ success: false, message: expect.stringMatching(/\S/) });
          expect(answer.text).not.toMatch(/127\.0\.0\.1|<html>|data.api|reqwest|action\//i);
          expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
          expect([what, took < 6_000, took]).toEqual([what, true, took]);
        };

        const said: string[] = [];
        const talk = async () => {
          for (let n = 0, end = Date.now() + OUTAGE; Date.now() < end; n++, await wait(300)) {
            const line = { message: `host ${n}`, messageType: "text" };
            const read = await live("read", host.get(at.signals(session)));
            expect(read.body.data.signaling.offer.sdp).toBe(n === 0 ? undefined : `offer ${n - 1}`);
            await live("offer", host.post(at.offer(session), { type: "offer", sdp: `offer ${n}` }));
            await live("ice", host.post(at.ice(session), { candidate: `candidate:${n}` }));
            said.push((await live("say", host.post(at.say(session), line))).body.data.message.id);
            socket.send("chat.send", { message: `seeker ${n}` }, `${n}`);
            said.push((await socket.next(ackOf(`${n}`), QUICK / 1000)).d.entityId);
            for (const side of [host, seeker]) {
              const active = await live("active", side.get(ACTIVE));
              expect(active.body.data.sessions.map(({ _id }: { _id: string }) => _id)).toEqual([session]);
            }
          }
        };
        const credentials = { email: left.host.email, password: PASSWORD };
        const ask = async () => {
          for (let n = 0; n < 2; n++) {
            await Promise.all([
              down("login", () => post("/api/auth/login", { body: credentials, base })),
              down("me", () => host.get("/api/auth/me")),
            ]);
          }
        };
        await Promise.all([talk(), ask()]);
        expect(said.length).toBeGreaterThan(10);

        const leave = async (who: Learner, id: string, status: string) => {
          const answer = await live("leave", who.post(at.leave(id)));
          expect(answer.body.data).toMatchObject({ sessionId: id, status });
        };
        await leave(left.host, left.session, "completed");
        await leave(solo.host, waiting, "cancelled");
        await live("cancel-all", cancelled.seeker.post(CANCEL_ALL));
        farewell.send("session.leave", {}, "bye");
        await farewell.next(ackOf("bye"), QUICK / 1000);
        await leave(host, session, "completed");
        expect((await socket.next(of("session.status"))).d).toMatchObject({
          status: "completed",
          endedBy: { id: host.id },
        });
        for (const { host, seeker } of [talking, left, cancelled, hungUp]) {
          for (const side of [host, seeker]) {
            expect((await live("active", side.get(ACTIVE))).body.data.sessions).toEqual([]);
          }
        }

        await proxy.set("pass");
        const ends = {
          completed: [session, left.session, cancelled.session, hungUp.session],
          cancelled: [waiting],
        };
        const isRight = async () => {
          for (const [status, sessions] of Object.entries(ends)) {
            for (const id of sessions) if ((await recordOf(id))?.["status"] !== status) return false;
          }
          return (await linesOf(session)).length >= said.length;
        };
        await eventually("everything is recorded", isRight, RECOVERY);
        // What a slow service still had in hand arrives after what was sent later.
        await eventually("nothing is held back", () => proxy.held === 0, 15);
        expect(await isRight()).toBe(true);
        expect(await linesOf(session)).toEqual(said);
        const record = (await recordOf(session))!;
        expect(record["chatSession"].totalMessages).toBe(said.length);
        expect(record["duration"]).toBeGreaterThanOrEqual(Math.floor(OUTAGE / 1000));
        expect(record["participants"]).toMatchObject([{ isActive: false }, { isActive: false }]);
        expect((await post("/api/auth/login", { body: credentials, base })).status).toBe(200);
        expect(late).toEqual([]);
        for (const side of [host, seeker]) {
          const points = async () =>
            (await side.get("/api/leaderboard/my-rank")).body?.data?.user?.totalScore;
          await eventually("one point", async () => (await points()) === 1, RECOVERY);
        }
        socket.close();
        farewell.close();
      } finally {
        await worker.program.stop();
        await proxy.close();
      }
    },
  );
});

type P = Awaited<ReturnType<typeof createPairsAt>>[number];
