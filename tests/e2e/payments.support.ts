/** What the tests of plans and payments share: fixtures as the old server wrote them, and a shop to buy in. */
import { join } from "node:path";
import { type Db, type Document, MongoClient, ObjectId } from "mongodb";
import { afterAll, afterEach, beforeAll, inject, test } from "vitest";
import { type Answer, type Learner, call, get, learner, post, unique } from "../support/client.ts";
import { admin, person, teacher } from "../support/people.ts";
import { type Served, serve } from "../support/serve.ts";
import { type Checkout, Razorpay } from "../upstreams/razorpay.ts";
import { expectRefusal, withoutUndefined } from "./auth.support.ts";
import { dataOf } from "./payments.shapes.ts";

export const UNKNOWN = "0123456789abcdef01234567";
export const DAY = 86_400_000;
export const oid = (id: string) => new ObjectId(id);
export const inDays = (days: number) => new Date(Date.now() + days * DAY);

// The database: one connection a file, because these tests look into it all the time.

let connection: Promise<MongoClient> | undefined;
afterAll(async () => (await connection)?.close());

export async function database(): Promise<Db> {
  const { mongodbUri, database } = inject("stack");
  connection ??= MongoClient.connect(mongodbUri);
  return (await connection).db(database);
}

// Fixtures

/** A plan as stored; undefined fields are left out. */
export const planDocument = (fields: Document = {}): Document & { _id: ObjectId } =>
  withoutUndefined({
    _id: new ObjectId(),
    name: `Plan ${unique()}`,
    description: "Thirty days of practice",
    price: 499,
    duration: 1,
    durationType: "months",
    features: [{ _id: new ObjectId(), name: "Calls", description: "With anybody", isIncluded: true }],
    isActive: true,
    isPopular: false,
    maxSessions: -1,
    maxGames: -1,
    maxLectures: -1,
    includesVideoCalls: false,
    includesVoiceCalls: false,
    includesGroupCalls: false,
    includesChat: true,
    includesGames: true,
    includesLectures: true,
    priority: 0,
    createdAt: new Date(),
    updatedAt: new Date(),
    __v: 0,
    ...fields,
  });

const insert = async (collection: string, documents: Document[]) =>
  (await database()).collection(collection).insertMany(documents);

export async function createPlans(all: Document[]): Promise<string[]> {
  const documents = all.map(planDocument);
  await insert("plans", documents);
  return documents.map(({ _id }) => _id.toHexString());
}

export async function createPlan(fields: Document = {}): Promise<string> {
  return (await createPlans([fields]))[0]!;
}

/** Transactions as the old server stored them: pending unless said otherwise. */
export async function createTransactions(user: string, plan: string, all: Document[]): Promise<string[]> {
  const documents = all.map((fields) => {
    const { amount = 499, discountAmount = 0 } = fields;
    const createdAt = fields["createdAt"] ?? new Date();
    return withoutUndefined({
      _id: new ObjectId(),
      user: oid(user),
      plan: oid(plan),
      amount,
      currency: "INR",
      discountAmount,
      finalAmount: amount - discountAmount,
      razorpayOrderId: `order_${unique()}`,
      referralCode: null,
      referredBy: null,
      discountPercentage: 0,
      status: "pending",
      paymentMethod: "razorpay",
      createdAt,
      updatedAt: createdAt,
      __v: 0,
      ...fields,
    });
  });
  await insert("transactions", documents);
  return documents.map(({ _id }) => _id.toHexString());
}

export async function createTransaction(user: string, plan: string, fields: Document = {}): Promise<string> {
  return (await createTransactions(user, plan, [fields]))[0]!;
}

export interface Offer {
  code: string;
  teacher: Learner;
  referral: string;
}

/** An approved referral of an approved teacher, for 40 percent; fields of the referral override. */
export async function createReferral(fields: Document = {}, teacherFields: Document = {}): Promise<Offer> {
  const code: string = fields["referralCode"] ?? `R${unique()}`.toUpperCase();
  const own = `T${unique()}`.toUpperCase();
  const who = await teacher({ teacherInfo: { referralCode: own, isApproved: true, ...teacherFields } });
  const _id = new ObjectId();
  const now = new Date();
  await insert("referrals", [
    withoutUndefined({
      _id,
      teacher: oid(who.id),
      referralCode: code,
      discountPercentage: 40,
      totalUses: 0,
      maxUses: -1,
      usedBy: [],
      isActive: true,
      isApproved: true,
      validFrom: new Date(now.getTime() - DAY),
      minimumAmount: 0,
      maximumDiscount: 1000,
      totalDiscountGiven: 0,
      totalRevenue: 0,
      createdAt: now,
      updatedAt: now,
      __v: 0,
      ...fields,
    }),
  ]);
  return { code, teacher: who, referral: _id.toHexString() };
}

/** A student with a plan until then. */
export const subscriber = (plan: string, planExpiryDate: Date, fields: Document = {}) =>
  person({ studentInfo: { currentPlan: oid(plan), planExpiryDate }, ...fields });

