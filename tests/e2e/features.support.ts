/** What the tests of features share: features as the old server stored them, gone again after each file. */
import type { Document } from "mongodb";
import { ObjectId } from "mongodb";
import { afterAll, beforeAll, expect } from "vitest";
import { type Answer, type Learner, call, eventually, get, unique, withDatabase } from "../support/client.ts";
import { admin } from "../support/people.ts";
import { ID, TEXT, TIME, expectExactly, withoutUndefined } from "./auth.support.ts";

const NUMBER = expect.any(Number);
const FLAG = expect.any(Boolean);
const CATEGORY = expect.stringMatching(/^(games|communication|learning|social|premium)$/);
const TIER = expect.stringMatching(/^(free|basic|premium|pro)$/);
const LIMIT_TYPE = expect.stringMatching(/^(per_day|per_week|per_month|total)$/);

const MARK = "planted_";
export const newKey = () => `${MARK}${unique()}`;

/** Stores features with all their fields, undefined ones left out; the key of each. */
export async function plantFeatures(all: Document[]): Promise<string[]> {
  const now = new Date();
  const documents = all.map((fields) =>
    withoutUndefined({
      _id: new ObjectId(),
      key: newKey(),
      name: `Feature ${unique()}`,
      category: "learning",
      isPaid: false,
      isActive: true,
      icon: "star",
      color: "#226cae",
      order: 0,
      requiredPlan: "free",
      freeLimit: -1,
      freeLimitType: "per_day",
      canToggle: true,
      lastModifiedAt: now,
      dependencies: [],
      showInMenu: true,
      requiresAuth: true,
      usageCount: 0,
      createdAt: now,
      updatedAt: now,
      __v: 0,
      ...fields,
    }),
  );
  await withDatabase((db) => db.collection("features").insertMany(documents));
  return documents.map(({ key }) => key);
}

export const plantFeature = async (fields: Document = {}) => (await plantFeatures([fields]))[0]!;

export const storedFeature = (key: string) =>
  withDatabase((db) => db.collection("features").findOne({ key })) as Promise<Document>;

/** An administrator for a file; features of the file go when it ends, for counts of other files. */
export function featuresAdmin() {
  let boss: Learner;
  beforeAll(async () => {
    boss = await admin();
  });
  afterAll(() => withDatabase((db) => db.collection("features").deleteMany({ key: { $regex: `^${MARK}` } })));
  const ask = (method: string, path: string, body?: unknown, token: string = boss.token) =>
    call(method, `/api/features/admin${path}`, { token, ...(body === undefined ? {} : { body }) });
  return {
    boss: () => boss,
    ask,
    create: (body: unknown) => ask("POST", "/create", body),
    toggle: (key: string, body: unknown) => ask("PATCH", `/${key}/toggle`, body),
    bulk: (body: unknown) => ask("PATCH", "/bulk-update", body),
    switchOff: (key: string) => ask("DELETE", `/${key}`),
    all: async () => (await dataOf(await ask("GET", "/all"))).features as Document[],
    /** Made through the Worker, which knows them at once: lists may be kept for a moment. */
    makeAll: async (all: Document[]) => {
      const bodies = all.map(newFeature);
      for (const body of bodies) dataOf(await ask("POST", "/create", body), 201);
      return bodies.map((body) => body["key"] as string);
    },
    /** As an administrator sees it. */
    shown: async (key: string) =>
      (await dataOf(await ask("GET", "/all"))).features.find(
        (one: Document) => one["key"] === key,
      ) as Document,
  };
}

export const newFeature = (fields: Document = {}): Document => ({
  key: newKey(),
  name: `Feature ${unique()}`,
  category: "social",
  isPaid: false,
  ...fields,
});

/** The data of an answer that must have succeeded; a message is welcome where the contract has none. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function dataOf(answer: Answer, status = 200): any {
  expect(answer.status, answer.text).toBe(status);
  expectExactly(answer.body, { success: true, data: expect.any(Object) }, { message: TEXT });
  return answer.body.data;
}

export function expectFeature(feature: Document): void {
  const required = {
    id: ID,
    key: TEXT,
    name: TEXT,
    category: CATEGORY,
    isPaid: FLAG,
    isActive: FLAG,
    icon: TEXT,
    color: TEXT,
    order: NUMBER,
    requiredPlan: TIER,
    freeLimit: NUMBER,
    freeLimitType: LIMIT_TYPE,
    canToggle: FLAG,
    showInMenu: FLAG,
    requiresAuth: FLAG,
    usageCount: NUMBER,
    lastModifiedAt: TIME,
    createdAt: TIME,
    updatedAt: TIME,
  };
  expectExactly(feature, required, { description: TEXT, lastUsed: TIME, lastModifiedBy: ID });
}

/** Access to a feature, with the category that the app filters by. */
export function expectAccess(access: Document): void {
  const required = {
    key: TEXT,
    name: TEXT,
    canAccess: FLAG,
    isPaid: FLAG,
    isActive: FLAG,
    requiredPlan: TIER,
    freeLimit: NUMBER,
    freeLimitType: LIMIT_TYPE,
    status: expect.stringMatching(/^(disabled|paid|free)$/),
    reason: access["reason"] === null ? null : TEXT,
  };
  expectExactly(access, required, { category: CATEGORY });
}

/** The list of a user, once it has these keys: features put past the Worker may have to wait. */
export async function userList(token: string, keys: string[]) {
  let data: { features: Document[]; userPlan: unknown } = { features: [], userPlan: null };
  await eventually("listed features", async () => {
    data = dataOf(await get("/api/features/user", { token }));
    return keys.every((key) => data.features.some((one) => one["key"] === key));
  });
  return data;
}

export const access = (key: string, token: string) => get(`/api/features/user/${key}/access`, { token });

/** The caller's access, once a feature put past the Worker is known. */
export async function accessTo(key: string, token: string): Promise<Document> {
  await eventually("a known feature", async () => (await access(key, token)).status === 200);
  const data = dataOf(await access(key, token));
  expectAccess(data);
  return data;
}

export const use = (key: string, token: string) => call("POST", `/api/features/user/${key}/usage`, { token });
