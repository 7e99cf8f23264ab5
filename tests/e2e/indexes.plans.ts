/**
 * Whether a query is served by an index, as MongoDB plans it: one of the conditions that must hold bounds an index, and
 * what that finds is filtered by the others.
 *
 * `explain` of the whole query would be the obvious way, but the database of the tests answers COLLSCAN whenever the
 * filter is not, as a whole, the beginning of an index (`{_id, password}`), and IXSCAN for a regular expression that
 * bounds nothing. So the conditions are judged here, and `explain` is asked what the database knows best: whether it
 * has an index for the field of the condition that it would use.
 */
import { BSONRegExp, type Db, type Document, ObjectId } from "mongodb";
import { type Query, ofPipeline } from "./indexes.recorder.ts";

const BOUNDING = ["$eq", "$in", "$gt", "$gte", "$lt", "$lte"];

/** What of a query is answered by reading a whole collection; empty when nothing is. */
export async function scans(db: Db, query: Query): Promise<string[]> {
  const { collection, filter, sort, limit, rest } = query;
  const own = (await served(db, collection, filter, sort, limit)) ? [] : [collection];
  return [...own, ...(await scansOf(db, rest))];
}

async function served(
  db: Db,
  collection: string,
  filter: Document,
  sort?: Document,
  limit?: number,
): Promise<boolean> {
  for (const [field, condition] of conjuncts(filter)) {
    if (field === "$or") {
      const branches = await Promise.all((condition as Document[]).map((one) => served(db, collection, one)));
      if (branches.every(Boolean)) return true;
    }
    const bounded = boundedField(field, condition);
    if (bounded && (await planned(db, { find: collection, filter: { [bounded]: new ObjectId() } })))
      return true;
  }
  // A bounded list in the order of an index is read from its end, whatever is filtered out on the way.
  return Boolean(sort && limit) && (await planned(db, { find: collection, filter: {}, sort, limit }));
}

/** The conditions that all must hold. */
function conjuncts(filter: Document): [string, unknown][] {
  return Object.entries(filter).flatMap(([field, condition]) =>
    field === "$and"
      ? (condition as Document[]).flatMap(conjuncts)
      : [[field, condition] as [string, unknown]],
  );
}

/** The field whose index a condition bounds: from one value, or between two. */
function boundedField(field: string, condition: unknown): string | undefined {
  if (field === "$expr") return comparedField(condition);
  if (field.startsWith("$") || condition === null || condition === undefined) return undefined;
  const pattern = patternOf(condition);
  if (pattern) return isPrefix(...pattern) ? field : undefined;
  if (!isOperators(condition)) return field;
  if (condition["$elemMatch"]) {
    const inner = conjuncts(condition["$elemMatch"] as Document);
    const found = inner.map(([key, one]) => (key.startsWith("$") ? undefined : boundedField(key, one)));
    const key = found.find((one) => one !== undefined);
    return key && `${field}.${key}`;
  }
  const names = Object.keys(condition).filter((name) => BOUNDING.includes(name));
  return names.some((name) => condition[name] !== null) ? field : undefined;
}

/** Source and flags of a regular expression, in any of its notations. */
function patternOf(condition: unknown): [string, string] | undefined {
  if (condition instanceof RegExp) return [condition.source, condition.flags];
  if (condition instanceof BSONRegExp) return [condition.pattern, condition.options];
  const { $regex, $options = "" } = Object(condition) as Document;
  if ($regex === undefined) return undefined;
  const [source, flags] = patternOf($regex) ?? [String($regex), ""];
  return [source, flags + String($options)];
}

function isOperators(condition: unknown): condition is Document {
  if (typeof condition !== "object" || condition === null || "_bsontype" in condition) return false;
  return Object.keys(condition).some((key) => key.startsWith("$"));
}

/** Only a literal beginning, in its own case and without alternatives, bounds an index. */
const isPrefix = (source: string, flags: string) =>
  /^(\^|\\A)[\w \-@](?![?*{])/.test(source) && !source.includes("|") && !/[imx]/.test(flags);

/** The field of `{$eq: ["$field", "$$variable"]}`, the only expression that MongoDB looks up in an index. */
function comparedField(expression: unknown): string | undefined {
  const [operator, sides] = Object.entries((expression ?? {}) as Document)[0] ?? [];
  if (operator === "$and") return (sides as unknown[]).map(comparedField).find(Boolean);
  if (!operator || !BOUNDING.includes(operator) || operator === "$in" || !Array.isArray(sides))
    return undefined;
  const field = sides.find((side) => typeof side === "string" && /^\$[^$]/.test(side)) as string | undefined;
  return field?.slice(1);
}

/** What the other collections of a pipeline are asked. */
async function scansOf(db: Db, stages: Document[]): Promise<string[]> {
  const found: string[] = [];
  for (const { $lookup, $graphLookup, $unionWith, $facet } of stages) {
    if ($lookup?.from) {
      const { from, foreignField, pipeline = [] } = $lookup;
      const joined = foreignField ? [{ $match: { [foreignField]: new ObjectId() } }, ...pipeline] : pipeline;
      found.push(...(await scans(db, ofPipeline(from, joined))));
    }
    if ($graphLookup) {
      const filter = { [$graphLookup.connectToField]: new ObjectId() };
      found.push(...(await scans(db, ofPipeline($graphLookup.from, [{ $match: filter }]))));
    }
    if ($unionWith) {
      const { coll = $unionWith, pipeline = [] } = $unionWith;
      found.push(...(await scans(db, ofPipeline(coll, pipeline))));
    }
    for (const inner of Object.values(($facet ?? {}) as Record<string, Document[]>)) {
      found.push(...(await scansOf(db, inner)));
    }
  }
  return found;
}

/** Whether the database says that an index finds, and orders, what is asked for. */
async function planned(db: Db, find: Document): Promise<boolean> {
  const answer = await db.command({ explain: find, verbosity: "queryPlanner" });
  const stages = stagesOf(answer["queryPlanner"].winningPlan as Document);
  const byIndex = stages.some((stage) => stage === "IDHACK" || stage.endsWith("IXSCAN"));
  return byIndex && !stages.includes("COLLSCAN") && !(find["sort"] && stages.includes("SORT"));
}

function stagesOf(plan: Document): string[] {
  const { stage, inputStage, inputStages = [], queryPlan } = plan;
  const inner = [inputStage, ...inputStages, queryPlan].filter(Boolean) as Document[];
  return [...(stage ? [stage as string] : []), ...inner.flatMap(stagesOf)];
}
