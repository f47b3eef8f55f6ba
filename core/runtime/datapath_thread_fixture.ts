/** For tests: threads of the data path that fail on demand, with sockets of the loopback. */
import { setImmediate } from "node:timers/promises";
import type { Endpoint } from "../contracts/values.ts";
import type { Command } from "../datapath/control.ts";
import type { AeadPreference } from "../datapath/aead_choice.ts";
import { heapArena } from "../datapath/arena.ts";
import { nobleArenaSuites } from "../datapath/noble_arena_aead.ts";
import { Telemetry, type TelemetrySnapshot } from "../datapath/telemetry.ts";
import { systemClock } from "./clock.ts";
import type { DatagramBackend } from "./datagram_backend.ts";
import { bindDatagramSocket, type DatagramSocket } from "./datagram_socket.ts";
import { type DatapathThread, startDatapath } from "./datapath_thread.ts";
import { underlayDatagrams } from "./underlay_datagrams.ts";

export const frailWorker = new URL("../../tests/datapath/frail_worker.ts", import.meta.url);
const loopback = { host: "127.0.0.1", port: 0 };
const quiet = { dropped() {}, failed() {} };
/** Of a session with a peer, the same for both directions. */
const key = new Uint8Array(32).fill(7);
export const localIndex = 4711;

export interface StartOptions {
  readonly workers?: number;
  readonly aead?: AeadPreference;
  readonly url?: URL;
}

/** A thread of `workers` that a test started; what it logged is kept. */
export class ThreadBench implements AsyncDisposable {
  readonly logged: string[] = [];
  readonly #senders: DatagramSocket[] = [];
  #thread: DatapathThread | undefined;
  #backend: DatagramBackend | undefined;
  /** Datagrams that came back, as the number in their first byte and the port of their sender. */
  readonly returned: { readonly byte: number; readonly port: number }[] = [];

  get thread(): DatapathThread {
    return this.#thread!;
  }

  get backend(): DatagramBackend {
    return this.#backend!;
  }

  get telemetry(): TelemetrySnapshot {
    return new Telemetry(this.thread.memory.telemetry).snapshot();
  }

  async start({ workers = 1, aead = "noble", url = frailWorker }: StartOptions = {}): Promise<this> {
    const log = {
      log: (level: string, text: string) => void this.logged.push(`${level}: ${text}`),
      child: () => log,
    };
    this.#thread = await startDatapath({ url, clock: systemClock(), log, workers, aead });
    return this;
  }

  /** The workers read a socket of the loopback from now on. */
  async listen(local: Endpoint = loopback): Promise<Endpoint> {
    this.#backend = await underlayDatagrams(this.thread)(local, () => {});
    this.#backend.receive((bytes, { port }) => void this.returned.push({ byte: bytes[0]!, port }));
    return this.#backend.local;
  }

  /** Sockets with ports of their own, so that the kernel gives them to different workers. */
  async senders(count: number): Promise<readonly DatagramSocket[]> {
    const all = Array.from({ length: count }, () => bindDatagramSocket(loopback, quiet));
    const senders = await Promise.all(all);
    this.#senders.push(...senders);
    return senders;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#senders.map((sender) => sender.close()));
    await this.#backend?.close();
    await this.#thread?.[Symbol.asyncDispose]();
  }
}

/** One turn of the event loop after the other, until it is so. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setImmediate();
}

/** Keys of the session that {@link sealed} is of; its slot is open. */
export function openingOf(slot: number): Command {
  return {
    kind: "open-session",
    slot,
    peer: 0,
    localIndex,
    remoteIndex: 1,
    cipher: "chacha20-poly1305",
    sendKey: key,
    receiveKey: key,
    partialChecksum: false,
  };
}

/** A datagram with transport data of that session, as its peer would send it. */
export function sealed(counter: number, plain: Uint8Array): Uint8Array {
  const suite = nobleArenaSuites().find(({ name }) => name === "chacha20-poly1305")!;
  const arena = heapArena(2048);
  arena.view.setUint32(0, 0x0601_0000);
  arena.view.setUint32(4, localIndex);
  arena.view.setUint32(12, counter);
  arena.bytes.set(plain, 16);
  suite.key(key, arena).seal(counter, 0, 0, 16, plain.length, 16);
  return arena.bytes.slice(0, 16 + plain.length + 16);
}
