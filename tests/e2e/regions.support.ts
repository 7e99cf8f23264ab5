/** What the tests of regions share: the calls of an administrator, and what is stored. */
import type { Document } from "mongodb";
import { beforeAll, expect } from "vitest";
import { type Answer, call, get, unique, withDatabase } from "../support/client.ts";
import { admin } from "../support/people.ts";
import { expectRefusal } from "./auth.support.ts";
import { oid } from "./users.support.ts";

/** The calls of an administrator, one for a file. */
export function regionsAdmin() {
  let boss = "";
  beforeAll(async () => {
    boss = (await admin()).token;
  });
  const ask = (method: string, path: string, body?: unknown, token: string = boss) =>
    call(method, `/api/regions${path}`, { token, ...(body === undefined ? {} : { body }) });
  return {
    token: () => boss,
    ask,
    create: (body: unknown) => ask("POST", "", body),
    update: (id: string, body: unknown) => ask("PUT", `/${id}`, body),
    remove: (id: string) => ask("DELETE", `/${id}`),
    toggle: (id: string) => ask("PATCH", `/${id}/toggle-status`),
    one: (id: string) => ask("GET", `/${id}`),
    statistics: (id: string) => ask("GET", `/${id}/statistics`),
  };
}

/** At most ten characters that no other test uses. */
export const shortCode = () => Math.random().toString(36).slice(2, 12).padEnd(10, "0").toUpperCase();

export const newRegion = (fields: object = {}) => ({
  name: `New ${unique()}`,
  code: shortCode(),
  ...fields,
});

export const stored = (id: string) =>
  withDatabase((db) => db.collection("regions").findOne({ _id: oid(id) })) as Promise<Document>;

/** What the public list has of this text. */
export async function listed(search: string, fields: Record<string, string> = {}): Promise<Document[]> {
  const answer = await get(`/api/regions?${new URLSearchParams({ search, ...fields })}`);
  return answer.body.data.regions;
}

/** A plain refusal, without a list of fields. */
export function expectPlain(answer: Answer, status: number, text?: RegExp): void {
  expectRefusal(answer, status, text);
  expect(answer.body).not.toHaveProperty("errors");
}
