/**
 * A copy of the repository in which scripts/dev starts in seconds: with the Worker that is built already, and with
 * nothing to install. In the repository itself it would put its own quick build in the place of the one under test, and
 * share a folder with whoever works there.
 */
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ROOT } from "../../scripts/lib/database.ts";

export function copyRepository(folder: string): string {
  const root = join(folder, "repository");
  mkdirSync(root, { recursive: true });
  for (const name of ["scripts", "tests/upstreams", "wrangler.toml", "package.json"]) {
    cpSync(join(ROOT, name), join(root, name), { recursive: true });
  }
  for (const name of ["node_modules", ".tools", "target"]) symlinkSync(join(ROOT, name), join(root, name));
  cpSync(resolve(ROOT, process.env["TEST_BUILD"] ?? "build"), join(root, "build"), { recursive: true });
  // The watched sources.
  mkdirSync(join(root, "src"));
  for (const name of ["setup", "build"]) {
    writeFileSync(join(root, "scripts", name), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  }
  return root;
}
