import { describe, expect, test } from "vitest";
import { type Learner, call, unique } from "../support/client.ts";
import {
  ago,
  at,
  cohort,
  createGroup,
  data,
  exactly,
  expectCard,
  membersOf,
  oid,
  plantGroup,
  poll,
  refused,
  refusedField,
  running,
  SETTINGS,
  startedGroup,
  told,
} from "./groups.support.ts";
import { TEXT, TIME, expectError, nobody } from "./sessions.support.ts";

const join = (who: Learner, groupId: unknown, more: object = {}) => who.post(at.join, { groupId, ...more });
const byCode = (who: Learner, joinCode: unknown, more: object = {}) =>
  who.post(at.byCode, { joinCode, ...more });
const trio = async () => (await cohort(3)) as [Learner, Learner, Learner];

const WRONG = /Invalid password|Wrong password|private group/;

/** Both ways in. */
const ways = [
  ["by id", (who: Learner, { id }: { id: string }, more?: object) => join(who, id, more)],
  [
    "by code",
    (who: Learner, { joinCode }: { joinCode: string }, more?: object) => byCode(who, joinCode, more),
  ],
] as const;

/** A private group whose password is known. */
const locked = (host: Learner, password: string) => createGroup(host, [], { isPrivate: true, password });

/** A planted group with a code. */
async function planted(crew: Learner[], fields: object = {}) {
  const joinCode = unique().slice(-8).toUpperCase();
  return { id: await plantGroup(crew, { joinCode, ...fields }), joinCode };
}

describe("the answer", () => {
  test("by id has the shape of the contract", async () => {
    const [host, other] = await trio();
    const { id } = await createGroup(host);
    const { groupId, participants, group } = told(await join(other, id));
    expect(groupId).toBe(id);
    expect(participants).toHaveLength(2);
    for (const [index, who] of [host, other].entries()) {
      const role = index === 0 ? "host" : "participant";
      expectCard(participants[index], who, { role, isActive: true, joinedAt: TIME });
    }
    const { groupSession, ...rest } = group;
    exactly(rest, {
      id,
      title: TEXT,
      topic: "What we eat",
      level: "beginner",
      maxParticipants: 5,
      isPrivate: false,
      status: "waiting",
      settings: SETTINGS,
    });
    expect(groupSession).toMatchObject({ currentParticipants: 2, maxParticipants: 5, isActive: false });
    expect(groupSession).not.toHaveProperty("signaling");
  });

  test("by code has the shape of the contract", async () => {
    const [host, other, third] = await trio();
    const { id, joinCode } = await createGroup(host);
    const { groupId, participants, group } = told(await byCode(other, joinCode));
    expect(groupId).toBe(id);
    expect(participants.map(({ id: who }: { id: string }) => who)).toEqual([host.id, other.id]);
    expectCard(participants[1], other, { role: "participant", isActive: true, joinedAt: TIME });
    const { host: card, ...rest } = group;
    const shown = { id, title: TEXT, topic: "What we eat", level: "beginner", maxParticipants: 5 };
    exactly(rest, { ...shown, isPrivate: false, status: "waiting", joinCode });
    expectCard(card, host);
    // As the app sends it: a null for no password; codes in any case.
    told(await byCode(third, joinCode.toLowerCase(), { password: null }));
  });

  test.for(ways)("%s shows the newcomer to everybody at once", async ([, enter]) => {
    const [host, other, third] = await trio();
    const made = await createGroup(host);
    data(await enter(other, made));
    for (const who of [host, other, third]) {
      const shown = await poll(who, made.id);
      expect(membersOf(shown)).toEqual([host.id, other.id]);
      expect(shown.groupSession.currentParticipants).toBe(2);
      expect(shown.status).toBe("waiting");
    }
    const listed = data(await third.get(at.available())).groups[0];
    expect(membersOf(listed)).toEqual([host.id, other.id]);
    expect(data(await other.get(at.mine)).groups).toHaveLength(1);
  });

  test("of a form", async () => {
    const [host, other] = await trio();
    const { id, joinCode } = await createGroup(host);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = new URLSearchParams({ joinCode }).toString();
    const answer = await call("POST", at.byCode, { token: other.token, headers, body });
    expect(told(answer).groupId).toBe(id);
  });
});

