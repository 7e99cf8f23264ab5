/** The rest of the leaderboard: all regions, statistics, counters of activity, and the page of the admin site. */
import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type Learner,
  createRegion,
  eventually,
  get,
  post,
  unique,
  withDatabase,
} from "../support/client.ts";
import { people } from "../support/people.ts";
import { withoutUndefined } from "./auth.support.ts";
import { type Cast, cast, expectAdminOnly, expectTokenAsked, storedUser } from "./games.support.ts";
import { SETTINGS, fetchAs } from "./admin-site.support.ts";
import { ANY_TEXT, NUMBER, data, exactly, oid, refused, told } from "./groups.support.ts";
import { ID, TEXT, TIME, nobody } from "./sessions.support.ts";

const ALL = "/api/leaderboard/all-regions/top3";
const STATISTICS = "/api/leaderboard/statistics";
const activity = (id: string) => `/api/leaderboard/update-activity/${id}`;

let all: Cast;

beforeAll(async () => {
  all = await cast();
});

/** Students of a region, in this order of registration. */
const students = (region: string, many: number, fields: object = {}) =>
  people(many, { region: oid(region), ...fields });

/** Sessions that these take part in, as the old server left them; long ago, and each of its own day. */
async function plantSessions(sessions: Document[]): Promise<void> {
  const documents = sessions.map(({ users, ...fields }, index) => {
    const then = new Date(Date.UTC(2024, 0, 1 + index));
    return withoutUndefined({
      sessionId: `old_${unique()}`,
      sessionType: "chat",
      title: "A session",
      status: "completed",
      host: oid(users[0].id),
      startedAt: then,
      createdAt: then,
      updatedAt: then,
      duration: 60,
      __v: 0,
      ...fields,
      participants: users.map((user: Learner) => ({
        _id: new ObjectId(),
        user: oid(user.id),
        role: "participant",
      })),
    });
  });
  await withDatabase((db) => db.collection("sessions").insertMany(documents));
}

const chats = (who: Learner, many: number) =>
  plantSessions(Array.from({ length: many }, () => ({ users: [who] })));

interface Entry {
  student: { id: string };
  rank: number;
  totalScore: number;
}

/** The part about one region, once it is there: the answer may come from a short-lived cache. */
async function partOf(
  read: () => Promise<Document[]>,
  fits: (part: Document) => boolean,
  what: string,
): Promise<Document> {
  let part: Document | undefined;
  await eventually(what, async () => (part = (await read()).find(fits)) !== undefined, 20);
  return part!;
}

const regional = async (token: string): Promise<Document[]> =>
  data(await get(ALL, { token })).regionalLeaderboards;
const inAll = (region: string) =>
  partOf(
    () => regional(all.poor.token),
    (part) => part["region"].id === region,
    `${region} among all regions`,
  );

