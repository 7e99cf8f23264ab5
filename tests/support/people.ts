/** People put straight into the database, as the old server wrote them: no sign-up, no slow password hash. */
import { randomInt } from "node:crypto";
import bcrypt from "bcryptjs";
import { ObjectId } from "mongodb";
import { type Learner, PASSWORD, learner, unique, uniquePhone, withDatabase } from "./client.ts";
import { tokenFor } from "./tokens.ts";

// Four rounds instead of twelve: signing in with PASSWORD works, and costs nothing.
const hash = bcrypt.hashSync(PASSWORD, 4);

/** Writes `many` users with these fields over sensible ones; each comes back with a token and PASSWORD. */
export async function people(many: number, fields: Record<string, unknown> = {}): Promise<Learner[]> {
  const now = new Date();
  const documents = Array.from({ length: many }, (_, index) => ({
    _id: new ObjectId(),
    name: `Person ${unique()}`,
    email: `${unique()}@example.com`,
    phone: uniquePhone(),
    password: hash,
    role: "student",
    isActive: true,
    profilePicture: "",
    createdAt: new Date(now.getTime() - (many - index) * 1000),
    updatedAt: now,
    __v: 0,
    ...fields,
  }));
  if (documents.length > 0) await withDatabase((db) => db.collection("users").insertMany(documents));
  return documents.map(({ _id, email, phone }) => {
    const id = _id.toHexString();
    return learner(id, tokenFor(id), email, phone, String(fields["region"] ?? ""));
  });
}

/** One user with these fields. */
export async function person(fields: Record<string, unknown> = {}): Promise<Learner> {
  return (await people(1, fields))[0]!;
}

export const admin = () => person({ role: "admin" });
export const student = (region: string) => person({ role: "student", region: new ObjectId(region) });

let code = 100_000 + randomInt(800_000);
export const teacher = (fields: Record<string, unknown> = {}) =>
  person({ role: "teacher", teacherInfo: { referralCode: String(code++) }, ...fields });
