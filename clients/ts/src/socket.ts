/** A socket to a room that survives a lost network (docs/realtime.md). */
import { type Api, ApiError } from "./api.ts";
import type { IceServer, Message, Role, RoomEvents, Send, Tell, Transport } from "./transport.ts";

const PING_MS = 10_000;
const PING = '{"t":"ping"}';
/** Pauses before the next attempts, ms; the last one is repeated. */
const PAUSES = [250, 500, 1000, 2000, 5000];
/** Close codes after which trying again is of no use. */
const FINAL = new Set([4403, 4409, 4410]);

interface Frame {
  t: string;
  id?: string;
  seq?: number;
  from?: string;
  // What a frame carries depends on its type.
  d: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any
}

interface Unacknowledged {
  frame: Send;
  text: string;
  resolve(): void;
  reject(error: Error): void;
}

export class SocketTransport implements Transport {
  iceServers: IceServer[] = [];
  private readonly api: Api;
  private readonly session: string;
  private readonly tell: Tell;
  private socket: WebSocket | undefined;
  private lastSeq: number | undefined;
  private attempts = 0;
  private up = false;
  private closed = false;
  private welcomed: (() => void) | undefined;
  private refused: ((error: Error) => void) | undefined;
  private pinged = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly waiting = new Map<string, Unacknowledged>();
  /** Lines that were told: a snapshot repeats the newest ones. */
  private readonly lines = new Set<string>();

  constructor(api: Api, session: string, tell: Tell) {
    [this.api, this.session, this.tell] = [api, session, tell];
  }

  open(): Promise<void> {
    const opened = new Promise<void>((resolve, reject) => {
      [this.welcomed, this.refused] = [resolve, reject];
    });
    void this.connect();
    return opened;
  }

