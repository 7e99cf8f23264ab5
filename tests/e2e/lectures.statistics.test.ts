import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { get } from "../support/client.ts";
import { data, exactly, oid, refused } from "./groups.support.ts";
import { expectAdminOnly } from "./games.support.ts";
import { type Hall, at, hall, idsOf, lonelyRegion, plantLecture } from "./lectures.support.ts";
import { ID, TEXT, TIME, nobody } from "./sessions.support.ts";

let all: Hall;

beforeAll(async () => {
  all = await hall();
});

async function statistics(query: Record<string, string> = {}): Promise<Document> {
  const answer = await all.boss.get(at.statistics(new URLSearchParams(query).toString()));
  const found = data(answer);
  expect(Object.keys(found).sort()).toEqual(["filters", "recentLectures", "statistics", "topInstructors"]);
  return found;
}

const byId = (a: Document, b: Document) => String(a["_id"]).localeCompare(String(b["_id"]));

test("are for administrators", () =>
  expectAdminOnly("GET", [at.statistics(), at.statistics("region=nope")], all));

describe("of a region", () => {
  test("have the shape of the contract, and cover what is hidden too", async () => {
    const region = await lonelyRegion();
    const here = region.toHexString();
    const [tutor, other] = [oid(all.tutor.id), oid(all.other.id)];
    const day = (at: number) => new Date(Date.UTC(2024, 0, at));
    const plant = (fields: Document) => plantLecture({ region, instructor: tutor, ...fields });
    const made = [
      await plant({ duration: 10, totalViews: 3, createdAt: day(1) }),
      await plant({ duration: 25, totalViews: 1, createdAt: day(2), isActive: false }),
      await plant({ duration: 100, totalViews: 9, createdAt: day(3), isPremium: true, instructor: other }),
      await plant({
        duration: 40,
        totalViews: 2,
        createdAt: day(4),
        difficulty: "advanced",
        isPublished: false,
      }),
    ];
    const found = await statistics({ region: here });
    expect(found["filters"]).toEqual({ startDate: "none", endDate: "none", region: here });

    expect([...found["statistics"]].sort(byId)).toEqual([
      {
        _id: "advanced",
        premium: [{ isPremium: false, count: 1, totalDuration: 40, avgDuration: 40, totalViews: 2 }],
        totalCount: 1,
        totalDuration: 40,
        totalViews: 2,
      },
      {
        _id: "beginner",
        premium: expect.any(Array),
        totalCount: 3,
        totalDuration: 135,
        totalViews: 13,
      },
    ]);
    const { premium } = found["statistics"].find(({ _id }: Document) => _id === "beginner");
    expect(premium).toHaveLength(2);
    expect(premium).toEqual(
      expect.arrayContaining([
        { isPremium: false, count: 2, totalDuration: 35, avgDuration: 17.5, totalViews: 4 },
        { isPremium: true, count: 1, totalDuration: 100, avgDuration: 100, totalViews: 9 },
      ]),
    );

    expect(idsOf(found["recentLectures"])).toEqual([...made].reverse().map(({ id }) => id));
    for (const lecture of found["recentLectures"]) {
      const { instructor, ...rest } = lecture;
      expect(rest).toEqual({
        _id: ID,
        title: TEXT,
        region: { _id: here, name: TEXT, code: TEXT },
        difficulty: TEXT,
        isPremium: expect.any(Boolean),
        totalViews: expect.any(Number),
        createdAt: TIME,
      });
      exactly(instructor, { _id: ID, name: TEXT });
    }

    expect(found["topInstructors"]).toEqual([
      { _id: all.other.id, name: TEXT, lectureCount: 1, totalViews: 9, avgDuration: 100 },
      { _id: all.tutor.id, name: TEXT, lectureCount: 3, totalViews: 6, avgDuration: 25 },
    ]);
  });

  test("without lectures are empty", async () => {
    const here = (await lonelyRegion()).toHexString();
    for (const region of [here, nobody()]) {
      expect(await statistics({ region })).toMatchObject({
        statistics: [],
        recentLectures: [],
        topInstructors: [],
      });
    }
  });

  test("name the ten newest lectures and the five best instructors", async () => {
    const region = await lonelyRegion();
    const made = [];
    for (let turn = 0; turn < 12; turn++) {
      const fields = {
        instructor: oid(nobody()),
        totalViews: turn,
        createdAt: new Date(Date.UTC(2024, 0, 1, turn)),
      };
      made.unshift(await plantLecture({ region, ...fields }));
    }
    const found = await statistics({ region: region.toHexString() });
    expect(idsOf(found["recentLectures"])).toEqual(made.slice(0, 10).map(({ id }) => id));
    expect(idsOf(found["topInstructors"])).toEqual(
      made.slice(0, 5).map((lecture) => lecture["instructor"].toHexString()),
    );
    // These accounts are gone.
    for (const lecture of found["recentLectures"]) expect(lecture.instructor).toBeNull();
  });

  test("take a range of dates, both ends included", async () => {
    const region = await lonelyRegion();
    const here = region.toHexString();
    const times = ["2024-03-01T00:00:00.000Z", "2024-03-02T12:00:00.000Z", "2024-03-03T00:00:00.000Z"];
    const made: string[] = [];
    for (const time of times) made.push((await plantLecture({ region, createdAt: new Date(time) })).id);
    for (const [range, expected] of [
      [{ startDate: times[0], endDate: times[2] }, [0, 1, 2]],
      [{ startDate: times[1] }, [1, 2]],
      [{ endDate: times[1] }, [0, 1]],
      [{ startDate: "2024-03-01T00:00:00.001Z", endDate: "2024-03-02T23:59:59.999Z" }, [1]],
      [{ startDate: "2024-03-02" }, [1, 2]],
      [{ startDate: "2024-03-04" }, []],
      [{ startDate: times[2], endDate: times[0] }, []],
    ] as [Record<string, string>, number[]][]) {
      const found = await statistics({ region: here, ...range });
      const name = JSON.stringify(range);
      expect(idsOf(found["recentLectures"]).sort(), name).toEqual(expected.map((at) => made[at]).sort());
      expect(found["statistics"], name).toMatchObject(
        expected.length === 0 ? [] : [{ _id: "beginner", totalCount: expected.length }],
      );
      expect(found["topInstructors"], name).toHaveLength(expected.length);
      expect(found["filters"]).toEqual({ startDate: "none", endDate: "none", region: here, ...range });
    }
  });
});

test("of everything answer like those of a region", async () => {
  const made = await plantLecture({ createdAt: new Date(Date.now() + 60_000), difficulty: "intermediate" });
  const found = await statistics();
  expect(found["filters"]).toEqual({ startDate: "none", endDate: "none", region: "all" });
  expect(found["recentLectures"].length).toBeLessThanOrEqual(10);
  expect(found["topInstructors"].length).toBeLessThanOrEqual(5);
  expect(idsOf(found["recentLectures"])).toContain(made.id);
  expect(found["statistics"].find(({ _id }: Document) => _id === "intermediate").totalCount).toBeGreaterThan(
    0,
  );
});

test("of what is no date and no region are refused", async () => {
  for (const query of [
    "startDate=yesterday-ish",
    "endDate=nope",
    "startDate=2024-13-45",
    "region=nope",
    `region=${nobody().slice(1)}`,
    "startDate[$gt]=2024-01-01&endDate=x",
    "region[$ne]=x&startDate=nope",
  ]) {
    refused(await get(at.statistics(query), { token: all.boss.token }), 400);
  }
});
