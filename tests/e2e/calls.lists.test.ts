import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, type Pair, call, eventually, get, setFeature, unique } from "../support/client.ts";
import { admin, person, teacher } from "../support/people.ts";
import {
  ANY_TEXT,
  FLAG,
  NUMBER,
  ago,
  cohort,
  data,
  exactly,
  expectCard,
  expectPaging,
  refused,
} from "./groups.support.ts";
import { plantSessions, quietHour, sessionOf } from "./my-sessions.support.ts";
import {
  CANCEL_ALL,
  FIND,
  ID,
  TEXT,
  TIME,
  at,
  createPairs,
  expectError,
  nobody,
} from "./sessions.support.ts";

const ACTIVE = "/api/communication/calls/active";
const history = (query = "") => `/api/communication/calls/history?${query}`;
const adminList = (query = "") => `/api/communication/admin/sessions?${query}`;
const duo = async () => (await cohort(2)) as [Learner, Learner];
const idsOf = (list: { id: string }[]) => list.map(({ id }) => id);

/** Nobody of these has a plan. */
beforeAll(async () => {
  await setFeature("voice_calls", true, false);
  const [probe] = await cohort(1);
  const open = async () => (await probe!.post(FIND, { sessionType: "voice_call" })).status === 200;
  await eventually("voice calls are open", open, 20);
  data(await probe!.post(CANCEL_ALL));
});

describe("active calls", () => {
  test("are the caller's, with the shape of the contract", async () => {
    const [{ host, seeker: other, session }] = (await createPairs(1, "voice_call")) as [Pair];
    for (const who of [host, other]) {
      const answer = await who.get(ACTIVE);
      expect(answer.body).toEqual({ success: true, data: { activeCalls: expect.any(Array) } });
      const { activeCalls } = data(answer);
      expect(idsOf(activeCalls)).toEqual([session]);
      const { host: card, participants, ...rest } = activeCalls[0];
      exactly(rest, {
        id: session,
        sessionId: TEXT,
        sessionType: "voice_call",
        title: TEXT,
        startedAt: TIME,
        duration: NUMBER,
      });
      expect(card).toMatchObject({ id: host.id, name: TEXT });
      expect(card).toHaveProperty("email");
      for (const [index, one] of [host, other].entries()) {
        const role = index === 0 ? "host" : "participant";
        expectCard(participants[index], one, {
          role,
          isActive: true,
          micEnabled: FLAG,
          cameraEnabled: FLAG,
        });
      }
      for (const { email, id } of [host, other]) {
        if (id !== who.id) expect(answer.text).not.toContain(email);
      }
    }
  });

  test("of others are for admins only, and finished ones for nobody", async () => {
    const [third] = await duo();
    const boss = await admin();
    const listed = async (who: Learner) => idsOf(data(await who.get(ACTIVE)).activeCalls);
    const [{ host, seeker, session }] = (await createPairs(1, "voice_call")) as [Pair];
    for (const who of [host, seeker]) expect(await listed(who)).toEqual([session]);
    expect(await listed(third)).toEqual([]);
    expect(await listed(await teacher())).toEqual([]);
    await eventually("the admin sees it", async () => (await listed(boss)).includes(session));
    data(await host.post(at.leave(session)));
    for (const who of [host, seeker]) expect(await listed(who)).toEqual([]);
    await eventually("the admin sees the end", async () => !(await listed(boss)).includes(session));
  });

  test("are not chats", async () => {
    const [{ host }] = (await createPairs(1)) as [Pair];
    expect(data(await host.get(ACTIVE)).activeCalls).toEqual([]);
  });

  test("the lists need a token", async () => {
    for (const path of [ACTIVE, history(), adminList()]) {
      expectError(await get(path), 401, "Access token required");
    }
  });
});

const KINDS = ["voice_call", "video_call", "group_voice_call", "group_video_call"];

