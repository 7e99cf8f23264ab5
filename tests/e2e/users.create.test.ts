/** POST /api/users: the dialog of the admin site that had no route. */
import { type Document, ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type Learner,
  createRegion,
  get,
  post,
  unique,
  uniquePhone,
  withDatabase,
} from "../support/client.ts";
import { admin, student, teacher } from "../support/people.ts";
import { expectRefusal, login, plant, stored } from "./auth.support.ts";
import { UNKNOWN, dataOf, expectSingleUser, idsOf } from "./users.support.ts";

const PATH = "/api/users";
const NEW = "chosen-pass";
let boss: Learner;
let region: string;
beforeAll(async () => {
  boss = await admin();
  region = await createRegion();
});

/** The form of the dialog. */
const form = (fields: Document = {}): Document => ({
  name: `Created ${unique()}`,
  email: `${unique()}@example.com`,
  phone: uniquePhone(),
  password: NEW,
  role: "student",
  region,
  isActive: true,
  isEmailVerified: false,
  ...fields,
});
const send = (body: unknown, token: string | undefined = boss.token) => post(PATH, { token, body });
/** The user of a form that must have been accepted. */
const create = async (fields: Document = {}) => dataOf(await send(form(fields)), 201);

const count = (filter: object) => withDatabase((db) => db.collection("users").countDocuments(filter));

test("is for administrators, before the body is looked at", async () => {
  const body = form();
  for (const sent of [body, { name: "a" }]) {
    expectRefusal(await post(PATH, { body: sent }), 401, /Access token required/);
    for (const { token } of [await student(region), await teacher()])
      expectRefusal(await send(sent, token), 403);
  }
  expect(await count({ email: body["email"] })).toBe(0);
});

describe("creates", () => {
  test("a student, as by registration, who can sign in and is listed", async () => {
    const sent = form({ name: "  Asha Rao ", studentInfo: { age: "14" }, isEmailVerified: true });
    const answer = await send(sent);
    const user = dataOf(answer, 201);
    expectSingleUser(user);
    for (const hidden of ["password", "token", "user"]) expect(user).not.toHaveProperty(hidden);
    expect(answer.text).not.toContain(NEW);
    expect(user).toMatchObject({
      name: "Asha Rao",
      email: sent["email"],
      phone: sent["phone"],
      role: "student",
      region: { _id: region },
      isActive: true,
      isEmailVerified: true,
      isPhoneVerified: false,
      profilePicture: null,
      studentInfo: { age: 14, totalSessions: 0, learningGoals: [] },
      teacherInfo: { isApproved: false },
      adminInfo: { permissions: [] },
      gameScores: [],
    });
    const document = await stored(user._id);
    expect(document).toMatchObject({ sessions: [], transactions: [], gameScores: [], __v: 0 });
    expect(document["password"]).toMatch(/^\$2[ab]\$12\$.{53}$/);
    expect(document["region"]).toEqual(new ObjectId(region));
    for (const field of ["createdAt", "updatedAt"]) expect(document[field]).toBeInstanceOf(Date);

    const { token } = (await login(sent["email"], NEW)).body.data;
    expect((await get("/api/auth/me", { token })).body.data.user._id).toBe(user._id);
    const listed = dataOf(await boss.get(`${PATH}?region=${region}&search=${sent["phone"]}`));
    expect(idsOf(listed)).toEqual([user._id]);
  });

  test("a teacher, approved, with a code of his own", async () => {
    const user = await create({ role: "teacher", teacherInfo: { qualification: "M.A.", experience: "7" } });
    expectSingleUser(user);
    const teacherInfo = { qualification: "M.A.", experience: 7, isApproved: true, totalEarnings: 0 };
    expect(user).toMatchObject({ role: "teacher", teacherInfo });
    expect(user.teacherInfo.referralCode).toMatch(/^[1-9]\d{5}$/);
  });

  test("an administrator, who can use the admin site", async () => {
    const permissions = ["manage_users", "manage_transactions", "manage_regions"];
    const user = await create({ role: "admin", adminInfo: { permissions } });
    expectSingleUser(user);
    expect(user).toMatchObject({ role: "admin", adminInfo: { permissions } });
    expect(user.teacherInfo).not.toHaveProperty("referralCode");
    const answer = await post("/api/auth/admin/login", { body: { email: user.email, password: NEW } });
    expect(answer.status, answer.text).toBe(200);
    expect((await get(`${PATH}?limit=1`, { token: answer.body.data.token })).status).toBe(200);
  });

  test("an inactive user, who cannot sign in yet", async () => {
    const user = await create({ isActive: false });
    expect(user.isActive).toBe(false);
    expectRefusal(await login(user.email, NEW), 401, /Account is deactivated/);
  });

  test("in the default region, when the dialog chose none", async () => {
    const user = await create({ region: "" });
    expectSingleUser(user);
    expect(user.region).toMatchObject({ code: "DEF" });
    expect((await stored(user._id))["region"]).toEqual(new ObjectId(user.region._id as string));
  });

  test("with folded address and clean phone", async () => {
    const mark = unique();
    const digits = uniquePhone();
    const phone = `+91-${digits.slice(0, 5)} ${digits.slice(5)}`;
    const user = await create({ email: `A.B${mark}+x@GoogleMail.com`, phone });
    expect(user).toMatchObject({ email: `ab${mark}@gmail.com`, phone: `+91${digits}` });
  });

  test("nothing out of fields that the dialog does not have", async () => {
    const _id = new ObjectId().toHexString();
    const user = await create({ _id, __v: 9, tokenVersion: 9, sessions: [_id], $set: { x: 1 }, extra: 1 });
    expectSingleUser(user);
    expect(user._id).not.toBe(_id);
    const document = await stored(user._id);
    expect(document).toMatchObject({ __v: 0, sessions: [] });
    for (const field of ["extra", "$set"]) expect(document).not.toHaveProperty([field]);
    expect(document["tokenVersion"] ?? 0).toBe(0);
  });
});

