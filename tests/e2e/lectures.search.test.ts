import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { post, unique } from "../support/client.ts";
import { ANY_TEXT, FLAG, NUMBER, exactly, oid, refused, told } from "./groups.support.ts";
import { expectTokenAsked, postEmpty } from "./games.support.ts";
import { type Hall, VIDEO, at, hall, idsOf, lonelyRegion, plantLecture } from "./lectures.support.ts";
import { ID, TEXT, TIME, nobody } from "./sessions.support.ts";

let all: Hall;

beforeAll(async () => {
  all = await hall();
});

async function search(body?: object, who = all.poor): Promise<Document> {
  const data = told(await who.post(at.search, body));
  expect(Object.keys(data).sort()).toEqual(["lectures", "pagination", "searchCriteria"]);
  return data;
}

const found = async (body: object, who = all.poor) => idsOf((await search(body, who))["lectures"]);

test("hits have the shape of the contract", async () => {
  const region = await lonelyRegion({ description: "By the sea" });
  const here = region.toHexString();
  const full = await plantLecture({
    region,
    instructor: oid(all.tutor.id),
    thumbnailUrl: "https://videos.example.com/t.jpg",
    tags: ["verbs"],
    notes: { textContent: "hush-notes" },
    createdAt: new Date(2024, 2),
  });
  const bare = await plantLecture({ region, createdAt: new Date(2024, 1) });
  const data = await search({ region: here });
  expect(data["pagination"]).toEqual({ page: 1, limit: 20, total: 2, pages: 1 });
  expect(idsOf(data["lectures"])).toEqual([full.id, bare.id]);
  for (const lecture of data["lectures"]) {
    exactly(
      lecture,
      {
        _id: ID,
        title: TEXT,
        description: TEXT,
        videoUrl: VIDEO,
        duration: NUMBER,
        instructor: ID,
        region: { _id: here, name: TEXT, code: TEXT },
        isPremium: FLAG,
        tags: expect.any(Array),
        difficulty: TEXT,
        totalViews: NUMBER,
        createdAt: TIME,
      },
      { thumbnailUrl: ANY_TEXT },
    );
  }
  expect(data["lectures"][0]).toMatchObject({ instructor: all.tutor.id, tags: ["verbs"] });
  expect(data["searchCriteria"]).toEqual({
    query: "none",
    difficulty: "all",
    isPremium: "all",
    region: here,
    instructor: "none",
    minDuration: "none",
    maxDuration: "none",
    tags: "none",
    ...("category" in data["searchCriteria"] ? { category: expect.any(String) } : {}),
  });
});

test("criteria are echoed", async () => {
  const criteria = {
    query: unique(),
    difficulty: "advanced",
    isPremium: false,
    region: nobody(),
    instructor: nobody(),
    minDuration: 5,
    maxDuration: 60,
    tags: ["a", "b"],
  };
  const data = await search(criteria);
  expect(data["searchCriteria"]).toMatchObject(criteria);
  expect(data).toMatchObject({ lectures: [], pagination: { page: 1, limit: 20, total: 0, pages: 0 } });
});

describe("filters", () => {
  let here: string;
  let made: Record<"short" | "middle" | "long", Document & { id: string }>;

  beforeAll(async () => {
    const region = await lonelyRegion();
    here = region.toHexString();
    made = {
      short: await plantLecture({ region, duration: 10, tags: ["a", "b"], category: "Reading" }),
      middle: await plantLecture({
        region,
        duration: 50,
        difficulty: "advanced",
        tags: ["b", "c"],
        instructor: oid(all.tutor.id),
      }),
      long: await plantLecture({ region, duration: 90, isPremium: true, category: "Reading" }),
    };
  });

  test.for([
    [{}, ["short", "middle", "long"]],
    [{ difficulty: "advanced" }, ["middle"]],
    [{ isPremium: true }, ["long"]],
    [{ isPremium: false }, ["short", "middle"]],
    [{ minDuration: 50 }, ["middle", "long"]],
    [{ maxDuration: 50 }, ["short", "middle"]],
    [{ minDuration: 11, maxDuration: 89 }, ["middle"]],
    [{ minDuration: 50, maxDuration: 50 }, ["middle"]],
    // 0 counts as not given.
    [{ minDuration: 0, maxDuration: 0 }, ["short", "middle", "long"]],
    [{ tags: ["a"] }, ["short"]],
    [{ tags: ["c", "a"] }, ["short", "middle"]],
    [{ tags: ["b", "nothing"] }, ["short", "middle"]],
    [{ tags: ["nothing"] }, []],
    [{ tags: [] }, ["short", "middle", "long"]],
    [{ category: "Reading" }, ["short", "long"]],
    [{ difficulty: "advanced", tags: ["a"] }, []],
  ] as [object, ("short" | "middle" | "long")[]][])("%j", async ([body, expected]) => {
    const hits = await found({ region: here, ...body });
    expect(hits.sort()).toEqual(expected.map((key) => made[key].id).sort());
  });

  test("by instructor", async () => {
    expect(await found({ region: here, instructor: all.tutor.id })).toEqual([made.middle.id]);
    expect(await found({ region: here, instructor: all.other.id })).toEqual([]);
  });
});

