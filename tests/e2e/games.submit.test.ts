/** Grading by the rules of x-scoring.games.submit: rows of a table, seen through the answer. */
import type { Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import type { Learner } from "../support/client.ts";
import { ANY_TEXT, FLAG, NUMBER, exactly, refused } from "./groups.support.ts";
import {
  type Cast,
  at,
  cast,
  choice,
  gap,
  graded,
  openGames,
  plantGame,
  play,
  players,
  started,
} from "./games.support.ts";

let all: Cast;
let who: Learner;

beforeAll(async () => {
  all = await cast();
  await openGames(all.poor);
  [who] = (await players(all.region, 1)) as [Learner];
}, 60_000);

const say = (questionNumber: unknown, selectedAnswer?: unknown) => ({ questionNumber, selectedAnswer });
const row = (questionNumber: number, isCorrect: boolean, earnedPoints: number) => ({
  questionNumber,
  isCorrect,
  earnedPoints,
});

/** A game of `many` gaps with "yes" as key, and answers of which the first `right` are right. */
const gaps = (many: number, fields: object = {}) =>
  Array.from({ length: many }, () => gap({ correctAnswer: "yes", ...fields }));
const rights = (right: number, many: number) =>
  Array.from({ length: many }, (_, index) => say(index + 1, index < right ? "yes" : "no"));

test("the answer has the shape of the contract", async () => {
  const { id } = await plantGame({
    maxScore: 40,
    passingScore: 50,
    questions: [
      choice({ explanation: "the second", points: 4 }),
      gap({ points: 6 }),
      gap({ correctAnswer: "third" }),
    ],
  });
  const { sessionId } = await started(who, id);
  const answers = [say(2, "gap"), say(1, "wrong")];
  const result = graded(await who.post(at.submit(id), { sessionId, answers, timeSpent: 12.5 }));
  const { answerDetails, ...rest } = result;
  expect(rest).toEqual({
    score: 6,
    percentage: 33,
    correctAnswers: 1,
    totalQuestions: 3,
    passed: false,
    timeSpent: 12.5,
    maxScore: 40,
    passingScore: 50,
  });
  expect(answerDetails).toHaveLength(2);
  for (const detail of answerDetails) {
    exactly(
      detail,
      { questionNumber: NUMBER, isCorrect: FLAG, earnedPoints: NUMBER },
      { selectedAnswer: ANY_TEXT, correctAnswer: ANY_TEXT, explanation: ANY_TEXT },
    );
  }
  // In the order of the request.
  expect(answerDetails).toMatchObject([
    { ...row(2, true, 6), selectedAnswer: "gap", correctAnswer: "gap" },
    { ...row(1, false, 0), selectedAnswer: "wrong", correctAnswer: "right", explanation: "the second" },
  ]);
});

test("time spent is echoed if it was sent, and absent otherwise", async () => {
  const { id } = await plantGame();
  expect(await play(who, id, [], { timeSpent: 0 })).toMatchObject({ timeSpent: 0 });
  expect(await play(who, id, [])).not.toHaveProperty("timeSpent");
});

describe("an answer", () => {
  const twice = [
    { text: "same", isCorrect: false },
    { text: "same", isCorrect: true },
    { text: "other", isCorrect: true },
  ];
  test.for([
    ["of the right option", choice(), "right", true],
    ["of a wrong option", choice(), "wrong", false],
    ["of no option", choice(), "unheard of", false],
    ["of the right option in another case", choice(), "Right", false],
    ["of the right option with blanks", choice(), " right", false],
    ["of a further right option", choice({ options: twice }), "other", true],
    ["of a text that two options have, the first of them wrong", choice({ options: twice }), "same", false],
    ["that is the key", gap({ correctAnswer: "A key" }), "A key", true],
    ["that is not the key", gap({ correctAnswer: "A key" }), "A ke", false],
    ["that contains the key", gap({ correctAnswer: "key" }), "a key indeed", false],
    ["that says true", gap({ questionType: "true_false", correctAnswer: "true" }), "true", true],
    ["that says false", gap({ questionType: "true_false", correctAnswer: "true" }), "false", false],
    ["that names a picture", gap({ questionType: "image", correctAnswer: "cat" }), "cat", true],
    ["that repeats a sound", gap({ questionType: "audio", correctAnswer: "cat" }), "cat", true],
    ["that names a film", gap({ questionType: "video", correctAnswer: "cat" }), "dog", false],
  ] as [string, Document, string, boolean][])("%s", async ([, question, selectedAnswer, isCorrect]) => {
    const { id } = await plantGame({ questions: [{ ...question, points: 7, negativePoints: 4 }] });
    const result = await play(who, id, [say(1, selectedAnswer)]);
    expect(result).toMatchObject({
      score: isCorrect ? 7 : 0,
      percentage: isCorrect ? 100 : 0,
      correctAnswers: isCorrect ? 1 : 0,
      passed: isCorrect,
      answerDetails: [{ ...row(1, isCorrect, isCorrect ? 7 : 0), selectedAnswer }],
    });
    expect(result["answerDetails"]).toHaveLength(1);
  });

  test("of several options is corrected with the first right one", async () => {
    const options = [
      { text: "a", isCorrect: false },
      { text: "b", isCorrect: true },
      { text: "c", isCorrect: true },
    ];
    const { id } = await plantGame({ questions: [choice({ options, correctAnswer: undefined })] });
    expect((await play(who, id, [say(1, "a")]))["answerDetails"][0].correctAnswer).toBe("b");
  });
});

describe("the share of right answers", () => {
  test.for([
    // right, of, percentage, passing score, passed
    [1, 8, 13, 13, true],
    [1, 8, 13, 14, false],
    [3, 8, 38, 60, false],
    [1, 3, 33, 33, true],
    [2, 3, 67, 67, true],
    [2, 3, 67, 68, false],
    [1, 6, 17, 17, true],
    [3, 5, 60, 60, true],
    [0, 4, 0, 0, true],
    [0, 4, 0, 1, false],
    [4, 4, 100, 100, true],
    [1, 40, 3, 3, true],
  ] as const)("%i of %i is %i percent", async ([right, of, percentage, passingScore, passed]) => {
    const { id } = await plantGame({ questions: gaps(of), passingScore });
    const expected = { percentage, passed, correctAnswers: right, totalQuestions: of, score: right * 10 };
    expect(await play(who, id, rights(right, of))).toMatchObject(expected);
  });

  test("goes by count, not by points, and no limit caps the points", async () => {
    const questions = [
      gap({ points: 90, correctAnswer: "yes" }),
      ...gaps(3, { points: 1, negativePoints: 50 }),
    ];
    const { id } = await plantGame({ questions, maxScore: 20, passingScore: 26 });
    expect(await play(who, id, rights(1, 4))).toMatchObject({
      score: 90,
      percentage: 25,
      passed: false,
      maxScore: 20,
    });
  });

  test("takes unanswered questions for wrong", async () => {
    const { id } = await plantGame({ questions: gaps(4), passingScore: 50 });
    expect(await play(who, id, [say(3, "yes")])).toMatchObject({
      percentage: 25,
      correctAnswers: 1,
      passed: false,
      answerDetails: [row(3, true, 10)],
    });
    expect(await play(who, id, [])).toMatchObject({
      score: 0,
      percentage: 0,
      passed: false,
      answerDetails: [],
    });
    const result = await play(who, id, [say(1, null), say(2, "yes"), { questionNumber: 3 }]);
    expect(result).toMatchObject({ score: 10, percentage: 25, correctAnswers: 1 });
    // A row for what was left open is as good as none; it is not right.
    for (const detail of result["answerDetails"]) {
      expect(detail.isCorrect, JSON.stringify(detail)).toBe(detail.questionNumber === 2);
    }
  });
});

describe("lists of answers", () => {
  test("may name questions that are not there", async () => {
    const { id } = await plantGame({ questions: gaps(2) });
    const result = await play(who, id, [say(9, "yes"), say(1, "yes"), say(0, "yes"), say(-1, "yes")]);
    expect(result).toMatchObject({ score: 10, percentage: 50, answerDetails: [row(1, true, 10)] });
    expect(result["answerDetails"]).toHaveLength(1);
  });

  test("count a question once, however often it is answered", async () => {
    const { id } = await plantGame({ questions: gaps(2) });
    const same = await play(who, id, [say(1, "yes"), say(1, "yes"), say(1, "yes")]);
    expect(same).toMatchObject({ score: 10, percentage: 50, correctAnswers: 1 });
    expect(same["answerDetails"]).toMatchObject([row(1, true, 10)]);
    const torn = await play(who, id, [say(1, "yes"), say(1, "no"), say(2, "yes")]);
    // The first or the last: one of them.
    expect([10, 20]).toContain(torn["score"]);
    expect(torn).toMatchObject({ percentage: torn["score"] * 5, correctAnswers: torn["score"] / 10 });
    expect(torn["answerDetails"]).toHaveLength(2);
  });

  test("name a question by number, not by text", async () => {
    const { id } = await plantGame({ questions: gaps(2) });
    const { sessionId } = await started(who, id);
    const answer = await who.post(at.submit(id), { sessionId, answers: [say("1", "yes"), say(2, "yes")] });
    if (answer.status === 400) return refused(answer, 400);
    expect(graded(answer)).toMatchObject({ score: 10, answerDetails: [row(2, true, 10)] });
  });

  test("are believed about nothing but the answer", async () => {
    const { id } = await plantGame({ questions: gaps(2) });
    const answers = [
      { ...say(1, "no"), isCorrect: true, earnedPoints: 99, points: 99 },
      { ...say(2, "yes"), isCorrect: false, correctAnswer: "no" },
    ];
    expect(await play(who, id, answers, { score: 500, percentage: 100 })).toMatchObject({
      score: 10,
      percentage: 50,
      answerDetails: [row(1, false, 0), { ...row(2, true, 10), correctAnswer: "yes" }],
    });
  });

  test("may be wrapped, as the app sends them", async () => {
    const { id } = await plantGame({ questions: gaps(2) });
    const { sessionId } = await started(who, id);
    const body = { sessionId, answers: { answers: rights(1, 2) }, timeSpent: 3 };
    expect(graded(await who.post(at.submit(id), body))).toMatchObject({
      score: 10,
      percentage: 50,
      timeSpent: 3,
    });
  });
});
