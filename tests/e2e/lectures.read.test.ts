/** One lecture, and the views that are counted. */
import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { get, post, unique } from "../support/client.ts";
import { oid, refused, told } from "./groups.support.ts";
import { expectTokenAsked, players, postEmpty } from "./games.support.ts";
import {
  type Hall,
  NO_IDS,
  VIDEO,
  at,
  expectLecture,
  hall,
  lectures,
  lonelyRegion,
  plantLecture,
  storedLecture,
  viewed,
} from "./lectures.support.ts";
import { TEXT, nobody } from "./sessions.support.ts";

let all: Hall;

beforeAll(async () => {
  all = await hall();
});

const read = async (id: string, token?: string): Promise<Document> =>
  told(await get(at.lecture(id), { token }));
const viewers = (many: number) => players(all.region, many);

describe("one lecture", () => {
  test("has the shape of the contract, with or without a token", async () => {
    const region = await lonelyRegion({ description: "By the sea" });
    const notes = { pdfUrl: "https://videos.example.com/n.pdf", textContent: "Read" };
    const made = await plantLecture({
      region,
      instructor: oid(all.tutor.id),
      thumbnailUrl: "https://videos.example.com/t.jpg",
      notes,
      tags: ["verbs"],
    });
    for (const token of [undefined, "no.token.this", all.poor.token, all.boss.token]) {
      const answer = await get(at.lecture(made.id), { token });
      const lecture = told(answer);
      expectLecture(lecture, "detail");
      expect(lecture).toMatchObject({
        _id: made.id,
        title: made["title"],
        videoUrl: VIDEO,
        notes,
        instructor: { _id: all.tutor.id, name: TEXT },
        region: { _id: region.toHexString(), name: TEXT, code: TEXT, description: "By the sea" },
        tags: ["verbs"],
        createdAt: made["createdAt"].toISOString(),
      });
      for (const secret of [all.tutor.email, all.tutor.phone, "$2"])
        expect(answer.text).not.toContain(secret);
    }
    const bare = await read((await plantLecture({ region: oid(nobody()) })).id);
    expectLecture(bare, "detail");
    expect(bare).toMatchObject({ instructor: null, region: null });
    for (const key of ["notes", "thumbnailUrl"]) expect(bare).not.toHaveProperty(key);
    expect(await read((await plantLecture()).id)).not.toHaveProperty("region");
  });

  test("is not changed by reading", async () => {
    const long = new Date(Date.now() - 1_000_000);
    const { id, ...before } = await plantLecture({ totalViews: 4, updatedAt: long });
    for (const token of [undefined, all.poor.token, all.poor.token, all.boss.token]) {
      expect(await read(id, token)).toMatchObject({ totalViews: 4, updatedAt: long.toISOString() });
    }
    expect(await storedLecture(id)).toEqual(before);
  });

  test("that is switched off or unpublished is there for administrators alone", async () => {
    for (const fields of [{ isActive: false }, { isPublished: false }, { isPublished: undefined }]) {
      const { id } = await plantLecture(fields);
      for (const who of [undefined, all.poor, all.rich, all.tutor]) {
        refused(await get(at.lecture(id), { token: who?.token }), 404);
      }
      expect(await read(id, all.boss.token)).toMatchObject({ _id: id });
    }
  });

  test("for subscribers has no film and no notes for others", async () => {
    const film = `https://videos.example.com/${unique()}.mp4`;
    const notes = { pdfUrl: `${film}.pdf`, textContent: `Secret ${film}` };
    const { id } = await plantLecture({ isPremium: true, videoUrl: film, notes });
    for (const token of [undefined, "no.token.this", all.poor.token, all.late.token]) {
      const lecture = await read(id, token);
      expectLecture(lecture, "detail");
      expect(lecture).toMatchObject({ _id: id, isPremium: true, videoUrl: "" });
      expect(lecture).not.toHaveProperty("notes");
      expect(JSON.stringify(lecture)).not.toContain(film);
    }
    for (const { token } of [all.rich, all.tutor, all.boss]) {
      expect(await read(id, token)).toMatchObject({ videoUrl: film, notes });
    }
  });

  test("is refused for what is no id, and not found otherwise", async () => {
    for (const id of NO_IDS) refused(await get(at.lecture(id)), 400);
    refused(await get(at.lecture(nobody())), 404);
    const { id } = await plantLecture();
    expect((await read(id.toUpperCase()))["_id"]).toBe(id);
  });
});