// What is stored

const storedIn = (collection: string) => async (id: string) =>
  (await (await database()).collection(collection).findOne({ _id: oid(id) }))!;
export const storedPlan = storedIn("plans");
export const storedTransaction = storedIn("transactions");
export const storedUser = storedIn("users");
export const storedReferral = storedIn("referrals");
export const setIn = async (collection: string, id: string, fields: Document) =>
  (await database()).collection(collection).updateOne({ _id: oid(id) }, { $set: fields });
export const removeFrom = async (collection: string, ...ids: string[]) =>
  (await database()).collection(collection).deleteMany({ _id: { $in: ids.map(oid) } });
export const transactionsOf = async (user: string) =>
  (await database())
    .collection("transactions")
    .find({ user: oid(user) })
    .toArray();
export const expiryOf = async (user: string): Promise<Date | undefined> =>
  (await storedUser(user))["studentInfo"]?.planExpiryDate ?? undefined;

/** Only administrators may; others learn nothing, and not even whether the rest of the request made sense. */
export function refusesOthers(cases: [method: string, path: string, body?: unknown][]): void {
  let others: Learner[] = [];
  beforeAll(async () => {
    others = [await person(), await teacher()];
  });
  test.for(cases)("%s %s is for administrators", async ([method, path, body]) => {
    const options = body === undefined ? {} : { body };
    const anonymous = await call(method, path, options);
    expectRefusal(anonymous, 401, /Access token required/);
    expectRefusal(await call(method, path, { ...options, token: "garbage" }), 401, /token/);
    for (const who of others) {
      expectRefusal(await call(method, path, { ...options, token: who.token }), 403);
    }
  });
}

/** One administrator for a file. */
export function theAdmin() {
  let token = "";
  beforeAll(async () => {
    token = (await admin()).token;
  });
  const ask = (method: string) => (path: string, body?: unknown) =>
    call(method, path, { token, ...(body === undefined ? {} : { body }) });
  return {
    token: () => token,
    get: ask("GET"),
    post: ask("POST"),
    put: ask("PUT"),
    patch: ask("PATCH"),
    delete: ask("DELETE"),
  };
}

// The shop

export interface Ordered {
  orderId: string;
  amount: number;
  currency: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  referralDiscount: any;
  transactionId: string;
}

const CREATE = "/api/transactions/create-order";
const VERIFY = "/api/transactions/verify-payment";
export const WEBHOOK = "/api/transactions/webhook";

/** What the app sends after a checkout. */
export const proof = (checkout: Checkout, transactionId: string) => ({
  razorpayOrderId: checkout.razorpay_order_id,
  razorpayPaymentId: checkout.razorpay_payment_id,
  razorpaySignature: checkout.razorpay_signature,
  transactionId,
});

/** A Worker of a file's own, whose payment gateway is ours. */
export class Shop {
  readonly gateway: Razorpay;
  readonly worker: Served;

  constructor(gateway: Razorpay, worker: Served) {
    this.gateway = gateway;
    this.worker = worker;
  }

  get webhook(): string {
    return this.worker.base + WEBHOOK;
  }

  at(who: Learner): Learner {
    return learner(who.id, who.token, who.email, who.phone, who.region, this.worker.base);
  }

  async buyer(fields: Document = {}): Promise<Learner> {
    return this.at(await person(fields));
  }

  get(path: string, token?: string): Promise<Answer> {
    return get(path, { token, base: this.worker.base });
  }

  create(who: Learner, body: unknown, key?: string): Promise<Answer> {
    const headers = key === undefined ? {} : { "idempotency-key": key };
    return post(CREATE, { token: who.token, body, headers, base: this.worker.base });
  }

  /** An order that must succeed. */
  async order(who: Learner, planId: string, fields: object = {}): Promise<Ordered> {
    return dataOf(await this.create(who, { planId, ...fields }));
  }

  verify(who: Learner, body: unknown): Promise<Answer> {
    return post(VERIFY, { token: who.token, body, base: this.worker.base });
  }

  /** Order, checkout and confirmation; all must succeed. */
  async buy(who: Learner, planId: string, fields: object = {}) {
    const order = await this.order(who, planId, fields);
    const checkout = this.gateway.pay(order.orderId);
    const data = dataOf(await this.verify(who, proof(checkout, order.transactionId)), { message: true });
    return { order, checkout, expiry: new Date(data.planExpiryDate) };
  }
}

/** The shop of a test file: `shop()` inside tests. */
export function openShop(name: string): () => Shop {
  let shop: Shop | undefined;
  beforeAll(async () => {
    const gateway = await Razorpay.start();
    const { dataApi, folder } = inject("stack");
    shop = new Shop(gateway, await serve({ dataApi, folder: join(folder, name), env: gateway.variables }));
  });
  afterEach(() => shop?.gateway.release());
  afterAll(async () => {
    await shop?.worker.program.stop();
    await shop?.gateway.stop();
  });
  return () => shop!;
}
