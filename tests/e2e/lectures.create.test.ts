import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, post, unique, withDatabase } from "../support/client.ts";
import { person } from "../support/people.ts";
import { oid, refused, refusedField } from "./groups.support.ts";
import { expectAdminOnly } from "./games.support.ts";
import {
  type Hall,
  LECTURES,
  VIDEO,
  created,
  expectLecture,
  form,
  hall,
  ids,
  lectures,
  lonelyRegion,
  plantLecture,
  storedLecture,
  wantedLecture,
} from "./lectures.support.ts";
import { nobody } from "./sessions.support.ts";

let all: Hall;

beforeAll(async () => {
  all = await hall();
});

const create = (fields: Document = {}): Promise<Answer> =>
  all.boss.post(LECTURES, wantedLecture(all.tutor.id, fields));

describe("what is made", () => {
  test("is answered in short, stored as the old server stores it, and published at once", async () => {
    const region = (await lonelyRegion()).toHexString();
    const title = `Lecture ${unique()}`;
    const description = "A description between blanks";
    const made = created(
      await create({
        title: ` ${title}  `,
        description: `  ${description} `,
        region,
        category: "  Listening ",
      }),
    );
    expect(made).toMatchObject({
      title,
      description,
      videoUrl: VIDEO,
      thumbnailUrl: "https://videos.example.com/a.jpg",
      duration: 100,
      instructor: all.tutor.id,
      isPremium: false,
      isActive: true,
      tags: ["verbs"],
      category: "Listening",
      difficulty: "beginner",
    });
    const stored = await storedLecture(made["id"]);
    expect(stored).toMatchObject({
      title,
      description,
      category: "Listening",
      instructor: oid(all.tutor.id),
      region: oid(region),
      createdBy: oid(all.boss.id),
      isPublished: true,
      publishedAt: expect.any(Date),
      createdAt: new Date(made["createdAt"]),
      updatedAt: expect.any(Date),
      notes: { pdfUrl: "https://videos.example.com/a.pdf", textContent: "Read this" },
    });
    expect(stored["totalViews"] ?? 0).toBe(0);
    const { lectures: listed } = await lectures(`region=${region}`);
    expect(listed).toHaveLength(1);
    expectLecture(listed[0]);
    expect(listed[0]).toMatchObject({ _id: made["id"], totalViews: 0, instructor: { _id: all.tutor.id } });
  });

  test("has defaults for what is left out", async () => {
    const bare = Object.fromEntries(
      ["thumbnailUrl", "category", "notes", "isPremium", "isActive", "tags", "difficulty"].map((key) => [
        key,
        undefined,
      ]),
    );
    const made = created(await create(bare));
    expect(made).toMatchObject({ isPremium: false, isActive: true, tags: [], difficulty: "beginner" });
    expect(made).not.toHaveProperty("thumbnailUrl");
    // Stored data always has a category.
    expect((await storedLecture(made["id"]))["category"]).toMatch(/\S/);
  });

  test("treats empty and null like missing, for every optional field", async () => {
    const keys = [
      "thumbnailUrl",
      "region",
      "category",
      "isPremium",
      "isActive",
      "tags",
      "difficulty",
      "notes",
    ];
    for (const value of ["", null]) {
      const made = created(await create(Object.fromEntries(keys.map((key) => [key, value]))));
      expect(made).toMatchObject({ isPremium: false, isActive: true, tags: [], difficulty: "beginner" });
      expect(made["thumbnailUrl"] ?? "").toBe("");
      const stored = await storedLecture(made["id"]);
      expect(stored["region"] ?? null).toBeNull();
      expect(stored["category"]).toMatch(/\S/);
    }
  });

  test("comes from the form of the admin site, and is on its list and on that of the app", async () => {
    const body = form(all.tutor.id);
    const made = created(await all.boss.post(LECTURES, body));
    for (const token of [undefined, all.poor.token, all.boss.token]) {
      const { lectures: listed } = await lectures(`search=${encodeURIComponent(body.title)}`, token);
      expect(listed).toHaveLength(1);
      expect(listed[0]).toMatchObject({ _id: made["id"], title: body.title, videoUrl: VIDEO });
      expect(listed[0]).not.toHaveProperty("region");
      expect(listed[0].thumbnailUrl ?? "").toBe("");
    }
  });

  test("stays unpublished if the body says so", async () => {
    const made = created(await create({ isPublished: false }));
    expect((await storedLecture(made["id"]))["isPublished"]).toBe(false);
    expect(await ids(`search=${encodeURIComponent(made["title"])}`, all.rich.token)).toEqual([]);
    expect(await ids(`search=${encodeURIComponent(made["title"])}`, all.boss.token)).toEqual([made["id"]]);
  });

  test("ignores what is not the caller's to say", async () => {
    const made = created(
      await create({
        _id: nobody(),
        createdBy: all.poor.id,
        totalViews: 99,
        averageWatchTime: 99,
        completionRate: 99,
        rating: { average: 5, totalRatings: 9 },
        createdAt: "2001-01-01T00:00:00.000Z",
        shortDescription: "short",
        subcategory: "sub",
        language: "Klingon",
        requiresSubscription: true,
        nonsense: "yes",
      }),
    );
    const stored = await storedLecture(made["id"]);
    expect(stored["createdBy"]).toEqual(oid(all.boss.id));
    expect(stored["totalViews"] ?? 0).toBe(0);
    expect(stored["completionRate"] ?? 0).toBe(0);
    expect(stored["language"] ?? "English").toBe("English");
    expect(stored["requiresSubscription"] ?? false).toBe(false);
    for (const key of ["shortDescription", "subcategory", "nonsense"]) expect(stored).not.toHaveProperty(key);
    expect(Date.now() - Date.parse(made["createdAt"])).toBeLessThan(600_000);
  });

  test("takes a number as text, and values at the limits", async () => {
    const made = created(
      await create({ duration: "75", title: "x".repeat(200), description: "x".repeat(1000) }),
    );
    expect(made["duration"]).toBe(75);
    expect((await storedLecture(made["id"]))["duration"]).toBe(75);
    const least = created(
      await create({ duration: 1, title: unique().slice(-5), description: "x".repeat(10), category: "ab" }),
    );
    expect(least).toMatchObject({ duration: 1, category: "ab" });
    created(await create({ category: "x".repeat(100), videoUrl: "http://videos.example.com/a" }));
    // 200 letters of one kind are a title that only one lecture may have.
    await withDatabase((db) => db.collection("videolectures").deleteMany({ title: "x".repeat(200) }));
  });
});

