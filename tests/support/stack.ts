/** Starts, once for the whole run, what the tests need: a database, the Data API service, and the built Worker. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { createAdmin } from "../../scripts/lib/admin.ts";
import { startDataApi, startDatabase } from "../../scripts/lib/database.ts";
import { serve } from "./serve.ts";

/** Where the tests find everything. */
export interface Stack {
  /** The Worker. */
  base: string;
  mongodbUri: string;
  database: string;
  dataApi: { url: string; key: string; database: string };
  admin: { email: string; password: string };
  /** A folder that goes with the run. */
  folder: string;
}

declare module "vitest" {
  interface ProvidedContext {
    stack: Stack;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "aarambh-tests-"));
  const database = await startDatabase(folder);
  const service = await startDataApi(database.uri, folder, "aarambh_test");
  const admin = { email: "admin@aarambh.test", password: "correct horse battery" };
  await createAdmin(service.api, admin.email, admin.password);
  const worker = await serve({ dataApi: service.api, folder: join(folder, "main") });
  project.provide("stack", {
    base: worker.base,
    mongodbUri: database.uri,
    database: "aarambh_test",
    dataApi: service.api,
    admin,
    folder,
  });
  return async () => {
    await worker.program.stop();
    await service.program.stop();
    await database.program.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
