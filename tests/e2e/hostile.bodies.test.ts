/** Every operation of the table against bodies and queries that are attacks or no bodies at all; nothing of it is stored. */
import { type Document } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer } from "../support/client.ts";
import { person } from "../support/people.ts";
import {
  WITH_BODY,
  administrator,
  expectAnswer,
  nobody,
  rightful,
  send,
  setStage,
  stageOf,
  storedNothing,
} from "./hostile.support.ts";
import { OPERATOR } from "./hostile.operation.ts";
import { OPERATIONS } from "./hostile.table.ts";

beforeAll(setStage);

// A sign-out succeeds whatever its body says: its test is the last.
const WITHOUT_BODY = OPERATIONS.filter(({ method, good, target }) => method !== "GET" && !good && target);

/** Dotted paths of all fields of a body, objects left out, items of lists included. */
function fieldsOf(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null) return [path];
  const inside = Object.entries(value).flatMap(([key, item]) =>
    fieldsOf(item, path ? `${path}.${key}` : key),
  );
  const isItem = /\.\d+$/.test(path);
  return Array.isArray(value) || isItem ? [path, ...inside] : inside;
}

/** The body with one field replaced. */
function withField(body: Document, path: string, value: unknown): Document {
  const copy = structuredClone(body);
  const keys = path.split(".");
  const last = keys.pop()!;
  const holder = keys.reduce((inside: Document, key) => inside[key] as Document, copy);
  holder[last] = value;
  return copy;
}

describe("an operator in the body", () => {
  test.for(WITH_BODY)("$id", async (operation) => {
    const token = rightful(operation);
    const stage = stageOf(operation);
    for (const path of fieldsOf(operation.good!(stage), "")) {
      for (const value of [OPERATOR, { $ne: null }]) {
        const body = withField(operation.good!(stage), path, value);
        const answer = await send(operation, { token, body });
        const lenient = operation.lenient?.[path];
        expectAnswer(operation, answer, lenient ?? [400], `${path} = ${JSON.stringify(value)}`);
        if (lenient || operation.plain) continue;
        const named = (answer.body.errors as { path: string }[] | undefined)?.map((error) => error.path);
        const top = path.split(".")[0]!;
        expect(named, `${path} of ${answer.text}`).toContainEqual(expect.stringMatching(`^${top}\\b`));
      }
    }
    for (const body of operation.odd?.(stage) ?? []) {
      expectAnswer(operation, await send(operation, { token, body }), [200, 400], JSON.stringify(body));
    }
  });

  // What was passed over may count as a change of nothing.
  storedNothing(["updatedAt", "lastModifiedAt", "lastModifiedBy", "__v", "audit"]);
});

describe("an operator in the query", () => {
  /** What shows which filters were applied. */
  const seen = ({ body }: Answer) => [body.data.filters, body.data.pagination, body.data.total];

  test.for(OPERATIONS.filter(({ query }) => query))("$id", async (operation) => {
    const token = rightful(operation);
    const plain = await send(operation, { token });
    expectAnswer(operation, plain, [200], "no query");
    const names = operation.query!;
    for (const suffix of ["[$gt]=", "[$ne]=zzz", "%5B%24regex%5D=.*", "[]=zzz", "[$in][0]=zzz"]) {
      // All at once, as none of them counts; if they are refused, each by itself.
      const together = `?${names.map((name) => name + suffix).join("&")}`;
      const first = await send(operation, { token, query: together });
      for (const query of first.status === 200 ? [together] : names.map((name) => `?${name}${suffix}`)) {
        const answer = await send(operation, { token, query });
        expectAnswer(operation, answer, [200, 400], query);
        if (answer.status === 200) expect(seen(answer), query).toEqual(seen(plain));
      }
    }
    for (const name of names) {
      const texts = [JSON.stringify(OPERATOR), "a\u0000b", "(((", "9".repeat(30)].map(encodeURIComponent);
      for (const query of [
        ...texts.map((text) => `?${name}=${text}`),
        `?${name}=%FF`,
        `?${name}=a&${name}=b`,
      ]) {
        expectAnswer(operation, await send(operation, { token, query }), [200, 400], query);
      }
    }
  });

  storedNothing();
});

const BROKEN = ["{", '{"name":"x",}', "{'name':1}", '"text"', "5", "\u0000", '{"a":'.repeat(3000)];
const large = (body: Document) => ({ ...body, padding: "x".repeat(2_000_000) });

describe("a body that is no JSON", () => {
  test.for(WITH_BODY)("$id: 400", async (operation) => {
    for (const body of BROKEN) {
      const about = `body ${body.slice(0, 20)}`;
      expectAnswer(operation, await send(operation, { token: rightful(operation), body }), [400], about);
    }
    if (operation.access === "public") return;
    expectAnswer(operation, await send(operation, { body: "{" }), [400, 401], "no token");
  });

  test.for(WITHOUT_BODY)("$id takes none", async (operation) => {
    const { malformed = [400], unknown = [404] } = operation;
    const id = nobody(operation);
    for (const body of BROKEN) {
      const answer = await send(operation, { token: administrator.token, id, body });
      expectAnswer(operation, answer, [...malformed, ...unknown], `body ${body.slice(0, 20)}`);
    }
  });

  storedNothing();
});

describe("a body of 2 MB", () => {
  test.for(WITH_BODY)("$id: 413", async (operation) => {
    const body = large(operation.good!(stageOf(operation)));
    expectAnswer(operation, await send(operation, { token: rightful(operation), body }), [413], "2 MB");
    if (operation.access === "public") return;
    expectAnswer(operation, await send(operation, { body }), [401, 413], "2 MB, no token");
  });

  test.for(WITHOUT_BODY)("$id takes none", async (operation) => {
    const { unknown = [404] } = operation;
    const id = nobody(operation);
    const answer = await send(operation, { token: administrator.token, id, body: large({}) });
    expectAnswer(operation, answer, [413, 400, ...unknown], "2 MB");
  });

  storedNothing();
});

test("a sign-out with a broken or large body", async () => {
  const operation = OPERATIONS.find(({ id }) => id === "authLogout")!;
  for (const body of [...BROKEN, large({})]) {
    const { token } = await person();
    expectAnswer(operation, await send(operation, { token, body }), [200, 400, 413], "an odd body");
  }
});
