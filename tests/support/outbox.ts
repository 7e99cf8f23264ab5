/** The letters that the Worker sent: in development the e-mail binding writes them to a folder. */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import { eventually } from "./client.ts";

/** The texts of the letters to an address, oldest first. */
export function lettersTo(email: string): string[] {
  const folder = join(inject("stack").folder, "main/outbox");
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".txt"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    .map((file) => readFileSync(file, "utf8"))
    .filter((text) => text.includes(email));
}

/** The reset token of the `nth` letter to an address (from 1), once it is there. */
export async function resetToken(email: string, nth = 1): Promise<string> {
  await eventually(`letter ${nth} to ${email}`, () => lettersTo(email).length >= nth);
  const token = /[?&]token=([\w.~-]+)/.exec(lettersTo(email)[nth - 1]!)?.[1];
  if (!token) throw new Error("the letter has no link with a token");
  return token;
}