describe("views", () => {
  test("are counted, and answered with the counters", async () => {
    const [who] = await viewers(1);
    const { id, title } = (await plantLecture()) as { id: string; title?: string };
    const data = await viewed(who!, id, { watchTime: 90 });
    expect(data).toEqual({ id, title, totalViews: 1, averageWatchTime: 90, completionRate: 100 });
    expect(await storedLecture(id)).toMatchObject({
      totalViews: 1,
      totalWatchTime: 90,
      averageWatchTime: 90,
    });
    expect(await read(id)).toMatchObject({ totalViews: 1 });
  });

  test("average the times that were reported, and rate the views that were completed", async () => {
    const [one, two, three, four] = await viewers(4);
    const { id } = await plantLecture({ duration: 100 });
    expect(await viewed(one!, id, { watchTime: 80 })).toMatchObject({
      totalViews: 1,
      averageWatchTime: 80,
      completionRate: 100,
    });
    // The app sends no time: that opens no hole in the average.
    expect(await viewed(two!, id)).toMatchObject({ totalViews: 2, averageWatchTime: 80, completionRate: 50 });
    expect(await viewed(three!, id, { watchTime: 79 })).toMatchObject({
      totalViews: 3,
      averageWatchTime: 80,
      completionRate: 33,
    });
    expect(await viewed(four!, id, { watchTime: 100 })).toMatchObject({
      totalViews: 4,
      averageWatchTime: 86,
      completionRate: 50,
    });
  });

  test("go on from what is stored", async () => {
    const [who] = await viewers(1);
    const { id } = await plantLecture({ totalViews: 7 });
    expect((await viewed(who!, id))["totalViews"]).toBe(8);
    expect((await storedLecture(id))["totalViews"]).toBe(8);
  });

  test("of one person count once in a while", async () => {
    const [who, other] = await viewers(2);
    const [{ id }, another] = [await plantLecture(), await plantLecture()];
    for (let turn = 0; turn < 4; turn++) expect((await viewed(who!, id))["totalViews"]).toBe(1);
    await Promise.all(Array.from({ length: 4 }, () => viewed(who!, id)));
    expect((await viewed(other!, id))["totalViews"]).toBe(2);
    expect((await viewed(who!, another.id))["totalViews"]).toBe(1);
    expect(await storedLecture(id)).toMatchObject({ totalViews: 2 });
  });

  test("of many at once are all counted", async () => {
    const many = await viewers(8);
    const { id } = await plantLecture({ duration: 100 });
    await Promise.all(many.map((who, index) => viewed(who, id, { watchTime: index % 2 ? 100 : 50 })));
    expect(await storedLecture(id)).toMatchObject({
      totalViews: 8,
      totalWatchTime: 600,
      averageWatchTime: 75,
      completionRate: 50,
    });
  });

  test("need no body, as the app sends it; then one opening counts once", async () => {
    const [who] = await viewers(1);
    const { id, title } = await plantLecture();
    const listed = async () =>
      (await lectures(`search=${encodeURIComponent(title)}`, who!.token))["lectures"][0];
    expect(await listed()).toMatchObject({ _id: id, totalViews: 0 });
    expect((await postEmpty(at.view(id), who!.token)).status).toBe(200);
    expect(await read(id, who!.token)).toMatchObject({ _id: id, videoUrl: VIDEO, totalViews: 1 });
    expect(await listed()).toMatchObject({ totalViews: 1 });
  });

  test("with a time that is no amount are refused", async () => {
    const [who] = await viewers(1);
    const { id } = await plantLecture({ duration: 100 });
    for (const watchTime of [-1, "long", {}, [7], "1e999"]) {
      const answer = await who!.post(at.view(id), { watchTime });
      expect(answer.status, JSON.stringify(watchTime)).toBe(400);
      refused(answer, 400);
    }
    expect(await storedLecture(id)).toMatchObject({ totalViews: 0, totalWatchTime: 0 });
    // More than there is to watch: refused, or cut.
    const answer = await who!.post(at.view(id), { watchTime: 5000 });
    if (answer.status !== 200) refused(answer, 400);
    expect((await storedLecture(id))["totalWatchTime"]).toBeLessThanOrEqual(100);
  });

  test("with a time as text are refused, or take it for the number", async () => {
    const [one, two] = await viewers(2);
    const { id } = await plantLecture({ duration: 100 });
    await viewed(one!, id, { watchTime: 90 });
    const answer = await two!.post(at.view(id), { watchTime: "10" });
    if (answer.status !== 200) refused(answer, 400);
    expect([90, 100]).toContain((await storedLecture(id))["totalWatchTime"]);
  });

  test("need a token, an id, and a lecture", async () => {
    const { id } = await plantLecture();
    for (const path of [at.view(id), at.view("nope")]) {
      await expectTokenAsked((token) => post(path, { token, body: { watchTime: -1 } }), all.poor);
    }
    for (const unknown of NO_IDS) refused(await all.poor.post(at.view(unknown)), 400);
    refused(await all.poor.post(at.view(nobody())), 404);
    expect((await storedLecture(id))["totalViews"]).toBe(0);
  });
});
