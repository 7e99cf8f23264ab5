/** What administrators write leaves a trail, one entry each, and nothing else does. */
import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type Answer,
  PASSWORD,
  call,
  createRegion,
  get,
  unique,
  uniquePhone,
  withDatabase,
} from "../support/client.ts";
import { admin, person, student, teacher } from "../support/people.ts";
import { type Listed, change, count, trail } from "./audit.support.ts";
import { ID, TEXT, TIME, expectRefusal } from "./auth.support.ts";

let home: string;

beforeAll(async () => {
  home = await createRegion();
});

/** Does a write with an administrator of its own; the one entry that it leaves. */
async function audited(
  write: (token: string) => Promise<Answer>,
): Promise<{ entry: Listed; answer: Answer; stored: Document }> {
  const actor = await person({ role: "admin", name: `Auditor ${unique()}` });
  const { name } = (await get("/api/auth/me", { token: actor.token })).body.data.user;
  const before = await count();
  const answer = await write(actor.token);
  expect([200, 201], answer.text).toContain(answer.status);
  const after = await count();
  expect(after - before, "documents in the collection").toBe(1);
  const { entries, pagination } = await trail({ actor: actor.id });
  expect(pagination.total).toBe(1);
  const [entry] = entries;
  expect(entry).toEqual({
    _id: ID,
    at: TIME,
    actor: { _id: actor.id, name },
    action: TEXT,
    target: entry!.target === null ? null : TEXT,
    changes: expect.any(Object),
    requestId: answer.headers.get("x-request-id"),
  });
  expect(Math.abs(Date.parse(entry!.at) - Date.now())).toBeLessThan(10_000);
  for (const values of Object.values(entry!.changes)) {
    expect(Object.keys(values).sort()).toEqual(["after", "before"]);
  }
  const stored = await withDatabase((db) =>
    db.collection("audit").findOne({ _id: new ObjectId(entry!._id) }),
  );
  expect(stored, "the entry is the document").not.toBeNull();
  return { entry: entry!, answer, stored: stored! };
}

async function feature(fields: Document = {}): Promise<{ id: string; key: string }> {
  const _id = new ObjectId();
  const key = `audited_${unique()}`;
  const now = new Date();
  const flags = { isPaid: false, isActive: true, canToggle: true, order: 900, usageCount: 0 };
  await withDatabase((db) =>
    db.collection("features").insertOne({
      _id,
      key,
      name: "Audited",
      category: "social",
      ...flags,
      lastModifiedAt: now,
      createdAt: now,
      updatedAt: now,
      __v: 0,
      ...fields,
    }),
  );
  return { id: _id.toHexString(), key };
}

async function referral(): Promise<string> {
  const _id = new ObjectId();
  const { id } = await teacher();
  await withDatabase((db) =>
    db.collection("referrals").insertOne({
      _id,
      teacher: new ObjectId(id),
      referralCode: `A${unique()}`.toUpperCase(),
      discountPercentage: 25,
      totalUses: 0,
      maxUses: -1,
      usedBy: [],
      isActive: true,
      isApproved: true,
      validFrom: new Date(),
      createdAt: new Date(),
      updatedAt: new Date(),
      __v: 0,
    }),
  );
  return _id.toHexString();
}

const newUser = () => ({
  name: `New ${unique()}`,
  email: `${unique()}@example.com`,
  phone: uniquePhone(),
  password: PASSWORD,
  role: "student",
  region: home,
});

const newRegion = () => ({ name: `Audited ${unique()}`, code: unique().slice(-9), isActive: true });

