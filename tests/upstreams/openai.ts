/**
 * A language model on this machine that speaks OpenAI's wire contract, as far as we use it: chat completions and
 * transcriptions; with answers, failures and slowness on demand. Completions are streamed to whoever asks for that.
 *
 * As a program, for development: node tests/upstreams/openai.ts --port 9393 --hear apple --pace 20
 * prints the variables for the Worker. Its tutor answers every question with something friendly, scores words and stories
 * by counting, and hears the same word in every recording. `pace` is the time between streamed words in milliseconds.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { sensibleAnswer } from "./openai.answers.ts";
import {
  type Completion,
  Refusal,
  SECRETS,
  type Transcription,
  checkedCompletion,
  checkedTranscription,
} from "./openai.checks.ts";
import { type Breach, type Usage, stream } from "./openai.stream.ts";

export { SECRETS, type Completion, type Transcription };

/** A request that came in, spoiled or not. */
export interface Asked {
  path: string;
  authorization: string;
  /** As it came, in the encoding of bytes. */
  body: string;
  completion?: Completion;
  transcription?: Transcription;
  /** Pieces of a streamed answer that have left. */
  pieces: number;
  /** The client closed the connection before it had the whole answer. */
  left: boolean;
}

/**
 * What goes wrong: an error of the interface, an answer that is no JSON, one that lacks what it should have, no content,
 * a lost connection, a pause in milliseconds, or no answer until `release()`. Then what only streamed answers can suffer:
 * something in mid-stream, odd but rightful portions, and a time in milliseconds between the pieces.
 */
export type Fault =
  | 400
  | 401
  | 404
  | 408
  | 409
  | 429
  | 500
  | 503
  | "garbage"
  | "odd"
  | "empty"
  | "lost"
  | "hold"
  | { pause: number }
  | Breach
  | "torn"
  | { pace: number };

interface Spoiled {
  fault: Fault;
  path: RegExp;
  times: number;
}

const tokensIn = (text: string) => Math.ceil(text.length / 4);

export class OpenAi {
  readonly key: string;
  readonly model: string;
  /** What is heard in recordings that nobody said anything about. */
  heard: string;
  /** Milliseconds between the pieces of streamed answers. */
  readonly pace: number;
  readonly requests: Asked[] = [];
  private readonly spoiled: Spoiled[] = [];
  private readonly contents: string[] = [];
  private readonly transcripts: string[] = [];
  private waiting: (() => void)[] = [];
  private readonly server: Server;

  private constructor(key: string, model: string, heard: string, pace: number) {
    this.key = key;
    this.model = model;
    this.heard = heard;
    this.pace = pace;
    this.server = createServer(
      (incoming, outgoing) => void this.handle(incoming, outgoing).catch(() => outgoing.destroy()),
    );
  }

  static async start({
    port = 0,
    key = "sk-test-4eC39HqLyjWDarjtT1zdp7dc",
    model = "gpt-3.5-turbo",
    heard = "apple",
    pace = 0,
  }: { port?: number; key?: string; model?: string; heard?: string; pace?: number } = {}): Promise<OpenAi> {
    const upstream = new OpenAi(key, model, heard, pace);
    upstream.server.listen(port, "127.0.0.1");
    await once(upstream.server, "listening");
    return upstream;
  }

