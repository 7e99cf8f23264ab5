/** What is around the actions: request ids, gzip, and the pages for operators. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { gunzipSync } from "node:zlib";
import { describe, expect, inject, test } from "vitest";
import { unique } from "../support/client.ts";
import {
  Collection,
  type Fields,
  type Headings,
  expectAnswer,
  expectError,
  findBody,
  post,
  send,
} from "./client.ts";

describe("the request id comes back", () => {
  test.for<[string, string, Fields?, Headings?]>([
    ["an answer", "/action/find"],
    ["the path of the hosted service", "/app/a/endpoint/data/v1/action/find"],
    ["a malformed body", "/action/find", { filter: 5 }],
    ["an unknown key", "/action/find", {}, { apiKey: "0123456789abcdef" }],
    ["an unknown action", "/action/drop"],
    ["an unknown path", "/nothing"],
  ])("with %s", async ([, path, fields = {}, headers = { apiKey: inject("stack").dataApi.key }]) => {
    const id = unique();
    const answer = await post(path, findBody(fields), { ...headers, "x-request-id": id });
    expect(answer.headers.get("x-request-id")).toBe(id);
    expect((await post(path, findBody(fields), headers)).headers.get("x-request-id")).toBeNull();
  });
});

describe("gzip", () => {
  test("is used when the client takes it", async () => {
    const at = new Collection();
    const document = { _id: 1, text: "again and ".repeat(1000) };
    await at.insert(document);
    /** The bytes as they come: fetch would unpack them. */
    const raw = async (headers: Headings) => {
      const { url, key } = at.target;
      const outgoing = request(`${url}/action/findOne`, {
        method: "POST",
        headers: { apiKey: key, ...headers },
      });
      outgoing.end(findBody({ collection: at.name }));
      const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part as Buffer);
      return { headers: answer.headers, bytes: Buffer.concat(parts) };
    };
    const packed = await raw({ "accept-encoding": "gzip" });
    expect(packed.headers).toMatchObject({
      "content-encoding": "gzip",
      "content-type": "application/json",
      vary: expect.stringMatching(/accept-encoding/i),
    });
    expect(packed.bytes.length).toBeLessThan(1000);
    expect(JSON.parse(gunzipSync(packed.bytes).toString())).toEqual({ document });
    for (const headers of [
      {},
      { "accept-encoding": "identity" },
      { "accept-encoding": "br" },
    ] as Headings[]) {
      const plain = await raw(headers);
      expect(plain.headers["content-encoding"]).toBeUndefined();
      expect(JSON.parse(plain.bytes.toString())).toEqual({ document });
    }
  });
});

describe("for operators", () => {
  test("/healthz answers without a key", async () => {
    const answer = await send(`${inject("stack").dataApi.url}/healthz`, { method: "GET" });
    expectAnswer(answer, 200, { status: "ok" });
  });

  test("/metrics needs a key and counts", async () => {
    const { url, key } = inject("stack").dataApi;
    const metrics = (headers: Headings) => send(`${url}/metrics`, { method: "GET", headers });
    expectError(await metrics({}), 400, "InvalidParameter");
    expectError(await metrics({ apiKey: "0123456789abcdef" }), 401, "InvalidSession");
    const counter = async (name: string) => {
      const { status, text, headers } = await metrics({ apiKey: key });
      expect([status, headers.get("content-type")]).toEqual([
        200,
        expect.stringMatching(/^application\/openmetrics-text;/),
      ]);
      expect(text.endsWith("# EOF\n")).toBe(true);
      const line = text.split("\n").find((line) => line.startsWith(`${name} `));
      return Number(line?.slice(name.length + 1) ?? 0);
    };
    const names = [
      `data_api_requests_total{action="replaceOne",status="200"}`,
      `data_api_requests_total{action="replaceOne",status="400"}`,
      `data_api_request_duration_seconds_count{action="replaceOne"}`,
    ];
    const before = await Promise.all(names.map(counter));
    const at = new Collection();
    await at.plain("replaceOne", { filter: {}, replacement: { a: 1 } });
    await at.plain("replaceOne", {});
    const after = await Promise.all(names.map(counter));
    expect(after.map((number, n) => number - before[n]!)).toEqual([1, 1, 2]);
    expect(await counter("data_api_database_connections")).toBeGreaterThan(0);
  });
});
