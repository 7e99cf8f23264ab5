/**
 * A payment gateway on this machine that speaks Razorpay's wire contract, as far as we use it: orders, payments,
 * checkout signatures and webhooks; with failures and slowness on demand.
 *
 * As a program, for development: node tests/upstreams/razorpay.ts --port 9292 --webhook ADDRESS
 * prints the variables for the Worker. POST /checkout/ORDER pays an order as the app's checkout does, answers what the
 * checkout hands to the app, and sends the events to ADDRESS; POST /checkout/ORDER?fail=1 is a payment that fails, and
 * POST /refund/PAYMENT pays back.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  type Order,
  type Payment,
  type PaymentStatus,
  type Refund,
  Refusal,
  newId,
  newOrder,
  paymentOf,
  refundOf,
  seconds,
  spoiledAnswer,
} from "./razorpay.entities.ts";

export interface Keys {
  keyId: string;
  keySecret: string;
  webhookSecret: string;
}

/** What the checkout hands to the app. */
export interface Checkout {
  razorpay_order_id: string;
  razorpay_payment_id: string;
  razorpay_signature: string;
}

export type EventName =
  "payment.authorized" | "payment.captured" | "payment.failed" | "order.paid" | "refund.processed";

/** An event as it goes over the wire; a snapshot, like those of the gateway. */
export interface GatewayEvent {
  id: string;
  body: string;
}

/**
 * What goes wrong: an error of the gateway, an answer that is no JSON, an answer that is lost although the work was
 * done, a pause in milliseconds, or no answer until `release()`.
 */
export type Fault = 400 | 401 | 500 | "garbage" | "lost" | "hold" | { pause: number };

interface Spoiled {
  fault: Fault;
  path: RegExp;
  times: number;
}

const TEST_KEYS: Keys = {
  keyId: "rzp_test_1DP5mmOlF5G5ag",
  keySecret: "a key secret for tests",
  webhookSecret: "another secret, for webhooks",
};

const hmac = (secret: string, text: string) => createHmac("sha256", secret).update(text).digest("hex");

export class Razorpay {
  readonly keys: Keys;
  readonly orders = new Map<string, Order>();
  readonly payments = new Map<string, Payment>();
  readonly refunds = new Map<string, Refund>();
  /** Every request that came in, spoiled or not. */
  readonly requests: { method: string; path: string; body: string }[] = [];
  private readonly spoiled: Spoiled[] = [];
  private waiting: (() => void)[] = [];
  private readonly server: Server;

  private constructor(keys: Keys, webhook?: string) {
    this.keys = keys;
    this.server = createServer(
      (incoming, outgoing) => void this.handle(incoming, outgoing, webhook).catch(() => outgoing.destroy()),
    );
  }

  static async start({
    port = 0,
    webhook,
    ...keys
  }: Partial<Keys> & { port?: number; webhook?: string } = {}) {
    const gateway = new Razorpay({ ...TEST_KEYS, ...keys }, webhook);
    gateway.server.listen(port, "127.0.0.1");
    await once(gateway.server, "listening");
    return gateway;
  }

