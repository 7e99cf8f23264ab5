/** Own session records: the list, the latest ones, one of them, and its deletion by an admin. */
import { describe, expect, test } from "vitest";
import { ObjectId } from "mongodb";
import { type Learner, type Pair, call, eventually, get, unique, withDatabase } from "../support/client.ts";
import { admin } from "../support/people.ts";
import {
  FLAG,
  NO_IDS,
  NUMBER,
  ago,
  cohort,
  exactly,
  expectPaging,
  oid,
  plantGroup,
  refused,
  told,
} from "./groups.support.ts";
import { SECRETS, expectSession, idsOf, plantSessions, quietHour, sessionOf } from "./my-sessions.support.ts";
import {
  CANCEL_ALL,
  ID,
  TEXT,
  TIME,
  at,
  createPairs,
  expectError,
  liveSessions,
  nobody,
  recordOf,
} from "./sessions.support.ts";

const mine = (query = "") => `/api/sessions/my-sessions?${query}`;
const recent = (query = "") => `/api/sessions/recent?${query}`;
const one = (id: string) => `/api/sessions/${id}`;
const duo = async () => (await cohort(2)) as [Learner, Learner];
const remove = (id: string, token?: string) => call("DELETE", one(id), { token });

const NOTHING = { sessionType: "all", status: "all", startDate: "none", endDate: "none" };
const byType = <T extends { _id: string }>(statistics: T[]) =>
  new Map(statistics.map((row) => [row._id, row]));

