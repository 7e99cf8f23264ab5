/** The demo page of calls: two people sign in, are matched, and talk. It is also the client of the browser tests. */
import { Api, Call, Room, type SessionType } from "../ts/src/index.ts";

const find = <Type extends HTMLElement>(id: string) => document.getElementById(id) as Type;
const show = (id: string, text: string) => (find(id).textContent = text);

const api = new Api(`${location.origin}/api`);
let room: Room | undefined;
let call: Call | undefined;
let media: MediaStream | undefined;

/** Runs what a click asks for, and says what went wrong. */
const on = (id: string, event: string, act: () => Promise<void>) =>
  find(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    show("problem", "");
    act().catch((error: unknown) => show("problem", error instanceof Error ? error.message : String(error)));
  });

on("sign-in", "submit", async () => {
  await api.signIn(find<HTMLInputElement>("email").value, find<HTMLInputElement>("password").value);
  // What an earlier visit left behind would keep him from a new partner.
  await api.cancelAll();
  find("sign-in").hidden = true;
  find("lobby").hidden = false;
});

on("find", "click", async () => {
  const kind = find<HTMLSelectElement>("kind").value as SessionType;
  find<HTMLButtonElement>("find").disabled = true;
  try {
    if (kind !== "chat") {
      media = await navigator.mediaDevices.getUserMedia({ audio: true, video: kind === "video_call" });
      find<HTMLVideoElement>("own").srcObject = media;
    }
    await talk(kind);
  } catch (error) {
    over();
    throw error;
  }
});

on("leave", "click", async () => {
  // While nobody has come yet, the room may not be open.
  await (room?.leave() ?? api.cancelAll()).finally(over);
});

on("say", "submit", async () => {
  const text = find<HTMLInputElement>("text");
  await room!.say(text.value);
  text.value = "";
});

async function talk(kind: SessionType): Promise<void> {
  const { session, partner } = await api.findPartner(kind);
  find<HTMLButtonElement>("leave").disabled = false;
  show("status", session.status);
  if (partner) show("partner", partner.name);
  const polls = find<HTMLInputElement>("polling").checked;
  room = new Room(api, session.id, { transport: polls ? "polling" : "auto" });
  listen(room);
  if (media) {
    call = new Call(room);
    call.on("track", (stream) => (find<HTMLVideoElement>("other").srcObject = stream));
    call.on("state", (state) => show("state", state));
  }
  await room.open();
  find("say").hidden = false;
  if (media) call?.start(media);
}

function listen(room: Room): void {
  room.on("status", ({ status, reason, endedBy }) => {
    const who = endedBy ? ` by ${endedBy.name}` : "";
    show("status", `${status}${who}${reason ? ` (${reason})` : ""}`);
    if (status === "active") void introduce();
    if (["completed", "cancelled", "failed"].includes(status)) over();
  });
  room.on("transport", (way) => show("transport", way));
  room.on("latency", (ms) => show("latency", `${ms.toFixed(0)} ms`));
  room.on("presence", ({ userId, online, transport }) => {
    if (userId !== api.userId) show("presence", online ? `here, by ${transport}` : "away");
  });
  room.on("message", ({ from, name, message }) => {
    const line = document.createElement("li");
    line.textContent = from === api.userId ? message : `${name}: ${message}`;
    line.classList.toggle("own", from === api.userId);
    find("lines").append(line);
    line.scrollIntoView();
  });
  room.on("error", ({ message }) => show("problem", message));
}

/** The waiter learns who came. */
async function introduce(): Promise<void> {
  const session = (await api.liveSessions()).find(({ _id }) => _id === room?.session);
  const partner = session?.participants.find(({ user }) => user._id !== api.userId);
  if (partner) show("partner", partner.user.name);
}

function over(): void {
  call?.close();
  room?.close();
  for (const track of media?.getTracks() ?? []) track.stop();
  [room, call, media] = [undefined, undefined, undefined];
  find<HTMLVideoElement>("other").srcObject = null;
  find("say").hidden = true;
  find<HTMLButtonElement>("find").disabled = false;
  find<HTMLButtonElement>("leave").disabled = true;
  show("partner", "Nobody yet");
}
