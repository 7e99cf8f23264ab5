import { createHmac } from "node:crypto";
import { ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { PASSWORD, call, createRegion, eventually, get, post } from "../support/client.ts";
import { JWT_SECRET } from "../support/serve.ts";
import { sign, tokenFor } from "../support/tokens.ts";
import { expectFieldErrors, expectRefusal, login, plant, setUser, stored } from "./auth.support.ts";

const ME = "/api/auth/me";
const now = () => Math.floor(Date.now() / 1000);
const me = (token: string) => get(ME, { token });
const logout = (token: string) => post("/api/auth/logout", { token });
const change = (token: string | undefined, body: unknown) =>
  call("PUT", "/api/auth/change-password", { token, body });

/** A 401 of a token: clients look for the lower-case word. */
const expectNoToken = async (answer: Promise<Awaited<ReturnType<typeof get>>>) =>
  expectRefusal(await answer, 401, /token/);

async function signedIn() {
  const user = await plant();
  const { token } = (await login(user.email)).body.data;
  return { ...user, token: token as string };
}

describe("the header", () => {
  test.for([undefined, "", "Bearer", "Bearer ", "just-one-word"])(
    "without a token: %j",
    async (authorization) => {
      const answer = await get(ME, authorization === undefined ? {} : { headers: { authorization } });
      expectRefusal(answer, 401, /Access token required/);
      expect(answer.body.message).toContain("token");
    },
  );

  test.for(["Bearer", "bearer", "JWT", "whatever"])("the scheme is not looked at: %s", async (scheme) => {
    const { id, token } = await plant();
    const answer = await get(ME, { headers: { authorization: `${scheme} ${token}` } });
    expect(answer.body.data.user._id).toBe(id);
  });
});

describe("a bad token is refused", () => {
  const unsigned = (header: object, id: string) =>
    `${[header, { userId: id, exp: now() + 3600 }].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.`;
  const hs512 = (id: string) => {
    const text = unsigned({ alg: "HS512", typ: "JWT" }, id).slice(0, -1);
    return `${text}.${createHmac("sha512", JWT_SECRET).update(text).digest("base64url")}`;
  };
  const tampered = (id: string) => {
    const [header, , signature] = tokenFor(new ObjectId().toHexString()).split(".");
    return [header, tokenFor(id).split(".")[1], signature].join(".");
  };

  // Each is made for an account that exists, so that nothing but the token can be the reason.
  test.for<[string, (id: string) => string]>([
    ["garbage", () => "garbage"],
    ["three parts of garbage", () => "a.b.c"],
    ["dots", () => ".."],
    ["algorithm none", (id) => unsigned({ alg: "none", typ: "JWT" }, id)],
    ["algorithm None, signed", (id) => sign({ userId: id, exp: now() + 3600 }, { header: { alg: "None" } })],
    ["another algorithm with the right key", hs512],
    ["another key", (id) => sign({ userId: id, exp: now() + 3600 }, { secret: "another key" })],
    ["an empty key", (id) => sign({ userId: id, exp: now() + 3600 }, { secret: "" })],
    ["changed claims", tampered],
    ["cut off", (id) => tokenFor(id).slice(0, -4)],
    ["expired", (id) => tokenFor(id, { iat: now() - 7200, exp: now() - 3600 })],
    ["expired a moment ago", (id) => tokenFor(id, { exp: now() - 1 })],
    ["not yet valid", (id) => tokenFor(id, { nbf: now() + 3600 })],
    ["no userId", () => sign({ iat: now(), exp: now() + 3600 })],
    ["userId no id", () => tokenFor("not-an-id")],
    ["userId too short", (id) => tokenFor(id.slice(1))],
    ["userId a number", (id) => tokenFor(id, { userId: 5 })],
    ["userId an operator", (id) => tokenFor(id, { userId: { $gt: "" } })],
    ["userId a list", (id) => tokenFor(id, { userId: [id] })],
    ["unknown user", () => tokenFor(new ObjectId().toHexString())],
    ["oversized", (id) => tokenFor(id, { padding: "x".repeat(6000) })],
  ])("%s", async ([, make]) => {
    const { id } = await plant();
    expect((await me(tokenFor(id))).status).toBe(200);
    const token = make(id);
    await expectNoToken(me(token));
    await expectNoToken(logout(token));
    await expectNoToken(change(token, {}));
  });

  test("a deactivated account's token", async () => {
    const { token } = await plant({ isActive: false });
    await expectNoToken(me(token));
    await expectNoToken(logout(token));
  });

  test("an account deactivated later is refused everywhere within 10 s", async () => {
    const { id, token } = await plant({ region: new ObjectId(await createRegion()) });
    const paths = [ME, "/api/leaderboard/my-rank", "/api/communication/sessions/active"];
    for (const path of paths) expect((await get(path, { token })).status).toBe(200);
    await setUser(id, { isActive: false });
    await eventually(
      "refused",
      async () => {
        const answers = await Promise.all(paths.map((path) => get(path, { token })));
        return answers.every(({ status, body }) => status === 401 && body.message.includes("token"));
      },
      10,
    );
    expectRefusal(await login((await stored(id))["email"]), 401, /Account is deactivated/);
  });
});

describe("sign-out", () => {
  test("ends the token it came with, and no other", async () => {
    const { id, email, token } = await signedIn();
    const other = (await login(email)).body.data.token;
    await setUser(id, { lastActive: new Date(0) });
    const answer = await logout(token);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ success: true, message: expect.stringMatching(/\S/) });
    await expectNoToken(me(token));
    await expectNoToken(logout(token));
    await expectNoToken(get("/api/leaderboard/my-rank", { token }));
    for (const good of [other, tokenFor(id)]) expect((await me(good)).status).toBe(200);
    expect(Math.abs((await stored(id))["lastActive"].getTime() - Date.now())).toBeLessThan(5000);
  });

  test("changes nothing else that the account holds", async () => {
    const { id, token } = await plant({
      role: "teacher",
      teacherInfo: { isApproved: false, favourite: "blue" },
      legacy: { kept: true },
    });
    const before = await stored(id);
    expect((await logout(token)).status).toBe(200);
    expect(await stored(id)).toMatchObject({ ...before, lastActive: expect.any(Date) });
  });

  test("ends a token of the old server too", async () => {
    const { id, token } = await plant();
    const other = tokenFor(id, { iat: now() - 60 });
    expect((await logout(token)).status).toBe(200);
    await expectNoToken(me(token));
    expect((await me(other)).status).toBe(200);
  });

  test("a token stays ended, however many sign-outs follow", async () => {
    const { id, token } = await signedIn();
    expect((await logout(token)).status).toBe(200);
    for (let turn = 0; turn < 25; turn++) {
      const another = tokenFor(id, { jti: new ObjectId().toHexString() });
      expect((await logout(another)).status).toBe(200);
    }
    await expectNoToken(me(token));
  });
});

