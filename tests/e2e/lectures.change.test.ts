/** Update, delete and switch of lectures. */
import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { call, unique } from "../support/client.ts";
import { oid, refused, refusedField, told } from "./groups.support.ts";
import { expectAdminOnly } from "./games.support.ts";
import {
  type Hall,
  NO_IDS,
  VIDEO,
  at,
  expectSummary,
  form,
  hall,
  ids,
  lonelyRegion,
  plantLecture,
  storedLecture,
  wantedLecture,
} from "./lectures.support.ts";
import { ID, TIME, nobody } from "./sessions.support.ts";

let all: Hall;

beforeAll(async () => {
  all = await hall();
});

const put = (id: string, body: unknown) => call("PUT", at.lecture(id), { token: all.boss.token, body });
const remove = (id: string) => call("DELETE", at.lecture(id), { token: all.boss.token });
const toggle = (id: string) => call("PATCH", at.toggle(id), { token: all.boss.token });

async function updated(id: string, body: object): Promise<Document> {
  const lecture = told(await put(id, body));
  expectSummary(lecture, "updatedAt");
  return lecture;
}

describe("updating", () => {
  const long = new Date(Date.now() - 1_000_000);

  test("changes what is given, and nothing else", async () => {
    const region = await lonelyRegion();
    const planted = await plantLecture({
      region,
      instructor: oid(all.tutor.id),
      totalViews: 9,
      notes: { textContent: "old" },
      tags: ["a"],
      createdAt: long,
      updatedAt: long,
    });
    const title = `New ${unique()}`;
    const lecture = await updated(planted.id, { title: `  ${title} `, duration: "55" });
    expect(lecture).toMatchObject({
      id: planted.id,
      title,
      duration: 55,
      description: planted["description"],
      videoUrl: VIDEO,
      instructor: all.tutor.id,
      isPremium: false,
      isActive: true,
      tags: ["a"],
      difficulty: "beginner",
    });
    expect(Date.parse(lecture["updatedAt"])).toBeGreaterThan(long.getTime());
    const { updatedAt, ...stored } = await storedLecture(planted.id);
    expect(updatedAt).toEqual(new Date(lecture["updatedAt"]));
    const { id: _, updatedAt: __, ...before } = planted;
    expect(stored).toMatchObject({ ...before, title, duration: 55 });
  });

  test("takes every field of the form", async () => {
    const region = await lonelyRegion();
    const { id } = await plantLecture();
    const fields = {
      title: `All ${unique()}`,
      description: "Another description",
      videoUrl: "https://videos.example.com/b.mp4",
      thumbnailUrl: "https://videos.example.com/b.jpg",
      duration: 7,
      instructor: all.other.id,
      category: "Reading",
      isPremium: true,
      isActive: false,
      tags: ["x", "y"],
      difficulty: "advanced",
    };
    const notes = { pdfUrl: "https://videos.example.com/b.pdf", textContent: "new" };
    expect(await updated(id, { ...fields, region: region.toHexString(), notes })).toMatchObject(fields);
    expect(await storedLecture(id)).toMatchObject({
      ...fields,
      instructor: oid(all.other.id),
      region,
      notes,
    });
  });

  test("stores the category, and answers the stored one", async () => {
    const { id } = await plantLecture({ category: "Old" });
    expect((await updated(id, { category: "  New " }))["category"]).toBe("New");
    expect((await storedLecture(id))["category"]).toBe("New");
    expect((await updated(id, { duration: 5 }))["category"] ?? "New").toBe("New");
  });

  test("treats empty and null as not given", async () => {
    const region = await lonelyRegion();
    const planted = await plantLecture({ region, thumbnailUrl: "https://videos.example.com/t.jpg" });
    for (const value of ["", null]) {
      const lecture = await updated(planted.id, {
        region: value,
        category: value,
        difficulty: value,
        tags: value,
      });
      expect(lecture).toMatchObject({ difficulty: "beginner", tags: [] });
      expect(await storedLecture(planted.id)).toMatchObject({
        region,
        category: "Speaking",
        difficulty: "beginner",
      });
    }
  });

  test("merges notes: what the form leaves blank stays", async () => {
    const notes = { pdfUrl: "https://videos.example.com/n.pdf", textContent: "old" };
    const planted = await plantLecture({ notes, instructor: oid(all.tutor.id) });
    await updated(planted.id, { notes: { textContent: "new" } });
    expect((await storedLecture(planted.id))["notes"]).toEqual({ ...notes, textContent: "new" });
    await updated(planted.id, { notes: { pdfUrl: "https://videos.example.com/m.pdf" } });
    expect((await storedLecture(planted.id))["notes"]).toEqual({
      pdfUrl: "https://videos.example.com/m.pdf",
      textContent: "new",
    });
    await updated(planted.id, { notes: {} });
    await updated(planted.id, form(all.tutor.id, { title: planted["title"] }));
    expect((await storedLecture(planted.id))["notes"]).toMatchObject({
      pdfUrl: "https://videos.example.com/m.pdf",
    });
  });

  test("turns share links of the cloud drive into links that play", async () => {
    const { id } = await plantLecture();
    const link = "https://drive.google.com/file/d/1Ab-c_9/view";
    const lecture = await updated(id, { videoUrl: link, thumbnailUrl: link, notes: { pdfUrl: link } });
    const drive = "https://drive.google.com";
    const [videoUrl, thumbnailUrl] = [
      `${drive}/uc?export=view&id=1Ab-c_9`,
      `${drive}/thumbnail?id=1Ab-c_9&sz=w400-h300`,
    ];
    expect(lecture).toMatchObject({ videoUrl, thumbnailUrl });
    const notes = { pdfUrl: `${drive}/uc?export=download&id=1Ab-c_9` };
    expect(await storedLecture(id)).toMatchObject({ videoUrl, thumbnailUrl, notes });
    // The form sends converted links back.
    expect(await updated(id, { videoUrl, thumbnailUrl, notes })).toMatchObject({ videoUrl, thumbnailUrl });
    expect((await storedLecture(id))["notes"]).toMatchObject(notes);
  });

  test("ignores what is not the caller's to say", async () => {
    const planted = await plantLecture({ totalViews: 3 });
    await updated(planted.id, {
      _id: nobody(),
      id: nobody(),
      createdBy: all.poor.id,
      totalViews: 99,
      totalWatchTime: 99,
      completionRate: 99,
      createdAt: "2001-01-01T00:00:00.000Z",
      updatedAt: "2001-01-01T00:00:00.000Z",
      language: "Klingon",
      $set: { totalViews: 98 },
      "notes.pdfUrl": "x",
      nonsense: "yes",
    });
    const stored = await storedLecture(planted.id);
    const { totalViews, totalWatchTime, completionRate, createdAt, language } = planted;
    expect(stored).toMatchObject({ totalViews, totalWatchTime, completionRate, createdAt, language });
    for (const key of ["createdBy", "nonsense", "$set", "notes", "id"])
      expect(stored).not.toHaveProperty(key);
    expect(stored["updatedAt"].getTime()).toBeGreaterThanOrEqual(planted["updatedAt"].getTime());
  });

  test.for([
    ["title", ["abcd", "x".repeat(201), {}]],
    ["description", ["too short", "x".repeat(1001), {}]],
    ["videoUrl", ["nope", "videos.example.com/a", "ftp://videos.example.com/a", "javascript:alert(1)", {}]],
    ["thumbnailUrl", ["nope", {}]],
    ["duration", [0, -1, 1.5, "abc", {}]],
    ["instructor", ["nope", { $ne: "" }]],
    ["region", ["nope", { $ne: "" }]],
    ["category", ["a", "x".repeat(101), {}]],
    ["isPremium", ["maybe", {}]],
    ["isActive", ["maybe", {}]],
    ["difficulty", ["hard", {}]],
    ["tags", [7, {}]],
    ["notes", ["text", 7]],
  ] as [string, unknown[]][])("a bad %s is refused by name", async ([field, values]) => {
    const planted = await plantLecture();
    for (const value of values) {
      const answer = await put(planted.id, { [field]: value });
      expect(answer.status, `${JSON.stringify(value)} ${answer.text}`).toBe(400);
      refusedField(answer, field);
    }
    const { id: _, ...before } = planted;
    expect(await storedLecture(planted.id)).toEqual(before);
  });

  test("instructors and regions that are not there are refused", async () => {
    const { id } = await plantLecture();
    for (const body of [{ instructor: nobody() }, { instructor: all.poor.id }, { region: nobody() }]) {
      refused(await put(id, body), 400);
    }
  });

  test("a title of another lecture is refused, the own one is not", async () => {
    const [taken, free] = [`Taken (${unique()})`, `Free [${unique()}]`];
    await plantLecture({ title: taken, isActive: false });
    const { id } = await plantLecture({ title: free });
    for (const title of [taken, taken.toUpperCase(), ` ${taken} `]) refused(await put(id, { title }), 400);
    expect((await storedLecture(id))["title"]).toBe(free);
    for (const title of [free, free.toUpperCase(), `Free .${free.slice(6)}`]) {
      expect((await updated(id, { title }))["title"]).toBe(title);
    }
  });

  test("looks at caller, fields, id, lecture and title in this order", async () => {
    const taken = await plantLecture();
    await expectAdminOnly("PUT", [at.lecture(taken.id), at.lecture("nope")], all, { duration: 0 });
    for (const id of [...NO_IDS, nobody()]) refusedField(await put(id, { duration: 0 }), "duration");
    for (const id of NO_IDS) refused(await put(id, { duration: 5, title: taken["title"] }), 400);
    refused(await put(nobody(), { duration: 5, title: taken["title"] }), 404);
  });
});

