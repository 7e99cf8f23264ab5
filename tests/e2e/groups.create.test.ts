import { describe, expect, test } from "vitest";
import { type Learner, call, eventually } from "../support/client.ts";
import { person } from "../support/people.ts";
import {
  at,
  cohort,
  createGroup,
  data,
  exactly,
  expectCard,
  groupRecord,
  membersOf,
  oid,
  plantGroup,
  poll,
  refusedField,
  running,
  SETTINGS,
  startedGroup,
  told,
  wanted,
} from "./groups.support.ts";
import { ID, TIME, expectError } from "./sessions.support.ts";

const create = (who: Learner, fields: object = {}) => who.post(at.create, wanted(fields));
const one = async () => (await cohort(1))[0]!;

/** Nobody is in it any more, and pollers see the end. */
async function expectOver(group: string, ...pollers: Learner[]): Promise<void> {
  for (const who of pollers) {
    const shown = await poll(who, group);
    expect(["completed", "disbanded"]).toContain(shown.status);
    expect(shown.groupSession.isActive).toBe(false);
  }
}

describe("a new group", () => {
  test("has the shape of the contract", async () => {
    const host = await one();
    const fields = { title: "  Food  ", topic: "  What we eat  ", level: "advanced", maxParticipants: 7 };
    const answer = await create(host, fields);
    const { groupId, joinCode, group } = told(answer, 201);
    exactly(answer.body.data, { groupId: ID, joinCode: expect.stringMatching(/^[0-9A-Z]{8}$/), group });
    const { host: card, participants, ...rest } = group;
    const settled = { level: "advanced", maxParticipants: 7, isPrivate: false, settings: SETTINGS };
    exactly(
      rest,
      {
        id: groupId,
        title: "Food",
        topic: "What we eat",
        joinCode,
        status: "waiting",
        createdAt: TIME,
        ...settled,
      },
      { description: "" },
    );
    expectCard(card, host);
    expect(participants).toHaveLength(1);
    expect(participants[0]).toMatchObject({ id: host.id, role: "host", isActive: true, joinedAt: TIME });
  });

  test("can be read at once, by its host and by the region", async () => {
    const [host, other] = (await cohort(2)) as [Learner, Learner];
    const { id, joinCode } = await createGroup(host);
    const shown = await poll(host, id);
    expect(shown).toMatchObject({ id, joinCode, status: "waiting", host: { id: host.id } });
    expect(shown.groupSession).toMatchObject({
      sessionType: "chat",
      isActive: false,
      currentParticipants: 1,
      maxParticipants: 5,
      duration: 0,
    });
    for (const absent of ["startedAt", "endedAt"]) expect(shown.groupSession).not.toHaveProperty(absent);
    const listed = data(await other.get(at.available())).groups;
    expect(listed.map((group: { id: string }) => group.id)).toEqual([id]);
    expect(data(await host.get(at.mine)).groups).toHaveLength(1);
  });

  test("is stored as the old server stored it", async () => {
    const host = await one();
    const { id, joinCode } = await createGroup(host, [], { maxParticipants: 8 });
    await eventually("the document is there", async () => (await groupRecord(id)) !== null);
    expect(await groupRecord(id)).toMatchObject({
      topic: "What we eat",
      level: "beginner",
      maxParticipants: 8,
      isPrivate: false,
      joinCode,
      host: oid(host.id),
      participants: [{ user: oid(host.id), role: "host", isActive: true, joinedAt: expect.any(Date) }],
      status: "waiting",
      settings: SETTINGS,
      groupSession: { maxParticipants: 8, currentParticipants: 1, sessionType: "chat", isActive: false },
      region: oid(host.region),
      createdAt: expect.any(Date),
    });
  });

  test("has a code of its own", async () => {
    const hosts = await cohort(6);
    const made = await Promise.all(hosts.map((host) => createGroup(host)));
    expect(new Set(made.map(({ joinCode }) => joinCode)).size).toBe(6);
    expect(new Set(made.map(({ id }) => id)).size).toBe(6);
  });

  test("takes values at their limits, and text for numbers and flags", async () => {
    const hosts = await cohort(4);
    for (const [index, fields, shown] of [
      [0, { title: "abc", topic: "12345", maxParticipants: 2 }, { title: "abc", maxParticipants: 2 }],
      [
        1,
        {
          title: "t".repeat(100),
          topic: "न".repeat(500),
          description: "d".repeat(1000),
          maxParticipants: 50,
          isPrivate: true,
          password: "p".repeat(20),
        },
        { title: "t".repeat(100), topic: "न".repeat(500), maxParticipants: 50, isPrivate: true },
      ],
      [
        2,
        {
          maxParticipants: "9",
          isPrivate: "true",
          password: "1234",
          settings: { allowVideo: 0, allowVoice: "false", allowChat: "1" },
        },
        {
          maxParticipants: 9,
          isPrivate: true,
          settings: { allowVideo: false, allowVoice: false, allowChat: true },
        },
      ],
      [3, { isPrivate: 0, description: undefined, role: "admin" }, { isPrivate: false }],
    ] as const) {
      const made = told(await create(hosts[index]!, fields), 201);
      expect(made.group).toMatchObject(shown);
      expect(await poll(hosts[index]!, made.groupId)).toMatchObject(shown);
    }
  });

  test("can be public with password null, or with a password that then does not count", async () => {
    const [first, second, joiner] = (await cohort(3)) as [Learner, Learner, Learner];
    const open = [
      told(await create(first, { password: null }), 201),
      told(await create(second, { password: "secret1" }), 201),
    ];
    for (const { groupId, group } of open) {
      expect(group.isPrivate).toBe(false);
      data(await joiner.post(at.join, { groupId }));
      await eventually("stored", async () => (await groupRecord(groupId)) !== null);
      expect((await groupRecord(groupId))!["password"] ?? null).toBe(null);
    }
  });

  test("keeps its password to itself, and only as a hash", async () => {
    const [host, member] = (await cohort(2)) as [Learner, Learner];
    const password = "Sesame-open-77";
    const made = await create(host, { isPrivate: true, password });
    const { groupId, joinCode } = told(made, 201);
    const answers = [
      made,
      await member.get(at.available()),
      await member.post(at.join, { groupId, password }),
      await member.get(at.group(groupId)),
      await host.get(at.mine),
      await host.get(at.group(groupId)),
    ];
    for (const { status, text } of answers) {
      expect(status, text).toBeLessThan(300);
      expect(text).not.toContain("password");
      expect(text).not.toContain(password);
    }
    await eventually("stored", async () => (await groupRecord(groupId)) !== null);
    const record = JSON.stringify(await groupRecord(groupId));
    expect(record).toContain(joinCode);
    expect(record).not.toContain(password);
  });
});

