/** The search of the admin site over all session records. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Learner } from "../support/client.ts";
import { admin } from "../support/people.ts";
import { cohort, refusedField, told } from "./groups.support.ts";
import {
  expectSession,
  idsOf,
  plantSessions,
  quietHour,
  sampleSessions,
  sessionOf,
} from "./my-sessions.support.ts";
import { ID, expectError } from "./sessions.support.ts";

const SEARCH = "/api/sessions/admin/search";
const NOTHING = { sessionType: "all", status: "all", startDate: "none", endDate: "none" };

let boss: Learner;
beforeAll(async () => void (boss = await admin()));

const search = (body: object) => boss.post(SEARCH, body);

describe("search", () => {
  const dates = (hour: ReturnType<typeof quietHour>) => ({
    startDate: hour.from.toISOString(),
    endDate: hour.until.toISOString(),
  });

  test("by each criterion, echoed", async () => {
    const { hour, region, host, other, ids, every } = await sampleSessions();
    const { a, b, c, d } = ids;
    const none = { ...NOTHING, region: "all", participantEmail: "none", hostEmail: "none" };
    for (const [criteria, expected] of [
      [{}, every],
      [{ sessionType: "group_chat" }, [d]],
      [{ status: "cancelled" }, [b]],
      [{ region }, every],
      [{ hostEmail: host.email }, [a, b]],
      [{ hostEmail: other.email.toUpperCase() }, [c]],
      [{ participantEmail: other.email.slice(2, 20) }, every],
      [{ participantEmail: host.email, status: "completed" }, [a, c]],
      [{ participantEmail: host.email, hostEmail: other.email }, [c]],
      [{ hostEmail: ".*" }, []],
      [{ hostEmail: other.email.replace("+", ".") }, []],
    ] as const) {
      const answer = await search({ ...dates(hour), ...criteria });
      const { sessions, pagination, searchCriteria, ...rest } = told(answer);
      expect(rest).toEqual({});
      expect(idsOf({ sessions }), JSON.stringify(criteria)).toEqual(expected);
      expect(pagination).toEqual({
        page: 1,
        limit: 20,
        total: expected.length,
        pages: Math.min(1, expected.length),
      });
      const { region: shown, ...others } = searchCriteria;
      const { region: _, ...echo } = { ...none, ...dates(hour), ...criteria };
      expect(others).toEqual(echo);
      expect(shown).toEqual("region" in criteria ? region : expect.stringMatching(/^(all|none)$/));
      sessions.forEach(expectSession);
    }
  });

  test("filters before it pages", async () => {
    const [host, other] = await cohort(2);
    const documents = Array.from({ length: 12 }, (_, n) =>
      sessionOf([n % 4 === 0 ? host!.id : other!.id], { createdAt: new Date(Date.now() - n * 1000) }),
    );
    const made = (await plantSessions(...documents)).filter((_, n) => n % 4 === 0);
    const page = told(await search({ hostEmail: host!.email, limit: "2", page: "2" }));
    expect(idsOf(page)).toEqual(made.slice(2));
    expect(page.pagination).toEqual({ page: 2, limit: 2, total: 3, pages: 2 });
  });

  test.for(["scheduled", "active", "completed", "cancelled", "failed", "waiting_for_partner"])(
    "knows the status %s",
    async (status) => {
      const hour = quietHour();
      const [host] = await cohort(1);
      const made = await plantSessions(
        sessionOf([host!.id], { status, sessionType: "lecture", createdAt: hour.minute(1) }),
      );
      const found = told(await search({ ...dates(hour), status, sessionType: "lecture" }));
      expect(idsOf(found)).toEqual(made);
    },
  );

  test("refuses what it does not know, field by field", async () => {
    for (const [field, values] of [
      ["sessionType", ["nope", { $ne: "" }, ["chat"]]],
      ["status", ["nope", { $ne: "" }, 5]],
      ["startDate", ["yesterday", { $gt: 0 }]],
      ["endDate", ["2024-13-45", []]],
      ["participantEmail", [{ $regex: "." }, ["a"]]],
      ["hostEmail", [{ $regex: "." }]],
    ] as const) {
      for (const value of values) refusedField(await search({ [field]: value }), field);
    }
    for (const region of ["nope", { $ne: null }]) expectError(await search({ region }), 400);
  });

  test("takes no body at all", async () => {
    const found = told(await boss.post(SEARCH));
    expect(found.pagination).toMatchObject({ page: 1, limit: 20 });
    expect(found.sessions.length).toBeLessThanOrEqual(20);
    for (const id of idsOf(found)) expect(id).toEqual(ID);
  });
});
