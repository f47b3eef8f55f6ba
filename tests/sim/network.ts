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
import { PipeExchange } from "../../plugins/memory_transport/pipe_exchange.ts";
import { damage, Link, type LinkFaults, packetBytes, perfectLink, transit } from "./link.ts";
import { type NatOptions, SimNat } from "./nat.ts";
import type { SimRandom } from "./random.ts";

export { type Burst, type LinkFaults, perfectLink } from "./link.ts";

/** As on a socket: 65,535 bytes less the headers of IPv4 and UDP. */
const maxDatagram = 65_507;

export interface NetworkCounts {
  sent: number;
  /** By the link's loss, in bursts or not. */
  lost: number;
  /** By a cut or a partition. */
  cut: number;
  /** Larger than the link's MTU. */
  oversize: number;
  /** Found the link's queue full. */
  overrun: number;
  /** By a NAT that had no mapping for it, or kept the sender out. */
  filtered: number;
  reordered: number;
  duplicated: number;
  flipped: number;
  truncated: number;
  delivered: number;
  /** Arrived where nobody was bound. */
  unheard: number;
}

/** One datagram at one moment of its journey: for flow charts and trace hashes. */
export interface NetworkEvent {
  readonly at: Millis;
  readonly what: "sent" | "lost" | "cut" | "oversize" | "overrun" | "filtered" | "delivered" | "unheard";
  /** Equal for all moments of one datagram, and of its duplicate. */
  readonly id: number;
  /** As the receiver sees it: behind a NAT the outside of it. */
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
  /** Streams feel the delay of a link, cuts, partitions and NATs; the other faults TCP would mend. */
  readonly pipes: PipeExchange;
  readonly counts: NetworkCounts = {
    sent: 0,
    lost: 0,
    cut: 0,
    oversize: 0,
    overrun: 0,
    filtered: 0,
    reordered: 0,
    duplicated: 0,
    flipped: 0,
    truncated: 0,
    delivered: 0,
    unheard: 0,
  };
  readonly #clock: Clock;
  readonly #random: SimRandom;
  /** By {@link keyOf}. */
  readonly #bound = new Map<string, Bound>();
  readonly #links = new Map<string, Link>();
  readonly #linkFaults = new Map<string, LinkFaults>();
  readonly #cuts = new Set<string>();
  /** By the hosts behind them. */
  readonly #natsOver = new Map<string, SimNat>();
  /** By the host that all behind them seem to be. */
  readonly #natsAt = new Map<string, SimNat>();
  /** Hosts whose network lets no datagrams through. */
  readonly #closed = new Set<string>();
  #faults: LinkFaults;
  #journeys = 0;
  #sides: ReadonlyMap<string, number> | undefined;
  #watcher: ((event: NetworkEvent) => void) | undefined;

  constructor({ clock, random, faults = {} }: SimNetworkOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#faults = { ...perfectLink, ...faults };
    this.pipes = new PipeExchange({
      clock,
      delay: (from, to) => this.#isCut(from, to) ? undefined : this.#faultsOf(linkName(from, to)).delay,
      canDial: (from, to) => !this.#natsAt.has(to) && this.#isWithin(from, this.#natsOver.get(to)),
    });
  }

