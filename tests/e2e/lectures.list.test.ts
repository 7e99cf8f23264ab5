import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, get, unique } from "../support/client.ts";
import { oid, refused, told } from "./groups.support.ts";
import {
  type Hall,
  LECTURES,
  VIDEO,
  at,
  expectLecture,
  hall,
  ids,
  idsOf,
  lectures,
  lonelyRegion,
  plantLecture,
} from "./lectures.support.ts";
import { TEXT, nobody } from "./sessions.support.ts";

let all: Hall;

beforeAll(async () => {
  all = await hall();
});

/** Everybody who sees what is published, and nothing else. */
const audience = (): (Learner | undefined)[] => [undefined, all.poor, all.late, all.rich, all.tutor];
const titled = (title: string) => new URLSearchParams({ search: title }).toString();

test("the list has the shape of the contract", async () => {
  const region = await lonelyRegion({ description: "By the sea" });
  const notes = { pdfUrl: "https://videos.example.com/n.pdf", textContent: "Read" };
  const full = await plantLecture({
    region,
    instructor: oid(all.tutor.id),
    thumbnailUrl: "https://videos.example.com/t.jpg",
    notes,
    tags: ["verbs"],
    totalViews: 3,
    createdAt: new Date(2024, 2),
  });
  const bare = await plantLecture({ region, instructor: oid(nobody()), createdAt: new Date(2024, 1) });
  const answer = await get(at.list(`region=${region.toHexString()}`));
  const { lectures: list, pagination, statistics, filters } = told(answer);
  expect(pagination).toEqual({ page: 1, limit: 20, total: 2, pages: 1 });
  expect(idsOf(list)).toEqual([full.id, bare.id]);
  list.forEach((lecture: Document) => expectLecture(lecture));
  expect(list[0]).toMatchObject({
    title: full["title"],
    videoUrl: VIDEO,
    thumbnailUrl: "https://videos.example.com/t.jpg",
    duration: 100,
    instructor: { _id: all.tutor.id, name: TEXT },
    region: { _id: region.toHexString(), name: TEXT, code: TEXT },
    tags: ["verbs"],
    totalViews: 3,
    createdAt: full["createdAt"].toISOString(),
  });
  // The account is gone.
  expect(list[1].instructor).toBeNull();
  for (const key of ["thumbnailUrl", "notes"]) expect(list[1]).not.toHaveProperty(key);
  expect(statistics).toEqual([
    { _id: "beginner", count: 2, totalDuration: 200, avgDuration: 100, totalViews: 3 },
  ]);
  expect(filters).toMatchObject({
    active: "all",
    premium: "all",
    difficulty: "all",
    region: region.toHexString(),
    search: "none",
  });
  for (const secret of [all.tutor.email, all.tutor.phone, "$2"]) expect(answer.text).not.toContain(secret);
  // The form of the admin site starts from the list.
  const [seen] = (await lectures(`region=${region.toHexString()}`, all.boss.token))["lectures"];
  expectLecture(seen);
  expect(seen).toMatchObject({ notes, instructor: { _id: all.tutor.id } });
});

test("regions that are not set, or are gone", async () => {
  const [none, gone] = [await plantLecture(), await plantLecture({ region: oid(nobody()) })];
  expect((await lectures(titled(none["title"])))["lectures"][0]).not.toHaveProperty("region");
  expect((await lectures(titled(gone["title"])))["lectures"][0].region).toBeNull();
});

test("a bad token is none; defaults are those of the contract", async () => {
  for (const token of [undefined, "no.token.this", `${all.boss.token.slice(0, -2)}xx`]) {
    const { pagination, filters, lectures: list } = told(await get(LECTURES, { token }));
    expect(pagination).toMatchObject({ page: 1, limit: 20 });
    expect(filters).toMatchObject({
      active: "all",
      premium: "all",
      difficulty: "all",
      region: "all",
      search: "none",
    });
    const times = list.map(({ createdAt }: Document) => Date.parse(createdAt));
    expect(times).toEqual([...times].sort((a, b) => b - a));
  }
});

