/** The own record of a joined discussion group, which the app keeps next to the group itself. */
import { describe, expect, test } from "vitest";
import { ObjectId } from "mongodb";
import { type Learner, call, eventually, withDatabase } from "../support/client.ts";
import {
  ago,
  at,
  cohort,
  createGroup,
  data,
  oid,
  plantGroup,
  refused,
  running,
  startedGroup,
  told,
} from "./groups.support.ts";
import { idsOf, plantSessions, sessionOf } from "./my-sessions.support.ts";
import { ID, TEXT, TIME, expectError, nobody, recordOf } from "./sessions.support.ts";

const SAVE = "/api/sessions/groups/create-or-update";
const ACTIVE = "/api/sessions/groups/active";
const trio = async () => (await cohort(3)) as [Learner, Learner, Learner];
const save = (who: Learner, groupId: unknown, fields: object = {}) => who.post(SAVE, { groupId, ...fields });
const saved = async (who: Learner, groupId: string, fields: object = {}) =>
  told(await save(who, groupId, fields));
const active = async (who: Learner) => told(await who.get(ACTIVE));

const expectOver = (session: string) =>
  eventually("the record is over", async () => {
    const record = await recordOf(session);
    return ["completed", "cancelled"].includes(record?.["status"]) && record!["endedAt"] instanceof Date;
  });

describe("a record", () => {
  test("is of the group as it is, not as the phone says", async () => {
    const [host, member] = await trio();
    const fields = { title: "Food", topic: "What we eat", level: "advanced", maxParticipants: 4 };
    const { id, joinCode } = await createGroup(host, [member], fields);
    const lies = { groupName: "Lies", topic: "Nothing", level: "beginner", isPrivate: true, joinCode: "X" };
    const answer = await save(member, id, { ...lies, maxParticipants: 40, discussionType: "chat" });
    const { sessionId, groupSession, ...rest } = told(answer);
    expect([rest, sessionId]).toEqual([{}, ID]);
    expect(groupSession).toMatchObject({
      groupId: id,
      groupName: "Food",
      topic: "What we eat",
      level: "advanced",
      discussionType: "chat",
      maxParticipants: 4,
      isPrivate: false,
    });
    expect(["undefined", joinCode]).toContain(String(groupSession.joinCode));
    expect(groupSession).not.toHaveProperty("password");
    expect(await recordOf(sessionId)).toMatchObject({
      sessionId: expect.stringMatching(/^group_discussion_\d+_/),
      sessionType: "group_discussion",
      title: TEXT,
      description: TEXT,
      status: "active",
      startedAt: expect.any(Date),
      groupSession: { groupId: oid(id), groupName: "Food" },
    });
    expect(idsOf(told(await member.get("/api/sessions/my-sessions")))).toEqual([sessionId]);
  });

  test("is one a group, however often and at once it is asked for", async () => {
    const [host, member] = await trio();
    const { id } = await createGroup(host, [member]);
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => save(member, id)));
    expect(new Set(answers.map((answer) => told(answer).sessionId)).size).toBe(1);
    const again = await saved(member, id, { discussionType: "voice" });
    expect(again.sessionId).toBe(told(answers[0]!).sessionId);
    expect(again.groupSession).toMatchObject({ groupId: id, maxParticipants: 5 });
    expect(idsOf(told(await member.get("/api/sessions/my-sessions")))).toHaveLength(1);
  });

  test("of the old server is found again", async () => {
    const [host, member] = await trio();
    const id = await plantGroup([host, member], running());
    const [old] = await plantSessions(
      sessionOf([member.id], {
        sessionType: "group_discussion",
        status: "active",
        endedAt: undefined,
        duration: 0,
        groupSession: { groupId: oid(id), groupName: "Food", password: "hush-password" },
      }),
    );
    const answer = await save(member, id);
    expect(told(answer).sessionId).toBe(old);
    expect(answer.text).not.toContain("hush-password");
    const seen = await member.get(ACTIVE);
    expect(told(seen)).toMatchObject({ sessionId: old, groupSession: { groupId: id, groupName: "Food" } });
    expect(seen.text).not.toContain("hush-password");
  });

  test("needs a group that the caller is in", async () => {
    const [host, member, outsider] = await trio();
    const { id } = await createGroup(host, [member]);
    for (const groupId of [undefined, null, "", "nope", id.slice(1), { $ne: "" }, [id], 7]) {
      expectError(await save(member, groupId), 400);
    }
    for (const fields of [{ discussionType: "mime" }, { discussionType: { $ne: "" } }]) {
      expectError(await save(member, id, fields), 400);
    }
    expectError(await save(member, nobody()), 404);
    expectError(await save(outsider, id), 403);
    expectError(await outsider.post(SAVE), 400);
    expect(await active(outsider)).toBe(null);
    for (const [method, path] of [
      ["POST", SAVE],
      ["GET", ACTIVE],
    ] as const) {
      expectError(await call(method, path), 401, "Access token required");
    }
  });

  test("is not made for a group that is over", async () => {
    const crew = await trio();
    const id = await plantGroup(crew, { status: "completed", groupSession: { endedAt: ago(9) } });
    refused(await save(crew[1], id), 400, 403, 404, 409);
    expect(await active(crew[1])).toBe(null);
  });
});