describe("what is refused", () => {
  const OPERATOR = { $ne: null };
  test.for([
    ["title", [undefined, null, "", "ab", "  ab  ", "t".repeat(101), OPERATOR, ["abc"]]],
    ["topic", [undefined, null, "abcd", "  abcd  ", "t".repeat(501), OPERATOR, ["abcdef"]]],
    ["description", ["d".repeat(1001), OPERATOR]],
    ["level", [undefined, null, "", "expert", "Beginner", OPERATOR, ["beginner", "advanced"]]],
    ["maxParticipants", [undefined, null, 1, 51, 2.5, -3, "many", "", OPERATOR]],
    ["isPrivate", [undefined, null, "maybe", 2, OPERATOR]],
    ["settings", [undefined, null, {}, "all", [true, true, true]]],
    [
      "settings.allowVideo",
      [
        { allowVoice: true, allowChat: true },
        { ...SETTINGS, allowVideo: "maybe" },
      ],
    ],
    [
      "settings.allowVoice",
      [
        { allowVideo: true, allowChat: true },
        { ...SETTINGS, allowVoice: null },
      ],
    ],
    [
      "settings.allowChat",
      [
        { allowVideo: true, allowVoice: true },
        { ...SETTINGS, allowChat: OPERATOR },
      ],
    ],
  ] as const)("a wrong %s", async ([field, values]) => {
    const host = await one();
    const key = field.split(".")[0]!;
    for (const value of values) refusedField(await create(host, { [key]: value }), field);
    expect(data(await host.get(at.mine)).groups).toEqual([]);
  });

  test("a private group without a password, or with a bad one", async () => {
    const host = await one();
    for (const password of [undefined, null, ""]) {
      expectError(await create(host, { isPrivate: true, password }), 400);
    }
    for (const password of ["123", "p".repeat(21), OPERATOR, ["long-enough"]]) {
      refusedField(await create(host, { isPrivate: true, password }), "password");
    }
  });

  test("a body that is none, and whoever is not signed in", async () => {
    const host = await one();
    expectError(await host.post(at.create), 400);
    expectError(await call("POST", at.create, { token: host.token, body: '{"title":' }), 400);
    expectError(await call("POST", at.create, { body: wanted() }), 401, "Access token required");
    const inactive = (await cohort(1, { isActive: false }))[0]!;
    expectError(await create(inactive), 401);
  });

  test("nothing by a fault of the server when the user has no region", async () => {
    const homeless = await person();
    expect((await create(homeless)).status).toBeLessThan(500);
    expect((await homeless.get(at.available())).status).toBeLessThan(500);
    const host = await one();
    const { id } = await createGroup(host);
    expectError(await homeless.get(at.group(id)), 403);
  });

  test("a refused creation leaves the caller where he is", async () => {
    const [host, member] = (await cohort(2)) as [Learner, Learner];
    const { id } = await createGroup(host, [member]);
    expectError(await create(host, { title: "x" }), 400);
    expectError(await create(member, { title: "x" }), 400);
    expect(membersOf(await poll(host, id))).toEqual([host.id, member.id]);
  });
});

