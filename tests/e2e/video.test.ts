/** From a voice call to a video call. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Learner, eventually, setFeature } from "../support/client.ts";
import { cohort, data, initiate, liveCall, openGates, refused, testAccess, told } from "./groups.support.ts";
import { plantSessions, sessionOf } from "./my-sessions.support.ts";
import { ACTIVE, FIND, NO_STORE, TIME, at, expectError, recordOf } from "./sessions.support.ts";

const way = (session: string, rest: string) => `/api/communication/session/${session}/${rest}`;
const ask = (who: Learner, session: string) => who.post(way(session, "request-video"));
const respond = (who: Learner, session: string, accept: unknown) =>
  who.post(way(session, "respond-video"), { accept });
const check = (who: Learner, session: string) => who.get(`${way(session, "video-request")}?_=${Date.now()}`);
const duo = async () => (await cohort(2)) as [Learner, Learner];
const NONE = { hasPendingRequest: false, request: null };

const typeOf = async (who: Learner) => data(await who.get(ACTIVE)).sessions[0].sessionType;

async function asked(): Promise<{ session: string; host: Learner; other: Learner }> {
  const [host, other] = await duo();
  const session = await liveCall(host, other);
  told(await ask(host, session));
  return { session, host, other };
}

function expectGated(answer: Answer): void {
  expectError(answer, 403);
  expect(answer.body.code).toBe("SUBSCRIPTION_REQUIRED");
}

beforeAll(openGates);
afterAll(openGates);

describe("a request", () => {
  test("is seen by the addressee only, and never cached", async () => {
    const [host, other] = await duo();
    const session = await liveCall(host, other);
    for (const who of [host, other]) expect(data(await check(who, session))).toMatchObject(NONE);
    const answer = await ask(other, session);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ success: true, message: expect.stringMatching(/\S/) });
    const seen = await check(host, session);
    expect(data(seen)).toMatchObject({
      hasPendingRequest: true,
      request: { from: other.id, requestedAt: TIME },
    });
    expect(Object.keys(seen.body.data.request).sort()).toEqual(["from", "requestedAt"]);
    expect(seen.headers.get("cache-control")).toBe(NO_STORE);
    expect(data(await check(other, session))).toMatchObject(NONE);
    expect(await typeOf(host)).toBe("voice_call");
  });

  test("can be made again, but not over that of the other side", async () => {
    const { session, host, other } = await asked();
    expect((await ask(host, session)).status).toBe(200);
    expect((await ask(other, session)).status).toBeLessThan(500);
    const { request } = data(await check(other, session));
    expect(request.from).toBe(host.id);
    told(await respond(other, session, true));
  });

  test("is for running voice calls", async () => {
    const [host, other] = await duo();
    const scheduled = await initiate(host, other);
    refused(await ask(host, scheduled), 400, 409);
    data(await host.post(at.leave(scheduled)));
    refused(await ask(host, scheduled), 400, 409);
    const video = await liveCall(host, other, "video");
    refused(await ask(host, video), 400, 409);
    data(await host.post(at.leave(video)));
    await host.post(FIND, { sessionType: "chat" });
    const chat = data(await other.post(FIND, { sessionType: "chat" })).session.id;
    refused(await ask(host, chat), 400, 409);
    await host.post(at.leave(chat));
    const [old] = await plantSessions(sessionOf([host.id, other.id], { sessionType: "voice_call" }));
    refused(await ask(host, old!), 400, 409);
  });

  test("goes with the call", async () => {
    const { session, host, other } = await asked();
    data(await host.post(at.leave(session)));
    expect(data(await check(other, session))).toMatchObject(NONE);
    refused(await respond(other, session, true), 400, 409);
  });

  test("of a session of the old server is none: it has only the defaults of one", async () => {
    const [host, other] = await duo();
    const [session] = await plantSessions(sessionOf([host.id, other.id], { sessionType: "voice_call" }));
    for (const who of [host, other]) expect(data(await check(who, session!))).toMatchObject(NONE);
    refused(await respond(other, session!, true), 400, 409);
  });
});

describe("an answer", () => {
  test("that accepts makes it a video call, for both at once", async () => {
    const { session, host, other } = await asked();
    const answer = await respond(other, session, true);
    told(answer);
    expect(answer.body.data).toEqual({ upgraded: true, sessionType: "video_call" });
    for (const who of [host, other]) {
      expect(await typeOf(who)).toBe("video_call");
      expect(data(await check(who, session))).toMatchObject(NONE);
      const shown = data(await who.get(at.details(session))).session;
      expect(shown).toMatchObject({
        sessionType: "video_call",
        status: "active",
        callSession: { callType: "video" },
      });
      for (const entry of shown.participants) expect(entry.cameraEnabled).toBe(true);
    }
    await eventually("recorded", async () => (await recordOf(session))?.["sessionType"] === "video_call");
    expect(await recordOf(session)).toMatchObject({ callSession: { callType: "video" } });
  });

  test("that refuses changes nothing but the request", async () => {
    const { session, host, other } = await asked();
    expect(told(await respond(other, session, false))).toEqual({
      upgraded: false,
      sessionType: "voice_call",
    });
    for (const who of [host, other]) {
      expect(await typeOf(who)).toBe("voice_call");
      expect(data(await check(who, session))).toMatchObject(NONE);
    }
    expectError(await respond(other, session, true), 400);
    told(await ask(other, session));
    expect(told(await respond(host, session, true)).upgraded).toBe(true);
  });

  test("needs a request to the one who answers", async () => {
    const [host, other] = await duo();
    const session = await liveCall(host, other);
    for (const who of [host, other]) expectError(await respond(who, session, true), 400);
    told(await ask(host, session));
    expectError(await respond(host, session, true), 400);
    expect(data(await check(other, session)).hasPendingRequest).toBe(true);
    expect(await typeOf(host)).toBe("voice_call");
  });

  test("says yes or no", async () => {
    const { session, other } = await asked();
    for (const accept of [undefined, null, "", "maybe", {}, [true], 7]) {
      expectError(await respond(other, session, accept), 400);
    }
    expectError(await other.post(way(session, "respond-video")), 400);
    expect(data(await check(other, session)).hasPendingRequest).toBe(true);
    expect(await typeOf(other)).toBe("voice_call");
  });

  test("twice at once is taken once", async () => {
    const { session, other } = await asked();
    const answers = await Promise.all([respond(other, session, true), respond(other, session, true)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(await typeOf(other)).toBe("video_call");
  });

  test("lets the two negotiate again", async () => {
    const { session, host, other } = await asked();
    data(await host.post(at.offer(session), { type: "offer", sdp: "voice" }));
    data(await other.post(at.answer(session), { type: "answer", sdp: "voice answer" }));
    told(await respond(other, session, true));
    data(await other.post(at.offer(session), { type: "offer", sdp: "video" }));
    const { signaling } = data(await host.get(at.signals(session)));
    expect(signaling.offer).toMatchObject({ from: other.id, sdp: "video" });
    expect(signaling.answer).toEqual({});
    data(await host.post(at.answer(session), { type: "answer", sdp: "video answer" }));
  });
});

describe("who may", () => {
  let target: { id: string; member: Learner };
  beforeAll(async () => {
    const { session, other } = await asked();
    target = { id: session, member: other };
  });
  testAccess(
    [
      { name: "request-video", path: (id) => way(id, "request-video") },
      {
        name: "respond-video",
        path: (id) => way(id, "respond-video"),
        body: { accept: true },
        stranger: [400, 403],
      },
      { name: "video-request", method: "GET", path: (id) => way(id, "video-request") },
    ],
    () => target,
  );

  test("the request is still there", async () => {
    expect(data(await check(target.member, target.id)).hasPendingRequest).toBe(true);
  });
});

test("the gate of video calls holds for both sides", async () => {
  const { session, other } = await asked();
  const [host, third] = await duo();
  const quiet = await liveCall(host, third);
  await setFeature("video_calls", true, true);
  const gated = async () => {
    const body = { callType: "video" };
    return (await host.post("/api/communication/call/initiate", body)).status === 403;
  };
  await eventually("nobody can ask any more", gated, 20);
  expectGated(await ask(host, quiet));
  expectGated(await respond(other, session, true));
  expect(await typeOf(other)).toBe("voice_call");
  expect(data(await check(third, quiet)).hasPendingRequest).toBe(false);
}, 60_000);
