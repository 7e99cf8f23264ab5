/**
 * What makes the Worker ask its database, for tests/e2e/indexes.test.ts: a table of all operations of the API
 * description, by area. A new operation needs a row here. A row calls its operation in every way that asks the database
 * something else: with each filter and order, and for what is live and for what is only recorded.
 */
import { type Document, ObjectId } from "mongodb";
import {
  type Answer,
  type Learner,
  PASSWORD,
  type Pair,
  RoomSocket,
  call,
  createRegion,
  eventually,
  matchLearners,
  setFeature,
  unique,
  uniquePhone,
  withDatabase,
} from "../support/client.ts";
import { people, person } from "../support/people.ts";
import type { Razorpay } from "../upstreams/razorpay.ts";
import { audit, features, referrals, regions, users } from "./indexes.accounts.ts";
import { groupRecords, groupSignals, groups, setUpCalls } from "./indexes.groups.ts";
import { games, lectures, standings } from "./indexes.learning.ts";
import { ledgers, plans, purchases } from "./indexes.payments.ts";
import { calls, gameRecords, lectureRecords, records } from "./indexes.records.ts";
import { chat, evaluation, media } from "./indexes.tutor.ts";
import { at, recordOf, through } from "./sessions.support.ts";

/** Whom and what the rows find. */
export interface World {
  /** The Worker behind the recorder. */
  base: string;
  region: string;
  student: Learner;
  teacher: Learner;
  /** Of the teacher. */
  code: string;
  admin: Learner;
  /** A live session. */
  pair: Pair;
  /** A session of the student that only the database knows. */
  recorded: string;
  /** The payment gateway that the Worker knows. */
  gateway: Razorpay;
  /** Calls any operation, to prepare one. */
  ask(method: string, path: string, ask?: Ask): Promise<Answer>;
  /** Somebody new, for what can be done once. */
  fresh(fields?: Document): Promise<Learner>;
}

export interface Ask {
  as?: Learner;
  /** For the names in the path. */
  ids?: Record<string, string>;
  query?: string;
  body?: unknown;
  /** Of an answer that is not a success. */
  status?: number;
}

/** Calls the operation of the row, which must succeed. */
export type Send = (ask?: Ask) => Promise<Answer>;
export type Row = (send: Send, world: World) => Promise<unknown>;

const ofSession = (pair: Pair) => ({ as: pair.host, ids: { sessionId: pair.session } });
const newPair = async ({ fresh }: World) => matchLearners(await fresh(), await fresh());
const registration = (region: string, fields: object = {}) => ({
  name: "A Learner",
  email: `${unique()}@example.com`,
  phone: uniquePhone(),
  password: PASSWORD,
  role: "student",
  region,
  ...fields,
});

const health: Record<string, Row> = {
  "GET /test": (send) => send(),
  "GET /test-connection": (send) => send(),
  "GET /health": (send) => send(),
  "GET /keepalive": (send) => send(),
};

const auth: Record<string, Row> = {
  "POST /auth/register": async (send, { region, code }) => {
    for (const body of [
      registration(region, { referralCode: code }),
      registration(region, { role: "teacher" }),
      registration(`Nowhere ${unique()}`),
    ]) {
      await send({ body });
    }
  },
  "POST /auth/login": (send, { student }) => send({ body: { email: student.email, password: PASSWORD } }),
  "POST /auth/admin/login": (send, { admin }) => send({ body: { email: admin.email, password: PASSWORD } }),
  "GET /auth/me": async (send, { fresh, teacher }) => {
    const links = { referredBy: new ObjectId(teacher.id), studentInfo: { currentPlan: new ObjectId() } };
    await send({ as: await fresh(links) });
  },
  "PUT /auth/change-password": async (send, { fresh }) =>
    send({ as: await fresh(), body: { currentPassword: PASSWORD, newPassword: "another-pass-2" } }),
  "POST /auth/forgot-password": async (send, { fresh }) => {
    await send({ body: { email: (await fresh()).email } });
    await send({ body: { email: `${unique()}@example.com` } });
  },
  "POST /auth/reset-password": (send) =>
    send({ body: { token: "a".repeat(43), password: "another-pass-2" }, status: 400 }),
  "POST /auth/logout": async (send, { fresh }) => send({ as: await fresh() }),
};