describe("who sees what", () => {
  test("lectures that are switched off or unpublished: administrators alone", async () => {
    const region = await lonelyRegion();
    const on = await plantLecture({ region });
    const hidden = [
      await plantLecture({ region, isActive: false }),
      await plantLecture({ region, isPublished: false }),
      await plantLecture({ region, isPublished: undefined, publishedAt: undefined }),
    ];
    const here = `region=${region.toHexString()}`;
    for (const who of audience()) {
      const { lectures: list, pagination, statistics } = await lectures(here, who?.token);
      expect(idsOf(list)).toEqual([on.id]);
      expect(pagination.total).toBe(1);
      expect(statistics).toMatchObject([{ count: 1 }]);
      for (const query of [
        "active=false",
        "active=true",
        "active=all",
        "active[$ne]=true",
        "isPublished=false",
      ]) {
        const answer = await get(at.list(`${here}&${query}`), { token: who?.token });
        for (const { id } of hidden) expect(answer.text, query).not.toContain(id);
      }
    }
    const all4 = [on, ...hidden].map(({ id }) => id).sort();
    expect((await ids(here, all.boss.token)).sort()).toEqual(all4);
    expect(await ids(`${here}&active=false`, all.boss.token)).toEqual([hidden[0]!.id]);
    expect(await ids(`${here}&active=true`, all.boss.token)).not.toContain(hidden[0]!.id);
  });

  test("lectures for subscribers: listed for all, with a film for whoever is entitled", async () => {
    const region = await lonelyRegion();
    const film = `https://videos.example.com/${unique()}.mp4`;
    const notes = { pdfUrl: `${film}.pdf`, textContent: `Secret ${film}` };
    const paid = await plantLecture({ region, isPremium: true, videoUrl: film, notes });
    const of = async (token?: string) =>
      (await lectures(`region=${region.toHexString()}`, token))["lectures"][0];
    for (const token of [undefined, "no.token.this", all.poor.token, all.late.token]) {
      const lecture = await of(token);
      expectLecture(lecture);
      // Always a text: the player calls methods of it.
      expect(lecture).toMatchObject({ _id: paid.id, isPremium: true, videoUrl: "" });
      expect(lecture).not.toHaveProperty("notes");
      expect(JSON.stringify(lecture)).not.toContain(film);
    }
    for (const { token } of [all.rich, all.tutor, all.boss]) {
      expect(await of(token)).toMatchObject({ _id: paid.id, videoUrl: film });
    }
    expect(await of(all.boss.token)).toMatchObject({ notes });
  });
});

describe("filters", () => {
  test("by price, difficulty and region, with their totals", async () => {
    const region = await lonelyRegion();
    const made = {
      easy: await plantLecture({ region, duration: 30, totalViews: 1 }),
      paid: await plantLecture({ region, duration: 61, totalViews: 5, isPremium: true }),
      hard: await plantLecture({ region, duration: 200, difficulty: "advanced", isPremium: true }),
    };
    const here = `region=${region.toHexString()}`;
    for (const [query, expected, echo] of [
      ["", ["easy", "paid", "hard"], {}],
      ["premium=true", ["paid", "hard"], { premium: true }],
      ["premium=false", ["easy"], { premium: false }],
      ["premium=1", ["easy"], { premium: false }],
      ["difficulty=advanced", ["hard"], { difficulty: "advanced" }],
      ["difficulty=beginner&premium=true", ["paid"], { difficulty: "beginner", premium: true }],
      ["difficulty=intermediate", [], { difficulty: "intermediate" }],
      // What the page of the admin site sends when no filter is chosen.
      [
        "difficulty=&premium=&search=",
        ["easy", "paid", "hard"],
        { difficulty: "all", premium: "all", search: "none" },
      ],
    ] as [string, (keyof typeof made)[], object][]) {
      const { lectures: list, filters, pagination } = await lectures(`${here}&${query}`);
      expect(idsOf(list).sort(), query).toEqual(expected.map((key) => made[key].id).sort());
      expect(filters, query).toMatchObject({ region: region.toHexString(), ...echo });
      expect(pagination.total, query).toBe(expected.length);
    }
    const { statistics } = await lectures(`${here}&limit=1&page=2`);
    const byDifficulty = (a: Document, b: Document) => a["_id"].localeCompare(b["_id"]);
    expect([...statistics].sort(byDifficulty)).toEqual([
      { _id: "advanced", count: 1, totalDuration: 200, avgDuration: 200, totalViews: 0 },
      { _id: "beginner", count: 2, totalDuration: 91, avgDuration: 45.5, totalViews: 6 },
    ]);
    expect((await lectures(`${here}&premium=false`))["statistics"]).toMatchObject([
      { _id: "beginner", count: 1 },
    ]);
    expect(await ids(`region=${nobody()}`)).toEqual([]);
    expect((await lectures(`region=${nobody()}`))["statistics"]).toEqual([]);
  });

  test("by a fragment of title, description or tag, in any case, taken literally", async () => {
    const mark = unique();
    const made = [
      await plantLecture({ title: `Über ${mark} (a+b) [c] .*` }),
      await plantLecture({ description: `Long words: über ${mark} (a+b) [c] .*` }),
      await plantLecture({ tags: ["first", `ÜBER ${mark} (A+B) [C] .*`] }),
    ].map(({ id }) => id);
    await plantLecture({ title: `Other ${mark}` });
    for (const search of [
      `über ${mark}`,
      `${mark.toUpperCase()} (A+B)`,
      `${mark} (a+b) [c]`,
      `${mark} (a+B) [C] .*`,
    ]) {
      const found = await lectures(`${titled(search)}&limit=100`);
      expect(found["filters"]).toMatchObject({ search });
      expect(idsOf(found["lectures"]), search).toEqual(expect.arrayContaining(made));
      expect(found["pagination"].total, search).toBe(3);
    }
    for (const search of [`${mark}.*`, `^Über ${mark}`, `${mark}|x`, `${mark} .a`]) {
      expect(await ids(titled(search)), search).toEqual([]);
    }
  });

  test.for(["[", "(", "*", "+", "\\", "?", "(a+)+$", "%", "{1}", "$"])(
    "a search for %s is answered",
    async (search) => {
      const made = await plantLecture({ title: `Odd ${unique()} ${search} end` });
      const { lectures: list } = await lectures(`${titled(`${made["title"]}`)}`);
      expect(idsOf(list)).toEqual([made.id]);
      expect((await get(at.list(titled(search)))).status).toBe(200);
    },
  );

  test("by instructor, unless that is no filter at all", async () => {
    const region = await lonelyRegion();
    const made = await plantLecture({ region, instructor: oid(all.tutor.id) });
    await plantLecture({ region, instructor: oid(all.other.id) });
    const found = await lectures(`region=${region.toHexString()}&instructor=${all.tutor.id}`);
    if ("instructor" in found["filters"]) {
      expect(found["filters"].instructor).toBe(all.tutor.id);
      expect(idsOf(found["lectures"])).toEqual([made.id]);
      expect((await lectures(""))["filters"].instructor).toBe("none");
    } else expect(found["lectures"]).toHaveLength(2);
  });

  test.for([
    "region=nope",
    "region[$ne]=x",
    "difficulty=hard",
    "difficulty[$ne]=x",
    "premium[$ne]=x",
    "search[$regex]=.",
  ])("odd values are answered in the envelope: %s", async (query) => {
    const hidden = await plantLecture({ isActive: false });
    const answer = await get(at.list(query));
    if (answer.status === 200) expect(answer.body.data.lectures).toEqual(expect.any(Array));
    else refused(answer, 400);
    if (answer.status === 200 && !query.includes("[")) expect(answer.body.data.lectures).toEqual([]);
    expect(answer.text).not.toContain(hidden.id);
  });
});

