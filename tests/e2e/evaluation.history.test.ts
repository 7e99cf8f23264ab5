/** What was scored before: the list, and its figures. */
import type { Document } from "mongodb";
import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, withDatabase } from "../support/client.ts";
import { admin } from "../support/people.ts";
import {
  HISTORY,
  PRONUNCIATION,
  STATS,
  STORY,
  evaluationOf,
  evaluationsOf,
  spoken,
  written,
} from "./evaluation.support.ts";
import { through } from "./sessions.support.ts";
import { expectSignIn, openRoom } from "./tutor.support.ts";

const room = openRoom("evaluation-history");
const STORY_TEXT = "Once upon a time a frog sat near the moon and began to sing.";
const EMPTY = { total_evaluations: 0, average_score: 0, improvement_rate: 0, recent_scores: [] };
const DAY = 86_400_000;

/** Speaks a word and gets this accuracy. */
async function speak(who: Learner, accuracy: number): Promise<void> {
  room().model.say(spoken({ accuracy }));
  evaluationOf(await who.post(PRONUNCIATION, { targetWord: "three", transcription: "tree" }));
}

/** Writes a story and gets this score. */
async function write(who: Learner, overall_score: number): Promise<void> {
  room().model.say(written({ overall_score }));
  evaluationOf(await who.post(STORY, { story: STORY_TEXT, prompt: "A frog" }));
}

const history = async (who: Learner, query = ""): Promise<Document> => {
  const answer = await who.get(`${HISTORY}${query}`);
  expect(answer.status, answer.text).toBe(200);
  expect(Object.keys(answer.body).sort()).toEqual(["data", "success"]);
  expect(answer.body.success).toBe(true);
  return answer.body.data;
};
const stats = async (who: Learner, query = ""): Promise<Document> => {
  const answer = await who.get(`${STATS}${query}`);
  expect(answer.status, answer.text).toBe(200);
  expect(Object.keys(answer.body).sort()).toEqual(["data", "success"]);
  return answer.body.data;
};

test.for([HISTORY, STATS])("%s needs a token", (path) => expectSignIn(room(), "GET", path));

describe("for who never had anything scored", () => {
  test("the list is empty", async () => {
    expect(await history(await room().who())).toEqual({ evaluations: [], total: 0, limit: 10, offset: 0 });
  });

  test("the figures are zeros", async () => {
    expect(await stats(await room().who())).toEqual({ pronunciation: EMPTY, storytelling: EMPTY });
  });
});