describe("refuses", () => {
  /** A plain 400 or one with a list; nothing is stored. */
  async function expectRefused(fields: Document, path?: string): Promise<void> {
    const body = form({ name: `Refused ${unique()}`, ...fields });
    const answer = await send(body);
    expectRefusal(answer, 400);
    if (path !== undefined) {
      const paths = answer.body.errors?.map((error: { path: string }) => error.path);
      expect([...new Set(paths)], answer.text).toEqual([expect.stringMatching(new RegExp(`^${path}`))]);
    }
    expect(answer.text).not.toContain(NEW);
    if (typeof body["name"] === "string") expect(await count({ name: body["name"] })).toBe(0);
  }

  test.for<[string, unknown[]]>([
    ["name", [" a ", "", { $ne: 1 }, undefined]],
    ["email", ["no address", "a@b", { $ne: 1 }, undefined]],
    ["phone", ["----------", "12345", "98765x3210", { $ne: 1 }, undefined]],
    ["password", ["five5", "", 12345678, { $ne: 1 }, undefined]],
    ["role", ["king", "Student", { $ne: 1 }]],
  ])("a bad %s", async ([field, values]) => {
    for (const value of values) await expectRefused({ [field]: value }, field);
  });

  test("bad parts", async () => {
    await expectRefused({ isActive: "maybe" }, "isActive");
    await expectRefused({ isEmailVerified: { $ne: 1 } }, "isEmailVerified");
    for (const age of [4, 101, "abc"]) await expectRefused({ studentInfo: { age } }, "studentInfo.age");
    for (const experience of [-1, "x"])
      await expectRefused({ role: "teacher", teacherInfo: { experience } }, "teacherInfo.experience");
    const permissions = ["rule_the_world"];
    await expectRefused({ role: "admin", adminInfo: { permissions } }, "adminInfo.permissions");
  });

  test("an unknown region", async () => {
    await expectRefused({ region: UNKNOWN });
    await expectRefused({ region: { $ne: 1 } });
  });

  test("an empty body, and malformed JSON", async () => {
    const answer = await send({});
    expectRefusal(answer, 400);
    const paths = answer.body.errors.map((error: { path: string }) => error.path);
    expect(paths).toEqual(expect.arrayContaining(["name", "email", "phone", "password"]));
    expectRefusal(await send("{"), 400);
  });

  test("taken addresses and phones, in any writing", async () => {
    const mark = unique();
    const { phone } = await plant({ email: `ab${mark}@gmail.com` });
    const spaced = `${phone.slice(0, 5)}-${phone.slice(5)}`;
    for (const [fields, text] of [
      [{ email: `ab${mark}@gmail.com` }, /email already exists/],
      [{ email: `a.b${mark}+2@googlemail.com` }, /email already exists/],
      [{ phone }, /phone already exists/],
      [{ phone: spaced }, /phone already exists/],
    ] as const) {
      const answer = await send(form(fields));
      expectRefusal(answer, 400, text);
      expect(answer.body).not.toHaveProperty("errors");
    }
  });

  test.for(["email", "phone"])("the second of two with one %s at once", async (field) => {
    const shared = { [field]: form()[field] };
    const answers = await Promise.all([send(form(shared)), send(form(shared))]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400]);
    expect(await count(shared)).toBe(1);
  });
});
