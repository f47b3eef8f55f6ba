/**
 * Datagrams at the pace of whoever takes them: a few are under way at a time, and the receiver says every few
 * milliseconds how far it has come. Nothing overflows on the way then, however slow the way is, and what does not arrive
 * was lost by who injects losses. Those words may be lost and late themselves.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { Arrivals, encodeDatagram, headLength } from "./datagram.ts";
import { SeededBytes } from "./seeded_bytes.ts";
import type { DatagramTask } from "./traffic_task.ts";

interface Place {
  readonly family: 4 | 6;
  readonly port: number;
}

/** Under way at a time: fits into the smallest buffer of a socket that a system has, with all that a packet costs there. */
const windowBytes = 48_000;
const sayEveryMillis = 2;
/**
 * Words of the receiver without news after which all that is under way was lost: what only waits in a busy node must not be
 * joined by more.
 */
const silentWords = 100;
const firstMillis = 1_000;
const wordLength = 8;
const bufferBytes = 2 ** 21;

export async function receiveDatagrams(task: DatagramTask, place: Place): Promise<Arrivals> {
  const arrivals = new Arrivals(task.count, task.length);
  const socket = await open(place, place.port);
  let words = 0;
  socket.on("message", (message, { address, port }) => {
    if (words === 0) setInterval(say, sayEveryMillis, address, port);
    words ||= 1;
    arrivals.take(message);
  });
  const say = (address: string, port: number) => {
    const word = Buffer.alloc(wordLength);
    word.writeUInt32BE(words++ >>> 0, 0);
    word.writeUInt32BE(arrivals.newest + 1, 4);
    socket.send(word, port, address, () => {});
  };
  return arrivals;
}

/** How many of `length` bytes are under way at most. */
export function windowOf(length: number): number {
  return Math.max(4, Math.floor(windowBytes / length));
}

/** Resolves when the last one is sent. */
export async function sendDatagrams(task: DatagramTask, place: Place): Promise<{ readonly sent: number }> {
  const socket = await open(place, 0);
  const source = new SeededBytes(task.seed, 0);
  const window = windowOf(task.length);
  const way = new Way(socket);
  for (let sent = 0; sent < task.count;) {
    const until = Math.min(task.count, way.clear + window);
    for (; sent < until; sent++) {
      const datagram = encodeDatagram(sent, source.next(task.length - headLength));
      socket.send(datagram, place.port, task.to, (error) => error === null || way.refused(error));
    }
    if (sent < task.count) await way.change(sent);
  }
  way.check();
  // What the system still has goes out before the socket does.
  await setTimeout(sayEveryMillis);
  socket.close();
  return { sent: task.count };
}

/** What the receiver has told. */
class Way {
  /** All datagrams before this one are not under way any more. */
  clear = 0;
  #lastWord = -1;
  #silent = 0;
  #changed = Promise.withResolvers<void>();
  #error: Error | undefined;

  constructor(socket: Socket) {
    socket.on("message", (message) => this.#take(message.readUInt32BE(0), message.readUInt32BE(4)));
  }

  refused(error: Error): void {
    this.#error ??= error;
    this.#changed.resolve();
  }

  /** Throws when the system did not take one: that would look like a loss. */
  check(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** Resolves when more is clear, or nothing of what is under way can come any more. */
  async change(sent: number): Promise<void> {
    this.#changed = Promise.withResolvers();
    const before = this.clear;
    while (this.clear === before && this.#silent < silentWords && this.#error === undefined) {
      // Before the first datagram has come there are no words either, so time has to do.
      const isFirst = this.#lastWord === -1;
      await (isFirst
        ? Promise.race([this.#changed.promise, setTimeout(firstMillis)])
        : this.#changed.promise);
      if (this.#lastWord === -1) break;
      this.#changed = Promise.withResolvers();
    }
    this.check();
    if (this.clear === before) this.clear = sent;
    this.#silent = 0;
  }

  #take(word: number, newest: number): void {
    if (word <= this.#lastWord) return;
    this.#lastWord = word;
    if (newest > this.clear) [this.clear, this.#silent] = [newest, 0];
    else this.#silent++;
    this.#changed.resolve();
  }
}

async function open({ family }: Place, port: number): Promise<Socket> {
  const socket = createSocket({
    type: family === 6 ? "udp6" : "udp4",
    recvBufferSize: bufferBytes,
    sendBufferSize: bufferBytes,
  });
  socket.bind(port);
  await once(socket, "listening");
  return socket;
}