describe("a change of the password", () => {
  const NEW = "brand-new-pass";

  test("ends all tokens; the new password opens the account, the old one does not", async () => {
    const { id, email, token } = await signedIn();
    await setUser(id, { legacy: { kept: true } });
    const before = await stored(id);
    const answer = await change(token, { currentPassword: PASSWORD, newPassword: NEW });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ success: true, message: expect.stringMatching(/\S/) });
    for (const ended of [token, tokenFor(id)]) {
      await expectNoToken(me(ended));
      await expectNoToken(logout(ended));
      await expectNoToken(get("/api/leaderboard/my-rank", { token: ended }));
    }
    expectRefusal(await login(email), 401, /Invalid credentials/);
    const fresh = (await login(email, NEW)).body.data.token;
    expect((await me(fresh)).status).toBe(200);

    const after = await stored(id);
    expect(after["password"]).toMatch(/^\$2[ab]\$12\$/);
    for (const field of ["_id", "name", "email", "phone", "role", "region", "legacy", "createdAt"]) {
      expect(after[field]).toEqual(before[field]);
    }
  });

  test("takes the right current password", async () => {
    const { id, email, token } = await plant();
    const before = await stored(id);
    for (const currentPassword of ["not-the-password", `${PASSWORD} `, NEW]) {
      const answer = await change(token, { currentPassword, newPassword: NEW });
      expectRefusal(answer, 400);
      expect(answer.body).not.toHaveProperty("errors");
      for (const secret of [currentPassword, NEW]) expect(answer.text).not.toContain(secret);
    }
    expect(await stored(id)).toEqual(before);
    expect((await login(email)).status).toBe(200);
    expect((await me(token)).status).toBe(200);
  });

  test.for([
    [{}, ["currentPassword", "newPassword"]],
    [{ currentPassword: PASSWORD }, ["newPassword"]],
    [{ newPassword: NEW }, ["currentPassword"]],
    [{ currentPassword: "", newPassword: NEW }, ["currentPassword"]],
    ...["abcde", "😀😁😂😃😄", "y".repeat(73), 12345678, true, null, {}, { $ne: 1 }, [NEW]].map(
      (newPassword) => [{ currentPassword: PASSWORD, newPassword }, ["newPassword"]],
    ),
    ...[12345678, true, null, { $ne: null }, [PASSWORD]].map((currentPassword) => [
      { currentPassword, newPassword: NEW },
      ["currentPassword"],
    ]),
  ] as [object, string[]][])("checks %j", async ([body, fields]) => {
    const { id, token } = await plant();
    const before = await stored(id);
    const answer = await change(token, body);
    expectFieldErrors(answer, fields);
    expect(answer.body.message).toContain("Validation");
    for (const secret of [PASSWORD, NEW]) expect(answer.text).not.toContain(secret);
    expect(await stored(id)).toEqual(before);
  });

  test("the token is looked at before the body", async () => {
    expectRefusal(await change(undefined, {}), 401, /Access token required/);
  });

  test("two at once: one wins", async () => {
    const { email, token } = await plant();
    const wanted = ["first-choice", "second-choice"];
    const answers = await Promise.all(
      wanted.map((newPassword) => change(token, { currentPassword: PASSWORD, newPassword })),
    );
    const won = answers.findIndex(({ status }) => status === 200);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect([400, 401]).toContain(answers[1 - won]!.status);
    expect((await login(email, wanted[won])).status).toBe(200);
    expect((await login(email, wanted[1 - won])).status).toBe(401);
  });
});
