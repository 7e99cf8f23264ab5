/** Which submits are refused, and what the app sends: no session, wrapped answers, most of them open. */
import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, post, withDatabase } from "../support/client.ts";
import { data, oid, refused } from "./groups.support.ts";
import {
  type Cast,
  NO_IDS,
  at,
  cast,
  expectTokenAsked,
  gap,
  graded,
  openGames,
  plantGame,
  play,
  players,
  sessionsOf,
  setGame,
  started,
  storedSession,
  storedUser,
} from "./games.support.ts";
import { nobody } from "./sessions.support.ts";

let all: Cast;

beforeAll(async () => {
  all = await cast();
  await openGames(all.poor);
}, 60_000);

const right = [{ questionNumber: 1, selectedAnswer: "gap" }];
const player = async () => (await players(all.region, 1))[0]!;
const oneGap = (fields: object = {}) => plantGame({ questions: [gap()], ...fields });

/** A game started by a new player. */
async function running(fields: object = {}): Promise<{ who: Learner; game: string; session: string }> {
  const [who, { id }] = [await player(), await oneGap(fields)];
  return { who, game: id, session: (await started(who, id))["sessionId"] };
}

describe("refused", () => {
  test("without a token, before anything else", () =>
    expectTokenAsked((token) => post(at.submit("nope"), { token, body: { answers: 7 } }), all.poor));

  test("are answers that are no list, and the session goes on", async () => {
    const { who, game, session } = await running();
    for (const answers of [undefined, null, "text", 7, { answers: "text" }, { answers: null }, true]) {
      refused(await who.post(at.submit(game), { sessionId: session, answers }), 400);
      refused(await who.post(at.submit(game), { answers }), 400);
    }
    for (const answers of [[null], [...right, null], ["gap"], [7], { answers: [null] }]) {
      refused(await who.post(at.submit(game), { sessionId: session, answers }), 400);
    }
    refused(await who.post(at.submit(game)), 400);
    expect((await storedSession(session))["status"]).toBe("active");
    expect(data(await who.get(at.stats(game))).gameStats.totalPlays).toBe(0);
  });

  test("are times that are no amount", async () => {
    const { who, game, session } = await running();
    for (const timeSpent of [-1, "long", {}]) {
      const answer = await who.post(at.submit(game), { sessionId: session, answers: right, timeSpent });
      expect(answer.status, JSON.stringify(timeSpent)).toBe(400);
      refused(answer, 400);
    }
    graded(await who.post(at.submit(game), { sessionId: session, answers: right, timeSpent: 1.5 }));
  });

  test("are answers that are objects where a text belongs", async () => {
    const { who, game, session } = await running();
    for (const selectedAnswer of [{ $ne: "" }, ["gap"]]) {
      const answers = [{ questionNumber: 1, selectedAnswer }];
      const answer = await who.post(at.submit(game), { sessionId: session, answers });
      if (answer.status === 400) refused(answer, 400);
      else return expect(graded(answer)).toMatchObject({ score: 0, correctAnswers: 0 });
    }
  });

  test("are sessions that are none, or of another kind", async () => {
    const { who, game } = await running();
    const chat = new ObjectId();
    const now = new Date();
    await withDatabase((db) =>
      db.collection("sessions").insertOne({
        _id: chat,
        sessionId: `chat_${chat.toHexString()}`,
        sessionType: "chat",
        title: "A chat",
        status: "active",
        host: oid(who.id),
        participants: [{ _id: new ObjectId(), user: oid(who.id), role: "participant", joinedAt: now }],
        createdAt: now,
        updatedAt: now,
        __v: 0,
      }),
    );
    refused(await who.post(at.submit(game), { sessionId: nobody(), answers: right }), 404);
    refused(await who.post(at.submit(game), { sessionId: chat.toHexString(), answers: right }), 404);
    for (const sessionId of ["nope", nobody().slice(1), 7, {}, { $ne: "" }, []]) {
      refused(await who.post(at.submit(game), { sessionId, answers: right }), 400, 404);
    }
    expect((await storedSession(chat.toHexString()))["status"]).toBe("active");
  });

  test("is a session of somebody else", async () => {
    const { who, game, session } = await running();
    const other = await player();
    for (const { token } of [other, all.boss]) {
      refused(await post(at.submit(game), { token, body: { sessionId: session, answers: right } }), 403);
    }
    expect((await storedSession(session))["status"]).toBe("active");
    graded(await who.post(at.submit(game), { sessionId: session, answers: right }));
    // Ended or not, it is none of their business.
    refused(await other.post(at.submit(game), { sessionId: session, answers: right }), 403);
  });

  test("is a session of another game", async () => {
    const { who, session } = await running();
    const { id } = await oneGap();
    refused(await who.post(at.submit(id), { sessionId: session, answers: right }), 400, 404);
    expect((await storedSession(session))["status"]).toBe("active");
    expect(data(await who.get(at.stats(id))).gameStats.totalPlays).toBe(0);
  });

  test("is a game that is not there", async () => {
    const { who, session, game } = await running();
    for (const unknown of [nobody(), ...NO_IDS]) {
      refused(await who.post(at.submit(unknown), { sessionId: session, answers: right }), 400, 404);
      refused(await who.post(at.submit(unknown), { answers: right }), 404);
    }
    await withDatabase((db) => db.collection("games").deleteOne({ _id: oid(game) }));
    refused(await who.post(at.submit(game), { sessionId: session, answers: right }), 404);
  });
});

