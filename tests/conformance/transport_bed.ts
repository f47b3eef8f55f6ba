import type { Clock } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Transport } from "../../core/contracts/transport.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import type { TransportHost } from "./member_host.ts";

/** A network to put transports on. */
export interface TransportBed {
  /** Of the hosts that transports are given; the machine's, if absent. */
  readonly clock?: Clock;
  /** A transport at an endpoint that no other one of this bed has. */
  create(host: TransportHost): Transport & Lifecycle;
  /** One at the endpoint of another. */
  createAt(endpoint: Endpoint, host: TransportHost): Transport & Lifecycle;
  /** Lets the network work until the promise is settled; for a real one, just the promise. */
  settle<T>(promise: Promise<T>): Promise<T>;
}

export interface TransportKit {
  /** Begins the tests' names. */
  readonly name: string;
  readonly bed: () => TransportBed;
  /** Where nobody is bound, of a family that the transports speak. */
  readonly nobody: Endpoint;
  /** What this transport does not offer. */
  readonly skip?: readonly ("datagrams" | "streams")[];
}
