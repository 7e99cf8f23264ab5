import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, call, eventually } from "../support/client.ts";
import {
  cohort,
  data,
  exactly,
  expectCard,
  initiate,
  liveCall,
  oid,
  openGates,
  refused,
  refusedField,
  told,
} from "./groups.support.ts";
import {
  ACTIVE,
  FIND,
  ID,
  TEXT,
  TIME,
  at,
  expectError,
  liveSessions,
  nobody,
  recordOf,
} from "./sessions.support.ts";

const ONE = "/api/communication/call/initiate";
const MANY = "/api/communication/call/group/initiate";
const duo = async () => (await cohort(2)) as [Learner, Learner];
const wanted = (participants: unknown, fields: object = {}) => ({
  participants,
  callType: "voice",
  title: "A call",
  ...fields,
});
const ids = (...crew: { id: string }[]) => crew.map(({ id }) => id);

beforeAll(openGates);

describe("a scheduled call", () => {
  test.for([
    ["voice", "voice_call"],
    ["video", "video_call"],
  ])("of %s has the shape of the contract", async ([callType, sessionType]) => {
    const [host, other] = await duo();
    const body = wanted(ids(other, host), { callType, title: "  Practice  ", description: "Tonight" });
    const answer = await host.post(ONE, body);
    const { participants, ...rest } = told(answer, 201);
    exactly(rest, {
      sessionId: ID,
      sessionType,
      title: "Practice",
      callType,
      status: "scheduled",
      scheduledAt: TIME,
    });
    expect(participants).toHaveLength(2);
    for (const who of [host, other]) {
      const card = participants.find(({ id }: { id: string }) => id === who.id);
      expectCard(card, who, { role: who === host ? "host" : "participant" });
    }
    expect(answer.text).not.toContain(other.email);

    for (const who of [host, other]) {
      const { sessions } = data(await who.get(ACTIVE));
      expect(sessions).toHaveLength(1);
      expect(sessions[0]).toMatchObject({
        _id: rest.sessionId,
        sessionType,
        title: "Practice",
        status: "scheduled",
        host: { _id: host.id },
        scheduledAt: TIME,
      });
      expect(sessions[0]).not.toHaveProperty("startedAt");
      expect(sessions[0].participants).toHaveLength(2);
    }
    const { session } = data(await other.get(at.details(rest.sessionId)));
    expect(session).toMatchObject({ id: rest.sessionId, status: "scheduled", description: "Tonight" });
    for (const entry of session.participants) {
      const role = entry.id === host.id ? "host" : "participant";
      expect(entry).toMatchObject({ role, isActive: true, micEnabled: true });
      expect(entry.cameraEnabled).toBe(callType === "video");
    }
    await eventually("recorded", async () => (await recordOf(rest.sessionId)) !== null);
    expect(await recordOf(rest.sessionId)).toMatchObject({
      sessionId: expect.stringMatching(new RegExp(`^${callType}_\\d+_`)),
      sessionType,
      host: oid(host.id),
      status: "scheduled",
      callSession: { callType },
    });
  });

  test("wants all its fields", async () => {
    const [host, other] = await duo();
    const both = ids(host, other);
    const OPERATOR = { $ne: null };
    for (const [field, values] of [
      ["participants", [undefined, null, [], "all", OPERATOR, [host.id, "nope"], [host.id, OPERATOR], [7]]],
      ["title", [undefined, null, "", "ab", "  ab ", "t".repeat(101), OPERATOR, ["abc"]]],
      ["description", ["d".repeat(501), OPERATOR]],
    ] as const) {
      for (const value of values) {
        refusedField(await host.post(ONE, { ...wanted(both), [field]: value }), field);
      }
    }
    for (const callType of [undefined, null, "", "audio", "Video", OPERATOR, ["voice"]]) {
      refusedField(await host.post(ONE, { ...wanted(both), callType }), "callType");
    }
    expectError(await host.post(ONE), 400);
    expect(await liveSessions(other)).toEqual([]);
  });

  test("is between exactly two active users, the caller among them", async () => {
    const [host, other] = await duo();
    const [third] = await cohort(1, { region: oid(host.region) });
    const [inactive] = await cohort(1, { region: oid(host.region), isActive: false });
    for (const participants of [
      ids(host),
      ids(host, host),
      ids(host, other, third!),
      ids(other, third!, inactive!),
      ids(host, inactive!),
      // Who is not there comes before who is not among them.
      ids(other, inactive!),
      [host.id, nobody()],
      [other.id, nobody()],
    ]) {
      expectError(await host.post(ONE, wanted(participants)), 400);
    }
    expectError(await host.post(ONE, wanted(ids(other, third!))), 403);
    for (const who of [host, other, third!]) expect(await liveSessions(who)).toEqual([]);
  });

  test("is not for strangers of other regions", async () => {
    const [host] = await duo();
    const [stranger] = await cohort(1);
    refused(await host.post(ONE, wanted(ids(host, stranger!))), 400, 403);
    expect(await liveSessions(stranger!)).toEqual([]);
    const matched = await stranger!.post(FIND, { sessionType: "chat" });
    expect(matched.status, matched.text).toBe(200);
  });

  test("does not pile up on the other one", async () => {
    const [host, other] = await duo();
    await initiate(host, other);
    for (let n = 0; n < 3; n++) {
      expect((await host.post(ONE, wanted(ids(host, other)))).status).toBeLessThan(500);
    }
    expect(await liveSessions(other)).toHaveLength(1);
  });

  test("is refused while the two are in one", async () => {
    const [host, other] = await duo();
    const session = await liveCall(host, other);
    for (const who of [host, other]) {
      expectError(await who.post(ONE, wanted(ids(host, other))), 400);
    }
    data(await host.post(at.leave(session)));
    await initiate(other, host);
  });

  test("needs a token", async () => {
    const [host, other] = await duo();
    for (const path of [ONE, MANY]) {
      expectError(await call("POST", path, { body: wanted(ids(host, other)) }), 401, "Access token required");
    }
  });
});

