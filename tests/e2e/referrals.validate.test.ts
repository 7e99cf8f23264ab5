/** What anybody may ask about a code before paying. */
import { type Document } from "mongodb";
import { describe, expect, test } from "vitest";
import { post } from "../support/client.ts";
import { person } from "../support/people.ts";
import { ID, TEXT } from "./auth.support.ts";
import {
  codedTeacher,
  expectBadCode,
  expectInvalid,
  expectPlain,
  inDays,
  newCode,
  offer,
  oldUse,
  plantPurchases,
  plantReferral,
  storedReferral,
  storedUser,
  validate,
} from "./referrals.support.ts";
import { oid } from "./users.support.ts";

/** The amounts of an offer. */
const amounts = ({ discountPercentage, discountAmount, finalAmount }: Document) => [
  discountPercentage,
  discountAmount,
  finalAmount,
];

/** All that is said; of the teacher no more than the name is needed, and nothing private. */
async function expectOffer(code: string, id: string, teacher: { id: string; email: string; phone: string }) {
  const answer = await validate({ referralCode: code, amount: 800 });
  const { referral } = answer.body.data;
  const { name } = await storedUser(teacher.id);
  expect(Object.keys(referral).sort()).toEqual([
    "code",
    "description",
    "discountAmount",
    "discountPercentage",
    "finalAmount",
    "id",
    "teacher",
  ]);
  expect(referral).toMatchObject({ id, code, description: TEXT });
  const { name: shown, _id = null, email = null, ...rest } = referral.teacher;
  expect([shown, rest]).toEqual([name, {}]);
  expect([null, teacher.id]).toContain(_id);
  expect([null, ""]).toContain(email);
  for (const secret of [teacher.email, teacher.phone]) expect(answer.text).not.toContain(secret);
}

describe("a good code", () => {
  test("of a referral", async () => {
    const { id, code, teacher } = await plantReferral();
    await expectOffer(code, id, teacher);
    expect(amounts(await offer(code, 800))).toEqual([40, 320, 480]);
  });

  test("of a teacher: a quarter, at most 1000 rupees", async () => {
    const referralCode = String(100_000 + Math.floor(Math.random() * 900_000));
    const who = await codedTeacher({}, { referralCode });
    await expectOffer(referralCode, who.id, who);
    for (const [amount, discount] of [
      [800, 200],
      [4000, 1000],
      [10_000, 1000],
    ] as const) {
      expect(amounts(await offer(referralCode, amount))).toEqual([25, discount, amount - discount]);
    }
  });

  test("needs no amount, and takes one as text", async () => {
    const { code } = await plantReferral();
    expect(amounts(await offer(code))).toEqual([40, 0, 0]);
    expect(amounts(await offer(code, 0))).toEqual([40, 0, 0]);
    expect(amounts(await offer(code, "499.5"))).toEqual([40, 199.8, 299.7]);
  });

  test("comes back as it was typed, in any case", async () => {
    const { id, code } = await plantReferral();
    const typed = code.toLowerCase();
    expect(await offer(typed, 100)).toMatchObject({ id, code: typed, discountAmount: 40 });
  });

  test.for([
    [{ discountPercentage: 50, maximumDiscount: 100 }, 1000, 100],
    [{ discountPercentage: 50, maximumDiscount: 100 }, 150, 75],
    [{ discountPercentage: 100 }, 300, 300],
    [{ discountPercentage: 100 }, 3000, 1000],
    [{ discountPercentage: 100, maximumDiscount: 99_999 }, 3000, 3000],
    [{ discountPercentage: 1 }, 50, 0.5],
  ] as const)("%j takes off %d: %d", async ([fields, amount, discount]) => {
    const { code } = await plantReferral(fields);
    const { discountAmount, finalAmount } = await offer(code, amount);
    expect([discountAmount, finalAmount]).toEqual([discount, amount - discount]);
  });

  test.for([333.33, 99.99, 149.99, 777.77])("of %d takes off what can be paid", async (amount) => {
    const { code } = await plantReferral({ discountPercentage: 33 });
    const { discountAmount, finalAmount } = await offer(code, amount);
    expect(Math.abs(discountAmount - amount * 0.33)).toBeLessThan(0.011);
    expect(discountAmount + finalAmount).toBeCloseTo(amount, 6);
  });

  test.for([
    { maxUses: -1, totalUses: 5000 },
    { maxUses: 5, totalUses: 4 },
    { validUntil: inDays(1) },
    { validFrom: inDays(-1), validUntil: undefined },
    { minimumAmount: 800 },
    { maxUses: undefined },
  ])("%j", async (fields) => {
    const { code } = await plantReferral(fields);
    expect(amounts(await offer(code, 800))).toEqual([40, 320, 480]);
  });

  test("of a referral wins over the same code of a teacher", async () => {
    const code = newCode();
    const who = await codedTeacher({}, { referralCode: code });
    const { id } = await plantReferral({ referralCode: code, discountPercentage: 10 }, who);
    const referral = await offer(code, 1000);
    expect([referral["id"], ...amounts(referral)]).toEqual([id, 10, 100, 900]);
  });

  test("is asked about without leaving a trace", async () => {
    const { id, code } = await plantReferral({ maxUses: 1 });
    const before = await storedReferral(id);
    for (let turn = 0; turn < 3; turn++) await offer(code, 100);
    expect(await storedReferral(id)).toEqual(before);
  });

  test("needs no token, and minds no bad one", async () => {
    const { code } = await plantReferral();
    for (const token of ["garbage", (await person()).token]) {
      expect(amounts(await offer(code, 100, token))).toEqual([40, 40, 60]);
    }
  });
});

