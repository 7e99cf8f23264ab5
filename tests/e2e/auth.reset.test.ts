import { type Document, ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { PASSWORD, get, post, unique, withDatabase } from "../support/client.ts";
import { lettersTo, resetToken } from "../support/outbox.ts";
import { sign, tokenFor } from "../support/tokens.ts";
import { expectFieldErrors, expectRefusal, login, plant, setUser, stored } from "./auth.support.ts";

const NEW = "brand-new-pass";
const MINUTE = 60_000;

const forgot = (email: unknown) => post("/api/auth/forgot-password", { body: { email } });
const reset = (token: unknown, password: unknown = NEW) =>
  post("/api/auth/reset-password", { body: { token, password } });

/** An account that has asked for a letter, and what the letter says. */
async function forgetful(fields: Document = {}) {
  const user = await plant(fields);
  expect((await forgot(user.email)).status).toBe(200);
  return { ...user, token: undefined, secret: await resetToken(user.email) };
}

/** A token that resets nothing. */
async function expectNoReset(token: string, id: string, password = NEW): Promise<void> {
  const before = await stored(id);
  const answer = await reset(token, password);
  expectRefusal(answer, 400);
  expect(answer.body).not.toHaveProperty("errors");
  expect((await stored(id))["password"]).toBe(before["password"]);
}

describe("asking for a letter", () => {
  test("is answered alike for known, unknown and deactivated addresses, and only the known one gets a letter", async () => {
    const known = await plant();
    const inactive = await plant({ isActive: false });
    const unknown = `${unique()}@example.com`;
    const answers = [await forgot(unknown), await forgot(inactive.email), await forgot(known.email)];
    const [first] = answers;
    expect(first!.status, first!.text).toBe(200);
    expect(first!.body).toMatchObject({ success: true, message: expect.stringMatching(/\S/) });
    for (const answer of answers) expect(answer.body).toEqual(first!.body);
    for (const answer of answers) expect(answer.status).toBe(200);

    const secret = await resetToken(known.email);
    for (const answer of answers) {
      expect(answer.text).not.toContain(secret);
      // The account takeover of the old server: a token in the answer.
      expect(answer.text).not.toMatch(/resetToken|eyJ/);
      for (const [, value] of answer.headers) expect(value).not.toContain(secret);
    }
    // The letter to the known address was asked for last, so the others would be here by now.
    expect(lettersTo(unknown)).toEqual([]);
    expect(lettersTo(inactive.email)).toEqual([]);
    expect(lettersTo(known.email)).toHaveLength(1);
  });

  test("finds the account in any writing of its address", async () => {
    const mark = unique();
    const email = `ab${mark}@gmail.com`;
    await plant({ email });
    for (const [at, spelled] of [`A.B${mark}+school@GoogleMail.com`, ` ${email.toUpperCase()} `].entries()) {
      const answer = await forgot(spelled);
      expect(answer.status, answer.text).toBe(200);
      await resetToken(email, at + 1);
    }
  });

  test.for([undefined, null, "", "no address", "a@b", 5, true, {}, { $gt: "" }, ["a@example.com"]])(
    "needs an address: %j",
    async (email) => expectFieldErrors(await forgot(email), ["email"]),
  );

  test("neither changes the password nor ends a session", async () => {
    const user = await plant();
    const before = await stored(user.id);
    await forgot(user.email);
    await resetToken(user.email);
    expect((await stored(user.id))["password"]).toBe(before["password"]);
    expect((await user.get("/api/auth/me")).status).toBe(200);
    expect((await login(user.email)).status).toBe(200);
  });
});

describe("the letter's token", () => {
  test("sets the password, once, and ends every session", async () => {
    const legacy = { kept: true };
    const { id, email, secret } = await forgetful({ legacy, studentInfo: { age: 12, favourite: "blue" } });
    const before = await stored(id);
    const sessions = [(await login(email)).body.data.token, tokenFor(id)];
    for (const token of sessions) expect((await get("/api/auth/me", { token })).status).toBe(200);

    const answer = await reset(secret);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ success: true, message: expect.stringMatching(/\S/) });
    for (const hidden of [NEW, secret, email]) expect(answer.text).not.toContain(hidden);
    for (const token of sessions) {
      expectRefusal(await get("/api/auth/me", { token }), 401, /token/);
      expectRefusal(await get("/api/leaderboard/my-rank", { token }), 401, /token/);
      expectRefusal(await post("/api/auth/logout", { token }), 401, /token/);
    }
    expectRefusal(await login(email), 401, /Invalid credentials/);
    const fresh = (await login(email, NEW)).body.data.token;
    expect((await get("/api/auth/me", { token: fresh })).status).toBe(200);

    const after = await stored(id);
    expect(after["password"]).toMatch(/^\$2[ab]\$12\$.{53}$/);
    for (const field of ["name", "email", "phone", "role", "region", "isActive", "legacy", "studentInfo"]) {
      expect(after[field]).toEqual(before[field]);
    }

    await expectNoReset(secret, id, "yet-another-pass");
    expect((await get("/api/auth/me", { token: fresh })).status).toBe(200);
  });

  test("works for teachers and administrators too", async () => {
    for (const role of ["teacher", "admin"]) {
      const { email, secret } = await forgetful({ role });
      expect((await reset(secret)).status).toBe(200);
      expect((await login(email, NEW)).body.data.user.role).toBe(role);
    }
  });

  test("used twice at once: one wins", async () => {
    const { email, secret } = await forgetful();
    const wanted = ["first-choice", "second-choice"];
    const answers = await Promise.all(wanted.map((password) => reset(secret, password)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    const won = answers.findIndex(({ status }) => status === 200);
    expect((await login(email, wanted[won])).status).toBe(200);
    expect((await login(email, wanted[1 - won])).status).toBe(401);
  });

  test("is no bearer token, before and after", async () => {
    const { id, secret } = await forgetful();
    const refused = async () => {
      for (const path of ["/api/auth/me", `/api/users/${id}`, "/api/leaderboard/my-rank"]) {
        expectRefusal(await get(path, { token: secret }), 401, /token/);
      }
    };
    await refused();
    expect((await reset(secret)).status).toBe(200);
    await refused();
  });

  test("is not the same twice, and the letters tell nothing else that is secret", async () => {
    const user = await plant();
    await forgot(user.email);
    const first = await resetToken(user.email);
    await forgot(user.email);
    await resetToken(user.email, 2);
    const letters = lettersTo(user.email).join();
    const tokens = [...letters.matchAll(/[?&]token=([\w.~-]+)/g)].map(([, token]) => token);
    expect(new Set(tokens).size).toBe(2);
    // Long enough not to be guessed, and not made of what anybody knows.
    expect(first.length).toBeGreaterThanOrEqual(22);
    for (const hidden of ["$2", user.id, PASSWORD]) expect(first).not.toContain(hidden);
    expect(letters).not.toContain((await stored(user.id))["password"]);
  });

  test("is not stored in the clear", async () => {
    const { id, secret } = await forgetful();
    expect(JSON.stringify(await stored(id))).not.toContain(secret);
  });

  test.for([
    [29, 200],
    [31, 400],
  ])("after %i minutes: %i", async ([minutes, status], { skip }) => {
    const user = await plant();
    const before = await stored(user.id);
    await forgot(user.email);
    const secret = await resetToken(user.email);
    const after = await stored(user.id);
    // The clock cannot be turned, but the times that the letter left in the account can.
    const back = (old: unknown, value: unknown): unknown => {
      const at = value instanceof Date ? value.getTime() : Number.NaN;
      if (old instanceof Date && old.getTime() === at) return value;
      if (!Number.isNaN(at)) return new Date(at - minutes! * MINUTE);
      const plain = [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value ?? 0));
      if (typeof value !== "object" || value === null || !plain) return value;
      const inside = (typeof old === "object" && old !== null ? old : {}) as Record<string, unknown>;
      const moved = Object.entries(value).map(([key, item]) => [key, back(inside[key], item)]);
      return Array.isArray(value) ? moved.map(([, item]) => item) : Object.fromEntries(moved);
    };
    const changed = Object.keys(after).filter(
      (key) => JSON.stringify(after[key]) !== JSON.stringify(before[key]),
    );
    const moved = Object.fromEntries(changed.map((key) => [key, back(before[key], after[key])]));
    if (JSON.stringify(moved) === JSON.stringify(Object.fromEntries(changed.map((key) => [key, after[key]]))))
      return skip("the time of the letter is not kept in the account");
    await setUser(user.id, moved);
    if (status === 400) await expectNoReset(secret, user.id);
    else expect((await reset(secret)).status).toBe(200);
  });
});

