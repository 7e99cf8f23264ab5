import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, type Pair, call, post } from "../support/client.ts";
import {
  CANCEL_ALL,
  ID,
  NO_SIGNALS,
  NO_STORE,
  TIME,
  at,
  createPairs,
  expectError,
  expectFields,
  taker,
  testAccess,
} from "./sessions.support.ts";

const pairs = taker<Pair>();
beforeAll(async () => pairs.fill(await createPairs(36)));

const SDP = "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const offer = (who: Learner, session: string, sdp = SDP) =>
  who.post(at.offer(session), { type: "offer", sdp });
const answer = (who: Learner, session: string, sdp = SDP) =>
  who.post(at.answer(session), { type: "answer", sdp });
const ice = (who: Learner, session: string, candidate: string, more: object = {}) =>
  who.post(at.ice(session), { candidate, ...more });
const text = (n: number, sdpMid = "0") =>
  JSON.stringify({
    candidate: `candidate:${n} 1 udp 2122 192.168.1.${n} 5000 typ host`,
    sdpMLineIndex: 0,
    sdpMid,
  });

async function ok(request: ReturnType<typeof post>): Promise<void> {
  const { status, body, text } = await request;
  expect(status, text).toBe(200);
  expect(body).toEqual({ success: true });
}

interface Shown {
  offer: { from?: string; type?: string; sdp?: string; createdAt?: string };
  answer: Shown["offer"];
  iceCandidates: {
    _id: string;
    from: string;
    candidate: string;
    sdpMid: string | null;
    sdpMLineIndex: number | null;
  }[];
}

async function signals(who: Learner, session: string): Promise<Shown> {
  const read = await who.get(`${at.signals(session)}?_=${Date.now()}`);
  expect(read.status, read.text).toBe(200);
  expect(read.body).toEqual({ success: true, data: { signaling: expect.any(Object) } });
  return read.body.data.signaling;
}

const texts = ({ iceCandidates }: Shown) => iceCandidates.map(({ candidate }) => candidate);

describe("the slots", () => {
  test("are empty objects at first, and never cached", async () => {
    const { session, host } = pairs.take();
    const { body, headers } = await host.get(at.signals(session));
    expect(body).toEqual({ success: true, data: { signaling: NO_SIGNALS } });
    expect(headers.get("cache-control")).toBe(NO_STORE);
    expect(headers.get("pragma")).toBe("no-cache");
    expect(headers.get("expires")).toBe("0");
    expect(headers.get("surrogate-control")).toBe("no-store");
  });

  test("show offer, answer and candidates of both to both", async () => {
    const { session, host, seeker } = pairs.take();
    await ok(offer(host, session));
    await ok(ice(host, session, "candidate:1", { sdpMid: "audio", sdpMLineIndex: 1 }));
    await ok(answer(seeker, session, "v=0\r\nanswer\r\n"));
    await ok(ice(seeker, session, text(2)));
    for (const side of [host, seeker]) {
      expect(await signals(side, session)).toEqual({
        offer: { from: host.id, type: "offer", sdp: SDP, createdAt: TIME },
        answer: { from: seeker.id, type: "answer", sdp: "v=0\r\nanswer\r\n", createdAt: TIME },
        iceCandidates: [
          {
            _id: ID,
            from: host.id,
            candidate: "candidate:1",
            sdpMid: "audio",
            sdpMLineIndex: 1,
            createdAt: TIME,
          },
          expect.objectContaining({ _id: ID, from: seeker.id, candidate: text(2), createdAt: TIME }),
        ],
      });
    }
  });

  test("belong to the last writer, and a new offer drops the answer but keeps the candidates", async () => {
    const { session, host, seeker } = pairs.take();
    await ok(ice(seeker, session, text(7)));
    await ok(offer(host, session, "first"));
    await ok(ice(host, session, text(8)));
    await ok(answer(seeker, session, "answer to first"));
    await ok(answer(seeker, session, "better answer to first"));
    expect((await signals(host, session)).answer.sdp).toBe("better answer to first");
    await ok(ice(seeker, session, text(9)));
    await ok(offer(seeker, session, "second"));
    const now = await signals(host, session);
    expect(now.offer).toMatchObject({ from: seeker.id, sdp: "second" });
    expect(now.answer).toEqual({});
    expect(texts(now)).toEqual([text(7), text(8), text(9)]);
    await ok(answer(host, session, "answer to second"));
    expect((await signals(seeker, session)).answer).toMatchObject({ from: host.id, sdp: "answer to second" });
  });

  test("take an answer only to the current offer of the other side", async () => {
    const { session, host, seeker } = pairs.take();
    expectError(await answer(host, session), 409);
    await ok(offer(host, session));
    expectError(await answer(host, session), 409);
    await ok(offer(seeker, session));
    expectError(await answer(seeker, session), 409);
    expect((await signals(host, session)).answer).toEqual({});
    await ok(answer(host, session));
  });

  test("are emptied by clear", async () => {
    const { session, host, seeker } = pairs.take();
    await ok(offer(host, session));
    await ok(answer(seeker, session));
    await ok(ice(host, session, text(1)));
    await ok(seeker.post(at.clear(session)));
    expect(await signals(host, session)).toEqual(NO_SIGNALS);
    expectError(await answer(seeker, session), 409);
    // What was there before is no repeat now.
    await ok(ice(host, session, text(1)));
    await ok(offer(host, session));
    await ok(answer(seeker, session));
    expect(texts(await signals(seeker, session))).toEqual([text(1)]);
  });

  test("are gone with the end, and take nothing any more", async () => {
    const { session, host, seeker } = pairs.take();
    await ok(offer(host, session));
    await ok(answer(seeker, session));
    await ok(ice(host, session, text(1)));
    await seeker.post(CANCEL_ALL);
    for (const side of [host, seeker]) {
      expect(await signals(side, session)).toEqual(NO_SIGNALS);
      expectError(await offer(side, session), 409);
      expectError(await answer(side, session), 409);
      expectError(await ice(side, session, text(2)), 409);
    }
    expect(await signals(host, session)).toEqual(NO_SIGNALS);
  });
});