describe("order and pages", () => {
  test("by an allowed field, either way; the newest first by default", async () => {
    const region = await lonelyRegion();
    const [b, c, a] = [
      await plantLecture({ region, title: `B ${unique()}`, createdAt: new Date(2021, 1) }),
      await plantLecture({ region, title: `C ${unique()}`, createdAt: new Date(2022, 1) }),
      await plantLecture({ region, title: `A ${unique()}`, createdAt: new Date(2023, 1) }),
    ];
    const here = `region=${region.toHexString()}`;
    for (const [query, expected] of [
      ["", [a, c, b]],
      ["sortBy=createdAt&sortOrder=desc", [a, c, b]],
      ["sortBy=createdAt&sortOrder=asc", [b, c, a]],
      ["sortBy=title&sortOrder=asc", [a, b, c]],
      ["sortBy=title&sortOrder=desc", [c, b, a]],
    ] as const) {
      expect(await ids(`${here}&${query}`), query).toEqual(expected.map(({ id }) => id));
    }
    for (const query of [
      "sortBy=notes.textContent",
      "sortBy=$where",
      "sortBy[]=title",
      "sortBy=title&sortBy=createdAt",
    ]) {
      const answer = await get(at.list(`${here}&${query}`));
      if (answer.status === 200) expect(answer.body.data.lectures).toHaveLength(3);
      else refused(answer, 400);
    }
  });

  test("pages are clamped, and show each lecture once", async () => {
    const region = await lonelyRegion();
    const createdAt = new Date(2024, 1);
    for (let turn = 0; turn < 22; turn++) await plantLecture({ region, createdAt });
    const here = `region=${region.toHexString()}`;
    for (const [query, page, limit, count] of [
      ["", 1, 20, 20],
      ["page=2", 2, 20, 2],
      ["page=1&limit=50", 1, 50, 22],
      ["limit=5&page=5", 5, 5, 2],
      ["limit=1000", 1, 100, 22],
      ["limit=0&page=0", 1, 1, 1],
      ["limit=-1&page=-1", 1, 1, 1],
      ["page=abc&limit=xyz", 1, 20, 20],
    ] as const) {
      const found = await lectures(`${here}&${query}`);
      expect(found["pagination"], query).toEqual({ page, limit, total: 22, pages: Math.ceil(22 / limit) });
      expect(found["lectures"], query).toHaveLength(count);
    }
    const seen: string[] = [];
    for (const page of [1, 2, 3]) seen.push(...(await ids(`${here}&limit=8&page=${page}`)));
    expect(new Set(seen).size).toBe(22);
  });
});
