/**
 * Datagrams in the network's pipes, at a port of their own: in a process nothing has to tell them from streams. A pipe holds as
 * many bytes as a connection of TCP would; what comes to a full one is lost.
 */
import { Drop } from "../../core/contracts/drop.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host } from "../../core/contracts/host.ts";
import type { StreamDatagrams } from "../../core/contracts/transport.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { streamedTo, streamEndpoint } from "../../core/wire/stream_endpoint.ts";
import type { MemoryPipe, MemoryPipes } from "./memory_network.ts";

const queueBytes = 262_144;

export class MemoryStreamDatagrams implements StreamDatagrams {
  readonly #pipes: MemoryPipes;
  readonly #endpoint: Endpoint;
  readonly #host: Pick<Host, "drops" | "log">;
  readonly #open = new Map<string, MemoryPipe>();
  #listener: { close(): void } | undefined;
  #handler: (datagram: Uint8Array, from: Endpoint) => void = () => {};

  constructor(pipes: MemoryPipes, endpoint: Endpoint, host: Pick<Host, "drops" | "log">) {
    this.#pipes = pipes;
    this.#endpoint = endpoint;
    this.#host = host;
  }

  /** Throws `BIND_FAILED`. */
  start(): void {
    this.#listener = this.#pipes.listen(besides(this.#endpoint), (pipe) => this.#add(pipe, pipe.remote));
  }

  close(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const pipe of [...this.#open.values()]) pipe.reset();
  }

  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void {
    this.#handler = handler;
  }

  async open(place: Endpoint): Promise<void> {
    const to = streamedTo(place);
    if (to === undefined || this.#listener === undefined) {
      throw new MeshError("UNREACHABLE", `Cannot open ${formatEndpoint(place)}: there is no network to it`);
    }
    if (!this.#open.has(formatEndpoint(place))) {
      this.#add(await this.#pipes.dial(this.#endpoint, besides(to)), to);
    }
  }

  send(datagram: Uint8Array, to: Endpoint): boolean {
    const pipe = this.#open.get(formatEndpoint(to));
    const isFull = pipe !== undefined && pipe.outstanding > queueBytes;
    if (pipe === undefined || isFull) {
      this.#host.drops.count(isFull ? Drop.queueFull : Drop.underlay);
      return false;
    }
    pipe.send(datagram);
    return true;
  }

  #add(pipe: MemoryPipe, remote: Endpoint): void {
    const from = streamEndpoint(remote);
    const key = formatEndpoint(from);
    this.#open.set(key, pipe);
    pipe.attach({
      received: (datagram) => {
        pipe.took(datagram.length);
        this.#hear(datagram, from);
      },
      ended: () => pipe.reset(),
      drained: () => {},
      closed: () => {
        if (this.#open.get(key) === pipe) this.#open.delete(key);
      },
    });
  }

  #hear(datagram: Uint8Array, from: Endpoint): void {
    try {
      this.#handler(datagram, from);
    } catch (error) {
      this.#host.log.log("error", "A datagram could not be handled", { error });
    }
  }
}

function besides({ host, port }: Endpoint): Endpoint {
  return { host, port: port ^ 0x8000 };
}