describe("other groups of the creator", () => {
  test("a waiting one of his own ends under its members, who are told", async () => {
    const [host, member, outsider] = (await cohort(3)) as [Learner, Learner, Learner];
    const { id: old } = await createGroup(host, [member]);
    const { id } = await createGroup(host);
    await expectOver(old, member, host);
    expect(membersOf(await poll(host, id))).toEqual([host.id]);
    const listed = data(await outsider.get(at.available())).groups;
    expect(listed.map((group: { id: string }) => group.id)).toEqual([id]);
    for (const [who, ids] of [
      [host, [id]],
      [member, []],
    ] as const) {
      const { groups } = data(await who.get(at.mine));
      expect(groups.map((group: { id: string }) => group.id)).toEqual(ids);
    }
  });

  test("a running one of his own ends, too", async () => {
    const crew = await cohort(3);
    const old = await startedGroup(crew[0]!, crew.slice(1));
    await createGroup(crew[0]!);
    await expectOver(old, crew[1]!, crew[2]!);
  });

  test("finished ones of his own stay readable", async () => {
    const [host, member] = (await cohort(2)) as [Learner, Learner];
    const endedAt = new Date("2024-05-01T10:00:00.000Z");
    const old = await plantGroup([host, member], {
      status: "completed",
      groupSession: { isActive: false, endedAt, duration: 77 },
    });
    await createGroup(host);
    await expectOver(old, member);
    const { groupSession } = await poll(member, old);
    expect(groupSession).toMatchObject({ endedAt: endedAt.toISOString(), duration: 77 });
  });

  test("he is taken out of all those of others, which go on as they were", async () => {
    const [leaver, first, second, third] = (await cohort(4)) as [Learner, Learner, Learner, Learner];
    const waiting = await plantGroup([first, leaver]);
    const active = await plantGroup([second, third, leaver], running());
    await createGroup(leaver);
    const left = await poll(first, waiting);
    expect(membersOf(left)).toEqual([first.id]);
    expect(left).toMatchObject({ status: "waiting", groupSession: { currentParticipants: 1 } });
    const goesOn = await poll(second, active);
    expect(membersOf(goesOn)).toEqual([second.id, third.id]);
    expect(goesOn).toMatchObject({
      status: "active",
      groupSession: { isActive: true, currentParticipants: 2 },
    });
  });

  test("one that he leaves empty is disbanded", async () => {
    const [leaver, other] = (await cohort(2)) as [Learner, Learner];
    const group = await plantGroup([leaver], {
      host: oid(other.id),
      participants: [{ user: oid(leaver.id), role: "participant", joinedAt: new Date(), isActive: true }],
    });
    await createGroup(leaver);
    const shown = await poll(other, group);
    expect(shown).toMatchObject({ status: "disbanded", participants: [], groupSession: { isActive: false } });
  });

  test("many creations at once leave him in one", async () => {
    const host = await one();
    const answers = await Promise.all(Array.from({ length: 4 }, () => create(host)));
    for (const answer of answers) expect(answer.status, answer.text).toBeLessThan(500);
    await create(host);
    expect(data(await host.get(at.mine)).groups).toHaveLength(1);
  });
});
