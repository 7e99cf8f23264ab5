/** Pictures: uploaded by who may, named by their content, and there for everybody. */
import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import type { Answer, Learner } from "../support/client.ts";
import { expectRefusal } from "./auth.support.ts";
import {
  KINDS,
  type Kind,
  MB,
  MEDIA,
  NO_PICTURES,
  TAG,
  at,
  download,
  expectUnchanged,
  expectWhole,
  file,
  hashOf,
  matching,
  others,
  picture,
  purpose,
  send,
  typeOf,
} from "./media.support.ts";
import { TEXT, expectSignIn, openRoom } from "./tutor.support.ts";

// Not where the Worker listens: addresses come from the configuration, never from the request.
const PUBLIC_URL = "https://api.example.com";
const room = openRoom("media", { PUBLIC_URL });
const MAX = 2 * MB;

/** The data of an upload that must have succeeded. */
function dataOf(answer: Answer): Document {
  expect(answer.status, answer.text).toBe(201);
  expect(answer.body).toEqual({ success: true, message: TEXT, data: expect.any(Object) });
  return answer.body.data;
}
const keep = async (who: Learner, bytes: Buffer, what = "profile"): Promise<string> =>
  dataOf(await send(room(), who, [file(bytes), purpose(what)]))["id"];
const see = (id: string, headers: Record<string, string> = {}) =>
  download(room(), at.picture(id), undefined, headers);

/** Nothing was kept of this content. */
async function expectNone(bytes: Buffer): Promise<void> {
  expect((await see(hashOf(bytes))).status).toBe(404);
}

describe("an upload", () => {
  test("needs a token", async () => {
    await expectSignIn(room(), "POST", MEDIA);
    const bytes = picture();
    expectRefusal(await send(room(), undefined, [file(bytes), purpose()]), 401, /Access token required/);
    await expectNone(bytes);
  });

  test.for(KINDS)("may be a %s", async (kind) => {
    const bytes = picture(kind);
    expect(dataOf(await send(room(), await room().who(), [file(bytes), purpose()]))).toEqual({
      id: hashOf(bytes),
      url: `${PUBLIC_URL}${at.picture(hashOf(bytes))}`,
      contentType: typeOf(kind),
      bytes: bytes.length,
    });
  });

  test.for([
    ["png", "page.html", "text/html"],
    ["gif", "picture.png", "image/png"],
    ["webp", "picture.jpg", "image/jpeg"],
    ["jpeg", "drawing.svg", "image/svg+xml"],
    ["png", "../../../etc/passwd", "application/octet-stream"],
    ["png", 'a "b"; c.png', "image/png"],
  ] as const)("of %s may be called %s", async ([kind, name, type]) => {
    const bytes = picture(kind);
    const data = dataOf(await send(room(), await room().who(), [file(bytes, name, type), purpose()]));
    expect(data).toMatchObject({ id: hashOf(bytes), contentType: typeOf(kind) });
    expect((await see(data["id"])).headers.get("content-type")).toBe(typeOf(kind));
  });

  test("that holds the marks of a form arrives whole", async () => {
    const odd = Buffer.concat([
      picture(),
      Buffer.from('\r\n------form\r\n\r\n--\r\nContent-Disposition: form-data; name="purpose"\r\n\r\ngame\0'),
      Buffer.from(Array.from({ length: 256 }, (_, n) => n)),
      Buffer.from("\r\n\r\n"),
    ]);
    const data = dataOf(await send(room(), await room().who(), [purpose(), file(odd)]));
    expect(data).toMatchObject({ id: hashOf(odd), bytes: odd.length });
    expectWhole(await see(data["id"]), odd);
  });

  test("of the same bytes has the same name, whoever sends it and what for", async () => {
    const bytes = picture();
    const [one, other, boss] = [await room().who(), await room().who(), await room().who({ role: "admin" })];
    const first = dataOf(await send(room(), one, [file(bytes), purpose()]));
    expect(dataOf(await send(room(), one, [file(bytes), purpose()]))).toEqual(first);
    expect(dataOf(await send(room(), other, [file(bytes, "b.gif", "image/gif"), purpose()]))).toEqual(first);
    expect(dataOf(await send(room(), boss, [file(bytes), purpose("game")]))).toEqual(first);
    expect(await keep(one, Buffer.concat([bytes, Buffer.from("x")]))).not.toBe(first["id"]);
    expectWhole(await see(first["id"]), bytes);
  });

  test("of the same bytes many times at once is one", async () => {
    const bytes = picture();
    const who = await room().who();
    const ids = await Promise.all(Array.from({ length: 5 }, () => keep(who, bytes)));
    expect(new Set(ids)).toEqual(new Set([hashOf(bytes)]));
    expectWhole(await see(ids[0]!), bytes);
  });

  test.for(["student", "teacher", "admin"])("of a %s may be a profile", async (role) => {
    const bytes = picture();
    expectWhole(await see(await keep(await room().who({ role }), bytes)), bytes);
  });

  test.for(["student", "teacher"])("of a %s may not be for a game", async (role) => {
    const bytes = picture();
    expectRefusal(await send(room(), await room().who({ role }), [file(bytes), purpose("game")]), 403);
    await expectNone(bytes);
  });

  test("of an administrator may be for a game", async () => {
    const bytes = picture("webp");
    expectWhole(await see(await keep(await room().who({ role: "admin" }), bytes, "game")), bytes);
  });

  test.for<Kind>(["png", "jpeg", "webp", "gif"])("of %s may have two megabytes", async (kind) => {
    const bytes = picture(kind, MAX);
    const data = dataOf(await send(room(), await room().who(), [file(bytes), purpose()]));
    expect(data).toMatchObject({ id: hashOf(bytes), bytes: MAX });
    expectWhole(await see(data["id"]), bytes);
  });

  test.for([MAX + 1, 3 * MB, 9 * MB, 11 * MB])("of %d bytes is too large", async (length) => {
    const bytes = picture("png", length);
    expectRefusal(await send(room(), await room().who(), [file(bytes), purpose()]), 413);
    await expectNone(bytes);
  });

  test.for(Object.entries(NO_PICTURES))("is not %s that says it is one", async ([, bytes]) => {
    const who = await room().who();
    for (const [name, type] of [
      ["picture.png", "image/png"],
      ["picture.jpg", "image/jpeg"],
      ["picture.webp", "image/webp"],
      ["picture.gif", "image/gif"],
    ] as const) {
      expectRefusal(await send(room(), who, [file(bytes, name, type), purpose()]), 415);
    }
    await expectNone(bytes);
  });

  test("is not empty", async () => {
    const answer = await send(room(), await room().who(), [file(Buffer.alloc(0)), purpose()]);
    // An empty file may count as none.
    expectRefusal(answer, answer.status === 400 ? 400 : 415);
  });

  const bytes = picture();
  test.for([
    ["no file", [purpose()]],
    ["nothing at all", []],
    ["a file as a text", [{ name: "file", value: "GIF89a" }, purpose()]],
    ["a file of another name", [{ ...file(bytes), name: "image" }, purpose()]],
    ["two files", [file(bytes), file(bytes), purpose()]],
    ["an unknown field", [file(bytes), purpose(), { name: "userId", value: "x" }]],
    ["an unknown file", [file(bytes), purpose(), { ...file(bytes), name: "more" }]],
    ["no purpose", [file(bytes)]],
    ["an empty purpose", [file(bytes), purpose("")]],
    ["a wrong purpose", [file(bytes), purpose("lecture")]],
    ["nearly a purpose", [file(bytes), purpose("profiles")]],
    ["a purpose of an object", [file(bytes), purpose('{"$ne":"game"}')]],
  ] as const)("is refused with %s", async ([, parts]) => {
    for (const role of ["student", "admin"]) {
      expectRefusal(await send(room(), await room().who({ role }), [...parts]), 400);
    }
    await expectNone(bytes);
  });

  test.for([
    "application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=another",
    "image/png",
    "text/plain",
  ])("is refused as %s", async (type) => {
    const own = picture();
    const who = await room().who();
    expectRefusal(await send(room(), who, [file(own), purpose()], { "content-type": type }), 400);
    await expectNone(own);
  });
});

