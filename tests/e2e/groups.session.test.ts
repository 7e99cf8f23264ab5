import { describe, expect, test } from "vitest";
import type { Learner } from "../support/client.ts";
import {
  ago,
  at,
  cohort,
  createGroup,
  data,
  membersOf,
  oid,
  plantGroup,
  poll,
  refused,
  running,
  startedGroup,
  told,
} from "./groups.support.ts";
import { TIME, expectError, nobody } from "./sessions.support.ts";

const start = (who: Learner, id: string, sessionType: unknown = "chat") =>
  who.post(at.start(id), { sessionType });
const trio = async () => (await cohort(3)) as [Learner, Learner, Learner];

describe("start", () => {
  test.for(["chat", "voice", "video"])("of %s is seen by all at once", async (sessionType) => {
    const [host, ...members] = await trio();
    const { id } = await createGroup(host, members);
    const before = Date.now();
    const answer = await start(host, id, sessionType);
    const { startedAt } = told(answer);
    expect(answer.body.data).toEqual({ groupId: id, sessionType, status: "active", startedAt: TIME });
    expect(Math.abs(Date.parse(startedAt) - before)).toBeLessThan(5000);
    for (const who of [host, ...members]) {
      const { status, groupSession } = await poll(who, id);
      expect(status).toBe("active");
      expect(groupSession).toMatchObject({ isActive: true, sessionType, startedAt });
      expect(groupSession).not.toHaveProperty("endedAt");
      const { groups } = data(await who.get(at.mine));
      expect(groups[0]).toMatchObject({ id, status: "active", groupSession: { isActive: true } });
    }
  });

  test("needs the host", async () => {
    const crew = await trio();
    const { id } = await createGroup(crew[0], crew.slice(1));
    expectError(await start(crew[1], id), 403);
    expect((await poll(crew[0], id)).status).toBe("waiting");
  });

  test("checks the kind, then the group, then the host, then the number", async () => {
    const [host, member, outsider] = await trio();
    const id = await plantGroup([host, member]);
    for (const kind of [null, "", "audio", "Chat", { $ne: "" }, ["chat"], 5]) {
      expectError(await start(outsider, nobody(), kind), 400);
    }
    expectError(await start(outsider, nobody()), 404);
    expectError(await start(outsider, id), 403);
    expectError(await start(member, id), 403);
    expectError(await start(host, id), 400);
    expectError(await host.post(at.start(id)), 400);
    expect((await poll(member, id)).status).toBe("waiting");
  });

  test.for([
    [2, 2],
    [3, 3],
    [4, 3],
    [5, 3],
    [6, 4],
    [10, 4],
    [11, 5],
    [50, 5],
  ] as const)("of a group for %i needs %i people", async ([maxParticipants, least]) => {
    const crew = await cohort(least + 1);
    const host = crew[0]!;
    const few = await plantGroup(crew.slice(0, least - 1), { maxParticipants });
    expectError(await start(host, few), 400);
    expect(await poll(host, few)).toMatchObject({ status: "waiting", groupSession: { isActive: false } });
    const enough = await plantGroup(crew.slice(0, least), { maxParticipants });
    data(await start(host, enough));
  });

  test("is for groups that wait or are ready", async () => {
    const crew = await trio();
    const ready = await plantGroup(crew, { status: "ready" });
    data(await start(crew[0], ready));
    expect((await poll(crew[1], ready)).status).toBe("active");
    const startedAt = ago(50);
    for (const status of ["active", "completed", "disbanded"]) {
      const ended = status === "active" ? {} : { endedAt: ago(20), duration: 30 };
      const groupSession = { isActive: status === "active", startedAt, ...ended };
      const id = await plantGroup(crew, { status, groupSession });
      refused(await start(crew[0], id, "video"), 400, 409);
      const shown = await poll(crew[1], id);
      expect(shown.status, status).toBe(status);
      expect(shown.groupSession).toMatchObject({
        isActive: status === "active",
        sessionType: "chat",
        startedAt: startedAt.toISOString(),
        ...(status === "active" ? {} : { duration: 30 }),
      });
    }
  });

  test.for([
    ["chat", "allowChat"],
    ["voice", "allowVoice"],
    ["video", "allowVideo"],
  ])("of %s needs %s", async ([kind, setting]) => {
    const crew = await trio();
    const all = { allowVideo: true, allowVoice: true, allowChat: true };
    const id = await plantGroup(crew, { settings: { ...all, [setting!]: false } });
    refused(await start(crew[0], id, kind), 400, 403, 409);
    expect((await poll(crew[0], id)).status).toBe("waiting");
  });

  test("many times at once starts once", async () => {
    const crew = await trio();
    const { id } = await createGroup(crew[0], crew.slice(1));
    const answers = await Promise.all(Array.from({ length: 4 }, () => start(crew[0], id)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers) expect([200, 400, 409]).toContain(answer.status);
    const { data: won } = answers.find(({ status }) => status === 200)!.body;
    expect((await poll(crew[1], id)).groupSession.startedAt).toBe(won.startedAt);
  });
});

describe("end-session", () => {
  test("is seen by all at once, with its times", async () => {
    const crew = await trio();
    const id = await plantGroup(crew, running(90));
    const answer = await crew[0].post(at.end(id));
    const { endedAt, duration } = told(answer);
    expect(answer.body.data).toEqual({ groupId: id, duration: expect.any(Number), endedAt: TIME });
    expect(duration).toBeGreaterThanOrEqual(89);
    expect(duration).toBeLessThan(100);
    expect(Number.isInteger(duration)).toBe(true);
    for (const who of crew) {
      const shown = await poll(who, id);
      expect(shown).toMatchObject({ status: "completed", host: { name: expect.stringMatching(/\S/) } });
      expect(shown.groupSession).toMatchObject({ isActive: false, endedAt, duration });
      expect(membersOf(shown)).toEqual(crew.map((one) => one.id));
      expect(data(await who.get(at.mine)).groups).toEqual([]);
    }
  });

  test("can be repeated without any effect", async () => {
    const crew = await trio();
    const id = await startedGroup(crew[0], crew.slice(1));
    const first = await crew[0].post(at.end(id));
    data(first);
    for (let n = 0; n < 2; n++) {
      const again = await crew[0].post(at.end(id));
      expect(data(again)).toEqual(first.body.data);
    }
    const { endedAt, duration } = (await poll(crew[1], id)).groupSession;
    expect({ endedAt, duration }).toEqual({
      endedAt: first.body.data.endedAt,
      duration: first.body.data.duration,
    });
  });

  test("of an old group that is over keeps its times", async () => {
    const crew = await trio();
    const endedAt = new Date("2024-05-01T10:00:00.000Z");
    const id = await plantGroup(crew, {
      status: "completed",
      groupSession: {
        isActive: false,
        startedAt: new Date("2024-05-01T09:59:00.000Z"),
        endedAt,
        duration: 60,
      },
    });
    const kept = { endedAt: endedAt.toISOString(), duration: 60 };
    expect(data(await crew[0].post(at.end(id)))).toEqual({ groupId: id, ...kept });
    expect((await poll(crew[1], id)).groupSession).toMatchObject(kept);
  });

  test("of a group that never started has no length", async () => {
    const crew = await trio();
    const { id } = await createGroup(crew[0], crew.slice(1));
    expect(data(await crew[0].post(at.end(id)))).toEqual({ groupId: id, duration: 0, endedAt: TIME });
    const shown = await poll(crew[1], id);
    expect(shown).toMatchObject({ status: "completed", groupSession: { isActive: false } });
  });

  test("needs the host", async () => {
    const crew = await trio();
    const id = await startedGroup(crew[0], crew.slice(1));
    expectError(await crew[1].post(at.end(id)), 403);
    expect(await poll(crew[0], id)).toMatchObject({ status: "active", groupSession: { isActive: true } });
  });

  test("frees all for the next one", async () => {
    const crew = await trio();
    const id = await startedGroup(crew[0], crew.slice(1));
    data(await crew[0].post(at.end(id)));
    const next = await startedGroup(crew[1], [crew[0], crew[2]]);
    expect(membersOf(await poll(crew[2], next))).toEqual([crew[1].id, crew[0].id, crew[2].id]);
    expect((await poll(crew[2], id)).status).toBe("completed");
  });
});

describe("leave", () => {
  test("of a member takes him out, and the others go on", async () => {
    const crew = await trio();
    const id = await startedGroup(crew[0], crew.slice(1), "voice");
    const answer = await crew[1].post(at.leave(id));
    told(answer);
    expect(answer.body.data).toEqual({ groupId: id, status: "active", wasHost: false });
    const shown = await poll(crew[2], id);
    expect(membersOf(shown)).toEqual([crew[0].id, crew[2].id]);
    expect(shown).toMatchObject({
      status: "active",
      groupSession: { isActive: true, currentParticipants: 2 },
    });
    expect(data(await crew[1].get(at.mine)).groups).toEqual([]);
    expectError(await crew[1].post(at.leave(id)), 403);
    expectError(await crew[1].get(at.lines(id)), 403);
    expectError(await crew[1].post(at.say(id), { message: "still here" }), 403);
  });

  test("of a member of a waiting group makes room", async () => {
    const crew = await trio();
    const { id } = await createGroup(crew[0], [crew[1]], { maxParticipants: 2 });
    expectError(await crew[2].post(at.join, { groupId: id }), 400, "Group is full");
    expect(data(await crew[1].post(at.leave(id)))).toEqual({
      groupId: id,
      status: "waiting",
      wasHost: false,
    });
    data(await crew[2].post(at.join, { groupId: id }));
    expect(membersOf(await poll(crew[0], id))).toEqual([crew[0].id, crew[2].id]);
  });

  test("of the host ends it for all", async () => {
    const crew = await trio();
    const id = await plantGroup(crew, running(40));
    expect(told(await crew[0].post(at.leave(id)))).toEqual({
      groupId: id,
      status: "completed",
      wasHost: true,
    });
    const shown = await poll(crew[1], id);
    expect(shown).toMatchObject({ status: "completed", host: { id: crew[0].id } });
    expect(membersOf(shown)).toContain(crew[0].id);
    expect(shown.groupSession).toMatchObject({ isActive: false, endedAt: TIME });
    expect(shown.groupSession.duration).toBeGreaterThanOrEqual(39);
    expect(shown.groupSession.duration).toBeLessThan(50);
    for (const who of crew) expect(data(await who.get(at.mine)).groups).toEqual([]);
  });

  test("of the host of a waiting group ends it, too", async () => {
    const crew = await trio();
    const { id } = await createGroup(crew[0], [crew[1]]);
    expect(data(await crew[0].post(at.leave(id)))).toMatchObject({ status: "completed", wasHost: true });
    const shown = await poll(crew[1], id);
    expect(shown).toMatchObject({ status: "completed", groupSession: { isActive: false, duration: 0 } });
    expect(data(await crew[2].get(at.available())).groups).toEqual([]);
  });

  test("of the last one disbands it", async () => {
    const [last, other] = await trio();
    const entry = { user: oid(last.id), role: "participant", joinedAt: new Date(), isActive: true };
    const id = await plantGroup([other], { participants: [entry], ...running() });
    expect(data(await last.post(at.leave(id)))).toEqual({
      groupId: id,
      status: "disbanded",
      wasHost: false,
    });
    const shown = await poll(other, id);
    expect(shown).toMatchObject({ status: "disbanded", participants: [] });
    expect(shown.groupSession).toMatchObject({ isActive: false, currentParticipants: 0, endedAt: TIME });
  });

  test("of one that is over changes nothing of its times", async () => {
    const crew = await trio();
    const endedAt = new Date("2024-05-01T10:00:00.000Z");
    const times = { startedAt: new Date("2024-05-01T09:59:00.000Z"), endedAt, duration: 60 };
    const id = await plantGroup(crew, {
      status: "completed",
      groupSession: { isActive: false, ...times },
    });
    for (const who of [crew[1], crew[0], crew[0]]) {
      expect((await who.post(at.leave(id))).status).toBeLessThan(500);
      const shown = await poll(crew[2], id);
      expect(shown.status).toBe("completed");
      expect(shown.groupSession).toMatchObject({ endedAt: endedAt.toISOString(), duration: 60 });
    }
  });

  test("of all at once leaves nobody behind", async () => {
    const crew = await cohort(5);
    const { id } = await createGroup(crew[0]!, crew.slice(1));
    const answers = await Promise.all(crew.slice(1).map((who) => who.post(at.leave(id))));
    for (const answer of answers) expect(data(answer).wasHost).toBe(false);
    const shown = await poll(crew[0]!, id);
    expect(membersOf(shown)).toEqual([crew[0]!.id]);
    expect(shown.groupSession.currentParticipants).toBe(1);
  });
});
