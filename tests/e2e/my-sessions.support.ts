/** Session records as the old server left them, and the shape in which all routes show them. */
import { type Document, ObjectId } from "mongodb";
import { expect } from "vitest";
import { createRegion, unique, withDatabase } from "../support/client.ts";
import { people } from "../support/people.ts";
import { withoutUndefined } from "./auth.support.ts";
import { FLAG, NUMBER, ago, oid } from "./groups.support.ts";
import { ID, TEXT, TIME, nobody } from "./sessions.support.ts";

export const SECRETS = ["hush-line", "hush-sdp", "hush-candidate", "hush-history", "hush-password"];

/** A session document of the old server with all of its parts; the first of the people is the host. */
export function sessionOf(users: string[], fields: Document = {}): Document & { _id: ObjectId } {
  const { sessionType = "chat", createdAt = ago(600), ...rest } = fields;
  const from = oid(users[0]!);
  return withoutUndefined({
    _id: new ObjectId(),
    sessionId: `${sessionType}_${Date.now()}_${unique()}`,
    sessionType,
    title: `Session ${unique()}`,
    host: from,
    participants: users.map((user, index) => ({
      _id: new ObjectId(),
      user: oid(user),
      role: index === 0 ? "host" : "participant",
      joinedAt: createdAt,
      duration: 0,
      isActive: false,
    })),
    status: "completed",
    scheduledAt: createdAt,
    startedAt: createdAt,
    endedAt: new Date(createdAt.getTime() + 60_000),
    duration: 60,
    gameSession: { answers: [], scores: [], gameStatus: "not_started" },
    lectureSession: {
      watchHistory: [
        { _id: new ObjectId(), timestamp: createdAt, position: 1, action: "play", note: "hush-history" },
      ],
      bookmarks: [],
    },
    chatSession: {
      messages: [
        {
          _id: new ObjectId(),
          sender: from,
          message: "hush-line",
          messageType: "text",
          timestamp: createdAt,
          isRead: false,
          isEdited: false,
          isDeleted: false,
        },
      ],
      totalMessages: 1,
      lastMessageAt: createdAt,
    },
    callSession: {
      isGroupCall: false,
      signaling: {
        offer: { from, type: "offer", sdp: "hush-sdp", createdAt },
        iceCandidates: [{ _id: new ObjectId(), from, candidate: "hush-candidate", createdAt }],
      },
      videoUpgradeRequest: { status: "pending", requestedAt: createdAt },
    },
    groupSession: { password: "hush-password" },
    isPrivate: false,
    requiresSubscription: false,
    analytics: { totalParticipants: 0, averageDuration: 0, peakConcurrentUsers: 0, engagementScore: 0 },
    errorLog: [],
    createdAt,
    updatedAt: createdAt,
    __v: 0,
    ...rest,
  });
}

/** Puts session documents into the database; their ids. */
export async function plantSessions(...documents: Document[]): Promise<string[]> {
  await withDatabase((db) => db.collection("sessions").insertMany(documents));
  return documents.map((document) => document["_id"].toHexString());
}

/** A time that no other test looks at: an hour somewhere in the past century. */
export function quietHour(): { from: Date; until: Date; minute: (n: number) => Date; query: string } {
  const start = Date.UTC(1910, 0) + Math.floor(Math.random() * 600_000) * 3_600_000;
  const [from, until] = [new Date(start), new Date(start + 3_600_000)];
  const query = `startDate=${from.toISOString()}&endDate=${until.toISOString()}`;
  return { from, until, minute: (n) => new Date(start + n * 60_000), query };
}

/** Four sessions of one hour and region, newest first: a chat, a cancelled call, a game, and one of a ghost. */
export async function sampleSessions() {
  const hour = quietHour();
  const region = await createRegion({ name: `Region ${unique()}` });
  const [host] = await people(1, { region: oid(region), name: `Zoë (${unique()})` });
  const [other] = await people(1, { region: oid(region), email: `odd.${unique()}+x_y@example.com` });
  const ghost = nobody();
  const at = (n: number) => ({ createdAt: hour.minute(n), hostRegion: oid(region) });
  const [d, c, b, a] = await plantSessions(
    sessionOf([ghost, other!.id], { ...at(1), sessionType: "group_chat", duration: 0, status: "failed" }),
    sessionOf([other!.id, host!.id], { ...at(2), sessionType: "game", duration: 30 }),
    sessionOf([host!.id, other!.id, ghost], { ...at(3), sessionType: "voice_call", status: "cancelled" }),
    sessionOf([host!.id, other!.id], { ...at(4), title: `Títle [${unique()}] 50%`, duration: 90 }),
  );
  const ids = { a: a!, b: b!, c: c!, d: d! };
  return { hour, region, host: host!, other: other!, ghost, ids, every: [a!, b!, c!, d!] };
}

export const idsOf = ({ sessions }: { sessions: { _id: string }[] }) => sessions.map(({ _id }) => _id);

/** A session of a list or on its own: everything that clients read, people with their ids, and no secrets. */
export function expectSession(session: Document): void {
  expect(session).toMatchObject({
    _id: ID,
    sessionType: TEXT,
    status: TEXT,
    duration: NUMBER,
    participants: expect.any(Array),
    createdAt: TIME,
    updatedAt: TIME,
  });
  for (const person of [session["host"], ...session["participants"].map(({ user }: Document) => user)]) {
    expect(person).toMatchObject({ _id: ID, name: TEXT });
    expect(person).toHaveProperty("email");
    expect(person).not.toHaveProperty("password");
    expect(person).not.toHaveProperty("phone");
  }
  for (const entry of session["participants"]) {
    expect(entry).toMatchObject({ _id: ID, role: TEXT, joinedAt: TIME, duration: NUMBER, isActive: FLAG });
  }
  // The screens show totals of every kind, whatever the type.
  expect(session["gameSession"]?.scores).toEqual(expect.any(Array));
  expect(session["chatSession"]?.totalMessages).toEqual(NUMBER);
  for (const secret of SECRETS) expect(JSON.stringify(session)).not.toContain(secret);
}