describe("every write leaves one entry", () => {
  test("users: changing", async () => {
    const pupil = await student(home);
    const { email, phone } = pupil;
    const name = `Renamed ${unique()}`;
    const old = await withDatabase((db) => db.collection("users").findOne({ _id: new ObjectId(pupil.id) }));
    const body = { name, email, phone, region: home, isEmailVerified: true, studentInfo: { age: 21 } };
    const { entry } = await audited(change("PUT", `/api/users/${pupil.id}`, body));
    expect(entry).toMatchObject({ action: "users.update", target: pupil.id });
    const { changes } = entry;
    expect(changes["name"]).toEqual({ before: old!["name"], after: name });
    expect(changes["isEmailVerified"]?.after).toBe(true);
    // What was sent as it was is no change.
    for (const same of ["email", "phone", "region"]) expect(changes).not.toHaveProperty(same);
    const ofStudent = Object.entries(changes).filter(([field]) => field.startsWith("studentInfo"));
    expect(JSON.stringify(ofStudent)).toContain("21");
  });

  test("users: a password typed by an admin", async () => {
    const pupil = await student(home);
    const password = `typed-${unique()}`;
    const body = { name: `Renamed ${unique()}`, password };
    const { entry, stored } = await audited(change("PUT", `/api/users/${pupil.id}`, body));
    expect(entry.target).toBe(pupil.id);
    for (const text of [JSON.stringify(entry), JSON.stringify(stored)]) {
      expect(text).not.toContain(password);
      expect(text).not.toMatch(/\$2[aby]\$/);
    }
  });

  test("users: creating", async () => {
    const body = newUser();
    const { entry, answer, stored } = await audited(change("POST", "/api/users", body));
    expect(entry).toMatchObject({ action: expect.stringMatching(/^users\./), target: answer.body.data._id });
    for (const text of [JSON.stringify(entry), JSON.stringify(stored)]) {
      expect(text).not.toContain(PASSWORD);
      expect(text).not.toMatch(/\$2[aby]\$/);
    }
  });

  test("users: deactivating and reactivating", async () => {
    const { id } = await student(home);
    const gone = await audited(change("DELETE", `/api/users/${id}`));
    const back = await audited(change("PATCH", `/api/users/${id}/reactivate`));
    for (const { entry } of [gone, back]) {
      expect(entry).toMatchObject({ action: expect.stringMatching(/^users\./), target: id });
    }
    expect(gone.entry.changes["isActive"]).toEqual({ before: true, after: false });
    expect(back.entry.changes["isActive"]).toEqual({ before: false, after: true });
    expect(gone.entry.action).not.toBe(back.entry.action);
  });

  test("regions", async () => {
    const made = await audited(change("POST", "/api/regions", newRegion()));
    const target = made.answer.body.data.id;
    const name = `Renamed ${unique()}`;
    const updated = await audited(change("PUT", `/api/regions/${target}`, { name }));
    const toggled = await audited(change("PATCH", `/api/regions/${target}/toggle-status`));
    const deleted = await audited(change("DELETE", `/api/regions/${target}`));
    const all = [made, updated, toggled, deleted];
    for (const { entry } of all) {
      expect(entry).toMatchObject({ action: expect.stringMatching(/^regions\./), target });
    }
    expect(new Set(all.map(({ entry }) => entry.action)).size).toBe(4);
    const before = made.answer.body.data.name;
    expect(updated.entry.changes["name"]).toEqual({ before, after: name });
    for (const same of ["code", "isActive"]) expect(updated.entry.changes).not.toHaveProperty(same);
    expect(toggled.entry.changes["isActive"]).toEqual({ before: true, after: false });
  });

  test("features", async () => {
    const known = await feature();
    const key = `audited_${unique()}`;
    const body = { key, name: "Audited", category: "social", isPaid: false };
    const made = await audited(change("POST", "/api/features/admin/create", body));
    const path = `/api/features/admin/${known.key}`;
    const toggled = await audited(change("PATCH", `${path}/toggle`, { isPaid: true, isActive: true }));
    const updates = [{ featureKey: known.key, isPaid: false, isActive: true }];
    const bulk = await audited(change("PATCH", "/api/features/admin/bulk-update", { updates }));
    const off = await audited(change("DELETE", path));
    for (const { entry } of [made, toggled, bulk, off]) expect(entry.action).toMatch(/^features\./);
    for (const { entry } of [toggled, off]) expect([known.key, known.id]).toContain(entry.target);
    expect([key, made.answer.body.data.id]).toContain(made.entry.target);
    expect(toggled.entry.changes["isPaid"]).toEqual({ before: false, after: true });
    expect(toggled.entry.changes).not.toHaveProperty("isActive");
    expect(off.entry.changes["isActive"]).toEqual({ before: true, after: false });
  });

  test("referrals", async () => {
    const { id } = await teacher();
    const body = { teacher: id, discountPercentage: 15 };
    const made = await audited(change("POST", "/api/referrals", body));
    expect(made.entry.target).toBe(made.answer.body.data._id);
    const target = await referral();
    const updated = await audited(change("PUT", `/api/referrals/${target}`, { discountPercentage: 30 }));
    const toggled = await audited(change("PATCH", `/api/referrals/${target}/toggle-status`));
    const deleted = await audited(change("DELETE", `/api/referrals/${target}`));
    for (const { entry } of [updated, toggled, deleted]) expect(entry.target).toBe(target);
    for (const { entry } of [made, updated, toggled, deleted]) {
      expect(entry.action).toMatch(/^referrals\./);
    }
    expect(updated.entry.changes["discountPercentage"]).toEqual({ before: 25, after: 30 });
    expect(toggled.entry.changes["isActive"]).toEqual({ before: true, after: false });
  });

  test("under each base path", async () => {
    for (const base of ["", "/api/api"]) {
      const target = await createRegion();
      const { entry } = await audited(change("PATCH", `${base}/regions/${target}/toggle-status`));
      expect(entry.target).toBe(target);
    }
  });
});