describe("all regions", () => {
  test("show the best three of each, as the region itself does, and nothing private", async () => {
    const region = await createRegion({ description: "By the sea" });
    const some = await students(region, 5);
    await chats(some[3]!, 3);
    await chats(some[1]!, 2);
    await chats(some[4]!, 2);
    await students(region, 1, { isActive: false });
    await people(1, { region: oid(region), role: "teacher" });
    const part = await inAll(region);
    const answer = await get(ALL, { token: all.poor.token });
    const whole = told(answer);
    expect(Object.keys(whole).sort()).toEqual(["regionalLeaderboards", "scoringMethod", "totalRegions"]);
    expect(whole.totalRegions).toBe(whole.regionalLeaderboards.length);
    exactly(whole.scoringMethod, { description: TEXT, components: expect.any(Object), formula: TEXT });
    expect(whole.scoringMethod.description).toMatch(/session/i);

    expect(Object.keys(part).sort()).toEqual(["region", "top3", "totalStudents"]);
    expect(part["region"]).toEqual({ id: region, name: TEXT, code: TEXT, description: "By the sea" });
    expect(part["totalStudents"]).toBe(5);
    // Equal points: whoever registered first.
    expect(part["top3"].map(({ student }: Entry) => student.id)).toEqual(
      [some[3]!, some[1]!, some[4]!].map(({ id }) => id),
    );
    for (const [index, entry] of part["top3"].entries()) {
      const totalScore = [3, 2, 2][index];
      exactly(entry, {
        rank: index + 1,
        totalScore,
        statistics: { totalSessions: totalScore, totalScore },
        student: {
          id: ID,
          name: TEXT,
          profilePicture: entry.student.profilePicture === null ? null : ANY_TEXT,
        },
      });
    }
    for (const { email, phone } of some) {
      expect(answer.text).not.toContain(email);
      expect(answer.text).not.toContain(phone);
    }
    const top = data(await get(`/api/leaderboard/region/${region}/top3`, { token: all.poor.token }));
    expect(part["top3"]).toEqual(top.leaderboard);
    expect(part["region"]).toEqual(top.region);
  });

  test("are the active ones, with or without students", async () => {
    const [off, empty] = [await createRegion({ isActive: false }), await createRegion()];
    await students(off, 1);
    const part = await inAll(empty);
    expect(part).toEqual({ region: { id: empty, name: TEXT, code: TEXT }, top3: [], totalStudents: 0 });
    expect((await regional(all.tutor.token)).map(({ region }) => region.id)).not.toContain(off);
  });

  test("rank equal points by registration, then by id", async () => {
    const region = await createRegion();
    const same = new Date(Date.UTC(2024, 0, 1));
    const some = await students(region, 4, { createdAt: same });
    const expected = some
      .map(({ id }) => id)
      .sort()
      .slice(0, 3);
    expect((await inAll(region))["top3"].map(({ student }: Entry) => student.id)).toEqual(expected);
  });

  test("need a token", () => expectTokenAsked((token) => get(ALL, { token }), all.poor));
});

describe("statistics", () => {
  const statistics = async (): Promise<Document> => told(await get(STATISTICS, { token: all.boss.token }));
  const of = (region: string) =>
    partOf(
      async () => (await statistics())["regionStatistics"],
      (part) => part["region"].id === region,
      `statistics of ${region}`,
    );

  test("of a region: means and the best of points, means of each kind of session", async () => {
    const region = await createRegion({ description: "Hills" });
    const [a, b] = (await students(region, 3)) as [Learner, Learner];
    await students(region, 1, { isActive: false });
    const game = () => ({ gameSession: { game: new ObjectId(), gameType: "grammar" } });
    await plantSessions([
      { users: [a], sessionType: "lecture", lectureSession: { lecture: new ObjectId() } },
      { users: [a], sessionType: "game", ...game() },
      { users: [a], sessionType: "game", ...game() },
      { users: [a, b], sessionType: "voice_call" },
      { users: [a], sessionType: "video_call" },
      { users: [a], sessionType: "chat" },
      { users: [b], sessionType: "group_discussion" },
      { users: [b], sessionType: "group_video_call" },
      { users: [b], sessionType: "group_voice_call" },
      { users: [b], sessionType: "group_chat" },
    ]);
    const part = await of(region);
    expect(part).toEqual({
      region: { id: region, name: TEXT, code: TEXT, description: "Hills" },
      totalStudents: 3,
      // 6, 5 and 0 points.
      averageScore: 3.67,
      topScore: 6,
      statistics: { averageLectures: 0.33, averageGames: 0.67, averageCommunication: 2.67 },
    });
  });

  test("of an empty region are zero", async () => {
    const region = await createRegion();
    expect(await of(region)).toEqual({
      region: { id: region, name: TEXT, code: TEXT },
      totalStudents: 0,
      averageScore: 0,
      topScore: 0,
      statistics: { averageLectures: 0, averageGames: 0, averageCommunication: 0 },
    });
  });

  test("leave out regions that are switched off, and add up", async () => {
    const [on, off] = [await createRegion(), await createRegion({ isActive: false })];
    await students(off, 1);
    await of(on);
    const whole = await statistics();
    expect(Object.keys(whole).sort()).toEqual(["overall", "regionStatistics", "scoringMethod"]);
    const parts: Document[] = whole["regionStatistics"];
    expect(parts.map(({ region }) => region.id)).not.toContain(off);
    const many = parts.reduce((sum, part) => sum + part["totalStudents"], 0);
    const points = parts.reduce((sum, part) => sum + part["averageScore"] * part["totalStudents"], 0);
    expect(whole["overall"]).toEqual({
      totalRegions: parts.length,
      totalStudents: many,
      averageScore: NUMBER,
    });
    // Means of two decimals, weighted by students: right to the last decimal.
    expect(Math.abs(whole["overall"].averageScore - points / many)).toBeLessThanOrEqual(0.011);
    for (const { statistics: kinds } of parts) {
      for (const key of ["averageLectures", "averageGames", "averageCommunication"])
        expect(kinds[key]).toEqual(NUMBER);
    }
    exactly(whole["scoringMethod"], { description: TEXT, components: expect.any(Object), formula: TEXT });
  });

  test("are for administrators, and tell nothing private", async () => {
    await expectAdminOnly("GET", [STATISTICS], all);
    const { text } = await get(STATISTICS, { token: all.boss.token });
    for (const secret of ["$2", "password", all.poor.email, all.poor.phone])
      expect(text).not.toContain(secret);
  });
});