  send(frame: Send): Promise<void> {
    const id = crypto.randomUUID();
    const text = JSON.stringify({ v: 1, id, ...frame });
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { frame, text, resolve, reject });
      // What is not acknowledged is sent again after a reconnect; the server knows it by its id.
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
    });
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    this.socket?.close();
    for (const { reject } of this.waiting.values()) reject(new Error("the room was closed"));
    this.waiting.clear();
  }

  private async connect(): Promise<void> {
    try {
      const path = `communication/session/${this.session}`;
      // Browsers cannot send headers with a socket: a ticket is good for one room and one minute.
      const { ticket } = await this.api.post<{ ticket: string }>(`${path}/ticket`);
      if (this.closed) return;
      const address = `${this.api.base.replace(/^http/, "ws")}/${path}/socket?ticket=${ticket}`;
      this.attach(new WebSocket(address));
    } catch (error) {
      const refused = error instanceof ApiError && error.status < 500 && error.status !== 429;
      if (refused) this.fail(error);
      else this.again(error as Error);
    }
  }

  private attach(socket: WebSocket): void {
    this.socket = socket;
    socket.addEventListener("open", () => {
      const d = this.lastSeq === undefined ? {} : { lastSeq: this.lastSeq };
      socket.send(JSON.stringify({ v: 1, t: "hello", d }));
    });
    socket.addEventListener("message", ({ data }) => this.hear(JSON.parse(String(data)) as Frame));
    socket.addEventListener("close", ({ code, reason }) => {
      if (FINAL.has(code)) this.fail(new Error(reason || `the socket was closed with ${code}`));
      else this.lost(socket, new Error(`the socket was closed with ${code}`));
    });
    // Node tells of a connection that was never made only by this event.
    socket.addEventListener("error", () => this.lost(socket, new Error("the socket failed")));
  }

  private lost(socket: WebSocket, error: Error): void {
    if (socket !== this.socket) return;
    this.socket = undefined;
    clearInterval(this.timer);
    if (this.up) this.tell("transport", "none");
    this.up = false;
    this.again(error);
  }

  private again(error: Error): void {
    if (this.closed) return;
    if (this.welcomed && this.attempts >= 2) return this.fail(error);
    const pause = PAUSES[Math.min(this.attempts++, PAUSES.length - 1)]!;
    setTimeout(() => void this.connect(), pause);
  }

  private fail(error: Error): void {
    if (this.closed) return;
    this.close();
    if (this.refused) this.refused(error);
    else this.tell("error", error);
  }

  private hear(frame: Frame): void {
    // At least once: a repeat after a reconnect is known by its number.
    if (frame.seq !== undefined && frame.t !== "welcome" && frame.t !== "room.snapshot") {
      if (this.lastSeq !== undefined && frame.seq <= this.lastSeq) return;
      this.lastSeq = frame.seq;
    }
    const { t, d } = frame;
    if (t === "welcome") return this.welcome(d);
    if (t === "room.snapshot") return this.snapshot(frame);
    if (t === "ack" || t === "error") return this.settle(frame);
    if (t === "pong") return this.tell("latency", performance.now() - this.pinged);
    if (t === "peer.presence") {
      this.tell("role", (d["yourRole"] ?? null) as Role);
      const { userId, online, transport } = d as RoomEvents["presence"];
      return this.tell("presence", { userId, online, transport });
    }
    this.happened(t, frame.from ?? "", d);
  }

  private happened(t: string, from: string, d: Frame["d"]): void {
    if (t === "sdp.offer") this.tell("offer", { from, sdp: d["sdp"], generation: d["generation"] });
    else if (t === "sdp.answer") this.tell("answer", { from, sdp: d["sdp"], generation: d["generation"] });
    else if (t === "ice.candidate") {
      const { candidate, sdpMid, sdpMLineIndex } = d as RoomEvents["candidate"];
      this.tell("candidate", { from, candidate, sdpMid, sdpMLineIndex });
    } else if (t === "chat.message") {
      const { id, sender, message, timestamp } = d;
      this.line({ id, from: sender.id, name: sender.name, message, timestamp });
    } else if (t === "session.status") this.tell("status", d as RoomEvents["status"]);
  }

  private welcome(d: Frame["d"]): void {
    this.attempts = 0;
    this.up = true;
    this.iceServers = (d["iceServers"] ?? []) as IceServer[];
    clearInterval(this.timer);
    this.timer = setInterval(() => this.ping(), PING_MS);
    this.ping();
    this.tell("transport", "socket");
    this.tell("role", (d["role"] ?? null) as Role);
    for (const { text } of this.waiting.values()) this.socket?.send(text);
    // A resumed room sends no snapshot.
    if (this.lastSeq !== undefined) this.ready();
  }

  private snapshot({ seq, d }: Frame): void {
    this.lastSeq = seq;
    this.tell("status", { status: d["status"], sessionType: d["sessionType"] });
    this.tell("role", (d["role"] ?? null) as Role);
    for (const { id, transport } of d["participants"]) {
      this.tell("presence", { userId: id, online: transport !== null, transport });
    }
    const frames = [d["offer"], d["answer"], ...d["candidates"]].filter(Boolean) as Frame[];
    for (const frame of frames) this.happened(frame.t, frame.from ?? "", frame.d);
    for (const line of d["messages"]) this.happened("chat.message", "", line);
    this.ready();
  }

  private ready(): void {
    this.welcomed?.();
    [this.welcomed, this.refused] = [undefined, undefined];
  }

  private settle({ t, id, d }: Frame): void {
    const waiting = id === undefined ? undefined : this.waiting.get(id);
    if (!waiting) return;
    this.waiting.delete(id!);
    if (t === "error") return waiting.reject(new Error(String(d["message"])));
    const { frame } = waiting;
    // Nobody hears his own frames: an own line is told when it is kept.
    if (frame.t === "chat.send") {
      const timestamp = new Date().toISOString();
      const { userId: from, userName: name } = this.api;
      this.line({ id: String(d["entityId"]), from, name, message: frame.d.message, timestamp });
    }
    waiting.resolve();
  }

  private line(message: Message): void {
    if (this.lines.has(message.id)) return;
    this.lines.add(message.id);
    this.tell("message", message);
  }

  private ping(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.pinged = performance.now();
    this.socket.send(PING);
  }
}