const communication: Record<string, Row> = {
  "POST /communication/matchmaking/find-partner": async (send, { fresh }) => {
    for (const sessionType of ["chat", "voice_call"]) {
      await send({ as: await fresh(), body: { sessionType, preferredLanguageLevel: "beginner" } });
      await send({ as: await fresh(), body: { sessionType } });
    }
  },
  "GET /communication/sessions/active": (send, { pair }) => send({ as: pair.host }),
  "POST /communication/sessions/cancel-all": async (send, world) => send({ as: (await newPair(world)).host }),
  "GET /communication/session/{sessionId}": async (send, { pair, student, recorded }) => {
    await send(ofSession(pair));
    await send({ as: student, ids: { sessionId: recorded } });
  },
  "GET /communication/session/{sessionId}/webrtc": async (send, { pair, student, recorded }) => {
    await send(ofSession(pair));
    await send({ as: student, ids: { sessionId: recorded } });
  },
  "POST /communication/session/{sessionId}/webrtc/offer": (send, { pair }) =>
    send({ ...ofSession(pair), body: { type: "offer", sdp: "v=0" } }),
  "POST /communication/session/{sessionId}/webrtc/answer": (send, { pair }) =>
    send({ ...ofSession(pair), as: pair.seeker, body: { type: "answer", sdp: "v=0" } }),
  "POST /communication/session/{sessionId}/webrtc/ice": (send, { pair }) =>
    send({ ...ofSession(pair), body: { candidate: "candidate:1" } }),
  "POST /communication/session/{sessionId}/webrtc/clear": (send, { pair }) => send(ofSession(pair)),
  "POST /communication/session/{sessionId}/ticket": (send, { pair }) => send(ofSession(pair)),
  "GET /communication/session/{sessionId}/socket": async (_, { pair, base }) =>
    (await RoomSocket.join(pair.session, pair.host.token, undefined, base)).close(),
  "POST /communication/chat/{sessionId}/message": (send, { pair }) =>
    send({ ...ofSession(pair), body: { message: "hello", messageType: "text" } }),
  "GET /communication/chat/{sessionId}/messages": async (send, { pair, student, recorded }) => {
    await send({ ...ofSession(pair), query: "?page=2&limit=5" });
    await send({ as: student, ids: { sessionId: recorded }, query: "?page=1&limit=5" });
  },
  "POST /communication/call/{sessionId}/leave": async (send, world) => {
    const pair = await newPair(world);
    await pair.seeker.post(at.say(pair.session), { message: "bye", messageType: "text" });
    await send(ofSession(pair));
    await eventually(
      "the end is recorded",
      async () => (await recordOf(pair.session))?.["status"] === "completed",
    );
  },
};

const leaderboard: Record<string, Row> = {
  "GET /leaderboard/region/{regionId}": (send, { student, region }) =>
    send({ as: student, ids: { regionId: region }, query: "?page=2&limit=5" }),
  "GET /leaderboard/region/{regionId}/top3": (send, { student, region }) =>
    send({ as: student, ids: { regionId: region } }),
  "GET /leaderboard/my-rank": async (send, { student, fresh }) => {
    await send({ as: student });
    // One whom the leaderboard has never heard of.
    await send({ as: await fresh() });
  },
};

/**
 * Queries that read a whole collection because they are about all of it, by the line that describes them, with the
 * reason. None that everybody can ask for belongs here.
 */
