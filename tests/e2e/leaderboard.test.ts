import { type Document, ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { createRegion, get, signUp, unique, withDatabase } from "../support/client.ts";
import { tokenFor } from "../support/tokens.ts";
import {
  ID,
  TEXT,
  bareUser,
  expectExactly,
  expectRefusal,
  plant,
  plantAll,
  withoutUndefined,
} from "./auth.support.ts";

const UNKNOWN = new ObjectId().toHexString();
const oid = (id: string) => new ObjectId(id);

/** Students of a region, in this order of registration. */
const students = (region: string, many: number, fields: (at: number) => Document = () => ({})) =>
  plantAll(
    Array.from({ length: many }, (_, at) =>
      bareUser({ region: oid(region), createdAt: new Date(Date.UTC(2024, 0, 1, at)), ...fields(at) }),
    ),
  );

/** Session documents, as the old server left them. */
async function plantSessions(sessions: Document[]): Promise<void> {
  const now = new Date();
  const common = { title: "A session", duration: 0, createdAt: now, updatedAt: now, __v: 0 };
  const documents = sessions.map(({ users, ...fields }) =>
    withoutUndefined({
      sessionId: `chat_${unique()}`,
      sessionType: "chat",
      status: "completed",
      host: oid(users[0]),
      ...common,
      ...fields,
      participants: users.map((user: string) => ({
        _id: new ObjectId(),
        user: oid(user),
        role: "participant",
      })),
    }),
  );
  await withDatabase((db) => db.collection("sessions").insertMany(documents));
}

const points = (user: string, many: number) =>
  plantSessions(Array.from({ length: many }, () => ({ users: [user], startedAt: new Date() })));

/** A page; what is asked for must succeed. */
async function page(token: string, region: string, query = "") {
  const answer = await get(`/api/leaderboard/region/${region}${query}`, { token });
  expect(answer.status, answer.text).toBe(200);
  expect(answer.body).toEqual({
    success: true,
    message: expect.stringMatching(/\S/),
    data: expect.any(Object),
  });
  const { data } = answer.body;
  expect(Object.keys(data).sort()).toEqual(["leaderboard", "pagination", "region", "scoringMethod"]);
  return data;
}

const order = (data: { leaderboard: { student: { id: string } }[] }) =>
  data.leaderboard.map(({ student }) => student.id);

function expectEntry(entry: Document): void {
  const { statistics, totalScore, student, studentId: _, ...rest } = entry;
  expect(rest).toEqual({ rank: expect.any(Number) });
  expect(statistics).toEqual({ totalSessions: totalScore, totalScore });
  // Nothing else of the person: least of all an address.
  expect(student).toEqual({
    id: ID,
    name: TEXT,
    profilePicture: student.profilePicture === null ? null : TEXT,
  });
}

function expectScoringMethod(method: Document): void {
  expect(method).toEqual({ description: TEXT, components: expect.any(Object), formula: TEXT });
  for (const text of Object.values(method["components"])) expect(text).toEqual(TEXT);
  expect(method["description"]).toMatch(/session/i);
}

describe("shapes", () => {
  test("top 3, page and own rank agree", async () => {
    const description = "By the sea";
    const region = await createRegion({ description });
    const some = await students(region, 5, (at) =>
      at === 2 ? { profilePicture: "https://example.com/p.png" } : {},
    );
    await points(some[2]!.id, 3);
    await points(some[4]!.id, 2);
    const expected = [2, 4, 0, 1, 3].map((at) => some[at]!.id);
    const { token } = some[4]!;

    const top = await get(`/api/leaderboard/region/${region}/top3`, { token });
    expect(top.status, top.text).toBe(200);
    const { data } = top.body;
    expect(top.body).toMatchObject({ success: true, message: expect.stringMatching(/\S/) });
    expect(Object.keys(data).sort()).toEqual(["leaderboard", "region", "scoringMethod", "totalStudents"]);
    expect(data.region).toEqual({ id: region, name: TEXT, code: TEXT, description });
    expect(data.totalStudents).toBe(5);
    expectScoringMethod(data.scoringMethod);
    expect(order(data)).toEqual(expected.slice(0, 3));
    data.leaderboard.forEach(expectEntry);
    expect(data.leaderboard[0]).toMatchObject({
      rank: 1,
      totalScore: 3,
      student: { profilePicture: "https://example.com/p.png" },
    });

    const whole = await page(token, region);
    expect(order(whole)).toEqual(expected);
    expect(whole.leaderboard.map(({ rank }: { rank: number }) => rank)).toEqual([1, 2, 3, 4, 5]);
    expect(whole.leaderboard.slice(0, 3)).toEqual(data.leaderboard);
    expect(whole.region).toEqual(data.region);
    expect(whole.pagination).toEqual({ page: 1, limit: 20, total: 5, pages: 1 });
    expect(whole.scoringMethod).toEqual(data.scoringMethod);

    const mine = await get("/api/leaderboard/my-rank", { token });
    expect(mine.status, mine.text).toBe(200);
    expect(mine.body).toMatchObject({ success: true, message: expect.stringMatching(/\S/) });
    const { user, ...rest } = mine.body.data;
    expect(rest).toEqual({ region: data.region, totalStudents: 5, scoringMethod: data.scoringMethod });
    expectEntry(user);
    expect(user).toEqual({ studentId: some[4]!.id, ...whole.leaderboard[1] });
    expect(user.rank).toBe(2);
  });

  test("an empty region has the same shape; any signed-in user may ask; inactive regions are shown", async () => {
    const region = await createRegion({ isActive: false });
    const { token } = await plant({ role: "teacher" });
    const data = await page(token, region);
    expect(data).toMatchObject({ leaderboard: [], pagination: { page: 1, limit: 20, total: 0, pages: 0 } });
    expect(data.region).toEqual({ id: region, name: TEXT, code: TEXT });
    expectScoringMethod(data.scoringMethod);
    const top = (await get(`/api/leaderboard/region/${region}/top3`, { token })).body.data;
    expect(top).toMatchObject({ leaderboard: [], totalStudents: 0, region: data.region });
    expectScoringMethod(top.scoringMethod);
  });
});

describe("points", () => {
  const hostRegion = new ObjectId();
  const startedAt = new Date();
  const KINDS: [string, number, Document][] = [
    ["a completed call", 1, { sessionType: "voice_call", hostRegion, startedAt }],
    ["a running call", 1, { hostRegion, startedAt, status: "active" }],
    ["a call cancelled after it began", 1, { hostRegion, startedAt, status: "cancelled" }],
    ["a failed call that never began", 1, { hostRegion, status: "failed" }],
    ["a completed call without a start", 1, { hostRegion, status: "completed" }],
    ["a planned group", 1, { sessionType: "group_video_call", status: "scheduled" }],
    ["a cancelled group", 1, { sessionType: "group_discussion", status: "cancelled" }],
    ["a game", 1, { sessionType: "game", status: "active", startedAt }],
    ["a lecture", 1, { sessionType: "lecture", status: "completed" }],
    ["a wait that goes on", 0, { hostRegion, status: "waiting_for_partner" }],
    ["a wait in vain", 0, { hostRegion, status: "cancelled", endedAt: startedAt }],
  ];

  test("sessions from before the first look count by the rule, each once per user", async () => {
    const region = await createRegion();
    const all = await students(region, KINDS.length + 4);
    const [twice, many, hosting] = all.slice(KINDS.length).map(({ id }) => id);
    await plantSessions([
      ...KINDS.map(([, , fields], at) => ({ users: [all[at]!.id], ...fields })),
      { users: [twice, many, twice, twice], startedAt },
      { users: [many, UNKNOWN], startedAt },
      { users: [UNKNOWN, many], sessionType: "lecture" },
      // A host counts only if he is listed.
      { users: [many], host: oid(hosting!), startedAt },
    ]);
    const { leaderboard } = await page(all[0]!.token, region, "?limit=100");
    const scores = new Map(
      leaderboard.map((entry: Document) => [entry["student"].id, entry["totalScore"]] as [string, number]),
    );
    const expected: [string, number][] = [
      ...KINDS.map(([kind, score]): [string, number] => [kind, score]),
      ["listed three times", 1],
      ["in four sessions", 4],
      ["only hosting", 0],
      ["in none", 0],
    ];
    expect(expected.map(([kind], at) => [kind, scores.get(all[at]!.id)])).toEqual(expected);
    expect(leaderboard[0].student.id).toBe(many);
  });
});

describe("order", () => {
  test("points, then earlier registration, then id", async () => {
    const region = await createRegion();
    const same = new Date(Date.UTC(2020, 0));
    const registered = [5, 1, 4].map((hour) => new Date(Date.UTC(2024, 0, 1, hour)));
    const some = await students(region, 5, (at) => ({ createdAt: registered[at] ?? same }));
    await points(some[0]!.id, 2);
    await points(some[1]!.id, 2);
    await points(some[2]!.id, 3);
    const { token } = some[0]!;
    const byId = [some[3]!.id, some[4]!.id].sort();
    expect(order(await page(token, region))).toEqual([some[2]!.id, some[1]!.id, some[0]!.id, ...byId]);
    for (const [at, rank] of [3, 2, 1].entries()) {
      const mine = await get("/api/leaderboard/my-rank", { token: some[at]!.token });
      expect(mine.body.data.user.rank).toBe(rank);
    }
  });
});

describe("population", () => {
  test("active students of the region, and nobody else", async () => {
    const [region, elsewhere] = [await createRegion(), await createRegion()];
    const listed = await students(region, 2);
    const others = await plantAll([
      bareUser({ region: oid(region), isActive: false }),
      bareUser({ region: oid(region), role: "teacher" }),
      bareUser({ region: oid(region), role: "admin" }),
      bareUser({ region: oid(elsewhere) }),
    ]);
    for (const { id } of others) await points(id, 2);
    const data = await page(listed[0]!.token, region);
    expect(order(data)).toEqual(listed.map(({ id }) => id));
    expect(data.pagination.total).toBe(2);
  });

  test("a student who came into the database later is found by his own rank", async () => {
    const region = await createRegion();
    const [early] = await students(region, 1);
    expect(order(await page(early!.token, region))).toEqual([early!.id]);
    const late = await plant({ region: oid(region) });
    await points(late.id, 2);
    const mine = (await late.get("/api/leaderboard/my-rank")).body.data;
    expect(mine.user).toMatchObject({ studentId: late.id, rank: 1, totalScore: 2 });
    expect(mine.totalStudents).toBe(2);
    expect(order(await page(early!.token, region))).toEqual([late.id, early!.id]);
  });

  test("who signs up is listed at once, at the end", async () => {
    const region = await createRegion();
    const [early] = await students(region, 1);
    await page(early!.token, region);
    const late = await signUp(region);
    expect(order(await page(early!.token, region))).toEqual([early!.id, late.id]);
    expect((await late.get("/api/leaderboard/my-rank")).body.data.user).toMatchObject({
      rank: 2,
      totalScore: 0,
    });
  });
});

describe("paging", () => {
  test("clamps, and cuts the page out of the whole ranking", async () => {
    const region = await createRegion();
    const all = await students(region, 23);
    const expected = all.map(({ id }) => id);
    const { token } = all[0]!;
    for (const [query, number, limit, from, to] of [
      ["", 1, 20, 0, 20],
      ["?page=2", 2, 20, 20, 23],
      ["?page=2&limit=10", 2, 10, 10, 20],
      ["?page=3&limit=10", 3, 10, 20, 23],
      ["?page=9&limit=10", 9, 10, 23, 23],
      ["?page=0&limit=0", 1, 1, 0, 1],
      ["?page=-4&limit=-4", 1, 1, 0, 1],
      ["?limit=5000", 1, 100, 0, 23],
      ["?page=abc&limit=xyz", 1, 20, 0, 20],
      ["?page=&limit=", 1, 20, 0, 20],
      ["?page[$gt]=2&limit[]=3", 1, 20, 0, 20],
      ["?page=1&limit=3", 1, 3, 0, 3],
    ] as const) {
      const data = await page(token, region, query);
      const pages = Math.ceil(23 / limit);
      expect(data.pagination, query).toEqual({ page: number, limit, total: 23, pages });
      expect(order(data), query).toEqual(expected.slice(from, to));
      const ranks = data.leaderboard.map(({ rank }: { rank: number }) => rank);
      expect(ranks, query).toEqual(expected.slice(from, to).map((_, at) => from + at + 1));
    }
  });

  test.for(["?page=1&page=2", "?page=99999999999999999999", "?page=1e3&limit=2.5", "?limit=%FF"])(
    "an odd query is answered in the envelope: %s",
    async (query) => {
      const { token } = await plant();
      const answer = await get(`/api/leaderboard/region/${await createRegion()}${query}`, { token });
      if (answer.status === 200) {
        const { page: number, limit } = answer.body.data.pagination;
        for (const value of [number, limit]) expect(value).toEqual(expect.any(Number));
      } else expectRefusal(answer, 400);
    },
  );
});

describe("refusals", () => {
  test.for(["", "/top3"])("of region%s: token first, then the id, then the region", async (rest) => {
    const at = (id: string, token?: string) => get(`/api/leaderboard/region/${id}${rest}`, { token });
    expectRefusal(await at("not-an-id"), 401, /Access token required/);
    expectRefusal(await at(UNKNOWN, "garbage"), 401, /token/);
    const { token } = await plant();
    for (const id of ["not-an-id", UNKNOWN.slice(1), `${UNKNOWN}0`, "%FF", "g".repeat(24), "$ne"]) {
      expectRefusal(await at(id, token), 400);
    }
    expectRefusal(await at(UNKNOWN, token), 404);
    const region = await createRegion();
    expect((await at(region.toUpperCase(), token)).body.data.region.id).toBe(region);
  });

  test("of my-rank", async () => {
    const region = oid(await createRegion());
    expectRefusal(await get("/api/leaderboard/my-rank"), 401, /Access token required/);
    for (const [fields, status] of [
      [{ region, role: "teacher" }, 400],
      [{ region, role: "admin" }, 400],
      [{ region: undefined }, 400],
      [{ region: null }, 400],
      [{ region: new ObjectId() }, 400],
      [{ region, isActive: false }, 401],
    ] as const) {
      const user = bareUser(fields);
      await plantAll([user]);
      expectRefusal(
        await get("/api/leaderboard/my-rank", { token: tokenFor(user._id.toHexString()) }),
        status,
      );
    }
  });
});

test("an entry names the student and nothing private", async () => {
  const region = await createRegion();
  const [one] = await students(region, 1);
  const answer = await get(`/api/leaderboard/region/${region}`, { token: one!.token });
  for (const secret of [one!.email, one!.phone, "$2"]) expect(answer.text).not.toContain(secret);
  expectExactly(answer.body.data.leaderboard[0].student, { id: one!.id, name: TEXT, profilePicture: null });
});
