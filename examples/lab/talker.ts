/**
 * What runs in the containers of a lab: serves and opens TCP streams and UDP datagrams, and says what arrived. Takes
 * orders as JSON lines on stdin, answers each as a JSON line on stdout, and ends with its orders.
 */
import { createHash } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket as Datagrams } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, isIPv6, type Socket } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";

export interface Orders {
  /** Sinks and echoes on all addresses of the container. */
  serve: { order: { port: number }; answer: { pid: number } };
  /** Sends pseudo-random bytes over several streams at once, and compares hashes with the sink's. */
  transfer: { order: { to: string; port: number; bytes: number; streams: number }; answer: Transferred };
  /** All that a server says until it hangs up. */
  fetch: { order: { to: string; port: number }; answer: { bytes: number; digest: string } };
  /** Datagrams that must come back as they were; one that does not within a second is lost. */
  echo: { order: { to: string; port: number; count: number; bytes: number }; answer: { returned: number } };
  /** Joins a group. */
  hear: { order: { group: string; port: number; device: string }; answer: Record<string, never> };
  say: {
    order: { group: string; port: number; device: string; text: string };
    answer: Record<string, never>;
  };
  /** What was heard so far. */
  heard: { order: Record<string, never>; answer: { texts: readonly string[] } };
  /** Sends a datagram every 10 ms and notes which come back, until `watched`. */
  watch: { order: { to: string; port: number }; answer: Record<string, never> };
  watched: { order: Record<string, never>; answer: Watched };
}

export interface Transferred {
  /** Streams of which the sink has hashed the same bytes. */
  readonly intact: number;
  readonly millis: number;
  /** Longest time in which the sink got nothing of a stream that was not over. */
  readonly longestStallMillis: number;
}

export interface Watched {
  readonly replies: number;
  /** Milliseconds since 1970 of the last reply before the longest silence, and of the first after it. */
  readonly from: number;
  readonly to: number;
}

export type OrderName = keyof Orders;
export type Order = { readonly id: number; readonly name: OrderName; readonly order: unknown };
export type Answer = { readonly id: number; readonly answer: unknown } | {
  readonly id: number;
  readonly failed: string;
};

type Handlers = { [K in OrderName]: (order: Orders[K]["order"]) => Promise<Orders[K]["answer"]> };

const chunkBytes = 16_384;
const echoWaitMillis = 1000;
const echoEveryMillis = 2;
const watchEveryMillis = 10;

const heard: string[] = [];
const watching = { replies: 0, last: 0, from: 0, to: 0 };

const handlers: Handlers = {
  async serve({ port }) {
    // Two of them, as one for both families would need the system to map addresses.
    for (const type of ["udp4", "udp6"] as const) {
      const socket = createSocket({ type, ipv6Only: type === "udp6" });
      socket.on("message", (message, { address, port }) => socket.send(message, port, address));
      socket.bind(port);
      await once(socket, "listening");
    }
    const server = createServer({ allowHalfOpen: true }, (socket) => void sink(socket).catch(() => {}));
    server.listen({ port, host: "::" });
    await once(server, "listening");
    return { pid: process.pid };
  },

  async transfer({ to, port, bytes, streams }) {
    const started = performance.now();
    const results = await Promise.all(
      Array.from({ length: streams }, (_, seed) => sendStream({ to, port, bytes, seed })),
    );
    return {
      intact: results.filter(({ isIntact }) => isIntact).length,
      millis: performance.now() - started,
      longestStallMillis: Math.max(...results.map(({ stall }) => stall)),
    };
  },

  async fetch({ to, port }) {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const piece of connect({ host: to, port }) as AsyncIterable<Uint8Array>) {
      hash.update(piece);
      bytes += piece.length;
    }
    return { bytes, digest: hash.digest("hex") };
  },

  async echo({ to, port, count, bytes }) {
    const socket = datagrams(to);
    socket.setMaxListeners(count);
    const results = await Promise.all(Array.from({ length: count }, async (_, seed) => {
      await setTimeout(seed * echoEveryMillis);
      return await echoOne(socket, { to, port, seed, bytes });
    }));
    socket.close();
    return { returned: results.filter(Boolean).length };
  },

  async hear({ group, port, device }) {
    const socket = datagrams(group);
    socket.on("message", (message, from) => void heard.push(`${message} from ${plain(from)}`));
    socket.bind(port);
    await once(socket, "listening");
    if (isIPv6(group)) socket.addMembership(group, `::%${device}`);
    else socket.addMembership(group);
    return {};
  },

  async say({ group, port, device, text }) {
    const socket = datagrams(group);
    socket.bind(0);
    await once(socket, "listening");
    if (isIPv6(group)) socket.setMulticastInterface(`::%${device}`);
    await new Promise<void>((resolve, reject) =>
      socket.send(text, port, group, (error) => error ? reject(error) : resolve())
    );
    socket.close();
    return {};
  },

  heard: () => Promise.resolve({ texts: heard }),

  async watch({ to, port }) {
    const socket = datagrams(to);
    const reply = Promise.withResolvers<void>();
    Object.assign(watching, { replies: 0, last: 0, from: 0, to: 0 });
    socket.on("message", () => {
      noteReply(Date.now());
      reply.resolve();
    });
    // While there is no way, the system may refuse to send.
    socket.on("error", () => {});
    const timer = setInterval(() => socket.send("watch", port, to, () => {}), watchEveryMillis);
    stopWatching = () => {
      clearInterval(timer);
      socket.close();
    };
    await reply.promise;
    return {};
  },

  watched() {
    stopWatching();
    const { replies, from, to } = watching;
    return Promise.resolve({ replies, from, to });
  },
};

