/**
 * The pages of the admin site, request by request as a browser sends them: with a preflight, an origin, and the paths
 * that come of the site's two ways with its one base setting (contract: x-base-paths, x-flows, x-missing-routes).
 */
import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type Learner,
  PASSWORD,
  createRegion,
  post,
  unique,
  uniquePhone,
  withDatabase,
} from "../support/client.ts";
import { admin, people, person, student, teacher } from "../support/people.ts";
import { SETTINGS, expectDone, fetchAs } from "./admin-site.support.ts";
import { ID, TEXT, TIME, expectPopulatedUser, expectRefusal, login, stored } from "./auth.support.ts";

const FLAG = expect.any(Boolean);

let boss: Learner;
let home: string;

beforeAll(async () => {
  boss = await admin();
  home = await createRegion();
});

/** The form of the create dialog. */
const form = (fields: object = {}) => ({
  name: `New ${unique()}`,
  email: `${unique()}@example.com`,
  phone: uniquePhone(),
  password: PASSWORD,
  role: "student",
  region: home,
  isActive: true,
  isEmailVerified: false,
  ...fields,
});

describe("sign-in", () => {
  // The site's own server has a base of its own, without /api; it is no browser.
  const forward = (body: object) => post("/api/auth/admin/login", { body });

  test("answers token, name and address", async () => {
    const answer = await forward({ email: boss.email, password: PASSWORD });
    expectDone(answer);
    const user = { _id: boss.id, name: TEXT, email: boss.email, role: "admin" };
    expect(answer.body.data).toMatchObject({ token: expect.stringMatching(/^\S+\.\S+\.\S+$/), user });
  });

  test("is refused with a message to show", async () => {
    const pupil = await student(home);
    expectRefusal(await forward({ email: boss.email, password: "wrong-pass" }), 401, /Invalid credentials/);
    expectRefusal(await forward({ email: pupil.email, password: PASSWORD }), 403);
    expectRefusal(await forward({ email: "", password: "" }), 400);
  });

  test.for(SETTINGS)("the layout keeps whoever is signed in; base $setting", async ({ pages }) => {
    const { token } = (await forward({ email: boss.email, password: PASSWORD })).body.data;
    expect((await fetchAs(token, "GET", `${pages}/auth/me`)).status).toBe(200);
    expect((await fetchAs("expired.or.broken", "GET", `${pages}/auth/me`)).status).toBe(401);
  });
});

