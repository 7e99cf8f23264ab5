/** What the tests of sockets share. */
import type { Frame, RoomSocket } from "../support/client.ts";

export const of = (t: string) => (frame: Frame) => frame.t === t;
export const ackOf = (id: string) => (frame: Frame) => frame.t === "ack" && frame.id === id;
export const errorOf = (id: string) => (frame: Frame) => frame.t === "error" && frame.id === id;

/** All frames, once everything that was sent before is answered: frames are handled in order. */
export async function settled(socket: RoomSocket): Promise<Frame[]> {
  const before = socket.frames.filter(of("pong")).length;
  socket.send("ping");
  await socket.next(() => socket.frames.filter(of("pong")).length > before);
  return socket.frames;
}

const NOT_LOGGED = ["welcome", "room.snapshot"];
/** The frames with a number of the room's log. */
export const logged = (frames: Frame[]): Frame[] =>
  frames.filter(({ t, seq }) => seq !== undefined && !NOT_LOGGED.includes(t));
