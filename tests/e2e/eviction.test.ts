import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { createRegion, match } from "../support/client.ts";

// The runtime evicts an object that nobody called for ten seconds: its memory goes, its database stays.
const EVICTED_AFTER_MS = 12_000;

test("objects that were evicted answer as before", async () => {
  const region = await createRegion();
  const { session, host, seeker } = await match(region);
  const webrtc = `/api/communication/session/${session}/webrtc`;
  await host.post(`${webrtc}/offer`, { type: "offer", sdp: "v=0" });
  await host.post(`/api/communication/chat/${session}/message`, { message: "hello", messageType: "text" });
  const paths = [
    webrtc,
    `/api/communication/chat/${session}/messages`,
    "/api/communication/sessions/active",
    "/api/leaderboard/my-rank",
    `/api/leaderboard/region/${region}`,
  ];
  const look = () => Promise.all(paths.map(async (path) => (await seeker.get(path)).body.data));
  await expect
    .poll(async () => (await seeker.get("/api/leaderboard/my-rank")).body.data.user.totalScore)
    .toBe(1);
  const before = await look();
  await wait(EVICTED_AFTER_MS);
  expect(await look()).toEqual(before);
});
