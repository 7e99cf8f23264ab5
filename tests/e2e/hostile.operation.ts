/** The shape of the table of operations that the hostile tests go through. */
import type { Document } from "mongodb";

/** What an operator of the database looks like when it arrives as JSON. */
export const OPERATOR = { $gt: "" };

/** Documents of one operation alone, so that a change betrays who made it. */
export interface Stage {
  /** Targets: hostile requests reach them, and must leave them as they are. */
  user: string;
  teacher: string;
  region: string;
  referral: string;
  feature: string;
  category: string;
  game: string;
  gameType: string;
  lecture: string;
  plan: string;
  /** Of the user above. */
  transaction: string;
  /** Who asks; nobody's targets. */
  tokens: { student: string; teacher: string };
}

export type Target = Exclude<keyof Stage, "tokens">;

export interface Operation {
  /** As in the contract. */
  id: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `{}` stands for the target. */
  path: string;
  access: "public" | "user" | "admin";
  target?: Target;
  /** A whole body that the right caller could send; each of its fields is checked by the contract. */
  good?: (stage: Stage) => Document;
  /** Statuses besides a list of failed checks that are right when this field is an operator. */
  lenient?: Record<string, number[]>;
  /** Operators where the contract has an object, or checks nothing: ignored or 400, and never stored. */
  odd?: (stage: Stage) => unknown[];
  /** Names of query parameters. */
  query?: string[];
  /** Failed checks are told in plain words, without a list. */
  plain?: true;
  /** A failed check may be told by a text in the list. */
  texts?: true;
  /** A public operation, without token, and with an empty body. */
  anonymous?: number[];
  /** For `user`: what a student or teacher gets about somebody else's target. */
  others?: number[];
  /** For `user`: what an admin gets, where it is not for him. */
  admins?: number[];
  /** Nobody has this id: for the right caller, and for a student where he is let in. */
  unknown?: number[];
  unknownToOthers?: number[];
  /** Nobody can have this id. */
  malformed?: number[];
  /** Not the envelope of the API. */
  bare?: true;
  /** Says no with 200 and success false. */
  verdict?: true;
}

export const operation = (
  id: string,
  line: `${Operation["method"]} ${string}`,
  access: Operation["access"],
  rest: Partial<Operation> = {},
): Operation => {
  const [method, path] = line.split(" ") as [Operation["method"], string];
  return { id, method, path, access, ...rest };
};

/** Far enough ahead. */
export const SOON = "2031-01-02T03:04:05.000Z";

export const PAGING = ["sortBy", "sortOrder", "page", "limit"];
