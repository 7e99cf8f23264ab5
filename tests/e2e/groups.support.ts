/** What the tests of groups, scheduled calls and session records share: people, planted documents, and the shapes. */
import { type Document, ObjectId } from "mongodb";
import { expect, test } from "vitest";
import {
  type Answer,
  type Learner,
  call,
  createRegion,
  eventually,
  setFeature,
  unique,
  withDatabase,
} from "../support/client.ts";
import { people } from "../support/people.ts";
import { tokenFor } from "../support/tokens.ts";
import { withoutUndefined } from "./auth.support.ts";
import { TEXT, expectError, nobody } from "./sessions.support.ts";

export const oid = (id: string) => new ObjectId(id);
export const ANY_TEXT = expect.any(String) as string;
export const NUMBER = expect.any(Number) as number;
export const FLAG = expect.any(Boolean) as boolean;
/** Texts that are no ids, ready for an address. */
export const NO_IDS = ["nope", nobody().slice(1), `${nobody()}0`, "z".repeat(24), "%24ne"];

/** Learners in a region of their own, unless one is given. */
export async function cohort(many: number, fields: Document = {}): Promise<Learner[]> {
  return people(many, { ...fields, region: fields["region"] ?? oid(await createRegion()) });
}

/** All required keys, perhaps optional ones, and no others. */
export function exactly(actual: Document, required: object, optional: object = {}): void {
  const present = Object.entries(optional).filter(([key]) => key in actual);
  expect(actual).toEqual({ ...required, ...Object.fromEntries(present) });
}

/** The data of an answer that must have succeeded. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function data(answer: Answer, status = 200): any {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.body).toMatchObject({ success: true });
  return answer.body.data;
}

/** The same, where the envelope has a message. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function told(answer: Answer, status = 200): any {
  const value = data(answer, status);
  expect(answer.body).toMatchObject({ message: TEXT });
  return value;
}

/** Refused with one of these statuses, in the envelope. */
export function refused(answer: Answer, ...statuses: number[]): void {
  expect(statuses, answer.text).toContain(answer.status);
  expectError(answer, answer.status);
}

