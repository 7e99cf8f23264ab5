/** Two phones of today in one call: what they end up with, whatever the order in which their requests arrive. */
import { setTimeout as wait } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { Learner, Pair } from "../support/client.ts";
import { at, createPairs } from "./sessions.support.ts";

async function ok(who: Learner, path: string, body: object): Promise<void> {
  const { status, body: answer, text } = await who.post(path, body);
  expect(status, text).toBe(200);
  expect(answer).toEqual({ success: true });
}

const signals = async (who: Learner, session: string) => {
  const read = await who.get(`${at.signals(session)}?_=${Date.now()}`);
  expect(read.status, read.text).toBe(200);
  return read.body.data.signaling;
};

/** The present app's CallScreen (x-signaling.one-to-one-call.sequence, steps 4 to 10), less the media. */
class OldClient {
  private local = "";
  remote = "";
  answered = 0;
  readonly applied = new Set<string>();

  private readonly me: Learner;
  private readonly session: string;
  private readonly pause: () => number;

  constructor(me: Learner, session: string, pause: () => number) {
    this.me = me;
    this.session = session;
    this.pause = pause;
  }

  private candidates(of: string): Promise<unknown> {
    return Promise.all(
      [1, 2, 3].map((n) => ok(this.me, at.ice(this.session), { candidate: `${of} candidate ${n}` })),
    );
  }

  async run(done: () => boolean): Promise<void> {
    await wait(this.pause());
    this.local = `offer of ${this.me.id}`;
    const early = this.candidates(this.local);
    await wait(this.pause());
    await ok(this.me, at.offer(this.session), { type: "offer", sdp: this.local });
    for (const deadline = Date.now() + 10_000; !done() && Date.now() < deadline;) {
      await wait(this.pause());
      await this.poll();
    }
    await early;
    // The polls go on for the whole call.
    for (let n = 0; n < 3; n++) await this.poll();
  }

  private async poll(): Promise<void> {
    const now = await signals(this.me, this.session);
    if (now.offer.sdp !== undefined && now.offer.from !== this.me.id && this.remote === "") {
      this.remote = now.offer.sdp;
      this.local = `answer of ${this.me.id} to ${this.remote}`;
      this.answered++;
      await ok(this.me, at.answer(this.session), { type: "answer", sdp: this.local });
      await this.candidates(this.local);
    }
    if (now.answer.sdp !== undefined && now.answer.from !== this.me.id && this.remote === "") {
      this.remote = now.answer.sdp;
    }
    for (const { from, candidate } of now.iceCandidates) {
      if (from !== this.me.id && this.remote !== "") this.applied.add(candidate);
    }
  }

  get isComplete(): boolean {
    return this.remote !== "";
  }
}

/** Random numbers that a failing run can repeat. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("two phones of today", () => {
  let calls: Pair[];
  beforeAll(async () => void (calls = await createPairs(20)));

  test.for(Array.from({ length: 20 }, (_, n) => n))(
    "agree on one offer and one answer, interleaving %i",
    async (n) => {
      const { session, host, seeker } = calls[n]!;
      const next = random(n + 1);
      // From both at once to one long after the other.
      const spread = [0, 3, 10, 40][n % 4]!;
      const pause = () => next() * spread;
      const [a, b] = [new OldClient(host, session, pause), new OldClient(seeker, session, pause)];
      const done = () => a.isComplete && b.isComplete;
      await Promise.all([a.run(done), b.run(done)]);

      const end = await signals(host, session);
      expect(a.answered + b.answered).toBe(1);
      const [answerer, offerer] = a.answered === 1 ? [a, b] : [b, a];
      expect(answerer.remote).toBe(end.offer.sdp);
      expect(offerer.remote).toBe(end.answer.sdp);
      expect(end.offer.from).toBe(a.answered === 1 ? seeker.id : host.id);
      expect(end.answer.from).toBe(a.answered === 1 ? host.id : seeker.id);
      expect([answerer.applied.size, offerer.applied.size]).toEqual([3, 6]);
    },
  );
});
