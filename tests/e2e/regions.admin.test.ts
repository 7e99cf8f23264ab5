/** Regions made and changed by administrators, and the single read that every signed-in user may do. */
import { describe, expect, test } from "vitest";
import { call, createRegion, get, unique, withDatabase } from "../support/client.ts";
import { person, student, teacher } from "../support/people.ts";
import { ID, TEXT, TIME, expectExactly, expectFieldErrors, expectRefusal } from "./auth.support.ts";
import { expectPlain, listed, newRegion, regionsAdmin, shortCode, stored } from "./regions.support.ts";
import { NO_IDS, UNKNOWN, dataOf, oid } from "./users.support.ts";

const NUMBER = expect.any(Number);
const FLAG = expect.any(Boolean);

const admins = regionsAdmin();
const { ask, create, update, one } = admins;

test.for([
  ["POST", "", {}],
  ["PUT", `/${UNKNOWN}`, { name: "x" }],
  ["PUT", "/not-an-id", {}],
  ["DELETE", `/${UNKNOWN}`, undefined],
  ["DELETE", "/not-an-id", undefined],
  ["GET", "/not-an-id/statistics", undefined],
  ["PATCH", "/not-an-id/toggle-status", undefined],
] as const)(
  "%s %s is for administrators, before anything else is looked at",
  async ([method, path, body]) => {
    expectRefusal(await call(method, `/api/regions${path}`, { body }), 401, /Access token required/);
    expectRefusal(await ask(method, path, body, "garbage"), 401, /token/);
    for (const { token } of [await person(), await teacher()]) {
      expectRefusal(await ask(method, path, body, token), 403);
    }
  },
);

