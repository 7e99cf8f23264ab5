/** scripts/dev: everything for development, with reload. Ctrl-C stops all of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ROOT, databaseOf, secret, startDataApi, startDatabase } from "./database.ts";
import { type Program, answers, freePort } from "./processes.ts";
import { ACCOUNTS, DEMO_PASSWORD, seed } from "./seed.ts";
import { VARIABLES } from "./worker.ts";

const env = process.env;
const port = Number(env["PORT"] ?? 8787);
const folder = env["DATA_DIR"] ?? join(ROOT, ".data/dev");
mkdirSync(folder, { recursive: true });
const say = (line: string): void => console.error(`==> ${line}`);

const programs: Program[] = [];
let uri = env["MONGODB_URI"];
if (!uri) {
  say("starting the database …");
  const database = await startDatabase(folder, Number(env["DATABASE_PORT"] ?? (await freePort())));
  programs.push(database.program);
  uri = database.uri;
}
say("starting the Data API service …");
const { api, program } = await startDataApi(uri, folder, databaseOf(uri));
programs.push(program);
const seeded = join(folder, "seeded");
if (!existsSync(seeded)) {
  say("writing demo data, this once …");
  await seed(uri.includes("/", 12) ? uri : `${uri}/${api.database}`, 50, (line) => say(`  ${line}`));
  writeFileSync(seeded, new Date().toISOString());
}

say("starting the Worker; the first build takes two minutes, later ones seconds …");
const variables: Record<string, string> = {
  DATA_API_URL: api.url,
  DATA_API_KEY: api.key,
  DATA_API_DATABASE: api.database,
  JWT_SECRET: secret(join(folder, "jwt.key")),
  ...Object.fromEntries(VARIABLES.flatMap((name) => (env[name] ? [[name, env[name]]] : []))),
};
// A file, not arguments: those can be read by everybody on the machine.
const variablesFile = join(folder, "variables.env");
const lines = Object.entries(variables).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
writeFileSync(variablesFile, `${lines.join("\n")}\n`, { mode: 0o600 });
const worker = spawn(
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
stopOn(worker);

const address = `http://127.0.0.1:${port}`;
while (!(await answers(`${address}/health`).catch(() => false))) await wait(200);
console.log(`
Aarambh is running.
  address        ${address}/api
  description    ${address}/openapi.json
  database       ${uri}/${api.database}
  accounts       ${ACCOUNTS.join("\n                 ")}
  password       ${DEMO_PASSWORD}
ready ${address}`);

function stopOn(child: ChildProcess): void {
  let stopping = false;
  const stop = async (code: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    say("stopping …");
    child.kill("SIGTERM");
    for (const running of programs.reverse()) await running.stop();
    process.exit(code);
  };
  child.once("exit", (code) => {
    if (!stopping) say(`the Worker stopped with code ${code}`);
    void stop(code ?? 1);
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => void stop(0));
}
