/** A peer connection that is negotiated through a room. */
import { Emitter } from "./events.ts";
import type { Room } from "./room.ts";
import type { Candidate, Description } from "./transport.ts";

export interface CallEvents {
  /** The other side's sound and picture. */
  track: MediaStream;
  /** As the peer connection has it. */
  state: RTCPeerConnectionState;
}

/**
 * Make it before the room is opened, so that it hears everything, and start it once there is sound or a picture: until
 * then what comes is kept. The room names the one who offers. Offers that cross are harmless: the room keeps the newest,
 * and whoever reads the offer of the other side takes back his own and answers.
 */
export class Call extends Emitter<CallEvents> {
  private readonly room: Room;
  private readonly early: RTCIceCandidateInit[] = [];
  private peer: RTCPeerConnection | undefined;
  private offered = false;
  private heard = false;
  private begin: () => void = () => {};
  private work: Promise<unknown> = new Promise<void>((resolve) => (this.begin = resolve));

  constructor(room: Room) {
    super();
    this.room = room;
    room.on("role", (role) => role === "offerer" && this.do((peer) => this.offer(peer)));
    room.on("offer", (offer) => {
      if (offer.from === room.api.userId) return;
      this.heard = true;
      this.do((peer) => this.answer(peer, offer));
    });
    room.on("answer", (answer) => this.do((peer) => this.accept(peer, answer)));
    room.on("candidate", (candidate) => this.do((peer) => this.take(peer, candidate)));
  }

  /** Brings own sound and picture; from now on the call is negotiated. */
  start(stream: MediaStream): void {
    const peer = new RTCPeerConnection({ iceServers: this.room.iceServers });
    this.peer = peer;
    peer.addEventListener("icecandidate", ({ candidate }) => {
      if (!candidate?.candidate) return;
      const { sdpMid, sdpMLineIndex } = candidate;
      const d = { candidate: candidate.candidate, sdpMid, sdpMLineIndex };
      // A candidate that is lost is one way less to find each other.
      void this.room.send({ t: "ice.candidate", d }).catch(() => {});
    });
    peer.addEventListener("track", ({ streams: [stream] }) => stream && this.emit("track", stream));
    peer.addEventListener("connectionstatechange", () => this.emit("state", peer.connectionState));
    for (const track of stream.getTracks()) peer.addTrack(track, stream);
    this.begin();
  }

  close(): void {
    this.peer?.close();
  }

  /** One step at a time, once the call has started: descriptions must not overtake each other. */
  private do(step: (peer: RTCPeerConnection) => Promise<void>): void {
    this.work = this.work
      .then(() => step(this.peer!))
      .catch((error: unknown) => console.warn("call:", error));
  }

  private async offer(peer: RTCPeerConnection): Promise<void> {
    if (this.offered || this.heard) return;
    this.offered = true;
    await peer.setLocalDescription();
    // Who was faster is answered: sent now, the own offer would drop his.
    if (this.heard) return;
    await this.room.send({ t: "sdp.offer", d: { sdp: peer.localDescription!.sdp } });
  }

  private async answer(peer: RTCPeerConnection, { sdp, generation }: Description): Promise<void> {
    // An own offer that was overtaken is taken back by the browser.
    await peer.setRemoteDescription({ type: "offer", sdp });
    await peer.setLocalDescription();
    this.offered = true;
    const named = generation === undefined ? {} : { generation };
    await this.room.send({ t: "sdp.answer", d: { sdp: peer.localDescription!.sdp, ...named } });
    await this.flush(peer);
  }

  private async accept(peer: RTCPeerConnection, { from, sdp }: Description): Promise<void> {
    if (from === this.room.api.userId || peer.signalingState !== "have-local-offer") return;
    await peer.setRemoteDescription({ type: "answer", sdp });
    await this.flush(peer);
  }

  private async take(peer: RTCPeerConnection, { from, ...candidate }: Candidate): Promise<void> {
    if (from === this.room.api.userId) return;
    this.early.push(candidate);
    if (peer.remoteDescription) await this.flush(peer);
  }

  /** Candidates may come before their offer. */
  private async flush(peer: RTCPeerConnection): Promise<void> {
    for (const candidate of this.early.splice(0)) {
      // One of an offer that was overtaken does not fit, and is not needed.
      await peer.addIceCandidate(candidate).catch(() => {});
    }
  }
}
