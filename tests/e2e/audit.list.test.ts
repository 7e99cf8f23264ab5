/** The list of what administrators wrote. */
import { ObjectId } from "mongodb";
import { beforeAll, expect, test } from "vitest";
import { type Learner, call, createRegion, get, unique } from "../support/client.ts";
import { admin, student, teacher } from "../support/people.ts";
import { type Trail, change, trail } from "./audit.support.ts";
import { expectRefusal } from "./auth.support.ts";

let actor: Learner;
let other: Learner;
let regions: string[];
// Newest first.
let order: string[];

beforeAll(async () => {
  [actor, other] = [await admin(), await admin()];
  regions = [];
  order = [];
  for (let turn = 0; turn < 5; turn++) regions.push(await createRegion());
  for (const id of regions) {
    const answer = await change("PATCH", `/api/regions/${id}/toggle-status`)(actor.token);
    order.unshift(answer.headers.get("x-request-id")!);
  }
  const renamed = { name: `Renamed ${unique()}` };
  const update = change("PUT", `/api/regions/${regions[0]!}`, renamed);
  order.unshift((await update(actor.token)).headers.get("x-request-id")!);
  await change("PATCH", `/api/regions/${regions[0]!}/toggle-status`)(other.token);
});

const ids = ({ entries }: Trail) => entries.map(({ requestId }) => requestId);

test("is for administrators", async () => {
  const path = "/api/admin/audit";
  expectRefusal(await get(path), 401, /Access token required/);
  expectRefusal(await get(path, { token: "garbage" }), 401, /token/);
  for (const { token } of [await student(regions[0]!), await teacher()]) {
    expectRefusal(await get(path, { token }), 403);
  }
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    expectRefusal(await call(method, path, { token: other.token, body: {} }), 404);
  }
});

test("is newest first, and paged", async () => {
  const of = (query: object) => trail({ actor: actor.id, ...query });
  const all = await of({ limit: 100 });
  expect(ids(all)).toEqual(order);
  expect(all.pagination).toEqual({ current: 1, pages: 1, total: 6, limit: 100 });
  const times = all.entries.map(({ at }) => Date.parse(at));
  expect(times).toEqual([...times].sort((a, b) => b - a));
  const pages = [await of({ page: 1, limit: 4 }), await of({ page: 2, limit: 4 })];
  expect(pages.flatMap(ids)).toEqual(order);
  expect(pages[1]!.pagination).toEqual({ current: 2, pages: 2, total: 6, limit: 4 });
  const beyond = await of({ page: 3, limit: 4 });
  expect(beyond.entries).toEqual([]);
  expect(beyond.pagination.total).toBe(6);
  expect((await trail({ limit: 3 })).entries).toHaveLength(3);
});

test.for([
  [{ page: 0, limit: 0 }, 1, 1],
  [{ page: -3, limit: -3 }, 1, 1],
  [{ limit: 100_000 }, 1, 100],
] as const)("clamps %j", async ([query, current, limit]) => {
  const { pagination, entries } = await trail({ actor: actor.id, ...query });
  expect(pagination).toMatchObject({ current, limit, total: 6 });
  expect(entries).toHaveLength(Math.min(limit, 6));
});

test("pages that are no numbers are the first", async () => {
  const { pagination } = await trail({ actor: actor.id, page: "abc", limit: "" });
  expect(pagination).toMatchObject({ current: 1, total: 6 });
  expect(pagination.limit).toBeGreaterThanOrEqual(1);
  expect(pagination.limit).toBeLessThanOrEqual(100);
});

test("filters by action, actor and target, which combine", async () => {
  const target = regions[0]!;
  const about = await trail({ target });
  expect(about.pagination.total).toBe(3);
  expect(new Set(about.entries.map((entry) => entry.actor._id))).toEqual(new Set([actor.id, other.id]));
  expect(about.entries.every((entry) => entry.target === target)).toBe(true);
  expect((await trail({ target, actor: actor.id })).pagination.total).toBe(2);
  const [update, toggle] = (await trail({ target, actor: actor.id })).entries.map(({ action }) => action);
  expect(ids(await trail({ target, actor: actor.id, action: update! }))).toEqual([order[0]]);
  expect((await trail({ actor: actor.id, action: toggle! })).pagination.total).toBe(5);
  const everybody = await trail({ action: toggle!, limit: 100 });
  expect(new Set(everybody.entries.map(({ action }) => action))).toEqual(new Set([toggle]));
  expect((await trail({ actor: actor.id, action: "no.such" })).entries).toEqual([]);
  expect((await trail({ target: `nothing-${unique()}` })).pagination.total).toBe(0);
  expect((await trail({ actor: new ObjectId().toHexString() })).entries).toEqual([]);
  // An empty filter is none.
  expect((await trail({ actor: actor.id, action: "", target: "" })).pagination.total).toBe(6);
});

test("an actor that is no id is nobody", async () => {
  const answer = await get("/api/admin/audit?actor=not-an-id", { token: other.token });
  if (answer.status === 200) expect(answer.body.data.entries).toEqual([]);
  else expectRefusal(answer, 400);
});

test("two administrators at once are both in it", async () => {
  const id = await createRegion();
  const toggle = change("PATCH", `/api/regions/${id}/toggle-status`);
  const answers = await Promise.all([actor, other, actor, other].map(({ token }) => toggle(token)));
  for (const { status, text } of answers) expect(status, text).toBe(200);
  const { entries } = await trail({ target: id });
  const wanted = answers.map(({ headers }) => headers.get("x-request-id"));
  expect(entries.map(({ requestId }) => requestId).sort()).toEqual(wanted.sort());
});
