/**
 * A UDP socket that the data path reads, or several of one port where it has several threads. What this thread sends goes
 * by system calls of its own to the first descriptor: with the thread that has it, it shares nothing but the kernel's queue.
 */
import type { Datapath } from "../contracts/datapath.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Arena } from "../datapath/arena.ts";
import { isRefusalOfSource, writeSourceMessage } from "../datapath/source_message.ts";
import type { BindDatagrams, DatagramBackend, RawEndpoint } from "./datagram_backend.ts";
import type { Foreign } from "./ffi/foreign.ts";
import { PacketCalls } from "./ffi/packet_calls.ts";
import { mapArena } from "./ffi/system_arena.ts";
import { callError } from "./ffi/system_error.ts";
import { systemForeign } from "./ffi/system_foreign.ts";
import { encodeSockaddr, SOCKADDR_LENGTH } from "./socket_address.ts";
import { openUnderlaySocket, type UnderlaySocket } from "./underlay_socket.ts";

/**
 * Sockets of this data path, which reads one. Rejects `UNSUPPORTED` when it has one already, and whatever
 * {@link openUnderlaySocket} throws.
 */
export function underlayDatagrams(datapath: Datapath): BindDatagrams {
  return async (local) => {
    const foreign = await systemForeign();
    try {
      return bind(foreign, datapath, local);
    } catch (error) {
      foreign[Symbol.dispose]();
      throw error;
    }
  };
}

function bind(foreign: Foreign, datapath: Datapath, local: RawEndpoint): DatagramBackend {
  const calls = new PacketCalls(foreign);
  // Before the socket: whoever does without, for want of memory, binds the same port.
  const arena = mapArena(foreign, AT.bytes + longest);
  const socket = openUnderlaySocket(calls, local);
  const backend = new UnderlayDatagrams({ foreign, arena, calls, socket, datapath });
  if (takes(datapath, socket, backend)) return backend;
  socket.close();
  throw new MeshError(
    "UNSUPPORTED",
    "Cannot give this socket to the data path: it reads another one already",
  );
}

function takes(datapath: Datapath, socket: UnderlaySocket, { take }: UnderlayDatagrams): boolean {
  try {
    return datapath.takeSocket(socket, take, () => socket.another());
  } catch (error) {
    socket.close();
    throw error;
  }
}

interface Parts {
  readonly foreign: Foreign;
  /** Of what `AT` lays out. */
  readonly arena: Arena;
  readonly calls: PacketCalls;
  readonly socket: UnderlaySocket;
  readonly datapath: Datapath;
}

/** Of the arena: `struct msghdr`, `struct iovec`, the address, the end of the control message, the source, the datagram. */
const AT = { message: 0, vector: 64, name: 96, controlEnd: 168, source: 176, bytes: 192 } as const;
const longest = 65_535;
const DO_NOT_WAIT = 0x40;

class UnderlayDatagrams implements DatagramBackend {
  readonly local: RawEndpoint;
  readonly #parts: Parts;
  #handler: (datagram: Uint8Array, from: RawEndpoint) => void = () => {};

  constructor(parts: Parts) {
    this.#parts = parts;
    this.local = parts.socket.local;
    const { view, address } = parts.arena;
    view.setUint32(AT.message, address + AT.name, true);
    view.setUint32(AT.message + 16, address + AT.vector, true);
    view.setUint32(AT.message + 24, 1, true);
    view.setUint32(AT.vector, address + AT.bytes, true);
  }

  readonly take = (datagram: Uint8Array, from: RawEndpoint): void => this.#handler(datagram, from);

  receive(handler: (datagram: Uint8Array, from: RawEndpoint) => void): void {
    this.#handler = handler;
  }

  // deno-lint-ignore require-await -- a throw must become a rejection
  async send(datagram: Uint8Array, host: string, port: number): Promise<void> {
    this.sendNow(datagram, host, port);
  }

  /** At once, for what answers a datagram is to leave from where that was sent to, and the next one is another's. */
  readonly sendNow = (datagram: Uint8Array, host: string, port: number): void => {
    const { arena: { bytes, view }, socket, datapath } = this.#parts;
    const name = bytes.subarray(AT.name, AT.name + SOCKADDR_LENGTH);
    const to = name.subarray(0, encodeSockaddr({ host, port }, socket.family, name, 0));
    bytes.set(datagram, AT.bytes);
    view.setUint32(AT.message + 8, to.length, true);
    view.setUint32(AT.vector + 8, datagram.length, true);
    const source = datapath.sourceOf(to);
    let result = this.#give(source);
    if (source !== undefined && isRefusalOfSource(result)) {
      result = this.#give(undefined);
      // Refused without it too: then it was something else, and the address may still be this host's.
      if (result >= 0) datapath.forgetSource(to);
    }
    if (result < 0) throw callError("sendmsg", result);
  };

  #give(source: Uint8Array | undefined): number {
    const { arena, calls, socket } = this.#parts;
    const { bytes, view, address } = arena;
    let span = 0;
    if (source !== undefined) {
      bytes.set(source, AT.source);
      span = writeSourceMessage(arena, AT.controlEnd, AT.source, socket.family);
    }
    view.setUint32(AT.message + 32, span === 0 ? 0 : address + AT.controlEnd - span, true);
    view.setUint32(AT.message + 40, span, true);
    return calls.sendmsg(socket.descriptor, address + AT.message, DO_NOT_WAIT);
  }

  async close(): Promise<void> {
    const { foreign, socket, datapath } = this.#parts;
    this.#handler = () => {};
    await datapath.release(socket.descriptor);
    socket.close();
    foreign[Symbol.dispose]();
  }
}
