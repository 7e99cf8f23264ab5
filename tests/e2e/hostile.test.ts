/** Every operation of the table against people, tokens and ids that it must refuse; nothing of it is stored. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ObjectId } from "mongodb";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, call, eventually } from "../support/client.ts";
import { person } from "../support/people.ts";
import { sign, tokenFor } from "../support/tokens.ts";
import {
  GUARDED,
  WITH_TARGET,
  administrator,
  expectAnswer,
  hasId,
  listed,
  nobody,
  send,
  setStage,
  stageOf,
  storedNothing,
  watch,
} from "./hostile.support.ts";
import { OPERATOR, type Operation } from "./hostile.operation.ts";
import { COVERED, OPERATIONS } from "./hostile.table.ts";

beforeAll(setStage);

const groups = (target: Operation["target"]) => target === "category" || target === "gameType";

test("the table has every operation of its part of the interface", () => {
  const file = join(import.meta.dirname, "../../docs/openapi.json");
  const { paths } = JSON.parse(readFileSync(file, "utf8")) as { paths: Record<string, object> };
  const described = Object.entries(paths)
    .filter(([path]) => COVERED.test(path))
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, "{}")}`),
    );
  const listed = OPERATIONS.map(({ method, path }) => [method, path.replace(/^\/api/, "")] as const)
    .filter(([, path]) => COVERED.test(path))
    .map((line) => line.join(" "));
  expect(described.sort()).toEqual(listed.sort());
});

describe("without a token", () => {
  test.for(GUARDED)("$id: 401", async (operation) => {
    const texts = ["", "Bearer", "Bearer "].map(async (authorization) => {
      const headers = authorization === "" ? {} : { authorization };
      const path = operation.path.replace("{}", () => stageOf(operation)[operation.target ?? "user"]);
      const body = operation.good && { body: operation.good(stageOf(operation)) };
      const answer = await call(operation.method, path, { headers, ...body });
      expectAnswer(operation, answer, [401], `header "${authorization}"`);
      return answer.body.message as string;
    });
    for (const text of await Promise.all(texts)) expect(text).toContain("Access token required");
    if (!operation.target) return;
    // Who does not say who he is learns nothing about ids.
    for (const id of ["not-an-id", new ObjectId().toHexString()]) {
      expectAnswer(operation, await send(operation, { id }), [401], `no token, id ${id}`);
    }
  });

  storedNothing();
});

describe("with a broken token", () => {
  let broken: Record<string, string>;

  beforeAll(async () => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { userId: administrator.id, iat: now, exp: now + 3600 };
    const deactivated = await person({ role: "admin", isActive: false });
    await watch();
    broken = {
      garbage: "garbage",
      "three parts": "a.b.c",
      "of another key": sign(claims, { secret: "another secret" }),
      unsigned: sign(claims, { header: { alg: "none", typ: "JWT" } }).replace(/[^.]*$/, ""),
      "of another algorithm": sign(claims, { header: { alg: "HS512", typ: "JWT" } }),
      expired: sign({ ...claims, iat: now - 7200, exp: now - 3600 }),
      "not yet valid": sign({ ...claims, nbf: now + 3600 }),
      "of no id": sign({ ...claims, userId: { $gt: "" } }),
      "of nobody": tokenFor(new ObjectId().toHexString()),
      "of a deactivated admin": deactivated.token,
    };
  });

  test.for(GUARDED)("$id: 401", async (operation) => {
    for (const [kind, token] of Object.entries(broken)) {
      const answer = await send(operation, { token });
      expectAnswer(operation, answer, [401], `token ${kind}`);
      expect(answer.body.message, kind).toMatch(/token/);
    }
  });

  const open = OPERATIONS.filter(({ anonymous }) => anonymous);
  test.for(open)("$id: as without", async (operation) => {
    for (const token of [undefined, ...Object.values(broken)]) {
      const body = operation.method === "GET" ? undefined : {};
      const answer = await send(operation, { token, body });
      expectAnswer(operation, answer, operation.anonymous!, `token ${token}`);
    }
  });

  storedNothing();
});

describe("a student and a teacher", () => {
  const refusing = GUARDED.filter(({ access, others }) => access === "admin" || others);
  test.for(refusing)("are refused: $id", async (operation) => {
    for (const [role, token] of Object.entries(stageOf(operation).tokens)) {
      const owed = operation.access === "admin" ? [403] : operation.others!;
      expectAnswer(operation, await send(operation, { token }), owed, role);
      if (operation.access !== "admin") continue;
      for (const id of operation.target ? ["not-an-id", new ObjectId().toHexString()] : []) {
        expectAnswer(operation, await send(operation, { token, id }), [403], `${role}, id ${id}`);
      }
      for (const body of operation.good ? [{}, "{"] : []) {
        const allowed = body === "{" ? [400, 403] : [403];
        expectAnswer(operation, await send(operation, { token, body }), allowed, `${role}, a bad body`);
      }
    }
  });

  storedNothing();
});

describe("an id that nobody has", () => {
  test.for(WITH_TARGET)("$id", async (operation) => {
    const { target, access, unknown = [404], unknownToOthers = unknown } = operation;
    const stage = stageOf(operation);
    // Also the id of a document of another kind.
    const foreign = target === "region" ? stage.user : stage.region;
    const ids = [nobody(operation), foreign, ...(hasId(operation) ? ["f".repeat(24)] : [])];
    for (const id of ids) {
      const answer = await send(operation, { token: administrator.token, id });
      expectAnswer(operation, answer, unknown, `admin, id ${id}`);
      if (groups(target) && answer.status === 200) expect(listed(answer)).toEqual([]);
      if (access !== "user") continue;
      for (const [role, token] of Object.entries(stage.tokens)) {
        expectAnswer(operation, await send(operation, { token, id }), unknownToOthers, `${role}, id ${id}`);
      }
    }
  });

  storedNothing();
});

describe("an id that nobody can have", () => {
  const IDS = [
    // What the teacher's dashboard sends when it has no id.
    "undefined",
    "null",
    "not-an-id",
    "f".repeat(23),
    "f".repeat(25),
    "g".repeat(24),
    "%24ne",
    encodeURIComponent(JSON.stringify(OPERATOR)),
    "[object%20Object]",
    "%FF",
    "%00",
    "x".repeat(3000),
  ];

  test.for(WITH_TARGET)("$id", async (operation) => {
    const { malformed = [400], access, target } = operation;
    const tokens = access === "user" ? Object.values(stageOf(operation).tokens) : [];
    for (const token of [administrator.token, ...tokens]) {
      for (const id of IDS) {
        const answer = await send(operation, { token, id });
        expectAnswer(operation, answer, malformed, `id ${id.slice(0, 40)}`);
        if (groups(target) && answer.status === 200) expect(listed(answer)).toEqual([]);
      }
    }
  });

  storedNothing();
});

// Last, as some of these store something, rightly.
describe("whoever is let in", () => {
  /** The Worker knows a feature that was put into the database by hand only after a moment. */
  async function settled(operation: Operation, token: string): Promise<Answer> {
    let answer = await send(operation, { token });
    if (operation.target === "feature") {
      await eventually(
        "the feature is known",
        async () => (answer = await send(operation, { token })).status !== 404,
      );
    }
    return answer;
  }

  const anybody = OPERATIONS.filter(({ access, others }) => access === "user" && !others);
  test.for(anybody)("a student and a teacher: $id", async (operation) => {
    for (const [role, token] of Object.entries(stageOf(operation).tokens)) {
      expectAnswer(operation, await settled(operation, token), [200], role);
    }
  });

  const reading = GUARDED.filter(({ method }) => method === "GET");
  test.for(reading)("an admin: $id", async (operation) => {
    const answer = await settled(operation, administrator.token);
    expectAnswer(operation, answer, operation.admins ?? [200], "admin");
  });

  test("a student and a teacher with a public operation", async () => {
    for (const operation of OPERATIONS.filter(({ anonymous }) => anonymous)) {
      for (const [role, token] of Object.entries(stageOf(operation).tokens)) {
        const answer = await send(operation, { token, body: operation.method === "GET" ? undefined : {} });
        expectAnswer(operation, answer, operation.anonymous!, role);
      }
    }
  });
});
