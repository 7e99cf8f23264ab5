/** Scheduled calls from the first to join to the end. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, call, eventually, matchLearners } from "../support/client.ts";
import {
  FLAG,
  cohort,
  data,
  initiate,
  liveCall,
  oid,
  openGates,
  refused,
  testAccess,
  told,
} from "./groups.support.ts";
import { plantSessions, sessionOf } from "./my-sessions.support.ts";
import { TIME, at, expectError, liveSessions, recordOf } from "./sessions.support.ts";

const way = (session: string, rest: string) => `/api/communication/call/${session}/${rest}`;
const join = (who: Learner, session: string, body?: unknown) => who.post(way(session, "join"), body);
const end = (who: Learner, session: string) => who.post(way(session, "end"));
const state = (who: Learner, session: string, body: unknown) =>
  call("PUT", way(session, "participant/state"), { token: who.token, body });
const duo = async () => (await cohort(2)) as [Learner, Learner];

/** Live calls of three or more. */
async function groupCall(crew: Learner[]): Promise<string> {
  const participants = crew.map(({ id }) => id);
  const body = { participants, callType: "voice", title: "All of us" };
  const session = data(await crew[0]!.post("/api/communication/call/group/initiate", body), 201).sessionId;
  for (const who of crew) data(await join(who, session));
  return session;
}

const detailsOf = async (who: Learner, session: string) => data(await who.get(at.details(session))).session;
const own = (participants: { id: string }[], who: Learner) => participants.find(({ id }) => id === who.id);

beforeAll(openGates);

describe("join", () => {
  test("makes the call active and has the shape of the contract", async () => {
    const [host, other] = await duo();
    const session = await initiate(host, other, "video");
    const { participants, callSettings, ...rest } = told(
      await join(other, session, { micEnabled: false, cameraEnabled: true }),
    );
    expect(rest).toEqual({
      sessionId: session,
      sessionType: "video_call",
      title: "A call",
      status: "active",
    });
    expect(participants).toHaveLength(2);
    for (const entry of participants) {
      expect(entry).toEqual({
        id: expect.any(String),
        role: entry.id === host.id ? "host" : "participant",
        isActive: true,
        micEnabled: FLAG,
        cameraEnabled: FLAG,
        joinedAt: TIME,
      });
    }
    expect(own(participants, other)).toMatchObject({ micEnabled: false, cameraEnabled: true });
    expect(callSettings).toEqual({
      allowScreenShare: FLAG,
      allowRecording: FLAG,
      allowChat: FLAG,
      muteOnEntry: FLAG,
      videoOnEntry: FLAG,
      allowParticipantMute: FLAG,
      allowParticipantVideo: FLAG,
    });
    for (const who of [host, other]) {
      const { sessions } = data(await who.get("/api/communication/sessions/active"));
      expect(sessions[0]).toMatchObject({ _id: session, status: "active", startedAt: TIME });
    }
    const { startedAt } = await detailsOf(host, session);
    data(await join(host, session));
    expect((await detailsOf(host, session)).startedAt).toBe(startedAt);
  });

  test("without a body has the microphone on, the camera for video only", async () => {
    const [host, other] = await duo();
    for (const [callType, camera] of [
      ["voice", false],
      ["video", true],
    ] as const) {
      const session = await initiate(host, other, callType);
      const { participants } = told(await join(other, session));
      expect(own(participants, other)).toMatchObject({ micEnabled: true, cameraEnabled: camera });
      data(await other.post(at.leave(session)));
    }
  });

  test("can be repeated", async () => {
    const [host, other] = await duo();
    const session = await liveCall(host, other);
    const { participants } = told(await join(other, session, { micEnabled: false }));
    expect(participants).toHaveLength(2);
    expect(own(participants, other)).toMatchObject({ isActive: true, micEnabled: false });
    expect(own((await detailsOf(host, session)).participants, other)).not.toHaveProperty("leftAt");
  });

  test("wants flags", async () => {
    const [host, other] = await duo();
    const session = await initiate(host, other);
    for (const value of ["maybe", {}, [true], null, 7]) {
      for (const key of ["micEnabled", "cameraEnabled"]) {
        expectError(await join(other, session, { [key]: value }), 400);
      }
    }
    expect((await detailsOf(host, session)).status).toBe("scheduled");
  });

  test.for(["completed", "cancelled", "failed", "waiting_for_partner"])(
    "is refused when %s",
    async (status) => {
      const [host, other] = await duo();
      const [session] = await plantSessions(
        sessionOf([host.id, other.id], { sessionType: "voice_call", status, endedAt: undefined }),
      );
      expectError(await join(other, session!), 400);
    },
  );
});

