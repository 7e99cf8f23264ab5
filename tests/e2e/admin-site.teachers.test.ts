/** The pages of the admin site that show teachers: their own, and the picker of the lectures page. */
import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, createRegion, unique, withDatabase } from "../support/client.ts";
import { admin, people, person, student, teacher } from "../support/people.ts";
import { SETTINGS, expectDone, fetchAs } from "./admin-site.support.ts";
import { ID, TEXT, TIME, expectRefusal } from "./auth.support.ts";

const FLAG = expect.any(Boolean);

let boss: Learner;
let home: string;

beforeAll(async () => {
  boss = await admin();
  home = await createRegion();
});

describe.for(SETTINGS)("teachers page; base $setting", ({ odd }) => {
  const list = async (query: string) => {
    const answer = await fetchAs(boss.token, "GET", `${odd}/users?${query}`);
    expectDone(answer);
    return answer.body.data;
  };
  const dialog = (id: string, token = boss.token) =>
    fetchAs(token, "GET", `${odd}/admin/referrals/teacher/${id}`);

  test("lists ten a page, with region and numbers whatever is stored", async () => {
    const mark = unique();
    await people(10, { role: "teacher", name: `T ${mark}`, region: new ObjectId(home) });
    // The page reads region.name without a look whether there is one.
    await people(1, { role: "teacher", name: `T ${mark}`, region: new ObjectId() });
    await people(1, { role: "teacher", name: `T ${mark}` });
    await people(1, { role: "student", name: `T ${mark}`, region: new ObjectId(home) });
    const first = await list(`page=1&limit=10&role=teacher&search=${mark}`);
    const second = await list(`page=2&limit=10&role=teacher&search=${mark}`);
    expect([first.users.length, second.users.length]).toEqual([10, 2]);
    expect(first.pagination).toMatchObject({
      page: 1,
      limit: 10,
      total: 12,
      pages: 2,
      totalPages: 2,
      totalUsers: 12,
    });
    for (const user of [...first.users, ...second.users]) {
      expect(user).toMatchObject({ _id: ID, name: TEXT, email: TEXT, phone: TEXT, isActive: true });
      expect(user).toMatchObject({ createdAt: TIME, totalReferrals: 0, activeReferrals: 0 });
      expect(user.region).toMatchObject({ name: TEXT, code: TEXT });
    }
  });

  test("the dialog has one entry for each student that the teacher brought", async () => {
    const mine = await teacher({ name: `T ${unique()}` });
    const other = await teacher();
    const referredBy = new ObjectId(mine.id);
    const region = new ObjectId(home);
    const referred = await person({ region, referredBy });
    const asleep = await person({ region: new ObjectId(), referredBy, isActive: false });
    const [bought, abandoned, elsewhere] = await people(3, { region });
    const pays = (user: string, by: string, status: string) => ({
      user: new ObjectId(user),
      plan: new ObjectId(),
      amount: 100,
      finalAmount: 75,
      discountAmount: 25,
      currency: "INR",
      razorpayOrderId: `order_${unique()}`,
      razorpayPaymentId: `pay_${unique()}`,
      referredBy: new ObjectId(by),
      status,
      paymentMethod: "razorpay",
      createdAt: new Date(),
      updatedAt: new Date(),
      __v: 0,
    });
    await withDatabase((db) =>
      db.collection("transactions").insertMany([
        pays(bought!.id, mine.id, "completed"),
        pays(bought!.id, mine.id, "completed"),
        pays(referred.id, mine.id, "completed"),
        pays(abandoned!.id, mine.id, "pending"),
        pays(elsewhere!.id, other.id, "completed"),
        // Somebody whose account is gone.
        pays(new ObjectId().toHexString(), mine.id, "completed"),
      ]),
    );
    const answer = await dialog(mine.id);
    expect(answer.status, answer.text).toBe(200);
    const { referrals } = answer.body.data;
    for (const entry of referrals) {
      expect(entry).toMatchObject({ _id: TEXT, referralCode: TEXT, isActive: FLAG, createdAt: TIME });
      const shown = { _id: ID, name: TEXT, email: TEXT, phone: TEXT, role: TEXT, createdAt: TIME };
      expect(entry.referredUserId).toMatchObject({ ...shown, isActive: FLAG });
      expect(entry.referredUserId.region).toMatchObject({ name: TEXT, code: TEXT });
    }
    const brought = referrals.map((entry: { referredUserId: { _id: string } }) => entry.referredUserId._id);
    const known = [referred, asleep, bought!].map(({ id }) => id);
    expect(brought.filter((id: string) => known.includes(id)).sort()).toEqual(known.sort());
    for (const { id } of [abandoned!, elsewhere!]) expect(brought).not.toContain(id);
    expect(answer.text).not.toMatch(/\$2[aby]\$/);
    const [row] = (await list(`page=1&limit=10&role=teacher&search=${mine.email}`)).users;
    expect(row.totalReferrals).toBeGreaterThanOrEqual(2);
    expect(row.activeReferrals).toBeLessThan(row.totalReferrals);
    expect(row.activeReferrals).toBeGreaterThanOrEqual(1);
  });

  test("the dialog of a teacher without any is empty, and nobody else's business", async () => {
    const mine = await teacher();
    expect((await dialog(mine.id)).body.data.referrals).toEqual([]);
    for (const { token } of [mine, await student(home)]) expectRefusal(await dialog(mine.id, token), 403);
    expectRefusal(await dialog("not-an-id"), 400);
  });
});

describe.for(SETTINGS)("instructor picker; base $setting", ({ pages }) => {
  test("has teachers and regions", async () => {
    await teacher();
    const answer = await fetchAs(boss.token, "GET", `${pages}/users?role=teacher`);
    expectDone(answer);
    const { users, pagination } = answer.body.data;
    expect(pagination).toMatchObject({ page: 1, limit: 20 });
    expect(users.length).toBe(Math.min(20, pagination.total));
    for (const user of users)
      expect(user).toMatchObject({ _id: ID, name: TEXT, email: TEXT, role: "teacher" });
    const { regions } = (await fetchAs(boss.token, "GET", `${pages}/regions`)).body.data;
    expect(regions).toContainEqual(expect.objectContaining({ _id: home, name: TEXT, code: TEXT }));
  });
});