describe.for(ways)("refusals %s", ([, enter]) => {
  test("a private group wants its password", async () => {
    const [host, other] = await trio();
    const made = await locked(host, "Sesame9");
    for (const more of [{}, { password: "sesame9" }, { password: "Sesame9 " }, { password: "x" }]) {
      const answer = await enter(other, made, more);
      expectError(answer, 400);
      expect(answer.body.message).toMatch(WRONG);
    }
    expect(membersOf(await poll(host, made.id))).toEqual([host.id]);
    data(await enter(other, made, { password: "Sesame9" }));
    expect(membersOf(await poll(host, made.id))).toEqual([host.id, other.id]);
  });

  test("a group of the old server has its password in clear text", async () => {
    const [host, other] = await trio();
    const made = await planted([host], { isPrivate: true, password: "old-pass" });
    expectError(await enter(other, made, { password: "old-passs" }), 400);
    expectError(await enter(other, made), 400);
    data(await enter(other, made, { password: "old-pass" }));
  });

  test("a full one, a member, in this order: full, password, already in", async () => {
    const [host, other, third] = await trio();
    const full = await planted([host, other], { maxParticipants: 2, isPrivate: true, password: "old-pass" });
    for (const who of [third, other, host]) {
      expectError(await enter(who, full, { password: "wrong" }), 400, "Group is full");
    }
    const room = await planted([host, other], { isPrivate: true, password: "old-pass" });
    const wrong = await enter(other, room, { password: "wrong" });
    expectError(wrong, 400);
    expect(wrong.body.message).toMatch(WRONG);
    for (const who of [other, host]) {
      expectError(await enter(who, room, { password: "old-pass" }), 400, "already in this group");
    }
    expect(membersOf(await poll(host, room.id))).toEqual([host.id, other.id]);
    expect(membersOf(await poll(host, full.id))).toEqual([host.id, other.id]);
  });

  test.for(["completed", "disbanded"])("a %s group", async (status) => {
    const [host, other] = await trio();
    const endedAt = ago(60);
    const made = await planted([host], { status, groupSession: { isActive: false, endedAt } });
    refused(await enter(other, made), 400, 403, 404, 409);
    const shown = await poll(host, made.id);
    expect(membersOf(shown)).toEqual([host.id]);
    expect(shown.groupSession.endedAt).toBe(endedAt.toISOString());
  });

  test("parallel newcomers do not exceed the limit", async () => {
    const [host, ...others] = await cohort(9);
    const made = await createGroup(host!, [], { maxParticipants: 3 });
    const answers = await Promise.all(others.map((who) => enter(who, made)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 200, 400, 400, 400, 400, 400, 400]);
    for (const answer of answers.filter(({ status }) => status === 400)) {
      expectError(answer, 400, "Group is full");
    }
    const shown = await poll(host!, made.id);
    expect(new Set(membersOf(shown)).size).toBe(3);
    expect(shown.participants).toHaveLength(3);
    expect(shown.groupSession.currentParticipants).toBe(3);
  });

  test("the same newcomer many times at once is listed once", async () => {
    const [host, other] = await trio();
    const made = await createGroup(host, [], { maxParticipants: 10 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => enter(other, made)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400]);
    expect(membersOf(await poll(host, made.id))).toEqual([host.id, other.id]);
  });

  test("whoever is not signed in", async () => {
    const [host] = await trio();
    const made = await createGroup(host);
    const inactive = (await cohort(1, { isActive: false, region: oid(host.region) }))[0]!;
    expectError(await enter(inactive, made), 401);
    expectError(await enter({ ...inactive, post: (path, body) => call("POST", path, { body }) }, made), 401);
  });
});

describe("what is asked for", () => {
  const OPERATOR = { $ne: null };

  test("by id must be an id", async () => {
    const [host, other] = await trio();
    await createGroup(host);
    for (const groupId of [undefined, null, "", "nope", nobody().slice(1), 7, OPERATOR, [nobody()]]) {
      refusedField(await join(other, groupId), "groupId");
    }
    const { id } = await createGroup(host);
    for (const password of [null, "", "p".repeat(21), OPERATOR, ["1234"]]) {
      refusedField(await join(other, id, { password }), "password");
    }
    expectError(await join(other, nobody()), 404);
    expectError(await other.post(at.join), 400);
    expect(membersOf(await poll(host, id))).toEqual([host.id]);
  });

  test("by code must be text", async () => {
    const [host, other] = await trio();
    const { id, joinCode } = await createGroup(host);
    for (const code of [undefined, null, ""]) {
      expectError(await byCode(other, code), 400, "Join code is required");
    }
    expectError(await other.post(at.byCode), 400, "Join code is required");
    for (const code of [OPERATOR, { $gt: "" }, [joinCode], { joinCode }]) {
      expectError(await byCode(other, code), 400);
    }
    for (const password of [OPERATOR, ["1234"]]) {
      expectError(await byCode(other, joinCode, { password }), 400);
    }
    for (const code of ["NOSUCHCODE1", ".*", `${joinCode.slice(0, 7)}.`, "^"]) {
      const answer = await byCode(other, code);
      expectError(answer, 404);
      expect(answer.body.message).toMatch(/Group not found|not found with this code/);
    }
    expect(membersOf(await poll(host, id))).toEqual([host.id]);
  });

  test("by id must be of the own region", async () => {
    const [host] = await trio();
    const [stranger] = await cohort(1);
    const { id } = await createGroup(host);
    refused(await join(stranger!, id), 400, 403, 404);
    expect(membersOf(await poll(host, id))).toEqual([host.id]);
  });
});

describe("other groups of the newcomer", () => {
  test("he leaves those of others, which go on", async () => {
    const [first, second, mover] = await trio();
    const a = await planted([first, mover], running());
    const b = await createGroup(second);
    data(await join(mover, b.id));
    const left = await poll(first, a.id);
    expect(membersOf(left)).toEqual([first.id]);
    expect(left).toMatchObject({
      status: "active",
      groupSession: { isActive: true, currentParticipants: 1 },
    });
    expect(membersOf(await poll(mover, b.id))).toEqual([second.id, mover.id]);
    const { groups } = data(await mover.get(at.mine));
    expect(groups.map(({ id }: { id: string }) => id)).toEqual([b.id]);
  });

  test("his own one ends under its members", async () => {
    const crew = await cohort(4);
    const own = await startedGroup(crew[0]!, crew.slice(1, 3));
    const other = await createGroup(crew[3]!);
    data(await byCode(crew[0]!, other.joinCode));
    const ended = await poll(crew[1]!, own);
    expect(["completed", "disbanded"]).toContain(ended.status);
    expect(ended.groupSession.isActive).toBe(false);
  });

  test("a refused entry leaves him where he is", async () => {
    const [first, second, mover] = await trio();
    const a = await createGroup(first, [mover]);
    const b = await locked(second, "Sesame9");
    expectError(await join(mover, b.id, { password: "wrong" }), 400);
    expectError(await join(mover, nobody()), 404);
    expect(membersOf(await poll(first, a.id))).toEqual([first.id, mover.id]);
  });
});
