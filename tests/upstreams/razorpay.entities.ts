/** What the local payment gateway knows: the documents of Razorpay's API, its checks and its errors. */
import { randomBytes } from "node:crypto";

/** A document of the gateway: the fields that tests look at, and those that only make it complete. */
interface Entity {
  id: string;
  amount: number;
  currency: string;
  created_at: number;
  [field: string]: unknown;
}

export interface Order extends Entity {
  amount_paid: number;
  amount_due: number;
  receipt: string | null;
  status: "created" | "attempted" | "paid";
  attempts: number;
}

export type PaymentStatus = "authorized" | "captured" | "refunded" | "failed";

export interface Payment extends Entity {
  status: PaymentStatus;
  order_id: string;
  amount_refunded: number;
  refund_status: "partial" | "full" | null;
}

export interface Refund extends Entity {
  payment_id: string;
}

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
export const newId = (kind: string) =>
  `${kind}_${Array.from(randomBytes(14), (byte) => LETTERS[byte % LETTERS.length]).join("")}`;
export const seconds = () => Math.floor(Date.now() / 1000);

const NO_ERROR = {
  error_code: null,
  error_description: null,
  error_source: null,
  error_step: null,
  error_reason: null,
};
const DECLINED = {
  error_code: "BAD_REQUEST_ERROR",
  error_description: "Your payment was declined by the bank",
  error_source: "bank",
  error_step: "payment_authorization",
  error_reason: "payment_failed",
};

/** An answer that is an error, in the gateway's form. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: object;

  constructor(status: number, description: string, field?: string) {
    super(description);
    const [code, source, reason] =
      status >= 500
        ? ["SERVER_ERROR", "internal", "server_error"]
        : ["BAD_REQUEST_ERROR", "business", "input_validation_failed"];
    const error = { code, description, source, step: "payment_initiation", reason, metadata: {} };
    this.status = status;
    this.body = { error: field === undefined ? error : { ...error, field } };
  }
}

/** An error on demand. */
export function spoiledAnswer(status: 400 | 401 | 500): Refusal {
  if (status === 401) return new Refusal(401, "Authentication failed");
  if (status === 400) return new Refusal(400, "Order amount less than minimum amount allowed", "amount");
  return new Refusal(500, "We are facing some trouble completing your request at the moment.");
}

const ORDER_FIELDS = ["amount", "currency", "receipt", "notes", "partial_payment", "payment_capture"];

/** The checks of POST /v1/orders. */
function checkedOrder(body: string) {
  let wanted: Record<string, unknown>;
  try {
    wanted = JSON.parse(body) as Record<string, unknown>;
  } catch {
    throw new Refusal(400, "The request body is not valid JSON");
  }
  const { amount, currency, receipt, notes } = wanted;
  const extra = Object.keys(wanted).filter((field) => !ORDER_FIELDS.includes(field));
  const pairs = typeof notes === "object" && notes !== null ? Object.values(notes) : [];
  const insist = (ok: boolean, field: string, description: string) => {
    if (!ok) throw new Refusal(400, description, field);
  };
  insist(
    extra.length === 0,
    extra[0] ?? "",
    `${extra.join(", ")} is/are not required and should not be sent`,
  );
  insist(amount !== undefined, "amount", "The amount field is required.");
  insist(Number.isInteger(amount), "amount", "The amount must be an integer.");
  insist(Number(amount) >= 100, "amount", "Order amount less than minimum amount allowed");
  insist(currency !== undefined, "currency", "The currency field is required.");
  insist(currency === "INR", "currency", "The currency is not supported");
  insist(typeof (receipt ?? "") === "string", "receipt", "The receipt must be a string.");
  insist(String(receipt ?? "").length <= 40, "receipt", "The receipt may not be greater than 40 characters.");
  insist(pairs.length <= 15, "notes", "Number of fields in notes should be less than or equal to 15");
  insist(
    pairs.every((value) => String(value).length <= 256),
    "notes",
    "Notes may have 256 characters each",
  );
  return {
    amount: amount as number,
    currency: currency as string,
    receipt: receipt as string | null | undefined,
    notes,
  };
}

/** The order that a request asks for. */
export function newOrder(body: string): Order {
  const wanted = checkedOrder(body);
  return {
    id: newId("order"),
    entity: "order",
    amount: wanted.amount,
    currency: wanted.currency,
    amount_paid: 0,
    amount_due: wanted.amount,
    receipt: wanted.receipt ?? null,
    offer_id: null,
    status: "created",
    attempts: 0,
    notes: wanted.notes ?? [],
    created_at: seconds(),
  };
}

export function paymentOf(order: Order, amount: number, status: PaymentStatus): Payment {
  const failed = status === "failed";
  return {
    id: newId("pay"),
    entity: "payment",
    amount,
    currency: order.currency,
    status,
    order_id: order.id,
    invoice_id: null,
    international: false,
    method: "upi",
    amount_refunded: 0,
    refund_status: null,
    captured: status === "captured",
    description: "Test Transaction",
    notes: order["notes"],
    card_id: null,
    bank: null,
    wallet: null,
    vpa: "gaurav.kumar@exampleupi",
    email: "gaurav.kumar@example.com",
    contact: "+919000090000",
    fee: failed ? null : Math.round(amount * 0.0236),
    tax: failed ? null : Math.round(amount * 0.0036),
    ...(failed ? DECLINED : NO_ERROR),
    acquirer_data: { rrn: "322206890934" },
    created_at: seconds(),
  };
}

export function refundOf(payment: Payment, amount: number): Refund {
  return {
    id: newId("rfnd"),
    entity: "refund",
    payment_id: payment.id,
    currency: payment.currency,
    amount,
    notes: [],
    receipt: null,
    acquirer_data: { arn: null },
    batch_id: null,
    created_at: seconds(),
    status: "processed",
    speed_processed: "normal",
    speed_requested: "normal",
  };
}