describe.for(SETTINGS)("users page; base $setting", ({ pages }) => {
  const list = async (query: string) => {
    const answer = await fetchAs(boss.token, "GET", `${pages}/users?${query}`);
    expectDone(answer);
    return answer.body.data;
  };

  test("lists a page of 20, with what the table shows", async () => {
    const mark = unique();
    const plan = (days: number) => ({ age: 30, planExpiryDate: new Date(Date.now() + days * 86_400_000) });
    const region = new ObjectId(home);
    const [active] = await people(1, { name: `A ${mark}`, region, studentInfo: plan(9) });
    const [expired] = await people(1, { name: `B ${mark}`, region, studentInfo: plan(-9) });
    const code = `T${mark}`.toUpperCase();
    await teacher({
      name: `C ${mark}`,
      teacherInfo: { qualification: "MA", experience: 4, referralCode: code },
    });
    await people(22, { name: `D ${mark}`, region, isActive: false });
    await person({ name: `E ${mark}`, role: "admin", adminInfo: { permissions: ["manage_users"] } });

    const first = await list(`page=1&limit=20&search=${mark}`);
    expect(first.users).toHaveLength(20);
    expect(first.pagination).toMatchObject({ page: 1, limit: 20, pages: 2, total: 26 });
    const second = await list(`page=2&limit=20&search=${mark}`);
    expect(second.users).toHaveLength(6);
    const users = [...first.users, ...second.users];
    expect(new Set(users.map((user: { _id: string }) => user._id)).size).toBe(26);
    for (const user of users) {
      const shown = { _id: ID, name: TEXT, email: TEXT, phone: TEXT, role: TEXT, createdAt: TIME };
      expect(user).toMatchObject({ ...shown, isActive: FLAG, isEmailVerified: FLAG });
      expect(user.adminInfo.permissions).toEqual(expect.any(Array));
      expect(user.teacherInfo.experience).toEqual(expect.any(Number));
      expect(user).not.toHaveProperty("password");
    }
    const find = (id: string) => users.find(({ _id }: { _id: string }) => _id === id);
    expect(find(active!.id)).toMatchObject({
      region: { _id: home, name: TEXT, code: TEXT },
      studentInfo: { age: 30, subscriptionStatus: "active" },
    });
    expect(find(expired!.id).studentInfo.subscriptionStatus).toBe("expired");

    const some = `page=1&limit=20&search=${mark}`;
    const teachers = await list(`${some}&role=teacher`);
    expect(teachers.users).toHaveLength(1);
    expect(teachers.users[0].teacherInfo).toMatchObject({
      qualification: "MA",
      experience: 4,
      referralCode: code,
    });
    expect((await list(`${some}&role=student&status=active`)).pagination.total).toBe(2);
    expect((await list(`${some}&status=inactive`)).pagination.total).toBe(22);
    expect((await list(`${some}&role=admin`)).users[0].adminInfo.permissions).toEqual(["manage_users"]);
    // A filter at "all" goes out empty.
    expect((await list(`${some}&role=&status=`)).pagination.total).toBe(26);
    expect((await fetchAs(boss.token, "GET", `${pages}/regions`)).body.data.regions).toContainEqual(
      expect.objectContaining({ _id: home, name: TEXT, code: TEXT }),
    );
  });

  const create = (body: object) => fetchAs(boss.token, "POST", `${pages}/users`, body);

  test("creates a student, who signs in", async () => {
    const body = form({ studentInfo: { age: 17 }, isEmailVerified: true });
    const answer = await create(body);
    expectDone(answer, 201);
    const user = answer.body.data;
    expectPopulatedUser(user);
    const { name, email, phone } = body;
    expect(user).toMatchObject({
      name,
      email,
      phone,
      role: "student",
      isActive: true,
      isEmailVerified: true,
    });
    expect(user).toMatchObject({ region: { _id: home }, studentInfo: { age: 17 } });
    expect(answer.text).not.toMatch(/\$2[aby]\$|"password"/);
    expect((await login(email)).status).toBe(200);
    expect((await list(`page=1&limit=20&search=${encodeURIComponent(name)}`)).users).toHaveLength(1);
  });

  test("edits with the whole form, an empty region and a password included", async () => {
    const pupil = await student(home);
    // His token is known to be good, perhaps remembered.
    expect((await pupil.get("/api/auth/me")).status).toBe(200);
    const body = {
      name: `Edited ${unique()}`,
      email: pupil.email,
      phone: pupil.phone,
      role: "student",
      region: "",
      isActive: true,
      isEmailVerified: true,
      password: "typed-by-admin-1",
      studentInfo: { age: 44 },
    };
    const answer = await fetchAs(boss.token, "PUT", `${pages}/users/${pupil.id}`, body);
    expectDone(answer);
    expect(answer.body.data).toMatchObject({
      name: body.name,
      isEmailVerified: true,
      region: { _id: home },
      studentInfo: { age: 44 },
    });
    expect((await login(pupil.email, "typed-by-admin-1")).status).toBe(200);
    expect((await login(pupil.email)).status).toBe(401);
    expectRefusal(await pupil.get("/api/auth/me"), 401, /token/);
    // Without a password typed there is none in the form, or an empty one at most for the role's own part.
    const { password: _, studentInfo: __, ...rest } = body;
    const promoted = { ...rest, role: "teacher", teacherInfo: { qualification: "BA", experience: 2 } };
    expectDone(await fetchAs(boss.token, "PUT", `${pages}/users/${pupil.id}`, promoted));
    expect(await stored(pupil.id)).toMatchObject({ role: "teacher", teacherInfo: { experience: 2 } });
    expect((await login(pupil.email, "typed-by-admin-1")).status).toBe(200);
  });

  test("deactivates, and activates again by editing", async () => {
    const pupil = await student(home);
    expect((await pupil.get("/api/auth/me")).status).toBe(200);
    expectDone(await fetchAs(boss.token, "DELETE", `${pages}/users/${pupil.id}`));
    expectRefusal(await pupil.get("/api/auth/me"), 401, /token/);
    expectRefusal(await login(pupil.email), 401, /Account is deactivated/);
    expect((await list(`page=1&limit=20&search=${pupil.email}`)).users[0].isActive).toBe(false);
    const { name } = await stored(pupil.id);
    const body = {
      name,
      email: pupil.email,
      phone: pupil.phone,
      role: "student",
      region: home,
      isActive: true,
    };
    expectDone(await fetchAs(boss.token, "PUT", `${pages}/users/${pupil.id}`, body));
    expect((await login(pupil.email)).status).toBe(200);
    expectRefusal(await fetchAs(boss.token, "DELETE", `${pages}/users/${boss.id}`), 400);
  });
});