describe("create", () => {
  test("answers and stores what was sent, trimmed, the code in capitals", async () => {
    const code = shortCode();
    const name = `Côte ${unique()}`;
    const body = {
      name: `  ${name} `,
      code: ` ${code.toLowerCase()} `,
      description: "  By the sea ",
      extra: 1,
    };
    const data = dataOf(await create({ ...body, isActive: false }), 201);
    const shown = { name, code, description: "By the sea", isActive: false };
    expect(data).toEqual({ id: ID, ...shown, createdAt: TIME });
    const document = await stored(data.id);
    expect(document).toMatchObject({ ...shown, _id: oid(data.id) });
    expect(document).not.toHaveProperty("extra");
    for (const field of ["createdAt", "updatedAt"]) expect(document[field]).toEqual(expect.any(Date));
    expect(document["createdAt"].toISOString()).toBe(data.createdAt);
    expect(await listed(name)).toMatchObject([{ _id: data.id, ...shown, totalUsers: 0, averageScore: 0 }]);
  });

  test("needs no more than name and code", async () => {
    const body = newRegion();
    const data = dataOf(await create(body), 201);
    expect(data).toEqual({ id: ID, ...body, isActive: true, createdAt: TIME });
    expect(await stored(data.id)).toMatchObject({ ...body, isActive: true });
  });

  test.for([
    ["true", true],
    ["false", false],
    ["1", true],
    ["0", false],
  ] as const)("takes isActive as text: %s", async ([isActive, expected]) => {
    const data = dataOf(await create(newRegion({ isActive })), 201);
    expect(data.isActive).toBe(expected);
    expect((await stored(data.id))["isActive"]).toBe(expected);
  });

  test("takes a form", async () => {
    const body = newRegion();
    const form = new URLSearchParams({ ...body, isActive: "false" }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await call("POST", "/api/regions", { token: admins.token(), body: form, headers });
    expect(dataOf(answer, 201)).toMatchObject({ ...body, isActive: false });
  });

  test.for([
    [{ name: undefined, code: undefined }, ["name", "code"]],
    [{ name: "" }, ["name"]],
    [{ name: "  a " }, ["name"]],
    [{ name: "n".repeat(101) }, ["name"]],
    [{ name: null }, ["name"]],
    [{ name: { $gt: "" } }, ["name"]],
    [{ code: " a " }, ["code"]],
    [{ code: "ABCDEFGHIJK" }, ["code"]],
    [{ code: { $ne: 1 } }, ["code"]],
    [{ description: "d".repeat(501) }, ["description"]],
    [{ isActive: "maybe" }, ["isActive"]],
    [{ isActive: null }, ["isActive"]],
    [{ isActive: 2, code: "A" }, ["isActive", "code"]],
  ] as const)("refuses %j", async ([fields, paths]) => {
    const body = newRegion(fields);
    expectFieldErrors(await create(body), [...paths]);
    if (typeof body.code === "string")
      expect(await withDatabase((db) => db.collection("regions").countDocuments({ code: body.code }))).toBe(
        0,
      );
  });

  test("accepts the longest and the shortest", async () => {
    const mark = unique();
    const long = { name: mark.padEnd(100, "x"), code: shortCode(), description: "d".repeat(500) };
    expect(dataOf(await create(long), 201)).toMatchObject(long);
    // Two characters are few; somebody else may have them.
    const short = await create({ name: `  ${mark}  `, code: "q7" });
    if (short.status === 201) expect(short.body.data.code).toBe("Q7");
    else expectPlain(short, 400);
  });

  test("refuses a name or code that is taken, in any case", async () => {
    const taken = newRegion({ name: `Ünder (${unique()}) .*` });
    dataOf(await create(taken), 201);
    for (const name of [taken.name, taken.name.toUpperCase(), ` ${taken.name.toLowerCase()} `]) {
      expectPlain(await create(newRegion({ name })), 400);
    }
    for (const code of [taken.code, taken.code.toLowerCase()])
      expectPlain(await create(newRegion({ code })), 400);
    expect(await listed(taken.name)).toHaveLength(1);
  });

  test.for([".*", "(", ")", "[a", "+", "a|b", "\\", "$", "^", "?", "{1", "*"])(
    "characters of regular expressions stand for themselves: %s",
    async (odd) => {
      const mark = unique();
      dataOf(await create(newRegion({ name: `${mark} plain ab`, code: `A${shortCode().slice(1)}` })), 201);
      const data = dataOf(await create(newRegion({ name: `${mark} ${odd}` })), 201);
      // As the site saves it: all fields, changed or not.
      const { name, code } = data;
      dataOf(await update(data.id, { name, code, description: "saved", isActive: true }));
      expectPlain(await create(newRegion({ name })), 400);
    },
  );

  test.for([
    ["name", () => ({ name: `Race ${unique()}` })],
    ["code", () => ({ code: shortCode() })],
  ] as const)("one of many at once gets the %s", async ([, make]) => {
    const same = make();
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(newRegion(same))));
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(1);
    for (const answer of answers) if (!made.includes(answer)) expectPlain(answer, 400);
    expect(await withDatabase((db) => db.collection("regions").countDocuments(same))).toBe(1);
  });
});

describe("one region", () => {
  const DETAIL = { _id: ID, name: TEXT, code: TEXT, isActive: FLAG, createdAt: TIME, updatedAt: TIME };
  const COUNTS = { totalUsers: NUMBER, totalStudents: NUMBER, totalTeachers: NUMBER, averageScore: NUMBER };

  test("for any signed-in user, active or not, under its id in any case", async () => {
    const id = await createRegion({ isActive: false, description: "Asleep" });
    for (const { token } of [{ token: admins.token() }, await student(id), await teacher()]) {
      const data = dataOf(await ask("GET", `/${id.toUpperCase()}`, undefined, token));
      expectExactly(data, { ...DETAIL, ...COUNTS, description: "Asleep" });
      expect(data).toMatchObject({ _id: id, isActive: false });
    }
    expect(dataOf(await one(await createRegion()))).not.toHaveProperty("description");
  });

  test("counts its active users", async () => {
    const region = oid(await createRegion({ totalUsers: 77 }));
    const scored = (averageGameScore: number) => ({ region, studentInfo: { averageGameScore } });
    await person(scored(70));
    await person(scored(81));
    await person({ ...scored(5), isActive: false });
    await person({ region, role: "teacher" });
    const expected = { totalUsers: 3, totalStudents: 2, totalTeachers: 1, averageScore: 76 };
    expect(dataOf(await one(region.toHexString()))).toMatchObject(expected);
  });

  test("refusals", async () => {
    const id = await createRegion();
    expectRefusal(await get(`/api/regions/${id}`), 401, /Access token required/);
    for (const bad of NO_IDS) expectPlain(await one(bad), 400);
    expectPlain(await one(UNKNOWN), 404);
  });
});

