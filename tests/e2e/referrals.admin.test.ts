/** Codes made, changed, switched and deleted by administrators, and the single read. */
import { type Document, ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { call, withDatabase } from "../support/client.ts";
import { person } from "../support/people.ts";
import { TEXT, expectFieldErrors, expectRefusal } from "./auth.support.ts";
import {
  codedTeacher,
  expectInvalid,
  expectPlain,
  expectReferral,
  inDays,
  newCode,
  offer,
  oldUse,
  plantPurchases,
  plantReferral,
  referralsAdmin,
  storedReferral,
  storedUser,
} from "./referrals.support.ts";
import { NO_IDS, UNKNOWN, dataOf, oid } from "./users.support.ts";

const SIX_DIGITS = /^[1-9]\d{5}$/;
const SOON = "2031-05-06T07:08:09.012Z";
const SAVED = { updatedAt: expect.any(Date), __v: expect.any(Number) };

const admins = referralsAdmin();
const { ask, create, one, remove, toggle, update } = admins;
/** A code that must be made. */
const made = async (teacher: string, fields: object = {}): Promise<Document> =>
  dataOf(await create({ teacher, discountPercentage: 30, ...fields }), 201);

test.for([
  ["POST", "", {}],
  ["PUT", `/${UNKNOWN}`, { discountPercentage: 0 }],
  ["PUT", "/not-an-id", {}],
  ["DELETE", "/not-an-id"],
  ["PATCH", "/not-an-id/toggle-status"],
] as const)(
  "%s %s is for administrators, before anything else is looked at",
  async ([method, path, body]) => {
    const options = body === undefined ? {} : { body };
    expectRefusal(await call(method, `/api/referrals${path}`, options), 401, /Access token required/);
    expectRefusal(await ask(method, path, body, "garbage"), 401, /token/);
    for (const { token } of [await person(), await codedTeacher()]) {
      expectRefusal(await ask(method, path, body, token), 403);
    }
  },
);

describe("create", () => {
  test("makes a code that is good at once, without limits", async () => {
    const teacher = await codedTeacher();
    const data = await made(teacher.id);
    expectReferral(data);
    const { name } = await storedUser(teacher.id);
    const figures = { totalUses: 0, totalDiscountGiven: 0, totalRevenue: 0, usedBy: [] };
    expect(data).toMatchObject({
      referralCode: expect.stringMatching(SIX_DIGITS),
      discountPercentage: 30,
      maxUses: -1,
      isActive: true,
      isApproved: true,
      minimumAmount: 0,
      maximumDiscount: 1000,
      ...figures,
      teacher: { _id: teacher.id, name, email: teacher.email, phone: teacher.phone },
    });
    expect(data).not.toHaveProperty("validUntil");
    expect(await storedReferral(data["_id"])).toMatchObject({
      teacher: oid(teacher.id),
      referralCode: data["referralCode"],
      isApproved: true,
      maxUses: -1,
      validFrom: expect.any(Date),
    });
    expect(await offer(data["referralCode"], 1000)).toMatchObject({
      id: data["_id"],
      discountPercentage: 30,
      discountAmount: 300,
    });
    expect(dataOf(await one(data["_id"]))).toEqual(data);
  });

  test("keeps what was sent", async () => {
    const teacher = await codedTeacher();
    const sent = { isActive: "false", maxUses: "5", discountPercentage: "12", expiryDate: SOON };
    const data = await made(teacher.id, {
      ...sent,
      description: "  For the fair ",
      totalUses: 9,
      referralCode: "1",
    });
    expectReferral(data);
    expect(data).toMatchObject({ isActive: false, maxUses: 5, discountPercentage: 12, validUntil: SOON });
    expect(data).toMatchObject({ totalUses: 0, referralCode: expect.stringMatching(SIX_DIGITS) });
    expect(await storedReferral(data["_id"])).toMatchObject({
      isActive: false,
      maxUses: 5,
      discountPercentage: 12,
      validUntil: new Date(SOON),
      description: "For the fair",
    });
    await expectInvalid(data["referralCode"], 100);
  });

  test("becomes the teacher's code, and the printed ones stay good", async () => {
    const first = newCode();
    const teacher = await codedTeacher({}, { referralCode: first, bio: "Old hand" });
    const codes: string[] = [first];
    for (const discountPercentage of [30, 50]) {
      const { referralCode } = await made(teacher.id, { discountPercentage });
      codes.push(referralCode);
      const { teacherInfo } = await storedUser(teacher.id);
      expect(teacherInfo).toMatchObject({ referralCode, bio: "Old hand", isApproved: true });
    }
    expect(new Set(codes).size).toBe(3);
    const offers = [];
    for (const code of codes) offers.push(await offer(code, 1000));
    expect(offers.map(({ discountPercentage }) => discountPercentage)).toEqual([25, 30, 50]);
  });

  test("several at once for one teacher are all good", async () => {
    const first = newCode();
    const teacher = await codedTeacher({}, { referralCode: first });
    const all = await Promise.all(Array.from({ length: 4 }, () => made(teacher.id)));
    const codes = all.map(({ referralCode }) => referralCode);
    expect(new Set(codes).size).toBe(4);
    for (const code of [...codes, first]) await offer(code, 100);
    expect(codes).toContain((await storedUser(teacher.id))["teacherInfo"].referralCode);
  });

  test.for([
    [{ teacher: undefined, discountPercentage: undefined }],
    [{ teacher: "not-an-id" }],
    [{ teacher: { $ne: "" } }],
    [{ teacher: null }],
    [{ discountPercentage: 0 }],
    [{ discountPercentage: 101 }],
    [{ discountPercentage: 12.5 }],
    [{ discountPercentage: "many" }],
    [{ discountPercentage: null }],
    [{ maxUses: 0 }],
    [{ maxUses: 1.5 }],
    [{ maxUses: "many" }],
    [{ isActive: "perhaps" }],
    [{ expiryDate: "soon" }],
    [{ expiryDate: "2031-13-45" }],
    [{ description: "d".repeat(501) }],
    [{ maxUses: -5, isActive: null }],
  ] as Document[][])("refuses %j", async ([fields]) => {
    const { id } = await codedTeacher();
    const before = await storedUser(id);
    expectFieldErrors(await create({ teacher: id, discountPercentage: 30, ...fields }), Object.keys(fields!));
    expect(await storedUser(id)).toEqual(before);
    expect(await withDatabase((db) => db.collection("referrals").countDocuments({ teacher: oid(id) }))).toBe(
      0,
    );
  });

  test("is for teachers who are there", async () => {
    expectPlain(await create({ teacher: UNKNOWN, discountPercentage: 30 }), 404);
    for (const who of [await person(), admins.boss()]) {
      expectPlain(await create({ teacher: who.id, discountPercentage: 30 }), 400);
      expect((await storedUser(who.id))["teacherInfo"]?.referralCode).toBeUndefined();
    }
  });
});

describe("one code", () => {
  test("for administrators and its own teacher", async () => {
    const { id, teacher } = await plantReferral({ usedBy: [oldUse()], totalUses: 1, validUntil: inDays(9) });
    for (const token of [admins.boss().token, teacher.token]) {
      const data = dataOf(await one(id.toUpperCase(), token));
      expectReferral(data);
      expect(data).toMatchObject({ _id: id, totalUses: 1, teacher: { _id: teacher.id } });
    }
  });

  test("for nobody else", async () => {
    const { id } = await plantReferral();
    expectRefusal(await call("GET", `/api/referrals/${id}`), 401, /Access token required/);
    for (const { token } of [await person(), await codedTeacher()]) {
      expectPlain(await one(id, token), 403);
      const unknown = await one(UNKNOWN, token);
      expect([403, 404]).toContain(unknown.status);
      for (const bad of NO_IDS) expectPlain(await one(bad, token), 400);
    }
  });

  test("that is not there, or whose teacher is gone", async () => {
    for (const bad of NO_IDS) expectPlain(await one(bad), 400);
    expectPlain(await one(UNKNOWN), 404);
    const { id } = await plantReferral({ teacher: new ObjectId() });
    const data = dataOf(await one(id));
    expectReferral(data);
    expect(data.teacher).toBeNull();
    expectPlain(await one(id, (await person()).token), 403);
  });
});

describe("update", () => {
  test("changes what is sent, also of a code that was used", async () => {
    const fields = {
      usedBy: [oldUse(), oldUse()],
      totalUses: 2,
      totalDiscountGiven: 80,
      legacy: { kept: 1 },
    };
    const { id } = await plantReferral(fields);
    const before = await storedReferral(id);
    const data = dataOf(
      await update(id, { discountPercentage: 15, totalUses: 0, usedBy: [], isApproved: true }),
    );
    expectReferral(data);
    expect(data).toMatchObject({ _id: id, discountPercentage: 15, totalUses: 2 });
    expect(await storedReferral(id)).toEqual({ ...before, ...SAVED, discountPercentage: 15 });
    const sent = { discountPercentage: "20", isActive: "false", maxUses: "7", expiryDate: SOON };
    expect(dataOf(await update(id, { ...sent, description: " Later " }))).toMatchObject({
      discountPercentage: 20,
      isActive: false,
      maxUses: 7,
      validUntil: SOON,
    });
    const stored = { discountPercentage: 20, isActive: false, maxUses: 7, description: "Later" };
    expect(await storedReferral(id)).toEqual({ ...before, ...SAVED, ...stored, validUntil: new Date(SOON) });
  });

  test("takes effect on offers at once", async () => {
    const { id, code } = await plantReferral({ totalUses: 3 });
    dataOf(await update(id, { discountPercentage: 5 }));
    expect(await offer(code, 100)).toMatchObject({ discountPercentage: 5, discountAmount: 5 });
    dataOf(await update(id, { maxUses: 3 }));
    await expectInvalid(code, 100);
    // The way back to no limit.
    expect(dataOf(await update(id, { maxUses: -1 }))).toMatchObject({ maxUses: -1 });
    await offer(code, 100);
    dataOf(await update(id, { expiryDate: inDays(-1).toISOString() }));
    await expectInvalid(code, 100);
    dataOf(await update(id, { expiryDate: inDays(1).toISOString() }));
    await offer(code, 100);
  });

  test("of nothing changes nothing", async () => {
    const { id } = await plantReferral();
    const before = await storedReferral(id);
    expectReferral(dataOf(await update(id, {})));
    expect(await storedReferral(id)).toEqual({ ...before, ...SAVED });
  });

  test("checks the body before the id", async () => {
    for (const id of ["not-an-id", UNKNOWN]) {
      expectFieldErrors(await update(id, { discountPercentage: 0 }), ["discountPercentage"]);
    }
    for (const id of NO_IDS) expectPlain(await update(id, { isActive: true }), 400);
    expectPlain(await update(UNKNOWN, { isActive: true }), 404);
  });

  test.for([
    [{ referralCode: "123456" }],
    [{ referralCode: null }],
    [{ referralCode: "" }],
    [{ discountPercentage: 101 }],
    [{ discountPercentage: 0.5 }],
    [{ discountPercentage: null }],
    [{ maxUses: 0 }],
    [{ maxUses: -2 }],
    [{ maxUses: "many" }],
    [{ isActive: null }],
    [{ expiryDate: "soon" }],
    [{ description: "d".repeat(501) }],
    [{ discountPercentage: { $inc: 1 }, referralCode: "A" }],
  ] as Document[][])("refuses %j", async ([body]) => {
    const { id } = await plantReferral();
    const before = await storedReferral(id);
    expectFieldErrors(await update(id, body), Object.keys(body!));
    expect(await storedReferral(id)).toEqual(before);
  });

  test("of different fields at once keeps all of them", async () => {
    const { id } = await plantReferral();
    const fields = { discountPercentage: 9, maxUses: 4, description: "Kept" };
    await Promise.all([
      ...Object.entries(fields).map(([key, value]) => update(id, { [key]: value }).then(dataOf)),
      toggle(id).then(dataOf),
    ]);
    expect(await storedReferral(id)).toMatchObject({ ...fields, isActive: false });
  });
});

describe("delete", () => {
  async function expectGone(id: string): Promise<void> {
    const answer = await remove(id);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ success: true, message: TEXT });
    expect(await storedReferral(id)).toBeNull();
    expectPlain(await remove(id), 404);
  }

  test("removes a code that nobody used, also from the teacher", async () => {
    const first = newCode();
    const teacher = await codedTeacher({}, { referralCode: first });
    const { _id, referralCode } = await made(teacher.id);
    await offer(referralCode, 100);
    await expectGone(_id);
    await expectInvalid(referralCode, 100);
    const { data } = (await admins.ofTeacher(teacher.id)).body;
    expect(data.code).not.toBe(referralCode);
    expect(data.referrals.map((left: Document) => left["_id"])).not.toContain(_id);
  });

  test("is refused once it was used; the message tells how often", async () => {
    const { id } = await plantReferral({ totalUses: 37, usedBy: [oldUse()] });
    expectPlain(await remove(id), 400, /\b37\b/);
    expect(await storedReferral(id)).not.toBeNull();
  });

  test("is refused when a purchase was made with it", async () => {
    const { id, code, teacher } = await plantReferral();
    await plantPurchases(teacher.id, [{ referralCode: code }]);
    expectPlain(await remove(id), 400);
    expect(await storedReferral(id)).not.toBeNull();
  });

  test("does not mind an order that was abandoned long ago", async () => {
    const { id, code, teacher } = await plantReferral();
    await plantPurchases(teacher.id, [{ referralCode: code, status: "pending", createdAt: inDays(-60) }]);
    await expectGone(id);
  });

  test("refuses bad and unknown ids", async () => {
    for (const id of NO_IDS) expectPlain(await remove(id), 400);
    expectPlain(await remove(UNKNOWN), 404);
  });
});

