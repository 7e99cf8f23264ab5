/** The rim of the server around regions, referrals and features: paths, methods, bodies, headers, probes. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Learner, call, createRegion, get, post } from "../support/client.ts";
import { admin, person } from "../support/people.ts";
import { TEXT, TIME, expectExactly, expectFieldErrors, expectRefusal } from "./auth.support.ts";
import { dataOf as featureData, featuresAdmin, newFeature, newKey } from "./features.support.ts";
import { broughtOf, codedTeacher, expectBadCode, newCode, plantReferral } from "./referrals.support.ts";
import { newRegion, stored } from "./regions.support.ts";
import { UNKNOWN, dataOf } from "./users.support.ts";

const ORIGIN = "http://localhost:3000";

// Features of this file go when it ends.
featuresAdmin();
let boss: Learner;
beforeAll(async () => {
  boss = await admin();
});
const ask = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  call(method, path, { token: boss.token, headers, ...(body === undefined ? {} : { body }) });

/** The probes answer outside /api. */
describe("debugging aids may be dropped, or tell what they always told", () => {
  test("GET /test-connection", async () => {
    const headers = { origin: ORIGIN, "user-agent": "aarambh-test/1.0" };
    const answer = await get("/test-connection", { headers });
    if (answer.status === 404) return expectRefusal(answer, 404);
    expect(answer.status, answer.text).toBe(200);
    const text = expect.stringMatching(/\S/);
    const echo = { origin: ORIGIN, userAgent: "aarambh-test/1.0", timestamp: TIME };
    expect(answer.body).toEqual({ success: true, message: text, ...echo });
    const bare = await get("/test-connection");
    const required = { success: true, message: text, origin: text, timestamp: TIME };
    expectExactly(bare.body, required, { userAgent: TEXT });
  });

  test("GET /test", async () => {
    const answer = await get("/test");
    if (answer.status === 404) return expectRefusal(answer, 404);
    expect(answer.status, answer.text).toBe(200);
    expect(Object.keys(answer.body).sort()).toEqual(["endpoints", "message", "success"]);
    expect(answer.body).toMatchObject({ success: true, message: expect.stringMatching(/\S/) });
    const groups = ["auth", "regions", "sessions", "lectures", "transactions", "admin", "plans", "users"];
    for (const group of [...groups, "referrals", "games", "leaderboard", "communication", "chat", "groups"]) {
      expect(answer.body.endpoints).toHaveProperty(group);
    }
    for (const lines of Object.values(answer.body.endpoints)) {
      for (const line of lines as string[]) expect(line).toMatch(/^(GET|POST|PUT|PATCH|DELETE) \/\S*$/);
    }
  });

  test.for([
    ["POST", "/test"],
    ["POST", "/test-connection"],
    ["POST", "/health"],
    ["DELETE", "/keepalive"],
  ] as const)("%s %s is nothing", async ([method, path]) => {
    expectRefusal(await call(method, path, { body: {} }), 404);
  });
});

