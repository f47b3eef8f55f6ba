/**
 * An address translator in front of hosts, after RFC 4787: endpoint-independent mapping (REQ-1), no preservation of
 * ports, no hairpinning, and the three kinds of filtering. Only what leaves refreshes a mapping, as REQ-6 lets it be.
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
  /** A mapping that nothing has left through for so long is forgotten; many boxes take 30 s, REQ-5 wants 120 s. */
  readonly timeout?: Millis;
}

interface Mapping {
  readonly inside: Endpoint;
  readonly outside: Endpoint;
  readonly contacts: Map<string, Endpoint>;
  used: Millis;
}

const firstPort = 40_000;

export class SimNat {
  readonly outside: string;
  readonly #filtering: Filtering;
  readonly #timeout: Millis;
  readonly #clock: Pick<Clock, "now">;
  readonly #byInside = new Map<string, Mapping>();
  readonly #byPort = new Map<number, Mapping>();
  #nextPort = firstPort;

  constructor({ outside, filtering = "port", timeout = 30_000 }: NatOptions, clock: Pick<Clock, "now">) {
    this.outside = outside;
    this.#filtering = filtering;
    this.#timeout = timeout;
    this.#clock = clock;
  }

  /** What `from`, a host inside, is seen as by `to`. */
  translate(from: Endpoint, to: Endpoint): Endpoint {
    const mapping = this.#living(this.#byInside.get(formatEndpoint(from))) ?? this.#open(from);
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

  #open(inside: Endpoint): Mapping {
    const port = this.#nextPort++;
    const outside = { host: this.outside, port };
    const mapping: Mapping = { inside, outside, contacts: new Map(), used: this.#clock.now() };
    this.#byInside.set(formatEndpoint(inside), mapping);
    this.#byPort.set(port, mapping);
    return mapping;
  }

  #living(mapping: Mapping | undefined): Mapping | undefined {
    if (mapping === undefined || this.#clock.now() - mapping.used < this.#timeout) return mapping;
    this.#byPort.delete(mapping.outside.port);
    this.#byInside.delete(formatEndpoint(mapping.inside));
    return undefined;
  }
}