describe("candidates", () => {
  test("come once a side, and without their offer", async () => {
    const { session, host, seeker } = pairs.take();
    for (const side of [host, seeker, host, host, seeker]) await ok(ice(side, session, text(1)));
    await ok(ice(host, session, `${text(1)} `));
    const { iceCandidates } = await signals(host, session);
    expect(iceCandidates.map(({ from, candidate }) => [from, candidate])).toEqual([
      [host.id, text(1)],
      [seeker.id, text(1)],
      [host.id, `${text(1)} `],
    ]);
    expect(new Set(iceCandidates.map(({ _id }) => _id)).size).toBe(3);
  });

  test("posted all at once are all there", async () => {
    const { session, host, seeker } = pairs.take();
    const many = Array.from({ length: 25 }, (_, n) => n);
    await Promise.all(
      many.flatMap((n) => [ok(ice(host, session, text(n))), ok(ice(seeker, session, text(n)))]),
    );
    const { iceCandidates } = await signals(host, session);
    for (const side of [host, seeker]) {
      const own = iceCandidates.filter(({ from }) => from === side.id).map(({ candidate }) => candidate);
      expect(own.sort()).toEqual(many.map((n) => text(n)).sort());
    }
  });

  test("are kept to a hundred a side, the newest among them", async () => {
    const { session, host, seeker } = pairs.take();
    await ok(ice(seeker, session, text(1)));
    for (let n = 0; n < 120; n++) await ok(ice(host, session, text(n)));
    const { iceCandidates } = await signals(seeker, session);
    const from = (who: Learner) =>
      iceCandidates.filter((one) => one.from === who.id).map((one) => one.candidate);
    expect(from(seeker)).toEqual([text(1)]);
    expect(from(host)).toHaveLength(100);
    expect(from(host).at(-1)).toBe(text(119));
  });

  test.each([
    ["the app's JSON", text(1)],
    [
      "JSON in another order, with spaces",
      '{ "sdpMid":"0",  "candidate":"candidate:1 ",\t"sdpMLineIndex":0 }',
    ],
    ["JSON with escapes", '{"candidate":"candidate:\\u0041\\/1","sdpMid":null}'],
    ["a bare line", "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx"],
    ["line breaks and blanks", "  a=candidate:1\r\n\r\n "],
    ["all of Unicode", "candidate:नमस्ते 🙂 \u0000\u001f\u2028 ￿"],
    ["broken JSON", '{"candidate":'],
    ["operators", '{"$gt":""}'],
    ["2048 bytes", "c".repeat(2048)],
    ["2048 bytes of Devanagari", "न".repeat(682) + "cc"],
  ])("come back byte for byte: %s", async (_, candidate) => {
    const { session, host, seeker } = pairs.take();
    await ok(ice(host, session, candidate, { sdpMid: null, sdpMLineIndex: null }));
    expect(texts(await signals(seeker, session))).toEqual([candidate]);
    await host.post(CANCEL_ALL);
  });
});

