/** What the tests of evaluation share: addresses, recordings by their first bytes, and forms. */
import { type Document, ObjectId } from "mongodb";
import { expect } from "vitest";
import { type Answer, type Learner, recorded, withDatabase } from "../support/client.ts";
import type { Room } from "./tutor.support.ts";

export const PRONUNCIATION = "/api/evaluation/pronunciation";
export const AUDIO = "/api/evaluation/pronunciation/audio";
export const STORY = "/api/evaluation/story";
export const HISTORY = "/api/evaluation/history";
export const STATS = "/api/evaluation/stats";

/** What a model says of a word. */
export const spoken = (fields: object = {}) => ({
  accuracy: 80,
  feedback: "Good work.",
  improvements: ["Open the vowel"],
  score_breakdown: {
    consonants: 16,
    vowels: 10,
    stress: 9,
    intonation: 12,
    clarity: 8,
    articulation: 8,
    fluency: 7,
  },
  phonetic_analysis: { correct_sounds: ["a"], incorrect_sounds: [], stress_pattern: "x", common_errors: [] },
  grade: "B+",
  difficulty_appropriate: "yes",
  ...fields,
});

/** What a model says of a story. */
export const written = (fields: object = {}) => ({
  overall_score: 60,
  feedback: "A fine story.",
  strengths: ["Clear"],
  improvements: ["Longer"],
  score_breakdown: { creativity: 20, grammar: 18, vocabulary: 15, coherence: 10, keyword_usage: 7 },
  detailed_analysis: {
    plot_development: "p",
    character_development: "c",
    language_use: "l",
    engagement: "e",
  },
  grammar_errors: ["g"],
  vocabulary_highlights: ["v"],
  missed_keywords: ["m"],
  grade: "B-",
  difficulty_assessment: "fits",
  word_count_bonus: 99,
  time_management_bonus: 99,
  ...fields,
});

/** An answer that is a success, and its evaluation. */
export function evaluationOf(answer: Answer): Document {
  expect(answer.status, answer.text).toBe(200);
  expect(answer.body).toMatchObject({ success: true });
  return answer.body.data.evaluation;
}

export const evaluationsOf = (user: string): Promise<Document[]> =>
  withDatabase((db) =>
    db
      .collection("evaluations")
      .find({ user: new ObjectId(user) })
      .toArray(),
  );

const bytes = (mark: string, rest = 2000): Buffer =>
  Buffer.concat([Buffer.from(mark, "latin1"), Buffer.alloc(rest, 7)]);

/** The beginnings of recordings as phones and browsers make them. */
export const RECORDINGS = {
  wav: bytes("RIFF\xf8\x07\0\0WAVEfmt \x10\0\0\0"),
  mp3: bytes("ID3\x04\0\0\0\0\0\0"),
  // Without a tag: the header of a frame.
  "mp3 frame": bytes("\xff\xfb\x90\x64"),
  m4a: bytes("\0\0\0\x1cftypM4A \0\0\0\0M4A mp42isom"),
  mp4: bytes("\0\0\0\x18ftypmp42\0\0\0\0isommp42"),
  "3gp": bytes("\0\0\0\x18ftyp3gp4\0\0\0\x003gp43gp6"),
  aac: bytes("\xff\xf1\x50\x80\x02\x1f\xfc"),
  webm: bytes("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"),
  ogg: bytes("OggS\0\x02\0\0\0\0\0\0\0\0"),
};

/** What is no recording, whatever it is called. */
export const OTHERS = {
  "an image": bytes("\x89PNG\r\n\x1a\n"),
  "a page": Buffer.from(`<html>${"x".repeat(500)}</html>`),
  "a program": bytes("MZ\x90\0"),
  "a film in a RIFF": bytes("RIFF\xf8\x07\0\0AVI LIST"),
  "an archive": bytes("PK\x03\x04"),
  text: Buffer.from("RIF no recording at all"),
  nothing: Buffer.alloc(0),
};

/** One part of a form. */
export interface Part {
  name: string;
  value: string | Buffer;
  file?: string;
  type?: string;
}

export const audio = (
  value: Buffer = RECORDINGS.m4a,
  file = "pronunciation-1764000000000.m4a",
  type = "audio/m4a",
) => ({
  name: "audio",
  value,
  file,
  type,
});
export const word = (value = "apple") => ({ name: "targetWord", value });

/** A form as the app's library writes it. */
export function formOf(parts: Part[], boundary: string): Buffer {
  const pieces = parts.flatMap(({ name, value, file, type }) => {
    const head =
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"` +
      (file === undefined ? "" : `; filename="${file}"`) +
      (type === undefined ? "" : `\r\nContent-Type: ${type}`);
    return [Buffer.from(`${head}\r\n\r\n`), Buffer.from(value as Buffer), Buffer.from("\r\n")];
  });
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

/** Uploads a form; `who` may be nobody. */
export async function upload(
  room: Room,
  who: Learner | undefined,
  parts: Part[],
  headers: Record<string, string> = {},
): Promise<Answer> {
  const boundary = "----form-boundary-1764000000000";
  const response = await fetch(room.base + AUDIO, {
    method: "POST",
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      ...(who ? { authorization: `Bearer ${who.token}` } : {}),
      ...headers,
    },
    body: formOf(parts, boundary),
  });
  const text = await response.text();
  recorded.push({ path: AUDIO, text });
  const answer: Answer = { status: response.status, headers: response.headers, body: undefined, text };
  try {
    answer.body = JSON.parse(text);
  } catch {
    // The test will say so.
  }
  return answer;
}