describe("the history of calls", () => {
  test("has the own calls of all four types, newest first, with the shape of the contract", async () => {
    const [host, other] = await duo();
    const ghost = nobody();
    const made = await plantSessions(
      ...KINDS.map((sessionType, n) =>
        sessionOf([host.id, other.id, ghost], { sessionType, createdAt: ago(1000 - n) }),
      ),
      sessionOf([ghost, host.id], { sessionType: "voice_call", createdAt: ago(500), status: "failed" }),
      ...["chat", "game", "lecture", "group_discussion", "group_chat"].map((sessionType) =>
        sessionOf([host.id, other.id], { sessionType }),
      ),
      sessionOf([other.id], { sessionType: "voice_call" }),
    );
    const answer = await host.get(history());
    expect(answer.body).toEqual({ success: true, data: expect.any(Object) });
    const { calls, pagination } = data(answer);
    expect(idsOf(calls)).toEqual(made.slice(0, 5).reverse());
    expect(pagination).toEqual({ page: 1, limit: 20, total: 5, pages: 1 });
    for (const { host: card, participants, ...rest } of calls) {
      exactly(rest, {
        id: ID,
        sessionId: TEXT,
        sessionType: TEXT,
        title: TEXT,
        status: TEXT,
        startedAt: TIME,
        endedAt: TIME,
        duration: 60,
        createdAt: TIME,
      });
      expect(card).toMatchObject({ id: ID, name: TEXT });
      for (const entry of participants) expectCard(entry, entry, { role: TEXT, duration: NUMBER });
    }
    expect(calls[0]).toMatchObject({ status: "failed", host: { id: ghost, name: TEXT } });
    expect(calls[4].host.id).toBe(host.id);
    expect(idsOf(calls[4].participants)).toEqual([host.id, other.id, ghost]);
    for (const secret of [other.email, other.phone, "hush"]) expect(answer.text).not.toContain(secret);
  });

  test("can be one of the four types, and of no other", async () => {
    const [host, other] = await duo();
    const made: Record<string, string[]> = {};
    for (const sessionType of [...KINDS, "chat", "game"]) {
      made[sessionType] = await plantSessions(sessionOf([host.id, other.id], { sessionType }));
    }
    for (const kind of KINDS) {
      expect(idsOf(data(await host.get(history(`callType=${kind}`))).calls)).toEqual(made[kind]);
    }
    for (const query of [
      "callType=chat",
      "callType=game",
      "callType=nope",
      "callType[$ne]=x",
      "callType[]=chat",
    ]) {
      const answer = await host.get(history(query));
      if (answer.status !== 200) refused(answer, 400);
      else {
        const calls = idsOf(data(answer).calls);
        for (const hidden of ["chat", "game"]) expect(calls, query).not.toContain(made[hidden]![0]);
      }
    }
  });

  test("is paged", async () => {
    const [host, other] = await duo();
    const made = await plantSessions(
      ...[1, 2, 3, 4, 5].map((n) =>
        sessionOf([host.id, other.id], { sessionType: "voice_call", createdAt: ago(n * 100) }),
      ),
    );
    const read = async (query: string) => data(await host.get(history(query)));
    await expectPaging(read, 5);
    expect(idsOf((await read("page=2&limit=2")).calls)).toEqual(made.slice(2, 4));
    expect(idsOf((await read("page=4&limit=2")).calls)).toEqual([]);
  });

  test("has a call that has just ended", async () => {
    const [{ host, seeker: other, session }] = (await createPairs(1, "voice_call")) as [Pair];
    data(await host.post(at.leave(session)));
    await eventually("listed", async () => {
      const { calls } = data(await other.get(history()));
      return calls[0]?.id === session && calls[0].status === "completed";
    });
  });

  test("leaves out the times that are not there", async () => {
    const [host, other] = await duo();
    await plantSessions(
      sessionOf([host.id, other.id], {
        sessionType: "voice_call",
        status: "cancelled",
        startedAt: undefined,
        endedAt: undefined,
        duration: 0,
      }),
    );
    const [shown] = data(await host.get(history())).calls;
    expect(shown).toMatchObject({ status: "cancelled", duration: 0 });
    for (const absent of ["startedAt", "endedAt"]) expect(shown).not.toHaveProperty(absent);
  });
});

