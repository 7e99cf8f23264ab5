/**
 * The Data API service dies in the middle of verify-payment: before its nth call, or after it, when the work is done and
 * only the answer is lost. Afterwards the app asks again, or is dead and the reconciliation finds the payment: the books
 * agree each time, and nobody is credited twice.
 */
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { eventually } from "../support/client.ts";
import { admin } from "../support/people.ts";
import { serve } from "../support/serve.ts";
import { Razorpay } from "../upstreams/razorpay.ts";
import { dataOf } from "../e2e/payments.shapes.ts";
import {
  Shop,
  createPlan,
  createReferral,
  expiryOf,
  inDays,
  proof,
  setIn,
  storedPlan,
  storedReferral,
  storedTransaction,
  transactionsOf,
} from "../e2e/payments.support.ts";

/** More calls than verify-payment makes. */
const ENOUGH = 12;
const MONTH = { least: 27, most: 32 };

/** Passes calls on until its end is due; then it is dead until it is revived. */
class Mortal {
  private left = Infinity;
  private losesAnswer = false;
  private readonly server: Server;
  private readonly target: string;

  constructor(target: string) {
    this.target = target;
    this.server = createServer((incoming, outgoing) => {
      this.handle(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  async listen(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Dies at the nth call from now: instead of doing its work, or just before it answers. */
  dieAt(n: number, after: boolean): void {
    this.left = n;
    this.losesAnswer = after;
  }

  /** Lives on; says whether it had died. */
  revive(): boolean {
    const died = this.left <= 0;
    this.left = Infinity;
    return died;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, "close");
  }

  private async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const dies = --this.left === 0;
    if (this.left < 0 || (dies && !this.losesAnswer)) return void outgoing.destroy();
    const headers = Object.entries(incoming.headers).filter(
      ([name]) => name === "apikey" || name === "content-type" || name === "accept",
    ) as [string, string][];
    const body = Buffer.concat(parts);
    const answer = await fetch(this.target + incoming.url!, { method: "POST", headers, body });
    const text = Buffer.from(await answer.arrayBuffer());
    if (dies) return void outgoing.destroy();
    outgoing.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(text);
  }
}

let service: Mortal;
let shop: Shop;

beforeAll(async () => {
  const { dataApi, folder } = inject("stack");
  service = new Mortal(dataApi.url);
  const url = await service.listen();
  const gateway = await Razorpay.start();
  const env = gateway.variables;
  shop = new Shop(
    gateway,
    await serve({ dataApi: { ...dataApi, url }, folder: join(folder, "mortal"), env }),
  );
});
afterAll(async () => {
  await shop?.worker.program.stop();
  await shop?.gateway.stop();
  await service?.close();
});

/** A payment whose verification dies. Says whether it did. */
async function round(n: number, after: boolean, appLives: boolean): Promise<boolean> {
  const plan = await createPlan({ price: 500 });
  const { code, referral } = await createReferral();
  const who = await shop.buyer();
  const order = await shop.order(who, plan, { referralCode: code });
  const paid = shop.gateway.pay(order.orderId);
  const body = proof(paid, order.transactionId);

  service.dieAt(n, after);
  const first = await shop.verify(who, body);
  const died = service.revive();
  expect(first.status, first.text).toBe(died ? 503 : 200);

  if (appLives) {
    const again = async () => (await shop.verify(who, body)).status === 200;
    await eventually("the payment is verified", again, 15);
  } else {
    // Only orders that are a quarter of an hour old are asked for.
    await setIn("transactions", order.transactionId, { createdAt: new Date(Date.now() - 20 * 60_000) });
    const boss = shop.at(await admin());
    const settled = async () => {
      await boss.post("/api/admin/transactions/reconcile");
      return (await storedTransaction(order.transactionId))!["status"] === "completed";
    };
    await eventually("the payment is found", settled, 15);
    // The app comes back later, and is told the same.
    dataOf(await shop.verify(who, body), { message: true });
  }

  const days = ((await expiryOf(who.id))!.getTime() - inDays(0).getTime()) / 86_400_000;
  expect(days).toBeGreaterThan(MONTH.least);
  expect(days).toBeLessThan(MONTH.most);
  expect((await storedPlan(plan))!["purchases"]).toBe(1);
  expect(await storedReferral(referral)).toMatchObject({ totalUses: 1, usedBy: [expect.anything()] });
  expect(await transactionsOf(who.id)).toHaveLength(1);
  expect(await storedTransaction(order.transactionId)).toMatchObject({
    status: "completed",
    razorpayPaymentId: paid.razorpay_payment_id,
  });
  return died;
}

test.for([
  ["before its work is done, and the app asks again", false, true],
  ["before its work is done, and the app is dead", false, false],
  ["after its work is done, and the app asks again", true, true],
  ["after its work is done, and the app is dead", true, false],
] as const)("at each call: %s", { timeout: 240_000 }, async ([, after, appLives]) => {
  let deaths = 0;
  for (let n = 1; n <= ENOUGH; n++) deaths += Number(await round(n, after, appLives));
  // Somewhere between the first call and the last one it is all over.
  expect(deaths).toBeGreaterThan(1);
  expect(deaths).toBeLessThan(ENOUGH);
});
