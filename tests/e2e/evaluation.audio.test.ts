/** Transcribing and scoring a recording. */
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { withDatabase } from "../support/client.ts";
import { person } from "../support/people.ts";
import { serve } from "../support/serve.ts";
import { expectRefusal } from "./auth.support.ts";
import {
  AUDIO,
  OTHERS,
  RECORDINGS,
  audio,
  evaluationOf,
  evaluationsOf,
  spoken,
  upload,
  word,
} from "./evaluation.support.ts";
import { ID, Room, TEXT, TIME, expectNoSecrets, expectSignIn, openRoom } from "./tutor.support.ts";

const room = openRoom("evaluation-audio");
const MB = 1024 * 1024;

describe("a recording", () => {
  test("needs a token", async () => {
    await expectSignIn(room(), "POST", AUDIO);
    // As the present app sends it.
    const asked = room().since();
    expectRefusal(await upload(room(), undefined, [audio(), word()]), 401, /Access token required/);
    expect(asked()).toEqual([]);
  });

  test("is transcribed and scored, with all that the app reads", async () => {
    const who = await room().who();
    const asked = room().since();
    room().model.hear(" Apple. ");
    room().model.say(spoken());
    const answer = await upload(room(), who, [
      audio(),
      word("apple"),
      { name: "difficulty", value: "hard" },
      { name: "gameId", value: "not an id" },
      { name: "sessionId", value: "nor this" },
    ]);
    const { score_breakdown, ...evaluation } = evaluationOf(answer);
    expect(answer.body).toEqual({
      success: true,
      message: TEXT,
      data: {
        evaluation: expect.any(Object),
        target_word: "apple",
        transcription: "Apple.",
        audio_processed: true,
        audioId: ID,
        timestamp: TIME,
      },
    });
    expect(evaluation).toEqual({
      accuracy: 80,
      final_score: 88,
      feedback: "Good work.",
      improvements: ["Open the vowel"],
      grade: "B+",
      evaluation_type: "pronunciation",
      transcription: "Apple.",
      source: expect.any(String),
    });
    expect(score_breakdown).toMatchObject({ consonants: 24, vowels: 15, stress: 12, fluency: 14 });

    expect(asked().map(({ path }) => path)).toEqual(["/v1/audio/transcriptions", "/v1/chat/completions"]);
    const [{ authorization, transcription }] = asked() as [ReturnType<typeof asked>[number]];
    expect(authorization).toBe(`Bearer ${room().model.key}`);
    expect(transcription!.fields).toEqual({ model: "whisper-1", language: "en", response_format: "json" });
    expect(transcription!.file.name).toMatch(/\.m4a$/);
    expect(transcription!.file.bytes.equals(RECORDINGS.m4a)).toBe(true);
    // The transcriber would hear the word that it is told.
    expect(asked()[0]!.body).not.toContain("apple");
    expect(asked()[1]!.completion!.messages.at(-1)!.content).toContain("Apple.");
    expect(await evaluationsOf(who.id)).toHaveLength(1);
  });

  test.for([
    ["wav", /\.wav$/, ["audio/wav", "audio/x-wav", "audio/wave"]],
    ["mp3", /\.(mp3|mpeg|mpga)$/, ["audio/mpeg", "audio/mp3"]],
    ["mp3 frame", /\.(mp3|mpeg|mpga)$/, ["audio/mpeg"]],
    ["m4a", /\.(m4a|mp4)$/, ["audio/mp4", "audio/m4a", "audio/x-m4a", "audio/aac"]],
    ["mp4", /\.(m4a|mp4)$/, ["audio/mp4"]],
    ["3gp", /\.(m4a|mp4)$/, ["audio/3gpp"]],
    ["aac", /\.\w+$/, ["audio/aac"]],
    ["webm", /\.webm$/, ["audio/webm", "audio/webm;codecs=opus", "video/webm"]],
    ["ogg", /\.(ogg|oga)$/, ["audio/ogg"]],
  ] as const)("may be %s, whatever it is called", async ([kind, name, types]) => {
    const who = await room().who();
    const asked = room().since();
    const bytes = RECORDINGS[kind];
    for (const type of types) {
      evaluationOf(await upload(room(), who, [audio(bytes, `word.${kind.slice(0, 3)}`, type), word()]));
    }
    // The app declares audio/wav for every extension that it does not know.
    evaluationOf(await upload(room(), who, [audio(bytes, "word.caf", "audio/wav"), word()]));
    evaluationOf(await upload(room(), who, [audio(bytes, "blob", "application/octet-stream"), word()]));
    const files = asked().flatMap(({ transcription }) => (transcription ? [transcription.file] : []));
    expect(files).toHaveLength(types.length + 2);
    for (const file of files) {
      expect(file.name).toMatch(name);
      expect(file.bytes.equals(bytes)).toBe(true);
    }
  });

  test.for(Object.keys(OTHERS) as (keyof typeof OTHERS)[])("is not %s that says it is one", async (kind) => {
    const who = await room().who();
    const asked = room().since();
    const answer = await upload(room(), who, [audio(OTHERS[kind], "word.wav", "audio/wav"), word()]);
    // An empty file may count as none.
    expectRefusal(answer, kind === "nothing" && answer.status === 400 ? 400 : 415);
    expect(asked()).toEqual([]);
  });

  const sized = (size: number) =>
    audio(Buffer.concat([RECORDINGS.wav, Buffer.alloc(size - RECORDINGS.wav.length, 1)]));

  test.for([10 * MB + 1, 12 * MB])("of %d bytes is too large", async (size) => {
    const who = await room().who();
    const asked = room().since();
    expectRefusal(await upload(room(), who, [sized(size), word()]), 413);
    expect(asked()).toEqual([]);
  });

  test.for([1.9 * MB, 2.5 * MB, 5 * MB].map(Math.floor))("of %d bytes is not too large", async (size) => {
    const who = await room().who();
    const asked = room().since();
    evaluationOf(await upload(room(), who, [sized(size), word()]));
    expect(asked()[0]!.transcription!.file.bytes).toHaveLength(size);
  });

  test("that holds the marks of a form arrives whole", async () => {
    const who = await room().who();
    const asked = room().since();
    const odd = Buffer.concat([
      RECORDINGS.ogg,
      Buffer.from(
        '\r\n------form\r\n\r\n--\r\nContent-Disposition: form-data; name="audio"\r\n\r\n\0\xff',
        "latin1",
      ),
      Buffer.from(Array.from({ length: 256 }, (_, n) => n)),
      Buffer.from("\r\n\r\n"),
    ]);
    evaluationOf(await upload(room(), who, [word("naïve नमस्ते"), audio(odd, 'a "b"; c.ogg', "audio/ogg")]));
    expect(asked()[0]!.transcription!.file.bytes.equals(odd)).toBe(true);
    expect(asked()[1]!.completion!.messages.at(-1)!.content).toContain("naïve नमस्ते");
  });

  test.for([
    ["no recording", [word()]],
    ["no word", [audio()]],
    ["an empty word", [audio(), word("")]],
    ["a blank word", [audio(), word("   ")]],
    ["a word without end", [audio(), word("x".repeat(5000))]],
    ["an unexpected field", [audio(), word(), { name: "userId", value: "x" }]],
    ["an unexpected file", [{ ...audio(), name: "file" }, word()]],
    ["two recordings", [audio(), audio(), word()]],
    ["a recording as a text", [{ name: "audio", value: "RIFF text" }, word()]],
    ["nothing at all", []],
  ] as const)("is refused with %s", async ([what, parts]) => {
    const who = await room().who();
    const asked = room().since();
    const answer = await upload(room(), who, [...parts]);
    // Whether further text fields are unexpected is open; a file is.
    if (what === "an unexpected field" && answer.status === 200) return;
    expectRefusal(answer, 400);
    expect(asked()).toEqual([]);
    expect(await evaluationsOf(who.id)).toEqual([]);
  });

  test.for([
    "application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=another",
    "text/plain",
  ])("is refused as %s", async (type) => {
    const who = await room().who();
    expectRefusal(await upload(room(), who, [audio(), word()], { "content-type": type }), 400);
  });

  test.for([
    ["easy", 72],
    ["medium", 80],
    ["hard", 88],
    ["insane", 80],
    ["", 80],
  ] as const)("of difficulty %j has its factor", async ([value, final]) => {
    room().model.say(spoken());
    const answer = await upload(room(), await room().who(), [audio(), word(), { name: "difficulty", value }]);
    expect(evaluationOf(answer)["final_score"]).toBe(final);
  });

  test.for([400, 401, 429, 500, "garbage", "odd", "lost"] as const)(
    "that cannot be transcribed (%s) is 502 or 503, and not kept",
    async (fault) => {
      const who = await room().who();
      room().model.spoil(fault, { times: 9, path: /transcriptions/ });
      const answer = await upload(room(), who, [audio(), word()]);
      expect([502, 503]).toContain(answer.status);
      expect(answer.body).toMatchObject({ success: false, message: TEXT, error: TEXT });
      expectNoSecrets(answer);
      expect(await evaluationsOf(who.id)).toEqual([]);
    },
  );

  test("that cannot be judged is estimated", async () => {
    room().model.hear("appel");
    room().model.spoil(500, { times: 9, path: /completions/ });
    const answer = await upload(room(), await room().who(), [audio(), word("apple")]);
    expect(evaluationOf(answer)).toMatchObject({ accuracy: 60, transcription: "appel", source: "estimate" });
  });

  test("with nothing to be heard is scored low, or said to be silent", async () => {
    room().model.spoil("empty", { path: /transcriptions/ });
    room().model.spoil(400, { times: 9, path: /completions/ });
    const answer = await upload(room(), await room().who(), [audio(), word("apple")]);
    if (answer.status === 200) {
      expect(evaluationOf(answer)).toMatchObject({ accuracy: 0, transcription: "", feedback: TEXT });
    } else {
      expectRefusal(answer, answer.status);
      expect([400, 422]).toContain(answer.status);
    }
  });

  test("without a key is 503", async () => {
    const { base } = inject("stack");
    const who = await person();
    const answer = await upload(new Room(room().model, base), who, [audio(), word()]);
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ success: false, message: TEXT, error: TEXT });
  });
});

