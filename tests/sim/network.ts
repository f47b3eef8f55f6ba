/**
 * A simulated underlay: every link between two hosts, in each direction, has its own faults. All chance comes from one
 * seeded generator and all time from one clock, so a run is a function of the seed and the calls.
 */
import { Drop } from "../../core/contracts/drop.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Clock } from "../../core/contracts/host.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { canonicalEndpoint, formatEndpoint } from "../../core/wire/endpoint.ts";
import type { MemoryBinding, MemoryNetwork } from "../../plugins/memory_transport/memory_network.ts";
import type { SimRandom } from "./random.ts";

/** What a link does to datagrams. Probabilities are 0 to 1, per datagram. */
export interface LinkFaults {
  readonly loss: number;
  /** One way, for every datagram. */
  readonly delay: Millis;
  /** Up to this much more, evenly spread: enough of it makes later datagrams overtake earlier ones. */
  readonly jitter: Millis;
  /** Held back until others have surely overtaken it. */
  readonly reorder: number;
  /** Arrives twice, the copy with a jitter of its own. */
  readonly duplicate: number;
  /** One bit is wrong. */
  readonly flip: number;
}

export const perfectLink: LinkFaults = { loss: 0, delay: 1, jitter: 0, reorder: 0, duplicate: 0, flip: 0 };

/** How long a datagram is held back that is to be overtaken, beside delay and jitter. */
const reorderDelay = 20;
/** As on a socket: 65,535 bytes less the headers of IPv4 and UDP. */
const maxDatagram = 65_507;

export interface NetworkCounts {
  sent: number;
  /** By the link's loss. */
  lost: number;
  /** By a cut or a partition. */
  cut: number;
  reordered: number;
  duplicated: number;
  flipped: number;
  delivered: number;
  /** Arrived where nobody was bound. */
  unheard: number;
}

/** One datagram at one moment of its journey: for flow logs and trace hashes. */
export interface NetworkEvent {
  readonly at: Millis;
  readonly what: "sent" | "lost" | "cut" | "delivered" | "unheard";
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly datagram: Uint8Array;
}

type Receive = (datagram: Uint8Array, from: Endpoint) => void;

interface Bound {
  endpoint: Endpoint;
  readonly receive: Receive;
}

export interface SimNetworkOptions {
  readonly clock: Clock;
  readonly random: SimRandom;
  /** For every link that is not set by itself. */
  readonly faults?: Partial<LinkFaults>;
}

export class SimNetwork implements MemoryNetwork {
  readonly counts: NetworkCounts = {
    sent: 0,
    lost: 0,
    cut: 0,
    reordered: 0,
    duplicated: 0,
    flipped: 0,
    delivered: 0,
    unheard: 0,
  };
  readonly #clock: Clock;
  readonly #random: SimRandom;
  readonly #bound = new Map<string, Bound>();
  readonly #links = new Map<string, LinkFaults>();
  readonly #cuts = new Set<string>();
  #faults: LinkFaults;
  #sides: ReadonlyMap<string, number> | undefined;
  #watcher: ((event: NetworkEvent) => void) | undefined;

  constructor({ clock, random, faults = {} }: SimNetworkOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#faults = { ...perfectLink, ...faults };
  }

  bind(endpoint: Endpoint, receive: Receive): MemoryBinding {
    const bound: Bound = { endpoint: requireCanonical(endpoint), receive };
    this.#take(bound.endpoint, bound);
    return {
      send: (datagram, to) => this.#send(bound, datagram, to),
      close: () => {
        if (this.#bound.get(formatEndpoint(bound.endpoint)) === bound) {
          this.#bound.delete(formatEndpoint(bound.endpoint));
        }
      },
    };
  }

  /** What is bound at `from` is from now on at `to`, and does not know it: a roaming host, or a NAT that forgot. */
  move(from: Endpoint, to: Endpoint): void {
    const bound = this.#bound.get(formatEndpoint(from));
    if (bound === undefined) throw new Error(`nothing is bound at ${formatEndpoint(from)}`);
    const target = requireCanonical(to);
    this.#take(target, bound);
    this.#bound.delete(formatEndpoint(from));
    bound.endpoint = target;
  }

  /** Faults of all links that are not set by themselves. */
  setFaults(faults: Partial<LinkFaults>): void {
    this.#faults = { ...perfectLink, ...faults };
  }

  /** Faults of the way from one host to another; the way back is another link. */
  setLink(from: string, to: string, faults: Partial<LinkFaults>): void {
    this.#links.set(linkName(from, to), { ...perfectLink, ...faults });
  }

