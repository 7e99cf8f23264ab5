/** Calls of which a feature is paid or switched off. The switches are put back for the other files. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ObjectId } from "mongodb";
import {
  type Answer,
  type Learner,
  call,
  eventually,
  setFeature,
  unique,
  withDatabase,
} from "../support/client.ts";
import { cohort, data, initiate, oid, openGates, told } from "./groups.support.ts";
import { at, expectError, nobody } from "./sessions.support.ts";

const ONE = "/api/communication/call/initiate";
const way = (session: string, rest: string) => `/api/communication/call/${session}/${rest}`;
const tomorrow = new Date(Date.now() + 86_400_000);

let poor: Learner, friend: Learner, outsider: Learner, caller: Learner, called: Learner;
let rich: Learner, expired: Learner, basic: Learner, pro: Learner, tutor: Learner;
let video: string, voice: string;

const required = (requiredPlan: string) =>
  withDatabase((db) =>
    db.collection("features").updateOne({ key: "video_calls" }, { $set: { requiredPlan } }),
  );

async function plan(planType: string): Promise<ObjectId> {
  const _id = new ObjectId();
  await withDatabase((db) =>
    db
      .collection("plans")
      .insertOne({ _id, name: `Plan ${unique()}`, price: 100, planType, tier: planType, isActive: true }),
  );
  return _id;
}

function expectGated(answer: Answer): void {
  expectError(answer, 403);
  expect(answer.body.code, answer.text).toBe("SUBSCRIPTION_REQUIRED");
}

const tries = (who: Learner, callType: string, other = friend) =>
  who.post(ONE, { participants: [who.id, other.id], callType, title: "A call" });

/** May call somebody who is free. */
async function expectOpen(who: Learner): Promise<void> {
  const [free] = await cohort(1, { region: oid(poor.region) });
  told(await tries(who, "video", free), 201);
  data(await who.post("/api/communication/sessions/cancel-all"));
}

const passes = ({ status }: Answer) => status !== 403;

beforeAll(async () => {
  await openGates();
  [poor, friend, outsider] = (await cohort(3)) as [Learner, Learner, Learner];
  const region = oid(poor.region);
  const student = async (studentInfo: object) => (await cohort(1, { region, studentInfo }))[0]!;
  rich = await student({ planExpiryDate: tomorrow, currentPlan: await plan("premium") });
  expired = await student({ planExpiryDate: new Date(Date.now() - 60_000), currentPlan: await plan("pro") });
  basic = await student({ planExpiryDate: tomorrow, currentPlan: await plan("basic") });
  pro = await student({ planExpiryDate: tomorrow, currentPlan: await plan("pro") });
  tutor = (await cohort(1, { region, role: "teacher" }))[0]!;
  video = await initiate(poor, friend, "video");
  [caller, called] = (await cohort(2, { region })) as [Learner, Learner];
  voice = await initiate(caller, called);
  await setFeature("video_calls", true, true);
  await eventually("the gate is closed", async () => !passes(await tries(poor, "video")), 20);
}, 60_000);

afterAll(async () => {
  await required("free");
  await openGates();
}, 60_000);

test("a paid feature stops initiate before anything else is looked at", async () => {
  expectGated(await tries(poor, "video"));
  expectGated(await poor.post(ONE, { callType: "video" }));
  expectGated(await poor.post(ONE, { callType: "video", participants: ["nope"], title: "x" }));
  expectGated(await tries(expired, "video"));
  for (const who of [rich, basic, pro, tutor]) await expectOpen(who);
});

test("a paid feature stops join and state of such calls, for whoever asks", async () => {
  for (const who of [poor, friend, outsider]) {
    expectGated(await who.post(way(video, "join")));
    expectGated(
      await call("PUT", way(video, "participant/state"), { token: who.token, body: { micEnabled: true } }),
    );
  }
  // The gate comes after the session, and before the participants.
  expectError(await poor.post(way(nobody(), "join")), 404);
  expectError(await rich.post(way(video, "join")), 403);
  expect((await rich.post(way(video, "join"))).body.code).not.toBe("SUBSCRIPTION_REQUIRED");
});

test("other kinds go on", async () => {
  for (const who of [caller, called]) {
    data(await who.post(way(voice, "join")));
    data(await who.get(at.details(voice)));
  }
});

test("the plan must be large enough", async () => {
  await required("pro");
  await eventually("the larger plan is asked for", async () => !passes(await tries(basic, "video")), 20);
  for (const who of [basic, rich]) expectGated(await tries(who, "video"));
  for (const who of [pro, tutor]) await expectOpen(who);
});

test("a feature that is switched off is closed to everybody", async () => {
  await setFeature("video_calls", false, false);
  await eventually("it is off", async () => !passes(await tries(tutor, "video")), 20);
  for (const who of [poor, pro, tutor]) expectGated(await tries(who, "video"));
  const [boss] = await cohort(1, { role: "admin", region: oid(poor.region) });
  expectGated(await tries(boss!, "video"));
});
