/** A Worker of its own for a test: scripts/lib/serve.ts as a process that can be stopped, killed and started again. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type DataApi, ROOT } from "../../scripts/lib/database.ts";
import { type Program, freePort, start } from "../../scripts/lib/processes.ts";

export interface Served {
  base: string;
  port: number;
  program: Program;
}

export interface ServeOptions {
  dataApi: Pick<DataApi, "url" | "key" | "database">;
  /** Folder of the objects' databases: the same folder is the same state. */
  folder: string;
  port?: number;
  /** Folder of the build; TEST_BUILD names another one for a whole run. */
  build?: string;
  env?: Record<string, string>;
}

export const JWT_SECRET = "a secret for tests, long enough to be one";

export async function serve({
  dataApi,
  folder,
  port,
  build = process.env["TEST_BUILD"] ?? "build",
  env = {},
}: ServeOptions): Promise<Served> {
  mkdirSync(folder, { recursive: true });
  const chosen = port ?? (await freePort());
  const log = join(folder, "worker.log");
  const program = await start({
    name: "Worker",
    command: process.execPath,
    args: [join(ROOT, "scripts/lib/serve.ts")],
    env: {
      PORT: String(chosen),
      BUILD: build,
      DATA_DIR: folder,
      DATA_API_URL: dataApi.url,
      DATA_API_KEY: dataApi.key,
      DATA_API_DATABASE: dataApi.database,
      JWT_SECRET,
      RATE_LIMITS: "off",
      ...env,
    },
    log,
    ready: async () => /^ready http/m.test(readFileSync(log, "utf8")),
    patience: 60,
  });
  return { base: `http://127.0.0.1:${chosen}`, port: chosen, program };
}
