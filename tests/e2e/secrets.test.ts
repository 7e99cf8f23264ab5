/** No answer of these routes, good or bad, carries what must stay inside. */
import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { PASSWORD, call, createRegion, get, match, post, recorded, signUp } from "../support/client.ts";
import { JWT_SECRET } from "../support/serve.ts";
import { sign, tokenFor } from "../support/tokens.ts";
import {
  adminToken,
  expectRefusal,
  login,
  plant,
  registration,
  setUser,
  stored,
  withUnreadable,
} from "./auth.support.ts";

/** Hashes that the accounts of this file have. */
const hashes: string[] = [];
const keep = async (id: string) => hashes.push((await stored(id))["password"]);

beforeAll(async () => {
  const region = await createRegion();
  const { session, host, seeker } = await match(region);
  const teacher = await signUp(region, { role: "teacher" });
  const admin = await adminToken();
  const secretive = await plant({
    region: new ObjectId(region),
    referredBy: new ObjectId(teacher.id),
    resetPasswordToken: "reset-token-inside",
    revokedTokens: ["revoked-token-inside"],
  });
  for (const { id } of [host, seeker, teacher, secretive]) await keep(id);
  await setUser(host.id, { resetPasswordToken: "reset-token-inside" });

  const call_ = `/api/communication/session/${session}`;
  const paths = [
    "/health",
    "/keepalive",
    "/openapi.json",
    "/api/regions",
    "/api/auth/me",
    "/api/leaderboard/my-rank",
    `/api/leaderboard/region/${region}`,
    `/api/leaderboard/region/${region}/top3`,
    "/api/communication/sessions/active",
    call_,
    `${call_}/webrtc`,
    `/api/communication/chat/${session}/messages`,
    "/api/leaderboard/region/not-an-id",
    "/api/leaderboard/region/%FF/top3",
    `/api/leaderboard/region/${region}?page=1&page=2`,
    "/api/regions?search=a&search=b",
    "/api/no/such/path",
  ];
  const tokens = [undefined, host.token, seeker.token, teacher.token, admin, secretive.token, "garbage"];
  for (const token of [
    ...tokens,
    sign({ userId: { $ne: 1 }, exp: 1e10 }),
    tokenFor(new ObjectId().toHexString()),
  ]) {
    for (const path of paths) await get(path, { token });
  }

  const bodies: unknown[] = [
    {},
    [],
    "{",
    '"x"',
    { email: host.email, password: PASSWORD },
    { email: secretive.email, password: PASSWORD },
    { email: host.email, password: "wrong-password" },
    { email: { $gt: "" }, password: { $gt: "" } },
    { email: host.email, password: { $regex: "^\\$2" } },
    { currentPassword: "wrong-password", newPassword: "new-password" },
    { currentPassword: { $ne: null }, newPassword: 5 },
    registration(region, { email: host.email }),
    registration(region, { phone: host.phone }),
    registration(region, { region: new ObjectId().toHexString() }),
    registration(region, { password: hashes[0] }),
    { ...registration(region), name: "x".repeat(5000), role: { $ne: "admin" } },
  ];
  for (const body of bodies) {
    for (const path of [
      "/api/auth/login",
      "/api/auth/admin/login",
      "/api/auth/register",
      `${call_}/webrtc/offer`,
    ]) {
      await post(path, { body });
    }
    await call("PUT", "/api/auth/change-password", { token: secretive.token, body });
  }
  await host.post(`/api/communication/chat/${session}/message`, { message: "hello" });
  await host.post(`${call_}/ticket`);
  await host.post(`/api/communication/call/${session}/leave`);
  await seeker.post("/api/communication/sessions/cancel-all");

  // A document that cannot be read: what went wrong is for the log.
  await withUnreadable(async (broken) => {
    await keep(broken.id);
    await broken.get("/api/auth/me");
    await broken.get("/api/leaderboard/my-rank");
    await login(broken.email);
    await broken.post("/api/auth/logout");
  });
});

const FORBIDDEN: [string, () => (string | RegExp)[]][] = [
  ["a hash", () => ["$2a$", "$2b$", ...hashes]],
  [
    "a password",
    () => [/"password"\s*:/, PASSWORD, "wrong-password", "new-password", inject("stack").admin.password],
  ],
  ["a signing key", () => [JWT_SECRET]],
  [
    "how the database is reached",
    () => [inject("stack").dataApi.key, inject("stack").dataApi.url, "mongodb://"],
  ],
  [
    "tokens that are stored",
    () => ["reset-token-inside", "revoked-token-inside", "tokenVersion", "revokedTokens"],
  ],
  [
    "a stack trace",
    () => [/"stack"/, /\.rs:\d/, /\bat \S+ ?\(?\S+:\d+:\d+/, "panicked", "RustError", "wasm"],
  ],
  [
    "words of the parser or the database",
    () => [/at line \d+/, /E11000/, /missing field/, /invalid type/, /serde|deseriali[sz]e/i],
  ],
];

describe("no answer has", () => {
  test.for(FORBIDDEN)("%s", ([, patterns]) => {
    expect(recorded.length).toBeGreaterThan(200);
    for (const { path, text } of recorded) {
      // The description of the interface names fields; it holds no values.
      if (path === "/openapi.json") continue;
      for (const pattern of patterns()) {
        const found = typeof pattern === "string" ? text.includes(pattern) : pattern.test(text);
        expect(found, `${String(pattern)} in the answer of ${path}: ${text.slice(0, 400)}`).toBe(false);
      }
    }
  });
});

test("the description of the interface has none either", () => {
  const text = recorded.find(({ path }) => path === "/openapi.json")!.text;
  for (const secret of ["$2a$", "$2b$", JWT_SECRET, inject("stack").dataApi.key])
    expect(text).not.toContain(secret);
});

test("a document that cannot be read is our mistake, told in plain words", () =>
  withUnreadable(async (broken) => {
    const answer = await broken.get("/api/auth/me");
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expectRefusal(answer, answer.status);
    expect(answer.body).not.toHaveProperty("data");
  }));