describe("participant/state", () => {
  test("changes what is said, of the caller", async () => {
    const [host, other] = await duo();
    const session = await liveCall(host, other, "video");
    const first = { micEnabled: false, cameraEnabled: false, isSpeaking: true };
    const all = { ...first, audioLevel: 77, videoQuality: "low" };
    expect(told(await state(other, session, all))).toEqual({
      sessionId: session,
      participant: { id: other.id, ...all },
    });
    const answer = await state(other, session, { micEnabled: true });
    expect(told(answer).participant).toEqual({ id: other.id, ...all, micEnabled: true });
    const { participants } = await detailsOf(host, session);
    expect(own(participants, other)).toMatchObject({ micEnabled: true, cameraEnabled: false });
    expect(own(participants, host)).toMatchObject({ micEnabled: true, cameraEnabled: true });
    expect(told(await state(other, session, {})).participant).toMatchObject({
      id: other.id,
      micEnabled: true,
    });
  });

  test("takes values at their limits, and none beyond", async () => {
    const [host, other] = await duo();
    const session = await liveCall(host, other, "video");
    for (const audioLevel of [0, 100, 33.5]) {
      expect(told(await state(other, session, { audioLevel })).participant.audioLevel).toBe(audioLevel);
    }
    for (const body of [
      { audioLevel: -1 },
      { audioLevel: 100.5 },
      { audioLevel: "loud" },
      { audioLevel: { $gt: 0 } },
      { videoQuality: "ultra" },
      { videoQuality: ["low"] },
      { micEnabled: "maybe" },
      { cameraEnabled: {} },
      { isSpeaking: [true] },
    ]) {
      expectError(await state(other, session, body), 400);
    }
    expect(told(await state(other, session, {})).participant.audioLevel).toBe(33.5);
  });

  test("of both at once is kept of both", async () => {
    const [host, other] = await duo();
    const session = await liveCall(host, other, "video");
    const answers = await Promise.all(
      [host, other, host, other, host, other].map((who, n) =>
        state(who, session, n % 3 === 0 ? { micEnabled: false } : { isSpeaking: n % 2 === 0 }),
      ),
    );
    for (const answer of answers) expect(answer.status, answer.text).toBe(200);
    const { participants } = await detailsOf(host, session);
    for (const who of [host, other]) expect(own(participants, who)).toMatchObject({ micEnabled: false });
  });

  test("is refused when the call is over", async () => {
    const [host, other] = await duo();
    const session = await liveCall(host, other);
    data(await other.post(at.leave(session)));
    refused(await state(other, session, { micEnabled: false }), 400, 409);
    const [old] = await plantSessions(sessionOf([host.id, other.id], { sessionType: "voice_call" }));
    refused(await state(other, old!, { micEnabled: false }), 400, 409);
  });
});

