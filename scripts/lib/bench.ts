/** scripts/bench: measures the release build in front of the real service and database, and prints tables. */
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import autocannon from "autocannon";
import { MongoClient, ObjectId } from "mongodb";
import { OpenAi } from "../../tests/upstreams/openai.ts";
import { Razorpay } from "../../tests/upstreams/razorpay.ts";
import { checkout, findPartner, relay, tutor, upload } from "./bench-flows.ts";
import { ROOT, startDataApi, startDatabase } from "./database.ts";
import { type Program, freePort, start } from "./processes.ts";
import { DEMO_PASSWORD, seed } from "./seed.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    learners: { type: "string", default: "5000" },
    connections: { type: "string", default: "16" },
    only: { type: "string" },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const SECRET = "bench secret, long enough";
const say = (line: string): void => console.error(`==> ${line}`);

interface Stack {
  base: string;
  dataApi: { url: string; key: string; database: string };
  pids: Record<string, number>;
}

/** Learners of one region, an administrator, and a plan that they can buy. */
interface People {
  region: string;
  ids: string[];
  tokens: string[];
  admin: string;
  plan: string;
}

interface Work {
  name: string;
  path: string;
  method?: "GET" | "POST";
  body?: unknown;
  tokens?: string[];
  connections?: number;
  base?: string;
  headers?: Record<string, string>;
}

const folder = mkdtempSync(join(tmpdir(), "aarambh-bench-"));
const programs: Program[] = [];
const gateway = await Razorpay.start();
const model = await OpenAi.start();
try {
  await main();
} finally {
  for (const program of programs.reverse()) await program.stop();
  await gateway.stop();
  await model.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  say("starting database, service and Worker …");
  const database = await startDatabase(folder);
  programs.push(database.program);
  const name = "aarambh";
  const service = await startDataApi(database.uri, folder, name);
  programs.push(service.program);
  say(`writing ${values.learners} learners …`);
  await seed(`${database.uri}/${name}`, Number(values.learners), () => {});
  const learners = await oneRegion(`${database.uri}/${name}`);
  const port = await freePort();
  const began = performance.now();
  const worker = await start({
    name: "Worker",
    command: process.execPath,
    args: [join(ROOT, "scripts/lib/serve.ts")],
    env: {
      PORT: String(port),
      DATA_DIR: join(folder, "worker"),
      DATA_API_URL: service.api.url,
      DATA_API_KEY: service.api.key,
      DATA_API_DATABASE: name,
      JWT_SECRET: SECRET,
      RATE_LIMITS: "off",
      AI_DAILY_TOKENS: "100000000",
      ...gateway.variables,
      ...model.variables,
    },
    log: join(folder, "worker.log"),
    ready: async () => /^ready/m.test(readFileSync(join(folder, "worker.log"), "utf8")),
  });
  programs.push(worker);
  const up = performance.now() - began;
  const stack: Stack = {
    base: `http://127.0.0.1:${port}`,
    dataApi: service.api,
    pids: {
      Worker: childOf(worker.pid, "workerd"),
      "Data API": service.program.pid,
      database: database.program.pid,
    },
  };
  machine(up);
  await measure(stack, learners);
}

/** Puts all learners into one region, as the budgets assume, and gives tokens for some. */
async function oneRegion(uri: string): Promise<People> {
  const client = await MongoClient.connect(uri);
  const db = client.db();
  const region = (await db.collection("regions").findOne({ code: "DEL" }))!._id;
  await db.collection("users").updateMany({ role: "student" }, { $set: { region } });
  const users = await db.collection("users").find({ role: "student" }).sort({ _id: 1 }).limit(200).toArray();
  const sessions = users.slice(0, 100).map((user, n) => ({
    _id: new ObjectId(),
    sessionId: `bench_${n}`,
    sessionType: "lecture",
    participants: [{ user: user._id }],
    status: "completed",
    createdAt: new Date(),
  }));
  await db.collection("sessions").insertMany(sessions);
  const admin = (await db.collection("users").findOne({ role: "admin" }))!._id;
  const plan = (await db.collection("plans").findOne({ isActive: true, price: { $gt: 0 } }))!._id;
  await client.close();
  const ids = users.map((user) => user._id.toHexString());
  return {
    region: region.toHexString(),
    ids,
    tokens: ids.map(token),
    admin: token(admin.toHexString()),
    plan: plan.toHexString(),
  };
}

