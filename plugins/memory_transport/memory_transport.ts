import { Drop } from "../../core/contracts/drop.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Datagrams, Transport } from "../../core/contracts/transport.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { MemoryStreamDatagrams } from "./memory_stream_datagrams.ts";
import { MemoryStreams, type MemoryStreamsHost } from "./memory_streams.ts";
import type { MemoryBinding, MemoryNetwork } from "./memory_network.ts";

export interface MemoryOptions {
  readonly network: MemoryNetwork;
  readonly endpoint: Endpoint;
  readonly overTcp: "fallback" | "never";
}

export class MemoryTransport implements Transport, Datagrams, Lifecycle {
  readonly datagrams: Datagrams = this;
  readonly streams?: MemoryStreams;
  readonly streamDatagrams?: MemoryStreamDatagrams;
  readonly #network: MemoryNetwork;
  readonly #endpoint: Endpoint;
  readonly #host: MemoryStreamsHost;
  #binding: MemoryBinding | undefined;
  #handler: ((datagram: Uint8Array, from: Endpoint) => void) | undefined;

  constructor({ network, endpoint, overTcp }: MemoryOptions, host: MemoryStreamsHost) {
    this.#network = network;
    this.#endpoint = endpoint;
    this.#host = host;
    if (network.pipes === undefined) return;
    this.streams = new MemoryStreams(network.pipes, endpoint, host);
    if (overTcp === "fallback") {
      this.streamDatagrams = new MemoryStreamDatagrams(network.pipes, endpoint, host);
    }
  }

  /** Rejects `BIND_FAILED`. */
  // deno-lint-ignore require-await -- the contract is asynchronous; binding in memory is not
  async start(): Promise<void> {
    this.#binding = this.#network.bind(this.#endpoint, (datagram, from) => this.#hear(datagram, from));
    this.streams?.open();
    this.streamDatagrams?.start();
  }

  localEndpoints(): readonly Endpoint[] {
    return this.#binding === undefined ? [] : [this.#endpoint];
  }

  send(datagram: Uint8Array, to: Endpoint): boolean {
    const drop = this.#binding?.send(datagram, to) ?? Drop.underlay;
    this.#host.drops.count(drop);
    return drop === Drop.none;
  }

  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void {
    this.#handler = handler;
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; there is nothing to wait for
  async [Symbol.asyncDispose](): Promise<void> {
    this.streams?.close();
    this.streamDatagrams?.close();
    this.#binding?.close();
    this.#binding = undefined;
  }

  #hear(datagram: Uint8Array, from: Endpoint): void {
    try {
      this.#handler?.(datagram, from);
    } catch (error) {
      this.#host.log.log("error", "A datagram could not be handled", { error });
    }
  }
}