describe("deleting", () => {
  test("removes the lecture for good, also from those that point at it", async () => {
    const planted = await plantLecture({ instructor: oid(all.tutor.id) });
    const [gone, kept] = [oid(planted.id), oid(nobody())];
    const pointing = await plantLecture({ prerequisites: [gone, kept], relatedLectures: [kept, gone] });
    const answer = await remove(planted.id);
    expect(told(answer)).toEqual({ id: planted.id, title: planted["title"], instructor: all.tutor.id });
    expect(await storedLecture(planted.id)).toBeNull();
    expect(await storedLecture(pointing.id)).toMatchObject({
      prerequisites: [kept],
      relatedLectures: [kept],
    });
    refused(await remove(planted.id), 404);
    refused(await all.boss.get(at.lecture(planted.id)), 404);
  });

  test("is for administrators, and for lectures that are there", async () => {
    const { id } = await plantLecture();
    await expectAdminOnly("DELETE", [at.lecture(id), at.lecture("nope")], all);
    for (const unknown of NO_IDS) refused(await remove(unknown), 400);
    refused(await remove(nobody()), 404);
    expect(await storedLecture(id)).not.toBeNull();
  });
});

describe("switching", () => {
  test("goes off and on; the administrator keeps it in sight", async () => {
    const long = new Date(Date.now() - 1_000_000);
    const planted = await plantLecture({ updatedAt: long });
    const search = `search=${encodeURIComponent(planted["title"])}`;
    for (const isActive of [false, true]) {
      const data = told(await toggle(planted.id));
      expect(data).toEqual({ id: planted.id, title: planted["title"], isActive, updatedAt: TIME });
      expect(Date.parse(data.updatedAt)).toBeGreaterThan(long.getTime());
      expect(await storedLecture(planted.id)).toMatchObject({
        isActive,
        updatedAt: new Date(data.updatedAt),
      });
      expect(await ids(search, all.boss.token)).toEqual([planted.id]);
      expect(await ids(search, all.rich.token)).toEqual(isActive ? [planted.id] : []);
    }
  });

  test("counts every click, also those at once", async () => {
    const { id } = await plantLecture();
    const answers = await Promise.all(Array.from({ length: 4 }, () => toggle(id)));
    const states = answers.map((answer) => told(answer).isActive);
    expect(states.filter((isActive) => isActive)).toHaveLength(2);
    expect((await storedLecture(id))["isActive"]).toBe(true);
  });

  test("is for administrators, and for lectures that are there", async () => {
    const { id } = await plantLecture();
    await expectAdminOnly("PATCH", [at.toggle(id), at.toggle("nope")], all);
    for (const unknown of NO_IDS) refused(await toggle(unknown), 400);
    refused(await toggle(nobody()), 404);
    expect((await storedLecture(id))["isActive"]).toBe(true);
  });
});

test("what create answers can be changed at once", async () => {
  const body = wantedLecture(all.tutor.id);
  const made = told(await all.boss.post("/api/lectures", body), 201);
  expect(made.id).toEqual(ID);
  expect(await updated(made.id, { ...body, tags: ["later"] })).toMatchObject({
    tags: ["later"],
    category: "Speaking",
  });
});
