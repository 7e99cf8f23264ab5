/** What the tests of the tutor and of evaluation share: a Worker of their own whose model is ours, and the shapes. */
import { join } from "node:path";
import { type Document, ObjectId } from "mongodb";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";
import {
  type Answer,
  type Learner,
  call,
  eventually,
  recorded,
  unique,
  withDatabase,
} from "../support/client.ts";
import { person } from "../support/people.ts";
import { type Served, serve } from "../support/serve.ts";
import { OpenAi, SECRETS } from "../upstreams/openai.ts";
import { through } from "./sessions.support.ts";

export const ID = expect.stringMatching(/^[0-9a-f]{24}$/);
export const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
export const TEXT = expect.stringMatching(/\S/);
export const UUID = expect.stringMatching(
  /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
);

export const CONVERSATIONS = "/api/chat/conversations";
export const at = {
  one: (id: string) => `${CONVERSATIONS}/${id}`,
  messages: (id: string) => `${CONVERSATIONS}/${id}/messages`,
};
export const CATEGORIES = [
  "grammar",
  "pronunciation",
  "vocabulary",
  "writing",
  "speaking",
  "listening",
  "general",
];
export const LEVELS = ["beginner", "intermediate", "advanced"];
/** Ids that no document can have, and one that none has. */
export const NO_IDS = [
  "nope",
  "0".repeat(23),
  "0".repeat(25),
  "z".repeat(24),
  "%24ne",
  new ObjectId().toHexString(),
];

/** A question that nobody asked before: no answer to it is kept anywhere. */
export const question = () => `What is a ${unique()}?`;

/** What a client sends who wants his answer word by word. */
export const STREAMED = { accept: "text/event-stream" };

/** A server-sent event. Its data is what is under test: tests look into it freely. */
export interface Told {
  event: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  data: any;
}

/** An answer that comes as a stream of events. */
export class Listener {
  readonly status: number;
  readonly headers: Headers;
  /** What came so far. */
  readonly events: Told[] = [];
  /** As it came. */
  text = "";
  private rest = "";
  private over = false;
  private broken: unknown;
  private readonly hung: AbortController;

  private constructor(path: string, response: Response, hung: AbortController) {
    this.status = response.status;
    this.headers = response.headers;
    this.hung = hung;
    void this.listen(response)
      .catch((error: unknown) => (this.broken = error))
      .finally(() => {
        this.over = true;
        recorded.push({ path, text: this.text });
      });
  }

  /** Asks, and waits for the head of the answer only. */
  static async open(base: string, path: string, who: Learner, body: object): Promise<Listener> {
    const hung = new AbortController();
    const headers = { ...STREAMED, "content-type": "application/json", authorization: `Bearer ${who.token}` };
    const init = { method: "POST", headers, body: JSON.stringify(body), signal: hung.signal };
    return new Listener(path, await fetch(base + path, init), hung);
  }

  /** The texts of the pieces so far. */
  get pieces(): string[] {
    return this.events.flatMap(({ event, data }) => (event === "token" ? [data.text] : []));
  }

  /** Waits until a part of the answer has come. */
  async untilSaid(part: string): Promise<void> {
    const said = () => this.pieces.join("").trim();
    await eventually(`said: ${part}`, () => this.over || said().startsWith(part));
    if (!said().startsWith(part)) throw new Error(`not said: ${part}, but ${this.text} ${this.broken ?? ""}`);
  }

  /** All events, when the server has ended the stream as one ends it. */
  async toTheEnd(): Promise<Told[]> {
    await eventually("the stream has ended", () => this.over, 20);
    if (this.broken !== undefined) throw new Error(`broken after ${this.text}`, { cause: this.broken });
    if (this.rest !== "") throw new Error(`half an event: ${this.rest}`);
    return this.events;
  }

  /** Closes the connection. */
  hangUp(): void {
    this.hung.abort();
  }

  private async listen(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      const text = decoder.decode(bytes as Uint8Array, { stream: true });
      this.text += text;
      const blocks = (this.rest + text).split("\n\n");
      this.rest = blocks.pop()!;
      for (const block of blocks) this.hear(block);
    }
  }

  /** An event is a name and one line of JSON; comments between them mean nothing. */
  private hear(block: string): void {
    const lines = block.split("\n").filter((line) => line !== "" && !line.startsWith(":"));
    if (lines.length === 0) return;
    const [, event] = /^event: (\w+)$/.exec(lines[0]!) ?? [];
    const [, data] = /^data: ([^]+)$/.exec(lines[1] ?? "") ?? [];
    if (event === undefined || data === undefined || lines.length > 2) throw new Error(`no event: ${block}`);
    this.events.push({ event, data: JSON.parse(data) });
  }
}

/** A Worker of a file's own, and the model that it asks. */
export class Room {
  readonly model: OpenAi;
  readonly base: string;

  constructor(model: OpenAi, base: string) {
    this.model = model;
    this.base = base;
  }

  async who(fields: Document = {}): Promise<Learner> {
    return through(await person(fields), this.base);
  }

  /** A learner, new unless given, with a conversation in which nothing was said. */
  async begin(chat: object = {}, learner?: Learner): Promise<{ who: Learner; id: string }> {
    const who = learner ?? (await this.who());
    return { who, id: await plantChat(who.id, chat) };
  }

  /** What the model was asked since now. */
  since(): () => OpenAi["requests"] {
    const before = this.model.requests.length;
    return () => this.model.requests.slice(before);
  }

