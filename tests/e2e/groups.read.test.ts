import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, call, unique } from "../support/client.ts";
import { person } from "../support/people.ts";
import {
  FLAG,
  NUMBER,
  SETTINGS,
  ago,
  at,
  cohort,
  createGroup,
  data,
  exactly,
  expectCard,
  expectPaging,
  membersOf,
  oid,
  plantGroup,
  poll,
  refused,
  running,
  testAccess,
} from "./groups.support.ts";
import { ID, NO_STORE, TEXT, TIME, expectError, nobody } from "./sessions.support.ts";

const duo = async () => (await cohort(2)) as [Learner, Learner];
const idsOf = ({ groups }: { groups: { id: string }[] }) => groups.map(({ id }) => id);

/** GroupSessionState; signaling is nobody's business here. */
const expectState = (state: object) =>
  exactly(
    state,
    {
      _id: ID,
      maxParticipants: NUMBER,
      currentParticipants: NUMBER,
      sessionType: expect.stringMatching(/^(chat|voice|video)$/),
      isActive: FLAG,
      duration: NUMBER,
    },
    { startedAt: TIME, endedAt: TIME },
  );

describe("one group", () => {
  test("has the shape of the contract", async () => {
    const picture = "https://example.com/p.png";
    const [host] = await cohort(1, { profilePicture: picture });
    const [member] = await cohort(1, { region: oid(host!.region) });
    const id = await plantGroup([host!, member!], { joinCode: "ABCD1234X", ...running(), password: null });
    const answer = await member!.get(at.group(id));
    expect(answer.body).toEqual({ success: true, data: expect.any(Object) });
    const { host: card, participants, groupSession, ...rest } = data(answer);
    exactly(rest, {
      id,
      title: TEXT,
      topic: "What we ate",
      description: "Planted",
      level: "beginner",
      maxParticipants: 5,
      isPrivate: false,
      joinCode: "ABCD1234X",
      status: "active",
      settings: SETTINGS,
      createdAt: TIME,
    });
    expectCard(card, host!);
    expect(card.profilePicture).toBe(picture);
    const entry = { isActive: true, joinedAt: TIME };
    expectCard(participants[0], host!, { role: "host", ...entry });
    expect(participants[0].profilePicture).toBe(picture);
    expectCard(participants[1], member!, { role: "participant", ...entry });
    expectState(groupSession);
    expect(groupSession).toMatchObject({ isActive: true, startedAt: TIME, sessionType: "chat" });
    expect(answer.text).not.toContain("old-candidate");
  });

  test("is never cached", async () => {
    const [host] = await duo();
    const { id } = await createGroup(host);
    for (const path of [at.group(id), at.lines(id)]) {
      expect((await host.get(path)).headers.get("cache-control")).toBe(NO_STORE);
    }
  });

  test("shows its code to those inside only", async () => {
    const [host, neighbour] = await duo();
    const { id, joinCode } = await createGroup(host);
    expect((await poll(host, id)).joinCode).toBe(joinCode);
    const answer = await neighbour.get(at.group(id));
    expect(data(answer)).toMatchObject({ id, host: { id: host.id, name: TEXT } });
    expect(answer.text).not.toContain(joinCode);
    data(await neighbour.post(at.join, { groupId: id }));
    expect((await poll(neighbour, id)).joinCode).toBe(joinCode);
  });

  test("is closed to other regions, to admins, too, but not to members from there", async () => {
    const [host] = await duo();
    const [[stranger], boss] = [await cohort(1), await person({ role: "admin" })];
    const id = await plantGroup([host, stranger!]);
    data(await stranger!.get(at.group(id)));
    const other = (await createGroup(host)).id;
    for (const who of [stranger!, boss]) expectError(await who.get(at.group(other)), 403);
  });

  test("can be read although people of it are gone", async () => {
    const [host, member] = await duo();
    const ghost = { id: nobody(), region: host.region };
    const id = await plantGroup([ghost, member], running());
    for (const shown of [await poll(member, id), data(await host.get(at.available())).groups[0]]) {
      if (shown.host !== null) expect(shown.host).toMatchObject({ id: ghost.id, name: TEXT });
      for (const entry of shown.participants) expect(entry).toMatchObject({ id: ID, name: TEXT });
      expect(membersOf(shown)).toContain(member.id);
    }
    expect(idsOf(data(await member.get(at.mine)))).toEqual([id]);
  });

  test("can be read although it lacks what newer ones have", async () => {
    const [host, member] = await duo();
    const id = await plantGroup([host, member], { groupSession: null, description: undefined });
    const shown = await poll(member, id);
    expect(shown).toMatchObject({ id, status: "waiting" });
    expect(shown.groupSession?.isActive ?? false).toBe(false);
    expect(idsOf(data(await member.get(at.mine)))).toEqual([id]);
    const listed = data(await (await cohort(1, { region: oid(host.region) }))[0]!.get(at.available()));
    expect(listed.groups[0]).toMatchObject({ id, description: expect.any(String) });
  });
});

