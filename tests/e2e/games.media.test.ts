/** Share links of the cloud drive in games (contract: x-media-links). */
import { beforeAll, describe, expect, test } from "vitest";
import { call, get } from "../support/client.ts";
import { data, told } from "./groups.support.ts";
import {
  type Cast,
  GAMES,
  allGames,
  at,
  cast,
  gap,
  lonelyLevel,
  plantGame,
  storedGame,
  wantedGame,
} from "./games.support.ts";

let all: Cast;

beforeAll(async () => {
  all = await cast();
});

const direct = (id: string) => `https://drive.google.com/uc?export=view&id=${id}`;
const picture = (mediaUrl: string, fields: object = {}) => gap({ mediaUrl, mediaType: "image", ...fields });

const LINKS: [string, string][] = [
  ["https://drive.google.com/file/d/1Ab-c_9/view?usp=sharing", direct("1Ab-c_9")],
  ["https://drive.google.com/file/d/1Ab-c_9", direct("1Ab-c_9")],
  ["https://drive.google.com/open?id=1Ab-c_9", direct("1Ab-c_9")],
  ["https://drive.google.com/open?authuser=0&id=1Ab-c_9&usp=drive", direct("1Ab-c_9")],
  ["https://docs.google.com/document/d/1Ab-c_9/edit", direct("1Ab-c_9")],
  ["https://docs.google.com/presentation/d/1Ab-c_9/edit#slide=1", direct("1Ab-c_9")],
  ["https://docs.googleusercontent.com/uc?id=1Ab-c_9", direct("1Ab-c_9")],
  // The path comes before the query.
  ["https://drive.google.com/file/d/first/view?id=second", direct("first")],
  // What is converted survives a second pass.
  [direct("1Ab-c_9"), direct("1Ab-c_9")],
];
const KEPT = [
  "https://example.com/cat.png",
  "https://example.com/file/d/1Ab-c_9/view",
  "https://example.com/?from=drive.google.com&id=1Ab-c_9",
  "https://drive.google.com.example.com/file/d/1Ab-c_9/view",
  "https://drive.google.com/drive/folders/1Ab-c_9",
  "https://docs.google.com/spreadsheets/d/1Ab-c_9/edit",
  "https://drive.google.com/",
];
const given = [...LINKS.map(([from]) => from), ...KEPT];
const expected = [...LINKS.map(([, to]) => to), ...KEPT];
const links = (game: { questions: { mediaUrl: string }[] }) => game.questions.map(({ mediaUrl }) => mediaUrl);

// eslint-disable-next-line @typescript-eslint/no-explicit-any
const create = async (fields: object): Promise<any> =>
  told(await all.boss.post(GAMES, wantedGame(fields)), 201).game;

describe("in pictures of identification games", () => {
  const gameType = "identification";

  test("turn into direct ones when a game is made", async () => {
    const game = await create({ gameType, questions: given.map((url) => picture(url)) });
    expect(links(game)).toEqual(expected);
    expect(links((await storedGame(game._id)) as never)).toEqual(expected);
  });

  test("turn into direct ones when its questions are replaced", async () => {
    const { id } = await plantGame({ gameType });
    const questions = given.map((url) => picture(url));
    const body = { questions, totalQuestions: questions.length };
    const answer = await call("PUT", at.game(id), { token: all.boss.token, body });
    expect(links(told(answer).game)).toEqual(expected);
    expect(links((await storedGame(id)) as never)).toEqual(expected);
  });

  test("are shown direct where they are stored as given, and stay stored so", async () => {
    const level = lonelyLevel();
    const questions = given.map((url) => picture(url));
    const { id } = await plantGame({ gameType, level, questions, difficulty: "intermediate" });
    for (const path of [at.type(gameType, `level=${level}`), at.list(`level=${level}`)]) {
      const [game] = await allGames(path, all.rich.token);
      expect(links(game as never)).toEqual(expected);
    }
    expect(links((await storedGame(id)) as never)).toEqual(given);
  });

  test("are shown direct in a random game", async () => {
    const questions = [picture("https://drive.google.com/file/d/random-one/view")];
    await plantGame({ gameType, questions, difficulty: "intermediate" });
    const { game } = data(
      await get(at.random(gameType, "difficulty=intermediate"), { token: all.rich.token }),
    );
    for (const link of links(game)) expect(link ?? "").not.toMatch(/drive\.google\.com\/file/);
  });
});

test("elsewhere stay as given", async () => {
  const url = LINKS[0]![0];
  for (const gameType of ["grammar", "pronunciation", "storytelling"]) {
    expect(links(await create({ gameType, questions: [picture(url)] }))).toEqual([url]);
  }
  const others = [picture(url, { mediaType: "video" }), picture(url, { mediaType: "audio" })];
  expect(links(await create({ gameType: "identification", questions: others }))).toEqual([url, url]);
});
