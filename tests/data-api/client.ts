/** What the tests say to the Data API service. */
import { expect, inject } from "vitest";
import { unique } from "../support/client.ts";

export interface Answer {
  status: number;
  headers: Headers;
  // Bodies are what is under test: tests look into them freely.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
  text: string;
}

/** A service that is up. */
export interface Target {
  url: string;
  key: string;
  database: string;
}

export type Fields = Record<string, unknown>;
export type Headings = Record<string, string>;

export const EJSON = "application/ejson";

interface Sent {
  method?: string;
  headers?: Headings;
  body?: string;
  signal?: AbortSignal | undefined;
}

/** Any request; the body goes as it is. */
export async function send(
  url: string,
  { method = "POST", headers = {}, body, signal }: Sent = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  return { status: response.status, headers: response.headers, body: parsed, text };
}

/** The body of a `find`, with changes. */
export const findBody = (fields: Fields = {}): string =>
  JSON.stringify({
    dataSource: "any",
    database: inject("stack").dataApi.database,
    collection: "none",
    ...fields,
  });

/** A body for the service of the run, with the key unless other headers are given. */
export const post = (
  path: string,
  body: string,
  headers: Headings = { apiKey: inject("stack").dataApi.key },
): Promise<Answer> =>
  send(inject("stack").dataApi.url + path, {
    body,
    headers: { "content-type": "application/json", ...headers },
  });

/** The actions on one collection of one service; by default on one that no other test uses. */
export class Collection {
  readonly name: string;
  readonly target: Target;

  constructor(target: Target = inject("stack").dataApi, name = `c_${unique()}`) {
    this.name = name;
    this.target = target;
  }

  /** Answered in plain JSON. */
  plain(action: string, fields: Fields = {}, headers: Headings = {}, signal?: AbortSignal): Promise<Answer> {
    const { url, key, database } = this.target;
    return send(`${url}/action/${action}`, {
      headers: { apiKey: key, "content-type": EJSON, ...headers },
      body: JSON.stringify({ dataSource: "any", database, collection: this.name, ...fields }),
      signal,
    });
  }

  /** Answered in canonical Extended JSON. */
  ejson(action: string, fields: Fields = {}): Promise<Answer> {
    return this.plain(action, fields, { accept: EJSON });
  }

  /** The actions, of which some may name another collection, as one. */
  transaction(actions: Fields[], headers: Headings = {}, signal?: AbortSignal): Promise<Answer> {
    const steps = actions.map((step) => ({ collection: this.name, ...step }));
    return this.plain("transaction", { collection: undefined, actions: steps }, headers, signal);
  }

  async insert(...documents: Fields[]): Promise<void> {
    const answer = await this.plain("insertMany", { documents });
    expect(answer.status, answer.text).toBe(201);
  }

  /** Everything in it, in plain JSON and in the order of `_id`. */
  async all(): Promise<Fields[]> {
    const answer = await this.plain("find", { sort: { _id: 1 } });
    expect(answer.status, answer.text).toBe(200);
    return answer.body.documents as Fields[];
  }
}

/** The answer has exactly this status and body. */
export function expectAnswer({ status, body, text }: Answer, expected: number, keys: unknown): void {
  expect({ status, body }, text).toStrictEqual({ status: expected, body: keys });
}

/** The answer is an error of the contract's form, without further keys. */
export function expectError(answer: Answer, status: number, error_code: string, code?: number): void {
  expectAnswer(answer, status, {
    error: expect.stringMatching(/\S/),
    error_code,
    link: expect.stringMatching(/^https:\/\/\S+$/),
    ...(code === undefined ? {} : { code }),
  });
  expect(answer.headers.get("content-type")).toMatch(/^application\/json\b/);
}
