/** The way of the old app: asking again and again, with its routes and its timers (contract: x-signaling). */
import type { Api } from "./api.ts";
import type { Candidate, RoomEvents, Send, Tell, Transport } from "./transport.ts";

const EVERY_MS = 2000;
const LIFE_MS = 3000;

interface Snapshot {
  offer: { from?: string; sdp?: string };
  answer: { from?: string; sdp?: string };
  iceCandidates: Candidate[];
}

interface Line {
  id: string;
  sender: { id: string; name: string };
  message: string;
  timestamp: string;
}

/** The app sends a whole candidate as text. */
function plain({ from, ...given }: Candidate): Candidate {
  const { candidate, sdpMid, sdpMLineIndex } = given.candidate.startsWith("{")
    ? (JSON.parse(given.candidate) as typeof given)
    : given;
  return { from, candidate, sdpMid, sdpMLineIndex };
}

export class PollingTransport implements Transport {
  private readonly api: Api;
  private readonly path: string;
  private readonly session: string;
  private readonly tell: Tell;
  private timers: ReturnType<typeof setInterval>[] = [];
  private readonly told = new Set<string>();
  private over = false;
  /** Own descriptions, begun and kept. */
  private posts = { begun: 0, kept: 0 };

  constructor(api: Api, session: string, tell: Tell) {
    [this.api, this.session, this.tell] = [api, session, tell];
    this.path = `communication/session/${session}`;
  }

  async open(): Promise<void> {
    await this.signals();
    await Promise.all([this.lines(), this.life()]);
    // A poll that fails is followed by the next one.
    const every = (ms: number, ask: () => Promise<void>) => setInterval(() => void ask().catch(() => {}), ms);
    this.timers = [
      every(EVERY_MS, () => this.signals()),
      every(EVERY_MS, () => this.lines()),
      every(LIFE_MS, () => this.life()),
    ];
    this.tell("transport", "polling");
  }

  async send({ t, d }: Send): Promise<void> {
    if (t === "sdp.offer") await this.describe("offer", d.sdp);
    else if (t === "sdp.answer") await this.describe("answer", d.sdp);
    else if (t === "ice.candidate") {
      // The app sends the whole candidate as text.
      const { candidate, sdpMid, sdpMLineIndex } = d;
      await this.api.post(`${this.path}/webrtc/ice`, {
        candidate: JSON.stringify({ candidate, sdpMLineIndex, sdpMid }),
        sdpMid,
        sdpMLineIndex,
      });
    } else if (t === "chat.send") await this.api.post(`communication/chat/${this.session}/message`, d);
    else await this.api.post(`communication/call/${this.session}/leave`);
  }

  private async describe(type: "offer" | "answer", sdp: string): Promise<void> {
    this.posts.begun++;
    await this.api.post(`${this.path}/webrtc/${type}`, { type, sdp }).finally(() => this.posts.kept++);
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  /** Tells something that was not told before. */
  private once<Kind extends keyof RoomEvents>(key: string, kind: Kind, event: RoomEvents[Kind]): void {
    if (this.told.has(key)) return;
    this.told.add(key);
    this.tell(kind, event);
  }

  private async signals(): Promise<void> {
    const began = performance.now();
    const { kept } = this.posts;
    const { signaling } = await this.api.get<{ signaling: Snapshot }>(`${this.path}/webrtc?_=${Date.now()}`);
    this.tell("latency", performance.now() - began);
    // What was read while an own description was on its way may be void by now: the next poll tells.
    if (this.posts.begun !== kept) return;
    const { offer, answer, iceCandidates } = signaling;
    const others = (from?: string) => from !== undefined && from !== this.api.userId;
    if (others(offer.from)) {
      this.once(`offer ${offer.sdp}`, "offer", { from: offer.from!, sdp: offer.sdp! });
    }
    if (others(answer.from)) {
      this.once(`answer ${answer.sdp}`, "answer", { from: answer.from!, sdp: answer.sdp! });
    }
    for (const candidate of iceCandidates.filter(({ from }) => others(from))) {
      this.once(`candidate ${candidate.candidate}`, "candidate", plain(candidate));
    }
  }

  private async lines(): Promise<void> {
    const path = `communication/chat/${this.session}/messages?page=1&limit=50`;
    const { messages } = await this.api.get<{ messages: Line[] }>(path);
    for (const { id, sender, message, timestamp } of messages) {
      this.once(`message ${id}`, "message", { id, from: sender.id, name: sender.name, message, timestamp });
    }
  }

  /** A sign of life; a session that is missing is over. */
  private async life(): Promise<void> {
    const own = (await this.api.liveSessions()).find(({ _id }) => _id === this.session);
    if (own) {
      const { status, sessionType } = own;
      return this.once(`status ${status} ${sessionType}`, "status", { status, sessionType });
    }
    if (this.over) return;
    this.over = true;
    this.tell("status", { status: "completed" });
  }
}
