/** scripts/serve: database, Data API service and Worker in one go. Prints one line when it answers. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createAdmin } from "./admin.ts";
import { type DataApi, ROOT, databaseOf, secret, startDataApi, startDatabase } from "./database.ts";
import { createFeatures } from "./features.ts";
import { type Program, answers, claimPort, onStop } from "./processes.ts";
import { VARIABLES, startWorker } from "./worker.ts";

const env = process.env;
const port = Number(env["PORT"] ?? 8787);
const folder = env["DATA_DIR"] ?? join(ROOT, ".data/serve");
mkdirSync(folder, { recursive: true });

const programs: Program[] = [];
let worker: Awaited<ReturnType<typeof startWorker>> | undefined;
const stop = async (): Promise<void> => {
  await worker?.dispose();
  for (const program of programs.reverse()) await program.stop();
};
onStop(stop);
await claimPort(port).catch(fail);
const dataApi = await reachDataApi();
if (env["ADMIN_EMAIL"] && env["ADMIN_PASSWORD"]) {
  await createAdmin(dataApi, env["ADMIN_EMAIL"], env["ADMIN_PASSWORD"]);
}
const variables = Object.fromEntries(VARIABLES.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
worker = await startWorker({
  port,
  build: env["BUILD"] ?? "build",
  state: join(folder, "objects"),
  outbox: join(folder, "outbox"),
  dataApi,
  variables: { ENVIRONMENT: "development", JWT_SECRET: secret(join(folder, "jwt.key")), ...variables },
});

onStop(stop);

const address = `http://127.0.0.1:${port}`;
while (!(await answers(`${address}/health`).catch(() => false))) await wait(20);
console.log(`ready ${address}`);

/** The Data API that DATA_API_URL names; else our own in front of MONGODB_URI; else in front of a database of our own. */
async function reachDataApi(): Promise<DataApi> {
  const uri = env["MONGODB_URI"];
  const database = env["DATA_API_DATABASE"] ?? databaseOf(uri ?? "");
  if (env["DATA_API_URL"]) {
    if (!env["DATA_API_KEY"]) throw new Error("DATA_API_URL is set; DATA_API_KEY must be set too");
    return { url: env["DATA_API_URL"], key: env["DATA_API_KEY"], database };
  }
  const service = await startDataApi(uri ?? (await ownDatabase()), folder, database);
  programs.push(service.program);
  await createFeatures(service.api);
  return service.api;
}

async function ownDatabase(): Promise<string> {
  const { uri, program } = await startDatabase(folder);
  programs.push(program);
  return uri;
}

function fail(error: Error): never {
  console.error(`serve: ${error.message}`);
  process.exit(1);
}
