/** Screens of the app and of the admin site, request by request (contract: x-flows). */
import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { unique } from "../support/client.ts";
import { SETTINGS, expectDone, fetchAs } from "./admin-site.support.ts";
import { data } from "./groups.support.ts";
import { postEmpty } from "./games.support.ts";
import { type Hall, VIDEO, at, form, hall, plantLecture, storedLecture } from "./lectures.support.ts";

let all: Hall;

beforeAll(async () => {
  all = await hall();
});

test("app: the list, a tap, the player", async () => {
  // Newer than anything else, so that it is on the first page.
  const { id } = await plantLecture({
    createdAt: new Date(Date.now() + 30_000),
    notes: { textContent: "Read" },
  });
  const first = data(await all.poor.get(at.list("page=1&limit=50")));
  for (const lecture of first.lectures) {
    for (const key of ["_id", "title", "description", "videoUrl", "difficulty"]) {
      expect(lecture[key], key).toEqual(expect.any(String));
    }
    expect(lecture.duration).toEqual(expect.any(Number));
    expect(lecture.isPremium).toEqual(expect.any(Boolean));
  }
  expect(first.lectures.map(({ _id }: Document) => _id)).toContain(id);
  expect((await postEmpty(at.view(id), all.poor.token)).status).toBe(200);
  expect(data(await all.poor.get(at.lecture(id)))).toMatchObject({
    _id: id,
    videoUrl: VIDEO,
    totalViews: 1,
    notes: { textContent: "Read" },
  });
});

describe.for(SETTINGS)("page of the admin site; base $setting", ({ pages }) => {
  const ask = (method: string, path: string, body?: unknown) =>
    fetchAs(all.boss.token, method, `${pages}/lectures${path}`, body);

  test("lists, creates, changes, switches and removes", async () => {
    const mark = unique();
    const list = async (more = "") =>
      data(await ask("GET", `?page=1&limit=10&difficulty=&premium=&search=${mark}${more}`));
    expect((await list()).pagination).toMatchObject({ total: 0, pages: 0 });
    const pdfUrl = "https://drive.google.com/file/d/1Ab-c_9/view";
    const body = form(all.tutor.id, { title: `Site ${mark}`, notes: { pdfUrl, textContent: "Read" } });
    expectDone(await ask("POST", "", body), 201);
    const [made] = (await list()).lectures;
    const notes = { pdfUrl: "https://drive.google.com/uc?export=download&id=1Ab-c_9", textContent: "Read" };
    expect(made).toMatchObject({
      title: body.title,
      description: body.description,
      videoUrl: VIDEO,
      duration: 90,
      instructor: { _id: all.tutor.id },
      difficulty: "beginner",
      tags: [],
      isPremium: false,
      isActive: true,
      totalViews: 0,
      notes,
    });

    // The form sends back what the list said, with one thing changed.
    const changed = { ...body, notes: made.notes, title: `Site ${mark} changed`, isPremium: true };
    expectDone(await ask("PUT", `/${made._id}`, changed));
    expect((await list("&premium=true")).lectures).toMatchObject([
      { _id: made._id, title: changed.title, isPremium: true, videoUrl: VIDEO, notes },
    ]);
    // What it leaves blank is not wiped.
    expectDone(await ask("PUT", `/${made._id}`, form(all.tutor.id, { title: changed.title })));
    expect((await list()).lectures).toMatchObject([{ notes, isPremium: false }]);

    for (const isActive of [false, true]) {
      expectDone(await ask("PATCH", `/${made._id}/toggle-status`));
      expect((await list()).lectures).toMatchObject([{ _id: made._id, isActive }]);
    }
    expectDone(await ask("DELETE", `/${made._id}`));
    expect((await list()).lectures).toEqual([]);
    expect(await storedLecture(made._id)).toBeNull();
  });

  test("is told what is wrong with a form", async () => {
    const answer = await ask("POST", "", form(all.tutor.id, { title: "ab" }));
    expect(answer.status).toBe(400);
    expect(answer.body.message).toMatch(/\S/);
  });
});