describe("counters of activity", () => {
  const update = (id: string, body: unknown, token = all.boss.token) => post(activity(id), { token, body });
  const COUNTERS = {
    lectures: "totalLecturesWatched",
    games: "totalGamesPlayed",
    communication: "totalSessions",
  };

  test.for(Object.entries(COUNTERS))(
    "%s add to %s alone, and give no points",
    async ([activityType, counter]) => {
      const region = await createRegion();
      const info = { totalLecturesWatched: 1, totalGamesPlayed: 1, totalSessions: 1, averageGameScore: 7 };
      const [who] = (await students(region, 1, { studentInfo: info })) as [Learner];
      await chats(who, 2);
      const points = async () => data(await who.get("/api/leaderboard/my-rank")).user.totalScore;
      expect(await points()).toBe(2);
      const updatedStatistics = { totalSessions: 2, totalScore: 2 };
      const first = told(await update(who.id, { activityType }));
      expect(first).toMatchObject({ userId: who.id, activityType, increment: 1, updatedStatistics });
      const second = told(await update(who.id, { activityType, increment: 5 }));
      expect(second).toMatchObject({ userId: who.id, activityType, increment: 5, updatedStatistics });
      expect((await storedUser(who.id))["studentInfo"]).toEqual({ ...info, [counter]: 7 });
      expect(await points()).toBe(2);
    },
  );

  test("start at zero where there is none yet", async () => {
    const [who] = (await students(await createRegion(), 1)) as [Learner];
    told(await update(who.id, { activityType: "games", increment: 3 }));
    expect((await storedUser(who.id))["studentInfo"]).toMatchObject({ totalGamesPlayed: 3 });
  });

  test("lose nothing when many come at once", async () => {
    const [who] = (await students(await createRegion(), 1)) as [Learner];
    await Promise.all(
      Array.from({ length: 8 }, async () => told(await update(who.id, { activityType: "lectures" }))),
    );
    expect((await storedUser(who.id))["studentInfo"]["totalLecturesWatched"]).toBe(8);
  });

  test("take whole numbers in a sane range", async () => {
    const [who] = (await students(await createRegion(), 1, { studentInfo: { totalSessions: 1 } })) as [
      Learner,
    ];
    const stored = async () => (await storedUser(who.id))["studentInfo"]["totalSessions"];
    for (const increment of [-1, 1.5, 1e12, "abc", {}, [1], { $gt: 0 }]) {
      const answer = await update(who.id, { activityType: "communication", increment });
      expect(answer.status, JSON.stringify(increment)).toBe(400);
      refused(answer, 400);
    }
    expect(await stored()).toBe(1);
    // A text is refused, or taken for its number; it is never glued on.
    const answer = await update(who.id, { activityType: "communication", increment: "5" });
    if (answer.status === 200) expect(told(answer).increment).toBe(5);
    else refused(answer, 400);
    expect(await stored()).toBe(answer.status === 200 ? 6 : 1);
  });

  test("are those of students, by administrators", async () => {
    const { id } = all.poor;
    await expectAdminOnly("POST", [activity(id), activity("nope"), activity(nobody())], all, {
      activityType: "?",
    });
    for (const wrong of ["nope", nobody().slice(1), `${nobody()}0`, "z".repeat(24), "%24ne"]) {
      refused(await update(wrong, { activityType: "games" }), 400);
    }
    for (const activityType of [undefined, null, "", "sports", "Games", {}, ["games"], "__proto__", 1]) {
      refused(await update(id, { activityType }), 400);
    }
    refused(await update(nobody(), { activityType: "games" }), 404);
    for (const who of [all.tutor, all.boss]) refused(await update(who.id, { activityType: "games" }), 400);
    expect((await storedUser(id))["studentInfo"]?.totalGamesPlayed ?? 0).toBe(0);
  });
});

