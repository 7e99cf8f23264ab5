/** The rows of tests/e2e/indexes.test.ts for groups, for calls that are set up, and for the rest of calls. */
import { type Learner, matchLearners } from "../support/client.ts";
import {
  createGroup,
  initiate,
  liveCall,
  plantGroup,
  running,
  startedGroup,
  wanted,
} from "./groups.support.ts";
import type { Row, Send, World } from "./indexes.operations.ts";
import { plantSessions, sessionOf } from "./my-sessions.support.ts";

const CALL = { title: "A call", callType: "voice" };

async function crew({ fresh }: World, many: number): Promise<[Learner, ...Learner[]]> {
  const found: Learner[] = [];
  while (found.length < many) found.push(await fresh());
  return found as [Learner, ...Learner[]];
}

interface Member {
  as: Learner;
  ids: { groupId: string };
  others: Learner[];
}

/** A group, waiting or started, seen by its host. */
async function hosted(world: World, started = false): Promise<Member> {
  const [as, ...others] = await crew(world, 3);
  const groupId = started ? await startedGroup(as, others) : (await createGroup(as, others)).id;
  return { as, ids: { groupId }, others };
}

/** A group that only the database knows, seen by its host. */
async function old(world: World, fields: object = {}): Promise<Member> {
  const [as, ...others] = await crew(world, 3);
  return { as, ids: { groupId: await plantGroup([as, ...others], fields) }, others };
}

/** Of a group in each state: live, and as the old server left it. */
const each =
  (body?: object, started = false): Row =>
  async (send, world) => {
    for (const { as, ids } of [await hosted(world, started), await old(world, started ? running() : {})]) {
      await send({ as, ids, ...(body ? { body } : {}) });
    }
  };

export const groups: Record<string, Row> = {
  "POST /groups/create": async (send, { fresh }) => {
    const as = await fresh();
    // The second takes the host out of the first.
    for (const fields of [{}, { isPrivate: true, password: "secret" }])
      await send({ as, body: wanted(fields) });
  },
  "GET /groups/available": async (send, world) => {
    await hosted(world);
    for (const query of ["", "level=beginner", "status=active", "search=group", "level=beginner&search=we"]) {
      await send({ as: world.student, query: `?${query}&page=2&limit=5` });
    }
  },
  "POST /groups/join": async (send, world) => {
    for (const { ids } of [await hosted(world), await old(world)]) {
      await send({ as: await world.fresh(), body: ids });
    }
  },
  "POST /groups/join-by-code": async (send, world) => {
    const { joinCode } = await createGroup(await world.fresh());
    await send({ as: await world.fresh(), body: { joinCode } });
    await send({ as: await world.fresh(), body: { joinCode: "NOTACODE" }, status: 404 });
  },
  "GET /groups/{groupId}": async (send, world) => {
    for (const { as, ids } of [await hosted(world), await old(world)]) {
      for (const who of [as, world.student]) await send({ as: who, ids });
    }
  },
  "POST /groups/{groupId}/message": each({ message: "hello", messageType: "text" }),
  "GET /groups/{groupId}/messages": async (send, world) => {
    for (const { as, ids } of [await hosted(world), await old(world)]) {
      await world.ask("POST", "/groups/{groupId}/message", { as, ids, body: { message: "hello" } });
      for (const query of ["", "page=2&limit=5"]) await send({ as, ids, query: `?${query}` });
    }
  },
  "POST /groups/{groupId}/start": each({ sessionType: "chat" }),
  "POST /groups/{groupId}/leave": async (send, world) => {
    const { as, ids, others } = await hosted(world);
    for (const who of others) await world.ask("POST", RECORD, { as: who, body: ids });
    for (const who of [...others, as]) await send({ as: who, ids });
  },
  "GET /groups/my/active": async (send, world) => {
    for (const { as } of [await hosted(world), await old(world)]) await send({ as });
  },
  "POST /groups/{groupId}/end-session": each(undefined, true),
  "GET /groups/{groupId}/webrtc": each(undefined, true),
  "POST /groups/{groupId}/webrtc/offer": async (send, world) => {
    const { as, ids, others } = await hosted(world, true);
    await send({ as, ids, body: { offer: { type: "offer", sdp: "v=0" }, targetUserId: others[0]!.id } });
  },
  "POST /groups/{groupId}/webrtc/answer": async (send, world) => {
    const { as, ids, others } = await hosted(world, true);
    await send({
      as: others[0]!,
      ids,
      body: { answer: { type: "answer", sdp: "v=0" }, targetUserId: as.id },
    });
  },
  "POST /groups/{groupId}/webrtc/ice": async (send, world) => {
    const { as, ids, others } = await hosted(world, true);
    await send({ as, ids, body: { candidate: "candidate:1", targetUserId: others[0]!.id } });
  },
  "POST /groups/{groupId}/webrtc/clear": each(undefined, true),
};

