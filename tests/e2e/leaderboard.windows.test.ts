/** Leaderboards of a time, the places around one's own, and pages that go on where another ended. */
import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, call, createRegion, matchLearners, withDatabase, unique } from "../support/client.ts";
import { people, teacher } from "../support/people.ts";
import { oid, refused, told } from "./groups.support.ts";
import { expectError } from "./sessions.support.ts";

const INDIA = 330 * 60_000;
const DAY = 86_400_000;

/** When the day, week and month began in India. */
function starts(): { day: number; week: number; month: number } {
  const there = new Date(Date.now() + INDIA);
  const [year, month, date] = [there.getUTCFullYear(), there.getUTCMonth(), there.getUTCDate()];
  const sinceMonday = (there.getUTCDay() + 6) % 7;
  const at = (day: number) => Date.UTC(year, month, day) - INDIA;
  return { day: at(date), week: at(date - sinceMonday), month: at(1) };
}

/** Sessions of these times that list a learner. */
const played = (who: Learner, ...times: number[]) =>
  withDatabase((db) =>
    db.collection("sessions").insertMany(
      times.map((time) => ({
        _id: new ObjectId(),
        sessionId: `old_${unique()}`,
        sessionType: "chat",
        status: "completed",
        host: oid(who.id),
        participants: [{ _id: new ObjectId(), user: oid(who.id), role: "host" }],
        startedAt: new Date(time),
        createdAt: new Date(time),
      })),
    ),
  );

interface Entry {
  rank: number;
  student: { id: string };
  totalScore: number;
}

let region: string;
let crew: Learner[];
const page = async (query: string) =>
  told(await crew[0]!.get(`/api/leaderboard/region/${region}?${query}`)) as {
    leaderboard: Entry[];
    next?: string;
    pagination: { total: number };
  };
const shown = (entries: Entry[]) =>
  entries.map(({ student, totalScore }) => [crew.findIndex(({ id }) => id === student.id), totalScore]);

beforeAll(async () => {
  region = await createRegion();
  crew = await people(6, { region: oid(region) });
  const { day, week, month } = starts();
  const now = Date.now();
  await played(crew[0]!, now, day, day - 1, week - DAY, month - 1);
  await played(crew[1]!, now, day + 1);
  await played(crew[2]!, month - DAY, month - 2 * DAY, month - 3 * DAY, month - 40 * DAY);
  await played(crew[3]!, now);
});

describe("a window", () => {
  test("counts what was in it; the first moment belongs to it, the one before does not", async () => {
    const { day, week, month } = starts();
    const since = (start: number, ...times: number[]) => times.filter((time) => time >= start).length;
    const mine = [Date.now(), day, day - 1, week - DAY, month - 1];
    for (const [window, start] of [
      ["day", day],
      ["week", week],
      ["month", month],
      ["all", 0],
    ] as const) {
      const { leaderboard } = await page(`window=${window}`);
      const score = (n: number) => leaderboard.find(({ student }) => student.id === crew[n]!.id)?.totalScore;
      expect(score(0), window).toBe(since(start, ...mine));
      expect(score(1), window).toBe(2);
      expect(score(3), window).toBe(1);
      expect(score(2), window).toBe(window === "all" ? 4 : undefined);
      expect(score(4), window).toBe(window === "all" ? 0 : undefined);
      expect(leaderboard.map(({ rank }) => rank)).toEqual(leaderboard.map((_, n) => n + 1));
      const scores = leaderboard.map(({ totalScore }) => totalScore);
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    }
  });

  test("takes in what happens now, at once", async () => {
    const score = async (window: string) => {
      const { leaderboard } = await page(`window=${window}`);
      return leaderboard.find(({ student }) => student.id === crew[4]!.id)?.totalScore ?? 0;
    };
    const before = await score("day");
    const { session } = await matchLearners(crew[4]!, crew[5]!, "chat");
    await crew[4]!.post(`/api/communication/call/${session}/leave`);
    await expect.poll(() => score("day"), { timeout: 10_000 }).toBe(before + 1);
    for (const window of ["week", "month", "all"]) expect(await score(window)).toBe(before + 1);
  });

  test("has the caller's own rank", async () => {
    const rank = async (who: Learner, window: string) =>
      told(await who.get(`/api/leaderboard/my-rank?window=${window}`)).user;
    expect(await rank(crew[2]!, "all")).toMatchObject({ totalScore: 4 });
    expectError(await crew[2]!.get("/api/leaderboard/my-rank?window=day"), 404);
    const { rank: place } = await rank(crew[3]!, "day");
    const { leaderboard } = await page("window=day");
    expect(leaderboard[place - 1]!.student.id).toBe(crew[3]!.id);
  });

  test("must be one of four", async () => {
    for (const path of [`region/${region}`, "my-rank", "around-me"]) {
      for (const window of ["year", "Day", "0"]) {
        refused(await crew[0]!.get(`/api/leaderboard/${path}?window=${window}`), 400);
      }
    }
  });
});

