/** Recordings that are kept: who hears them, in which pieces, and for how long. */
import { join } from "node:path";
import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { type Learner, eventually } from "../support/client.ts";
import { serve } from "../support/serve.ts";
import { expectRefusal } from "./auth.support.ts";
import {
  OTHERS,
  RECORDINGS,
  audio,
  evaluationOf,
  evaluationsOf,
  upload,
  word,
} from "./evaluation.support.ts";
import {
  MB,
  TAG,
  at,
  download,
  expectUnchanged,
  expectWhole,
  hashOf,
  keepRecording,
  matching,
  others,
  recordingOf,
} from "./media.support.ts";
import { Room, TEXT, expectSignIn, openRoom } from "./tutor.support.ts";

const room = openRoom("audio");
const LARGE = 9 * MB;
const MALFORMED = ["nope", "0".repeat(23), "0".repeat(25), "z".repeat(24), "%24ne", "0".repeat(64)];

const hear = (who: Learner | undefined, id: string, headers: Record<string, string> = {}) =>
  download(room(), at.audio(id), who, headers);
const remove = (who: Learner | undefined, id: string) => room().call("DELETE", at.audio(id), who);

/** Whether a recording is there, without fetching all of it. */
async function isThere(who: Learner, id: string): Promise<boolean> {
  const { status } = await hear(who, id, { range: "bytes=0-0" });
  expect([206, 404]).toContain(status);
  return status === 206;
}

async function expectGone(who: Learner, id: string): Promise<void> {
  expectRefusal(await who.get(at.audio(id)), 404);
}