describe("a recording of nobody", () => {
  const within = async (env: Record<string, string>, work: (place: Room) => Promise<void>): Promise<void> => {
    const { dataApi, folder } = inject("stack");
    const worker = await serve({
      dataApi,
      folder: join(folder, "evaluation-anonymous"),
      env: { ...room().model.variables, ANONYMOUS_PRONUNCIATION: "on", ...env },
    });
    try {
      await work(new Room(room().model, worker.base));
    } finally {
      await worker.program.stop();
    }
  };
  const count = () => withDatabase((db) => db.collection("evaluations").countDocuments({}));

  test("is scored where that is switched on, and kept nowhere", () =>
    within({}, async (place) => {
      const before = await count();
      room().model.hear("apple");
      room().model.say(spoken());
      const answer = await upload(place, undefined, [audio(), word()]);
      expect(evaluationOf(answer)).toMatchObject({ accuracy: 80, transcription: "apple" });
      expect(answer.body.data).toMatchObject({ audio_processed: true, target_word: "apple" });
      // A token that is no good is the same as none, or refused; never somebody.
      const bad = await upload(place, undefined, [audio(), word()], { authorization: "Bearer garbage" });
      expect([200, 401]).toContain(bad.status);
      expect(await count()).toBe(before);
      const who = await place.who();
      evaluationOf(await upload(place, who, [audio(), word()]));
      expect(await evaluationsOf(who.id)).toHaveLength(1);
      // The same rules for the rest.
      expectRefusal(await upload(place, undefined, [audio(OTHERS["an image"]), word()]), 415);
      expectRefusal(await upload(place, undefined, [audio()]), 400);
      expect((await place.call("POST", "/api/evaluation/pronunciation", undefined, {})).status).toBe(401);
      expect((await place.call("POST", "/api/evaluation/story", undefined, {})).status).toBe(401);
    }));

  test.for(["off", "true"])("is refused with the switch at %j", (value) =>
    within({ ANONYMOUS_PRONUNCIATION: value }, async (place) => {
      expectRefusal(await upload(place, undefined, [audio(), word()]), 401, /Access token required/);
    }),
  );
});