describe("around me", () => {
  const around = (who: Learner, query = "") => who.get(`/api/leaderboard/around-me?${query}`);

  test("are those before and after, with oneself among them", async () => {
    const { leaderboard } = await page("limit=100");
    for (const [at, entry] of leaderboard.entries()) {
      const who = crew.find(({ id }) => id === entry.student.id)!;
      const seen = told(await around(who, "around=2"));
      expect(seen.rank).toBe(at + 1);
      expect(shown(seen.leaderboard)).toEqual(shown(leaderboard.slice(Math.max(0, at - 2), at + 3)));
      expect(seen.totalStudents).toBe(6);
    }
    expect(told(await around(crew[0]!)).leaderboard).toHaveLength(6);
    for (const odd of ["around=0", "around=-1", "around=x", "around=1000"]) told(await around(crew[0]!, odd));
  });

  test("is for students", async () => {
    expectError(await around(await teacher({ region: oid(region) })), 400);
    expectError(await call("GET", "/api/leaderboard/around-me"), 401, "Access token required");
  });
});

describe("a cursor", () => {
  test("leads through all places, each once", async () => {
    const whole = (await page("limit=100")).leaderboard;
    const seen: Entry[] = [];
    let query = "limit=2&cursor=";
    for (let n = 0; n < 4; n++) {
      const { leaderboard, next } = await page(query);
      seen.push(...leaderboard);
      if (next === undefined) break;
      query = `limit=2&cursor=${next}`;
    }
    expect(seen.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(shown(seen)).toEqual(shown(whole));
  });

  test("goes on behind its place when others climb in the meantime", async () => {
    const mine = await createRegion();
    const four = await people(4, { region: oid(mine) });
    for (const [n, who] of four.entries()) await played(who, ...Array(8 - 2 * n).fill(Date.now()));
    const read = async (query: string) =>
      told(await four[0]!.get(`/api/leaderboard/region/${mine}?${query}`));
    const first = await read("limit=2&cursor=");
    // The last one climbs to the top: by pages, the third would be shown on no page.
    const { session } = await matchLearners(four[3]!, four[2]!, "chat");
    await four[3]!.post(`/api/communication/call/${session}/leave`);
    await expect.poll(async () => (await read("limit=4")).leaderboard.at(-1).totalScore).toBe(3);
    const second = await read(`limit=2&cursor=${first.next}`);
    expect(second.leaderboard.map(({ student }: Entry) => student.id)).toEqual([four[2]!.id, four[3]!.id]);
    expect(second).not.toHaveProperty("next");
  });

  test("must be one", async () => {
    for (const cursor of ["x", "1.2", "1.2.3", `1.x.${crew[0]!.id}`, `-1.0.${crew[0]!.id}`]) {
      refused(await crew[0]!.get(`/api/leaderboard/region/${region}?cursor=${cursor}`), 400);
    }
  });
});