describe.for(["/api", "/api/api", ""])("base %j", (base) => {
  test("has the life of a region", async () => {
    const { id } = dataOf(await ask("POST", `${base}/regions`, newRegion()), 201);
    expect(dataOf(await ask("GET", `${base}/regions/${id}`))).toMatchObject({ _id: id });
    dataOf(await ask("PUT", `${base}/regions/${id}`, { description: "Here" }));
    expect(dataOf(await ask("PATCH", `${base}/regions/${id}/toggle-status`)).isActive).toBe(false);
    dataOf(await ask("GET", `${base}/regions/${id}/statistics`));
    dataOf(await ask("DELETE", `${base}/regions/${id}`));
    expectRefusal(await ask("GET", `${base}/regions/${id}`), 404);
  });

  test("has the life of a code", async () => {
    const teacher = await codedTeacher();
    const made = await ask("POST", `${base}/referrals`, { teacher: teacher.id, discountPercentage: 20 });
    const { _id, referralCode } = dataOf(made, 201);
    dataOf(await ask("GET", `${base}/referrals/${_id}`));
    dataOf(await ask("PUT", `${base}/referrals/${_id}`, { maxUses: 3 }));
    dataOf(await ask("PATCH", `${base}/referrals/${_id}/toggle-status`));
    expectBadCode(await post(`${base}/referrals/validate`, { body: { referralCode } }));
    expect(dataOf(await ask("GET", `${base}/referrals?search=${referralCode}`)).referrals).not.toEqual([]);
    dataOf(await ask("GET", `${base}/referrals/admin/statistics?teacher=${teacher.id}`));
    dataOf(await ask("GET", `${base}/referrals/teacher/${teacher.id}`));
    expect(broughtOf(await ask("GET", `${base}/admin/referrals/teacher/${teacher.id}`))).toEqual([]);
    expect((await ask("DELETE", `${base}/referrals/${_id}`)).status).toBe(200);
  });

  test("has the life of a feature", async () => {
    const key = newKey();
    featureData(await ask("POST", `${base}/features/admin/create`, newFeature({ key })), 201);
    featureData(await ask("GET", `${base}/features/admin/all`));
    featureData(await ask("GET", `${base}/features/admin/category/social`));
    featureData(await ask("GET", `${base}/features/admin/statistics`));
    featureData(await ask("PATCH", `${base}/features/admin/${key}/toggle`, { isPaid: false }));
    featureData(await ask("PATCH", `${base}/features/admin/bulk-update`, { updates: [] }));
    featureData(await ask("GET", `${base}/features/user`));
    featureData(await ask("GET", `${base}/features/user/${key}/access`));
    expect((await ask("POST", `${base}/features/user/${key}/usage`)).status).toBe(200);
    expect((await ask("DELETE", `${base}/features/admin/${key}`)).status).toBe(200);
  });
});

describe("nothing there", () => {
  test.for([
    ["PUT", "/api/regions"],
    ["PATCH", "/api/regions"],
    ["POST", `/api/regions/${UNKNOWN}`],
    ["POST", `/api/regions/${UNKNOWN}/toggle-status`],
    ["PUT", `/api/regions/${UNKNOWN}/statistics`],
    ["GET", `/api/regions/${UNKNOWN}/nothing`],
    ["DELETE", "/api/referrals"],
    ["PUT", "/api/referrals/validate/now"],
    ["POST", "/api/referrals/admin/statistics"],
    ["GET", `/api/referrals/${UNKNOWN}/toggle-status`],
    ["GET", "/api/referrals/teacher"],
    ["GET", "/api/admin/referrals"],
    ["POST", `/api/admin/referrals/teacher/${UNKNOWN}`],
    ["GET", "/api/features"],
    ["GET", "/api/features/admin"],
    ["GET", "/api/features/admin/create"],
    ["POST", "/api/features/admin/all"],
    ["PUT", "/api/features/admin/bulk-update"],
    ["POST", "/api/features/user"],
    ["GET", "/api/features/user/games"],
    ["GET", "/api/features/user/games/usage"],
    ["POST", "/api/features/user/games/access"],
  ] as const)("%s %s is 404 in the envelope, never 405", async ([method, path]) => {
    const answer = await ask(method, path, method === "GET" ? undefined : {});
    // A word where an id could be is no id.
    if (/^GET .*\/referrals\/teacher$/.test(`${method} ${path}`)) expect([400, 404]).toContain(answer.status);
    else expect(answer.status, answer.text).toBe(404);
    expect(answer.body).toMatchObject({ success: false, message: expect.stringMatching(/\S/) });
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
  });
});