describe("bodies", () => {
  test.each([
    ["line breaks", SDP],
    ["no end of line", "v=0"],
    ["blanks around", " \r\n v=0 \n "],
    ["all of Unicode", "v=0\r\ns=नमस्ते 🙂 é \u2028\r\n"],
    ["quotes and escapes", 'a="\\u0041"\\r\\n$where {"$gt":""}\r\n'],
    ["64 KiB", `v=0\r\n${"a=x\r\n".repeat(13106)}`.padEnd(65_536, "z")],
    ["64 KiB of Devanagari", "न".repeat(21_845) + "v"],
  ])("session descriptions come back byte for byte: %s", async (_, sdp) => {
    const { session, host, seeker } = pairs.take();
    await ok(offer(host, session, sdp));
    await ok(answer(seeker, session, sdp));
    const now = await signals(seeker, session);
    expect(now.offer.sdp === sdp && now.answer.sdp === sdp).toBe(true);
    await host.post(CANCEL_ALL);
  });

  test("that are wrong are refused, field by field", async () => {
    const { session, host, seeker } = pairs.take();
    await ok(offer(host, session));
    await ok(answer(seeker, session));
    await ok(ice(host, session, text(1)));
    const before = await signals(host, session);
    const wrong: [unknown, ...string[]][] = [
      [undefined, "type", "sdp"],
      [{}, "type", "sdp"],
      [[], "type", "sdp"],
      [{ sdp: SDP }, "type"],
      [{ type: { $ne: "" }, sdp: SDP }, "type"],
      [{ type: ["offer", "answer"], sdp: SDP }, "type"],
      [{ type: "rollback", sdp: SDP }, "type"],
    ];
    for (const type of ["offer", "answer"]) {
      const path = type === "offer" ? at.offer(session) : at.answer(session);
      const who = type === "offer" ? host : seeker;
      const cases: typeof wrong = [
        ...wrong,
        [{ type: type === "offer" ? "answer" : "offer", sdp: SDP }, "type"],
        [{ type }, "sdp"],
        [{ type, sdp: "" }, "sdp"],
        [{ type, sdp: null }, "sdp"],
        [{ type, sdp: 5 }, "sdp"],
        [{ type, sdp: { $gt: "" } }, "sdp"],
        [{ type, sdp: [SDP] }, "sdp"],
        [{ type, sdp: "x".repeat(65_537) }, "sdp"],
        [{ type, sdp: "न".repeat(21_846) }, "sdp"],
      ];
      for (const [body, ...fields] of cases) expectFields(await who.post(path, body), ...fields);
      expectError(await post(path, { token: who.token, body: '{"type":"offer",' }), 400);
    }
    for (const [body, ...fields] of [
      [undefined, "candidate"],
      [{}, "candidate"],
      [{ candidate: "" }, "candidate"],
      [{ candidate: null }, "candidate"],
      [{ candidate: 7 }, "candidate"],
      [{ candidate: { candidate: "candidate:1" } }, "candidate"],
      [{ candidate: ["candidate:1"] }, "candidate"],
      [{ candidate: "c".repeat(2049) }, "candidate"],
      [{ candidate: "न".repeat(683) }, "candidate"],
      [{ candidate: "c", sdpMid: 5 }, "sdpMid"],
      [{ candidate: "c", sdpMid: { $ne: 1 } }, "sdpMid"],
      [{ candidate: "c", sdpMLineIndex: "x" }, "sdpMLineIndex"],
      [{ candidate: "c", sdpMLineIndex: -1 }, "sdpMLineIndex"],
      [{ candidate: "c", sdpMLineIndex: 1.5 }, "sdpMLineIndex"],
      [{ candidate: "c", sdpMLineIndex: { $gt: 0 } }, "sdpMLineIndex"],
      [{ candidate: "", sdpMid: [], sdpMLineIndex: "" }, "candidate", "sdpMid", "sdpMLineIndex"],
    ] as typeof wrong) {
      expectFields(await host.post(at.ice(session), body), ...fields);
    }
    const huge = await post(at.offer(session), {
      token: host.token,
      body: { type: "offer", sdp: "x".repeat(2e5) },
    });
    expectError(huge, huge.status === 413 ? 413 : 400);
    expect(await signals(host, session)).toEqual(before);
  });

  test("may be forms", async () => {
    const { session, host, seeker } = pairs.take();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
    await ok(
      post(at.offer(session), { token: host.token, headers, body: form({ type: "offer", sdp: SDP }) }),
    );
    await ok(
      post(at.ice(session), {
        token: host.token,
        headers,
        body: form({ candidate: text(3), sdpMLineIndex: "0" }),
      }),
    );
    const now = await signals(seeker, session);
    expect([now.offer.sdp, texts(now)]).toEqual([SDP, [text(3)]]);
  });
});

describe("who may", () => {
  let pair: Pair;
  beforeAll(() => void (pair = pairs.take()));
  testAccess(
    [
      { name: "read", method: "GET", path: at.signals },
      { name: "offer", method: "POST", path: at.offer, body: { type: "offer", sdp: "hijack" } },
      { name: "answer", method: "POST", path: at.answer, body: { type: "answer", sdp: "hijack" } },
      { name: "ice", method: "POST", path: at.ice, body: { candidate: "hijack" } },
      { name: "clear", method: "POST", path: at.clear },
    ],
    () => pair,
  );

  test("refused posts change nothing", async () => {
    const { session, host } = pairs.take();
    await ok(offer(host, session));
    const before = await signals(host, session);
    const { token } = pair.host;
    for (const [path, body] of [
      [at.offer, { type: "offer", sdp: "hijack" }],
      [at.answer, { type: "answer", sdp: "hijack" }],
      [at.ice, { candidate: "hijack" }],
      [at.clear, undefined],
    ] as const) {
      expectError(await call("POST", path(session), { token, body }), 403);
    }
    expect(await signals(host, session)).toEqual(before);
  });
});
