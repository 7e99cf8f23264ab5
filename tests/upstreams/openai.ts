/**
 * A language model on this machine that speaks OpenAI's wire contract, as far as we use it: chat completions and
 * transcriptions; with answers, failures and slowness on demand.
 *
 * As a program, for development: node tests/upstreams/openai.ts --port 9393 --hear apple
 * prints the variables for the Worker. Its tutor answers every question with something friendly, scores words and stories
 * by counting, and hears the same word in every recording.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Turn, sensibleAnswer } from "./openai.answers.ts";

/** The body of POST /chat/completions. */
export interface Completion {
  model: string;
  messages: Turn[];
  temperature?: number;
  max_tokens?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  stream?: boolean;
  response_format?: { type: string };
}

/** The form of POST /audio/transcriptions. */
export interface Transcription {
  fields: Record<string, string>;
  file: { name: string; bytes: Buffer };
}

/** A request that came in, spoiled or not. */
export interface Asked {
  path: string;
  authorization: string;
  /** As it came, in the encoding of bytes. */
  body: string;
  completion?: Completion;
  transcription?: Transcription;
}

/**
 * What goes wrong: an error of the interface, an answer that is no JSON, one that lacks what it should have, no content,
 * a lost connection, a pause in milliseconds, or no answer until `release()`.
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
  | { pause: number };

interface Spoiled {
  fault: Fault;
  path: RegExp;
  times: number;
}

/** Words of the error bodies: nobody but the log should ever see them. */
export const SECRETS = "org-4f5aSecretOrganization";

const ERRORS: Record<number, [type: string, code: string | null, message: string]> = {
  400: ["invalid_request_error", null, `The request of ${SECRETS} is invalid.`],
  401: ["invalid_request_error", "invalid_api_key", `Incorrect API key provided: sk-x****. ${SECRETS}`],
  404: ["invalid_request_error", "model_not_found", `The model does not exist or ${SECRETS} cannot use it.`],
  408: ["timeout", null, `Request of ${SECRETS} timed out.`],
  409: ["conflict", null, `Conflict in ${SECRETS}.`],
  429: ["requests", "rate_limit_exceeded", `Rate limit reached in ${SECRETS}.`],
  500: ["server_error", null, `The server had an error while processing your request for ${SECRETS}.`],
  503: ["server_error", null, `The engine of ${SECRETS} is currently overloaded.`],
};

class Refusal extends Error {
  readonly status: number;
  readonly body: object;

  constructor(status: number, text?: string, param: string | null = null) {
    const [type, code, message] = ERRORS[status]!;
    super(text ?? message);
    this.status = status;
    this.body = { error: { message: text ?? message, type, param, code } };
  }
}

const KNOWN = [
  ...["model", "messages", "temperature", "max_tokens", "presence_penalty", "frequency_penalty", "stream"],
  ...["response_format", "top_p", "n", "stop", "user", "seed"],
];
const FORMATS = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];

/** The checks of POST /chat/completions. */
function checkedCompletion(body: string): Completion {
  let wanted: Completion;
  try {
    wanted = JSON.parse(body) as Completion;
  } catch {
    throw new Refusal(400, "We could not parse the JSON body of your request.");
  }
  const insist = (ok: boolean, param: string, text: string) => {
    if (!ok) throw new Refusal(400, text, param);
  };
  const within = (value: unknown, from: number, to: number) =>
    value === undefined || (typeof value === "number" && value >= from && value <= to);
  const extra = Object.keys(wanted).filter((name) => !KNOWN.includes(name));
  insist(extra.length === 0, extra[0] ?? "", `Unrecognized request argument supplied: ${extra.join(", ")}`);
  insist(
    typeof wanted.model === "string" && wanted.model !== "",
    "model",
    "you must provide a model parameter",
  );
  insist(
    Array.isArray(wanted.messages) && wanted.messages.length > 0,
    "messages",
    "[] is too short - 'messages'",
  );
  for (const { role, content } of wanted.messages) {
    insist(["system", "user", "assistant"].includes(role), "messages", `'${role}' is not one of the roles`);
    insist(typeof content === "string", "messages", "Invalid value for 'content': expected a string.");
  }
  insist(within(wanted.temperature, 0, 2), "temperature", "temperature must be from 0 to 2");
  insist(within(wanted.presence_penalty, -2, 2), "presence_penalty", "presence_penalty must be from -2 to 2");
  insist(
    within(wanted.frequency_penalty, -2, 2),
    "frequency_penalty",
    "frequency_penalty must be from -2 to 2",
  );
  insist(Number.isInteger(wanted.max_tokens ?? 1), "max_tokens", "max_tokens must be an integer");
  insist(within(wanted.max_tokens, 1, 4096), "max_tokens", "max_tokens is too large");
  insist(wanted.stream !== true, "stream", "this stand-in does not stream");
  const json = wanted.response_format?.type === "json_object";
  insist(
    !json || wanted.messages.some(({ content }) => /json/i.test(content)),
    "messages",
    "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
  );
  return wanted;
}

