/**
 * All the load that a container can make and take, until its standard input ends: one TCP connection as fast as it goes,
 * datagrams at a pace, and lanes of short connections, each of which asks for an echo and hangs up. Takes its order as JSON
 * on the command line, prints a line when it listens, begins to send at the first line of its input, and answers every
 * further one with its counts. Anything that breaks ends it with the reason.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { SeededBytes } from "../datapath/transfers/seeded_bytes.ts";
import type { LoadCounts, LoadOrder } from "./load_order.ts";

const ports = { stream: 7200, flow: 7201, datagram: 7202 } as const;
const pieceBytes = 65_536;
/** Some 80 Mbit/s where the clock is punctual: beside the stream, not instead of it. */
const datagramBytes = 1_200;
const burst = 16;
const burstMillis = 2;
const lanes = 8;
const largestFlow = 16_384;

const order = JSON.parse(process.argv[2]!) as LoadOrder;
const counts: { -readonly [K in keyof LoadCounts]: number } = {
  streamBytes: 0,
  datagrams: 0,
  datagramsSent: 0,
  flows: 0,
  flowBytes: 0,
};

function say(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function listening(server: Server, port: number): Promise<void> {
  server.listen({ port, host: "::" });
  await once(server, "listening");
}

/** Where what the other container sends arrives. */
async function serve(): Promise<void> {
  const taker = createServer((socket) => {
    socket.on("data", (piece) => counts.streamBytes += piece.length);
  });
  const echo = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket));
  const sink = createSocket({ type: "udp6", recvBufferSize: 2 ** 21 });
  sink.on("message", () => counts.datagrams++);
  await Promise.all([listening(taker, ports.stream), listening(echo, ports.flow)]);
  sink.bind(ports.datagram);
  await once(sink, "listening");
}

async function stream(): Promise<never> {
  const socket = connect({ host: order.to[order.family], port: ports.stream });
  await once(socket, "connect");
  const piece = new SeededBytes(order.seed, 0).next(pieceBytes);
  for (;;) if (!socket.write(piece)) await once(socket, "drain");
}

/** What a full socket refuses is not sent, and not counted. */
async function datagrams(): Promise<void> {
  const socket = createSocket({ type: order.family === 6 ? "udp6" : "udp4", sendBufferSize: 2 ** 21 });
  socket.connect(ports.datagram, order.to[order.family]);
  await once(socket, "connect");
  const payload = new SeededBytes(order.seed, 1).next(datagramBytes);
  const sent = (error: Error | null) => {
    if (error === null) counts.datagramsSent++;
  };
  setInterval(() => {
    for (let i = 0; i < burst; i++) socket.send(payload, sent);
  }, burstMillis);
}

/** Connections one after another, of both families in turn and of any length. */
async function lane(number: number): Promise<never> {
  const source = new SeededBytes(order.seed, 2 + number);
  for (let round = 0;; round++) {
    const length = 1 + source.next(2).readUInt16BE() % largestFlow;
    await flow(round % 2 === 0 ? order.to[4] : order.to[6], source.next(length));
    counts.flows++;
    counts.flowBytes += length;
  }
}

async function flow(host: string, payload: Buffer): Promise<void> {
  const socket: Socket = connect({ host, port: ports.flow });
  const pieces: Buffer[] = [];
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  const ended = once(socket, "close");
  socket.end(payload);
  await ended;
  if (!Buffer.concat(pieces).equals(payload)) {
    throw new Error(`${payload.length} bytes to ${host} came back changed`);
  }
}

await serve();
say({ ready: true });
let isFirst = true;
for await (const _ of createInterface({ input: process.stdin })) {
  if (isFirst) void Promise.all([stream(), datagrams(), ...Array.from({ length: lanes }, (_, i) => lane(i))]);
  else say(counts);
  isFirst = false;
}
process.exit(0);
