/**
 * An address translator in front of hosts, after RFC 4787: mappings of the endpoint inside (REQ-1), or of the destination as
 * well ("symmetric"), no preservation of ports, no hairpinning, and the three kinds of filtering. Only what leaves refreshes
 * a mapping, as REQ-6 lets it be. What is inside may be the outside of another one.
 */
import type { Clock } from "../../core/contracts/host.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { formatEndpoint, sameEndpoint } from "../../core/wire/endpoint.ts";

/** Whose datagrams a mapping lets in: anybody's, those of hosts, or of exact endpoints that were sent to. */
export type Filtering = "none" | "address" | "port";

export interface NatOptions {
  /** The host that all inside seem to be, from outside. */
  readonly outside: string;
  readonly filtering?: Filtering;
  /** `destination`: another port for each endpoint that is sent to. */
  readonly mapping?: "endpoint" | "destination";
  /** A mapping that nothing has left through for so long is forgotten; many boxes take 30 s, REQ-5 wants 120 s. */
  readonly timeout?: Millis;
}

interface Mapping {
  readonly key: string;
  readonly inside: Endpoint;
  readonly outside: Endpoint;
  readonly contacts: Map<string, Endpoint>;
  used: Millis;
}

const firstPort = 40_000;

export class SimNat {
  readonly outside: string;
  readonly #filtering: Filtering;
  readonly #perDestination: boolean;
  readonly #timeout: Millis;
  readonly #clock: Pick<Clock, "now">;
  readonly #byInside = new Map<string, Mapping>();
  readonly #byPort = new Map<number, Mapping>();
  #nextPort = firstPort;

  constructor(options: NatOptions, clock: Pick<Clock, "now">) {
    const { outside, filtering = "port", mapping = "endpoint", timeout = 30_000 } = options;
    this.outside = outside;
    this.#filtering = filtering;
    this.#perDestination = mapping === "destination";
    this.#timeout = timeout;
    this.#clock = clock;
  }

  /** What `from`, a host inside, is seen as by `to`. */
  translate(from: Endpoint, to: Endpoint): Endpoint {
    const key = this.#perDestination ? `${formatEndpoint(from)} ${formatEndpoint(to)}` : formatEndpoint(from);
    const mapping = this.#living(this.#byInside.get(key)) ?? this.#open(from, key);
    mapping.used = this.#clock.now();
    mapping.contacts.set(formatEndpoint(to), to);
    return mapping.outside;
  }

  /** Whom inside a datagram for `to` is meant for; undefined when no mapping lets it in. */
  admit(from: Endpoint, to: Endpoint): Endpoint | undefined {
    const mapping = this.#living(this.#byPort.get(to.port));
    if (mapping === undefined) return undefined;
    const isKnown = this.#filtering === "none" ||
      [...mapping.contacts.values()].some((contact) =>
        this.#filtering === "port" ? sameEndpoint(contact, from) : contact.host === from.host
      );
    return isKnown ? mapping.inside : undefined;
  }

  /** Who is behind a port of the outside, let in or not. */
  behind(port: number): Endpoint | undefined {
    return this.#byPort.get(port)?.inside;
  }

  /** Forgets all mappings, as by a restart: who sends next gets another port, and nobody inside is told. */
  rebind(): void {
    this.#byInside.clear();
    this.#byPort.clear();
  }

  #open(inside: Endpoint, key: string): Mapping {
    const port = this.#nextPort++;
    const outside = { host: this.outside, port };
    const mapping: Mapping = { key, inside, outside, contacts: new Map(), used: this.#clock.now() };
    this.#byInside.set(key, mapping);
    this.#byPort.set(port, mapping);
    return mapping;
  }

  #living(mapping: Mapping | undefined): Mapping | undefined {
    if (mapping === undefined || this.#clock.now() - mapping.used < this.#timeout) return mapping;
    this.#byPort.delete(mapping.outside.port);
    this.#byInside.delete(mapping.key);
    return undefined;
  }
}