let stopWatching = () => {};

function noteReply(now: number): void {
  const { last, from, to } = watching;
  if (last !== 0 && now - last > to - from) Object.assign(watching, { from: last, to: now });
  watching.last = now;
  watching.replies++;
}

/** Answers with the hash of all that came and the longest time between two pieces. */
async function sink(socket: Socket): Promise<void> {
  const hash = createHash("sha256");
  let [last, stall] = [performance.now(), 0];
  socket.on("data", (piece) => {
    const now = performance.now();
    [last, stall] = [now, Math.max(stall, now - last)];
    hash.update(piece);
  });
  await once(socket, "end");
  socket.end(JSON.stringify({ digest: hash.digest("hex"), stall }));
}

interface Stream {
  readonly to: string;
  readonly port: number;
  readonly bytes: number;
  readonly seed: number;
}

async function sendStream({ to, port, bytes, seed }: Stream): Promise<{ isIntact: boolean; stall: number }> {
  const hash = createHash("sha256");
  const socket = connect({ host: to, port, allowHalfOpen: true });
  const answer = text(socket);
  const pieces = function* () {
    for (let sent = 0; sent < bytes; sent += chunkBytes) {
      const piece = noise(seed + sent, Math.min(chunkBytes, bytes - sent));
      hash.update(piece);
      yield piece;
    }
  };
  Readable.from(pieces()).pipe(socket);
  const { digest, stall } = JSON.parse(await answer) as { digest: string; stall: number };
  return { isIntact: digest === hash.digest("hex"), stall };
}

async function echoOne(socket: Datagrams, { to, port, seed, bytes }: Stream): Promise<boolean> {
  const sent = noise(seed, bytes);
  const isBack = new Promise<boolean>((resolve) => {
    const take = (message: Uint8Array) => {
      if (!sent.equals(message)) return;
      socket.off("message", take);
      resolve(true);
    };
    socket.on("message", take);
  });
  socket.send(sent, port, to);
  return await Promise.race([isBack, setTimeout(echoWaitMillis, false, { ref: false })]);
}

/** Bytes that no compression and no accident would make equal: the same for the same seed (xorshift32). */
function noise(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

function datagrams(address: string): Datagrams {
  return createSocket({ type: isIPv6(address.split("%")[0]!) ? "udp6" : "udp4", reuseAddr: true });
}

function plain({ address }: RemoteInfo): string {
  return address.split("%")[0]!;
}

async function obey({ id, name, order }: Order): Promise<void> {
  const say = (answer: Answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  try {
    say({ id, answer: await (handlers[name] as (order: unknown) => Promise<unknown>)(order) });
  } catch (error) {
    say({ id, failed: (error as Error).message });
  }
}

for await (const line of createInterface({ input: process.stdin })) void obey(JSON.parse(line) as Order);
process.exit(0);
