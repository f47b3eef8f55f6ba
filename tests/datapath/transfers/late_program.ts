/**
 * The part of a router that keeps datagrams for a while: what it is handed goes on late, twice, or now and once more late,
 * as a generator of chance decides that is seeded. It prints a line when it takes datagrams; each line on its standard input
 * is an alias to use from then on, or asks for its counts when it is empty.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { backPort, latePorts, nodePort, outPort, type Side, type Ways } from "./middle_rules.ts";

export interface LateOrder {
  readonly ways: Ways;
  readonly seed: number;
}

export interface LateCounts {
  readonly taken: number;
  readonly delayed: number;
  readonly doubled: number;
}

/** Milliseconds; 0 is the next turn, after whatever else has come by then. */
const delays = [0, 1, 1, 2, 3, 5] as const;
const bufferBytes = 2 ** 22;

const { ways, seed } = JSON.parse(process.argv[2]!) as LateOrder;
const chance = mulberry32(seed);
const counts = { taken: 0, delayed: 0, doubled: 0 };
let alias = 0;

const senders = {
  left: await Promise.all(ways.aliases.map((_, alias) => open(ways.router.right, outPort(alias)))),
  right: [await open(ways.router.left, backPort)],
};
for (const side of ["left", "right"] as const) {
  const socket = await open(ways.router[side], latePorts[side]);
  socket.on("message", (datagram) => take(side, datagram));
}
process.stdout.write("{}\n");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "") process.stdout.write(`${JSON.stringify(counts)}\n`);
  else alias = Number(line);
}
process.exit(0);

function take(side: Side, datagram: Buffer): void {
  const sender = senders[side][side === "left" ? alias : 0]!;
  const to = ways.host[side === "left" ? "right" : "left"];
  const send = () => sender.send(datagram, nodePort, to, () => {});
  const later = () => {
    const millis = delays[Math.floor(chance() * delays.length)]!;
    if (millis === 0) setImmediate(send);
    else setTimeout(send, millis);
  };
  const fate = chance();
  counts.taken++;
  if (fate < 2 / 3) counts.delayed++;
  if (fate >= 1 / 3) counts.doubled++;
  if (fate < 1 / 3) return later();
  if (fate >= 2 / 3) send();
  else later();
  later();
}

/** Numbers from 0 to 1, without 1. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function open(address: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: ways.family === 6 ? "udp6" : "udp4", recvBufferSize: bufferBytes });
  socket.bind(port, address);
  await once(socket, "listening");
  return socket;
}