describe("my-sessions", () => {
  test("has the shape of the contract", async () => {
    const [host, other] = await duo();
    const scores = [
      { _id: new ObjectId(), user: oid(host.id), score: 40, maxScore: 50, percentage: 80, timeTaken: 9 },
    ];
    const made = await plantSessions(
      sessionOf([host.id, other.id], { createdAt: ago(30) }),
      sessionOf([host.id], {
        sessionType: "game",
        createdAt: ago(20),
        gameSession: { gameType: "grammar", scores, gameStatus: "completed", answers: [] },
      }),
    );
    const answer = await host.get(mine("page=1&limit=20"));
    const { sessions, pagination, statistics, filters, ...rest } = told(answer);
    expect(rest).toEqual({});
    expect(idsOf({ sessions })).toEqual([...made].reverse());
    sessions.forEach(expectSession);
    expect(sessions[0]).toMatchObject({
      sessionType: "game",
      host: { _id: host.id, name: TEXT, role: "student" },
      gameSession: { gameType: "grammar", scores: [{ score: 40, percentage: 80 }] },
    });
    expect(sessions[1]).toMatchObject({
      sessionType: "chat",
      sessionId: TEXT,
      status: "completed",
      title: TEXT,
      duration: 60,
      scheduledAt: TIME,
      startedAt: TIME,
      endedAt: TIME,
      participants: [{ user: { _id: host.id } }, { user: { _id: other.id, name: TEXT } }],
      chatSession: { totalMessages: 1 },
    });
    expect(pagination).toEqual({ page: 1, limit: 20, total: 2, pages: 1 });
    expect(byType(statistics)).toEqual(
      byType(["chat", "game"].map((_id) => ({ _id, count: 1, totalDuration: 60, avgDuration: 60 }))),
    );
    expect(filters).toEqual(NOTHING);
    for (const secret of ["$2", other.phone]) expect(answer.text).not.toContain(secret);
  });

  test("of somebody without any is empty", async () => {
    const [who] = await duo();
    expect(told(await who.get(mine()))).toEqual({
      sessions: [],
      pagination: { page: 1, limit: 20, total: 0, pages: 0 },
      statistics: [],
      filters: NOTHING,
    });
  });

  test("has those that list the caller, not those that he merely hosts", async () => {
    const [host, other] = await duo();
    const hosted = sessionOf([other.id], { host: oid(host.id) });
    const [listed] = await plantSessions(sessionOf([other.id, host.id]), hosted);
    expect(idsOf(told(await host.get(mine())))).toEqual([listed]);
    expect(idsOf(told(await other.get(mine())))).toHaveLength(2);
  });

  test("can be filtered; the totals are of all own sessions all the same", async () => {
    const [host] = await duo();
    const hour = quietHour();
    const [first, second, third] = await plantSessions(
      sessionOf([host.id], { createdAt: hour.minute(1), duration: 10 }),
      sessionOf([host.id], { createdAt: hour.minute(2), status: "cancelled", duration: 0 }),
      sessionOf([host.id], { createdAt: hour.minute(3), sessionType: "lecture", duration: 31 }),
    );
    const when = (n: number) => hour.minute(n).toISOString();
    for (const [query, expected] of [
      [{}, [third, second, first]],
      [{ sessionType: "chat" }, [second, first]],
      [{ sessionType: "lecture", status: "completed" }, [third]],
      [{ status: "cancelled" }, [second]],
      [{ startDate: when(2) }, [third, second]],
      [{ endDate: when(2) }, [second, first]],
      [{ startDate: when(2), endDate: when(2) }, [second]],
      [{ sessionType: "game" }, []],
      [{ sessionType: "", status: "", startDate: "", endDate: "" }, [third, second, first]],
    ] as const) {
      const asked = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ""));
      const page = told(await host.get(mine(new URLSearchParams(query).toString())));
      expect(idsOf(page), JSON.stringify(query)).toEqual(expected);
      expect(page.pagination.total).toBe(expected.length);
      expect(page.filters).toEqual({ ...NOTHING, ...asked });
      expect(byType(page.statistics)).toEqual(
        byType([
          { _id: "chat", count: 2, totalDuration: 10, avgDuration: 5 },
          { _id: "lecture", count: 1, totalDuration: 31, avgDuration: 31 },
        ]),
      );
    }
  });

  test("is paged", async () => {
    const [host] = await duo();
    const made = await plantSessions(
      ...[1, 2, 3, 4, 5].map((n) => sessionOf([host.id], { createdAt: ago(n) })),
    );
    const read = async (query: string) => told(await host.get(mine(query)));
    await expectPaging(read, 5);
    expect(idsOf(await read("page=2&limit=2"))).toEqual(made.slice(2, 4));
    expect(idsOf(await read("page=4&limit=2"))).toEqual([]);
  });

  test.for(["startDate=yesterday", "endDate=2024-13-45"])("refuses unreadable dates: %s", async (query) => {
    const [host] = await duo();
    expectError(await host.get(mine(query)), 400);
  });

  test.for(["status[$ne]=x", "sessionType[$ne]=x", "startDate[$gt]=1", "status=nope", "sessionType=nope"])(
    "takes no operators: %s",
    async (query) => {
      const [host] = await duo();
      await plantSessions(sessionOf([host.id]));
      const answer = await host.get(mine(query));
      if (answer.status !== 200) return refused(answer, 400);
      const { filters, pagination } = told(answer);
      for (const value of Object.values(filters)) expect(value).toEqual(expect.any(String));
      expect(pagination.total).toBe(query.includes("[") ? 1 : 0);
    },
  );

  test("shows people who are gone, and documents that lack parts", async () => {
    const [host] = await duo();
    const ghost = nobody();
    const [whole] = await plantSessions(sessionOf([ghost, host.id]), {
      _id: new ObjectId(),
      sessionType: "chat",
      host: oid(host.id),
      participants: [{ _id: new ObjectId(), user: oid(host.id), joinedAt: ago(5) }],
      status: "completed",
      createdAt: ago(9000),
      updatedAt: ago(9000),
    });
    const { sessions } = told(await host.get(mine()));
    expect(sessions).toHaveLength(2);
    sessions.forEach(expectSession);
    expect(sessions[0]).toMatchObject({
      _id: whole,
      host: { _id: ghost, name: TEXT },
      participants: [{ user: { _id: ghost, name: TEXT } }, { user: { _id: host.id } }],
    });
    expect(sessions[1]).toMatchObject({
      duration: 0,
      participants: [{ role: "participant", isActive: true }],
    });
    for (const absent of ["startedAt", "endedAt"]) expect(sessions[1]).not.toHaveProperty(absent);
  });

  test("needs a token", async () => {
    for (const path of [mine(), recent(), one(nobody())]) {
      expectError(await get(path), 401, "Access token required");
    }
  });
});