describe("no entry", () => {
  test("for reading, and for what is refused", async () => {
    const actor = await admin();
    const { token } = actor;
    const before = await count();
    const locked = await feature({ canToggle: false });
    const taken = await student(home);
    const pupil = await student(home);
    const nobody = new ObjectId().toHexString();
    for (const [status, method, path, body] of [
      [200, "GET", "/api/users?limit=1"],
      [200, "POST", "/api/users/admin/search", { limit: 1 }],
      [200, "GET", `/api/regions/${home}/statistics`],
      [200, "GET", "/api/features/admin/all"],
      [200, "GET", "/api/admin/audit"],
      [400, "PUT", `/api/users/${pupil.id}`, { name: "" }],
      [400, "PUT", `/api/users/${pupil.id}`, { email: taken.email }],
      [404, "PUT", `/api/users/${nobody}`, { name: "Somebody Else" }],
      [400, "DELETE", `/api/users/${actor.id}`],
      [400, "PATCH", `/api/users/${pupil.id}/reactivate`],
      [400, "POST", "/api/users", { ...newUser(), phone: taken.phone }],
      [400, "POST", "/api/regions", { name: "x" }],
      [400, "DELETE", `/api/regions/${home}`],
      [404, "PATCH", `/api/regions/${nobody}/toggle-status`],
      [400, "PATCH", `/api/features/admin/${locked.key}/toggle`, { isPaid: true }],
      [404, "DELETE", `/api/features/admin/nobody_${nobody}`],
      [400, "POST", "/api/features/admin/create", { key: locked.key }],
      [404, "DELETE", `/api/referrals/${nobody}`],
    ] as [number, string, string, unknown?][]) {
      const answer = await change(method, path, body)(token);
      expect(answer.status, `${method} ${path}: ${answer.text}`).toBe(status);
    }
    expect(await count()).toBe(before);
    expect((await trail({ actor: actor.id })).entries).toEqual([]);
  });

  test("for what learners do with their own account, and for what they may not do", async () => {
    const pupil = await student(home);
    const body = { name: `Renamed ${unique()}`, email: pupil.email, phone: pupil.phone };
    const own = await call("PUT", `/api/users/${pupil.id}`, { token: pupil.token, body });
    expect(own.status, own.text).toBe(200);
    expectRefusal(await call("DELETE", `/api/regions/${home}`, { token: pupil.token }), 403);
    expect((await trail({ actor: pupil.id })).pagination.total).toBe(0);
    expect((await trail({ target: pupil.id })).pagination.total).toBe(0);
  });
});
