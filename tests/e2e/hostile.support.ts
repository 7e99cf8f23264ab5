/** What the hostile tests share: targets of every operation, requests to them, and what was stored meanwhile. */
import { type Document, ObjectId } from "mongodb";
import { expect, test } from "vitest";
import { type Answer, type Learner, call, createRegion, unique, withDatabase } from "../support/client.ts";
import { admin } from "../support/people.ts";
import { tokenFor } from "../support/tokens.ts";
import { bareUser } from "./auth.support.ts";
import { choice, openGames, wantedGame } from "./games.support.ts";
import type { Operation, Stage } from "./hostile.operation.ts";
import { OPERATIONS } from "./hostile.table.ts";
import { planDocument } from "./payments.support.ts";

const stages = new Map<string, Stage>();
export let administrator: Learner;

const rightOrWrong = () =>
  [true, false].map((isCorrect) => ({ _id: new ObjectId(), text: String(isCorrect), isCorrect }));

/** Plants the targets and callers of every operation, under its name. */
async function plantStages(): Promise<void> {
  const home = new ObjectId(await createRegion());
  const documents: Record<string, Document[]> = {};
  const stored = { isActive: true, createdAt: new Date(), updatedAt: new Date(), __v: 0 };
  const add = (collection: string, fields: Document) => {
    const document: Document = { ...stored, _id: new ObjectId(), ...fields };
    (documents[collection] ??= []).push(document);
    return String(document["_id"]);
  };
  for (const { id } of OPERATIONS) {
    const user = (what: string, fields: Document = {}) =>
      add("users", bareUser({ name: `${what} of ${id}`, region: home, ...fields }));
    const teaches = () => ({ role: "teacher", teacherInfo: { referralCode: `H${unique()}`.toUpperCase() } });
    const teacher = user("target", teaches());
    const key = `hostile_${id.toLowerCase()}_${unique()}`;
    const name = `${id} ${unique()}`;
    add("features", { key, name, category: "social", isPaid: false, order: 900, usageCount: 0 });
    const target = user("target");
    const plan = add("plans", planDocument({ name }));
    stages.set(id, {
      user: target,
      teacher,
      region: add("regions", { name, code: unique().toUpperCase() }),
      referral: add("referrals", {
        teacher: new ObjectId(teacher),
        referralCode: `R${unique()}`.toUpperCase(),
        discountPercentage: 25,
        totalUses: 0,
        maxUses: -1,
        usedBy: [],
        isApproved: true,
        validFrom: new Date(),
      }),
      feature: key,
      category: "social",
      game: add("games", {
        ...wantedGame({ title: name }),
        questions: [{ ...choice(), _id: new ObjectId(), questionNumber: 1, options: rightOrWrong() }],
        totalQuestions: 1,
      }),
      gameType: "grammar",
      lecture: add("videolectures", {
        title: name,
        description: "A lecture to be attacked by tests",
        videoUrl: "https://videos.example.com/a.mp4",
        duration: 100,
        isPublished: true,
        instructor: new ObjectId(teacher),
      }),
      plan,
      transaction: add("transactions", {
        user: new ObjectId(target),
        plan: new ObjectId(plan),
        amount: 499,
        finalAmount: 499,
        razorpayOrderId: `order_${unique()}`,
        status: "pending",
      }),
      tokens: { student: tokenFor(user("caller")), teacher: tokenFor(user("caller", teaches())) },
    });
  }
  await withDatabase((db) =>
    Promise.all(Object.entries(documents).map(([name, all]) => db.collection(name).insertMany(all))),
  );
}

interface Sent {
  token?: string | undefined;
  /** In place of the operation's own target. */
  id?: string;
  query?: string;
  /** In place of a good one. */
  body?: unknown;
}

export const stageOf = (operation: Operation) => stages.get(operation.id)!;

/** Sends what would succeed, but for what is given. */
export function send(operation: Operation, { token, id, query = "", body }: Sent = {}): Promise<Answer> {
  const { method, path, target, good } = operation;
  const stage = stageOf(operation);
  const address = path.replace("{}", () => id ?? (target ? stage[target] : ""));
  const sent = body ?? (method === "GET" ? undefined : good?.(stage));
  return call(method, address + query, { token, ...(sent === undefined ? {} : { body: sent }) });
}

