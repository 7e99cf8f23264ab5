/** Session records as the admin site sees them: all, by type, and totals. The search has its own file. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Learner, call, createRegion } from "../support/client.ts";
import { admin, person, teacher } from "../support/people.ts";
import { NUMBER, cohort, data, exactly, expectPaging, refused, told } from "./groups.support.ts";
import {
  expectSession,
  idsOf,
  plantSessions,
  quietHour,
  sampleSessions,
  sessionOf,
} from "./my-sessions.support.ts";
import { ID, TEXT, TIME, expectError, nobody } from "./sessions.support.ts";

const all = (query = "") => `/api/sessions/admin/all?${query}`;
const ofType = (type: string, query = "") => `/api/sessions/admin/type/${type}?${query}`;
const statistics = (query = "") => `/api/sessions/admin/statistics?${query}`;
const SEARCH = "/api/sessions/admin/search";
const NOTHING = { sessionType: "all", status: "all", startDate: "none", endDate: "none" };

let boss: Learner;
beforeAll(async () => void (boss = await admin()));

const read = async (path: string) => told(await boss.get(path));
const byId = (rows: { _id: string }[]) => new Map(rows.map((row) => [row._id, row]));

describe("all sessions", () => {
  test("have the shape of the contract, and no secrets", async () => {
    const { hour, host, other, ghost, every } = await sampleSessions();
    const answer = await boss.get(all(hour.query));
    const { sessions, pagination, statistics: totals, filters, ...rest } = told(answer);
    expect(rest).toEqual({});
    expect(idsOf({ sessions })).toEqual(every);
    sessions.forEach(expectSession);
    expect(pagination).toEqual({ page: 1, limit: 20, total: 4, pages: 1 });
    const dates = { startDate: hour.from.toISOString(), endDate: hour.until.toISOString() };
    expect(filters).toEqual({ ...NOTHING, ...dates, region: "all" });
    expect(byId(totals)).toEqual(
      byId(
        [
          ["chat", 90],
          ["voice_call", 60],
          ["game", 30],
          ["group_chat", 0],
        ].map(([_id, length]) => ({
          _id: String(_id),
          count: 1,
          totalDuration: length,
          avgDuration: length,
        })),
      ),
    );
    expect(sessions[0]).toMatchObject({
      sessionId: TEXT,
      title: TEXT,
      status: "completed",
      startedAt: TIME,
      endedAt: TIME,
      duration: 90,
      hostRegion: host.region,
      host: { _id: host.id, email: host.email, role: "student" },
      participants: [
        { role: "host", user: { _id: host.id, email: host.email } },
        { role: "participant", user: { _id: other.id, email: other.email } },
      ],
      gameSession: { scores: [] },
      chatSession: { totalMessages: 1 },
    });
    expect(sessions[1].participants[2].user).toMatchObject({ _id: ghost, name: TEXT });
    expect(sessions[3].host).toMatchObject({ _id: ghost, name: TEXT });
    for (const secret of ["$2", host.phone]) expect(answer.text).not.toContain(secret);
  });

  test("can be filtered, and the totals are of what is left", async () => {
    const { hour, region, ids, every } = await sampleSessions();
    const { a, b, c, d } = ids;
    const elsewhere = await createRegion();
    for (const [query, expected] of [
      ["sessionType=chat", [a]],
      ["status=cancelled", [b]],
      ["status=completed", [a, c]],
      ["status=completed&sessionType=game", [c]],
      ["status=failed", [d]],
      [`region=${region}`, every],
      [`region=${elsewhere}`, []],
      ["sessionType=&status=&region=&search=&sortBy=&sortOrder=", every],
    ] as const) {
      const page = await read(all(`${hour.query}&${query}`));
      expect(idsOf(page), query).toEqual(expected);
      expect(page.pagination.total, query).toBe(expected.length);
      const counted = page.statistics.reduce((sum: number, row: { count: number }) => sum + row.count, 0);
      expect(counted, query).toBe(expected.length);
    }
    const page = await read(all(`region=${region}`));
    expect(idsOf(page)).toEqual(every);
    expect(page.filters).toEqual({ ...NOTHING, region });
  });

  test("can be searched as the page does", async () => {
    const { hour, host, other, ids } = await sampleSessions();
    const { sessions } = await read(all(hour.query));
    const { title, sessionId } = sessions[0];
    const found = async (text: string) =>
      idsOf(await read(all(`${hour.query}&${new URLSearchParams({ search: text })}`)));
    const { name } = sessions[0].host;
    for (const [text, expected] of [
      [title, [ids.a]],
      [title.toUpperCase(), [ids.a]],
      [sessionId, [ids.a]],
      [name, [ids.a, ids.b]],
      [host.email.toUpperCase(), [ids.a, ids.b]],
      [other.email.slice(0, 12), [ids.c]],
      [".*", []],
      ["^Session", []],
      ["a|b", []],
    ] as const) {
      expect(await found(text), text).toEqual(expected);
    }
  });

  test("can be sorted", async () => {
    const { hour, ids } = await sampleSessions();
    const { a, b, c, d } = ids;
    for (const [query, expected] of [
      ["sortOrder=desc", [a, b, c, d]],
      ["sortOrder=asc", [d, c, b, a]],
      ["sortOrder=up", [d, c, b, a]],
      ["sortBy=createdAt&sortOrder=asc", [d, c, b, a]],
      ["sortBy=duration", [a, b, c, d]],
      ["sortBy=duration&sortOrder=asc", [d, c, b, a]],
    ] as const) {
      expect(idsOf(await read(all(`${hour.query}&${query}`))), query).toEqual(expected);
    }
    for (const field of ["password", "$where", "gameSession.answers"]) {
      const answer = await boss.get(all(`${hour.query}&sortBy=${field}`));
      if (answer.status === 200) expect(idsOf(told(answer))).toEqual([a, b, c, d]);
      else refused(answer, 400);
    }
  });

  test("are paged", async () => {
    const { hour, every } = await sampleSessions();
    const page = (query: string) => read(all(`${hour.query}&${query}`));
    await expectPaging(page, 4);
    expect(idsOf(await page("page=2&limit=3"))).toEqual(every.slice(3));
    const second = await page("page=2&limit=3");
    // The totals are of the whole filter, not of the page.
    expect(second.statistics).toHaveLength(4);
  });
});

const ODD = [
  ["startDate=yesterday", true],
  ["endDate=2024-13-45", true],
  ["region=nope", true],
  ["startDate[$gt]=2024-01-01", false],
  ["status[$ne]=x", false],
  ["sessionType[$ne]=x", false],
  ["sortBy[$ne]=x", false],
  ["search[$regex]=.", false],
  ["status=paused", false],
] as const;

test.for(ODD)("an odd query is refused or ignored: %s", async ([query, strictly]) => {
  for (const path of [all(query), statistics(query), ofType("chat", query)]) {
    // There is no such filter by type.
    const ignored = path.includes("/type/") && query.startsWith("region");
    const answer = await boss.get(path);
    if (strictly && !ignored) expectError(answer, 400);
    else if (answer.status === 200) {
      const { filters } = told(answer);
      for (const value of Object.values(filters)) expect(value).toEqual(expect.any(String));
    } else refused(answer, 400);
  }
});

describe("sessions of one type", () => {
  test.for([
    ...["video_call", "voice_call", "chat", "group_video_call", "group_voice_call"],
    ...["group_chat", "group_discussion", "game", "lecture"],
  ])("%s", async (sessionType) => {
    const hour = quietHour();
    const [host] = await cohort(1);
    const ghost = nobody();
    const before = byId((await read(ofType(sessionType))).statistics) as unknown as Map<
      string,
      { count: number }
    >;
    const [first, second] = await plantSessions(
      sessionOf([host!.id], { sessionType, createdAt: hour.minute(1), status: "failed" }),
      sessionOf([ghost, host!.id], { sessionType, createdAt: hour.minute(2) }),
      sessionOf([host!.id], {
        sessionType: sessionType === "chat" ? "game" : "chat",
        createdAt: hour.minute(3),
      }),
    );
    const answer = await boss.get(ofType(sessionType, hour.query));
    const page = told(answer);
    const { sessions, statistics: totals, filters, ...rest } = page;
    expect(rest).toEqual({ sessionType, pagination: { page: 1, limit: 20, total: 2, pages: 1 } });
    expect(idsOf(page)).toEqual([second, first]);
    sessions.forEach(expectSession);
    const dates = { startDate: hour.from.toISOString(), endDate: hour.until.toISOString() };
    expect(filters).toEqual({ status: "all", ...dates });
    for (const row of totals) {
      const average = row.avgDuration === null ? null : NUMBER;
      exactly(row, {
        _id: TEXT,
        count: NUMBER,
        totalDuration: NUMBER,
        avgDuration: average,
        avgParticipants: NUMBER,
      });
    }
    // Of all sessions of the type, whatever the dates.
    const failed = byId(totals).get("failed") as unknown as { count: number };
    expect(failed.count).toBeGreaterThanOrEqual((before.get("failed")?.count ?? 0) + 1);
    const filtered = await read(ofType(sessionType, `${hour.query}&status=failed`));
    expect(idsOf(filtered)).toEqual([first]);
    expect(filtered.filters.status).toBe("failed");
    expect(filtered.statistics.length).toBe(totals.length);
  });

  test("are paged, and the type must be one", async () => {
    const { hour } = await sampleSessions();
    await expectPaging((query) => read(ofType("voice_call", `${hour.query}&${query}`)), 1);
    for (const type of ["nope", "Chat", "%24ne", "all"]) expectError(await boss.get(ofType(type)), 400);
  });
});

describe("statistics", () => {
  test("of a region and a time are exact", async () => {
    const { hour, region, ids, ghost } = await sampleSessions();
    for (const query of [hour.query, `region=${region}`, `region=${region}&${hour.query}`]) {
      const {
        statistics: rows,
        recentSessions,
        topRegions,
        filters,
        ...rest
      } = await read(statistics(query));
      expect(rest).toEqual({});
      const dates = query.includes("startDate")
        ? { startDate: hour.from.toISOString(), endDate: hour.until.toISOString() }
        : { startDate: "none", endDate: "none" };
      expect(filters).toEqual({ ...dates, region: query.includes("region") ? region : "all" });
      const row = (_id: string, status: string, length: number, avgParticipants: number) => ({
        _id,
        statuses: [{ status, count: 1, totalDuration: length, avgDuration: length, avgParticipants }],
        totalCount: 1,
        totalDuration: length,
      });
      expect(byId(rows)).toEqual(
        byId([
          row("chat", "completed", 90, 2),
          row("voice_call", "cancelled", 60, 3),
          row("game", "completed", 30, 2),
          row("group_chat", "failed", 0, 2),
        ]),
      );
      const own = topRegions.find(({ _id }: { _id: string }) => _id === region);
      expect(own).toMatchObject({ sessionCount: 4, totalDuration: 180 });
      expect(Object.values(own).some((value) => /^Region /.test(String(value)))).toBe(true);
      expect(recentSessions.length).toBeLessThanOrEqual(10);
      expect(JSON.stringify(recentSessions)).not.toContain("hush");
    }
    const { recentSessions } = await read(statistics(`region=${region}`));
    const gone = recentSessions.find(({ _id }: { _id: string }) => _id === ids.d);
    if (gone) expect(gone.host).toMatchObject({ _id: ghost, name: TEXT });
  });

  test("of everything have the latest ten and the first five regions", async () => {
    const { recentSessions, topRegions, statistics: rows } = await read(statistics());
    expect(recentSessions.length).toBeGreaterThan(0);
    expect(recentSessions.length).toBeLessThanOrEqual(10);
    for (const { participants, host, ...rest } of recentSessions) {
      exactly(rest, { _id: ID, sessionType: TEXT, status: TEXT, duration: NUMBER, createdAt: TIME });
      for (const user of [host, ...participants.map(({ user }: { user: object }) => user)]) {
        expect(user).toMatchObject({ _id: ID, name: TEXT });
        expect(user).not.toHaveProperty("profilePicture");
      }
    }
    const times = recentSessions.map(({ createdAt }: { createdAt: string }) => createdAt);
    expect(times).toEqual([...times].sort().reverse());
    expect(topRegions.length).toBeLessThanOrEqual(5);
    const counts = topRegions.map(({ sessionCount }: { sessionCount: number }) => sessionCount);
    expect(counts).toEqual([...counts].sort((x, y) => y - x));
    for (const { statuses, totalCount } of rows) {
      const sum = statuses.reduce((n: number, { count }: { count: number }) => n + count, 0);
      expect(totalCount).toBe(sum);
    }
  });
});

test("all of it is for admins only", async () => {
  const outsiders = [await person(), await teacher()];
  const asks: ((token?: string) => Promise<Answer>)[] = [
    ...[all(), ofType("chat"), ofType("nope"), statistics(), all("startDate=x")].map(
      (path) => (token?: string) => call("GET", path, { token }),
    ),
    (token) => call("POST", SEARCH, { token, body: {} }),
    (token) => call("POST", SEARCH, { token, body: { status: "nope" } }),
  ];
  for (const ask of asks) {
    expectError(await ask(), 401, "Access token required");
    for (const { token } of outsiders) expectError(await ask(token), 403);
    expect(data(await boss.get(all("limit=1"))).sessions.length).toBeLessThanOrEqual(1);
  }
});