describe("no discount by", () => {
  test.for([
    { isActive: false },
    { isApproved: false },
    { maxUses: 1, totalUses: 1 },
    { maxUses: 3, totalUses: 7 },
    { validUntil: inDays(-0.01) },
    { validFrom: inDays(1) },
    { minimumAmount: 800.01 },
  ])("a referral with %j", async (fields) => {
    const { code } = await plantReferral(fields);
    await expectInvalid(code, 800);
  });

  test.for([{ isActive: false }, { maxUses: 1, totalUses: 1 }, { validUntil: inDays(-1) }])(
    "a referral with %j, though it is the teacher's code too",
    async (fields) => {
      const referralCode = newCode();
      const who = await codedTeacher({}, { referralCode });
      await plantReferral({ referralCode, ...fields }, who);
      await expectInvalid(referralCode, 800);
    },
  );

  test.for([
    ["a deactivated teacher", { isActive: false }, {}],
    ["one who is no teacher any more", { role: "student" }, {}],
    ["a teacher who is not approved", {}, { isApproved: false }],
  ] as const)("the code of %s", async ([, fields, info]) => {
    const referralCode = newCode();
    await codedTeacher(fields, { referralCode, ...info });
    await expectInvalid(referralCode, 800);
  });

  test("a referral of a deactivated teacher", async () => {
    const { code } = await plantReferral({}, await codedTeacher({ isActive: false }));
    await expectInvalid(code, 800);
  });

  test("a code that the same learner used already", async () => {
    const [who, other] = [await person(), await person()];
    const student = oid(who.id);
    const full = { ...oldUse(), student, discountApplied: 40, originalAmount: 100, finalAmount: 60 };
    const [transaction] = await plantPurchases(null, [{ user: student }]);
    // The old server noted the purchase only.
    for (const use of [full, oldUse(transaction)]) {
      const { code } = await plantReferral({ totalUses: 1, usedBy: [use] });
      await expectInvalid(code, 800, who.token);
      for (const token of [other.token, undefined])
        expect(amounts(await offer(code, 100, token))).toEqual([40, 40, 60]);
    }
  });

  test("what nobody has", async () => {
    const { code } = await plantReferral({ referralCode: `77${newCode()}99` });
    await codedTeacher();
    for (const guess of [
      newCode(),
      "000000",
      ".*",
      ".",
      "^",
      "(",
      "[0-9]{6}",
      "\\d+",
      "|",
      "$",
      "*",
      "%",
      code.slice(0, -1),
      code.slice(1),
      `${code}0`,
      `^${code}$`,
      `${code}|x`,
      `.${code.slice(1)}`,
      "x".repeat(5000),
      "\u0000",
    ]) {
      await expectInvalid(guess, 100);
    }
  });
});

describe("is refused:", () => {
  test.for([{}, { referralCode: "" }, { referralCode: null }, { amount: 100 }, []])("%j", async (body) => {
    expectPlain(await validate(body), 400);
    const text = await post("/api/referrals/validate", {
      body: "referralCode=1",
      headers: { "content-type": "text/plain" },
    });
    expectPlain(text, 400);
  });

  test.for([{ $gt: "" }, { $regex: ".*" }, ["123456"], true])(
    "a code %j is never good",
    async (referralCode) => {
      await codedTeacher();
      const answer = await validate({ referralCode, amount: 100 });
      if (answer.status === 200) expectBadCode(answer);
      else expectPlain(answer, 400);
    },
  );

  test.for(["abc", -1, "-0.5", {}, [], { $gt: 1 }, null, "", "1e999", "NaN"])(
    "an amount %j",
    async (amount) => {
      const { code } = await plantReferral();
      const answer = await validate({ referralCode: code, amount });
      expect(answer.status, answer.text).toBe(400);
      expect(answer.body).toMatchObject({ success: false, message: expect.stringMatching(/\S/) });
    },
  );
});

test("the id of an offer is an id", async () => {
  const { code } = await plantReferral();
  expect((await offer(code, 1))["id"]).toEqual(ID);
});
