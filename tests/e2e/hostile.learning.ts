/** The operations of learning.yaml, those of the tutor left out, for the table of the hostile tests. */
import { unique } from "../support/client.ts";
import { choice, gap, wantedGame } from "./games.support.ts";
import { OPERATOR, type Operation, PAGING, type Stage, operation } from "./hostile.operation.ts";
import { wantedLecture } from "./lectures.support.ts";

// Options are not here: an object without a text is a blank option, whatever else it has.
const question = () => ({
  ...gap(),
  negativePoints: 1,
  mediaUrl: "https://media.example.com/a.png",
  mediaType: "image",
  hint: "hostile",
  explanation: "hostile",
  grammarRule: "hostile",
  pronunciationGuide: "hostile",
  wordCategory: "hostile",
  storyContext: "hostile",
  storyBeginning: "hostile",
  keywords: ["one"],
  suggestedWords: ["two"],
  minWords: 1,
  wordLimit: 9,
  phonetic: "hostile",
  example: "hostile",
  tips: "hostile",
  difficulty: "hostile",
  timeLimit: 5,
});
const game = () => wantedGame({ questions: [question()] });

/** Questions that are none, in a game that is right otherwise. */
const oddQuestions = () => {
  const right = { text: "right", isCorrect: true };
  const options: unknown[] = [
    OPERATOR,
    [OPERATOR, OPERATOR],
    [right, { text: OPERATOR }],
    [right, { text: "x", isCorrect: OPERATOR }],
    [right, { text: "x", explanation: OPERATOR }],
    [right, { text: "right", isCorrect: "$ne" }],
    [right, null, 5],
  ];
  const lists: unknown[] = [OPERATOR, [null], [5], ["x"], [[]], [[OPERATOR]]];
  return [
    ...options.map((given) => wantedGame({ questions: [choice({ options: given })] })),
    ...lists.map((questions) => ({ ...game(), questions, totalQuestions: 1 })),
    { ...game(), questions: null },
    { ...game(), totalQuestions: "1" },
  ];
};

const ofGame: Partial<Operation> = { target: "game", malformed: [400, 404] };
// A type is a text: what is no type is one without games.
const ofType: Partial<Operation> = { target: "gameType", anonymous: [200] };
const FILTERS = ["difficulty", "level", "isPremium"];

const GAMES = [
  operation("createGame", "POST /api/games", "admin", { good: game, odd: oddQuestions, texts: true }),
  operation("listGames", "GET /api/games", "user", {
    query: ["gameType", ...FILTERS, "isActive", "search", ...PAGING],
  }),
  operation("getGame", "GET /api/games/{}", "user", ofGame),
  operation("updateGame", "PUT /api/games/{}", "admin", {
    ...ofGame,
    good: () => ({ ...game(), isActive: false }),
    odd: () => [
      ...oddQuestions(),
      { $set: { title: "hostile" }, "questions.0.points": 500 },
      { _id: OPERATOR, createdBy: OPERATOR, totalPlays: OPERATOR, averageScore: OPERATOR, __v: OPERATOR },
    ],
    texts: true,
  }),
  operation("deleteGame", "DELETE /api/games/{}", "admin", ofGame),
  operation("startGame", "POST /api/games/{}/start", "user", ofGame),
  operation("submitGame", "POST /api/games/{}/submit", "user", {
    ...ofGame,
    good: () => ({
      answers: [{ questionNumber: 1, selectedAnswer: "wrong" }],
      timeSpent: 5,
    }),
    odd: () => [
      ...[OPERATOR, [], 5].map((sessionId) => ({ sessionId, answers: [] })),
      { answers: { answers: OPERATOR } },
      { answers: { answers: [OPERATOR] } },
      { answers: [null] },
      { answers: Array.from({ length: 300 }, () => ({ questionNumber: 1 })) },
      { answers: [{ questionNumber: 1e300, selectedAnswer: "x" }] },
      { answers: [], timeSpent: -1 },
      { answers: [], timeSpent: "1e999" },
    ],
    plain: true,
  }),
  operation("getGameStats", "GET /api/games/{}/stats", "user", ofGame),
  operation("listGamesByType", "GET /api/games/type/{}", "public", {
    ...ofType,
    query: [...FILTERS, "page", "limit"],
    unknown: [200],
    malformed: [200, 400],
  }),
  operation("getRandomGame", "GET /api/games/random/{}", "public", {
    ...ofType,
    query: FILTERS,
    malformed: [400, 404],
  }),
];

