/** What the tests of calls and chats share: pairs made in bulk, shapes of the contract, and the table of who may not. */
import { ObjectId } from "mongodb";
import { expect, test } from "vitest";
import {
  type Answer,
  type Learner,
  type Pair,
  call,
  createLearners,
  createRegion,
  learner,
  matchLearners,
  unique,
  withDatabase,
} from "../support/client.ts";
import { sign, tokenFor } from "../support/tokens.ts";

export const FIND = "/api/communication/matchmaking/find-partner";
export const ACTIVE = "/api/communication/sessions/active";
export const CANCEL_ALL = "/api/communication/sessions/cancel-all";
export const at = {
  details: (session: string) => `/api/communication/session/${session}`,
  leave: (session: string) => `/api/communication/call/${session}/leave`,
  signals: (session: string) => `/api/communication/session/${session}/webrtc`,
  offer: (session: string) => `/api/communication/session/${session}/webrtc/offer`,
  answer: (session: string) => `/api/communication/session/${session}/webrtc/answer`,
  ice: (session: string) => `/api/communication/session/${session}/webrtc/ice`,
  clear: (session: string) => `/api/communication/session/${session}/webrtc/clear`,
  say: (session: string) => `/api/communication/chat/${session}/message`,
  lines: (session: string, query = "") => `/api/communication/chat/${session}/messages${query}`,
};

export const ID = expect.stringMatching(/^[0-9a-f]{24}$/) as string;
export const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
export const TEXT = expect.stringMatching(/\S/) as string;
export const NO_SIGNALS = { offer: {}, answer: {}, iceCandidates: [] };
/** x-global.no-cache-headers and components.headers.NoStore. */
export const NO_STORE = "no-store, no-cache, must-revalidate, proxy-revalidate";

export const nobody = (): string => new ObjectId().toHexString();

/** Learners of one new region, already matched two by two. */
export async function createPairs(many: number, sessionType = "chat"): Promise<Pair[]> {
  const learners = await createLearners(await createRegion(), 2 * many);
  const pairs: Pair[] = [];
  for (let n = 0; n < many; n++) {
    pairs.push(await matchLearners(learners[2 * n]!, learners[2 * n + 1]!, sessionType));
  }
  return pairs;
}

/** The same on another Worker. */
export async function createPairsAt(base: string, many: number): Promise<Pair[]> {
  const people = await createLearners(await createRegion(), 2 * many);
  const learners = people.map((who) => through(who, base));
  const pairs: Pair[] = [];
  for (let n = 0; n < many; n++) pairs.push(await matchLearners(learners[2 * n]!, learners[2 * n + 1]!));
  return pairs;
}

/** A learner who speaks to another Worker. */
export const through = (who: Learner, base: string): Learner =>
  learner(who.id, who.token, who.email, who.phone, who.region, base);

/** Takes one after the other. */
export function taker<T>(): { fill: (items: T[]) => void; take: () => T } {
  const left: T[] = [];
  return {
    fill: (items) => void left.push(...items),
    take: () => {
      const next = left.shift();
      if (next === undefined) throw new Error("nothing left: make more of them");
      return next;
    },
  };
}

/** The ids of somebody's live sessions. */
export async function liveSessions(who: Learner): Promise<string[]> {
  const answer = await who.get(ACTIVE);
  expect(answer.status, answer.text).toBe(200);
  return answer.body.data.sessions.map((session: { _id: string }) => session._id);
}

/** The error envelope of the contract, and nothing of the inside. */
export function expectError(answer: Answer, status: number, part = ""): void {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.body).toMatchObject({ success: false, message: TEXT });
  expect(answer.body.message).toContain(part);
  for (const leak of ["error", "details", "stack"]) expect(answer.body).not.toHaveProperty(leak);
}

/** A 400 that lists these fields. */
export function expectFields(answer: Answer, ...fields: string[]): void {
  expectError(answer, 400);
  const listed: { path: string }[] = answer.body.errors;
  for (const item of listed) {
    expect(item).toMatchObject({ type: "field", location: "body", msg: TEXT, path: TEXT });
  }
  expect([...new Set(listed.map(({ path }) => path))].sort()).toEqual([...fields].sort());
}

/** The document of a session. */
export const recordOf = (session: string) =>
  withDatabase((db) => db.collection("sessions").findOne({ _id: new ObjectId(session) }));

export interface Route {
  name: string;
  method: "GET" | "POST";
  path: (session: string) => string;
  body?: unknown;
}

/** Registers, for each route of a session, everybody who is refused. `pair` gives a live session. */
export function testAccess(routes: Route[], pair: () => Pair): void {
  const now = Math.floor(Date.now() / 1000);
  test.each(routes)("$name refuses whoever may not", async ({ method, path, body }) => {
    const { session, host } = pair();
    const as = (token?: string, id = session, at = path) => call(method, at(id), { token, body });
    const [stranger, deactivated] = await createLearners(await createRegion(), 2);
    await withDatabase((db) =>
      db.collection("users").updateOne({ _id: new ObjectId(deactivated!.id) }, { $set: { isActive: false } }),
    );

    expectError(await as(), 401, "Access token required");
    for (const token of [
      "no.token.this",
      `${host.token.slice(0, -2)}xx`,
      sign({ userId: host.id, iat: now, exp: now + 3600 }, { secret: "another secret, long enough" }),
      tokenFor(host.id, { iat: now - 7200, exp: now - 3600 }),
      tokenFor(nobody()),
      deactivated!.token,
    ]) {
      expectError(await as(token), 401);
    }
    expectError(await as(stranger!.token), 403);
    expectError(await as(host.token, nobody()), 404);
    for (const id of ["nope", session.slice(1), `${session}0`, "z".repeat(24), "%24ne", unique()]) {
      expectError(await as(host.token, id), 400);
    }
  });
}