describe("a picture", () => {
  const bytes = picture("jpeg", 5000);
  const id = hashOf(bytes);
  let tag: string;
  beforeAll(async () => {
    expect(await keep(await room().who(), bytes)).toBe(id);
    tag = (await see(id)).headers.get("etag")!;
  });

  test("is there for everybody, and for pages of others, for ever", async () => {
    const seen = await see(id);
    expectWhole(seen, bytes);
    expect(seen.headers.get("content-type")).toBe("image/jpeg");
    expect(seen.headers.get("etag")).toMatch(TAG);
    expect(seen.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(seen.headers.get("cross-origin-resource-policy")).toBe("cross-origin");
    // A browser must not find a page in it.
    expect(seen.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("is the same for each caller, also with a token of no use", async () => {
    const inactive = await room().who({ isActive: false });
    for (const who of [await room().who(), inactive, { ...inactive, token: "garbage" }]) {
      expectWhole(await download(room(), at.picture(id), who), bytes);
    }
  });

  test("keeps its tag, and has another than other pictures", async () => {
    expect((await see(id)).headers.get("etag")).toBe(tag);
    const other = await keep(await room().who(), picture("jpeg", 5000));
    expect((await see(other)).headers.get("etag")).not.toBe(tag);
  });

  test("is not sent again to who has it", async () => {
    for (const known of matching(tag)) expectUnchanged(await see(id, { "if-none-match": known }), tag);
  });

  test("is sent to who has another", async () => {
    for (const known of others(tag)) expectWhole(await see(id, { "if-none-match": known }), bytes);
  });

  test("that nobody uploaded is 404, and may be there tomorrow", async () => {
    const unknown = "0".repeat(64);
    expectRefusal(await room().call("GET", at.picture(unknown)), 404);
    for (const headers of [{}, { "if-none-match": tag }, { "if-none-match": "*" }]) {
      const answer = await see(unknown, headers);
      expect(answer.status).toBe(404);
      expect(answer.headers.get("cache-control")).not.toMatch(/immutable|max-age/);
    }
  });

  test.for([
    "nope",
    "0".repeat(63),
    "0".repeat(65),
    "g".repeat(64),
    new ObjectId().toHexString(),
    `${id}.jpg`,
    "%24ne",
  ])("with the id %j is 400", async (malformed) => {
    expectRefusal(await room().call("GET", at.picture(malformed)), 400);
  });
});