  /** Nothing passes from one host to the other any more; the way back stays as it is. */
  cut(from: string, to: string): void {
    this.#cuts.add(linkName(from, to));
  }

  mend(from: string, to: string): void {
    this.#cuts.delete(linkName(from, to));
  }

  /** Hosts hear only hosts of their own group; those that are in no group form one more. Replaces an earlier one. */
  partition(...groups: readonly (readonly string[])[]): void {
    this.#sides = new Map(groups.flatMap((group, side) => group.map((host) => [host, side])));
  }

  /** Undoes partition and cuts; faults stay. */
  heal(): void {
    this.#sides = undefined;
    this.#cuts.clear();
  }

  /** One watcher of every datagram. What it is given it may keep: the network copies. */
  watch(watcher: (event: NetworkEvent) => void): void {
    this.#watcher = watcher;
  }

  #take(endpoint: Endpoint, bound: Bound): void {
    const name = formatEndpoint(endpoint);
    if (this.#bound.has(name)) {
      throw new MeshError("BIND_FAILED", `Cannot bind ${name} in the memory network: address in use`);
    }
    this.#bound.set(name, bound);
  }

  #send(bound: Bound, datagram: Uint8Array, to: Endpoint): Drop {
    const target = canonicalEndpoint(to);
    if (this.#bound.get(formatEndpoint(bound.endpoint)) !== bound || target === undefined) {
      return Drop.noRoute;
    }
    if (!Number.isInteger(to.port) || to.port < 1 || to.port > 65_535) return Drop.malformed;
    if (datagram.length > maxDatagram) return Drop.tooBig;
    this.#travel({ from: bound.endpoint, to: target, datagram: new Uint8Array(datagram) });
    return Drop.none;
  }

  #travel(journey: Journey): void {
    this.#count("sent", journey);
    if (this.#isCut(journey)) return this.#count("cut", journey);
    const link = this.#linkOf(journey);
    if (this.#random.chance(link.loss)) return this.#count("lost", journey);
    this.#arriveLater(this.#damaged(journey, link), link);
    if (!this.#random.chance(link.duplicate)) return;
    this.counts.duplicated++;
    this.#arriveLater(journey, link);
  }

  #damaged(journey: Journey, link: LinkFaults): Journey {
    if (!this.#random.chance(link.flip) || journey.datagram.length === 0) return journey;
    this.counts.flipped++;
    const datagram = new Uint8Array(journey.datagram);
    const bit = this.#random.below(datagram.length * 8);
    datagram[bit >> 3]! ^= 1 << (bit & 7);
    return { ...journey, datagram };
  }

  #arriveLater(journey: Journey, link: LinkFaults): void {
    const held = this.#random.chance(link.reorder);
    if (held) this.counts.reordered++;
    const extra = this.#random.float() * link.jitter + (held ? link.jitter + reorderDelay : 0);
    this.#clock.timer(this.#clock.now() + link.delay + extra, () => this.#arrive(journey));
  }

  /** A cut that came while it was on its way takes it too. */
  #arrive(journey: Journey): void {
    if (this.#isCut(journey)) return this.#count("cut", journey);
    const bound = this.#bound.get(formatEndpoint(journey.to));
    if (bound === undefined) return this.#count("unheard", journey);
    this.#count("delivered", journey);
    // A copy for each: a receiver may write into it, and the twin of a duplicate is the same memory.
    bound.receive(new Uint8Array(journey.datagram), journey.from);
  }

  #isCut({ from, to }: Journey): boolean {
    if (this.#cuts.has(linkName(from.host, to.host))) return true;
    return this.#sides !== undefined && this.#sides.get(from.host) !== this.#sides.get(to.host);
  }

  #linkOf({ from, to }: Journey): LinkFaults {
    return this.#links.get(linkName(from.host, to.host)) ?? this.#faults;
  }

  #count(what: NetworkEvent["what"], journey: Journey): void {
    this.counts[what]++;
    this.#watcher?.({ at: this.#clock.now(), what, ...journey, datagram: new Uint8Array(journey.datagram) });
  }
}

interface Journey {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly datagram: Uint8Array;
}

function requireCanonical(endpoint: Endpoint): Endpoint {
  const canonical = canonicalEndpoint(endpoint);
  if (canonical !== undefined) return canonical;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot bind ${formatEndpoint(endpoint)}: the host is no IP literal`,
  );
}

function linkName(from: string, to: string): string {
  return `${from} > ${to}`;
}