test("a running game is graded although the game was switched off, or made one for subscribers", async () => {
  for (const change of [{ isActive: false }, { isPremium: true }]) {
    const { who, game, session } = await running();
    await setGame(game, change);
    const answer = await who.post(at.submit(game), { sessionId: session, answers: right });
    expect(graded(answer)).toMatchObject({ score: 10, percentage: 100, passed: true });
  }
});

describe("what the app sends", () => {
  const sent = (last: string, many = 2) => ({
    answers: {
      answers: Array.from({ length: many }, (_, index) => ({
        questionNumber: index + 1,
        selectedAnswer: index === many - 1 ? last : null,
        isCorrect: index !== many - 1,
      })),
    },
  });
  const twoGaps = (fields: object = {}) => plantGame({ questions: [gap(), gap()], ...fields });

  test("ends the newest unfinished session of the game", async () => {
    const [who, { id }] = [await player(), await twoGaps()];
    const first = (await started(who, id))["sessionId"];
    const result = graded(await who.post(at.submit(id), sent("gap")));
    expect(result).toMatchObject({ score: 10, correctAnswers: 1, percentage: 50, totalQuestions: 2 });
    // What was left open is not right, whatever the app says about it.
    for (const detail of result["answerDetails"]) expect(detail.isCorrect).toBe(detail.questionNumber === 2);
    expect((await storedSession(first))["status"]).toBe("completed");
    expect(await sessionsOf(who, id)).toBe(1);
    const { userStats } = data(await who.get(at.stats(id)));
    expect(userStats).toMatchObject({ totalPlays: 1, bestScore: 10 });
  });

  test("is graded also where no session is open", async () => {
    const [who, { id }] = [await player(), await twoGaps()];
    expect(graded(await who.post(at.submit(id), sent("gap")))).toMatchObject({ score: 10, percentage: 50 });
    expect(await sessionsOf(who, id)).toBe(1);
    // An ended session is not taken up again.
    const { sessionId } = await started(who, id);
    expect((await storedSession(sessionId))["status"]).toBe("active");
  });

  test("takes a session that saved progress has opened", async () => {
    const [who, { id }] = [await player(), await twoGaps()];
    const saved = data(
      await who.post("/api/sessions/games/create-or-update", {
        gameId: id,
        gameType: "grammar",
        answers: [],
      }),
    );
    graded(await who.post(at.submit(id), sent("gap")));
    expect((await storedSession(saved.sessionId))["status"]).toBe("completed");
    expect(await sessionsOf(who, id)).toBe(1);
  });

  test("lowers no average, of the game or of the player", async () => {
    const [good, who] = await players(all.region, 2);
    const { id } = await twoGaps();
    const other = await oneGap();
    const both = [...right, { questionNumber: 2, selectedAnswer: "gap" }];
    await play(good!, id, both);
    await play(who!, other.id, right);
    expect((await storedUser(who!.id))["studentInfo"]["averageGameScore"]).toBe(10);
    await started(who!, id);
    graded(await who!.post(at.submit(id), sent("else")));
    await play(who!, (await oneGap()).id, right);
    // The later play is counted, so what came before it is, too.
    expect(data(await who!.get(at.stats(id))).gameStats.averageScore).toBeGreaterThanOrEqual(20);
    expect((await storedUser(who!.id))["studentInfo"]["averageGameScore"]).toBeGreaterThanOrEqual(10);
  });

  test("never takes the session of somebody else", async () => {
    const { game, session } = await running();
    const other = await player();
    graded(await other.post(at.submit(game), { answers: right }));
    expect((await storedSession(session))["status"]).toBe("active");
    expect(await sessionsOf(other, game)).toBe(1);
  });
});
