/** The feature that opens games. Its switches are put back for the other files. */
import { ObjectId } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Answer,
  type Learner,
  eventually,
  get,
  setFeature,
  unique,
  withDatabase,
} from "../support/client.ts";
import { refused } from "./groups.support.ts";
import {
  type Cast,
  at,
  cast,
  gap,
  games,
  graded,
  lonelyLevel,
  openGames,
  plantGame,
  players,
  sessionsOf,
  started,
  storedSession,
} from "./games.support.ts";

let all: Cast;
let runner: Learner;
let subscriber: Learner;
let game: string;
let session: string;
const level = lonelyLevel();
const right = [{ questionNumber: 1, selectedAnswer: "gap" }];
const passes = ({ status }: Answer) => status !== 403;

beforeAll(async () => {
  all = await cast();
  await openGames(all.poor);
  [runner] = (await players(all.region, 1)) as [Learner];
  const currentPlan = new ObjectId();
  await withDatabase((db) =>
    db
      .collection("plans")
      .insertOne({ _id: currentPlan, name: `Plan ${unique()}`, price: 100, planType: "premium" }),
  );
  const planExpiryDate = new Date(Date.now() + 86_400_000);
  [subscriber] = (await players(all.region, 1, { studentInfo: { planExpiryDate, currentPlan } })) as [
    Learner,
  ];
  game = (await plantGame({ level, questions: [gap()] })).id;
  session = (await started(runner, game))["sessionId"];
}, 60_000);

afterAll(() => openGames(all.poor), 60_000);

describe("games that are paid for", () => {
  beforeAll(async () => {
    await setFeature("games", true, true);
    await eventually("the gate is closed", async () => !passes(await all.poor.post(at.start(game))), 20);
  }, 60_000);

  test("are neither started nor submitted without a running plan", async () => {
    for (const who of [all.poor, all.late]) {
      const before = await sessionsOf(who, game);
      refused(await who.post(at.start(game)), 403);
      expect(await sessionsOf(who, game)).toBe(before);
    }
    for (const body of [{ sessionId: session, answers: right }, { answers: right }]) {
      refused(await runner.post(at.submit(game), body), 403);
    }
    expect((await storedSession(session))["status"]).toBe("active");
  });

  test("are played by subscribers, teachers and administrators", async () => {
    for (const who of [subscriber, all.tutor, all.boss]) {
      const { sessionId } = await started(who, game);
      expect(graded(await who.post(at.submit(game), { sessionId, answers: right }))).toMatchObject({
        score: 10,
      });
    }
  });

  test("are still listed", async () => {
    for (const token of [undefined, all.poor.token]) {
      expect((await games(at.type("grammar", `level=${level}`), token)).games).toHaveLength(1);
    }
    expect((await get(at.list(`level=${level}`), { token: all.poor.token })).status).toBe(200);
  });
});

test("games that are switched off are closed", async () => {
  await setFeature("games", false, false);
  await eventually("it is off", async () => !passes(await all.tutor.post(at.start(game))), 20);
  for (const who of [all.poor, subscriber]) refused(await who.post(at.start(game)), 403);
});

test("open games are played without a plan, and what was begun goes on", async () => {
  await openGames(all.poor);
  expect(graded(await runner.post(at.submit(game), { sessionId: session, answers: right }))).toMatchObject({
    score: 10,
  });
  await started(all.late, game);
});