describe("recent", () => {
  test("has the shape of the contract, as host or participant, newest first", async () => {
    const [host, other] = await duo();
    const game = new ObjectId();
    const questions = [{ questionText: "hush-question", correctAnswer: "hush-answer" }];
    await withDatabase((db) =>
      db
        .collection("games")
        .insertOne({ _id: game, title: "Verbs", gameType: "grammar", difficulty: "beginner", questions }),
    );
    const group = await plantGroup([host, other], { title: "Food", level: "advanced" });
    const ghost = nobody();
    const made = await plantSessions(
      sessionOf([host.id, other.id], { createdAt: ago(50) }),
      sessionOf([host.id], {
        sessionType: "game",
        createdAt: ago(40),
        gameSession: { game, gameId: null, gameType: "grammar", gameStatus: "completed" },
      }),
      sessionOf([host.id], {
        sessionType: "group_discussion",
        createdAt: ago(30),
        groupSession: { groupId: oid(group), groupName: "Food", password: "hush-password" },
      }),
      sessionOf([other.id], { host: oid(host.id), createdAt: ago(20) }),
      sessionOf([ghost, host.id], { createdAt: ago(10), startedAt: undefined, endedAt: undefined }),
    );
    const answer = await host.get(recent());
    const { sessions, count, ...rest } = told(answer);
    expect(rest).toEqual({});
    expect(count).toBe(5);
    expect(idsOf({ sessions })).toEqual([...made].reverse());
    for (const session of sessions) {
      exactly(
        session,
        {
          _id: ID,
          sessionType: TEXT,
          status: TEXT,
          duration: NUMBER,
          participantCount: NUMBER,
          isHost: FLAG,
          createdAt: TIME,
        },
        {
          sessionId: TEXT,
          title: TEXT,
          startedAt: TIME,
          endedAt: TIME,
          gameSession: expect.any(Object),
          groupSession: expect.any(Object),
        },
      );
    }
    const flags = sessions.map(
      ({ isHost, participantCount }: { isHost: boolean; participantCount: number }) => [
        isHost,
        participantCount,
      ],
    );
    expect(flags).toEqual([
      [false, 2],
      [true, 1],
      [true, 1],
      [true, 1],
      [true, 2],
    ]);
    expect(sessions[0]).not.toHaveProperty("startedAt");
    expect(sessions[3].gameSession.game).toEqual({
      _id: game.toHexString(),
      title: "Verbs",
      gameType: "grammar",
    });
    const { groupId } = sessions[2].groupSession;
    expect(groupId).toEqual({ _id: group, title: "Food", topic: TEXT, level: "advanced" });
    for (const secret of [...SECRETS, "hush"]) expect(answer.text).not.toContain(secret);
  });

  test("can be limited, and be of one type", async () => {
    const [host] = await duo();
    const chats = await plantSessions(
      ...Array.from({ length: 12 }, (_, n) => sessionOf([host.id], { createdAt: ago(n + 1) })),
    );
    const [game] = await plantSessions(sessionOf([host.id], { sessionType: "game", createdAt: ago(100) }));
    for (const [query, expected] of [
      ["", chats.slice(0, 10)],
      ["limit=3", chats.slice(0, 3)],
      ["limit=0", chats.slice(0, 1)],
      ["limit=-5", chats.slice(0, 1)],
      ["limit=abc", chats.slice(0, 10)],
      ["limit=100000", [...chats, game]],
      ["sessionType=game", [game]],
      ["sessionType=lecture", []],
    ] as const) {
      const shown = told(await host.get(recent(query)));
      expect(idsOf(shown), query).toEqual(expected);
      expect(shown.count, query).toBe(expected.length);
    }
    const odd = await host.get(recent("sessionType[$ne]=x"));
    expect([200, 400]).toContain(odd.status);
  });
});

describe("one session", () => {
  test("is for participants, the host and admins", async () => {
    const [host, other] = await duo();
    const [stranger] = await duo();
    const boss = await admin();
    const [id] = await plantSessions(sessionOf([other.id], { host: oid(host.id) }));
    for (const who of [host, other, boss]) {
      const session = told(await who.get(one(id!)));
      expect(session).toMatchObject({
        _id: id,
        host: { _id: host.id },
        participants: [{ user: { _id: other.id } }],
      });
      expectSession(session);
    }
    expectError(await stranger!.get(one(id!)), 403);
    expectError(await host.get(one(nobody())), 404);
    for (const bad of NO_IDS) expectError(await host.get(one(bad)), 400);
  });

  test("shows people who are gone", async () => {
    const [host] = await duo();
    const ghost = nobody();
    const [id] = await plantSessions(sessionOf([ghost, host.id]));
    const session = told(await host.get(one(id!)));
    expect(session.host).toMatchObject({ _id: ghost, name: TEXT });
    expectSession(session);
  });
});

describe("deletion", () => {
  test("is for admins, and for good", async () => {
    const [host, other] = await duo();
    const boss = await admin();
    const [id] = await plantSessions(sessionOf([host.id, other.id]));
    expectError(await remove(id!), 401, "Access token required");
    expectError(await remove(id!, host.token), 403);
    const answer = await remove(id!, boss.token);
    told(answer);
    expect(await recordOf(id!)).toBe(null);
    expectError(await boss.get(one(id!)), 404);
    expectError(await remove(id!, boss.token), 404);
    expect(idsOf(told(await host.get(mine())))).toEqual([]);
    expectError(await remove(nobody(), boss.token), 404);
    for (const bad of NO_IDS) refused(await remove(bad, boss.token), 400, 404);
    expectError(await remove(unique(), host.token), 403);
  });

  test("ends a live session first, for both", async () => {
    const boss = await admin();
    const [{ host, seeker, session }] = (await createPairs(1)) as [Pair];
    await eventually("recorded", async () => (await recordOf(session)) !== null);
    told(await remove(session, boss.token));
    for (const who of [host, seeker]) expect(await liveSessions(who)).toEqual([]);
    expectError(await boss.get(one(session)), 404);
    // It does not come back with a late write of the room.
    await host.post(CANCEL_ALL);
    refused(await host.post(at.offer(session), { type: "offer", sdp: "v=0" }), 403, 404, 409);
    expect(await recordOf(session)).toBe(null);
  });
});
