import { join } from "node:path";
import { inject, test } from "vitest";
import { startService, startTrouble } from "./service.ts";
test("diag", { timeout: 100000 }, async () => {
  for (const round of [1, 2]) {
  const folder = join(inject("stack").folder, "outage" + round);
  const before = await startTrouble(folder);
  const service = await startService(before.uri);
  const at = service.collection();
  await at.insert({ _id: 1, n: 0 });
  const update = { filter: { _id: 1 }, update: { $inc: { n: 1 } } };
  const all: Record<string, () => Promise<any>> = {
    find: () => at.plain("find"), findOne: () => at.plain("findOne", { filter: { _id: 1 } }), insertOne: () => at.plain("insertOne", { document: { _id: 2 } }),
    updateOne: () => at.plain("updateOne", update), deleteMany: () => at.plain("deleteMany", { filter: { _id: 9 } }), aggregate: () => at.plain("aggregate", { pipeline: [] }),
    transaction: () => at.transaction([{ action: "updateOne", ...update }]) };
  await Promise.all(Object.values(all).map((f) => f()));
  await before.program.kill();
  for (const w of [1, 2, 3]) await Promise.all(Object.entries(all).map(async ([n, f]) => { const t = performance.now(); const a = await f(); console.log(round, w, n, a.status, Math.round(performance.now() - t), a.body.error.slice(0, 700)); }));
  service.signal("SIGKILL");
  }
});