// Each of these costs several password hashes: one setting is enough.
describe("create dialog", () => {
  const path = "/users";
  const create = (body: object) => fetchAs(boss.token, "POST", path, body);

  test("creates a teacher and an admin; an empty region is the default one", async () => {
    const taught = await create(
      form({ role: "teacher", region: "", teacherInfo: { qualification: "PhD", experience: 12 } }),
    );
    expectDone(taught, 201);
    expect(taught.body.data).toMatchObject({
      role: "teacher",
      region: { code: "DEF" },
      teacherInfo: { qualification: "PhD", experience: 12, referralCode: expect.stringMatching(/^\d{6}$/) },
    });
    const permissions = ["manage_users", "manage_transactions", "manage_regions"];
    const trusted = form({ role: "admin", region: "", adminInfo: { permissions } });
    const made = await create(trusted);
    expectDone(made, 201);
    expect(made.body.data).toMatchObject({ role: "admin", adminInfo: { permissions } });
    const signedIn = await post("/api/auth/admin/login", {
      body: { email: trusted.email, password: PASSWORD },
    });
    expect(signedIn.status).toBe(200);
  });

  test("creates nobody twice, and nobody inactive who could sign in", async () => {
    const taken = form();
    const asleep = form({ isActive: false });
    expectDone(await create(taken), 201);
    expectDone(await create(asleep), 201);
    expectRefusal(await login(asleep.email), 401, /Account is deactivated/);
    const { email, phone } = taken;
    expectRefusal(await create(form({ email: email.toUpperCase() })), 400, /email/i);
    expectRefusal(await create(form({ phone })), 400, /phone/i);
    for (const wrong of [{ name: "x" }, { email: "nobody" }, { phone: "12" }, { password: "short" }]) {
      expectRefusal(await create(form(wrong)), 400);
    }
    expectRefusal(await create(form({ role: "owner" })), 400);
    const body = form();
    for (const { token } of [await student(home), await teacher()]) {
      expectRefusal(await fetchAs(token, "POST", path, body), 403);
    }
    const found = await withDatabase((db) => db.collection("users").countDocuments({ email: body.email }));
    expect(found).toBe(0);
  });
});

describe.for(SETTINGS)("regions page; base $setting", ({ pages }) => {
  const find = async (id: string) => {
    const answer = await fetchAs(boss.token, "GET", `${pages}/regions`);
    expectDone(answer);
    return answer.body.data.regions.find(({ _id }: { _id: string }) => _id === id);
  };

  test("creates, edits and deletes; each change shows in the list at once", async () => {
    const mark = unique();
    const body = { name: `Town ${mark}`, code: mark.slice(-8), description: "by the sea", isActive: false };
    await find(home);
    const made = await fetchAs(boss.token, "POST", `${pages}/regions`, body);
    expectDone(made, 201);
    const { id } = made.body.data;
    const counts = { totalUsers: 0, totalStudents: 0, totalTeachers: 0, averageScore: 0 };
    const code = body.code.toUpperCase();
    expect(await find(id)).toMatchObject({ ...body, ...counts, code, _id: id, createdAt: TIME });
    expectRefusal(await fetchAs(boss.token, "POST", `${pages}/regions`, body), 400);

    const changed = { ...body, name: `City (${mark} + more`, isActive: true };
    expectDone(await fetchAs(boss.token, "PUT", `${pages}/regions/${id}`, changed));
    expect(await find(id)).toMatchObject({ ...changed, code });
    // Saving the form again, with its odd name, changes nothing and is no duplicate of itself.
    expectDone(await fetchAs(boss.token, "PUT", `${pages}/regions/${id}`, changed));

    const pupil = await student(id);
    expect(await find(id)).toMatchObject({ totalUsers: 1, totalStudents: 1 });
    expectRefusal(await fetchAs(boss.token, "DELETE", `${pages}/regions/${id}`), 400, /\b1\b/);
    await withDatabase((db) => db.collection("users").deleteOne({ _id: new ObjectId(pupil.id) }));
    expectDone(await fetchAs(boss.token, "DELETE", `${pages}/regions/${id}`));
    expect(await find(id)).toBeUndefined();
    expectRefusal(await fetchAs(boss.token, "PUT", `${pages}/regions/${id}`, changed), 404);
  });
});
