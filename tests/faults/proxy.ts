/** A proxy before the Data API service that spoils what it says. */
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

export type Mode = "pass" | "refuse" | "slow" | "garbage";

export class Proxy {
  private static readonly SLOWNESS = 10_000;
  private readonly waiting: string[] = [];
  private mode: Mode = "pass";
  private server: Server | undefined;
  private port = 0;
  private readonly target: string;

  constructor(target: string) {
    this.target = target;
  }

  /** Count of requests that are still held back. */
  get held(): number {
    return this.waiting.length;
  }

  /** Count of those that contain a text. */
  heldWith(text: string): number {
    return this.waiting.filter((body) => body.includes(text)).length;
  }

  /** Begins to listen, the second time at the same port, and returns the address. */
  async listen(): Promise<string> {
    const server = createServer(
      (incoming, outgoing) => void this.handle(incoming, outgoing).catch(() => outgoing.destroy()),
    );
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    return `http://127.0.0.1:${this.port}`;
  }

  async set(mode: Mode): Promise<void> {
    if (mode === "refuse") await this.close();
    else if (this.server === undefined) await this.listen();
    this.mode = mode;
  }

  async close(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  private async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    if (this.mode === "garbage") {
      outgoing.writeHead(200, { "content-type": "application/json" }).end("<html>Bad gateway</html>");
      return;
    }
    if (this.mode !== "slow") return this.forward(incoming, parts, outgoing);
    // A slow service does its work in the end, even when nobody waits for it any more.
    const body = Buffer.concat(parts).toString();
    this.waiting.push(body);
    try {
      await wait(Proxy.SLOWNESS);
      await this.forward(incoming, parts, outgoing);
    } finally {
      this.waiting.splice(this.waiting.indexOf(body), 1);
    }
  }

  private async forward(incoming: IncomingMessage, parts: Buffer[], outgoing: ServerResponse): Promise<void> {
    const { method = "POST", url = "/", headers } = incoming;
    const onward = request(this.target + url, { method, headers });
    onward.end(Buffer.concat(parts));
    const [answer] = (await once(onward, "response")) as [IncomingMessage];
    const body: Buffer[] = [];
    for await (const part of answer) body.push(part as Buffer);
    outgoing.writeHead(answer.statusCode ?? 502, { "content-type": answer.headers["content-type"] ?? "" });
    outgoing.end(Buffer.concat(body));
  }
}
