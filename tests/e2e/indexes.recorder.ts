/** A proxy before the Data API service that keeps what passes: every query that the Worker makes. */
import { BSON, BSONRegExp, type Document } from "mongodb";
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What the database must search for. */
export interface Query {
  collection: string;
  /** Name of the Data API's action. */
  action: string;
  filter: Document;
  sort?: Document;
  limit?: number;
  /** Stages that follow the filter, of a pipeline. */
  rest: Document[];
}

export interface Recorder {
  url: string;
  /** Queries with different shapes: what differs in values only counts once. */
  queries(): Query[];
  close(): Promise<void>;
}

export async function record(target: string): Promise<Recorder> {
  const bodies: { action: string; text: string }[] = [];
  const server = createServer((incoming, outgoing) => {
    forward(target, bodies, incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    queries() {
      const all = bodies.flatMap(({ action, text }) => queriesOf(action, BSON.EJSON.parse(text) as Document));
      return [...new Map(all.map((query) => [shape(query), query])).values()];
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function forward(
  target: string,
  bodies: { action: string; text: string }[],
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  const { url = "/", method = "POST" } = incoming;
  const action = /\/action\/(\w+)$/.exec(url)?.[1];
  if (action) bodies.push({ action, text });
  const headers = Object.fromEntries(
    ["apikey", "content-type", "accept"].flatMap((name) => {
      const value = incoming.headers[name];
      return typeof value === "string" ? [[name, value]] : [];
    }),
  );
  const answer = await fetch(target + url, { method, headers, body: text });
  const body = Buffer.from(await answer.arrayBuffer());
  outgoing.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(body);
}

/** The queries of one call; an insert has none, a transaction several. */
function queriesOf(action: string, body: Document): Query[] {
  const { collection } = body;
  if (action === "transaction") {
    return (body["actions"] as Document[]).flatMap((step) => queriesOf(step["action"], step));
  }
  if (action.startsWith("insert")) return [];
  if (action === "aggregate") {
    const { pipeline } = body;
    // A count of everything comes from the collection's own figures.
    return pipeline[0]?.$collStats ? [] : [ofPipeline(collection, pipeline)];
  }
  const { filter = {}, sort, limit } = body;
  return [
    {
      collection,
      action,
      filter,
      rest: [],
      ...(sort ? { sort } : {}),
      ...(action === "find" ? (limit ? { limit } : {}) : { limit: 1 }),
    },
  ];
}

/** A pipeline searches with the filters it begins with, and with the order that comes directly after. */
export function ofPipeline(collection: string, pipeline: Document[]): Query {
  const rest = [...pipeline];
  const take = (stage: string) => (rest[0]?.[stage] === undefined ? undefined : rest.shift()![stage]);
  const filters: Document[] = [];
  for (let filter = take("$match"); filter; filter = take("$match")) filters.push(filter);
  const sort = take("$sort");
  take("$skip");
  const limit = take("$limit");
  return {
    collection,
    action: "aggregate",
    filter: filters.length > 1 ? { $and: filters } : (filters[0] ?? {}),
    rest,
    ...(sort ? { sort } : {}),
    ...(limit ? { limit } : {}),
  };
}

/** A query with the values of its filter blanked out. */
function shape({ collection, action, filter, sort, limit, rest }: Query): string {
  const blank = (value: unknown): unknown => {
    if (Array.isArray(value)) return [...new Set(value.map((item) => JSON.stringify(blank(item))))].sort();
    if (typeof value === "string" && value.startsWith("$")) return value;
    if (typeof value !== "object" || value === null) return value === null ? null : typeof value;
    if (value instanceof RegExp || value instanceof BSONRegExp) return BSON.EJSON.stringify(value);
    if ("_bsontype" in value || value instanceof Date) return value.constructor.name;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, blank(inner)]));
  };
  return JSON.stringify([collection, action, blank(filter), sort, limit !== undefined, rest]);
}

/** A query in one line, for people: `aggregate users {"isActive":true} $group`. */
export function describeQuery({ collection, action, filter, sort, limit, rest }: Query): string {
  const parts = [
    action,
    collection,
    BSON.EJSON.stringify(filter),
    ...(sort ? ["sort", JSON.stringify(sort)] : []),
    ...(limit ? ["limit", limit] : []),
    ...rest.flatMap(Object.keys),
  ];
  return parts.join(" ");
}