describe("what is refused", () => {
  test("everybody but administrators", () => expectAdminOnly("POST", [LECTURES], all, { title: "?" }));

  test.for([
    ["title", [undefined, null, "", "    ", "abcd", "  abcd  ", "x".repeat(201), {}, { $gt: "" }]],
    ["description", [undefined, null, "", "too short", "x".repeat(1001), {}]],
    ["videoUrl", [undefined, null, "", "nope", "videos.example.com/a.mp4", "ftp://videos.example.com/a", {}]],
    [
      "videoUrl",
      ["http://localhost/a", "javascript:alert(1)", "https://", "//videos.example.com/a", "https://a b.com"],
    ],
    ["thumbnailUrl", ["nope", "ftp://videos.example.com/a", "javascript:alert(1)", {}]],
    ["duration", [undefined, null, "", 0, -1, 1.5, "abc", {}]],
    ["instructor", [undefined, null, "", "nope", nobody().slice(1), {}, { $ne: "" }]],
    ["region", ["nope", nobody().slice(1), {}, { $ne: "" }]],
    ["category", ["a", "x".repeat(101), {}]],
    ["isPremium", ["maybe", {}]],
    ["isActive", ["maybe", {}]],
    ["difficulty", ["hard", "Beginner", {}]],
    ["tags", ["verbs", 7, {}]],
    ["notes", ["text", 7, ["text"]]],
  ] as [string, unknown[]][])("a bad %s, by name", async ([field, values]) => {
    for (const value of values) {
      const answer = await create({ [field]: value });
      expect(answer.status, `${JSON.stringify(value)} ${answer.text}`).toBe(400);
      refusedField(answer, field);
      for (const error of answer.body.errors) {
        expect(error).toMatchObject({ type: "field", msg: expect.stringMatching(/\S/), location: "body" });
      }
    }
  });

  test("notes that hold no texts", async () => {
    for (const notes of [{ pdfUrl: "nope" }, { pdfUrl: {} }, { textContent: {} }, { textContent: ["a"] }]) {
      const answer = await create({ notes });
      expect(answer.status, `${JSON.stringify(notes)} ${answer.text}`).toBe(400);
      refused(answer, 400);
    }
  });

  test("instructors and regions that are not there, and instructors that do not teach", async () => {
    for (const fields of [{ instructor: nobody() }, { instructor: all.poor.id }, { region: nobody() }]) {
      const title = `Refused ${unique()}`;
      refused(await create({ title, ...fields }), 400);
      expect(await ids(`search=${encodeURIComponent(title)}`, all.boss.token)).toEqual([]);
    }
    const another = await person({ role: "teacher" });
    expect(created(await create({ instructor: another.id }))["instructor"]).toBe(another.id);
  });

  test("a title that another lecture has, in any case, and only such", async () => {
    const mark = unique();
    const title = `A.B (c) [d] + ${mark}?`;
    await plantLecture({ title, isActive: false, isPublished: false });
    for (const same of [title, title.toUpperCase(), `  ${title.toLowerCase()} `]) {
      const answer = await create({ title: same });
      refused(answer, 400);
      expect(answer.body).not.toHaveProperty("errors");
    }
    for (const other of [
      `AxB (c) [d] + ${mark}?`,
      `${title} more`,
      `More ${title}`,
      `A.B (c) [d] + ${mark}`,
      `.*${mark}`,
    ]) {
      created(await create({ title: other }));
    }
  });

  test("one of two that come at once with the same title", async () => {
    const title = `Race ${unique()}`;
    const answers = await Promise.all(
      [title, title, title.toUpperCase(), title].map((same) => create({ title: same })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400]);
    expect(await ids(`search=${encodeURIComponent(title)}`, all.boss.token)).toHaveLength(1);
  });

  test("bodies that are no object", async () => {
    for (const body of ["[]", "7", '"text"', "null", "{", ""]) {
      refused(await post(LECTURES, { token: all.boss.token, body }), 400);
    }
  });
});