describe("a scheduled group call", () => {
  test.for([
    ["voice", "group_voice_call", "group_voice"],
    ["video", "group_video_call", "group_video"],
  ])("of %s has the shape of the contract", async ([callType, sessionType, prefix]) => {
    const crew = await cohort(4);
    const answer = await crew[0]!.post(MANY, wanted(ids(...crew), { callType }));
    const { participants, ...rest } = told(answer, 201);
    exactly(rest, {
      sessionId: ID,
      sessionType,
      title: "A call",
      callType,
      isGroupCall: true,
      maxParticipants: 20,
      status: "scheduled",
      scheduledAt: TIME,
    });
    expect(participants).toHaveLength(4);
    for (const who of crew) {
      const card = participants.find(({ id }: { id: string }) => id === who.id);
      expectCard(card, who, { role: who === crew[0] ? "host" : "participant" });
    }
    for (const who of crew.slice(1)) expect(answer.text).not.toContain(who.email);
    // Group calls are none of the 1:1 sessions.
    for (const who of crew) expect(await liveSessions(who)).toEqual([]);
    const joined = told(await crew[1]!.post(`/api/communication/call/${rest.sessionId}/join`));
    expect(joined).toMatchObject({
      sessionType,
      status: "active",
      callSettings: { muteOnEntry: true, videoOnEntry: callType === "video" },
    });
    await eventually("recorded", async () => (await recordOf(rest.sessionId)) !== null);
    expect(await recordOf(rest.sessionId)).toMatchObject({
      sessionId: expect.stringMatching(new RegExp(`^${prefix}_\\d+_`)),
      sessionType,
      callSession: { callType, isGroupCall: true, maxParticipants: 20 },
    });
  });

  test("takes a number as text, and answers with a number", async () => {
    const crew = await cohort(3);
    const body = wanted(ids(...crew), { maxParticipants: "3" });
    expect(told(await crew[0]!.post(MANY, body), 201).maxParticipants).toBe(3);
  });

  test("wants all its fields", async () => {
    const crew = await cohort(3);
    const [host] = crew as [Learner];
    const OPERATOR = { $ne: null };
    for (const [field, values] of [
      ["participants", [undefined, null, [], ids(host), "all", OPERATOR, [host.id, "nope", "no"]]],
      ["title", [undefined, "ab", "t".repeat(101), OPERATOR]],
      ["callType", [undefined, null, "", "audio", OPERATOR]],
      ["maxParticipants", [1, 51, 2.5, "many", OPERATOR]],
    ] as const) {
      for (const value of values) {
        refusedField(await host.post(MANY, { ...wanted(ids(...crew)), [field]: value }), field);
      }
    }
  });

  test("has room for all, who are active users, the caller among them", async () => {
    const crew = await cohort(4);
    const host = crew[0]!;
    const [inactive] = await cohort(1, { region: oid(host.region), isActive: false });
    const all = ids(...crew);
    for (const body of [
      wanted(all, { maxParticipants: 3 }),
      wanted([...all, crew[1]!.id]),
      wanted([...all, inactive!.id]),
      wanted([...all, nobody()]),
    ]) {
      expectError(await host.post(MANY, body), 400);
    }
    expectError(await host.post(MANY, wanted(ids(...crew.slice(1)))), 403);
    expect(told(await host.post(MANY, wanted(all, { maxParticipants: 4 })), 201).title).toEqual(TEXT);
  });
});