describe("toggle", () => {
  test("flips, also a code that was used, and offers follow", async () => {
    const referralCode = newCode();
    const teacher = await codedTeacher({}, { referralCode });
    const { id } = await plantReferral({ referralCode, usedBy: [oldUse()], totalUses: 1 }, teacher);
    const before = await storedReferral(id);
    for (const isActive of [false, true]) {
      const answer = await toggle(id);
      expect(dataOf(answer)).toEqual({ isActive });
      expect(await storedReferral(id)).toEqual({ ...before, ...SAVED, isActive });
      // Switched off is off: the same code on the teacher is no way around it.
      if (isActive) await offer(referralCode, 100);
      else await expectInvalid(referralCode, 100);
    }
  });

  test.for([
    [12, true],
    [9, false],
  ] as const)("%d clicks at once count each", async ([clicks, expected]) => {
    const { id } = await plantReferral({ usedBy: [oldUse()], totalUses: 1 });
    const answers = await Promise.all(Array.from({ length: clicks }, () => toggle(id)));
    const on = answers.filter((answer) => dataOf(answer).isActive).length;
    expect([on, clicks - on]).toEqual([Math.floor(clicks / 2), Math.ceil(clicks / 2)]);
    expect((await storedReferral(id))["isActive"]).toBe(expected);
  });

  test("refuses bad and unknown ids", async () => {
    for (const id of NO_IDS) expectPlain(await toggle(id), 400);
    expectPlain(await toggle(UNKNOWN), 404);
  });
});
