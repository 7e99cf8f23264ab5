/** How the local model streams an answer: chunks of server-sent events, as OpenAI's interface has them. */
import type { ServerResponse } from "node:http";
import { setImmediate as soon, setTimeout as wait } from "node:timers/promises";

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

/**
 * After so many pieces of the answer: nothing more until `release()`, a lost connection, an error instead of the next
 * chunk, something that is no JSON, or an end without the last chunks.
 */
export interface Breach {
  after: number;
  then: "hold" | "lost" | "error" | "garbage" | "quit";
}

export interface Streamed {
  id: string;
  created: number;
  model: string;
  /** None: a stream without a word. */
  content: string | null;
  /** In the last chunk, if it was asked for. */
  usage: Usage | undefined;
}

export interface Manner {
  breach?: Breach | undefined;
  /** Milliseconds between pieces. */
  pace?: number | undefined;
  /**
   * As the rules of server-sent events allow, but few servers do: portions that end anywhere, also within a character;
   * lines that end with CR LF, no blank after the colon, and comments in between.
   */
  torn?: boolean | undefined;
  /** The object of an error. */
  error: object;
  /** Until somebody lets go on. */
  hold(): Promise<void>;
  /** A piece has left. */
  sent(): void;
  /** Ends the connection from this side. */
  cut(): void;
}

/** A text in pieces of a word, or of some characters of a long one; put together they are the text. */
export const pieces = (text: string): string[] => text.match(/\s*\S{1,10}|\s+/gu) ?? [];

/** Streams an answer, as far as its manner lets it. */
export async function stream(outgoing: ServerResponse, answer: Streamed, manner: Manner): Promise<void> {
  const write = async (bytes: Buffer | string): Promise<void> => {
    if (outgoing.destroyed) return;
    // Also when it fails: then the client has left, and the next one does not begin.
    await new Promise<void>((resolve) => outgoing.write(bytes, () => resolve()));
  };
  const send = async (data: object | string): Promise<void> => {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    if (!manner.torn) return write(`data: ${text}\n\n`);
    const bytes = Buffer.from(`: still thinking\r\n\r\ndata:${text}\r\n\r\n`);
    for (let from = 0; from < bytes.length; from += 31) {
      await write(bytes.subarray(from, from + 31));
      await soon();
    }
  };
  const chunk = (choices: object[], usage: Usage | null = null) => ({
    id: answer.id,
    object: "chat.completion.chunk",
    created: answer.created,
    model: answer.model,
    system_fingerprint: null,
    choices,
    ...(answer.usage ? { usage } : {}),
  });
  const said = (delta: object, finish_reason: string | null = null) =>
    send(chunk([{ index: 0, delta, logprobs: null, finish_reason }]));

  outgoing.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_1" });
  await said({ role: "assistant", content: "", refusal: null });
  const all = pieces(answer.content ?? "");
  for (let n = 0; n <= all.length; n++) {
    if (manner.breach?.after === n) {
      const { then } = manner.breach;
      if (then === "hold") await manner.hold();
      if (then === "error") await send({ error: manner.error });
      if (then === "garbage") await send("<html>Bad gateway</html>");
      if (then === "lost") {
        // What was said before has arrived by then.
        await wait(30);
        return manner.cut();
      }
      if (then !== "hold") return void outgoing.end();
    }
    if (outgoing.destroyed) return;
    if (n === all.length) break;
    if (manner.pace) await wait(manner.pace);
    await said({ content: all[n] });
    manner.sent();
  }
  await said({}, "stop");
  if (answer.usage) await send(chunk([], answer.usage));
  await send("[DONE]");
  outgoing.end();
}