/** A 400 that names at least this field, or one inside it. */
export function refusedField(answer: Answer, field: string): void {
  expectError(answer, 400);
  const paths: string[] = (answer.body.errors ?? []).map(({ path }: { path: string }) => path);
  expect(
    paths.some((path) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`)),
    answer.text,
  ).toBe(true);
}

/** A person on a card: the address is there as a key and may be withheld. */
export function expectCard(card: Document, who: { id: string }, more: object = {}): void {
  const email = card["email"] === null ? null : ANY_TEXT;
  const picture = card["profilePicture"] === null ? null : ANY_TEXT;
  exactly(card, { id: who.id, name: TEXT, email, ...more }, { profilePicture: picture });
}

export const oddPages = [
  ["", 1, 20],
  ["page=2&limit=2", 2, 2],
  ["page=0&limit=0", 1, 1],
  ["page=-3&limit=-3", 1, 1],
  ["limit=100000", 1, 100],
  ["page=abc&limit=xyz", 1, 20],
] as const;

/** Paging of a list: clamped, and with the right totals. */
export async function expectPaging(
  read: (query: string) => Promise<{ pagination: Document }>,
  total: number,
  limitByDefault = 20,
): Promise<void> {
  for (const [query, page, limit] of oddPages) {
    const size = limit === 20 ? limitByDefault : limit;
    const pagination = { page, limit: size, total, pages: Math.ceil(total / size) };
    expect((await read(query)).pagination, query).toEqual(pagination);
  }
}

export const at = {
  create: "/api/groups/create",
  available: (query = "") => `/api/groups/available?${query}`,
  join: "/api/groups/join",
  byCode: "/api/groups/join-by-code",
  mine: "/api/groups/my/active",
  group: (id: string) => `/api/groups/${id}`,
  say: (id: string) => `/api/groups/${id}/message`,
  lines: (id: string, query = "") => `/api/groups/${id}/messages?${query}`,
  start: (id: string) => `/api/groups/${id}/start`,
  leave: (id: string) => `/api/groups/${id}/leave`,
  end: (id: string) => `/api/groups/${id}/end-session`,
};

export const SETTINGS = { allowVideo: true, allowVoice: true, allowChat: true };

/** The body of a group that is accepted. */
export const wanted = (fields: object = {}) => ({
  title: `Group ${unique()}`,
  topic: "What we eat",
  description: "",
  level: "beginner",
  maxParticipants: 5,
  isPrivate: false,
  settings: SETTINGS,
  ...fields,
});

export interface Made {
  id: string;
  joinCode: string;
}

/** A group opened through the interface, with these members. */
export async function createGroup(
  host: Learner,
  members: Learner[] = [],
  fields: object = {},
): Promise<Made> {
  const { groupId: id, joinCode } = data(await host.post(at.create, wanted(fields)), 201);
  for (const member of members) data(await member.post(at.join, { groupId: id }));
  return { id, joinCode };
}

/** A started group through the interface. */
export async function startedGroup(host: Learner, members: Learner[], sessionType = "chat"): Promise<string> {
  const { id } = await createGroup(host, members);
  data(await host.post(at.start(id), { sessionType }));
  return id;
}

/** The group as the poll shows it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export async function poll(who: Learner, id: string): Promise<any> {
  return data(await who.get(at.group(id)));
}

export const membersOf = (group: { participants: { id: string }[] }) =>
  group.participants.map(({ id }) => id);

/** A group document of the old server; the first of the people is the host. */
export async function plantGroup(crew: { id: string; region: string }[], fields: Document = {}) {
  const { maxParticipants = 5, groupSession, ...rest } = fields;
  const now = new Date();
  const _id = new ObjectId();
  const document = {
    _id,
    title: `Old group ${unique()}`,
    topic: "What we ate",
    description: "Planted",
    level: "beginner",
    maxParticipants,
    isPrivate: false,
    joinCode: unique().toUpperCase(),
    host: oid(crew[0]!.id),
    participants: crew.map(({ id }, index) => ({
      _id: new ObjectId(),
      user: oid(id),
      role: index === 0 ? "host" : "participant",
      joinedAt: now,
      isActive: true,
    })),
    status: "waiting",
    settings: SETTINGS,
    groupSession: {
      _id: new ObjectId(),
      maxParticipants,
      currentParticipants: crew.length,
      sessionType: "chat",
      isActive: false,
      duration: 0,
      signaling: { iceCandidates: [{ _id: new ObjectId(), candidate: "old-candidate", createdAt: now }] },
      ...groupSession,
    },
    messages: [],
    region: oid(crew[0]!.region),
    createdAt: now,
    updatedAt: now,
    __v: 0,
    ...rest,
  };
  if (groupSession === null) delete (document as Document)["groupSession"];
  await withDatabase((db) => db.collection("groups").insertOne(withoutUndefined(document)));
  return _id.toHexString();
}

export const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);

/** Fields of a running group. */
export const running = (seconds = 30) => ({
  status: "active",
  groupSession: { isActive: true, startedAt: ago(seconds) },
});

export const groupRecord = (id: string) =>
  withDatabase((db) => db.collection("groups").findOne({ _id: oid(id) }));

/** Opens the gates of calls for everybody. Other files close them. */
export async function openGates(): Promise<void> {
  for (const key of ["voice_calls", "video_calls", "group_calls"]) await setFeature(key, true, false);
  const [probe] = await cohort(1);
  await eventually(
    "the gates are open",
    async () => {
      const tries = ["voice", "video"].flatMap((callType) => [
        probe!.post("/api/communication/call/initiate", { callType }),
        probe!.post("/api/communication/call/group/initiate", { callType }),
      ]);
      return (await Promise.all(tries)).every(({ status }) => status !== 403);
    },
    20,
  );
}

/** A 1:1 call set up by `host`. */
export async function initiate(host: Learner, other: Learner, callType = "voice"): Promise<string> {
  const body = { participants: [host.id, other.id], callType, title: "A call" };
  return data(await host.post("/api/communication/call/initiate", body), 201).sessionId;
}

/** A 1:1 call that both have joined. */
export async function liveCall(host: Learner, other: Learner, callType = "voice"): Promise<string> {
  const session = await initiate(host, other, callType);
  for (const side of [host, other]) {
    data(await side.post(`/api/communication/call/${session}/join`));
  }
  return session;
}

export interface Access {
  name: string;
  method?: string;
  path: (id: string) => string;
  body?: unknown;
  /** What a stranger gets; 403 if not said. */
  stranger?: number[];
}

/** Registers, for each route with an id, everybody who is refused. */
export function testAccess(routes: Access[], target: () => { id: string; member: Learner }): void {
  test.for(routes)(
    "$name refuses whoever may not",
    async ({ method = "POST", path, body, stranger = [403] }) => {
      const { id, member } = target();
      const as = (token: string | undefined, of: string) => call(method, path(of), { token, body });
      expectError(await as(undefined, id), 401, "Access token required");
      for (const token of ["no.token.this", tokenFor(nobody())]) expectError(await as(token, id), 401);
      const [outsider, inactive] = [(await cohort(1))[0]!, (await cohort(1, { isActive: false }))[0]!];
      expectError(await as(inactive.token, id), 401);
      refused(await as(outsider.token, id), ...stranger);
      expectError(await as(member.token, nobody()), 404);
      for (const bad of NO_IDS) refused(await as(member.token, bad), 400, 404);
    },
  );
}
