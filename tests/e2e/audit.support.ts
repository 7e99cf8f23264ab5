/** The trail of what administrators write, as listed, and writes that leave it. */
import { expect } from "vitest";
import { type Answer, call, get, withDatabase } from "../support/client.ts";
import { admin } from "../support/people.ts";

export interface Listed {
  _id: string;
  at: string;
  actor: { _id: string; name: string };
  action: string;
  target: string | null;
  changes: Record<string, { before: unknown; after: unknown }>;
  requestId: string;
}

export interface Trail {
  entries: Listed[];
  pagination: { current: number; pages: number; total: number; limit: number };
}

let reader: Promise<string> | undefined;

/** A page of it, as an administrator who writes nothing sees it. */
export async function trail(query: Record<string, string | number> = {}): Promise<Trail> {
  reader ??= admin().then(({ token }) => token);
  const address = new URL("http://any/api/admin/audit");
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, String(value));
  const answer = await get(address.pathname + address.search, { token: await reader });
  expect(answer.status, answer.text).toBe(200);
  expect(answer.body.success).toBe(true);
  expect(answer.text).not.toMatch(/\$2[aby]\$/);
  return answer.body.data;
}

/** How many documents there are, whatever their fields are called. */
export const count = () => withDatabase((db) => db.collection("audit").countDocuments());

/** A write, for a token. */
export const change =
  (method: string, path: string, body?: unknown) =>
  (token: string): Promise<Answer> =>
    call(method, path, { token, ...(body === undefined ? {} : { body }) });