  async stop(): Promise<void> {
    this.release();
    const closed = once(this.server, "close");
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  /** Without /v1, as RAZORPAY_BASE_URL has it. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The variables that lead a Worker here. */
  get variables(): Record<string, string> {
    return {
      RAZORPAY_BASE_URL: this.url,
      RAZORPAY_KEY_ID: this.keys.keyId,
      RAZORPAY_KEY_SECRET: this.keys.keySecret,
      RAZORPAY_WEBHOOK_SECRET: this.keys.webhookSecret,
    };
  }

  // Faults

  /** The next `times` requests, or those to matching paths, go wrong like this. */
  spoil(fault: Fault, { times = 1, path = /./ }: { times?: number; path?: RegExp } = {}): void {
    this.spoiled.push({ fault, path, times });
  }

  /** Nothing goes wrong any more; held requests are answered. */
  release(): void {
    this.spoiled.length = 0;
    const waiting = this.waiting;
    this.waiting = [];
    for (const go of waiting) go();
  }

  /** Count of requests that wait for `release()`. */
  get held(): number {
    return this.waiting.length;
  }

  // What the buyer and the merchant do outside our sight

  /** The signature of a successful checkout. Anybody who has the key secret can make one without paying. */
  sign(orderId: string, paymentId: string): string {
    return hmac(this.keys.keySecret, `${orderId}|${paymentId}`);
  }

  checkout(orderId: string, paymentId: string): Checkout {
    return {
      razorpay_order_id: orderId,
      razorpay_payment_id: paymentId,
      razorpay_signature: this.sign(orderId, paymentId),
    };
  }

  /** A payment of an order. Orders capture at once, unless the payment shall only be authorized. */
  pay(
    orderId: string,
    { amount, status = "captured" }: { amount?: number; status?: PaymentStatus } = {},
  ): Checkout {
    const order = this.order(orderId);
    if (order.status === "paid") throw new Error(`${orderId} is paid already`);
    const payment = this.newPayment(order, amount ?? order.amount, status);
    if (status === "captured") {
      Object.assign(order, { status: "paid", amount_paid: payment.amount });
      order.amount_due = order.amount - payment.amount;
    }
    return this.checkout(orderId, payment.id);
  }

  /** A payment that the buyer's bank refused. Later ones of the same order may succeed. */
  fail(orderId: string): Payment {
    return this.newPayment(this.order(orderId), this.order(orderId).amount, "failed");
  }

  /** Pays back all, or a part. */
  refund(paymentId: string, amount?: number): Refund {
    const payment = this.payment(paymentId);
    const refund = refundOf(payment, amount ?? payment.amount - payment.amount_refunded);
    this.refunds.set(refund.id, refund);
    payment.amount_refunded += refund.amount;
    const full = payment.amount_refunded >= payment.amount;
    payment.refund_status = full ? "full" : "partial";
    if (full) payment.status = "refunded";
    return refund;
  }

  // Webhooks

  /** The event about a payment, or about a refund of it. One about an early step shows the payment as it was then. */
  event(name: EventName, about: string): GatewayEvent {
    const refund = this.refunds.get(about);
    const payment = this.payment(refund?.payment_id ?? about);
    const captured = name === "payment.captured" || name === "order.paid";
    const then = { captured, amount_refunded: 0, refund_status: null };
    const snapshot = { ...then, status: captured ? "captured" : "authorized" };
    const parts: Record<string, object> = {
      ...(name === "refund.processed" && refund ? { refund: { entity: refund } } : {}),
      payment: { entity: captured || name === "payment.authorized" ? { ...payment, ...snapshot } : payment },
      ...(name === "order.paid" ? { order: { entity: this.order(payment.order_id) } } : {}),
    };
    return this.eventOf(name, parts);
  }

  /** Any event at all. */
  eventOf(name: string, payload: object): GatewayEvent {
    const head = { entity: "event", account_id: "acc_BFQ7uQEaa7j2z7", event: name };
    const body = { ...head, contains: Object.keys(payload), payload, created_at: seconds() };
    return { id: newId("evt").slice(4), body: JSON.stringify(body) };
  }

  /** The headers that come with a body. */
  headersOf({ id, body }: GatewayEvent): Record<string, string> {
    return {
      "content-type": "application/json",
      "user-agent": "Razorpay-Webhook/v1",
      "x-razorpay-event-id": id,
      "x-razorpay-signature": hmac(this.keys.webhookSecret, body),
    };
  }

  /** Delivers an event once. The real gateway comes back for a day until it gets a 2xx within 5 s. */
  async send(event: GatewayEvent, address: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(address, {
      method: "POST",
      body: event.body,
      headers: { ...this.headersOf(event), ...headers },
    });
  }

  // The API

  private async handle(incoming: IncomingMessage, outgoing: ServerResponse, webhook?: string): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString();
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://localhost");
    const method = incoming.method ?? "GET";
    this.requests.push({ method, path: pathname, body });
    const answer = (status: number, value: object | string) => {
      outgoing.writeHead(status, { "content-type": "application/json" });
      outgoing.end(typeof value === "string" ? value : JSON.stringify(value));
    };
    try {
      const fault = this.nextFault(pathname);
      if (fault === "hold") await new Promise<void>((resolve) => this.waiting.push(resolve));
      else if (typeof fault === "object") await wait(fault.pause);
      else if (fault === "garbage") return answer(200, "<html>Bad gateway</html>");
      else if (typeof fault === "number") throw spoiledAnswer(fault);
      if (/^\/(checkout|refund)\//.test(pathname)) {
        return answer(200, await this.act(pathname, searchParams.has("fail"), webhook));
      }
      this.authenticate(incoming.headers.authorization);
      const found = this.route(method, pathname, searchParams, body);
      if (fault === "lost") outgoing.destroy();
      else answer(200, found);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer(error.status, error.body);
    }
  }