describe("for who had", () => {
  let who: Learner;
  let other: Learner;
  beforeAll(async () => {
    [who, other] = [await room().who(), await room().who()];
    await speak(other, 10);
    for (const score of [40, 60, 80]) await speak(who, score);
    for (const score of [50, 71]) await write(who, score);
  });

  test("the list has all of one's own, newest first", async () => {
    const { evaluations, ...rest } = await history(who);
    expect(rest).toEqual({ total: 5, limit: 10, offset: 0 });
    const text = evaluations.map((one: unknown) => JSON.stringify(one));
    expect(text).toHaveLength(5);
    // No item shape is fixed; whatever it is, it tells kind and score.
    for (const [index, [kind, score]] of [
      ["storytelling", 71],
      ["storytelling", 50],
      ["pronunciation", 80],
      ["pronunciation", 60],
      ["pronunciation", 40],
    ].entries()) {
      expect(text[index]).toContain(`"${kind}"`);
      expect(text[index]).toMatch(new RegExp(`[sS]core":${score}\\b`));
    }
    expect(JSON.stringify(evaluations)).not.toMatch(/\$oid|\$date|\$number/);
    expect((await history(other))["total"]).toBe(1);
    expect((await history(through(await admin(), room().base)))["total"]).toBe(0);
  });

  test.for([
    ["?type=pronunciation", 3, 3],
    ["?type=storytelling", 2, 2],
    ["?limit=2", 2, 5],
    ["?limit=2&offset=4", 1, 5],
    ["?offset=9", 0, 5],
    ["?type=pronunciation&limit=1&offset=1", 1, 3],
  ] as const)("the list with %s has %d of %d", async ([query, length, total]) => {
    const data = await history(who, query);
    expect(data["evaluations"]).toHaveLength(length);
    const given = Object.fromEntries(new URLSearchParams(query));
    expect(data).toMatchObject({
      total,
      limit: Number(given["limit"] ?? 10),
      offset: Number(given["offset"] ?? 0),
    });
  });

  test("pages do not overlap", async () => {
    const all = (await history(who))["evaluations"];
    const pages = [];
    for (let offset = 0; offset < 6; offset += 2) {
      pages.push(...(await history(who, `?limit=2&offset=${offset}`))["evaluations"]);
    }
    expect(pages).toEqual(all);
  });

  test.for([
    "?limit=0",
    "?limit=many",
    "?limit=101",
    "?offset=-1",
    "?offset=x",
    "?type=other",
    "?type[$ne]=x",
    "?limit=1e99",
  ])("the list with %s is an answer or refused, and nobody else's", async (query) => {
    const answer = await who.get(`${HISTORY}${query}`);
    expect([200, 400]).toContain(answer.status);
    expect(answer.body.success).toBe(answer.status === 200);
    if (answer.status === 200) {
      expect([0, 5]).toContain(answer.body.data.total);
      expect(answer.body.data.evaluations.length).toBeLessThanOrEqual(5);
    }
  });

  test("the figures are by kind", async () => {
    const { pronunciation, storytelling } = await stats(who);
    expect(pronunciation).toMatchObject({ total_evaluations: 3, average_score: 60 });
    expect(pronunciation.recent_scores.toSorted()).toEqual([40, 60, 80]);
    // Better and better.
    expect(pronunciation.improvement_rate).toBeGreaterThan(0);
    expect(storytelling.total_evaluations).toBe(2);
    // The mean is 60.5; whether it is rounded is open.
    expect([60, 60.5, 61]).toContain(storytelling.average_score);
    expect(storytelling.recent_scores.toSorted()).toEqual([50, 71]);
    expect(storytelling.improvement_rate).toBeGreaterThan(0);
    expect((await stats(other))["pronunciation"]).toMatchObject({ total_evaluations: 1, average_score: 10 });
  });
});

describe("the timeframe of the figures", () => {
  test("leaves out what is older, and is thirty days unless asked otherwise", async () => {
    const who = await room().who();
    for (const score of [20, 40, 60]) await speak(who, score);
    const planted = await evaluationsOf(who.id);
    // By the field that holds the time, whatever its name.
    const field = Object.keys(planted[0]!).find((name) => planted[0]![name] instanceof Date)!;
    const moved = async (index: number, days: number) =>
      withDatabase((db) =>
        db
          .collection("evaluations")
          .updateOne(
            { _id: new ObjectId(planted[index]!["_id"]) },
            { $set: { [field]: new Date(Date.now() - days * DAY) } },
          ),
      );
    await moved(0, 45);
    await moved(1, 10);
    const total = async (query: string) => (await stats(who, query))["pronunciation"].total_evaluations;
    expect(await total("")).toBe(2);
    expect(await total("?timeframe=30d")).toBe(2);
    expect(await total("?timeframe=7d")).toBe(1);
    expect(await total("?timeframe=90d")).toBe(3);
    expect((await history(who))["total"]).toBe(3);
  });

  test.for([
    "?timeframe=",
    "?timeframe=soon",
    "?timeframe=-5d",
    "?timeframe=99999999999999999999d",
    "?timeframe[$gt]=1",
  ])("may be nonsense: %s", async (query) => {
    const answer = await (await room().who()).get(`${STATS}${query}`);
    expect([200, 400]).toContain(answer.status);
  });
});
