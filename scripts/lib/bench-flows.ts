/** The flows of scripts/bench that are more than one request. */
import WebSocket from "ws";
import type { OpenAi } from "../../tests/upstreams/openai.ts";
import { Razorpay } from "../../tests/upstreams/razorpay.ts";

/** What a flow needs. */
export interface Target {
  base: string;
  connections: number;
  seconds: number;
}

async function send(token: string, address: string, body?: object): Promise<Response> {
  return fetch(address, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}

const sorted = (times: number[]) => {
  times.sort((a, b) => a - b);
  return (share: number, digits = 1): string =>
    times[Math.floor(times.length * share)]?.toFixed(digits) ?? "–";
};

/** Learners press "find partner" and "cancel" in turns. */
export async function findPartner({ base, connections }: Target, tokens: string[]): Promise<void> {
  const post = async (token: string, path: string, body?: object): Promise<number> => {
    const response = await send(token, `${base}/api/communication/${path}`, body);
    await response.arrayBuffer();
    return response.status;
  };
  let spent = 0;
  let errors = 0;
  const times: number[] = [];
  for (let round = 0; round < 10; round++) {
    const began = performance.now();
    const queue = [...tokens];
    await Promise.all(
      Array.from({ length: connections }, async () => {
        for (let token = queue.pop(); token; token = queue.pop()) {
          const at = performance.now();
          if ((await post(token, "matchmaking/find-partner", { sessionType: "chat" })) !== 200) errors++;
          times.push(performance.now() - at);
        }
      }),
    );
    spent += performance.now() - began;
    await Promise.all(tokens.map((token) => post(token, "sessions/cancel-all")));
  }
  const rate = Math.round((times.length * 1000) / spent).toLocaleString("en");
  const at = sorted(times);
  console.log(`| find-partner | ${rate} | ${at(0.5)} | ${at(0.99)} | – | – | – | ${errors} |`);
}

/** Learners buy a plan: order, payment at the stand-in of the provider, verification. One line counts as both calls. */
export async function checkout(
  { base, seconds }: Target,
  gateway: Razorpay,
  plan: string,
  tokens: string[],
): Promise<void> {
  const times: number[] = [];
  let errors = 0;
  const began = performance.now();
  const buy = async (token: string): Promise<void> => {
    const at = performance.now();
    const made = await send(token, `${base}/api/transactions/create-order`, { planId: plan });
    const { data } = (await made.json()) as { data?: { orderId: string; transactionId: string } };
    if (!data) return void errors++;
    const paid = gateway.pay(data.orderId);
    const verified = await send(token, `${base}/api/transactions/verify-payment`, {
      razorpayOrderId: paid.razorpay_order_id,
      razorpayPaymentId: paid.razorpay_payment_id,
      razorpaySignature: paid.razorpay_signature,
      transactionId: data.transactionId,
    });
    await verified.arrayBuffer();
    if (!verified.ok) errors++;
    times.push(performance.now() - at);
  };
  await Promise.all(
    tokens.map(async (token) => {
      while (performance.now() - began < seconds * 1000) await buy(token);
    }),
  );
  const rate = Math.round((times.length * 1000) / (performance.now() - began)).toLocaleString("en");
  const at = sorted(times);
  console.log(`| create-order + verify | ${rate} | ${at(0.5)} | ${at(0.99)} | – | – | – | ${errors} |`);
}

/** Offer on one socket, seen on the other: 50 a second. */
export async function relay(
  { base, seconds }: Target,
  session: string,
  host: string,
  seeker: string,
): Promise<void> {
  const open = async (token: string): Promise<WebSocket> => {
    const address = `${base.replace("http", "ws")}/api/communication/session/${session}/socket`;
    const socket = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return socket;
  };
  const [from, to] = [await open(host), await open(seeker)];
  const times: number[] = [];
  to.on("message", (data) => {
    const frame = JSON.parse(data.toString()) as { t: string; d: { sdp?: string } };
    if (frame.t === "sdp.offer") times.push(performance.now() - Number(frame.d.sdp!.split(" ")[0]));
  });
  const many = Math.max(100, seconds * 50);
  for (let n = 0; n < many; n++) {
    from.send(
      JSON.stringify({ v: 1, t: "sdp.offer", d: { sdp: `${performance.now()} ${"x".repeat(2000)}` } }),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  from.close();
  to.close();
  const at = sorted(times);
  console.log(
    `\n| offer → peer over WebSocket | p50 ms | p99 ms | lost |\n|---|---|---|---|\n| ${many} offers at 50/s | ${at(0.5, 2)} | ${at(0.99, 2)} | ${many - times.length} |`,
  );
}

/** One call to the model's interface, to its first byte and to its end. */
async function timed(
  address: string,
  token: string,
  body: object,
  accept?: string,
): Promise<[number, number]> {
  const at = performance.now();
  const headers: Record<string, string> = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    ...(accept ? { accept } : {}),
  };
  const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok || !response.body) throw new Error(`${address}: ${response.status}`);
  let first = 0;
  for await (const _ of response.body) first ||= performance.now() - at;
  return [first, performance.now() - at];
}

/** What the Worker adds to a call to the model, and to the first word of a stream. */
export async function tutor(base: string, model: OpenAi, tokens: string[]): Promise<void> {
  const rounds = 100;
  const times = { direct: [], asked: [], directFirst: [], first: [] } as Record<string, number[]>;
  const turns = [{ role: "user", content: "What is a gerund?" }];
  const direct = `${model.url}/chat/completions`;
  for (let n = 0; n < rounds; n++) {
    const token = tokens[n % tokens.length]!;
    const made = await send(token, `${base}/api/chat/conversations`, { title: `Bench ${n}` });
    const { conversation } = (await made.json()) as { conversation: { id: string } };
    const address = `${base}/api/chat/conversations/${conversation.id}/messages`;
    const question = (k: number) => ({ message: `Question ${n} ${k}: what is a gerund?` });
    times["direct"]!.push((await timed(direct, model.key, { model: model.model, messages: turns }))[1]);
    times["asked"]!.push((await timed(address, token, question(1)))[1]);
    const stream = { model: model.model, messages: turns, stream: true };
    times["directFirst"]!.push((await timed(direct, model.key, stream))[0]);
    times["first"]!.push((await timed(address, token, question(2), "text/event-stream"))[0]);
  }
  const at = (name: string, share: number) => Number(sorted(times[name]!)(share, 2));
  const row = (name: string, direct: string, through: string) => {
    const added = [0.5, 0.99].map((share) => (at(through, share) - at(direct, share)).toFixed(1));
    console.log(`| ${name} | ${at(direct, 0.5)} | ${at(through, 0.5)} | ${added[0]} | ${added[1]} |`);
  };
  console.log(
    "\n| tutor | model alone p50 ms | with us p50 ms | added p50 | added p99 |\n|---|---|---|---|---|",
  );
  row("whole answer", "direct", "asked");
  row("first word of a stream", "directFirst", "first");
}

/** A recording of 1 MB is uploaded, transcribed by a stand-in, scored, and kept. */
export async function upload(base: string, tokens: string[]): Promise<void> {
  const times: number[] = [];
  const wav = new Uint8Array(2 ** 20);
  wav.set(new TextEncoder().encode("RIFF\x24\0\0\0WAVEfmt "));
  for (let n = 0; n < 40; n++) {
    const form = new FormData();
    form.set("audio", new Blob([wav]), "word.wav");
    form.set("targetWord", "three");
    const at = performance.now();
    const headers = { authorization: `Bearer ${tokens[n % tokens.length]}` };
    const path = "/api/evaluation/pronunciation/audio";
    const response = await fetch(base + path, { method: "POST", headers, body: form });
    if (!response.ok) throw new Error(`upload: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
    times.push(performance.now() - at);
  }
  const at = sorted(times);
  console.log(
    `\n| recording of 1 MB | p50 ms | p99 ms |\n|---|---|---|\n| upload, score, keep | ${at(0.5)} | ${at(0.99)} |`,
  );
}