describe("who may", () => {
  let crew: [Learner, Learner];
  let id: string;
  beforeAll(async () => {
    crew = await duo();
    id = await plantGroup(crew, running());
  });
  testAccess(
    [
      { name: "read", method: "GET", path: at.group },
      { name: "message", path: at.say, body: { message: "hello" } },
      { name: "messages", method: "GET", path: at.lines },
      { name: "start", path: at.start, body: { sessionType: "chat" } },
      { name: "leave", path: at.leave },
      { name: "end-session", path: at.end },
    ],
    () => ({ id, member: crew[1] }),
  );

  test("a refused request changed nothing", async () => {
    const shown = await poll(crew[0], id);
    expect(shown).toMatchObject({ status: "active", groupSession: { isActive: true } });
    expect(membersOf(shown)).toEqual(crew.map((who) => who.id));
    expect(data(await crew[0].get(at.lines(id))).messages).toEqual([]);
  });

  test("the lists need a token", async () => {
    for (const path of [at.available(), at.mine]) {
      expectError(await call("GET", path), 401, "Access token required");
    }
  });
});

describe("available groups", () => {
  const list = async (who: Learner, query: Record<string, string> = {}) =>
    data(await who.get(at.available(new URLSearchParams(query).toString())));

  test("have the shape of the contract, and keep addresses and codes", async () => {
    const [host, seeker] = await duo();
    const { id, joinCode } = await createGroup(host, [], { isPrivate: true, password: "Sesame9" });
    const answer = await seeker.get(at.available());
    expect(answer.body).toEqual({ success: true, data: expect.any(Object) });
    const { groups, pagination } = data(answer);
    expect(pagination).toEqual({ page: 1, limit: 20, total: 1, pages: 1 });
    const { host: card, participants, ...rest } = groups[0];
    exactly(rest, {
      id,
      title: TEXT,
      topic: "What we eat",
      description: "",
      level: "beginner",
      maxParticipants: 5,
      isPrivate: true,
      status: "waiting",
      settings: SETTINGS,
      createdAt: TIME,
    });
    expectCard(card, host);
    expectCard(participants[0], host, { role: "host", isActive: true });
    for (const secret of [host.email, host.phone, joinCode, "Sesame9", "joinCode"]) {
      expect(answer.text).not.toContain(secret);
    }
  });

  test("are those of the region that wait or run, without the own, newest first", async () => {
    const [host, seeker] = await duo();
    const [stranger] = await cohort(1);
    const plant = (n: number, fields: object = {}, crew = [host]) =>
      plantGroup(crew, { createdAt: ago(100 - n), ...fields });
    const waiting = await plant(1);
    const active = await plant(2, running());
    const full = await plant(3, { maxParticipants: 2 }, [host, stranger!]);
    const finished = await plant(4, { status: "completed" });
    await plant(5, { status: "disbanded" });
    const ready = await plant(6, { status: "ready" });
    await plant(7, {}, [host, seeker]);
    await plant(8, {}, [stranger!]);
    expect(idsOf(await list(seeker))).toEqual([full, active, waiting]);
    for (const [status, expected] of [
      ["waiting", [full, waiting]],
      ["active", [active]],
      ["completed", [finished]],
      ["ready", [ready]],
    ] as const) {
      expect(idsOf(await list(seeker, { status })), status).toEqual(expected);
    }
  });

  test("can be filtered by level", async () => {
    const [host, seeker] = await duo();
    const made: Record<string, string> = {};
    for (const level of ["beginner", "intermediate", "advanced"]) {
      made[level] = await plantGroup([host], { level });
    }
    for (const [level, id] of Object.entries(made))
      expect(idsOf(await list(seeker, { level }))).toEqual([id]);
    expect(idsOf(await list(seeker, { level: "advanced", status: "active" }))).toEqual([]);
    expect(idsOf(await list(seeker, { level: "", status: "", search: "" }))).toHaveLength(3);
  });

  test("can be searched by title or topic, in any case, character by character", async () => {
    const [host, seeker] = await duo();
    const mark = unique();
    const byTitle = await plantGroup([host], { title: `Über (${mark}` });
    const byTopic = await plantGroup([host], { topic: `a.b*c ${mark} [x` });
    await plantGroup([host], { description: mark });
    const found = async (search: string) => new Set(idsOf(await list(seeker, { search })));
    expect(await found(mark.toUpperCase())).toEqual(new Set([byTitle, byTopic]));
    expect(await found(`(${mark}`)).toEqual(new Set([byTitle]));
    expect(await found("ÜBER (")).toEqual(new Set([byTitle]));
    expect(await found("A.B*C")).toEqual(new Set([byTopic]));
    expect(await found("[x")).toEqual(new Set([byTopic]));
    for (const search of [".*", "^", "a.b.c", "(a+)+$", "\\d", "|"]) {
      expect(await found(search), search).toEqual(new Set());
    }
  });

  test("are paged", async () => {
    const [host, seeker] = await duo();
    const made: string[] = [];
    for (let n = 0; n < 5; n++) made.unshift(await plantGroup([host], { createdAt: ago(100 - n) }));
    const read = async (query: string) => data(await seeker.get(at.available(query)));
    await expectPaging(read, 5);
    expect(idsOf(await read("page=1&limit=2"))).toEqual(made.slice(0, 2));
    expect(idsOf(await read("page=3&limit=2"))).toEqual(made.slice(4));
    expect(idsOf(await read("page=4&limit=2"))).toEqual([]);
  });

  test.for([
    "status[$ne]=x",
    "level[$ne]=x",
    "search[$regex]=.",
    "search[]=a",
    "status=completed&status=active",
    "level=expert",
    "status=running",
    `search=${"x".repeat(5000)}`,
    "search=%FF",
  ])("an odd query brings nothing that is over: %s", async (query) => {
    const [host, seeker] = await duo();
    const over = await plantGroup([host], { status: "disbanded" });
    const answer = await seeker.get(at.available(query));
    if (answer.status !== 200) return refused(answer, 400);
    expect(idsOf(data(answer))).not.toContain(over);
  });
});