function token(userId: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ userId, iat: now, exp: now + 86400 })}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

function childOf(parent: number, name: string): number {
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, command, ppid] =
        /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      if (Number(ppid) === parent && command?.startsWith(name)) return Number(pid);
    } catch {
      // The process is gone.
    }
  }
  throw new Error(`${name} was not found`);
}

/** CPU seconds of a process, its threads included. */
function cpu(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function machine(up: number): void {
  const wasm = join(ROOT, "build/index_bg.wasm");
  const zipped = gzipSync(readFileSync(wasm), { level: 9 }).length;
  console.log(`
| fact | value |
|---|---|
| machine | ${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB; load, database and service on the same cores |
| wasm | ${Math.round(statSync(wasm).size / 1000)} KB, ${Math.round(zipped / 1000)} KB gzip |
| Worker up after | ${Math.round(up)} ms (Node and workerd included) |`);
}

async function measure(stack: Stack, { region, ids, tokens, admin, plan }: People): Promise<void> {
  const first = performance.now();
  await fetch(`${stack.base}/api/leaderboard/region/${region}`, {
    headers: { authorization: `Bearer ${tokens[0]}` },
  });
  console.log(
    `| leaderboard of ${values.learners} rebuilt, first page | ${Math.round(performance.now() - first)} ms |\n`,
  );

  // One after the other: all are of one region, and would find each other otherwise.
  const pairs: string[] = [];
  for (let n = 0; n < 16; n++) pairs.push(await pair(stack, tokens[2 * n]!, tokens[2 * n + 1]!));
  const inCalls = tokens.slice(0, 32);
  const rotate = (make: (session: string) => string): Work["path"][] => pairs.map(make);
  const sdp = `v=0\r\n${"a=candidate line of usual length\r\n".repeat(60)}`;
  // These count all users: many at once would measure a queue, and leave the database busy for the rows after them.
  const byOne = (name: string, path: string): Work => ({
    name: `${name}, 1 connection`,
    path,
    tokens: [admin],
    connections: 1,
  });
  const works: (Work & { paths?: string[] })[] = [
    { name: "health", path: "/health" },
    { name: "auth/me", path: "/api/auth/me", tokens: tokens.slice(40, 72) },
    { name: "leaderboard top3", path: `/api/leaderboard/region/${region}/top3`, tokens: inCalls },
    { name: "leaderboard page of 20", path: `/api/leaderboard/region/${region}?page=10`, tokens: inCalls },
    { name: "leaderboard my-rank", path: "/api/leaderboard/my-rank", tokens: inCalls },
    byOne("users list, page of 20", "/api/users?page=100"),
    byOne("users search by a fragment", "/api/users?search=learner42"),
    byOne("users statistics", "/api/users/admin/statistics"),
    { name: "own session records", path: "/api/sessions/my-sessions", tokens: tokens.slice(40, 72) },
    { name: "sessions/active", path: "/api/communication/sessions/active", tokens: inCalls },
    {
      name: "signaling poll",
      path: "",
      paths: rotate((session) => `/api/communication/session/${session}/webrtc`),
      tokens: inCalls.filter((_, n) => n % 2 === 0),
    },
    {
      name: "offer post (2 KB)",
      path: "",
      paths: rotate((session) => `/api/communication/session/${session}/webrtc/offer`),
      method: "POST",
      body: { type: "offer", sdp },
      tokens: inCalls.filter((_, n) => n % 2 === 0),
    },
    {
      name: "login (bcrypt 12), 1 connection",
      connections: 1,
      path: "/api/auth/login",
      method: "POST",
      body: { email: "learner1@demo.aarambh.example", password: DEMO_PASSWORD },
    },
    {
      name: "Data API findOne",
      path: "/action/findOne",
      method: "POST",
      base: stack.dataApi.url,
      headers: { apiKey: stack.dataApi.key, accept: "application/ejson" },
      body: {
        dataSource: "x",
        database: stack.dataApi.database,
        collection: "users",
        filter: { _id: { $oid: ids[0] } },
        projection: { name: 1 },
      },
    },
  ];
  console.log(
    "| work | req/s | p50 ms | p99 ms | CPU s per 1,000: Worker | Data API | database | errors |\n|---|---|---|---|---|---|---|---|",
  );
  for (const work of works.filter(({ name }) => !values.only || name.includes(values.only)))
    await row(stack, work);
  const target = { base: stack.base, connections, seconds };
  const flows: Record<string, () => Promise<void>> = {
    "create-order + verify": () => checkout(target, gateway, plan, tokens.slice(72, 80)),
    "find-partner": () => findPartner(target, tokens.slice(100)),
    tutor: () => tutor(stack.base, model, tokens.slice(80, 90)),
    "upload of a recording": () => upload(stack.base, tokens.slice(80, 90)),
    "relay over WebSocket": () => relay(target, pairs[0]!, tokens[0]!, tokens[1]!),
  };
  for (const [name, flow] of Object.entries(flows)) {
    if (values.only && !name.includes(values.only)) continue;
    say(`${name} …`);
    await flow();
  }
}

async function pair(stack: Stack, host: string, seeker: string): Promise<string> {
  const find = async (token: string): Promise<{ session: { id: string }; waitingInQueue?: boolean }> => {
    const response = await fetch(`${stack.base}/api/communication/matchmaking/find-partner`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ sessionType: "chat" }),
    });
    const body = (await response.json()) as { data: { session: { id: string } } };
    if (!response.ok) throw new Error(JSON.stringify(body));
    return body.data;
  };
  const waiting = await find(host);
  const matched = await find(seeker);
  return waiting.waitingInQueue ? matched.session.id : waiting.session.id;
}