describe("a recording", () => {
  test.for([
    ["wav", "audio/wav"],
    ["mp3", "audio/mpeg"],
    ["mp3 frame", "audio/mpeg"],
    ["m4a", "audio/mp4"],
    ["mp4", "audio/mp4"],
    ["3gp", "audio/mp4"],
    // Upstreams take frames without a container under this name, too.
    ["aac", "audio/mp4"],
    ["webm", "audio/webm"],
    ["ogg", "audio/ogg"],
  ] as const)("of %s comes back as it was uploaded, as %s", async ([kind, type]) => {
    const who = await room().who();
    const id = await keepRecording(room(), who, RECORDINGS[kind]);
    const kept = await hear(who, id);
    expectWhole(kept, RECORDINGS[kind]);
    expect(kept.headers.get("content-type")).toBe(type);
    expect(kept.headers.get("accept-ranges")).toBe("bytes");
    expect(kept.headers.get("etag")).toMatch(TAG);
    expect(kept.headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
    expect(kept.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test.for([
    ["page.html", "text/html"],
    ["word.ogg", "audio/ogg"],
    ["blob", "application/octet-stream"],
  ] as const)("that is called %s is served as what it is", async ([name, type]) => {
    const who = await room().who();
    // A page further on makes it no page.
    const bytes = Buffer.concat([RECORDINGS.webm, Buffer.from("<!doctype html><script>alert(1)</script>")]);
    const kept = await hear(who, await keepRecording(room(), who, bytes, name, type));
    expectWhole(kept, bytes);
    expect(kept.headers.get("content-type")).toBe("audio/webm");
  });

  test("may have all bytes there are, and be large", async () => {
    const who = await room().who();
    const all = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const bytes = Buffer.concat([recordingOf(3 * MB), all, Buffer.from("\r\n--\r\n\r\n")]);
    expectWhole(await hear(who, await keepRecording(room(), who, bytes)), bytes);
  });

  test("has an id of its own, whoever else said the same", async () => {
    const [one, other] = [await room().who(), await room().who()];
    const ids = [];
    for (const who of [one, one, other]) ids.push(await keepRecording(room(), who, RECORDINGS.wav));
    expect(new Set(ids)).toHaveProperty("size", 3);
    expect((await remove(one, ids[0]!)).status).toBe(200);
    expectWhole(await hear(one, ids[1]!), RECORDINGS.wav);
    expectWhole(await hear(other, ids[2]!), RECORDINGS.wav);
  });

  test("keeps its tag, and has another than other recordings", async () => {
    const who = await room().who();
    const [one, other] = [recordingOf(2000), recordingOf(2000)];
    const [first, second] = [await keepRecording(room(), who, one), await keepRecording(room(), who, other)];
    const tag = (await hear(who, first)).headers.get("etag");
    expect((await hear(who, first)).headers.get("etag")).toBe(tag);
    expect((await hear(who, second)).headers.get("etag")).not.toBe(tag);
  });

  test("that is refused leaves no id", async () => {
    const who = await room().who();
    for (const [kind, bytes] of Object.entries(OTHERS)) {
      const answer = await upload(room(), who, [audio(bytes, "word.wav", "audio/wav"), word()]);
      expect([400, 415], kind).toContain(answer.status);
      expect(answer.text).not.toContain("audioId");
    }
  });
});

describe("belongs to its speaker", () => {
  let owner: Learner;
  let id: string;
  beforeAll(async () => {
    owner = await room().who();
    id = await keepRecording(room(), owner, RECORDINGS.ogg);
  });

  test("so nobody needs a token, and gets nothing", async () => {
    for (const method of ["GET", "DELETE"]) {
      await expectSignIn(room(), method, at.audio(id));
      await expectSignIn(room(), method, at.audio("nope"));
    }
    const answer = await hear(undefined, id, { range: "bytes=0-9" });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("cache-control")).not.toMatch(/immutable|max-age/);
  });

  test.for(["student", "teacher"])("so another %s finds none, and removes none", async (role) => {
    const other = await room().who({ role });
    expectRefusal(await other.get(at.audio(id)), 404);
    const tag = (await hear(owner, id)).headers.get("etag")!;
    // Neither a piece nor a tag tells that there is one.
    for (const headers of [{ range: "bytes=0-9" }, { range: "bytes=999999-" }, { "if-none-match": tag }]) {
      const answer = await hear(other, id, headers);
      expect(answer.status).toBe(404);
      expect(answer.headers.get("etag")).toBeNull();
      expect(answer.headers.get("cache-control")).not.toMatch(/immutable|max-age/);
    }
    expectRefusal(await remove(other, id), 404);
    expectWhole(await hear(owner, id), RECORDINGS.ogg);
  });

  test("but an administrator hears and removes it", async () => {
    const boss = await room().who({ role: "admin" });
    const other = await keepRecording(room(), owner, RECORDINGS.mp3);
    const heard = await hear(boss, other);
    expectWhole(heard, RECORDINGS.mp3);
    expect(heard.headers.get("cache-control")).toMatch(/^private,/);
    expect((await remove(boss, other)).body).toEqual({ success: true, message: TEXT });
    await expectGone(boss, other);
    await expectGone(owner, other);
  });

  test("and is no picture for everybody", async () => {
    for (const [name, status] of [
      [id, 400],
      [hashOf(RECORDINGS.ogg), 404],
    ] as const) {
      expect((await download(room(), at.picture(name), owner)).status).toBe(status);
    }
  });

  test.for(MALFORMED)("with the id %j is 400", async (malformed) => {
    for (const who of [owner, await room().who({ role: "admin" })]) {
      expectRefusal(await who.get(at.audio(malformed)), 400);
      expectRefusal(await remove(who, malformed), 400);
    }
  });

  test("with an unknown id is 404", async () => {
    const unknown = new ObjectId().toHexString();
    for (const who of [owner, await room().who({ role: "admin" })]) {
      await expectGone(who, unknown);
      expectRefusal(await remove(who, unknown), 404);
    }
  });
});

describe("in pieces", () => {
  const bytes = recordingOf(5000);
  const N = bytes.length;
  // No address and no memory is as large, so whoever cuts to 32 bits begins at the start again.
  const HUGE = 2 ** 32;
  let who: Learner;
  let id: string;
  let tag: string;
  beforeAll(async () => {
    who = await room().who();
    id = await keepRecording(room(), who, bytes);
    tag = (await hear(who, id)).headers.get("etag")!;
  });

  test.for([
    ["bytes=0-0", 0, 0],
    ["bytes=0-99", 0, 99],
    ["bytes=7-7", 7, 7],
    ["bytes=100-", 100, N - 1],
    ["bytes=0-", 0, N - 1],
    [`bytes=${N - 1}-`, N - 1, N - 1],
    [`bytes=${N - 1}-${N - 1}`, N - 1, N - 1],
    [`bytes=0-${N - 1}`, 0, N - 1],
    // More than there is.
    [`bytes=${N - 5}-${N}`, N - 5, N - 1],
    ["bytes=10-999999", 10, N - 1],
    [`bytes=4-${HUGE + 2}`, 4, N - 1],
    // From the end.
    ["bytes=-1", N - 1, N - 1],
    ["bytes=-50", N - 50, N - 1],
    [`bytes=-${N}`, 0, N - 1],
    [`bytes=-${N + 1}`, 0, N - 1],
    [`bytes=-${HUGE + 1}`, 0, N - 1],
  ] as const)("%s is from %d to %d", async ([range, from, to]) => {
    const piece = await hear(who, id, { range });
    expectWhole(piece, bytes.subarray(from, to + 1), 206);
    expect(piece.headers.get("content-range")).toBe(`bytes ${from}-${to}/${N}`);
    expect(piece.headers.get("content-type")).toBe("audio/wav");
    expect(piece.headers.get("etag")).toBe(tag);
    expect(piece.headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
  });

  test.for([`bytes=${N}-`, `bytes=${N}-${N + 5}`, "bytes=999999-", `bytes=${HUGE}-${HUGE + 9}`, "bytes=-0"])(
    "%s is not there",
    async (range) => {
      const answer = await hear(who, id, { range });
      expect(answer.status).toBe(416);
      expect(answer.headers.get("content-range")).toBe(`bytes */${N}`);
      expect(answer.headers.get("cache-control")).not.toMatch(/immutable/);
      expect(answer.bytes.includes("RIFF")).toBe(false);
    },
  );

  test.for([
    "bytes=0-1,3-4",
    "bytes=0-1, -5",
    `bytes=${N}-,0-1`,
    "bytes=5-2",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=5-b",
    "bytes=0x1-5",
    "bytes=+1-5",
    "bytes=1.5-2",
    "bytes=0-1-2",
    "bytes=--5",
    "bytes=5",
    "bytes 0-1",
    "items=0-1",
    "0-1",
  ])("%s is ignored", async (range) => {
    const answer = await hear(who, id, { range });
    expectWhole(answer, bytes);
    expect(answer.headers.get("content-range")).toBeNull();
  });

  test("or not at all, where the phone has it", async () => {
    for (const known of matching(tag)) {
      expectUnchanged(await hear(who, id, { "if-none-match": known }), tag);
    }
    expectUnchanged(await hear(who, id, { "if-none-match": tag, range: "bytes=0-9" }), tag);
  });

  test("whole, where the phone has another", async () => {
    for (const known of others(tag)) expectWhole(await hear(who, id, { "if-none-match": known }), bytes);
  });
});

describe("that is removed", () => {
  test("is gone, and what was scored is not", async () => {
    const who = await room().who();
    const [id, other] = [
      await keepRecording(room(), who, RECORDINGS.wav),
      await keepRecording(room(), who, RECORDINGS.mp3),
    ];
    const tag = (await hear(who, id)).headers.get("etag")!;
    const answer = await remove(who, id);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ success: true, message: TEXT });
    await expectGone(who, id);
    for (const headers of [{ range: "bytes=0-9" }, { "if-none-match": tag }]) {
      expect((await hear(who, id, headers)).status).toBe(404);
    }
    expectRefusal(await remove(who, id), 404);
    expectWhole(await hear(who, other), RECORDINGS.mp3);
    expect(await evaluationsOf(who.id)).toHaveLength(2);
  });

  test("twice at once is removed once", async () => {
    const who = await room().who();
    const id = await keepRecording(room(), who, RECORDINGS.wav);
    const statuses = (await Promise.all([remove(who, id), remove(who, id)])).map(({ status }) => status);
    expect(statuses).toContain(200);
    for (const status of statuses) expect([200, 404]).toContain(status);
    await expectGone(who, id);
  });
});

describe("beyond fifty megabytes", { timeout: 120_000 }, () => {
  const keep = (who: Learner, size = LARGE) => keepRecording(room(), who, recordingOf(size));
  const expectThere = async (who: Learner, ids: string[]) => {
    for (const id of ids) expect(await isThere(who, id), id).toBe(true);
  };
  const untilGone = async (who: Learner, ids: string[]) => {
    for (const id of ids) await eventually(`${id} is gone`, async () => !(await isThere(who, id)));
  };

  test("the oldest of the same speaker go, as many as must", async () => {
    const [who, other] = [await room().who(), await room().who()];
    const untouched = await keep(other, 2000);
    const small = await keep(who, 2000);
    const [first, second, third, ...more] = [
      await keep(who),
      await keep(who),
      await keep(who),
      await keep(who),
      await keep(who),
    ] as [string, string, string, string, string];
    await expectThere(who, [small, first, second, third, ...more]);
    // What was removed counts no more.
    expect((await remove(who, third)).status).toBe(200);
    more.push(await keep(who));
    await expectThere(who, [small, first, second, ...more]);
    // The oldest alone is too small to make room.
    more.push(await keep(who));
    await untilGone(who, [small, first]);
    await expectThere(who, [second, ...more]);
    await expectThere(other, [untouched]);
  });

  test("also when they come at once", async () => {
    const who = await room().who();
    const before = [];
    for (let n = 0; n < 4; n++) before.push(await keep(who));
    const after = await Promise.all([keep(who), keep(who), keep(who)]);
    await untilGone(who, before.slice(0, 2));
    await expectThere(who, [...before.slice(2), ...after]);
  });
});

test("of nobody is not kept", async () => {
  const { dataApi, folder } = inject("stack");
  const worker = await serve({
    dataApi,
    folder: join(folder, "audio-anonymous"),
    env: { ...room().model.variables, ANONYMOUS_PRONUNCIATION: "on" },
  });
  try {
    const place = new Room(room().model, worker.base);
    const answer = await upload(place, undefined, [audio(), word()]);
    evaluationOf(answer);
    expect(answer.body.data).not.toHaveProperty("audioId");
    // A token that is no good is the same as none, or refused; never somebody.
    const bad = await upload(place, undefined, [audio(), word()], { authorization: "Bearer garbage" });
    expect([200, 401]).toContain(bad.status);
    expect(bad.text).not.toContain("audioId");
    const who = await place.who();
    const id = await keepRecording(place, who, RECORDINGS.wav);
    expectWhole(await download(place, at.audio(id), who), RECORDINGS.wav);
    expect((await download(place, at.audio(id))).status).toBe(401);
  } finally {
    await worker.program.stop();
  }
});
