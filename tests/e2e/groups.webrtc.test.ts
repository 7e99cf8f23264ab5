/** Signaling in a group: one negotiation a pair, behind two sets of routes. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Learner, call } from "../support/client.ts";
import {
  at,
  cohort,
  createGroup,
  data,
  plantGroup,
  refused,
  running,
  startedGroup,
  testAccess,
} from "./groups.support.ts";
import { ID, NO_SIGNALS, NO_STORE, TEXT, TIME, expectError, nobody } from "./sessions.support.ts";

const SDP = "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\n";

/** The routes that the app's wrappers know, and the second set. */
const communication = {
  name: "communication/group",
  base: (id: string) => `/api/communication/group/${id}/webrtc`,
  describe: (type: "offer" | "answer", sdp: string, to?: string): object => ({ type, sdp, to }),
  ice: (candidate: unknown, to?: string): object => ({ candidate, sdpMid: "0", sdpMLineIndex: 0, to }),
};
const groups: typeof communication = {
  name: "groups",
  base: (id) => `/api/groups/${id}/webrtc`,
  describe: (type, sdp, targetUserId) => ({ [type]: { type, sdp }, targetUserId }),
  ice: (candidate, targetUserId) => ({ candidate, targetUserId }),
};
const sets = [communication, groups];

function accepted(answer: Answer): void {
  expect(answer.status, answer.text).toBe(200);
  expect(answer.body.success).toBe(true);
}

const send = (way: typeof communication, kind: "offer" | "answer", who: Learner, id: string) => ({
  to: async (whom?: Learner, sdp = SDP) =>
    who.post(`${way.base(id)}/${kind}`, way.describe(kind, sdp, whom?.id)),
});
const ice = (way: typeof communication, who: Learner, id: string, candidate: unknown, to?: Learner) =>
  who.post(`${way.base(id)}/ice`, way.ice(candidate, to?.id));

/** What somebody sees; both sets must show the same. */
async function signals(who: Learner, id: string) {
  const [first, second] = [
    await who.get(`${communication.base(id)}?_=${Date.now()}`),
    await who.get(groups.base(id)),
  ];
  for (const answer of [first, second]) {
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ success: true, data: { signaling: expect.any(Object) } });
    expect(answer.body.data.signaling.iceCandidates).toEqual(expect.any(Array));
  }
  expect(second.body.data).toEqual(first.body.data);
  const { offer = {}, answer = {}, iceCandidates } = first.body.data.signaling;
  return { offer, answer, iceCandidates };
}

const candidates = (shown: { iceCandidates: { candidate: string }[] }) =>
  shown.iceCandidates.map(({ candidate }) => candidate);

/** Members in the order of their ids: of each pair, the earlier one offers. */
async function mesh(many: number): Promise<{ id: string; crew: Learner[] }> {
  const crew = (await cohort(many)).sort((a, b) => (a.id < b.id ? -1 : 1));
  return { id: await plantGroup(crew, running()), crew };
}

async function trio() {
  const { id, crew } = await mesh(3);
  const [a, b, c] = crew as [Learner, Learner, Learner];
  return { id, a, b, c };
}

test("a new group has empty slots, which are never cached", async () => {
  const crew = await cohort(3);
  const id = await startedGroup(crew[0]!, crew.slice(1), "video");
  for (const who of crew) expect(await signals(who, id)).toEqual(NO_SIGNALS);
  for (const { base } of sets) {
    expect((await crew[0]!.get(base(id))).headers.get("cache-control")).toBe(NO_STORE);
  }
});