describe("update", () => {
  test("changes what is sent, and nothing else", async () => {
    const id = await createRegion({ description: "Before", totalUsers: 3, legacy: { kept: true } });
    const before = await stored(id);
    const name = `Renamed ${unique()}`;
    const data = dataOf(await update(id, { name: ` ${name} `, totalUsers: 99, legacy: 1, _id: UNKNOWN }));
    const { code } = before;
    expect(data).toEqual({ id, name, code, description: "Before", isActive: true, updatedAt: TIME });
    const SAVED = { updatedAt: expect.any(Date), __v: NUMBER };
    expect(await stored(id)).toEqual({ ...before, ...SAVED, name });
    expect(Date.parse(data.updatedAt)).toBeGreaterThanOrEqual(before["updatedAt"].getTime());
    const changed = { code: shortCode(), description: "After", isActive: false };
    const sent = { ...changed, code: ` ${changed.code.toLowerCase()} `, isActive: "false" };
    expect(dataOf(await update(id, sent))).toEqual({ id, name, ...changed, updatedAt: TIME });
    expect(await stored(id)).toEqual({ ...before, ...SAVED, name, ...changed });
    expect(await listed(name)).toMatchObject([{ _id: id, ...changed }]);
  });

  test("of nothing is fine; the description stays absent", async () => {
    const id = await createRegion();
    const { name, code } = await stored(id);
    expect(dataOf(await update(id, {}))).toEqual({ id, name, code, isActive: true, updatedAt: TIME });
  });

  test("checks the body before the id, and the id before its region", async () => {
    for (const id of ["not-an-id", UNKNOWN]) expectFieldErrors(await update(id, { name: "x" }), ["name"]);
    for (const id of NO_IDS) expectPlain(await update(id, { name: "Fine" }), 400);
    expectPlain(await update(UNKNOWN, { name: `Fine ${unique()}` }), 404);
  });

  test.for([
    [{ name: " x " }, ["name"]],
    [{ name: "n".repeat(101) }, ["name"]],
    [{ name: null }, ["name"]],
    [{ code: "x" }, ["code"]],
    [{ code: "ABCDEFGHIJK", description: "d".repeat(501) }, ["code", "description"]],
    [{ isActive: "off" }, ["isActive"]],
    [{ isActive: null }, ["isActive"]],
  ] as const)("refuses %j", async ([body, paths]) => {
    const id = await createRegion();
    const before = await stored(id);
    expectFieldErrors(await update(id, body), [...paths]);
    expect(await stored(id)).toEqual(before);
  });

  test("refuses another region's name or code, in any case, but not its own", async () => {
    const [id, other] = [await createRegion(), await createRegion()];
    const { name } = await stored(other);
    // The codes of the fixtures are longer than the contract lets through.
    const fits = shortCode();
    dataOf(await update(other, { code: fits }));
    for (const body of [
      { name },
      { name: name.toUpperCase() },
      { code: fits },
      { code: fits.toLowerCase() },
    ]) {
      expectPlain(await update(id, body), 400);
    }
    dataOf(await update(other, { name: name.toUpperCase(), code: fits.toLowerCase() }));
    expect(await stored(other)).toMatchObject({ name: name.toUpperCase(), code: fits });
  });

  test("one of two at once gets the name", async () => {
    const ids = [await createRegion(), await createRegion()];
    const name = `Both ${unique()}`;
    const answers = await Promise.all(ids.map((id) => update(id, { name })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(await listed(name)).toHaveLength(1);
  });

  test("of different fields at once keeps all of them", async () => {
    const id = await createRegion();
    const fields = { name: `Kept ${unique()}`, code: shortCode(), description: "Kept", isActive: false };
    await Promise.all(
      Object.entries(fields).map(([key, value]) => update(id, { [key]: value }).then(dataOf)),
    );
    expect(await stored(id)).toMatchObject(fields);
  });
});