export const DELIBERATE: { query: RegExp; why: string }[] = [
  {
    query: /^aggregate transactions \{\} \$count/,
    why: "administrators are told how many purchases there are in all",
  },
  {
    query: /^aggregate (users|referrals) .*\$facet/,
    why: "statistics for administrators are about everything",
  },
  {
    query: /^aggregate (users|referrals) .*\$regularExpression/,
    why: "administrators search for fragments, which may be anywhere, and are told how many there are",
  },
  {
    query: /^aggregate (users|referrals) \{("isActive":(true|false))?\} \$group/,
    why: "the administrators' lists, when not filtered, show counts of everybody by role or state",
  },
  {
    query: /^aggregate audit \{\} \$count/,
    why: "administrators who page through the whole audit trail are told how many pages it has",
  },
  {
    query: /^aggregate sessions \{\} (\$group \$sort|\$facet|\$count)/,
    why: "administrators' lists, searches and statistics of sessions, when not filtered, are about everything",
  },
  {
    query: /^aggregate sessions \{\} \$project \$unwind \$group \$lookup \$unwind \$match \$group/,
    why: "administrators' leaderboard statistics are means over all sessions by region and kind",
  },
];

export const OPERATIONS: Record<string, Row> = {
  ...health,
  ...auth,
  ...users,
  ...regions,
  ...features,
  ...referrals,
  ...audit,
  ...communication,
  ...leaderboard,
  ...games,
  ...lectures,
  ...standings,
  ...plans,
  ...purchases,
  ...ledgers,
  ...chat,
  ...evaluation,
  ...media,
  ...records,
  ...gameRecords,
  ...lectureRecords,
  ...calls,
  ...setUpCalls,
  ...groups,
  ...groupSignals,
  ...groupRecords,
};

/** Calls every operation that has a row, one after the other. */
export async function driveAll(world: World): Promise<void> {
  for (const [operation, row] of Object.entries(OPERATIONS)) {
    const [method, path] = operation.split(" ") as [string, string];
    await row((ask) => world.ask(method, path, ask), world);
  }
}

const asker =
  (base: string): World["ask"] =>
  async (method, template, { as, ids = {}, query = "", body, status } = {}) => {
    const path = template.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? `no-${name}`);
    const answer = await call(method, `/api${path}${query}`, { token: as?.token, body, base });
    const fits = status === undefined ? answer.status < 400 : answer.status === status;
    if (!fits) throw new Error(`${method} ${path}${query}: ${answer.status} ${answer.text}`);
    return answer;
  };

/** People and sessions of a region with more students than its leaderboard reads at once. */
export async function createWorld(base: string, gateway: Razorpay): Promise<World> {
  const region = await createRegion();
  for (const key of ["voice_calls", "video_calls", "group_calls", "games"])
    await setFeature(key, true, false);
  const here = { region: new ObjectId(region) };
  const fresh = async (fields: Document = {}) => through(await person({ ...here, ...fields }), base);
  const code = `T${unique()}`.toUpperCase();
  const [student] = await people(501, here);
  const recorded = new ObjectId();
  await withDatabase((db) =>
    db.collection("sessions").insertOne({
      _id: recorded,
      sessionId: `chat_${unique()}`,
      sessionType: "chat",
      title: "Random chat",
      status: "completed",
      host: new ObjectId(student!.id),
      participants: [{ _id: new ObjectId(), user: new ObjectId(student!.id), role: "host", isActive: false }],
      chatSession: {
        messages: [
          { _id: new ObjectId(), sender: new ObjectId(student!.id), message: "hello", timestamp: new Date() },
        ],
        totalMessages: 1,
      },
      startedAt: new Date(),
      endedAt: new Date(),
      createdAt: new Date(),
    }),
  );
  return {
    base,
    region,
    student: through(student!, base),
    teacher: await fresh({ role: "teacher", teacherInfo: { referralCode: code } }),
    code,
    admin: await fresh({ role: "admin" }),
    pair: await matchLearners(await fresh(), await fresh()),
    recorded: recorded.toHexString(),
    gateway,
    ask: asker(base),
    fresh,
  };
}