describe("own groups", () => {
  test("are those that are not over", async () => {
    const [host, member] = await duo();
    const crew = [host, member];
    const made = [
      await plantGroup(crew, { createdAt: ago(30) }),
      await plantGroup(crew, { status: "ready", createdAt: ago(20) }),
      await plantGroup(crew, { ...running(), createdAt: ago(10) }),
    ];
    await plantGroup(crew, { status: "completed" });
    await plantGroup(crew, { status: "disbanded" });
    await plantGroup([host]);
    const answer = await member.get(at.mine);
    expect(answer.body).toEqual({ success: true, data: expect.any(Object) });
    const { groups } = data(answer);
    expect(new Set(idsOf({ groups }))).toEqual(new Set(made));
    for (const { host: card, participants, groupSession, ...rest } of groups) {
      const texts = { id: ID, title: TEXT, topic: TEXT, level: "beginner", status: TEXT, createdAt: TIME };
      exactly(
        rest,
        { ...texts, maxParticipants: 5, isPrivate: false, settings: SETTINGS },
        { description: TEXT },
      );
      expectCard(card, host);
      expectCard(participants[1], member, { role: "participant", isActive: true });
      expectState(groupSession);
    }
    expect(answer.text).not.toContain("old-candidate");
    expect(data(await (await cohort(1))[0]!.get(at.mine)).groups).toEqual([]);
  });
});
