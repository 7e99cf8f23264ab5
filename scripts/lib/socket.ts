/** A small socket client for trying things out: prints what comes, sends what is typed. */
import { createInterface } from "node:readline";
import WebSocket from "ws";

const [base, session, token] = process.argv.slice(2);
if (!base || !session || !token) {
  console.error("usage: node_modules/.bin/node scripts/lib/socket.ts http://HOST:PORT/api SESSION TOKEN");
  process.exit(2);
}
const address = `${base.replace(/^http/, "ws")}/communication/session/${session}/socket`;
const socket = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } });
const ping = setInterval(() => socket.send('{"t":"ping"}'), 10_000);
socket.on("open", () => {
  console.error("open; type frames as JSON, Ctrl-D to leave");
  socket.send('{"t":"hello"}');
});
socket.on("message", (data) => {
  const text = data.toString();
  if (text !== '{"t":"pong"}') console.log(text);
});
socket.on("unexpected-response", (_, response) => {
  console.error(`refused with status ${response.statusCode}`);
  process.exit(1);
});
socket.on("close", (code, reason) => {
  console.error(`closed: ${code} ${reason.toString()}`);
  clearInterval(ping);
  process.exit(0);
});
createInterface({ input: process.stdin })
  .on("line", (line) => socket.send(line))
  .on("close", () => socket.close());
