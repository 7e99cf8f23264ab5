import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { createRegion, get, post, unique, uniquePhone, withDatabase } from "../support/client.ts";
import {
  CHEAP_HASH,
  claimsOf,
  created,
  expectFieldErrors,
  expectFlatUser,
  expectRefusal,
  login,
  plant,
  register as registerIn,
  registration,
  setUser,
  stored,
} from "./auth.support.ts";

let region: string;
beforeAll(async () => {
  region = await createRegion();
});

const body = (fields: object = {}) => registration(region, fields);
const register = (fields: object = {}) => registerIn(region, fields);

const count = (filter: object = {}) => withDatabase((db) => db.collection("users").countDocuments(filter));

/** Nothing is stored while `work` runs. */
async function storesNothing(work: () => Promise<void>): Promise<void> {
  const before = await count();
  await work();
  expect(await count()).toBe(before);
}

describe("success", () => {
  test("a student: envelope, user, token", async () => {
    const sent = body({ name: "  Asha Rao  " });
    const answer = await post("/api/auth/register", { body: sent });
    const user = created(answer);
    expect(Object.keys(answer.body).sort()).toEqual(["data", "message", "success"]);
    expect(Object.keys(answer.body.data).sort()).toEqual(["token", "user"]);
    expectFlatUser(user);
    expect(user).toMatchObject({
      name: "Asha Rao",
      email: sent.email,
      phone: sent.phone,
      role: "student",
      region,
      isActive: true,
      isEmailVerified: false,
      isPhoneVerified: false,
      profilePicture: null,
      referredBy: null,
      teacherInfo: { isApproved: false },
      studentInfo: { totalSessions: 0, learningGoals: [] },
      adminInfo: { permissions: [] },
      __v: 0,
    });
    expect(user.teacherInfo).not.toHaveProperty("referralCode");

    const { token } = answer.body.data;
    const claims = claimsOf(token);
    expect(claims).toMatchObject({ userId: user._id });
    expect(claims.exp - claims.iat).toBe(7 * 24 * 3600);
    expect((await get("/api/auth/me", { token })).body.data.user._id).toBe(user._id);

    const document = await stored(user._id);
    expect(document["password"]).toMatch(/^\$2[ab]\$12\$.{53}$/);
    expect(document["region"]).toBeInstanceOf(ObjectId);
    for (const field of ["createdAt", "updatedAt", "lastActive"])
      expect(document[field]).toBeInstanceOf(Date);
    expect(document).toMatchObject({
      sessions: [],
      transactions: [],
      gameScores: [],
      isActive: true,
      __v: 0,
    });
  });

  test("teachers: approved at once, each with a six-digit code of his own", async () => {
    const teachers = [
      created(await register({ role: "teacher" })),
      created(await register({ role: "teacher" })),
    ];
    for (const user of teachers) {
      expectFlatUser(user);
      expect(user).toMatchObject({ role: "teacher", teacherInfo: { isApproved: true } });
      expect(user.teacherInfo.referralCode).toMatch(/^[1-9]\d{5}$/);
    }
    expect(teachers[0].teacherInfo.referralCode).not.toBe(teachers[1].teacherInfo.referralCode);
  });

  test("fields that are not asked for are ignored", async () => {
    const user = created(
      await register({
        _id: "507f1f77bcf86cd799439099",
        isActive: false,
        isEmailVerified: true,
        referredBy: new ObjectId().toHexString(),
        studentInfo: { totalSessions: 99, planExpiryDate: "2099-01-01T00:00:00.000Z" },
        teacherInfo: { isApproved: true, referralCode: "123456" },
        adminInfo: { permissions: ["manage_users"] },
        tokenVersion: 9,
        $set: { role: "admin" },
      }),
    );
    expectFlatUser(user);
    expect(user._id).not.toBe("507f1f77bcf86cd799439099");
    expect(user).toMatchObject({
      role: "student",
      isActive: true,
      isEmailVerified: false,
      referredBy: null,
      studentInfo: { totalSessions: 0 },
      teacherInfo: { isApproved: false },
      adminInfo: { permissions: [] },
    });
    expect(user.studentInfo).not.toHaveProperty("planExpiryDate");
    expect(await stored(user._id)).not.toHaveProperty("tokenVersion", 9);
  });
});

