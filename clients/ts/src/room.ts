/** A room: one session, by socket, or by polling while no socket can be had. */
import type { Api } from "./api.ts";
import { Emitter } from "./events.ts";
import { PollingTransport } from "./polling.ts";
import { SocketTransport } from "./socket.ts";
import type { IceServer, Role, RoomEvents, Send, Tell, Transport } from "./transport.ts";

export interface RoomOptions {
  /** `auto` (default) takes a socket and falls back to polling; `polling` does what the old app does. */
  transport?: "auto" | "polling";
}

export class Room extends Emitter<RoomEvents> {
  readonly api: Api;
  readonly session: string;
  /** Servers for the peer connection, once the room is open. */
  iceServers: IceServer[] = [];
  /** Who offers; a polling client always does. */
  role: Role = null;
  status = "";
  polls = false;
  private readonly options: RoomOptions;
  private transport: Transport | undefined;

  constructor(api: Api, session: string, options: RoomOptions = {}) {
    super();
    [this.api, this.session, this.options] = [api, session, options];
  }

  async open(): Promise<void> {
    const tell: Tell = (kind, event) => {
      if (kind === "role") this.role = event as Role;
      if (kind === "status") this.status = (event as RoomEvents["status"]).status;
      this.emit(kind, event);
    };
    if (this.options.transport !== "polling") {
      const socket = new SocketTransport(this.api, this.session, tell);
      try {
        this.transport = socket;
        await socket.open();
        this.iceServers = socket.iceServers;
        return;
      } catch {
        // Networks that let no socket through are why there is another way.
      }
    }
    this.polls = true;
    const { iceServers } = await this.api.get<{ iceServers: IceServer[] }>("communication/ice-servers");
    this.iceServers = iceServers;
    tell("role", "offerer");
    this.transport = new PollingTransport(this.api, this.session, tell);
    await this.transport.open();
  }

  say(message: string): Promise<void> {
    return this.send({ t: "chat.send", d: { message, messageType: "text" } });
  }

  async leave(): Promise<void> {
    await this.send({ t: "session.leave", d: {} });
    this.close();
  }

  send(frame: Send): Promise<void> {
    if (!this.transport) throw new Error("the room is not open");
    return this.transport.send(frame);
  }

  /** Goes without ending the session. */
  close(): void {
    this.transport?.close();
  }
}