  private nextFault(path: string): Fault | undefined {
    const found = this.spoiled.find((spoiled) => spoiled.path.test(path));
    if (found && --found.times <= 0) this.spoiled.splice(this.spoiled.indexOf(found), 1);
    return found?.fault;
  }

  private authenticate(header = ""): void {
    const expected = Buffer.from(
      `Basic ${Buffer.from(`${this.keys.keyId}:${this.keys.keySecret}`).toString("base64")}`,
    );
    const given = Buffer.from(header);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new Refusal(401, "Authentication failed");
    }
  }

  private route(method: string, path: string, query: URLSearchParams, body: string): object {
    const [, version, kind, id, part] = path.split("/");
    const what = [method, version, kind, id === undefined ? "" : "id", part ?? ""].join(" ").trim();
    const collection = (items: object[]) => ({ entity: "collection", count: items.length, items });
    if (what === "POST v1 orders") return this.createOrder(body);
    if (what === "GET v1 orders") {
      const receipt = query.get("receipt");
      return collection(
        [...this.orders.values()].filter((order) => (receipt ?? order.receipt) === order.receipt),
      );
    }
    if (what === "GET v1 orders id") return this.order(id!);
    if (what === "GET v1 orders id payments") {
      this.order(id!);
      return collection([...this.payments.values()].filter((payment) => payment.order_id === id));
    }
    if (what === "GET v1 payments id") return this.payment(id!);
    throw new Refusal(400, "The requested URL was not found on the server.");
  }

  private createOrder(body: string): Order {
    const order = newOrder(body);
    this.orders.set(order.id, order);
    return order;
  }

  private order(id: string): Order {
    return known(this.orders, id);
  }

  private payment(id: string): Payment {
    return known(this.payments, id);
  }

  private newPayment(order: Order, amount: number, status: PaymentStatus): Payment {
    const payment = paymentOf(order, amount, status);
    this.payments.set(payment.id, payment);
    order.attempts += 1;
    if (order.status === "created") order.status = "attempted";
    return payment;
  }

  /** What only the program offers: paying, failing and paying back by hand. */
  private async act(path: string, fails: boolean, webhook?: string): Promise<object> {
    const [, action, id] = path.split("/") as [string, string, string];
    const [result, events] = this.acted(action, id, fails);
    if (webhook !== undefined)
      for (const event of events) await this.send(event, webhook).catch(console.error);
    return result;
  }

  private acted(action: string, id: string, fails: boolean): [object, GatewayEvent[]] {
    if (action === "refund") {
      const refund = this.refund(id);
      return [refund, [this.event("refund.processed", refund.id)]];
    }
    if (fails) {
      const payment = this.fail(id);
      return [payment, [this.event("payment.failed", payment.id)]];
    }
    const checkout = this.pay(id);
    const payment = checkout.razorpay_payment_id;
    return [checkout, [this.event("payment.captured", payment), this.event("order.paid", payment)]];
  }
}

function known<T>(entities: Map<string, T>, id: string): T {
  const found = entities.get(id);
  if (!found) throw new Refusal(400, "The id provided does not exist");
  return found;
}

if (import.meta.main) {
  const { port, webhook } = parseArgs({
    options: { port: { type: "string", default: "9292" }, webhook: { type: "string" } },
  }).values;
  const gateway = await Razorpay.start({ port: Number(port), ...(webhook ? { webhook } : {}) });
  for (const [name, value] of Object.entries(gateway.variables))
    console.log(`${name}=${JSON.stringify(value)}`);
}