describe("what resets nothing", () => {
  test.for<[string, (id: string) => string]>([
    ["garbage", () => "garbage"],
    ["an access token of the old server", (id) => tokenFor(id)],
    ["a reset token of the old server", (id) => tokenFor(id, { exp: Math.floor(Date.now() / 1000) + 1800 })],
    [
      "a token with a purpose, signed with the key",
      (id) => sign({ userId: id, purpose: "reset", typ: "reset", exp: Math.floor(Date.now() / 1000) + 1800 }),
    ],
    ["the id of the account", (id) => id],
    ["an id of nobody", () => new ObjectId().toHexString()],
    ["a regular expression", () => ".*"],
    ["very long", () => "x".repeat(5000)],
  ])("%s", async ([, make]) => {
    const { id } = await forgetful();
    await expectNoReset(make(id), id);
  });

  test("an access token fresh from sign-in", async () => {
    const { id, email } = await forgetful();
    const { token } = (await login(email)).body.data;
    await expectNoReset(token, id);
    expect((await get("/api/auth/me", { token })).status).toBe(200);
  });

  test("a changed token", async () => {
    const { id, secret } = await forgetful();
    const last = secret.endsWith("A") ? "B" : "A";
    const first = secret.startsWith("A") ? "B" : "A";
    for (const changed of [
      secret.slice(0, -1),
      `${secret}0`,
      first + secret.slice(1),
      secret.slice(0, 12) + last + secret.slice(13) + last,
      secret.split("").reverse().join(""),
    ]) {
      await expectNoReset(changed, id);
    }
    expect((await reset(secret)).status).toBe(200);
  });

  test("a token whose account is gone or was deactivated since", async () => {
    const gone = await forgetful();
    await withDatabase((db) => db.collection("users").deleteOne({ _id: new ObjectId(gone.id) }));
    expectRefusal(await reset(gone.secret), 400);
    const inactive = await forgetful();
    await setUser(inactive.id, { isActive: false });
    await expectNoReset(inactive.secret, inactive.id);
  });

  test("a token of one account for another", async () => {
    const [one, other] = [await forgetful(), await forgetful()];
    const before = await stored(other.id);
    const body = { token: one.secret, password: NEW, userId: other.id, _id: other.id, email: other.email };
    expect((await post("/api/auth/reset-password", { body })).status).toBe(200);
    expect((await stored(other.id))["password"]).toBe(before["password"]);
    expect((await login(one.email, NEW)).status).toBe(200);
  });
});

describe("body checks of the reset", () => {
  const WRONG = ["abcde", "", "y".repeat(73), 12345678, true, null, {}, { $ne: 1 }, [NEW], undefined];

  test("a bad password is listed, is not sent back, and does not use up the token", async () => {
    const { email, secret } = await forgetful();
    for (const password of WRONG) {
      const body = { token: secret, ...(password === undefined ? {} : { password }) };
      const answer = await post("/api/auth/reset-password", { body });
      expectFieldErrors(answer, ["password"]);
      expect(answer.text).not.toContain(secret);
      if (typeof password === "string" && password !== "") expect(answer.text).not.toContain(password);
    }
    expect((await reset(secret)).status).toBe(200);
    expect((await login(email, NEW)).status).toBe(200);
  });

  test.for([undefined, null, "", 5, true, {}, { $ne: null }, ["x"]])(
    "a token is needed: %j",
    async (token) => {
      const answer = await reset(token);
      expectFieldErrors(answer, ["token"]);
      expect(answer.text).not.toContain(NEW);
    },
  );

  test("an empty body lists both", async () => {
    expectFieldErrors(await post("/api/auth/reset-password", { body: {} }), ["token", "password"]);
  });
});
