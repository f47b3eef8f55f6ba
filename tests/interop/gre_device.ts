/**
 * A foreign router as a UDP socket and 20 lines of RFC 8086, written by hand: it shares no code with what it is
 * tested against but the building of inner packets.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";

export interface GreOptions {
  readonly key?: number;
  readonly sequence?: number;
  readonly checksum?: boolean;
}

/** RFC 2784 §2.1 and RFC 2890 §2: flags, EtherType, then checksum, key and sequence number where flagged. */
export function greBytes(inner: Uint8Array, { key, sequence, checksum }: GreOptions = {}): Uint8Array {
  const flags = (checksum ? 0x8000 : 0) | (key === undefined ? 0 : 0x2000) |
    (sequence === undefined ? 0 : 0x1000);
  const words = [(flags << 16 | (inner[0]! >> 4 === 4 ? 0x0800 : 0x86dd)) >>> 0];
  if (checksum) words.push(0);
  if (key !== undefined) words.push(key);
  if (sequence !== undefined) words.push(sequence);
  const bytes = new Uint8Array(words.length * 4 + inner.length);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word);
  bytes.set(inner, words.length * 4);
  if (checksum) view.setUint16(4, onesComplement(bytes));
  return bytes;
}

/** RFC 1071. */
function onesComplement(bytes: Uint8Array): number {
  let sum = 0;
  for (const [index, byte] of bytes.entries()) sum += index % 2 === 0 ? byte << 8 : byte;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export interface Heard {
  /** All of the UDP payload. */
  readonly datagram: Uint8Array;
  readonly flags: number;
  readonly etherType: number;
  readonly key: number | undefined;
  readonly inner: Uint8Array;
}

/** The header of what this node sends: no checksum, no sequence number, perhaps a key. */
function heard(datagram: Uint8Array): Heard {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const flags = view.getUint16(0);
  const hasKey = (flags & 0x2000) !== 0;
  const key = hasKey ? view.getUint32(4) : undefined;
  return { datagram, flags, etherType: view.getUint16(2), key, inner: datagram.subarray(hasKey ? 8 : 4) };
}

export class GreDevice implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #heard: Heard[] = [];
  readonly #waiting: ((heard: Heard) => void)[] = [];
  /** Answers what comes, instead of keeping it. */
  onPacket: ((heard: Heard) => Uint8Array | undefined) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (bytes, from) => this.#hear(heard(new Uint8Array(bytes)), from));
  }

  static async listen(): Promise<GreDevice> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new GreDevice(socket);
  }

  get endpoint(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  send(datagram: Uint8Array, to: string): void {
    const [host, port] = to.split(":");
    this.#socket.send(datagram, Number(port), host);
  }

  next(): Promise<Heard> {
    const first = this.#heard.shift();
    return first ? Promise.resolve(first) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  #hear(packet: Heard, { address, port }: RemoteInfo): void {
    const answer = this.onPacket?.(packet);
    if (answer !== undefined) return this.send(answer, `${address}:${port}`);
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#heard.push(packet);
    else waiter(packet);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }
}
