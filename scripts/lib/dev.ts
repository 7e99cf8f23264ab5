/** scripts/dev: everything for development, with reload. Ctrl-C stops all of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { OpenAi } from "../../tests/upstreams/openai.ts";
import { Razorpay } from "../../tests/upstreams/razorpay.ts";
import { ROOT, databaseOf, secret, startDataApi, startDatabase } from "./database.ts";
import { type Program, answers, claimPort, freePort, onStop } from "./processes.ts";
import { ACCOUNTS, DEMO_PASSWORD, seed } from "./seed.ts";
import { VARIABLES } from "./worker.ts";

const env = process.env;
const port = Number(env["PORT"] ?? 8787);
const folder = env["DATA_DIR"] ?? join(ROOT, ".data/dev");
mkdirSync(folder, { recursive: true });
const say = (line: string): void => console.error(`==> ${line}`);

const programs: Program[] = [];
const offlines: { stop(): Promise<void> }[] = [];
let worker: ChildProcess | undefined;
let stopping = false;
const stop = async (): Promise<void> => {
  stopping = true;
  say("stopping …");
  worker?.kill("SIGTERM");
  for (const program of programs.reverse()) await program.stop();
  for (const offline of offlines) await offline.stop();
};
onStop(stop);
await claimPort(port).catch((error: Error) => {
  console.error(`dev: ${error.message}`);
  process.exit(1);
});
let uri = env["MONGODB_URI"];
if (!uri) {
  say("starting the database …");
  const database = await startDatabase(folder, Number(env["DATABASE_PORT"] ?? (await freePort())));
  programs.push(database.program);
  uri = database.uri;
}
say("starting the Data API service …");
// The address as it is shown names the database.
if (!/^mongodb[^/]*\/\/[^/]+\/[^?]/.test(uri)) uri = uri.replace(/\/?(\?|$)/, "/aarambh$1");
const { api, program } = await startDataApi(uri, folder, databaseOf(uri));
programs.push(program);
const seeded = join(folder, "seeded");
if (!existsSync(seeded)) {
  say("writing demo data, this once …");
  await seed(uri, 50, (line) => say(`  ${line}`));
  writeFileSync(seeded, new Date().toISOString());
}

// Without keys of one's own, local servers speak for the payment provider and for the tutor's model.
const address = `http://127.0.0.1:${port}`;
const offline: Record<string, string> = {};
const notes: string[] = [];
if (!env["RAZORPAY_KEY_ID"]) {
  const webhook = `${address}/api/transactions/webhook`;
  const gateway = await Razorpay.start({ port: await freePort(), webhook });
  offlines.push(gateway);
  Object.assign(offline, gateway.variables);
  notes.push(
    `  payments       offline provider; pay an order with: curl -X POST ${gateway.url}/checkout/ORDER`,
  );
}
if (!env["OPENAI_API_KEY"]) {
  const model = await OpenAi.start({ port: await freePort() });
  offlines.push(model);
  Object.assign(offline, model.variables);
  notes.push("  tutor          offline model; set OPENAI_API_KEY for the real one");
}

say("starting the Worker; the first build takes two minutes, later ones seconds …");
const variables: Record<string, string> = {
  DATA_API_URL: api.url,
  DATA_API_KEY: api.key,
  DATA_API_DATABASE: api.database,
  JWT_SECRET: secret(join(folder, "jwt.key")),
  ...offline,
  ...Object.fromEntries(VARIABLES.flatMap((name) => (env[name] ? [[name, env[name]]] : []))),
};
// A file, not arguments: those can be read by everybody on the machine.
const variablesFile = join(folder, "variables.env");
const lines = Object.entries(variables).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
writeFileSync(variablesFile, `${lines.join("\n")}\n`, { mode: 0o600 });
worker = spawn(
  "wrangler",
  [
    "dev",
    "--env",
    "dev",
    "--port",
    String(port),
    "--persist-to",
    join(folder, "objects"),
    "--env-file",
    variablesFile,
    "--show-interactive-dev-session=false",
  ],
  { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"], env: { ...env, WORKER_PROFILE: "quick" } },
);
worker.once("exit", (code) => {
  if (stopping) return;
  say(`the Worker stopped with code ${code}`);
  void stop().finally(() => process.exit(code || 1));
});

while (!(await answers(`${address}/health`).catch(() => false))) await wait(200);
console.log(`
Aarambh is running.
  address        ${address}/api
  description    ${address}/openapi.json
  call page      ${address}/demo/call
  database       ${uri}
  accounts       ${ACCOUNTS.join("\n                 ")}
  password       ${DEMO_PASSWORD}
${notes.join("\n")}
ready ${address}`);