  call(method: string, path: string, who?: Learner, body?: unknown): Promise<Answer> {
    return call(method, path, {
      base: this.base,
      token: who?.token,
      ...(body === undefined ? {} : { body }),
    });
  }

  /** The id of a new conversation. */
  async open(who: Learner, body: object = { title: `Title ${unique()}` }): Promise<string> {
    const answer = await who.post(CONVERSATIONS, body);
    expect(answer.status, answer.text).toBe(201);
    return answer.body.conversation.id;
  }

  /** An answer that must be one. */
  async ask(who: Learner, id: string, message: string, more: object = {}): Promise<Document> {
    const answer = await who.post(at.messages(id), { message, ...more });
    expect(answer.status, answer.text).toBe(200);
    return answer.body;
  }

  /** The stream of an answer, as soon as it begins. */
  async listen(who: Learner, id: string, message: string, more: object = {}): Promise<Listener> {
    const heard = await Listener.open(this.base, at.messages(id), who, { message, ...more });
    if (heard.status !== 200) await heard.toTheEnd();
    expect(heard.status, heard.text).toBe(200);
    return heard;
  }

  /** What the whole stream says, to questions that are refused as well. */
  stream(who: Learner | undefined, id: string, body: unknown): Promise<Answer> {
    return call("POST", at.messages(id), { base: this.base, token: who?.token, body, headers: STREAMED });
  }

  /** The conversation with its messages. */
  async read(who: Learner, id: string): Promise<Document> {
    const answer = await who.get(at.one(id));
    expect(answer.status, answer.text).toBe(200);
    return answer.body.conversation;
  }
}

/** The Worker of a test file: `room()` inside tests. */
export function openRoom(name: string, env: Record<string, string> = {}): () => Room {
  let room: Room | undefined;
  let worker: Served | undefined;
  beforeAll(async () => {
    const model = await OpenAi.start();
    const { dataApi, folder } = inject("stack");
    worker = await serve({ dataApi, folder: join(folder, name), env: { ...model.variables, ...env } });
    room = new Room(model, worker.base);
  });
  afterEach(() => room?.model.release());
  afterAll(async () => {
    await worker?.program.stop();
    await room?.model.stop();
  });
  return () => room!;
}

/** An error of the tutor: a message, no `success`, and for what is not the learner's fault a short `error`. */
export function expectChatRefusal(answer: Answer, status: number): void {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.body).toMatchObject({ message: TEXT });
  expect(answer.body).not.toHaveProperty("success");
  if (status >= 500) expect(answer.body).toMatchObject({ error: TEXT });
  expectNoSecrets(answer);
}

/** Failed checks of the tutor, by field. */
export function expectChatErrors(answer: Answer, path: string, location = "body"): void {
  expectChatRefusal(answer, 400);
  expect(answer.body.errors.map((error: Document) => error["path"])).toEqual([path]);
  expect(answer.body.errors[0]).toMatchObject({ type: "field", msg: TEXT, path, location });
}

/** The model's own words about its failures stay in the log, and so does the key. */
export function expectNoSecrets(answer: Answer): void {
  expect(answer.text).not.toContain(SECRETS);
  expect(answer.text).not.toMatch(/sk-|127\.0\.0\.1|Bad gateway|undefined|stack/i);
}

/** The shared check of who asks answers for all: with `success`, also where the tutor has none. */
export async function expectSignIn(room: Room, method: string, path: string): Promise<void> {
  const asked = room.since();
  const inactive = await room.who({ isActive: false });
  for (const [token, text] of [
    [undefined, /Access token required/],
    ["garbage", /token/],
    [inactive.token, /token/],
  ] as const) {
    const answer = await call(method, path, { base: room.base, token });
    expect(answer.status, answer.text).toBe(401);
    expect(answer.body).toMatchObject({ success: false, message: expect.stringMatching(text) });
  }
  expect(asked()).toEqual([]);
}

/** A conversation as the old server stored it; undefined fields are left out. */
export async function plantChat(owner: string, fields: Document = {}): Promise<string> {
  const _id = new ObjectId();
  const now = new Date();
  const document = {
    _id,
    userId: new ObjectId(owner),
    sessionId: crypto.randomUUID(),
    title: "New Conversation",
    category: "general",
    level: "intermediate",
    messages: [],
    status: "active",
    settings: { includeExercises: true, includeGameRecommendations: true, language: "en" },
    analytics: {
      totalMessages: 0,
      totalTokensUsed: 0,
      averageResponseTime: 0,
      topicsDiscussed: [],
      lastActivity: now,
    },
    createdAt: now,
    updatedAt: now,
    __v: 0,
    ...fields,
  };
  const kept = Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
  await withDatabase((db) => db.collection("chats").insertOne(kept));
  return _id.toHexString();
}

export const storedChat = async (id: string): Promise<Document> =>
  (await withDatabase((db) => db.collection("chats").findOne({ _id: new ObjectId(id) })))!;

export const chatsOf = (owner: string): Promise<Document[]> =>
  withDatabase((db) =>
    db
      .collection("chats")
      .find({ userId: new ObjectId(owner) })
      .toArray(),
  );

/** A turn as the old server stored it. */
export const turn = (role: string, content: string, more: Document = {}): Document => ({
  _id: new ObjectId(),
  role,
  content,
  timestamp: new Date(),
  ...more,
});
