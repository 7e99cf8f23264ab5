/** How a browser on the admin site asks the API, and what its pages read. */
import { expect } from "vitest";
import { type Answer, call } from "../support/client.ts";

export const ORIGIN = "http://localhost:3000";

/** The two settings: `pages` append /users, the `odd` ones (teachers, leaderboard) append /api/users. */
export const SETTINGS = [
  { setting: "ends in /api", pages: "/api", odd: "/api/api" },
  { setting: "does not", pages: "", odd: "/api" },
] as const;

/** What a page fetches: the browser asks for leave first, and reads the answer only with it. */
export async function fetchAs(token: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const preflight = await call("OPTIONS", path, {
    headers: {
      origin: ORIGIN,
      "access-control-request-method": method,
      "access-control-request-headers": "authorization,content-type",
    },
  });
  expect(preflight.status, `${method} ${path}`).toBe(204);
  expect(preflight.headers.get("access-control-allow-methods")).toContain(method);
  expect(preflight.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("authorization");
  const answer = await call(method, path, {
    token,
    ...(body === undefined ? {} : { body }),
    // The site sends the JSON type with every request, also with those that have no body.
    headers: { origin: ORIGIN, "content-type": "application/json" },
  });
  for (const { headers } of [preflight, answer]) {
    expect(headers.get("access-control-allow-origin"), `${method} ${path}`).toBe(ORIGIN);
  }
  return answer;
}

/** A page that reads `HTTP ok` only, and shows the message otherwise. */
export function expectDone(answer: Answer, status = 200): void {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.body).toMatchObject({ success: true, message: expect.stringMatching(/\S/) });
}