  async stop(): Promise<void> {
    this.release();
    const closed = once(this.server, "close");
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  /** With /v1, as OPENAI_BASE_URL has it. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** The variables that lead a Worker here. */
  get variables(): Record<string, string> {
    return { OPENAI_BASE_URL: this.url, OPENAI_API_KEY: this.key, OPENAI_MODEL: this.model };
  }

  /** The model as it names itself in answers: a dated version of the one that was asked. */
  get answeringModel(): string {
    return `${this.model}-0125`;
  }

  /** The tokens that it counts for a request and its answer. */
  usage({ messages }: Completion, content: string): Usage {
    const prompt = messages.reduce((sum, turn) => sum + 4 + tokensIn(turn.content), 3);
    const said = tokensIn(content);
    return { prompt_tokens: prompt, completion_tokens: said, total_tokens: prompt + said };
  }

  /** The sum of them. */
  tokens(wanted: Completion, content: string): number {
    return this.usage(wanted, content).total_tokens;
  }

  /** The completions that were asked for, oldest first. */
  get completions(): Completion[] {
    return this.requests.flatMap(({ completion }) => (completion ? [completion] : []));
  }

  /** The transcriptions that were asked for, oldest first. */
  get transcriptions(): Transcription[] {
    return this.requests.flatMap(({ transcription }) => (transcription ? [transcription] : []));
  }

  /** The contents of the next completions; objects as JSON. */
  say(...contents: (string | object)[]): void {
    this.contents.push(...contents.map((one) => (typeof one === "string" ? one : JSON.stringify(one))));
  }

  /** The texts of the next transcriptions. */
  hear(...texts: string[]): void {
    this.transcripts.push(...texts);
  }

  /** The next `times` requests, or those to matching paths, go wrong like this. */
  spoil(fault: Fault, { times = 1, path = /./ }: { times?: number; path?: RegExp } = {}): void {
    this.spoiled.push({ fault, path, times });
  }

  /** Nothing goes wrong any more, nothing is left to be said; held requests are answered. */
  release(): void {
    this.spoiled.length = 0;
    this.contents.length = 0;
    this.transcripts.length = 0;
    for (const go of [...this.waiting]) go();
  }

  /** Count of requests that wait for `release()`, those apart whose client has left. */
  get held(): number {
    return this.waiting.length;
  }

  private async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const { pathname } = new URL(incoming.url ?? "/", "http://localhost");
    const authorization = incoming.headers.authorization ?? "";
    const asked: Asked = {
      ...{ path: pathname, authorization, body: body.toString("latin1") },
      ...{ pieces: 0, left: false },
    };
    this.requests.push(asked);
    let ours = false;
    const cut = () => {
      ours = true;
      outgoing.destroy();
    };
    outgoing.once("close", () => (asked.left = !ours && !outgoing.writableFinished));
    const answer = (status: number, value: object | string) => {
      outgoing.writeHead(status, { "content-type": "application/json", "x-request-id": "req_1" });
      outgoing.end(typeof value === "string" ? value : JSON.stringify(value));
    };
    try {
      const fault = this.nextFault(pathname);
      if (fault === "hold") await this.hold(outgoing);
      else if (typeof fault === "object" && "pause" in fault) await wait(fault.pause);
      if (outgoing.destroyed) return;
      if (authorization !== `Bearer ${this.key}`) throw new Refusal(401);
      await this.read(asked, incoming, body);
      if (typeof fault === "number") throw new Refusal(fault);
      if (fault === "lost") cut();
      else if (fault === "garbage") answer(200, `<html>Bad gateway of ${SECRETS}</html>`);
      else if (fault === "odd") answer(200, { object: "list", data: [] });
      else if (asked.transcription) answer(200, { text: fault === "empty" ? "" : this.nextTranscript() });
      else {
        const wanted = asked.completion!;
        const content = fault === "empty" ? null : this.nextContent(asked);
        if (wanted.stream) await this.stream(asked, content, outgoing, fault, cut);
        else answer(200, this.complete(wanted, content));
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer(error.status, error.body);
    }
  }

  private nextFault(path: string): Fault | undefined {
    const found = this.spoiled.find((spoiled) => spoiled.path.test(path));
    if (found && --found.times <= 0) this.spoiled.splice(this.spoiled.indexOf(found), 1);
    return found?.fault;
  }

  /** Checks a request. What goes wrong on demand comes later, and uses up nothing that was to be said. */
  private async read(asked: Asked, { method, headers }: IncomingMessage, body: Buffer): Promise<void> {
    const what = `${method} ${asked.path}`;
    if (what === "POST /v1/chat/completions") {
      asked.completion = checkedCompletion(body.toString());
    } else if (what === "POST /v1/audio/transcriptions") {
      asked.transcription = await checkedTranscription(headers["content-type"] ?? "", body);
    } else {
      throw new Refusal(404, `Invalid URL (${what})`);
    }
  }

  private nextTranscript(): string {
    return this.transcripts.shift() ?? this.heard;
  }

  private nextContent({ completion }: Asked): string {
    return this.contents.shift() ?? sensibleAnswer(completion!.messages);
  }

  /** Until `release()`, or until the client has left. */
  private hold(outgoing: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.waiting = this.waiting.filter((other) => other !== go);
        resolve();
      };
      if (outgoing.destroyed) return resolve();
      this.waiting.push(go);
      outgoing.once("close", go);
    });
  }

  /** What every answer begins with, and every chunk of one. */
  private head(): { id: string; created: number; model: string } {
    return {
      id: `chatcmpl-${randomBytes(12).toString("hex")}`,
      created: Math.floor(Date.now() / 1000),
      model: this.answeringModel,
    };
  }

  private complete(wanted: Completion, content: string | null): object {
    const message = { role: "assistant", content, refusal: null };
    return {
      ...this.head(),
      object: "chat.completion",
      choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
      usage: this.usage(wanted, content ?? ""),
      system_fingerprint: null,
    };
  }

  private stream(
    asked: Asked,
    content: string | null,
    outgoing: ServerResponse,
    fault: Fault | undefined,
    cut: () => void,
  ): Promise<void> {
    const wanted = asked.completion!;
    const counted = wanted.stream_options?.include_usage === true;
    const usage = counted ? this.usage(wanted, content ?? "") : undefined;
    const { type, code, message } = new Refusal(500).body.error;
    return stream(
      outgoing,
      { ...this.head(), content, usage },
      {
        breach: typeof fault === "object" && "then" in fault ? fault : undefined,
        pace: typeof fault === "object" && "pace" in fault ? fault.pace : this.pace,
        torn: fault === "torn",
        error: { type, code, message },
        hold: () => this.hold(outgoing),
        sent: () => void asked.pieces++,
        cut,
      },
    );
  }
}

if (import.meta.main) {
  const { port, hear, pace } = parseArgs({
    options: {
      port: { type: "string", default: "9393" },
      hear: { type: "string", default: "apple" },
      pace: { type: "string", default: "20" },
    },
  }).values;
  const upstream = await OpenAi.start({ port: Number(port), heard: hear, pace: Number(pace) });
  for (const [name, value] of Object.entries(upstream.variables))
    console.log(`${name}=${JSON.stringify(value)}`);
}
