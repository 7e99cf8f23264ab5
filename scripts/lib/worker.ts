/** The built Worker in workerd, as production runs it: direct socket, persistent state, no watcher, no proxy. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { Miniflare } from "miniflare";
import { type DataApi, ROOT } from "./database.ts";

/** Every variable and secret that the Worker reads, less those that reach it through {@link DataApi}. */
export const VARIABLES = [
  "ADMIN_EMAIL",
  "AI_DAILY_TOKENS",
  "AI_PRICES",
  "ANONYMOUS_PRONUNCIATION",
  "CORS_ORIGINS",
  "EMAIL_FROM",
  "ENVIRONMENT",
  "JWT_SECRET",
  "LEADERBOARD_UTC_OFFSET",
  "OPENAI_API_KEY",
  "OPENAI_BASE_URL",
  "OPENAI_MODEL",
  "PASSWORD_HASH",
  "PUBLIC_URL",
  "RATE_LIMITS",
  "RAZORPAY_BASE_URL",
  "RAZORPAY_KEY_ID",
  "RAZORPAY_KEY_SECRET",
  "RAZORPAY_WEBHOOK_SECRET",
  "TURN_API_URL",
  "TURN_KEY_ID",
  "TURN_KEY_TOKEN",
  "TURN_SECRET",
  "TURN_URLS",
] as const;

/** Requests of one user in a minute. */
const LIMITS = { LIMIT_GENERAL: 100, LIMIT_AI: 10, LIMIT_UPLOAD: 5, LIMIT_SIGN_IN: 10 };

export interface WorkerOptions {
  port: number;
  /** Folder of the build, relative to the repository. */
  build: string;
  /** Folder of the objects' databases. */
  state: string;
  /** Folder for the letters that the Worker sends. */
  outbox: string;
  dataApi: DataApi;
  variables: Record<string, string>;
}

/** Starts workerd and resolves when it listens. */
export async function startWorker({
  port,
  build,
  state,
  outbox,
  dataApi,
  variables,
}: WorkerOptions): Promise<Miniflare> {
  mkdirSync(state, { recursive: true });
  // Miniflare starts workerd itself: through a script that ties its life to ours.
  process.env["MINIFLARE_WORKERD_PATH"] ??= join(ROOT, "scripts/lib/workerd");
  const object = (className: string) => ({ className, useSQLite: true });
  const miniflare = new Miniflare({
    name: "aarambh-edge",
    rootPath: resolve(ROOT, build),
    modulesRoot: resolve(ROOT, build),
    scriptPath: "index.js",
    modules: true,
    modulesRules: [{ type: "CompiledWasm", include: ["**/*.wasm"] }],
    compatibilityDate: "2026-07-30",
    bindings: {
      DATA_API_URL: dataApi.url,
      DATA_API_KEY: dataApi.key,
      DATA_API_SOURCE: "local",
      DATA_API_DATABASE: dataApi.database,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      ...variables,
    },
    // As in wrangler.toml.
    ratelimits: Object.fromEntries(
      Object.entries(LIMITS).map(([name, limit], n) => [
        name,
        { namespace_id: String(n + 1), simple: { limit, period: 60 } },
      ]),
    ),
    email: { send_email: [{ name: "EMAIL" }] },
    // Letters land in a folder below this one.
    defaultProjectTmpPath: outbox,
    durableObjects: {
      CALL_ROOM: object("CallRoom"),
      GROUP_ROOM: object("GroupRoom"),
      REGION_LOBBY: object("RegionLobby"),
      USER_HUB: object("UserHub"),
      LEADERBOARD: object("Leaderboard"),
    },
    durableObjectsPersist: state,
    r2Buckets: ["MEDIA"],
    r2Persist: join(state, "bucket"),
    unsafeDirectSockets: [{ host: "127.0.0.1", port }],
    // The entry worker that we do not use needs a port of its own.
    port: 0,
    host: "127.0.0.1",
    cf: false,
    handleRuntimeStdio: (out: Readable, err: Readable) => {
      out.pipe(process.stderr);
      err.pipe(process.stderr);
    },
  });
  await miniflare.ready;
  return miniflare;
}
