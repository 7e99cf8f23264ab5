/** What a room hears and says, whichever way it reaches the server. */

export interface Description {
  from: string;
  sdp: string;
  /** Which offer this is or answers; unknown while polling. */
  generation?: number;
}

export interface Candidate {
  from: string;
  candidate: string;
  sdpMid: string | null;
  sdpMLineIndex: number | null;
}

export interface Message {
  id: string;
  from: string;
  name: string;
  message: string;
  timestamp: string;
}

export interface Presence {
  userId: string;
  online: boolean;
  transport: "socket" | "polling" | null;
}

export interface Status {
  status: string;
  sessionType?: string;
  reason?: string | null;
  endedBy?: { id: string; name: string } | null;
}

export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

/** Who makes the offer; null while the other side is not here. */
export type Role = "offerer" | "answerer" | null;

/** Everything that happens in a room. */
export interface RoomEvents {
  offer: Description;
  answer: Description;
  candidate: Candidate;
  message: Message;
  presence: Presence;
  role: Role;
  status: Status;
  /** Which way the room is reached now. */
  transport: "socket" | "polling" | "none";
  /** A round trip to the server, ms. */
  latency: number;
  /** What cannot be mended by trying again. */
  error: Error;
}

export type Send =
  | { t: "sdp.offer"; d: { sdp: string } }
  | { t: "sdp.answer"; d: { sdp: string; generation?: number } }
  | { t: "ice.candidate"; d: { candidate: string; sdpMid: string | null; sdpMLineIndex: number | null } }
  | { t: "chat.send"; d: { message: string; messageType: "text" } }
  | { t: "session.leave"; d: Record<string, never> };

/** One way to a room. */
export interface Transport {
  /** Resolves once the state of the room is known. */
  open(): Promise<void>;
  /** Resolves when the server has it. */
  send(frame: Send): Promise<void>;
  close(): void;
}

/** How a transport tells its room. */
export type Tell = <Kind extends keyof RoomEvents>(kind: Kind, event: RoomEvents[Kind]) => void;
