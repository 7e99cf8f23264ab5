/** What the tests say to the Worker: plain HTTP, a learner who can sign up, and a room socket. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { MongoClient, ObjectId } from "mongodb";
import { inject } from "vitest";
import WebSocket from "ws";

export interface Answer {
  status: number;
  headers: Headers;
  // Bodies are what is under test: tests look into them freely.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
  text: string;
}

export interface Call {
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
  base?: string;
}

/** Every answer of the run, for the test that no secret ever leaves. */
export const recorded: { path: string; text: string }[] = [];

export async function call(
  method: string,
  path: string,
  { token, body, headers, base }: Call = {},
): Promise<Answer> {
  const raw = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  const response = await fetch((base ?? inject("stack").base) + path, {
    method,
    headers: {
      ...(raw === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(raw === undefined ? {} : { body: raw }),
  });
  const text = await response.text();
  recorded.push({ path, text });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  return { status: response.status, headers: response.headers, body: parsed, text };
}

export const get = (path: string, options: Call = {}) => call("GET", path, options);
export const post = (path: string, options: Call = {}) => call("POST", path, options);

/** The database itself, for tests that look behind the Worker. */
export async function withDatabase<T>(work: (db: ReturnType<MongoClient["db"]>) => Promise<T>): Promise<T> {
  const { mongodbUri, database } = inject("stack");
  const client = await MongoClient.connect(mongodbUri);
  try {
    return await work(client.db(database));
  } finally {
    await client.close();
  }
}

let count = 0;
/** Text that no other test uses. */
export const unique = (): string =>
  `${Date.now().toString(36)}${(count++).toString(36)}${randomBytes(3).toString("hex")}`;

/** Ten digits that no other test uses. */
export const uniquePhone = (): string =>
  `7${randomBytes(6).readUIntBE(0, 6).toString().padStart(15, "0").slice(-9)}`;

/** A region of its own for a test. */
export async function createRegion(fields: Record<string, unknown> = {}): Promise<string> {
  const _id = new ObjectId();
  const name = `Region ${unique()}`;
  const now = new Date();
  await withDatabase((db) =>
    db.collection("regions").insertOne({
      _id,
      name,
      code: name.slice(7).toUpperCase(),
      isActive: true,
      createdAt: now,
      updatedAt: now,
      __v: 0,
      ...fields,
    }),
  );
  return _id.toHexString();
}

/** Switches a feature, as an administrator does. */
export async function setFeature(key: string, isActive: boolean, isPaid: boolean): Promise<void> {
  await withDatabase((db) =>
    db
      .collection("features")
      .updateOne(
        { key },
        { $set: { isActive, isPaid, name: key, category: "communication" } },
        { upsert: true },
      ),
  );
}

export const PASSWORD = "secret-pass-1";

export interface Learner {
  id: string;
  token: string;
  email: string;
  phone: string;
  region: string;
  get(path: string): Promise<Answer>;
  post(path: string, body?: unknown): Promise<Answer>;
}

/** Signs up a learner. */
export async function signUp(
  region: string,
  fields: Record<string, unknown> = {},
  base?: string,
): Promise<Learner> {
  const email = `${unique()}@example.com`;
  const phone = uniquePhone();
  const body = {
    name: `Learner ${unique()}`,
    email,
    phone,
    password: PASSWORD,
    role: "student",
    region,
    ...fields,
  };
  const answer = await post("/api/auth/register", { body, ...(base ? { base } : {}) });
  if (answer.status !== 201) throw new Error(`sign-up failed: ${answer.text}`);
  const { token, user } = answer.body.data;
  return learner(user._id, token, email, phone, region, base);
}

export function learner(
  id: string,
  token: string,
  email: string,
  phone: string,
  region: string,
  base?: string,
): Learner {
  const at = base ? { base } : {};
  return {
    id,
    token,
    email,
    phone,
    region,
    get: (path) => get(path, { token, ...at }),
    post: (path, body) => post(path, { token, ...(body === undefined ? {} : { body }), ...at }),
  };
}

/** Learners with tokens but without sign-up: a password hash each would make tests of many slow. */
export async function createLearners(region: string, many: number): Promise<Learner[]> {
  const first = await signUp(region);
  const now = new Date();
  const documents = Array.from({ length: many - 1 }, () => ({
    _id: new ObjectId(),
    name: `Learner ${unique()}`,
    email: `${unique()}@example.com`,
    phone: uniquePhone(),
    role: "student",
    isActive: true,
    region: new ObjectId(region),
    createdAt: now,
    updatedAt: now,
    __v: 0,
  }));
  await withDatabase(async (db) => {
    const { password } = (await db.collection("users").findOne({ _id: new ObjectId(first.id) }))!;
    if (documents.length > 0) {
      await db.collection("users").insertMany(documents.map((document) => ({ ...document, password })));
    }
  });
  const { tokenFor } = await import("./tokens.ts");
  return [
    first,
    ...documents.map(({ _id, email, phone }) => {
      const id = _id.toHexString();
      return learner(id, tokenFor(id), email, phone, region);
    }),
  ];
}

/** Waits until `check` is true; fails with `what` after `seconds`. */
export async function eventually(
  what: string,
  check: () => Promise<boolean> | boolean,
  seconds = 10,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** A matched pair: the host waited, the seeker came. */
export interface Pair {
  session: string;
  host: Learner;
  seeker: Learner;
}

export async function match(region: string, sessionType = "chat", base?: string): Promise<Pair> {
  const [host, seeker] = [await signUp(region, {}, base), await signUp(region, {}, base)];
  return matchLearners(host, seeker, sessionType);
}

export async function matchLearners(host: Learner, seeker: Learner, sessionType = "chat"): Promise<Pair> {
  const waiting = await host.post("/api/communication/matchmaking/find-partner", { sessionType });
  const matched = await seeker.post("/api/communication/matchmaking/find-partner", { sessionType });
  if (waiting.body?.data?.waitingInQueue !== true || matched.body?.data?.partner?.id !== host.id) {
    throw new Error(`no match: ${waiting.text} ${matched.text}`);
  }
  return { session: matched.body.data.session.id, host, seeker };
}

export interface Frame {
  t: string;
  seq?: number;
  id?: string;
  from?: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  d: any;
}

/** A socket of a room, with everything that came in. */
export class RoomSocket {
  readonly frames: Frame[] = [];
  closed: { code: number; reason: string } | undefined;
  private waiters: (() => void)[] = [];
  readonly socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      this.frames.push(JSON.parse(data.toString()) as Frame);
      this.wake();
    });
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.wake();
    });
  }

  static async open(session: string, token: string, base = inject("stack").base): Promise<RoomSocket> {
    const address = `${base.replace("http", "ws")}/api/communication/session/${session}/socket`;
    const socket = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } });
    const room = new RoomSocket(socket);
    await once(socket, "open");
    return room;
  }

  /** Opens and says hello; resolves with the welcome. */
  static async join(session: string, token: string, lastSeq?: number, base?: string): Promise<RoomSocket> {
    const room = await RoomSocket.open(session, token, base);
    room.send("hello", lastSeq === undefined ? {} : { lastSeq });
    await room.next((frame) => frame.t === "welcome");
    return room;
  }

  send(t: string, d: unknown = {}, id?: string): void {
    this.socket.send(JSON.stringify({ v: 1, t, d, ...(id === undefined ? {} : { id }) }));
  }

  /** The first frame, come or to come, that fits. */
  async next(fits: (frame: Frame) => boolean, seconds = 10): Promise<Frame> {
    const found = await this.until(() => this.frames.find(fits), seconds);
    if (!found) throw new Error(`no such frame among ${JSON.stringify(this.frames)}`);
    return found;
  }

  async untilClosed(seconds = 10): Promise<{ code: number; reason: string }> {
    const closed = await this.until(() => this.closed, seconds);
    if (!closed) throw new Error("the socket is still open");
    return closed;
  }

  /** Drops the connection without a goodbye, as a lost network does. */
  drop(): void {
    this.socket.terminate();
  }

  close(): void {
    this.socket.close();
  }

  private async until<T>(look: () => T | undefined, seconds: number): Promise<T | undefined> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const found = look();
      const left = deadline - Date.now();
      if (found !== undefined || left <= 0) return found;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }
}