const REGIONAL: Partial<Operation> = { target: "region" };

const LEADERBOARD = [
  operation("getRegionTop3", "GET /api/leaderboard/region/{}/top3", "user", REGIONAL),
  operation("getRegionLeaderboard", "GET /api/leaderboard/region/{}", "user", {
    ...REGIONAL,
    query: ["page", "limit"],
  }),
  operation("getAllRegionsTop3", "GET /api/leaderboard/all-regions/top3", "user"),
  // Only students have a place.
  operation("getMyRank", "GET /api/leaderboard/my-rank", "user", { others: [200, 400], admins: [400] }),
  operation("getAroundMe", "GET /api/leaderboard/around-me", "user", { others: [200, 400], admins: [400] }),
  operation("getLeaderboardStatistics", "GET /api/leaderboard/statistics", "admin"),
  operation("rankRegions", "GET /api/admin/leaderboard/all-regions/top3", "admin"),
  operation("updateUserActivity", "POST /api/leaderboard/update-activity/{}", "admin", {
    target: "user",
    good: () => ({ activityType: "games", increment: 7 }),
    odd: () => [
      { activityType: "points", increment: 7 },
      { activityType: "games", increment: -7 },
      { activityType: "games", increment: 1e300 },
      { activityType: "games", increment: [7] },
      { activityType: "studentInfo.totalSessions" },
    ],
  }),
];

const ofLecture: Partial<Operation> = { target: "lecture" };
const lecture = ({ teacher, region }: Stage) =>
  wantedLecture(teacher, { region, isActive: false, isPublished: false });
// Blank optional fields count as absent; an object is not blank.
const oddLecture = (stage: Stage) => [
  { ...lecture(stage), notes: [OPERATOR] },
  { ...lecture(stage), tags: OPERATOR },
  { ...lecture(stage), instructor: stage.region },
  { ...lecture(stage), videoUrl: "javascript:alert(1)" },
  { ...lecture(stage), thumbnailUrl: "//" },
];

const LECTURES = [
  operation("createLecture", "POST /api/lectures", "admin", { good: lecture, odd: oddLecture }),
  operation("listLectures", "GET /api/lectures", "public", {
    query: ["active", "premium", "difficulty", "region", "instructor", "category", "search", ...PAGING],
    anonymous: [200],
  }),
  operation("getLecture", "GET /api/lectures/{}", "public", { ...ofLecture, anonymous: [200] }),
  operation("updateLecture", "PUT /api/lectures/{}", "admin", {
    ...ofLecture,
    good: lecture,
    odd: (stage) => [
      ...oddLecture(stage),
      { $set: { title: `Hostile ${unique()}` }, "notes.textContent": "hostile" },
      { _id: OPERATOR, createdBy: OPERATOR, totalViews: OPERATOR, rating: OPERATOR, __v: OPERATOR },
    ],
  }),
  operation("deleteLecture", "DELETE /api/lectures/{}", "admin", ofLecture),
  operation("toggleLectureStatus", "PATCH /api/lectures/{}/toggle-status", "admin", ofLecture),
  operation("markLectureViewed", "POST /api/lectures/{}/view", "user", {
    ...ofLecture,
    good: () => ({ watchTime: 5 }),
    odd: () => [{ watchTime: -1 }, { watchTime: "1e999" }, { watchTime: [5] }, { watchTime: true }],
    plain: true,
  }),
  operation("getLectureStatistics", "GET /api/lectures/admin/statistics", "admin", {
    query: ["startDate", "endDate", "region"],
  }),
  operation("searchLectures", "POST /api/lectures/search", "user", {
    good: ({ teacher, region }) => ({
      query: "hostile",
      difficulty: "advanced",
      isPremium: false,
      region,
      instructor: teacher,
      category: "Speaking",
      minDuration: 1,
      maxDuration: 5,
      tags: ["verbs"],
      page: 1,
      limit: 5,
    }),
    odd: () => [{ query: "(((" }, { query: "a\u0000b" }, { query: "x".repeat(5000) }, { tags: [null] }],
    plain: true,
  }),
];

export const LEARNING = [...GAMES, ...LEADERBOARD, ...LECTURES];