  bind(endpoint: Endpoint, receive: Receive): MemoryBinding {
    const bound: Bound = { endpoint: requireCanonical(endpoint), receive };
    this.#take(bound.endpoint, bound);
    return {
      send: (datagram, to) => this.#send(bound, datagram, to),
      close: () => {
        if (this.#bound.get(keyOf(bound.endpoint)) === bound) this.#bound.delete(keyOf(bound.endpoint));
      },
    };
  }

  /** What is bound at `from` is from now on at `to`, and does not know it: a roaming host, or a NAT that forgot. */
  move(from: Endpoint, to: Endpoint): void {
    const source = requireCanonical(from);
    const bound = this.#bound.get(keyOf(source));
    if (bound === undefined) throw new Error(`nothing is bound at ${formatEndpoint(from)}`);
    const target = requireCanonical(to);
    this.#take(target, bound);
    this.#bound.delete(keyOf(source));
    bound.endpoint = target;
  }

  /** Faults of all links that are not set by themselves. */
  setFaults(faults: Partial<LinkFaults>): void {
    this.#faults = { ...perfectLink, ...faults };
  }

  /** Faults of the way from one host to another; the way back is another link. */
  setLink(from: string, to: string, faults: Partial<LinkFaults>): void {
    this.#linkFaults.set(linkName(from, to), { ...perfectLink, ...faults });
  }

  /** All links have the common faults again. */
  resetLinks(): void {
    this.#linkFaults.clear();
  }

  /**
   * Puts `inside` behind one NAT, or other NATs by their outsides. What is said of hosts in `cut` and `partition` is said of
   * those inside.
   */
  addNat(inside: readonly string[], options: NatOptions): SimNat {
    const nat = new SimNat(options, this.#clock);
    for (const host of inside) this.#natsOver.set(host, nat);
    this.#natsAt.set(options.outside, nat);
    return nat;
  }

  /** A firewall around `host` that no datagram passes in either direction; streams do. */
  closeTo(host: string): void {
    this.#closed.add(host);
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

  /** Undoes the partition alone. */
  unite(): void {
    this.#sides = undefined;
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
    if (this.#bound.has(keyOf(endpoint))) {
      const name = formatEndpoint(endpoint);
      throw new MeshError("BIND_FAILED", `Cannot bind ${name} in the memory network: address in use`);
    }
    this.#bound.set(keyOf(endpoint), bound);
  }

  #send(bound: Bound, datagram: Uint8Array, to: Endpoint): Drop {
    // Nearly all are sent to one that is bound, under the text of the host that it has: nothing to be parsed.
    const target = this.#bound.has(keyOf(to)) ? to : canonicalEndpoint(to);
    if (this.#bound.get(keyOf(bound.endpoint)) !== bound || target === undefined) {
      return Drop.underlay;
    }
    if (!Number.isInteger(to.port) || to.port < 1 || to.port > 65_535) return Drop.malformed;
    if (datagram.length > maxDatagram) return Drop.tooBig;
    this.#travel(this.#leave(bound.endpoint, target, new Uint8Array(datagram)));
    return Drop.none;
  }

  /** Through the NATs that are over the sender and not over the receiver, from the inside out. */
  #leave(from: Endpoint, to: Endpoint, datagram: Uint8Array): Journey {
    let seen = from;
    const realm = this.#natsOver.get(to.host);
    for (let nat = this.#natsOver.get(from.host); nat !== undefined && nat !== realm;) {
      seen = nat.translate(seen, to);
      nat = this.#natsOver.get(seen.host);
    }
    const inside = this.#behind(to)?.host ?? to.host;
    const way = linkName(from.host, inside);
    return { id: ++this.#journeys, from: seen, to, sender: from, sides: [from.host, inside], way, datagram };
  }

  /** Who is meant by an endpoint outside, let in or not. */
  #behind(to: Endpoint): Endpoint | undefined {
    const nat = this.#natsAt.get(to.host);
    if (nat === undefined) return to;
    const inside = nat.behind(to.port);
    return inside && this.#behind(inside);
  }

  #travel(journey: Journey): void {
    this.#count("sent", journey);
    if (this.#isCut(...journey.sides)) return this.#count("cut", journey);
    const { faults, link } = this.#linkOf(journey);
    const now = this.#clock.now();
    const fate = link.admit(packetBytes(journey.datagram, journey.to.host), faults, this.#random, now);
    if (fate !== "passes") return this.#count(fate, journey);
    const wait = link.backlog(now);
    const { datagram, what } = damage(journey.datagram, faults, this.#random);
    for (const each of what) this.counts[each]++;
    this.#arriveLater({ ...journey, datagram }, faults, wait);
    if (!this.#random.chance(faults.duplicate)) return;
    this.counts.duplicated++;
    this.#arriveLater(journey, faults, wait);
  }

  #arriveLater(journey: Journey, faults: LinkFaults, wait: Millis): void {
    const { millis, isHeld } = transit(faults, this.#random);
    if (isHeld) this.counts.reordered++;
    this.#clock.timer(this.#clock.now() + wait + millis, () => this.#arrive(journey));
  }

  /** A cut that came while it was on its way takes it too. */
  #arrive(journey: Journey): void {
    if (this.#isCut(...journey.sides)) return this.#count("cut", journey);
    const target = this.#enter(journey);
    if (target === undefined) return this.#count("filtered", journey);
    const bound = this.#bound.get(keyOf(target));
    if (bound === undefined) return this.#count("unheard", journey);
    this.#count("delivered", journey);
    // A copy for each: a receiver may write into it, and the twin of a duplicate is the same memory.
    bound.receive(new Uint8Array(journey.datagram), journey.from);
  }

  /** Whom it reaches; undefined for what a NAT keeps out, and for an inside address that means nothing outside. */
  #enter({ from, to, sender }: Journey): Endpoint | undefined {
    if (this.#closed.has(sender.host) || this.#natsOver.get(to.host) !== this.#natsOver.get(from.host)) {
      return undefined;
    }
    let target: Endpoint | undefined = to;
    for (let nat = this.#natsAt.get(to.host); nat !== undefined && target !== undefined;) {
      const isFromInside = from.host === nat.outside;
      target = isFromInside ? undefined : nat.admit(from, target);
      nat = target && this.#natsAt.get(target.host);
    }
    return target && !this.#closed.has(target.host) ? target : undefined;
  }

  /** `host` is behind `nat`, or it is over nobody: addresses outside mean the same everywhere. */
  #isWithin(host: string, nat: SimNat | undefined): boolean {
    if (nat === undefined) return true;
    const over = this.#natsOver.get(host);
    return over !== undefined && (over === nat || this.#isWithin(over.outside, nat));
  }

  #isCut(from: string, to: string): boolean {
    if (this.#cuts.size > 0 && this.#cuts.has(linkName(from, to))) return true;
    return this.#sides !== undefined && this.#sides.get(from) !== this.#sides.get(to);
  }

  #faultsOf(way: string): LinkFaults {
    return this.#linkFaults.get(way) ?? this.#faults;
  }

  #linkOf({ way }: Journey): { readonly link: Link; readonly faults: LinkFaults } {
    const link = this.#links.get(way) ?? new Link();
    this.#links.set(way, link);
    return { link, faults: this.#faultsOf(way) };
  }

  #count(what: NetworkEvent["what"], { id, from, to, datagram }: Journey): void {
    this.counts[what]++;
    if (this.#watcher === undefined) return;
    this.#watcher({ at: this.#clock.now(), what, id, from, to, datagram: new Uint8Array(datagram) });
  }
}

interface Journey {
  readonly id: number;
  /** As the receiver sees it. */
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** As the sender is bound. */
  readonly sender: Endpoint;
  /** The hosts at both ends, whatever NATs call them. */
  readonly sides: readonly [from: string, to: string];
  /** Name of the link. */
  readonly way: string;
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

/** Of an endpoint in canonical form, the only one that anything is bound at: {@link formatEndpoint} would parse it again. */
function keyOf({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}

function linkName(from: string, to: string): string {
  return `${from} > ${to}`;
}