describe("end", () => {
  test("by the host is seen by both at once", async () => {
    const [host, other] = await duo();
    const session = await liveCall(host, other);
    expectError(await end(other, session), 403);
    expect(await liveSessions(host)).toEqual([session]);
    const { endedAt, duration, ...rest } = told(await end(host, session));
    expect(rest).toEqual({ sessionId: session, status: "completed" });
    expect(endedAt).toEqual(TIME);
    expect(duration).toBeGreaterThanOrEqual(0);
    for (const who of [host, other]) expect(await liveSessions(who)).toEqual([]);
    await eventually("recorded", async () => (await recordOf(session))?.["status"] === "completed");
    for (const entry of (await recordOf(session))!["participants"]) {
      expect(entry).toMatchObject({
        isActive: false,
        leftAt: new Date(endedAt),
        duration: expect.any(Number),
      });
    }
    for (let n = 0; n < 2; n++) {
      expect(data(await end(host, session))).toEqual({ ...rest, endedAt, duration });
    }
    expect(await detailsOf(other, session)).toMatchObject({ status: "completed", endedAt, duration });
    expectError(await join(other, session), 400);
  });

  test("of a call that nobody joined is the end of it", async () => {
    const [host, other] = await duo();
    const session = await initiate(host, other);
    const { endedAt, ...rest } = told(await end(host, session));
    expect(rest).toEqual({ sessionId: session, status: "completed", duration: 0 });
    expect(endedAt).toEqual(TIME);
    for (const who of [host, other]) expect(await liveSessions(who)).toEqual([]);
  });

  test("of an old one that is over keeps its times", async () => {
    const [host, other] = await duo();
    const document = sessionOf([host.id, other.id], { sessionType: "video_call" });
    const [session] = await plantSessions(document);
    expect(told(await end(host, session!))).toEqual({
      sessionId: session,
      status: "completed",
      duration: 60,
      endedAt: document["endedAt"].toISOString(),
    });
    expect(await recordOf(session!)).toEqual(document);
  });

  test("ends a call that came by matchmaking", async () => {
    const [host, seeker] = await duo();
    const { session } = await matchLearners(host, seeker, "voice_call");
    expectError(await end(seeker, session), 403);
    expect(told(await end(host, session)).status).toBe("completed");
    expect(await liveSessions(seeker)).toEqual([]);
  });
});

describe("leave", () => {
  test("by one of three leaves the others in the call", async () => {
    const crew = await cohort(3);
    const session = await groupCall(crew);
    const answer = await crew[1]!.post(at.leave(session));
    expect(told(answer).sessionId).toBe(session);
    const shown = await detailsOf(crew[0]!, session);
    expect(shown).toMatchObject({ status: "active" });
    expect(shown).not.toHaveProperty("endedAt");
    expect(own(shown.participants, crew[1]!)).toMatchObject({ isActive: false, leftAt: TIME });
    for (const who of [crew[0]!, crew[2]!]) {
      expect(own(shown.participants, who)).toMatchObject({ isActive: true });
    }
    const { participants } = told(await join(crew[1]!, session));
    expect(own(participants, crew[1]!)).toMatchObject({ isActive: true });
    expect(own((await detailsOf(crew[0]!, session)).participants, crew[1]!)).not.toHaveProperty("leftAt");
  });

  test("by all of them ends the call", async () => {
    const crew = await cohort(3);
    const session = await groupCall(crew);
    for (const who of crew) data(await who.post(at.leave(session)));
    expect((await detailsOf(crew[0]!, session)).status).toBe("completed");
  });

  test("ends a group call for all when its host ends it", async () => {
    const crew = await cohort(3);
    const session = await groupCall(crew);
    expectError(await end(crew[2]!, session), 403);
    expect(told(await end(crew[0]!, session)).status).toBe("completed");
    expectError(await join(crew[1]!, session), 400);
  });

  test("by the one who was called declines a scheduled call", async () => {
    const [host, other] = await duo();
    const session = await initiate(host, other);
    const left = told(await other.post(at.leave(session)));
    expect(left).toMatchObject({ sessionId: session, duration: 0 });
    expect(["cancelled", "completed"]).toContain(left.status);
    for (const who of [host, other]) expect(await liveSessions(who)).toEqual([]);
  });
});

describe("who may", () => {
  let target: { id: string; member: Learner };
  beforeAll(async () => {
    const [host, member] = await duo();
    target = { id: await liveCall(host, member), member };
  });
  testAccess(
    [
      { name: "join", path: (id) => way(id, "join") },
      {
        name: "state",
        method: "PUT",
        path: (id) => way(id, "participant/state"),
        body: { micEnabled: true },
      },
      { name: "end", path: (id) => way(id, "end") },
    ],
    () => target,
  );

  test("an admin is no participant", async () => {
    const [boss] = await cohort(1, { role: "admin", region: oid(target.member.region) });
    expectError(await join(boss!, target.id), 403);
    expectError(await state(boss!, target.id, { micEnabled: false }), 403);
    expectError(await end(boss!, target.id), 403);
    expect(await liveSessions(target.member)).toEqual([target.id]);
  });
});
