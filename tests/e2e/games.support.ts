/** What the tests of games share: games planted as the old server left them, who may see them, and the shapes. */
import { randomInt } from "node:crypto";
import { type Document, ObjectId } from "mongodb";
import { expect, inject } from "vitest";
import {
  type Answer,
  type Learner,
  call,
  createRegion,
  eventually,
  get,
  setFeature,
  unique,
  withDatabase,
} from "../support/client.ts";
import { admin, people, person, teacher } from "../support/people.ts";
import { sign } from "../support/tokens.ts";
import { withoutUndefined } from "./auth.support.ts";
import { ANY_TEXT, FLAG, NUMBER, data, exactly, oid, refused } from "./groups.support.ts";
import { ID, TEXT, TIME, nobody } from "./sessions.support.ts";

export const GAMES = "/api/games";
export const NO_IDS = ["nope", nobody().slice(1), `${nobody()}0`, "z".repeat(24), "%24ne"];
export const KINDS = ["grammar", "pronunciation", "identification", "storytelling"] as const;
export const at = {
  list: (query = "") => `${GAMES}?${query}`,
  game: (id: string) => `${GAMES}/${id}`,
  start: (id: string) => `${GAMES}/${id}/start`,
  submit: (id: string) => `${GAMES}/${id}/submit`,
  stats: (id: string) => `${GAMES}/${id}/stats`,
  type: (kind: string, query = "") => `${GAMES}/type/${kind}?${query}`,
  random: (kind: string, query = "") => `${GAMES}/random/${kind}?${query}`,
};

export const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);

/** Everybody a game may be shown to, or not. */
export interface Cast {
  region: string;
  boss: Learner;
  tutor: Learner;
  /** A student without a plan. */
  poor: Learner;
  /** A student whose plan is over. */
  late: Learner;
  /** A student with a running plan. */
  rich: Learner;
}

export async function cast(): Promise<Cast> {
  const region = await createRegion();
  const here = (studentInfo: object) => person({ region: oid(region), studentInfo });
  return {
    region,
    boss: await admin(),
    tutor: await teacher({ region: oid(region) }),
    poor: await here({}),
    late: await here({ planExpiryDate: inDays(-1) }),
    rich: await here({ planExpiryDate: inDays(1) }),
  };
}

/** Students of one region, new to every game. */
export const players = (region: string, many: number, fields: object = {}) =>
  people(many, { region: oid(region), ...fields });

/** Opens the gate in front of start and submit, whatever another file did to it. */
export async function openGames(anybody: Learner): Promise<void> {
  await setFeature("games", true, false);
  const game = await plantGame();
  await eventually(
    "games may be played",
    async () => (await anybody.post(at.start(game.id))).status !== 403,
    20,
  );
}

let level = 1_000_000 + randomInt(1_000_000_000);
/** A level that no other game has: asking for it shows the games of one test alone. */
export const lonelyLevel = (): number => level++;

/** A question of which the second option is right. */
export const choice = (fields: object = {}): Document => ({
  questionText: "Which of these is right?",
  questionType: "multiple_choice",
  points: 10,
  options: [
    { text: "wrong", isCorrect: false },
    { text: "right", isCorrect: true },
  ],
  ...fields,
});

/** A question with a text as its key. */
export const gap = (fields: object = {}): Document => ({
  questionText: "Fill the gap in this",
  questionType: "fill_blank",
  correctAnswer: "gap",
  points: 10,
  ...fields,
});

/** A game that the API accepts. */
export function wantedGame(fields: Document = {}): Document {
  const questions = (fields["questions"] as Document[] | undefined) ?? [choice(), gap()];
  return withoutUndefined({
    title: `Game ${unique()}`,
    description: "A game to be played by tests",
    gameType: "grammar",
    difficulty: "beginner",
    level: 1,
    timeLimit: 60,
    maxScore: 100,
    passingScore: 60,
    totalQuestions: questions.length,
    questions,
    isPremium: false,
    requiresSubscription: false,
    categories: ["verbs"],
    tags: ["short"],
    ...fields,
  });
}

/** Puts a game into the database, as the old server wrote it; undefined fields are left out. */
export async function plantGame(fields: Document = {}): Promise<Document & { id: string }> {
  const wanted = wantedGame(fields);
  const { questions: _, ...rest } = fields;
  const now = new Date();
  const document = withoutUndefined({
    _id: new ObjectId(),
    ...wanted,
    questions: (wanted["questions"] as Document[]).map((question, index) => ({
      _id: new ObjectId(),
      questionNumber: index + 1,
      negativePoints: 0,
      keywords: [],
      suggestedWords: [],
      ...withoutUndefined(question),
      options: ((question["options"] as Document[] | undefined) ?? []).map((option) => ({
        _id: new ObjectId(),
        ...option,
      })),
    })),
    isActive: true,
    totalPlays: 0,
    averageScore: 0,
    completionRate: 0,
    createdBy: new ObjectId(),
    createdAt: now,
    updatedAt: now,
    __v: 0,
    ...rest,
  }) as Document & { _id: ObjectId };
  await withDatabase((db) => db.collection("games").insertOne({ ...document }));
  return { ...document, id: document._id.toHexString() };
}

export const storedGame = async (id: string): Promise<Document> =>
  (await withDatabase((db) => db.collection("games").findOne({ _id: oid(id) })))!;

export const setGame = (id: string, fields: object) =>
  withDatabase((db) => db.collection("games").updateOne({ _id: oid(id) }, { $set: fields }));

/** The account as stored; its counters are what games change. */
export const storedUser = async (id: string): Promise<Document> =>
  (await withDatabase((db) => db.collection("users").findOne({ _id: oid(id) })))!;

