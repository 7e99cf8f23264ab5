/** Tokens made outside the Worker: those of the old server, and forged ones. */
import { createHmac } from "node:crypto";
import { JWT_SECRET } from "./serve.ts";

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A signed token with any header and claims. */
export function sign(
  claims: object,
  { secret = JWT_SECRET, header = { alg: "HS256", typ: "JWT" } as object } = {},
): string {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

/** A token as the old server made them: claims userId, iat and exp. */
export function tokenFor(userId: string, claims: object = {}): string {
  const now = Math.floor(Date.now() / 1000);
  return sign({ userId, iat: now, exp: now + 3600, ...claims });
}