describe.for(SETTINGS)("page of the admin site; base $setting", ({ odd }) => {
  const path = `${odd}/admin/leaderboard/all-regions/top3`;
  const read = async (): Promise<Document> => {
    const answer = await fetchAs(all.boss.token, "GET", path);
    return data(answer);
  };

  test("ranks the active regions", async () => {
    const mark = unique();
    const region = (name: string, fields: object = {}) =>
      createRegion({ name: `${mark} ${name}`, ...fields });
    const [second, first, third, empty, off] = [
      await region("B"),
      await region("C"),
      await region("A"),
      await region("Empty"),
      await region("Off", { isActive: false }),
    ];
    const score = (averageGameScore: number, totalGamesPlayed: number) => ({
      studentInfo: { averageGameScore, totalGamesPlayed },
    });
    const [best] = await students(first, 1, score(90, 3));
    const [worst] = await students(first, 1, score(70, 4));
    await students(first, 1, { isActive: false, ...score(1, 100) });
    await people(2, { region: oid(first), role: "teacher", ...score(1, 100) });
    await people(1, { region: oid(first), role: "admin" });
    await students(off, 1, score(90, 1));
    // Equal scores: more points first, then by name.
    const [much] = await students(second, 1, score(80, 0));
    await students(third, 1, score(80, 0));
    await chats(best!, 2);
    await chats(worst!, 1);
    await chats(much!, 1);
    const fresh = await region("D");
    await students(fresh, 1, score(80, 0));

    await eventually("the new regions are there", async () => {
      const names: Document[] = (await read())["rankings"];
      const last = names.find(({ _id }) => _id === fresh);
      return last?.["totalStudents"] === 1 && names.some(({ _id }) => _id === empty);
    });
    const { totalRegions, lastUpdated, rankings } = await read();
    expect(totalRegions).toBe(rankings.length);
    expect(lastUpdated).toEqual(TIME);
    const mine = rankings.filter(({ regionName }: Document) => regionName.startsWith(mark));
    expect(mine.map(({ _id }: Document) => _id)).toEqual([first, second, third, fresh, empty]);
    for (const row of mine) expect(row.regionCode).toEqual(TEXT);
    expect(mine[0]).toEqual({
      _id: first,
      regionName: `${mark} C`,
      regionCode: TEXT,
      totalUsers: 5,
      totalStudents: 2,
      totalTeachers: 2,
      averageScore: 80,
      totalGamesPlayed: 7,
      totalPoints: 3,
      rank: NUMBER,
    });
    expect(mine[1]).toMatchObject({ averageScore: 80, totalPoints: 1, totalStudents: 1 });
    expect(mine[4]).toEqual({
      _id: empty,
      regionName: `${mark} Empty`,
      regionCode: TEXT,
      totalUsers: 0,
      totalStudents: 0,
      totalTeachers: 0,
      averageScore: 0,
      totalGamesPlayed: 0,
      totalPoints: 0,
      rank: NUMBER,
    });
    expect(rankings.map(({ rank }: Document) => rank)).toEqual(
      rankings.map((_: Document, index: number) => index + 1),
    );
    for (const secret of [best!.email, "$2"]) expect(JSON.stringify(rankings)).not.toContain(secret);
  });

  test("is for administrators", () => expectAdminOnly("GET", [path], all));
});