/** The checks of POST /audio/transcriptions. */
async function checkedTranscription(type: string, body: Buffer): Promise<Transcription> {
  const form = await new Response(body, { headers: { "content-type": type } }).formData().catch(() => {
    throw new Refusal(400, "Could not parse multipart form");
  });
  const file = form.get("file");
  if (!(file instanceof File)) throw new Refusal(400, "you must provide a file", "file");
  if (!form.has("model")) throw new Refusal(400, "you must provide a model parameter", "model");
  if (!FORMATS.includes(file.name.split(".").at(-1)!.toLowerCase())) {
    throw new Refusal(400, `Unrecognized file format. Supported formats: ${FORMATS.join(", ")}`, "file");
  }
  const fields: Record<string, string> = {};
  for (const [name, value] of form) if (typeof value === "string") fields[name] = value;
  return { fields, file: { name: file.name, bytes: Buffer.from(await file.arrayBuffer()) } };
}

const tokensIn = (text: string) => Math.ceil(text.length / 4);

export class OpenAi {
  readonly key: string;
  readonly model: string;
  /** What is heard in recordings that nobody said anything about. */
  heard: string;
  readonly requests: Asked[] = [];
  private readonly spoiled: Spoiled[] = [];
  private readonly contents: string[] = [];
  private readonly transcripts: string[] = [];
  private waiting: (() => void)[] = [];
  private readonly server: Server;

  private constructor(key: string, model: string, heard: string) {
    this.key = key;
    this.model = model;
    this.heard = heard;
    this.server = createServer(
      (incoming, outgoing) => void this.handle(incoming, outgoing).catch(() => outgoing.destroy()),
    );
  }

  static async start({
    port = 0,
    key = "sk-test-4eC39HqLyjWDarjtT1zdp7dc",
    model = "gpt-3.5-turbo",
    heard = "apple",
  }: { port?: number; key?: string; model?: string; heard?: string } = {}): Promise<OpenAi> {
    const upstream = new OpenAi(key, model, heard);
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
  tokens({ messages }: Completion, content: string): number {
    return messages.reduce((sum, turn) => sum + 4 + tokensIn(turn.content), 3) + tokensIn(content);
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
    const waiting = this.waiting;
    this.waiting = [];
    for (const go of waiting) go();
  }

  /** Count of requests that wait for `release()`. */
  get held(): number {
    return this.waiting.length;
  }

  private async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const { pathname } = new URL(incoming.url ?? "/", "http://localhost");
    const authorization = incoming.headers.authorization ?? "";
    const asked: Asked = { path: pathname, authorization, body: body.toString("latin1") };
    this.requests.push(asked);
    const answer = (status: number, value: object | string) => {
      outgoing.writeHead(status, { "content-type": "application/json", "x-request-id": "req_1" });
      outgoing.end(typeof value === "string" ? value : JSON.stringify(value));
    };
    try {
      const fault = this.nextFault(pathname);
      if (fault === "hold") await new Promise<void>((resolve) => this.waiting.push(resolve));
      else if (typeof fault === "object") await wait(fault.pause);
      if (authorization !== `Bearer ${this.key}`) throw new Refusal(401);
      await this.read(asked, incoming, body);
      if (typeof fault === "number") throw new Refusal(fault);
      if (fault === "lost") outgoing.destroy();
      else if (fault === "garbage") answer(200, `<html>Bad gateway of ${SECRETS}</html>`);
      else if (fault === "odd") answer(200, { object: "list", data: [] });
      else if (asked.transcription) answer(200, { text: fault === "empty" ? "" : this.nextTranscript() });
      else answer(200, this.complete(asked.completion!, fault === "empty" ? null : this.nextContent(asked)));
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

  private complete(wanted: Completion, content: string | null): object {
    const said = tokensIn(content ?? "");
    const total = this.tokens(wanted, content ?? "");
    const message = { role: "assistant", content, refusal: null };
    return {
      id: `chatcmpl-${randomBytes(12).toString("hex")}`,
      object: "chat.completion",
      created: Math.floor(Date.now() / 1000),
      model: this.answeringModel,
      choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: total - said, completion_tokens: said, total_tokens: total },
      system_fingerprint: null,
    };
  }
}

if (import.meta.main) {
  const { port, hear } = parseArgs({
    options: { port: { type: "string", default: "9393" }, hear: { type: "string", default: "apple" } },
  }).values;
  const upstream = await OpenAi.start({ port: Number(port), heard: hear });
  for (const [name, value] of Object.entries(upstream.variables))
    console.log(`${name}=${JSON.stringify(value)}`);
}