describe("bodies", () => {
  const WRITES = [
    ["POST", "/api/regions"],
    ["PUT", `/api/regions/${UNKNOWN}`],
    ["POST", "/api/referrals"],
    ["PUT", `/api/referrals/${UNKNOWN}`],
    ["POST", "/api/features/admin/create"],
    ["PATCH", "/api/features/admin/games/toggle"],
    ["PATCH", "/api/features/admin/bulk-update"],
    ["POST", "/api/referrals/validate"],
  ] as const;

  test.for(WRITES)("malformed ones: %s %s", async ([method, path]) => {
    for (const body of ["{", '{"name":}', '"text"', "nonsense"]) {
      const answer = await ask(method, path, body);
      expectRefusal(answer, 400);
      expect(answer.body).not.toHaveProperty("errors");
      expect(answer.body.message).not.toMatch(/line|column|position|unexpected|EOF/i);
    }
  });

  test.for([WRITES[0], WRITES.at(-1)!])("far too large ones: %s %s", async ([method, path]) => {
    expectRefusal(await ask(method, path, JSON.stringify({ name: "x".repeat(11_000_000) })), 413);
  });

  test("text and lists say nothing", async () => {
    const text = { "content-type": "text/plain" };
    expectFieldErrors(await ask("POST", "/api/regions", JSON.stringify(newRegion()), text), ["name", "code"]);
    for (const body of [[], [newRegion()]]) {
      expectFieldErrors(await ask("POST", "/api/regions", body), ["name", "code"]);
    }
    expectFieldErrors(await ask("POST", "/api/referrals"), ["teacher", "discountPercentage"]);
    expectRefusal(await ask("PATCH", "/api/features/admin/bulk-update"), 400);
  });

  test("forms are read", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const teacher = await codedTeacher();
    const terms = new URLSearchParams({ teacher: teacher.id, discountPercentage: "20", isActive: "false" });
    expect(dataOf(await ask("POST", "/api/referrals", terms.toString(), form), 201)).toMatchObject({
      discountPercentage: 20,
      isActive: false,
    });
    const { code } = await plantReferral();
    const tried = new URLSearchParams({ referralCode: code, amount: "100" }).toString();
    const answer = await post("/api/referrals/validate", { body: tried, headers: form });
    expect(answer.body.data.referral).toMatchObject({ code, discountAmount: 40 });
  });

  test("what needs none takes an empty one of the JSON type", async () => {
    const id = await createRegion();
    const answer = await ask("PATCH", `/api/regions/${id}/toggle-status`, "", {
      "content-type": "application/json",
    });
    expect(dataOf(answer).isActive).toBe(false);
    const removed = await ask("DELETE", `/api/regions/${id}`, undefined, {
      "content-type": "application/json",
    });
    expect(dataOf(removed).id).toBe(id);
    expect(await stored(id)).toBeNull();
  });
});

describe("CORS", () => {
  test.for([
    ["POST", "/api/regions", 400],
    ["PUT", `/api/regions/${UNKNOWN}`, 404],
    ["DELETE", "/api/regions/not-an-id", 400],
    ["PATCH", `/api/referrals/${UNKNOWN}/toggle-status`, 404],
    ["GET", "/api/admin/referrals/teacher/not-an-id", 400],
    ["GET", "/api/features/user", 200],
  ] as const)("the admin site may ask %s %s, and reads its %d", async ([method, path, status]) => {
    const preflight = await call("OPTIONS", path, {
      headers: {
        origin: ORIGIN,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization,content-type",
      },
    });
    expect([preflight.status, preflight.text]).toEqual([204, ""]);
    expect(preflight.headers.get("access-control-allow-methods")).toContain(method);
    const body = method === "GET" || method === "DELETE" ? undefined : {};
    const answer = await ask(method, path, body, { origin: ORIGIN });
    const anonymous = await call(method, path, { headers: { origin: ORIGIN } });
    expect([answer.status, anonymous.status]).toEqual([status, 401]);
    for (const { headers } of [preflight, answer, anonymous]) {
      expect(headers.get("access-control-allow-origin")).toBe(ORIGIN);
      expect(headers.get("access-control-allow-credentials")).toBe("true");
    }
  });

  test("an origin that is not listed gets no leave, and no 500", async () => {
    const answer = await post("/api/referrals/validate", {
      body: { referralCode: newCode() },
      headers: { origin: "https://evil.example" },
    });
    expect([200, 403]).toContain(answer.status);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("headers", () => {
  test.for(["/api/features/user", "/api/features/admin/all", "/api/referrals", `/api/regions/${UNKNOWN}`])(
    "%s is whole, and not for keeping",
    async (path) => {
      const answer = await ask("GET", path, undefined, { "if-none-match": "*", "if-modified-since": "now" });
      expect([200, 404]).toContain(answer.status);
      expect(answer.body).toMatchObject({ success: answer.status === 200 });
      expect(answer.headers.get("cache-control")).toContain("no-store");
      expect(answer.headers.get("etag")).toBeNull();
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    },
  );

  test("a token of somebody deactivated opens nothing", async () => {
    const { token } = await person({ role: "admin", isActive: false });
    for (const path of ["/api/features/user", "/api/features/admin/all", "/api/referrals"]) {
      expectRefusal(await get(path, { token }), 401);
    }
  });
});