/** A page of games; what is asked for must succeed, with nothing beside the data. */
export async function games(
  path: string,
  token?: string,
): Promise<{ games: Document[]; pagination: Document }> {
  const answer = await get(path, { token });
  const page = data(answer);
  expect(Object.keys(answer.body).sort()).toEqual(["data", "success"]);
  expect(Object.keys(page).sort()).toEqual(["games", "pagination"]);
  return page;
}

/** The games of a list, all of its pages. `path` ends in its query. */
export async function allGames(path: string, token?: string): Promise<Document[]> {
  const found: Document[] = [];
  for (let page = 1; ; page++) {
    const { games: some, pagination } = await games(`${path}&limit=100&page=${page}`, token);
    found.push(...some);
    if (page >= pagination["pages"]) return found;
  }
}

export const idsOf = (list: Document[]): string[] => list.map(({ _id }) => _id);

/** Which of these games a list has, in its order. */
export const among = (list: Document[], made: { id: string }[]): string[] =>
  idsOf(list).filter((id) => made.some((game) => game.id === id));

const GAME = {
  _id: ID,
  title: TEXT,
  gameType: expect.stringMatching(/^(grammar|pronunciation|identification|storytelling)$/),
  difficulty: expect.stringMatching(/^(beginner|intermediate|advanced)$/),
  level: NUMBER,
  timeLimit: NUMBER,
  maxScore: NUMBER,
  passingScore: NUMBER,
  totalQuestions: NUMBER,
  questions: expect.any(Array),
  isActive: FLAG,
  isPremium: FLAG,
  requiresSubscription: FLAG,
  categories: expect.any(Array),
  tags: expect.any(Array),
  totalPlays: NUMBER,
  averageScore: NUMBER,
  completionRate: NUMBER,
  createdAt: TIME,
  updatedAt: TIME,
};
const QUESTION = {
  _id: ID,
  questionNumber: NUMBER,
  questionText: ANY_TEXT,
  questionType: expect.stringMatching(/^(multiple_choice|true_false|fill_blank|audio|image|video)$/),
  options: expect.any(Array),
  points: NUMBER,
  negativePoints: NUMBER,
  suggestedWords: expect.any(Array),
};
const TEXTS =
  "mediaUrl mediaType correctAnswer hint explanation grammarRule pronunciationGuide wordCategory storyContext " +
  "storyBeginning phonetic example tips title difficulty";
const QUESTION_MORE = {
  ...Object.fromEntries(TEXTS.split(" ").map((key) => [key, ANY_TEXT])),
  // The story screen falls back to suggestedWords only where this is missing.
  keywords: expect.any(Array),
  minWords: NUMBER,
  wordLimit: NUMBER,
  timeLimit: NUMBER,
};

/** The whole game of the contract, with answer keys. */
export function expectGame(game: Document, createdBy: unknown): void {
  exactly(game, { ...GAME, createdBy }, { description: ANY_TEXT, __v: NUMBER });
  for (const question of game["questions"]) {
    exactly(question, QUESTION, QUESTION_MORE);
    for (const option of question.options) {
      exactly(option, { _id: ID, isCorrect: FLAG }, { text: ANY_TEXT, explanation: ANY_TEXT });
    }
  }
}

/** Everybody but an administrator is refused, before body and id are looked at. */
export async function expectAdminOnly(
  method: string,
  paths: string[],
  { tutor, poor }: Pick<Cast, "tutor" | "poor">,
  body?: unknown,
): Promise<void> {
  for (const path of paths) {
    const as = (token?: string) => call(method, path, { token, body });
    await expectTokenAsked(as, poor);
    for (const { token } of [tutor, poor]) refused(await as(token), 403);
  }
}

/** Nobody comes in without a good token, and every refusal says that it is about the token. */
export async function expectTokenAsked(
  as: (token?: string) => Promise<Answer>,
  anybody: Learner,
): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const [gone] = await people(1, { isActive: false });
  const bare = await as();
  refused(bare, 401);
  expect(bare.body.message).toContain("Access token required");
  for (const token of [
    "no.token.this",
    `${anybody.token.slice(0, -2)}xx`,
    sign({ userId: anybody.id, iat: now - 7200, exp: now - 3600 }),
    gone!.token,
  ]) {
    const answer = await as(token);
    refused(answer, 401);
    expect(answer.body.message).toContain("token");
  }
}

/** The data of a started game. */
export async function started(who: Learner, game: string): Promise<Document> {
  const answer = await who.post(at.start(game));
  expect(answer.body?.message, answer.text).toEqual(TEXT);
  return data(answer);
}

/** The data of a graded game. */
export function graded(answer: Answer): Document {
  const result = data(answer);
  expect(answer.body.message, answer.text).toEqual(TEXT);
  return result;
}

/** Plays a game from start to end. */
export async function play(
  who: Learner,
  game: string,
  answers: unknown[],
  more: object = {},
): Promise<Document> {
  const { sessionId } = await started(who, game);
  return graded(await who.post(at.submit(game), { sessionId, answers, ...more }));
}

export const storedSession = (id: string): Promise<Document> =>
  withDatabase(async (db) => (await db.collection("sessions").findOne({ _id: oid(id) }))!);

/** How many sessions of a game somebody has. */
export const sessionsOf = (who: Learner, game: string) =>
  withDatabase((db) =>
    db.collection("sessions").countDocuments({ host: oid(who.id), "gameSession.game": oid(game) }),
  );

/** Sends an exact text, as the app does where it has no body. */
export const postEmpty = (path: string, token: string) =>
  fetch(inject("stack").base + path, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
  });