describe.for(sets)("$name", (way) => {
  const other = way === groups ? communication : groups;

  test("an offer reaches its addressee only, and so does the answer", async () => {
    const { id, a, b, c } = await trio();
    const offered = await send(way, "offer", a, id).to(b);
    accepted(offered);
    if (way === groups) expect(offered.body).toEqual({ success: true, message: TEXT });
    else expect(offered.body).toEqual({ success: true });
    expect(await signals(b, id)).toEqual({
      offer: expect.objectContaining({ from: a.id, type: "offer", sdp: SDP, createdAt: TIME }),
      answer: {},
      iceCandidates: [],
    });
    for (const who of [a, c]) expect(await signals(who, id)).toEqual(NO_SIGNALS);
    // The peer may use the other set.
    accepted(await send(other, "answer", b, id).to(a, "v=0\r\nanswer\r\n"));
    expect(await signals(a, id)).toEqual({
      offer: {},
      answer: expect.objectContaining({
        from: b.id,
        type: "answer",
        sdp: "v=0\r\nanswer\r\n",
        createdAt: TIME,
      }),
      iceCandidates: [],
    });
    expect(await signals(c, id)).toEqual(NO_SIGNALS);
  });

  test("candidates reach their addressee only, byte for byte", async () => {
    const { id, a, b, c } = await trio();
    const text = '{ "candidate":"candidate:1 नमस्ते",\t"sdpMLineIndex":0, "sdpMid":"0" }';
    accepted(await ice(way, a, id, text, b));
    accepted(await ice(other, c, id, "candidate:from-c", b));
    accepted(await ice(way, b, id, "candidate:from-b", c));
    const { iceCandidates } = await signals(b, id);
    expect(iceCandidates).toEqual([
      expect.objectContaining({ _id: ID, from: a.id, candidate: text, createdAt: TIME }),
      expect.objectContaining({ _id: ID, from: c.id, candidate: "candidate:from-c", createdAt: TIME }),
    ]);
    expect(candidates(await signals(c, id))).toEqual(["candidate:from-b"]);
    expect(await signals(a, id)).toEqual(NO_SIGNALS);
  });

  test("without an addressee, it is the only other member", async () => {
    const { id, crew } = await mesh(2);
    const [a, b] = crew as [Learner, Learner];
    accepted(await send(way, "offer", a, id).to());
    accepted(await ice(way, a, id, "candidate:1"));
    accepted(await send(way, "answer", b, id).to());
    expect(await signals(b, id)).toMatchObject({ offer: { from: a.id, sdp: SDP }, answer: {} });
    expect(candidates(await signals(b, id))).toEqual(["candidate:1"]);
    expect(await signals(a, id)).toMatchObject({ offer: {}, answer: { from: b.id }, iceCandidates: [] });
  });

  test("without an addressee among more, it is refused", async () => {
    const { id, a, b, c } = await trio();
    expectError(await send(way, "offer", a, id).to(), 400);
    expectError(await send(way, "answer", b, id).to(), 400);
    expectError(await ice(way, c, id, "candidate:1"), 400);
    for (const who of [a, b, c]) expect(await signals(who, id)).toEqual(NO_SIGNALS);
  });

  test("the addressee must be another member", async () => {
    const { id, a, b, c } = await trio();
    const [stranger] = await cohort(1);
    for (const whom of [a.id, stranger!.id, nobody(), "nope", { $ne: "" }, [b.id]]) {
      const path = way.base(id);
      for (const [kind, body] of [
        ["offer", way.describe("offer", SDP, whom as string)],
        ["answer", way.describe("answer", SDP, whom as string)],
        ["ice", way.ice("candidate:1", whom as string)],
      ] as const) {
        refused(await a.post(`${path}/${kind}`, body), 400, 403, 404, 409);
      }
    }
    for (const who of [a, b, c]) expect(await signals(who, id)).toEqual(NO_SIGNALS);
  });

  test("a newer offer of a pair replaces the older, with its answer", async () => {
    const { id, a, b, c } = await trio();
    accepted(await send(way, "offer", a, id).to(c, "a to c"));
    accepted(await send(way, "answer", c, id).to(a, "c to a"));
    accepted(await send(way, "offer", a, id).to(b, "first"));
    accepted(await send(way, "answer", b, id).to(a, "to the first"));
    expect((await signals(a, id)).answer).toMatchObject({ from: b.id, sdp: "to the first" });
    accepted(await send(way, "offer", a, id).to(b, "second"));
    expect((await signals(b, id)).offer.sdp).toBe("second");
    expect((await signals(a, id)).answer.sdp).not.toBe("to the first");
    expect((await signals(c, id)).offer.sdp).toBe("a to c");
    accepted(await send(way, "answer", b, id).to(a, "to the second"));
    expect((await signals(a, id)).answer).toMatchObject({ from: b.id, sdp: "to the second" });
  });

  test("of several offers the newest is shown", async () => {
    const { id, a, b, c } = await trio();
    accepted(await send(way, "offer", a, id).to(c, "from a"));
    accepted(await send(way, "offer", b, id).to(c, "from b"));
    expect((await signals(c, id)).offer).toMatchObject({ from: b.id, sdp: "from b" });
  });

  test("clear takes away what the caller sent, and nothing of others", async () => {
    const { id, a, b, c } = await trio();
    accepted(await send(way, "offer", a, id).to(b));
    accepted(await ice(way, a, id, "candidate:from-a", b));
    accepted(await ice(way, c, id, "candidate:from-c", b));
    accepted(await send(way, "offer", b, id).to(c, "b to c"));
    const cleared = await a.post(`${way.base(id)}/clear`);
    accepted(cleared);
    expect(cleared.body).toEqual(way === groups ? { success: true, message: TEXT } : { success: true });
    const shown = await signals(b, id);
    expect(shown.offer).toEqual({});
    expect(candidates(shown)).toEqual(["candidate:from-c"]);
    expect((await signals(c, id)).offer).toMatchObject({ from: b.id, sdp: "b to c" });
  });

  test("wrong bodies are refused", async () => {
    const { id, a, b } = await trio();
    const path = way.base(id);
    const described = way.describe("offer", SDP, b.id);
    for (const [kind, body] of [
      ["offer", undefined],
      ["offer", {}],
      ["offer", way.describe("offer", "", b.id)],
      ["offer", way.describe("offer", null as never, b.id)],
      ["offer", way.describe("offer", { $ne: "" } as never, b.id)],
      ["offer", way.describe("offer", "x".repeat(65_537), b.id)],
      ["offer", way === groups ? { ...described, offer: "v=0" } : { ...described, type: "rollback" }],
      ["answer", {}],
      ["answer", way.describe("answer", 5 as never, b.id)],
      ["ice", undefined],
      ["ice", {}],
      ["ice", way.ice("", b.id)],
      ["ice", way.ice(null, b.id)],
      ["ice", way.ice(7, b.id)],
      ["ice", way.ice("c".repeat(2049), b.id)],
    ] as const) {
      expectError(await a.post(`${path}/${kind}`, body), 400);
    }
    expect(await signals(b, id)).toEqual(NO_SIGNALS);
  });

  test.for(["end", "leave"] as const)("all is gone after the %s, and nothing comes in", async (how) => {
    const { id, a, b, c } = await trio();
    accepted(await send(way, "offer", a, id).to(b));
    accepted(await ice(way, a, id, "candidate:1", b));
    data(await a.post(at[how](id)));
    for (const who of [a, b, c]) expect(await signals(who, id)).toEqual(NO_SIGNALS);
    refused(await send(way, "offer", b, id).to(c), 400, 403, 409);
    refused(await send(way, "answer", b, id).to(a), 400, 403, 409);
    refused(await ice(way, b, id, "candidate:2", c), 400, 403, 409);
    for (const who of [a, b, c]) expect(await signals(who, id)).toEqual(NO_SIGNALS);
  });

  test("who left sees nothing and sends nothing", async () => {
    const { id, a, b, c } = await trio();
    data(await c.post(at.leave(id)));
    expectError(await c.get(way.base(id)), 403);
    expectError(await send(way, "offer", c, id).to(a), 403);
    refused(await send(way, "offer", a, id).to(c), 400, 403, 404, 409);
    // Two are left: no addressee is needed any more.
    accepted(await send(way, "offer", a, id).to());
    expect((await signals(b, id)).offer).toMatchObject({ from: a.id });
  });
});

