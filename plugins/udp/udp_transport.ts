import { Drop } from "../../core/contracts/drop.ts";
import { errorCode } from "../../core/contracts/errors.ts";
import type { Host } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Datagrams, Transport } from "../../core/contracts/transport.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import {
  bindDatagramSocket,
  type DatagramObserver,
  type DatagramSocket,
} from "../../core/runtime/datagram_socket.ts";
import { type InterfaceAddress, interfaceAddresses } from "../../core/runtime/interfaces.ts";
import { bindWildcard, reachableEndpoints } from "../../core/runtime/listen_address.ts";
import { underlayDatagrams } from "../../core/runtime/underlay_datagrams.ts";

export type UdpHost = Pick<Host, "drops" | "log" | "datapath">;

/** What the transport takes from the machine; a test brings its own. */
export interface Machine {
  readonly bind: typeof bindDatagramSocket;
  readonly interfaces: () => readonly InterfaceAddress[];
}

const thisMachine: Machine = { bind: bindDatagramSocket, interfaces: interfaceAddresses };

export class UdpTransport implements Transport, Datagrams, Lifecycle {
  readonly datagrams: Datagrams = this;
  readonly #listen: Endpoint;
  readonly #host: UdpHost;
  readonly #machine: Machine;
  #socket: DatagramSocket | undefined;
  #handler: ((datagram: Uint8Array, from: Endpoint) => void) | undefined;
  #failures = 0;

  constructor(listen: Endpoint, host: UdpHost, machine: Machine = thisMachine) {
    this.#listen = listen;
    this.#host = host;
    this.#machine = machine;
  }

  /** Rejects `BIND_FAILED`. */
  async start(): Promise<void> {
    this.#socket = await this.#bind();
    this.#socket.receive((datagram, from) => this.#handler?.(datagram, from));
  }

  /** Of a wildcard, the addresses that the machine has at the moment of the call: a laptop's change with its network. */
  localEndpoints(): readonly Endpoint[] {
    return this.#socket ? reachableEndpoints(this.#socket.local, this.#machine.interfaces) : [];
  }

  send(datagram: Uint8Array, to: Endpoint): boolean {
    if (this.#socket !== undefined) return this.#socket.send(datagram, to);
    this.#host.drops.count(Drop.underlay);
    return false;
  }

  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void {
    this.#handler = handler;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    await socket?.close();
  }

  #bind(): Promise<DatagramSocket> {
    const observer = {
      dropped: (reason: Drop) => this.#host.drops.count(reason),
      failed: (error: unknown) => this.#report(error),
    };
    return bindWildcard(this.#listen, (local) => this.#bindAt(local, observer), () => {
      this.#host.log.log("info", "This machine has no IPv6; UDP listens on IPv4 only", {
        port: this.#listen.port,
      });
    });
  }

  /** A socket that the data path reads, unless there is none or it reads that of another transport. */
  async #bindAt(local: Endpoint, observer: DatagramObserver): Promise<DatagramSocket> {
    const { datapath } = this.#host;
    if (datapath === undefined) return await this.#machine.bind(local, observer);
    try {
      return await this.#machine.bind(local, observer, underlayDatagrams(datapath));
    } catch (error) {
      if (errorCode(error) !== "UNSUPPORTED") throw error;
      return await this.#machine.bind(local, observer);
    }
  }

  /** At the 1st, 2nd, 4th, 8th … time: whatever a stranger can cause must not fill the log. */
  #report(error: unknown): void {
    this.#failures++;
    if ((this.#failures & (this.#failures - 1)) !== 0) return;
    this.#host.log.log("error", "A datagram could not be handled", { error, count: this.#failures });
  }
}