describe("sessions of all, for admins", () => {
  const hour = quietHour();
  const window = `dateFrom=${hour.from.toISOString()}&dateTo=${hour.until.toISOString()}`;
  const ghost = nobody();
  let boss: Learner, host: Learner, other: Learner;
  let made: string[];

  beforeAll(async () => {
    boss = await admin();
    [host, other] = await duo();
    const chat = sessionOf([host.id, other.id, ghost], { createdAt: hour.minute(3) });
    chat["participants"][0].isActive = true;
    made = await plantSessions(
      sessionOf([ghost, other.id], { sessionType: "game", createdAt: hour.minute(1), status: "active" }),
      sessionOf([host.id], { sessionType: "chat", createdAt: hour.minute(2), status: "cancelled" }),
      chat,
      sessionOf([host.id], { createdAt: new Date(hour.until.getTime() + 60_000) }),
    );
    made = made.slice(0, 3).reverse();
  });

  const read = async (query = "") => data(await boss.get(adminList(`${window}&${query}`)));

  test("have the shape of the contract", async () => {
    const answer = await boss.get(adminList(window));
    expect(answer.body).toEqual({ success: true, data: expect.any(Object) });
    const { sessions, pagination } = data(answer);
    expect(idsOf(sessions)).toEqual(made);
    expect(pagination).toEqual({ page: 1, limit: 20, total: 3, pages: 1 });
    for (const { host: card, participants, ...rest } of sessions) {
      exactly(rest, {
        id: ID,
        sessionId: TEXT,
        sessionType: TEXT,
        title: TEXT,
        status: TEXT,
        scheduledAt: TIME,
        startedAt: TIME,
        endedAt: TIME,
        duration: 60,
        totalParticipants: participants.length,
        activeParticipants: NUMBER,
        createdAt: TIME,
      });
      expect(Object.keys(card).sort()).toEqual(["email", "id", "name"]);
      for (const entry of participants) {
        exactly(entry, {
          id: ID,
          name: TEXT,
          email: entry.email === null ? null : ANY_TEXT,
          role: TEXT,
          isActive: FLAG,
          duration: NUMBER,
        });
      }
    }
    expect(sessions[0]).toMatchObject({ totalParticipants: 3, activeParticipants: 1 });
    expect(sessions[0].host).toEqual({ id: host.id, name: TEXT, email: host.email });
    expect(sessions[0].participants[1]).toMatchObject({ id: other.id, email: other.email });
    expect(sessions[2].host).toMatchObject({ id: ghost, name: TEXT });
    expect(answer.text).not.toContain("hush");
  });

  test("can be filtered and paged", async () => {
    const [chat, alone, game] = made;
    for (const [query, expected] of [
      ["sessionType=chat", [chat, alone]],
      ["sessionType=game", [game]],
      ["status=cancelled", [alone]],
      ["sessionType=chat&status=completed", [chat]],
      ["sessionType=lecture", []],
      ["sessionType=&status=", [chat, alone, game]],
      ["page=2&limit=2", [game]],
      ["page=9", []],
    ] as const) {
      expect(idsOf((await read(query)).sessions), query).toEqual(expected);
    }
    await expectPaging(read, 3);
    const from = `dateFrom=${hour.minute(2).toISOString()}&dateTo=${hour.minute(2).toISOString()}`;
    expect(idsOf(data(await boss.get(adminList(from))).sessions)).toEqual([alone]);
  });

  test.for(["sessionType[$ne]=x", "status[$ne]=x", "status=paused", "sessionType=nope"])(
    "no operators in filters: %s",
    async (query) => {
      const answer = await boss.get(adminList(`${window}&${query}`));
      // Ignored, or refused; never a filter of its own making.
      if (answer.status !== 200) refused(answer, 400);
      else expect([0, 3]).toContain(data(answer).pagination.total);
    },
  );

  test.for(["dateFrom=yesterday", "dateTo=2024-13-45", "dateFrom[$gt]=2024-01-01"])(
    "no unreadable dates: %s",
    async (query) => {
      const answer = await boss.get(adminList(query));
      if (query.includes("[") && answer.status === 200) return;
      expectError(answer, 400);
    },
  );

  test("are for admins only", async () => {
    for (const who of [host, await teacher(), await person()]) {
      expectError(await who.get(adminList()), 403);
    }
    expectError(await call("GET", adminList(), { token: unique() }), 401);
  });
});

describe("the end of a call by its host", () => {
  const end = (session: string) => `/api/communication/call/${session}/end`;

  test("is told once and for all", async () => {
    const [{ host, seeker, session }] = (await createPairs(1, "voice_call")) as [Pair];
    expectError(await seeker.post(end(session)), 403);
    const [stranger] = await duo();
    expectError(await stranger.post(end(session)), 403);
    const first = data(await host.post(end(session)));
    expect(first).toEqual({ sessionId: session, status: "completed", duration: NUMBER, endedAt: TIME });
    expect(data(await host.post(end(session)))).toEqual(first);
    expect(data(await seeker.get(ACTIVE)).activeCalls).toEqual([]);
  });

  test("of one that only the database knows changes nothing", async () => {
    const [host, other] = await duo();
    const [id] = await plantSessions(sessionOf([host.id, other.id], { sessionType: "voice_call" }));
    const ended = data(await host.post(end(id!)));
    expect(ended).toEqual({ sessionId: id, status: "completed", duration: 60, endedAt: TIME });
    expectError(await other.post(end(id!)), 403);
    expectError(await host.post(end(nobody())), 404);
    expectError(await host.post(end("nope")), 400);
    expectError(await call("POST", end(id!)), 401, "Access token required");
  });
});
