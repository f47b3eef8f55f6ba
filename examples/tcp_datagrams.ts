/**
 * A transport of one's own: datagrams inside TCP connections, for networks that let no UDP through. It keeps what the
 * contract says of datagrams and no more: they arrive whole or not at all, and the sender never waits.
 *
 *     transport: { use: ./tcp_datagrams.ts, listen: "0.0.0.0:6783" }
 *
 * A connection begins with the port at which the dialler listens (2 bytes), so that an answer finds the connection that
 * is there already. After that both sides write frames; all numbers are big-endian:
 *
 *     +------------+---------------------+
 *     | length (2) | datagram            |
 *     +------------+---------------------+
 */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import {
  type Datagrams,
  definePlugin,
  Drop,
  type Endpoint,
  formatEndpoint,
  type Host,
  type Lifecycle,
  MeshError,
  parseEndpoint,
  type Transport,
} from "selvage";
import { z } from "zod";

const maxDatagram = 65_535;
/** Bytes that wait in one connection; a mesh wants fresh datagrams dropped rather than old ones delivered late. */
const maxQueued = 1 << 20;
const maxConnections = 256;

type Receive = (datagram: Uint8Array, from: Endpoint) => void;
type TcpHost = Pick<Host, "drops" | "log">;

export class TcpDatagrams implements Transport, Datagrams, Lifecycle {
  readonly datagrams: Datagrams = this;
  readonly #listen: Endpoint;
  readonly #host: TcpHost;
  readonly #connections = new Map<string, Socket>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #local: Endpoint | undefined;
  #handler: Receive = () => {};

  constructor(listen: Endpoint, host: TcpHost) {
    this.#listen = listen;
    this.#host = host;
  }

  /** Rejects `BIND_FAILED`. */
  async start(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    server.maxConnections = maxConnections;
    try {
      server.listen(this.#listen.port, this.#listen.host);
      await once(server, "listening");
    } catch (cause) {
      const where = formatEndpoint(this.#listen);
      throw new MeshError("BIND_FAILED", `Cannot listen on TCP ${where}; choose another port`, { cause });
    }
    this.#server = server;
    this.#local = { host: this.#listen.host, port: (server.address() as { port: number }).port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server;
    this.#server = this.#local = undefined;
    const ends = [...this.#sockets].map((socket) => once(socket.destroy(), "close"));
    if (server !== undefined) ends.push(once(server.close(), "close"));
    await Promise.all(ends);
  }

  localEndpoints(): readonly Endpoint[] {
    return this.#local === undefined ? [] : [this.#local];
  }

  receive(handler: Receive): void {
    this.#handler = handler;
  }

  send(datagram: Uint8Array, to: Endpoint): boolean {
    const drop = this.#send(datagram, to);
    this.#host.drops.count(drop);
    return drop === Drop.none;
  }

  #send(datagram: Uint8Array, to: Endpoint): Drop {
    if (this.#local === undefined) return Drop.underlay;
    if (parseEndpoint(formatEndpoint(to)) === undefined) return Drop.malformed;
    if (datagram.length > maxDatagram) return Drop.tooBig;
    const socket = this.#connections.get(formatEndpoint(to)) ?? this.#dial(to, this.#local.port);
    if (socket === undefined || socket.writableLength > maxQueued) return Drop.queueFull;
    socket.write(frameOf(datagram));
    return Drop.none;
  }

  #dial(to: Endpoint, ownPort: number): Socket | undefined {
    if (this.#sockets.size >= maxConnections) return undefined;
    const socket = connect(to.port, to.host);
    socket.write(Uint8Array.of(ownPort >> 8, ownPort & 0xff));
    this.#keep(socket);
    this.#use(socket, to);
    return socket;
  }

  #accept(socket: Socket): void {
    this.#keep(socket);
    const host = socket.remoteAddress ?? "";
    let pending = Buffer.alloc(0);
    const greeting = (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      if (pending.length < 2) return;
      socket.off("data", greeting);
      this.#use(socket, { host, port: pending.readUInt16BE(0) }, pending.subarray(2));
    };
    socket.on("data", greeting);
  }

  /** A connection that fails is only closed: whoever sends again dials again, and what was lost was a datagram. */
  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", (error) => this.#host.log.log("debug", "A connection failed", { error }));
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #use(socket: Socket, peer: Endpoint, first: Uint8Array = new Uint8Array()): void {
    const key = formatEndpoint(peer);
    if (!this.#connections.has(key)) this.#connections.set(key, socket);
    socket.on("close", () => {
      if (this.#connections.get(key) === socket) this.#connections.delete(key);
    });
    const frames = new FrameReader((datagram) => this.#hear(datagram, peer));
    frames.push(first);
    socket.on("data", (chunk: Buffer) => frames.push(chunk));
  }

  #hear(datagram: Uint8Array, from: Endpoint): void {
    try {
      this.#handler(datagram, from);
    } catch (error) {
      this.#host.log.log("error", "A datagram could not be handled", { error });
    }
  }
}

/** Cuts a stream into frames. Never holds more than one of them and what came with its end. */
class FrameReader {
  readonly #deliver: (datagram: Uint8Array) => void;
  #pending = Buffer.alloc(0);

  constructor(deliver: (datagram: Uint8Array) => void) {
    this.#deliver = deliver;
  }

  push(chunk: Uint8Array): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 2) {
      const end = 2 + this.#pending.readUInt16BE(0);
      if (this.#pending.length < end) return;
      this.#deliver(this.#pending.subarray(2, end));
      this.#pending = this.#pending.subarray(end);
    }
  }
}

function frameOf(datagram: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(2 + datagram.length);
  frame.writeUInt16BE(datagram.length, 0);
  frame.set(datagram, 2);
  return frame;
}

const config = z.strictObject({
  listen: z.string().transform((text, context) => {
    const endpoint = parseEndpoint(text, { allowPortZero: true });
    if (endpoint !== undefined) return endpoint;
    context.addIssue({ code: "custom", message: `expected address:port, got ${JSON.stringify(text)}` });
    return z.NEVER;
  }).describe("Address and port to listen on; port 0 is any free one"),
});

export const plugin = definePlugin({
  slot: "transport",
  name: "tcp_datagrams",
  config,
  create: ({ listen }, host: TcpHost) => new TcpDatagrams(listen, host),
});
