/** Regions switched, counted and deleted by administrators. */
import { type Document, ObjectId } from "mongodb";
import { describe, expect, test } from "vitest";
import { type Learner, call, createRegion, withDatabase } from "../support/client.ts";
import { people, person } from "../support/people.ts";
import { ID, TEXT, TIME, register } from "./auth.support.ts";
import { expectPlain, listed, regionsAdmin, stored } from "./regions.support.ts";
import { NO_IDS, UNKNOWN, dataOf, oid } from "./users.support.ts";

const { one, remove, statistics, toggle } = regionsAdmin();

describe("delete", () => {
  test("removes a region without users", async () => {
    const id = await createRegion();
    const { name, code } = await stored(id);
    expect(dataOf(await remove(id))).toEqual({ id, name, code });
    expect(await stored(id)).toBeNull();
    expect(await listed(name)).toEqual([]);
    for (const answer of [await remove(id), await one(id), await toggle(id)]) expectPlain(answer, 404);
  });

  test("is refused while anybody is in it, asleep or not; the message tells how many", async () => {
    const id = await createRegion();
    await people(2, { region: oid(id) });
    await person({ region: oid(id), isActive: false });
    expectPlain(await remove(id), 400, /\b3\b/);
    const other = await createRegion();
    await person({ region: oid(other), isActive: false, role: "teacher" });
    expectPlain(await remove(other), 400, /\b1\b/);
    for (const kept of [id, other]) expect(await stored(kept)).not.toBeNull();
  });

  test("refuses bad and unknown ids", async () => {
    for (const id of NO_IDS) expectPlain(await remove(id), 400);
    expectPlain(await remove(UNKNOWN), 404);
  });

  test("of one twice at once succeeds once", async () => {
    const id = await createRegion();
    const answers = await Promise.all([remove(id), remove(id), remove(id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404]);
  });

  /** No user may be left in a region that is gone. */
  async function expectNobodyLost(id: string): Promise<void> {
    if (await stored(id)) return;
    expect(await withDatabase((db) => db.collection("users").countDocuments({ region: oid(id) }))).toBe(0);
  }

  test("while somebody signs up there leaves nobody without a region", async () => {
    for (let turn = 0; turn < 2; turn++) {
      const id = await createRegion();
      const [removed, ...joined] = await Promise.all([remove(id), register(id), register(id)]);
      for (const { status } of [removed, ...joined]) expect(status).toBeLessThan(500);
      await expectNobodyLost(id);
    }
  });

  test("while somebody moves there leaves nobody without a region", async () => {
    for (let turn = 0; turn < 4; turn++) {
      const [id, home] = [await createRegion(), await createRegion()];
      const movers = await people(3, { region: oid(home) });
      const move = ({ id: user, token }: Learner) =>
        call("PUT", `/api/users/${user}`, { token, body: { region: id } });
      const answers = await Promise.all([...movers.slice(1).map(move), remove(id), move(movers[0]!)]);
      for (const { status, text } of answers) expect(status, text).toBeLessThan(500);
      await expectNobodyLost(id);
    }
  });
});

describe("statistics", () => {
  test("of a region with users", async () => {
    const region = oid(await createRegion({ totalUsers: 50, averageScore: 1 }));
    const at = (minute: number) => ({ region, createdAt: new Date(Date.UTC(2024, 0, 1, 0, minute)) });
    const scored = (averageGameScore: number) => ({ studentInfo: { averageGameScore } });
    const users = [
      await person({ ...at(1), ...scored(60) }),
      await person({ ...at(7), ...scored(80), referredBy: new ObjectId() }),
      await person({ ...at(3), ...scored(70) }),
      await person({ ...at(6), role: "teacher" }),
      await person({ ...at(2), role: "teacher" }),
      await person({ ...at(5), role: "admin" }),
      await person({ ...at(4), ...scored(50) }),
    ];
    const answer = await statistics(region.toHexString());
    const data = dataOf(answer);
    const { name, code } = await stored(region.toHexString());
    expect(Object.keys(data).sort()).toEqual(["recentUsers", "region", "statistics", "userBreakdown"]);
    expect(data.region).toEqual({ id: region.toHexString(), name, code });
    const counts = { totalUsers: 7, totalStudents: 4, totalTeachers: 2, averageScore: 65 };
    expect(data.statistics).toEqual(counts);
    const roles = Object.fromEntries(
      data.userBreakdown.map(({ _id, count, avgScore, ...rest }: Document) => {
        expect(rest).toEqual({});
        // Who plays no games has no score.
        if (_id !== "student") expect([null, 0]).toContain(avgScore);
        return [_id, _id === "student" ? [count, avgScore] : [count]];
      }),
    );
    expect(roles).toEqual({ student: [4, 65], teacher: [2], admin: [1] });
    expect(data.recentUsers.map(({ _id }: Document) => _id)).toEqual(
      [1, 3, 5, 6, 2].map((n) => users[n]!.id),
    );
    for (const user of data.recentUsers) {
      expect(user).toEqual({ _id: ID, name: TEXT, email: TEXT, role: TEXT, createdAt: TIME });
    }
  });

  test("of an empty one", async () => {
    const { region: _, ...rest } = dataOf(await statistics(await createRegion({ totalStudents: 4 })));
    const zeros = { totalUsers: 0, totalStudents: 0, totalTeachers: 0, averageScore: 0 };
    expect(rest).toEqual({ statistics: zeros, userBreakdown: [], recentUsers: [] });
  });

  test("of none", async () => {
    for (const id of NO_IDS) expectPlain(await statistics(id), 400);
    expectPlain(await statistics(UNKNOWN), 404);
  });
});

describe("toggle", () => {
  test("flips, and the list of active ones follows", async () => {
    const id = await createRegion({ description: "Flipped" });
    const { name, code, createdAt } = await stored(id);
    for (const isActive of [false, true]) {
      expect(dataOf(await toggle(id))).toEqual({ id, name, code, isActive, updatedAt: TIME });
      expect(await stored(id)).toMatchObject({ isActive, name, code, createdAt, description: "Flipped" });
      expect(await listed(name, { active: "true" })).toHaveLength(isActive ? 1 : 0);
      expect(await listed(name, { active: "false" })).toHaveLength(isActive ? 0 : 1);
    }
  });

  test.for([
    [12, true],
    [9, false],
  ] as const)("%d clicks at once count each", async ([clicks, expected]) => {
    const id = await createRegion();
    const answers = await Promise.all(Array.from({ length: clicks }, () => toggle(id)));
    const on = answers.filter((answer) => dataOf(answer).isActive).length;
    expect([on, clicks - on]).toEqual([Math.floor(clicks / 2), Math.ceil(clicks / 2)]);
    expect((await stored(id))["isActive"]).toBe(expected);
  });

  test("refuses bad and unknown ids", async () => {
    for (const id of NO_IDS) expectPlain(await toggle(id), 400);
    expectPlain(await toggle(UNKNOWN), 404);
  });
});