/** A token that passes the access check of an operation, and its check of ownership. */
export const rightful = (operation: Operation) => {
  if (operation.access === "public") return undefined;
  const anybody = operation.access === "user" && !operation.others?.includes(403);
  return anybody ? stageOf(operation).tokens.student : administrator.token;
};

/** One of these statuses, never a 5xx, in the envelope, and nothing in it about what is behind. */
export function expectAnswer(operation: Operation, answer: Answer, allowed: number[], what: string): void {
  const { status, body, text, headers } = answer;
  const about = `${operation.id}, ${what}: ${status} ${text.slice(0, 400)}`;
  expect(status, about).toBeLessThan(500);
  expect(allowed, about).toContain(status);
  expect(headers.get("content-type"), about).toMatch(/^application\/json/);
  expect(text, about).not.toMatch(/\$2[aby]\$|E11000|\.rs:\d|panicked|"stack"|invalid type|at line \d/);
  if (status >= 400) {
    expect(body, about).toMatchObject({ success: false, message: expect.stringMatching(/\S/) });
    for (const error of body.errors ?? []) {
      if (operation.texts && typeof error === "string" && error.trim()) continue;
      const shape = { type: "field", msg: expect.stringMatching(/\S/), path: expect.any(String) };
      expect(error, about).toMatchObject({ ...shape, location: "body" });
    }
  } else if (!operation.bare) {
    expect(body?.success, about).toBe(!operation.verdict);
  }
}

// What objects write behind the requests (sessions, groups, leaderboards) changes by itself.
const WATCHED = "users regions features referrals plans transactions games videolectures audit".split(" ");

type Snapshot = Map<string, Document>;

const snapshot = (): Promise<Snapshot> =>
  withDatabase(async (db) => {
    const all = WATCHED.map(async (collection) => {
      const documents = await db.collection(collection).find().toArray();
      return documents.map((document): [string, Document] => [`${collection} ${document._id}`, document]);
    });
    return new Map((await Promise.all(all)).flat());
  });

/** Which fields of which documents differ. */
function differences(before: Snapshot, after: Snapshot, passOver: string[]): string[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => !passOver.includes(key.split(" ")[0]!),
  );
  return keys.flatMap((key) => {
    const [old, now] = [before.get(key), after.get(key)];
    if (!old || !now) return [`${key}: ${old ? "gone" : "new"} ${JSON.stringify(old ?? now)}`];
    return [...new Set([...Object.keys(old), ...Object.keys(now)])]
      .filter((field) => !passOver.includes(field))
      .filter((field) => JSON.stringify(old[field]) !== JSON.stringify(now[field]))
      .map((field) => `${key} ${old["name"] ?? old["title"]}: ${field} is ${JSON.stringify(now[field])}`);
  });
}

let before: Snapshot;

/** From here on, nothing may be stored. */
export async function watch(): Promise<void> {
  before = await snapshot();
}

export async function setStage(): Promise<void> {
  administrator = await admin();
  await openGames(administrator);
  await plantStages();
  await watch();
}

/** The last test of a group: attributes what was stored to the group, and by its name to the operation. */
export const storedNothing = (passOver: string[] = []) =>
  test("nothing was stored", async () => {
    const after = await snapshot();
    const found = differences(before, after, passOver);
    before = after;
    expect(found).toEqual([]);
  });

export const GUARDED = OPERATIONS.filter(({ access }) => access !== "public");
export const WITH_TARGET = OPERATIONS.filter(({ target }) => target);
export const WITH_BODY = OPERATIONS.filter(({ good }) => good);

/** Whether the target is known by an id. */
export const hasId = ({ target }: Operation): boolean =>
  !["feature", "category", "gameType"].includes(target!);

/** An id or key of the right form that nobody has. */
export const nobody = (operation: Operation): string =>
  hasId(operation) ? new ObjectId().toHexString() : `nobody_${unique()}`;

/** What a group of things shows of an answer: nothing is in a group that nobody has. */
export const listed = ({ body }: Answer): unknown => body.data.features ?? body.data.games;
