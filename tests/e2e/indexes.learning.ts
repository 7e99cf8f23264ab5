/** The rows of tests/e2e/indexes.test.ts for games, lectures, and what leaderboards have beside places. */
import { ObjectId } from "mongodb";
import { unique } from "../support/client.ts";
import { inDays, plantGame, wantedGame } from "./games.support.ts";
import type { Ask, Row, Send, World } from "./indexes.operations.ts";
import { plantLecture, wantedLecture } from "./lectures.support.ts";

const PAGE = "page=2&limit=5";

/** A list as each of these callers gets it: every filter alone, all together, and each order both ways. */
async function list(send: Send, asks: Ask[], filters: string[], sorts: string[]): Promise<void> {
  const orders = sorts.flatMap((sort) => ["asc", "desc"].map((order) => `sortBy=${sort}&sortOrder=${order}`));
  for (const ask of asks) {
    for (const query of ["", ...filters, filters.join("&"), ...orders]) {
      await send({ ...ask, query: `?${query}&${PAGE}` });
    }
  }
}

const subscriber = ({ fresh }: World) => fresh({ studentInfo: { planExpiryDate: inDays(1) } });
const KINDS = ["difficulty=beginner", "difficulty=advanced", "level=1", "level=3"];
const idOf = async (planted: Promise<{ id: string }>) => ({ id: (await planted).id });
const answers = [{ questionNumber: 1, selectedAnswer: "right" }];

export const games: Record<string, Row> = {
  "GET /games": async (send, world) => {
    const filters = [...KINDS, "gameType=grammar", "isPremium=true", "isPremium=false", "search=game"];
    const sorts = ["createdAt", "title", "level", "totalPlays"];
    await list(send, [{ as: world.student }, { as: world.admin }], filters, sorts);
    await send({ as: world.admin, query: `?isActive=false&${PAGE}` });
  },
  "POST /games": (send, { admin }) => send({ as: admin, body: wantedGame() }),
  "GET /games/type/{gameType}": async (send, world) => {
    const ids = { gameType: "grammar" };
    const as = await subscriber(world);
    await list(send, [{ ids }, { ids, as }], [...KINDS, "isPremium=true", "isPremium=false"], []);
  },
  "GET /games/random/{gameType}": async (send, world) => {
    await plantGame({ level: 1, difficulty: "beginner" });
    await plantGame({ level: 3, difficulty: "advanced" });
    await plantGame({ isPremium: true });
    for (const query of ["", ...KINDS]) await send({ ids: { gameType: "grammar" }, query: `?${query}` });
    const as = await subscriber(world);
    await send({ as, ids: { gameType: "grammar" }, query: "?isPremium=true" });
  },
  "GET /games/{id}": async (send, { admin, student }) => {
    await send({ as: student, ids: await idOf(plantGame()) });
    await send({ as: admin, ids: await idOf(plantGame({ createdBy: new ObjectId(admin.id) })) });
  },
  "PUT /games/{id}": async (send, { admin }) =>
    send({ as: admin, ids: await idOf(plantGame()), body: { ...wantedGame(), isActive: true } }),
  "DELETE /games/{id}": async (send, { admin }) => send({ as: admin, ids: await idOf(plantGame()) }),
  "POST /games/{id}/start": async (send, { fresh }) => {
    const ask = { as: await fresh(), ids: await idOf(plantGame()) };
    await send(ask);
    // The open play goes on.
    await send(ask);
  },
  "POST /games/{id}/submit": async (send, { ask, fresh }) => {
    const as = await fresh();
    // Without an open play, and repeated; then of a play that is named, twice; then of one that is open.
    const game = await idOf(plantGame());
    for (let round = 0; round < 2; round++) await send({ as, ids: game, body: { answers } });
    const { data } = (await ask("POST", "/games/{id}/start", { as, ids: game })).body;
    const body = { sessionId: data.sessionId, answers, timeSpent: 5 };
    for (let round = 0; round < 2; round++) await send({ as, ids: game, body });
    await ask("POST", "/games/{id}/start", { as, ids: game });
    await send({ as, ids: game, body: { answers } });
  },
  "GET /games/{id}/stats": async (send, { student }) => send({ as: student, ids: await idOf(plantGame()) }),
};

export const lectures: Record<string, Row> = {
  "GET /lectures": (send, { student, admin, region, teacher }) =>
    list(
      send,
      [{}, { as: student }, { as: admin }],
      [
        "active=true",
        "active=false",
        "premium=true",
        "premium=false",
        "difficulty=beginner",
        "difficulty=advanced",
        `region=${region}`,
        `instructor=${teacher.id}`,
        "category=Speaking",
        "search=lecture",
      ],
      ["createdAt", "title", "totalViews"],
    ),
  "POST /lectures": (send, { admin, teacher, region }) =>
    send({ as: admin, body: wantedLecture(teacher.id, { region }) }),
  "GET /lectures/admin/statistics": async (send, { admin, region }) => {
    for (const query of ["", `region=${region}`, "startDate=2024-01-01&endDate=2099-01-01"]) {
      await send({ as: admin, query: `?${query}` });
    }
  },
  "POST /lectures/search": async (send, { student, admin, teacher, region }) => {
    const filters = {
      query: "lecture",
      difficulty: "advanced",
      isPremium: false,
      region,
      instructor: teacher.id,
      category: "Speaking",
      minDuration: 5,
      maxDuration: 500,
      tags: ["verbs"],
    };
    const alone = Object.entries(filters).map(([name, value]) => ({ [name]: value }));
    for (const as of [student, admin]) {
      for (const body of [{}, ...alone, { ...filters, page: 2, limit: 5 }]) await send({ as, body });
    }
    await send({ as: student, body: { difficulty: "beginner", isPremium: true } });
  },
  "GET /lectures/{id}": async (send, { student, teacher, region }) => {
    const links = { instructor: new ObjectId(teacher.id), region: new ObjectId(region) };
    for (const ask of [{}, { as: student }]) await send({ ...ask, ids: await idOf(plantLecture(links)) });
  },
  "PUT /lectures/{id}": async (send, { admin, teacher, region }) => {
    const ids = await idOf(plantLecture());
    await send({ as: admin, ids, body: { title: `Another ${unique()}` } });
    await send({ as: admin, ids, body: wantedLecture(teacher.id, { region, isPublished: true }) });
  },
  "DELETE /lectures/{id}": async (send, { admin }) => send({ as: admin, ids: await idOf(plantLecture()) }),
  "PATCH /lectures/{id}/toggle-status": async (send, { admin }) => {
    const ids = await idOf(plantLecture());
    for (let round = 0; round < 2; round++) await send({ as: admin, ids });
  },
  "POST /lectures/{id}/view": async (send, { student }) => {
    const ids = await idOf(plantLecture());
    await send({ as: student, ids });
    await send({ as: student, ids, body: { watchTime: 50 } });
  },
};

export const standings: Record<string, Row> = {
  "GET /leaderboard/around-me": (send, { student }) => send({ as: student, query: "?window=week" }),
  "GET /leaderboard/all-regions/top3": (send, { student }) => send({ as: student }),
  "GET /leaderboard/statistics": (send, { admin }) => send({ as: admin }),
  "GET /admin/leaderboard/all-regions/top3": (send, { admin }) => send({ as: admin }),
  "POST /leaderboard/update-activity/{userId}": async (send, { admin, student }) => {
    for (const activityType of ["lectures", "games", "communication"]) {
      await send({ as: admin, ids: { userId: student.id }, body: { activityType, increment: 2 } });
    }
  },
};