describe("e-mail folding: one mailbox is one account", () => {
  test.for([
    // registered, stored, signs in as
    ["MiXeD.#@Example.COM", "mixed.#@example.com", "mixed.#@EXAMPLE.com"],
    ["as.ha.#+school@Gmail.com", "asha#@gmail.com", "A.S.H.A.#+x+y@gmail.com"],
    ["a.b#@googlemail.com", "ab#@gmail.com", "ab#@gmail.com"],
    ["#+x@icloud.com", "#@icloud.com", "#+y@icloud.com"],
    ["#+x@me.com", "#@me.com", "#@me.com"],
    ["#+x@outlook.com", "#@outlook.com", "#+other@outlook.com"],
    ["#+x@hotmail.co.uk", "#@hotmail.co.uk", "#@hotmail.co.uk"],
    ["#-a-b@yahoo.com", "#-a@yahoo.com", "#-a-c@yahoo.com"],
    ["#-a@rocketmail.com", "#@rocketmail.com", "#-b@rocketmail.com"],
    ["#+x@ya.ru", "#+x@yandex.ru", "#+x@yandex.com"],
    ["#+x-y@example.com", "#+x-y@example.com", "#+X-Y@example.com"],
    ["#+x@live.example.org", "#+x@live.example.org", "#+x@live.example.org"],
    ["#-x@yahoo.example.org", "#-x@yahoo.example.org", "#-x@yahoo.example.org"],
  ])("%s", async ([registered, kept, spelled]) => {
    const mark = unique();
    const [given, folded, other] = [registered!, kept!, spelled!].map((text) => text.replace("#", mark));
    const user = created(await register({ email: ` ${given} ` }));
    expect(user.email).toBe(folded);
    await setUser(user._id, { password: CHEAP_HASH });
    const answer = await login(other);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.data.user._id).toBe(user._id);
  });

  test("another spelling of a taken address is taken", async () => {
    const mark = unique();
    await plant({ email: `ab${mark}@gmail.com` });
    await storesNothing(async () =>
      expectRefusal(await register({ email: `a.b${mark}+2@googlemail.com` }), 400, /email already exists/),
    );
  });
});

describe("phone", () => {
  test.for(["(##) ####-####", "+##-#### ####", "##\t########"])(
    "is stored without separators: %j",
    async (writing) => {
      const digits = uniquePhone();
      let at = 0;
      const phone = writing.replace(/#/g, () => digits[at++]!);
      expect(created(await register({ phone })).phone).toBe((writing.startsWith("+") ? "+" : "") + digits);
    },
  );

  test.for([
    ["only separators", "----------"],
    ["nine digits among separators", "98765-4321 "],
    ["nine digits", "987654321"],
    ["sixteen digits", "9876543210123456"],
    ["over fifteen characters", "+91 (98765) 43210"],
    ["a letter", "98765x3210"],
    ["a plus in the middle", "98765+43210"],
    ["another kind of digit", "९८७६५४३२१०"],
    ["nothing", ""],
  ])("refused: %s", ([, phone]) =>
    storesNothing(async () => expectFieldErrors(await register({ phone }), ["phone"])),
  );

  test("a taken number is refused in any writing", async () => {
    const { phone } = await plant();
    await storesNothing(async () => {
      const spaced = `${phone.slice(0, 5)}-${phone.slice(5)}`;
      expectRefusal(await register({ phone: spaced }), 400, /phone already exists/);
    });
  });
});

describe("two at once", () => {
  test.for(["email", "phone"])("with one %s: one gets in", async (field) => {
    const shared = { [field]: (body() as Record<string, string>)[field] };
    const answers = await Promise.all([register(shared), register(shared)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400]);
    const refused = answers.find(({ status }) => status === 400)!;
    expectRefusal(refused, 400, new RegExp(`${field} already exists`));
    expect(await count(shared)).toBe(1);
  });
});

describe("body checks", () => {
  test("each failed check is listed, and the message joins their texts", async () => {
    const answer = await post("/api/auth/register", { body: {} });
    expectFieldErrors(answer, ["name", "email", "phone", "password", "role", "region"]);
    const texts = answer.body.errors.map((error: { msg: string }) => error.msg);
    expect(answer.body.message).toBe(texts.join(", "));
  });

  test("the rejected value comes back trimmed", async () => {
    const answer = await register({ name: " a ", email: " no address " });
    expectFieldErrors(answer, ["name", "email"]);
    const values = answer.body.errors.map((error: { value: unknown }) => error.value);
    expect(values).toEqual(["a", "no address"]);
  });

  test.for(["name", "email", "phone", "password", "role", "region"])("%s is required", (field) =>
    storesNothing(async () => expectFieldErrors(await register({ [field]: undefined }), [field])),
  );

  test.for([
    ["role", "admin"],
    ["role", "Student"],
    ["role", ""],
    ["name", " a "],
    ["region", "x"],
    ["region", ""],
    ["email", "no address"],
    ["email", "a@b"],
    ["email", "+x@gmail.com"],
  ])("%s %j is refused", ([field, value]) =>
    storesNothing(async () => expectFieldErrors(await register({ [field!]: value }), [field!])),
  );

  const WRONG = [5, 9876543210, true, {}, { $gt: "" }, { $oid: "507f1f77bcf86cd799439011" }, [], ["student"]];
  test.for(["name", "email", "phone", "password", "role", "region", "referralCode"])(
    "%s of another type than text is refused",
    (field) =>
      storesNothing(async () => {
        for (const value of WRONG) expectFieldErrors(await register({ [field]: value }), [field]);
        if (field === "referralCode") return;
        expectFieldErrors(await register({ [field]: null }), [field]);
      }),
  );

  test("a form-encoded body is accepted", async () => {
    const answer = await post("/api/auth/register", {
      body: new URLSearchParams(body() as Record<string, string>).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expectFlatUser(created(answer));
  });
});
