/** STUN and TURN servers with credentials that expire, by route and in a room's welcome. */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Answer, type Learner, RoomSocket, call, matchLearners } from "../support/client.ts";
import { type Served, serve } from "../support/serve.ts";
import { cohort, data } from "./groups.support.ts";
import { NO_STORE, TIME, expectError, through } from "./sessions.support.ts";

const PATH = "/api/communication/ice-servers";
const SECRET = "known to the TURN server";
const URLS = ["turn:turn.example.com:3478", "turns:turn.example.com:5349?transport=tcp"];
const STUN = { urls: [expect.stringMatching(/^stun:/), expect.stringMatching(/^stun:/)] };

const workers: Served[] = [];
async function open(env: Record<string, string>): Promise<[Learner, Learner, string]> {
  const { dataApi, folder } = inject("stack");
  const worker = await serve({ dataApi, folder: join(folder, `turn-${workers.length}`), env });
  workers.push(worker);
  const [one, other] = (await cohort(2)).map((who) => through(who, worker.base)) as [Learner, Learner];
  return [one, other, worker.base];
}
afterAll(async () => {
  for (const { program } of workers) await program.stop();
});

const servers = (answer: Answer) => data(answer).iceServers;

describe("a TURN server that knows a secret", () => {
  let one: Learner, other: Learner, base: string;
  beforeAll(async () => {
    [one, other, base] = await open({ TURN_URLS: URLS.join(" , "), TURN_SECRET: SECRET });
  });

  test("accepts the credentials, which are the caller's own and expire", async () => {
    const answer = await one.get(PATH);
    expect(answer.headers.get("cache-control")).toBe(NO_STORE);
    expect(data(answer).expiresAt).toEqual(TIME);
    const [stun, turn] = servers(answer);
    expect(stun).toEqual(STUN);
    expect(turn.urls).toEqual(URLS);
    const [expiry, user] = turn.username.split(":");
    expect(user).toBe(one.id);
    expect(Number(expiry)).toBe(Math.floor(Date.parse(data(answer).expiresAt) / 1000));
    expect(Number(expiry) * 1000).toBeGreaterThan(Date.now());
    expect(turn.credential).toBe(createHmac("sha1", SECRET).update(turn.username).digest("base64"));
    expect(answer.text).not.toContain(SECRET);
  });

  test("is in the welcome of a room", async () => {
    const { session, host } = await matchLearners(one, other, "chat");
    const socket = await RoomSocket.open(session, host.token, base);
    socket.send("hello");
    const welcome = await socket.next(({ t }) => t === "welcome");
    expect(welcome.d.iceServers).toMatchObject([STUN, { urls: URLS }]);
    expect(welcome.d.iceServers[1].username.split(":")[1]).toBe(host.id);
    socket.close();
  });

  test("is for whoever is signed in", async () => {
    expectError(await call("GET", PATH, { base }), 401, "Access token required");
  });
});

test("a provider makes the credentials; when it fails, STUN is left", async () => {
  const made = [{ urls: ["turn:turn.cloudflare.com:3478"], username: "made", credential: "for us" }];
  const asked: { url: string; authorization: string; body: string }[] = [];
  let fails = false;
  const provider = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      asked.push({ url: request.url!, authorization: request.headers.authorization!, body });
      response.writeHead(fails ? 500 : 201, { "content-type": "application/json" });
      response.end(JSON.stringify({ iceServers: made }));
    });
  });
  provider.listen(0, "127.0.0.1");
  await once(provider, "listening");
  try {
    const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1/`;
    const [one] = await open({ TURN_API_URL: url, TURN_KEY_ID: "key-1", TURN_KEY_TOKEN: "opens-it" });
    expect(servers(await one.get(PATH))).toEqual([STUN, ...made]);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      url: "/v1/turn/keys/key-1/credentials/generate-ice-servers",
      authorization: "Bearer opens-it",
    });
    expect(JSON.parse(asked[0]!.body).ttl).toBeGreaterThan(3600);
    fails = true;
    expect(servers(await one.get(PATH))).toEqual([STUN]);
  } finally {
    provider.close();
  }
});

test("the public relay is for development only", async () => {
  const [production] = await open({ ENVIRONMENT: "production" });
  expect(servers(await production.get(PATH))).toEqual([STUN]);
  const [development] = await open({ ENVIRONMENT: "development" });
  expect(servers(await development.get(PATH))).toMatchObject([STUN, { username: expect.any(String) }]);
});
