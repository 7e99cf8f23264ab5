/** The client of clients/ts against the server: sockets that resume, polling, and the two together. */
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { afterEach, beforeAll, expect, inject, test } from "vitest";
import { Api } from "../../clients/ts/src/api.ts";
import { Room, type RoomOptions } from "../../clients/ts/src/room.ts";
import type { Message, RoomEvents } from "../../clients/ts/src/transport.ts";
import { type Learner, createRegion, eventually, match } from "../support/client.ts";
import { openGates } from "./groups.support.ts";

const { base } = inject("stack");
const cleanup: (() => unknown)[] = [];
beforeAll(openGates);
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** A way to the server that can be cut. */
async function network(): Promise<{ address: string; cut(): void; mend(): void }> {
  const { hostname, port } = new URL(base);
  let up = true;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (!up) return void socket.destroy();
    const onward = connect(Number(port), hostname);
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on("error", () => {});
      end.on("close", () => (socket.destroy(), onward.destroy(), sockets.delete(end)));
    }
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.push(() => server.close());
  const cut = () => {
    up = false;
    for (const socket of sockets) socket.destroy();
  };
  cleanup.push(cut);
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, cut, mend: () => void (up = true) };
}

interface Heard {
  room: Room;
  events: { [Kind in keyof RoomEvents]?: RoomEvents[Kind][] };
}

const KINDS = ["offer", "answer", "candidate", "message", "presence", "status", "transport", "role"] as const;

async function enter(
  who: Learner,
  session: string,
  options: RoomOptions = {},
  address = base,
): Promise<Heard> {
  const api = new Api(`${address}/api`);
  [api.token, api.userId] = [who.token, who.id];
  const room = new Room(api, session, options);
  const events: Heard["events"] = {};
  for (const kind of KINDS) {
    room.on(kind, (event) => ((events[kind] ??= []) as unknown[]).push(event));
  }
  cleanup.push(() => room.close());
  await room.open();
  return { room, events };
}

const said = ({ events }: Heard) => (events.message ?? []).map(({ message }: Message) => message);
const candidate = (n: number) => ({ candidate: `candidate:${n} 1 udp 1 192.0.2.${n} 9 typ host` });

async function negotiate(one: Heard, other: Heard): Promise<void> {
  await one.room.send({ t: "sdp.offer", d: { sdp: "v=0 offer" } });
  await eventually("the offer arrives", () => other.events.offer?.[0]?.sdp === "v=0 offer");
  await other.room.send({ t: "sdp.answer", d: { sdp: "v=0 answer" } });
  await eventually("the answer arrives", () => one.events.answer?.[0]?.sdp === "v=0 answer");
  const d = { ...candidate(1), sdpMid: "0", sdpMLineIndex: 0 };
  await one.room.send({ t: "ice.candidate", d });
  await eventually("the candidate arrives", () => other.events.candidate?.length === 1);
  expect(other.events.candidate).toEqual([{ from: one.room.api.userId, ...d }]);
}

test.for([
  ["two sockets", {}, {}],
  ["a socket and a phone that polls", {}, { transport: "polling" }],
  ["a phone that polls and a socket", { transport: "polling" }, {}],
  ["two phones that poll", { transport: "polling" }, { transport: "polling" }],
] as [string, RoomOptions, RoomOptions][])("%s negotiate, talk and end", async ([, forOne, forOther]) => {
  const { session, host, seeker } = await match(await createRegion(), "voice_call");
  const one = await enter(host, session, forOne);
  const other = await enter(seeker, session, forOther);
  expect(one.events.status?.at(-1)?.status).toBe("active");
  await negotiate(one, other);
  await one.room.say("hello");
  await other.room.say("hello to you");
  for (const side of [one, other]) {
    await eventually("both lines arrive", () => said(side).length === 2);
    expect(said(side)).toEqual(["hello", "hello to you"]);
  }
  await one.room.leave();
  await eventually("the other hears of the end", () => other.events.status?.at(-1)?.status === "completed");
});

test("the room names one who offers, and tells of the other's coming and going", async () => {
  const { session, host, seeker } = await match(await createRegion(), "video_call");
  const one = await enter(host, session);
  const other = await enter(seeker, session);
  const roles = () => [one.room.role, other.room.role].toSorted();
  await eventually("both have a role", () => roles().join() === "answerer,offerer");
  const last = () => one.events.presence?.findLast(({ userId }) => userId === seeker.id);
  await eventually("his socket is told", () => last()?.transport === "socket");
  expect(last()).toEqual({ userId: seeker.id, online: true, transport: "socket" });
  other.room.close();
  // He may come back within his lease.
  await eventually("the other's loss is told", () => last()?.transport !== "socket");
});

test("a lost network loses nothing, in either direction, and nothing comes twice", async () => {
  const { session, host, seeker } = await match(await createRegion(), "chat");
  const way = await network();
  const one = await enter(host, session, {}, way.address);
  const other = await enter(seeker, session);
  await one.room.say("before");
  await eventually("the first line arrives", () => said(other).length === 1);

  way.cut();
  await eventually("the loss is told", () => one.events.transport?.at(-1) === "none");
  const sent = one.room.say("written in the tunnel");
  for (const line of ["one", "two", "three"]) await other.room.say(line);
  way.mend();

  await sent;
  for (const side of [one, other]) {
    await eventually("all lines arrive", () => said(side).length === 5);
    expect(said(side)).toEqual(["before", "one", "two", "three", "written in the tunnel"]);
  }
  expect(one.events.transport).toEqual(["socket", "none", "socket"]);
});

test("where no socket can be had, it polls; a session of others refuses", async () => {
  const { session, host } = await match(await createRegion(), "chat");
  const Real = globalThis.WebSocket;
  // A network whose proxy lets no socket through.
  globalThis.WebSocket = class extends Real {
    constructor() {
      super("ws://127.0.0.1:9/closed");
    }
  } as typeof WebSocket;
  cleanup.push(() => (globalThis.WebSocket = Real));
  const { room } = await enter(host, session);
  expect(room.polls).toBe(true);
  globalThis.WebSocket = Real;

  const stranger = await match(await createRegion(), "chat");
  await expect(enter(stranger.host, session)).rejects.toThrow(/\S/);
});