/** Sent by the host of a started group to a member. */
const toAnother =
  (body: object): Row =>
  async (send, world) => {
    const { as, ids, others } = await hosted(world, true);
    await send({ as, ids, body: { ...body, to: others[0]!.id } });
  };

const SIGNALS = "/communication/group/{groupId}/webrtc";

/** The app's other way to the same signals. */
export const groupSignals: Record<string, Row> = {
  [`GET ${SIGNALS}`]: each(undefined, true),
  [`POST ${SIGNALS}/offer`]: toAnother({ type: "offer", sdp: "v=0" }),
  [`POST ${SIGNALS}/answer`]: toAnother({ type: "answer", sdp: "v=0" }),
  [`POST ${SIGNALS}/ice`]: toAnother({ candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0 }),
  [`POST ${SIGNALS}/clear`]: each(undefined, true),
};

const RECORD = "/sessions/groups/create-or-update";

/** The own records of groups. */
export const groupRecords: Record<string, Row> = {
  [`POST ${RECORD}`]: async (send, world) => {
    const { ids, others } = await hosted(world);
    for (let n = 0; n < 2; n++) await send({ as: others[0]!, body: ids });
  },
  "GET /sessions/groups/active": async (send, world) => {
    const { ids, others } = await hosted(world);
    await world.ask("POST", RECORD, { as: others[0]!, body: ids });
    for (const as of others) await send({ as });
  },
};

async function duo(world: World): Promise<[Learner, Learner]> {
  const [host, other] = await crew(world, 2);
  return [host, other!];
}

/** A call that both have joined, seen by its host. */
async function call(world: World) {
  const [as, other] = await duo(world);
  return { as, other, ids: { sessionId: await liveCall(as, other) } };
}

/** A call that was matched, so that it may become one with pictures. */
async function matched(world: World) {
  const { host: as, seeker: other, session } = await matchLearners(...(await duo(world)), "voice_call");
  return { as, other, ids: { sessionId: session } };
}

/** Two calls that are recorded only, one of them over. */
async function recorded(world: World): Promise<Learner> {
  const [host, other] = await duo(world);
  const of = (fields: object) => sessionOf([host.id, other.id], { sessionType: "voice_call", ...fields });
  await plantSessions(of({}), of({ status: "scheduled", endedAt: undefined }));
  return host;
}

/** A live call or one that waits; and one that only the database knows. */
async function stop(send: Send, world: World): Promise<void> {
  await send({ as: (await call(world)).as });
  await send({ as: await recorded(world) });
  const as = await world.fresh();
  await world.ask("POST", "/communication/matchmaking/find-partner", { as, body: { sessionType: "chat" } });
  await send({ as });
}

export const setUpCalls: Record<string, Row> = {
  "GET /communication/ice-servers": (send, { student }) => send({ as: student }),
  "POST /communication/call/initiate": async (send, world) => {
    const people = await duo(world);
    await send({ as: people[0], body: { ...CALL, participants: people.map(({ id }) => id) } });
  },
  "POST /communication/call/group/initiate": async (send, world) => {
    const people = await crew(world, 3);
    const participants = people.map(({ id }) => id);
    await send({ as: people[0], body: { ...CALL, participants, maxParticipants: 5 } });
  },
  "POST /communication/call/{sessionId}/join": async (send, world) => {
    const [as, other] = await duo(world);
    const ids = { sessionId: await initiate(as, other) };
    for (const who of [as, other]) await send({ as: who, ids, body: { micEnabled: true } });
  },
  "PUT /communication/call/{sessionId}/participant/state": async (send, world) => {
    const { as, ids } = await call(world);
    await send({ as, ids, body: { micEnabled: false, isSpeaking: true, audioLevel: 5 } });
  },
  "POST /communication/sessions/purge-hard": stop,
  "POST /communication/session/{sessionId}/request-video": async (send, world) => {
    const { as, ids } = await matched(world);
    await send({ as, ids });
  },
  "POST /communication/session/{sessionId}/respond-video": async (send, world) => {
    for (const accept of [true, false]) {
      const { as, other, ids } = await matched(world);
      await world.ask("POST", "/communication/session/{sessionId}/request-video", { as, ids });
      await send({ as: other, ids, body: { accept } });
    }
  },
  "GET /communication/session/{sessionId}/video-request": async (send, world) => {
    const { as, other, ids } = await matched(world);
    for (const who of [as, other]) await send({ as: who, ids });
  },
};