test("a candidate may be an object in the second set", async () => {
  const { id, a, b } = await trio();
  const candidate = { candidate: "candidate:1 1 udp", sdpMid: "0", sdpMLineIndex: 0 };
  const answer = await ice(groups, a, id, candidate, b);
  // Text is what clients read; refusing is clear, too.
  if (answer.status !== 200) return refused(answer, 400);
  const [shown] = candidates(await signals(b, id));
  expect(JSON.parse(shown!)).toMatchObject(candidate);
});

test("candidates of many at once all arrive", async () => {
  const { id, crew } = await mesh(4);
  const target = crew[0]!;
  const sent = crew
    .slice(1)
    .flatMap((who, n) => [0, 1, 2, 3].map((k) => [who, `candidate:${n}-${k}`] as const));
  const answers = await Promise.all(
    sent.map(([who, text], n) => ice(n % 2 ? groups : communication, who, id, text, target)),
  );
  answers.forEach(accepted);
  const shown = candidates(await signals(target, id));
  expect(shown.sort()).toEqual(sent.map(([, text]) => text).sort());
});

describe("who may", () => {
  let member: Learner, outsider: Learner;
  let id: string;
  beforeAll(async () => {
    const crew = await cohort(3);
    [member, outsider] = [crew[1]!, crew[2]!];
    id = await plantGroup(crew.slice(0, 2), running());
  });
  for (const way of sets) {
    const path = (rest: string) => (of: string) => `${way.base(of)}${rest}`;
    testAccess(
      [
        { name: `${way.name} read`, method: "GET", path: path("") },
        { name: `${way.name} offer`, path: path("/offer"), body: way.describe("offer", "hijack") },
        { name: `${way.name} answer`, path: path("/answer"), body: way.describe("answer", "hijack") },
        { name: `${way.name} ice`, path: path("/ice"), body: way.ice("hijack") },
        { name: `${way.name} clear`, path: path("/clear") },
      ],
      () => ({ id, member }),
    );

    test(`${way.name} is closed to neighbours of the region`, async () => {
      for (const [method, rest, body] of [
        ["GET", "", undefined],
        ["POST", "/offer", way.describe("offer", SDP)],
        ["POST", "/ice", way.ice("candidate:1")],
        ["POST", "/clear", undefined],
      ] as const) {
        expectError(await call(method, way.base(id) + rest, { token: outsider.token, body }), 403);
      }
      expect(await signals(member, id)).toEqual(NO_SIGNALS);
    });
  }

  test("a group that waits has the routes, too", async () => {
    const crew = await cohort(2);
    const { id: waiting } = await createGroup(crew[0]!, [crew[1]!]);
    for (const who of crew) expect(await signals(who, waiting)).toEqual(NO_SIGNALS);
  });
});