async function row(stack: Stack, work: Work & { paths?: string[] }): Promise<void> {
  say(`${work.name} …`);
  await load(stack, work, 1);
  const before = Object.values(stack.pids).map(cpu);
  const closed = await load(stack, work, seconds);
  const spent = Object.values(stack.pids).map((pid, n) => cpu(pid) - before[n]!);
  const requests = closed.requests.total;
  // In a saturated closed loop workerd starves some connections: latency is taken open-loop at half the capacity.
  const open = await load(stack, work, seconds, Math.max(1, Math.floor(closed.requests.average / 2)));
  const per = spent.map((cpu) => ((cpu * 1000) / requests).toFixed(2));
  const errors = closed.non2xx + closed.errors + open.non2xx + open.errors;
  console.log(
    `| ${work.name} | ${Math.round(closed.requests.average).toLocaleString("en")} | ${open.latency.p50.toFixed(1)} | ${open.latency.p99.toFixed(1)} | ${per.join(" | ")} | ${errors} |`,
  );
}

function load(
  stack: Stack,
  work: Work & { paths?: string[] },
  duration: number,
  overallRate?: number,
): Promise<autocannon.Result> {
  const tokens = work.tokens ?? [undefined];
  const count = Math.max(tokens.length, work.paths?.length ?? 1);
  const body = work.body === undefined ? {} : { body: JSON.stringify(work.body) };
  const requests: autocannon.Request[] = Array.from({ length: count }, (_, n) => {
    const token = tokens[n % tokens.length];
    return {
      path: work.paths?.[n % work.paths.length] ?? work.path,
      method: work.method ?? "GET",
      headers: {
        ...(work.body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...work.headers,
      },
      ...body,
    };
  });
  return autocannon({
    url: work.base ?? stack.base,
    connections: work.connections ?? connections,
    duration,
    requests,
    ...(overallRate === undefined ? {} : { overallRate }),
  });
}
