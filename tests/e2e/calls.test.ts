import { describe, expect, test } from "vitest";
import {
  RoomSocket,
  createRegion,
  eventually,
  match,
  setFeature,
  signUp,
  withDatabase,
} from "../support/client.ts";
import { ObjectId } from "mongodb";

const FIND = "/api/communication/matchmaking/find-partner";

describe("a call from match to end", () => {
  test("two learners are matched, exchange offer, answer and candidates by polling, and end it", async () => {
    const { session, host, seeker } = await match(await createRegion());
    const path = `/api/communication/session/${session}/webrtc`;

    for (const side of [host, seeker]) {
      const active = await side.get("/api/communication/sessions/active?_=1");
      expect(active.status).toBe(200);
      expect(active.body.data.sessions).toHaveLength(1);
      expect(active.body.data.sessions[0]).toMatchObject({ _id: session, status: "active" });
      expect(active.body.data.sessions[0].participants).toHaveLength(2);
    }
    expect((await host.get(path)).body.data.signaling).toEqual({ offer: {}, answer: {}, iceCandidates: [] });

    const sdp = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n";
    expect((await host.post(`${path}/offer`, { type: "offer", sdp })).body).toEqual({ success: true });
    const text = JSON.stringify({ candidate: "candidate:1", sdpMLineIndex: 0, sdpMid: "0" });
    expect((await host.post(`${path}/ice`, { candidate: text })).status).toBe(200);
    expect((await seeker.post(`${path}/answer`, { type: "answer", sdp: "v=0\r\nanswer" })).status).toBe(200);

    const { signaling } = (await seeker.get(path)).body.data;
    expect(signaling.offer).toMatchObject({ from: host.id, type: "offer", sdp });
    expect(signaling.answer).toMatchObject({ from: seeker.id, type: "answer" });
    expect(signaling.iceCandidates).toHaveLength(1);
    expect(signaling.iceCandidates[0]).toMatchObject({ from: host.id, candidate: text });

    const left = await seeker.post(`/api/communication/call/${session}/leave`);
    expect(left.body.data).toMatchObject({ sessionId: session, status: "completed" });
    expect((await host.get("/api/communication/sessions/active")).body.data.sessions).toEqual([]);
    expect((await host.get(path)).body.data.signaling).toEqual({ offer: {}, answer: {}, iceCandidates: [] });
    expect((await host.post(`${path}/offer`, { type: "offer", sdp })).status).toBe(409);

    await eventually("the record is completed", () =>
      withDatabase(async (db) => {
        const record = await db.collection("sessions").findOne({ _id: new ObjectId(session) });
        return record?.["status"] === "completed" && record["participants"].length === 2;
      }),
    );
  });

  test("both sides use sockets", async () => {
    const { session, host, seeker } = await match(await createRegion());
    const a = await RoomSocket.join(session, host.token);
    const b = await RoomSocket.join(session, seeker.token);
    expect((await b.next((f) => f.t === "room.snapshot")).d).toMatchObject({
      status: "active",
      role: "offerer",
    });
    b.send("sdp.offer", { sdp: "v=0 offer" }, "o1");
    expect((await b.next((f) => f.t === "ack")).id).toBe("o1");
    const offer = await a.next((f) => f.t === "sdp.offer");
    expect(offer).toMatchObject({ from: seeker.id, d: { generation: 1, sdp: "v=0 offer" } });
    a.send("sdp.answer", { generation: 1, sdp: "v=0 answer" }, "a1");
    expect((await b.next((f) => f.t === "sdp.answer")).d.sdp).toBe("v=0 answer");
    a.send("chat.send", { message: "hello" }, "c1");
    expect((await b.next((f) => f.t === "chat.message")).d.message).toBe("hello");
    a.send("session.leave");
    expect((await b.next((f) => f.t === "session.status" && f.d.status === "completed")).d.endedBy.id).toBe(
      host.id,
    );
    a.close();
    b.close();
  });

  test("points reach the leaderboard", async () => {
    const region = await createRegion();
    const { host, seeker } = await match(region);
    for (const side of [host, seeker]) {
      await eventually(
        "one point",
        async () => (await side.get("/api/leaderboard/my-rank")).body.data?.user.totalScore === 1,
      );
    }
    const page = (await host.get(`/api/leaderboard/region/${region}`)).body.data;
    expect(page.leaderboard.map((entry: { student: { id: string } }) => entry.student.id)).toEqual([
      host.id,
      seeker.id,
    ]);
    expect(page.pagination).toEqual({ page: 1, limit: 20, total: 2, pages: 1 });
  });

  test("video calls are gated by the feature", async () => {
    await setFeature("video_calls", true, true);
    const learner = await signUp(await createRegion());
    await eventually("gate is closed", async () => {
      const refused = await learner.post(FIND, { sessionType: "video_call" });
      return refused.status === 403 && refused.body.code === "SUBSCRIPTION_REQUIRED";
    });
  });
});
