/** The rows of tests/e2e/indexes.test.ts for the records of sessions: calls, chats, games and lectures. */
import { plantGame } from "./games.support.ts";
import { oid } from "./groups.support.ts";
import type { Ask, Row, Send, World } from "./indexes.operations.ts";
import { plantLecture } from "./lectures.support.ts";
import { plantSessions, sessionOf } from "./my-sessions.support.ts";

const SPAN = "startDate=2024-01-01&endDate=2099-01-01";
const TYPED = ["sessionType=chat", "sessionType=voice_call", "sessionType=game"];
const FILTERS = [...TYPED, "status=completed", "status=cancelled", SPAN];

/** Every filter alone, and those of a kind that go together. */
async function list(send: Send, ask: Ask, filters: string[]): Promise<void> {
  const together = ["sessionType=chat", "status=completed", SPAN].filter((filter) =>
    filters.includes(filter),
  );
  for (const query of ["", ...filters, together.join("&")]) {
    await send({ ...ask, query: `?${query}&page=2&limit=5` });
  }
}

/** A record of two people, the first of whom is the host. */
async function recordOf({ student, teacher, region }: World): Promise<string> {
  return (await plantSessions(sessionOf([student.id, teacher.id], { hostRegion: oid(region) })))[0]!;
}

/** Somebody with a record that was begun by this operation, which answers its id somewhere. */
async function begun({ ask, fresh }: World, path: string, body: object) {
  const as = await fresh();
  const { data } = (await ask("POST", path, { as, body })).body;
  const record = data.session ?? data;
  return { as, ids: { sessionId: (record.sessionId ?? record._id ?? record.id) as string } };
}

const aGame = { gameId: "grammar-quiz-id", gameType: "grammar" };
const SAVE_GAME = "/sessions/games/create-or-update";
const SAVE_LECTURE = "/sessions/lectures/create-or-update";
const aPlay = (world: World) => begun(world, SAVE_GAME, aGame);
const aViewing = async (world: World) => begun(world, SAVE_LECTURE, { lectureId: (await plantLecture()).id });

export const records: Record<string, Row> = {
  "GET /sessions/admin/all": async (send, world) => {
    const as = world.admin;
    await recordOf(world);
    await list(send, { as }, [...FILTERS, `region=${world.region}`]);
    for (const order of ["asc", "desc"]) {
      for (const sort of ["createdAt", "duration", "startedAt", "status"]) {
        await send({ as, query: `?sortBy=${sort}&sortOrder=${order}` });
      }
    }
  },
  "GET /sessions/admin/type/{sessionType}": async (send, { admin: as }) => {
    for (const sessionType of ["chat", "video_call", "group_chat", "game"]) {
      await list(send, { as, ids: { sessionType } }, ["status=completed", SPAN]);
    }
  },
  "GET /sessions/my-sessions": async (send, world) => {
    await recordOf(world);
    await list(send, { as: world.student }, FILTERS);
  },
  "GET /sessions/recent": async (send, { student: as }) => {
    for (const query of ["", ...TYPED]) await send({ as, query: `?${query}&limit=5` });
  },
  "GET /sessions/{id}": async (send, world) => {
    const ids = { id: await recordOf(world) };
    for (const as of [world.student, world.teacher, world.admin]) await send({ as, ids });
  },
  "DELETE /sessions/{id}": async (send, world) =>
    send({ as: world.admin, ids: { id: await recordOf(world) } }),
  "GET /sessions/admin/statistics": async (send, { admin: as, region }) => {
    for (const query of ["", SPAN, `region=${region}`]) await send({ as, query: `?${query}` });
  },
  "POST /sessions/admin/search": async (send, { admin: as, student, region }) => {
    const filters = {
      sessionType: "chat",
      status: "completed",
      startDate: "2024-01-01",
      endDate: "2099-01-01",
      region,
      participantEmail: student.email,
      hostEmail: student.email,
    };
    const alone = Object.entries(filters).map(([name, value]) => ({ [name]: value }));
    const parts = [{ hostEmail: "example" }, { participantEmail: "example" }];
    for (const body of [{}, ...alone, ...parts, { ...filters, page: 2, limit: 5 }]) await send({ as, body });
  },
};

export const gameRecords: Record<string, Row> = {
  "POST /sessions/games/create-or-update": async (send, { fresh }) => {
    const progress = { currentQuestionIndex: 1, timeLeft: 5, answers: [], score: 5, totalQuestions: 2 };
    for (const gameId of [aGame.gameId, (await plantGame()).id]) {
      const as = await fresh();
      // Begun, and gone on with.
      for (let round = 0; round < 2; round++) {
        await send({ as, body: { ...aGame, gameId, difficulty: "beginner", ...progress } });
      }
    }
  },
  "GET /sessions/games/active": async (send, world) => {
    await send({ as: (await aPlay(world)).as });
    const gameId = (await plantGame()).id;
    await send({ as: (await begun(world, SAVE_GAME, { ...aGame, gameId })).as });
    await send({ as: await world.fresh() });
  },
  "POST /sessions/games/{sessionId}/pause": async (send, world) => send(await aPlay(world)),
  "POST /sessions/games/{sessionId}/resume": async (send, world) => {
    const play = await aPlay(world);
    await world.ask("POST", "/sessions/games/{sessionId}/pause", play);
    await send(play);
  },
  "POST /sessions/games/{sessionId}/end": async (send, world) => send(await aPlay(world)),
};

export const lectureRecords: Record<string, Row> = {
  "POST /sessions/lectures/create-or-update": async (send, { fresh }) => {
    const [as, lectureId] = [await fresh(), (await plantLecture()).id];
    await send({ as, body: { lectureId } });
    await send({ as, body: { lectureId, totalDuration: 100, position: 95, action: "complete" } });
  },
  "GET /sessions/lectures/active": async (send, world) => {
    await send({ as: (await aViewing(world)).as });
    await send({ as: await world.fresh() });
  },
  "POST /sessions/lectures/{sessionId}/progress": async (send, world) =>
    send({ ...(await aViewing(world)), body: { position: 50, action: "pause" } }),
  "POST /sessions/lectures/{sessionId}/bookmark": async (send, world) =>
    send({ ...(await aViewing(world)), body: { position: 50, title: "Here", note: "Again" } }),
  "POST /sessions/lectures/{sessionId}/notes": async (send, world) => {
    const viewing = await aViewing(world);
    for (const body of [{ notes: "Mine" }, {}]) await send({ ...viewing, body });
  },
};

export const calls: Record<string, Row> = {
  "GET /communication/calls/history": async (send, { student: as }) => {
    for (const query of ["", "callType=voice_call"]) await send({ as, query: `?${query}&page=2&limit=5` });
  },
  "GET /communication/calls/active": async (send, { student, admin }) => {
    for (const as of [student, admin]) await send({ as });
  },
  "GET /communication/admin/sessions": async (send, { admin: as }) => {
    for (const query of [
      "",
      "sessionType=chat",
      "status=completed",
      "dateFrom=2024-01-01&dateTo=2099-01-01",
    ]) {
      await send({ as, query: `?${query}&page=2&limit=5` });
    }
  },
  "POST /communication/call/{sessionId}/end": async (send, world) =>
    send({ as: world.student, ids: { sessionId: await recordOf(world) } }),
};
