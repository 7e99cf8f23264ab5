/** What the tests of recordings and pictures share: requests whose answers are bytes, and files by their first bytes. */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { type Answer, type Learner, recorded, unique } from "../support/client.ts";
import { type Part, RECORDINGS, audio, evaluationOf, formOf, upload, word } from "./evaluation.support.ts";
import { ID, type Room } from "./tutor.support.ts";

export const MEDIA = "/api/media";
export const at = {
  audio: (id: string) => `/api/audio/${id}`,
  picture: (id: string) => `${MEDIA}/${id}`,
};
export const MB = 1024 * 1024;

/** A strong tag: quoted, and not weak. */
export const TAG = /^"[^"]+"$/;

/** An answer whose body are bytes. */
export interface File {
  status: number;
  headers: Headers;
  bytes: Buffer;
}

export async function download(
  room: Room,
  path: string,
  who?: Learner,
  headers: Record<string, string> = {},
): Promise<File> {
  const response = await fetch(room.base + path, {
    headers: { ...(who ? { authorization: `Bearer ${who.token}` } : {}), ...headers },
  });
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

/** A file as it was uploaded; compared without a report of megabytes. */
export function expectWhole(answer: File, wanted: Buffer, status = 200): void {
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-length")).toBe(String(wanted.length));
  expect(answer.bytes.equals(wanted)).toBe(true);
}

/** Nothing but the tag again. */
export function expectUnchanged({ status, headers, bytes }: File, tag: string): void {
  expect(status).toBe(304);
  expect(bytes).toHaveLength(0);
  expect(headers.get("etag")).toBe(tag);
}

/** What `If-None-Match` says when it is to match this tag, and when it is not. */
export const matching = (tag: string) => [tag, `"other", ${tag}`, `W/${tag}`, "*"];
export const others = (tag: string) => ['"other"', `${tag.slice(0, -1)}x"`, `${tag.slice(0, -2)}"`];

/** Has a recording scored, which keeps it; its id. */
export async function keepRecording(
  room: Room,
  who: Learner,
  bytes: Buffer,
  name?: string,
  type?: string,
): Promise<string> {
  const answer = await upload(room, who, [audio(bytes, name, type), word()]);
  evaluationOf(answer);
  expect(answer.body.data.audioId, answer.text).toEqual(ID);
  return answer.body.data.audioId;
}

/** A recording of this size, unlike all others. */
export function recordingOf(size: number): Buffer {
  const head = Buffer.concat([RECORDINGS.wav.subarray(0, 44), Buffer.from(unique())]);
  return Buffer.concat([head, Buffer.alloc(size - head.length, 1)]);
}

const size = (length: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(length);
  return bytes;
};
const bytesOf = (text: string) => Buffer.from(text, "latin1");
const IHDR = "\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
const SCREEN = "\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";

/** Pictures of one pixel as far as anybody looks, with room for what makes each its own. */
const PICTURES = {
  png: (rest: Buffer) => Buffer.concat([bytesOf(`\x89PNG\r\n\x1a\n${IHDR}`), rest]),
  jpeg: (rest: Buffer) =>
    Buffer.concat([bytesOf("\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), rest]),
  "jpeg of a camera": (rest: Buffer) => Buffer.concat([bytesOf("\xff\xd8\xff\xe1\0\x18Exif\0\0MM\0*"), rest]),
  webp: (rest: Buffer) =>
    Buffer.concat([bytesOf("RIFF"), size(rest.length + 12), bytesOf("WEBPVP8L"), size(rest.length), rest]),
  gif: (rest: Buffer) => Buffer.concat([bytesOf(`GIF89a${SCREEN}`), rest]),
  "gif of old": (rest: Buffer) => Buffer.concat([bytesOf(`GIF87a${SCREEN}`), rest]),
};
export type Kind = keyof typeof PICTURES;
export const KINDS = Object.keys(PICTURES) as Kind[];

/** What a kind is served as. */
export const typeOf = (kind: Kind) => `image/${kind.split(" ")[0]}`;

/** A picture unlike all others, of this size if one is given. */
export function picture(kind: Kind = "png", length?: number): Buffer {
  const own = Buffer.from(unique());
  const made = PICTURES[kind](own);
  if (length === undefined) return made;
  return PICTURES[kind](Buffer.concat([own, Buffer.alloc(length - made.length, 7)]));
}

/** What is no picture that we take, whatever it is called. */
export const NO_PICTURES: Record<string, Buffer> = {
  "a page": Buffer.from(`<!doctype html><script>alert("${unique()}")</script>`),
  "a page with a picture further on": Buffer.concat([Buffer.from("<html>"), picture()]),
  "a picture after a space": Buffer.concat([Buffer.from(" "), picture("gif")]),
  "a drawing with scripts": Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
  "a declaration with a drawing": Buffer.from(
    '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
  ),
  "a document": Buffer.from(`%PDF-1.7\n${"x".repeat(500)}`),
  "a program": bytesOf(`MZ\x90\0${"x".repeat(500)}`),
  "an archive": bytesOf(`PK\x03\x04${"x".repeat(500)}`),
  "a recording": recordingOf(2000),
  "a film in a RIFF": bytesOf(`RIFF\xf8\x07\0\0AVI LIST${"x".repeat(500)}`),
  "a bitmap": bytesOf(`BM\x36\0\x0c\0${"\0".repeat(500)}`),
  "a picture of a newer kind": bytesOf(`\0\0\0\x1cftypavif${"\0".repeat(500)}`),
  "half of the mark of a png": bytesOf("\x89PNG<html>"),
  "half of the mark of a jpeg": bytesOf("\xff\xd8<html>"),
  "half of the mark of a gif": Buffer.from("GIF8<html>"),
  "half of the mark of a webp": bytesOf("RIFF\xf8\x07\0\0WEB"),
};

export const file = (value: Buffer, name = "picture.png", type = "image/png"): Part => ({
  name: "file",
  value,
  file: name,
  type,
});
export const purpose = (value = "profile"): Part => ({ name: "purpose", value });

/** Uploads a form with a picture; `who` may be nobody. */
export async function send(
  room: Room,
  who: Learner | undefined,
  parts: Part[],
  headers: Record<string, string> = {},
): Promise<Answer> {
  const boundary = "----form-boundary-1764000000001";
  const response = await fetch(room.base + MEDIA, {
    method: "POST",
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      ...(who ? { authorization: `Bearer ${who.token}` } : {}),
      ...headers,
    },
    body: formOf(parts, boundary),
  });
  const text = await response.text();
  recorded.push({ path: MEDIA, text });
  const answer: Answer = { status: response.status, headers: response.headers, body: undefined, text };
  try {
    answer.body = JSON.parse(text);
  } catch {
    // The test will say so.
  }
  return answer;
}

/** The name of content. */
export const hashOf = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