test("share links of the cloud drive are stored as links that play, show and download", async () => {
  const drive = (rest: string) => `https://drive.google.com/${rest}`;
  const view = (id: string) => drive(`uc?export=view&id=${id}`);
  const small = (id: string) => drive(`thumbnail?id=${id}&sz=w400-h300`);
  const pdf = (id: string) => drive(`uc?export=download&id=${id}`);
  const id = "1Ab-c_9";
  for (const [link, video, thumbnail, download] of [
    [drive(`file/d/${id}/view?usp=sharing`), view(id), small(id), pdf(id)],
    [drive(`open?usp=drive&id=${id}`), view(id), small(id), pdf(id)],
    [`https://docs.google.com/document/d/${id}/edit`, view(id), small(id), pdf(id)],
    [`https://docs.google.com/presentation/d/${id}/edit`, view(id), small(id), pdf(id)],
    [small(id), view(id), small(id), pdf(id)],
    ...[
      drive(`drive/folders/${id}`),
      `https://docs.google.com/spreadsheets/d/${id}/edit`,
      `https://example.com/file/d/${id}/view`,
      `https://example.com/?from=drive.google.com&id=${id}`,
      `https://drive.google.com.example.com/open?id=${id}`,
    ].map((kept) => [kept, kept, kept, kept]),
  ] as [string, string, string, string][]) {
    const made = created(
      await create({ videoUrl: link, thumbnailUrl: link, notes: { pdfUrl: link, textContent: link } }),
    );
    expect(made).toMatchObject({ videoUrl: video, thumbnailUrl: thumbnail });
    expect(await storedLecture(made["id"])).toMatchObject({
      videoUrl: video,
      thumbnailUrl: thumbnail,
      notes: { pdfUrl: download, textContent: link },
    });
  }
});