describe("the group to return to", () => {
  test("is none", async () => {
    const [who] = await trio();
    const answer = await who.get(ACTIVE);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ success: true, message: TEXT, data: null });
  });

  test("has the shape of the contract, with the plain id of the group", async () => {
    const [host, member] = await trio();
    const id = await startedGroup(host, [member, (await cohort(1, { region: oid(host.region) }))[0]!]);
    const { sessionId } = await saved(member, id, { discussionType: "chat" });
    const { groupSession, participants, ...rest } = await active(member);
    expect(rest).toEqual({ sessionId, status: "active", startedAt: TIME });
    expect(groupSession).toMatchObject({
      groupId: id,
      groupName: TEXT,
      topic: "What we eat",
      level: "beginner",
      maxParticipants: 5,
      isPrivate: false,
      discussionType: "chat",
    });
    const own = participants.find(({ user }: { user: { _id: string } }) => user._id === member.id);
    expect(own).toMatchObject({
      _id: ID,
      user: { _id: member.id, name: TEXT },
      role: TEXT,
      joinedAt: TIME,
      isActive: true,
    });
    // The app puts it into an address.
    expect(data(await member.get(at.group(groupSession.groupId))).id).toBe(id);
  });

  test("is the newest", async () => {
    const [host, member, third] = await trio();
    const [first, second] = [await plantGroup([host, member]), await plantGroup([third, member])];
    const record = (group: string, createdAt: Date) =>
      sessionOf([member.id], {
        sessionType: "group_discussion",
        status: "active",
        createdAt,
        endedAt: undefined,
        groupSession: { groupId: oid(group), groupName: "Food" },
      });
    const [older, newer] = await plantSessions(record(second, ago(60)), record(first, ago(30)));
    expect((await active(member)).sessionId).toBe(newer);
    data(await member.post(at.leave(first)));
    expect((await active(member)).sessionId).toBe(older);
  });

  test.for(["completed", "disbanded", "gone"])("is none when the group is %s", async (status) => {
    const [host, member] = await trio();
    const id = status === "gone" ? nobody() : await plantGroup([host, member], { status });
    await plantSessions(
      sessionOf([member.id], {
        sessionType: "group_discussion",
        status: "active",
        endedAt: undefined,
        groupSession: { groupId: oid(id), groupName: "Food" },
      }),
    );
    expect(await active(member)).toBe(null);
  });

  test("shows people who are gone", async () => {
    const [host, member] = await trio();
    const id = await plantGroup([host, member], running());
    const ghost = nobody();
    const [record] = await plantSessions(
      sessionOf([ghost, member.id], {
        sessionType: "group_discussion",
        status: "active",
        endedAt: undefined,
        groupSession: { groupId: oid(id), groupName: "Food" },
      }),
    );
    const shown = await active(member);
    expect(shown.sessionId).toBe(record);
    for (const { user } of shown.participants)
      if (user !== null) expect(user).toMatchObject({ _id: ID, name: TEXT });
  });
});

describe("a record ends", () => {
  /** A running group of three with a record of each member. */
  async function recorded() {
    const crew = await trio();
    const id = await startedGroup(crew[0], crew.slice(1));
    const records = [await saved(crew[1], id), await saved(crew[2], id)].map(({ sessionId }) => sessionId);
    return { crew, id, records: records as [string, string] };
  }

  test("when its member leaves, and only his", async () => {
    const { crew, id, records } = await recorded();
    data(await crew[1].post(at.leave(id)));
    expect(await active(crew[1])).toBe(null);
    await expectOver(records[0]);
    expect((await active(crew[2])).sessionId).toBe(records[1]);
  });

  test.for(["end", "leave"] as const)("for all with the %s of the host", async (how) => {
    const { crew, id, records } = await recorded();
    data(await crew[0].post(at[how](id)));
    for (const who of crew) expect(await active(who)).toBe(null);
    for (const record of records) await expectOver(record);
  });

  test("for all when the host opens another group", async () => {
    const { crew, records } = await recorded();
    await createGroup(crew[0]);
    for (const who of crew.slice(1)) expect(await active(who)).toBe(null);
    for (const record of records) await expectOver(record);
  });

  test("when its member joins or opens another group", async () => {
    const { crew, records } = await recorded();
    const [other] = await cohort(1, { region: oid(crew[0].region) });
    const { id } = await createGroup(other!);
    data(await crew[1].post(at.join, { groupId: id }));
    await createGroup(crew[2]);
    for (const who of crew.slice(1)) expect(await active(who)).toBe(null);
    for (const record of records) await expectOver(record);
  });

  test("but old ones stay as they were", async () => {
    const { crew, id } = await recorded();
    const old = sessionOf([crew[1].id], {
      sessionType: "group_discussion",
      groupSession: { groupId: oid(id), groupName: "Food" },
    });
    const [record] = await plantSessions(old);
    data(await crew[0].post(at.end(id)));
    expect(await active(crew[1])).toBe(null);
    expect(await recordOf(record!)).toEqual(old);
    const count = await withDatabase((db) =>
      db.collection("sessions").countDocuments({ "groupSession.groupId": new ObjectId(id) }),
    );
    expect(count).toBe(3);
  });
});
