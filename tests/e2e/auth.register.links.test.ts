/** Sign-up: which region, whose referral, what password. */
import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { createRegion, unique, withDatabase } from "../support/client.ts";
import {
  created,
  expectFieldErrors,
  expectRefusal,
  login,
  plant,
  register as registerIn,
  stored,
  withoutUndefined,
} from "./auth.support.ts";

let region: string;
let teacher: string;
beforeAll(async () => {
  region = await createRegion();
  teacher = (await plant({ role: "teacher" })).id;
});
const register = (fields: object = {}) => registerIn(region, fields);

async function defaultRegion(): Promise<string> {
  const found = await withDatabase((db) => db.collection("regions").find({ code: "DEF" }).toArray());
  expect(found).toHaveLength(1);
  return found[0]!._id.toHexString();
}

describe("region", () => {
  test("by id, in either case", async () => {
    for (const id of [region, region.toUpperCase()]) {
      const user = created(await register({ region: id }));
      expect(user.region).toBe(region);
      expect((await stored(user._id))["region"]).toEqual(new ObjectId(region));
    }
  });

  test("by name, in any case, read literally", async () => {
    const name = `Zürich (${unique()}+`;
    const id = await createRegion({ name });
    expect(created(await register({ region: ` ${name.toUpperCase()} ` })).region).toBe(id);
  });

  test.for([".*", "((", "Region .", "507f1f77bcf86cd79943901"])(
    "a name that nobody knows leads to the default region: %s",
    async (name) => {
      const user = created(await register({ region: name }));
      expect(user.region).toBe(await defaultRegion());
    },
  );

  test.for([1, 2, 3, 4, 5])("built-in id %i of the app leads to the default region", async (last) => {
    const user = created(await register({ region: `507f1f77bcf86cd79943901${last}` }));
    expect(user.region).toBe(await defaultRegion());
  });

  test("the default region is made when it is missing, once", async () => {
    const old = new ObjectId(await defaultRegion());
    const rename = (fields: object) =>
      withDatabase((db) => db.collection("regions").updateOne({ _id: old }, { $set: fields }));
    await rename({ name: `Old ${unique()}`, code: unique().toUpperCase() });
    try {
      const answers = await Promise.all([register({ region: "Nowhere" }), register({ region: "Nowhere" })]);
      const made = await defaultRegion();
      expect(answers.map((answer) => created(answer).region)).toEqual([made, made]);
      await withDatabase(async (db) => {
        const region = await db.collection("regions").findOne({ _id: new ObjectId(made) });
        expect(region).toMatchObject({ name: "Default", isActive: true });
      });
    } finally {
      await withDatabase((db) => db.collection("regions").deleteOne({ code: "DEF" }));
      await rename({ name: "Default", code: "DEF" });
    }
  });

  test("an unknown id is refused", async () => {
    for (const id of [new ObjectId().toHexString(), "507f1f77bcf86cd799439016", "f".repeat(24)]) {
      expectRefusal(await register({ region: id }), 400);
    }
  });

  test("an inactive region is refused by id and by name", async () => {
    const name = `Closed ${unique()}`;
    const id = await createRegion({ name, isActive: false });
    expectRefusal(await register({ region: id }), 400);
    expectRefusal(await register({ region: name }), 400);
  });
});

describe("referral code", () => {
  const HOUR = 3_600_000;
  const later = () => new Date(Date.now() + HOUR);
  const earlier = () => new Date(Date.now() - HOUR);

  /** A code of the referrals collection. */
  async function plantCode(fields: object): Promise<string> {
    const referralCode = unique().toUpperCase();
    await withDatabase((db) =>
      db.collection("referrals").insertOne(
        withoutUndefined({
          teacher: new ObjectId(teacher),
          referralCode,
          discountPercentage: 25,
          totalUses: 0,
          maxUses: -1,
          usedBy: [],
          isActive: true,
          isApproved: true,
          validFrom: earlier(),
          minimumAmount: 0,
          maximumDiscount: 1000,
          createdAt: earlier(),
          updatedAt: earlier(),
          __v: 0,
          ...fields,
        }),
      ),
    );
    return referralCode;
  }

  test.for([
    ["approved", {}, true],
    ["not at its limit", { maxUses: 3, totalUses: 2 }, true],
    ["not over", { validUntil: later() }, true],
    ["without dates and limit", { validFrom: undefined, maxUses: undefined, totalUses: undefined }, true],
    ["not approved", { isApproved: false }, false],
    ["switched off", { isActive: false }, false],
    ["used up", { maxUses: 2, totalUses: 2 }, false],
    ["over", { validUntil: earlier() }, false],
    ["not begun", { validFrom: later() }, false],
  ] as const)("%s", async ([, fields, counts]) => {
    const referralCode = (await plantCode(fields)).toLowerCase();
    const user = created(await register({ referralCode }));
    expect(user.referredBy).toBe(counts ? teacher : null);
    const { referredBy } = await stored(user._id);
    expect(referredBy).toEqual(counts ? new ObjectId(teacher) : null);
  });

  test("the code on a teacher's own dashboard counts as well", async () => {
    const referralCode = String(100_000 + Math.floor(Math.random() * 900_000));
    const { id } = await plant({ role: "teacher", teacherInfo: { referralCode, isApproved: true } });
    expect(created(await register({ referralCode: ` ${referralCode} ` })).referredBy).toBe(id);
  });

  test.for(["NOSUCH", "", ".*"])("an unknown one is ignored: %j", async (referralCode) => {
    expect(created(await register({ referralCode })).referredBy).toBeNull();
  });

  test("a teacher is not referred", async () => {
    const user = created(await register({ role: "teacher", referralCode: await plantCode({}) }));
    expect(user.referredBy).toBeNull();
  });
});

describe("password", () => {
  test.for([
    ["six characters", "abcdef"],
    ["six characters of three bytes", "नमस्ते"],
    ["72 bytes", "x".repeat(72)],
    ["72 bytes in 36 characters", "é".repeat(36)],
    ["blanks at the ends", "  inner  "],
  ])("accepted: %s", async ([, password]) => {
    const { email } = created(await register({ password }));
    expect((await login(email, password)).status).toBe(200);
    expectRefusal(await login(email, `!${password!.trim()}`), 401, /Invalid credentials/);
  });

  test.for([
    ["five characters", "ab-c!"],
    ["five characters of four bytes", "😀😁😂😃😄"],
    ["73 bytes", "y".repeat(73)],
    ["74 bytes in 37 characters", "ü".repeat(37)],
    ["a thousand", "z".repeat(1000)],
  ])("refused and not sent back: %s", async ([, password]) => {
    const answer = await register({ password });
    expectFieldErrors(answer, ["password"]);
    expect(answer.text).not.toContain(password);
  });

  test("no error sends it back, whatever else is wrong and whatever it is", async () => {
    for (const password of ["hush-hush-1", { hidden: "hush-hush-1" }, ["hush-hush-1"]]) {
      const answer = await register({ name: "", email: "x", phone: "", role: "admin", password });
      expectRefusal(answer, 400);
      expect(answer.text).not.toContain("hush-hush");
    }
    const { email } = await plant();
    const answer = await register({ email, password: "hush-hush-1" });
    expectRefusal(answer, 400, /email already exists/);
    expect(answer.text).not.toContain("hush-hush");
  });
});