test("a query is a fragment of title, description or tag, in any case, taken literally", async () => {
  const mark = unique();
  const made = [
    await plantLecture({ title: `Über ${mark} (a+b) [c] .*` }),
    await plantLecture({ description: `Long words: über ${mark} (a+b) [c] .*` }),
    await plantLecture({ tags: ["first", `ÜBER ${mark} (A+B) [C] .*`] }),
  ].map(({ id }) => id);
  await plantLecture({ title: `Other ${mark}` });
  for (const query of [`über ${mark}`, `${mark.toUpperCase()} (A+B)`, `${mark} (a+b) [c] .*`]) {
    expect((await found({ query })).sort(), query).toEqual([...made].sort());
  }
  for (const query of [`${mark}.*`, `^Über ${mark}`, `${mark}|x`, `${mark} .a`]) {
    expect(await found({ query }), query).toEqual([]);
  }
  for (const query of ["[", "(", "*", "\\", "(a+)+$"]) await search({ query });
});

describe("who sees what", () => {
  test("nothing that is switched off or unpublished is found", async () => {
    const region = await lonelyRegion();
    const on = await plantLecture({ region });
    for (const fields of [{ isActive: false }, { isPublished: false }, { isPublished: undefined }]) {
      await plantLecture({ region, ...fields });
    }
    for (const who of [all.poor, all.rich, all.tutor]) {
      expect(await found({ region: region.toHexString() }, who)).toEqual([on.id]);
      expect(await found({ region: region.toHexString(), isActive: false, isPublished: false }, who)).toEqual(
        [on.id],
      );
    }
    expect(await found({ region: region.toHexString() }, all.boss)).toContain(on.id);
  });

  test("films for subscribers stay with them", async () => {
    const region = await lonelyRegion();
    const film = `https://videos.example.com/${unique()}.mp4`;
    await plantLecture({ region, isPremium: true, videoUrl: film, notes: { textContent: film } });
    for (const who of [all.poor, all.late]) {
      const [hit] = (await search({ region: region.toHexString() }, who))["lectures"];
      expect(hit).toMatchObject({ isPremium: true, videoUrl: "" });
      expect(JSON.stringify(hit)).not.toContain(film);
    }
    for (const who of [all.rich, all.tutor, all.boss]) {
      expect((await search({ region: region.toHexString() }, who))["lectures"]).toMatchObject([
        { videoUrl: film },
      ]);
    }
  });

  test("nobody without a token", () =>
    expectTokenAsked((token) => post(at.search, { token, body: { query: {} } }), all.poor));
});

test("pages are clamped, the newest first", async () => {
  const region = await lonelyRegion();
  const made: string[] = [];
  for (let turn = 0; turn < 22; turn++) {
    made.unshift((await plantLecture({ region, createdAt: new Date(2024, 1, 1, turn >> 1) })).id);
  }
  const here = region.toHexString();
  for (const [body, page, limit, count] of [
    [{}, 1, 20, 20],
    [{ page: 2 }, 2, 20, 2],
    [{ limit: 5, page: 5 }, 5, 5, 2],
    [{ limit: 100 }, 1, 100, 22],
  ] as const) {
    const data = await search({ region: here, ...body });
    expect(data["pagination"]).toEqual({ page, limit, total: 22, pages: Math.ceil(22 / limit) });
    expect(data["lectures"]).toHaveLength(count);
  }
  for (const body of [{ limit: 1000 }, { limit: 0 }, { page: 0 }, { limit: -1, page: -1 }]) {
    const answer = await all.poor.post(at.search, { region: here, ...body });
    if (answer.status === 400) refused(answer, 400);
    else {
      const { page, limit } = told(answer).pagination;
      expect(page).toBe(1);
      expect(limit).toBeGreaterThanOrEqual(1);
      expect(limit).toBeLessThanOrEqual(100);
    }
  }
  const pages = [];
  for (const page of [1, 2, 3]) pages.push(await found({ region: here, limit: 8, page }));
  expect([...pages.flat()].sort()).toEqual([...made].sort());
  // Pairs are of one instant; the order between instants is fixed.
  const instant = (id: string) => made.indexOf(id) >> 1;
  expect(pages.flat().map(instant)).toEqual(made.map(instant));
});

test("no body is no filter", async () => {
  const response = await postEmpty(at.search, all.poor.token);
  expect(response.status).toBe(200);
  const { data } = (await response.json()) as Document;
  expect(data["pagination"]).toMatchObject({ page: 1, limit: 20 });
  const { total } = (await search({}))["pagination"];
  expect(data["pagination"].total).toBe(total);
});

test.for([
  { query: { $ne: "" } },
  { difficulty: { $ne: "x" } },
  { region: { $ne: null } },
  { isPremium: { $ne: true } },
  { instructor: { $ne: "" } },
  { minDuration: { $gt: 0 } },
  { tags: { $in: ["a"] } },
  { tags: [{ $ne: "" }] },
])("operators are refused: %j", async (body) => {
  refused(await all.poor.post(at.search, body), 400);
});

test.for([{ difficulty: "hard" }, { region: "nope" }, { maxDuration: -5 }, { minDuration: "long" }])(
  "odd values are refused, or find nothing: %j",
  async (body) => {
    const answer = await all.poor.post(at.search, body);
    if (answer.status === 400) refused(answer, 400);
    else expect(told(answer).lectures).toEqual([]);
  },
);
