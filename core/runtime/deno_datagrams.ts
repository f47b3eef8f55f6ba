import type { BindDatagrams, DatagramBackend, RawEndpoint } from "./datagram_backend.ts";

/**
 * UDP by `Deno.listenDatagram`: two to three times the datagrams per second of Deno's `node:dgram`. It is there only
 * under `--unstable-net` or `"unstable": ["net"]` in the deno.json of whoever runs the program, which a package cannot
 * bring along: so it is looked for, not relied upon. Undefined in Node and in a Deno without it.
 */
export function denoDatagrams(): BindDatagrams | undefined {
  const listen = (globalThis as { readonly Deno?: DenoNet }).Deno?.listenDatagram;
  if (listen === undefined) return undefined;
  return (local, failed) => {
    const connection = listen({ transport: "udp", hostname: local.host, port: local.port });
    return Promise.resolve(new DenoDatagrams(connection, failed));
  };
}

/** The part of the `Deno` global that is used here. Its real types do not exist where Node checks the sources. */
interface DenoNet {
  listenDatagram?(options: DenoAddress): DenoConnection;
}

interface DenoConnection {
  readonly addr: DenoAddress;
  send(datagram: Uint8Array, to: DenoAddress): Promise<number>;
  receive(buffer: Uint8Array): Promise<[Uint8Array, DenoAddress]>;
  close(): void;
}

interface DenoAddress {
  readonly transport: "udp";
  readonly hostname: string;
  readonly port: number;
}

/** A socket that fails this often with nothing between is broken: without an end, its loop would eat the thread. */
const failuresInARow = 64;

class DenoDatagrams implements DatagramBackend {
  readonly local: RawEndpoint;
  readonly #connection: DenoConnection;
  readonly #failed: (error: unknown) => void;
  #receiving: Promise<void> | undefined;
  #closed = false;

  constructor(connection: DenoConnection, failed: (error: unknown) => void) {
    this.#connection = connection;
    this.#failed = failed;
    this.local = { host: connection.addr.hostname, port: connection.addr.port };
  }

  send(datagram: Uint8Array, host: string, port: number): Promise<unknown> {
    return this.#connection.send(datagram, { transport: "udp", hostname: host, port });
  }

  receive(handler: (datagram: Uint8Array, from: RawEndpoint) => void): void {
    this.#receiving = this.#receiveAll(handler);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connection.close();
    await this.#receiving;
  }

  /** One buffer for all datagrams: a handler may use what it is given during the call only. */
  async #receiveAll(handler: (datagram: Uint8Array, from: RawEndpoint) => void): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (let failures = 0; !this.#closed && failures < failuresInARow;) {
      try {
        const [datagram, { hostname, port }] = await this.#connection.receive(buffer);
        failures = 0;
        handler(datagram, { host: hostname, port });
      } catch (error) {
        if (this.#closed) return;
        failures++;
        this.#failed(error);
      }
    }
  }
}
