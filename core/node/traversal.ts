/**
 * Where this node is seen from outside, and ways opened past translators: the shell around `core/traversal`, with channel,
 * clock and sessions. Peers tell each other where they see each other come from; what several agree on is announced to all
 * beside the endpoints of this host; and who is reached only through others is tried directly, at the same time from both
 * sides.
 */
import { Drop } from "../contracts/drop.ts";
import type { Encapsulation, MappingKeeping, WayProbing } from "../contracts/encapsulation.ts";
import type { Channel, Clock, DropCounters, Timer } from "../contracts/host.ts";
import type { NatStatus } from "../contracts/node.ts";
import type { Endpoint, Millis, PeerId, Prefix } from "../contracts/values.ts";
import { Allowance } from "../traversal/allowance.ts";
import { isWorthTrying, maxCandidates, rankCandidates } from "../traversal/candidates.ts";
import { MappingAge } from "../traversal/mapping_age.ts";
import { Observations } from "../traversal/observations.ts";
import { Openings } from "../traversal/openings.ts";
import { decodePathMessage, encodePathMessage } from "../traversal/path_message.ts";
import { canonicalHost, formatEndpoint } from "../wire/endpoint.ts";
import type { NodeContext } from "./node_context.ts";
import type { NodeParts } from "./node_parts.ts";

const pathChannel = "paths";

export interface TraversalParts {
  readonly clock: Clock;
  readonly drops: DropCounters;
  readonly channel: Channel;
  /** Where this node listens. */
  own(): readonly Endpoint[];
  ranges(): readonly Prefix[];
  /** Where packets to this peer go now; undefined without a session. */
  endpointOf(peer: PeerId): Endpoint | undefined;
  /** Tries another way to a peer with a session. */
  probe(peer: PeerId, endpoint: Endpoint): void;
  /** No peer goes longer than this without a datagram from here; Infinity where nothing has to be kept open. */
  keep(every: Millis): void;
  /** What is announced has changed. */
  announce(): void;
}

/** The first change at once, as others wait for it; then no more often, since a record goes to all members. */
const announceEvery: Millis = 10_000;
/** Nor so for ever: one peer whose word changes all the time would make a record to all of each of them. */
const announcements = { burst: 6, every: 120_000 };
/** How often all who are behind relays are tried anew because this node is elsewhere, for the same reason. */
const moves = { burst: 6, every: 30_000 };
/** What one peer may say of where this node is: it roams, and its translator forgets, but not all the time. */
const words = { burst: 8, every: 5_000 };

export class Traversal {
  readonly #parts: TraversalParts;
  readonly #observations = new Observations();
  readonly #openings: Openings;
  /** Peers with a session, and how much each may still say. */
  readonly #words = new Map<PeerId, Allowance>();
  readonly #age: MappingAge;
  #kept: Millis = Infinity;
  #growing: Timer | undefined;
  /** Of what all candidates were at the last change, as text. */
  #told = "";
  #announced: readonly Endpoint[] = [];
  #announcedAt: Millis = -Infinity;
  #announcing: Timer | undefined;
  readonly #announcements: Allowance;
  #moving: Timer | undefined;
  readonly #moves: Allowance;
  #next: { readonly timer: Timer; readonly at: Millis } | undefined;
  #isStopped = false;

  constructor(parts: TraversalParts) {
    this.#parts = parts;
    const now = parts.clock.now();
    this.#age = new MappingAge(now);
    this.#announcements = new Allowance(announcements.burst, announcements.every, now);
    this.#moves = new Allowance(moves.burst, moves.every, now);
    this.#openings = new Openings(() => ({ own: parts.own(), ranges: parts.ranges() }));
    parts.channel.receive((from, bytes) => this.#receive(from, bytes));
  }

  /** A session has come up, or goes another way than before. */
  moved(peer: PeerId): void {
    const endpoint = this.#parts.endpointOf(peer);
    if (this.#isStopped || endpoint === undefined) return;
    const now = this.#parts.clock.now();
    if (!this.#words.has(peer)) this.#words.set(peer, new Allowance(words.burst, words.every, now));
    if (isAddress(endpoint)) {
      this.#openings.end(peer, now);
      this.#parts.channel.send(peer, encodePathMessage({ kind: "seen", endpoint }));
    } else {
      // What it says it sees is what comes from the relay: it can vouch for nothing any more.
      this.#forget(peer);
      this.#openings.relayed(peer, now);
    }
    this.#drain();
  }

  sessionDown(peer: PeerId): void {
    if (this.#isStopped) return;
    this.#words.delete(peer);
    this.#openings.end(peer, this.#parts.clock.now());
    this.#forget(peer);
    this.#drain();
  }

  stop(): void {
    this.#isStopped = true;
    this.#announcing?.cancel();
    this.#moving?.cancel();
    this.#growing?.cancel();
    this.#next?.timer.cancel();
  }

  /** What is announced: where this node listens, and where it is seen instead. */
  endpoints(): readonly Endpoint[] {
    const announced = this.#announcedNow();
    return [...this.#parts.own().slice(0, maxCandidates - announced.length), ...announced];
  }

  /** Of a member, worth a try and best first. */
  ranked(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    return rankCandidates(endpoints, { own: this.#parts.own(), ranges: this.#parts.ranges() });
  }

  status(): NatStatus {
    return {
      kind: this.#observations.outside(this.#parts.own()).kind,
      observed: this.#observations.all().slice(0, maxCandidates).map(formatEndpoint),
      announced: this.#announcedNow().map(formatEndpoint),
    };
  }

  #receive(from: PeerId, bytes: Uint8Array): void {
    const words = this.#words.get(from);
    if (this.#isStopped || words === undefined) return;
    const { drops, clock } = this.#parts;
    const message = decodePathMessage(bytes);
    if (message === undefined) return drops.count(Drop.unsupported);
    const now = clock.now();
    const isTooMuch = message.kind === "seen"
      ? !words.take(now)
      : !this.#openings.heard(from, message.endpoints, message.wanted, now);
    if (isTooMuch) return drops.count(Drop.rateLimited);
    if (message.kind === "seen") this.#seen(from, message.endpoint);
    this.#drain();
  }

  /** A peer behind a relay sees the relay, and what is no place for a datagram was not seen. */
  #seen(from: PeerId, endpoint: Endpoint): void {
    const way = this.#parts.endpointOf(from);
    const isOutside = isWorthTrying(endpoint, { own: [], ranges: this.#parts.ranges() });
    if (way === undefined || !isAddress(way) || !(isOutside || this.#isOwn(endpoint))) return;
    const before = this.#observations.of(from);
    if (!this.#observations.saw(from, endpoint)) return;
    if (before?.host === endpoint.host && !this.#isOwn(endpoint)) this.#age.lost(this.#parts.clock.now());
    this.#changed();
  }

  #isOwn(endpoint: Endpoint): boolean {
    const text = formatEndpoint(endpoint);
    return this.#parts.own().some((own) => formatEndpoint(own) === text);
  }

  #forget(peer: PeerId): void {
    if (this.#observations.forget(peer)) this.#changed();
  }

  #changed(): void {
    const told = this.#candidates().map(formatEndpoint).join();
    if (told !== this.#told) {
      this.#told = told;
      this.#moveSoon();
    }
    this.#keep();
    this.#announceSoon();
  }

  #moveSoon(): void {
    const { clock } = this.#parts;
    if (this.#moving !== undefined) return;
    if (this.#moves.take(clock.now())) return this.#openings.moved(clock.now());
    this.#moving = clock.timer(this.#moves.readyAt(clock.now()), () => {
      this.#moving = undefined;
      this.#moveSoon();
      this.#drain();
    });
  }

  /** Only who is behind a translator has a mapping to keep; the peers outside need not do anything for it. */
  #keep(): void {
    const { kind } = this.#observations.outside(this.#parts.own());
    const every = kind === "unknown" || kind === "none" ? Infinity : this.#age.every;
    if (every === this.#kept) return;
    this.#kept = every;
    this.#parts.keep(every);
    this.#growing?.cancel();
    if (every !== Infinity) this.#growLater();
  }

  /** A mapping that is lost while there is nothing left to halve makes the calm begin anew, so it is looked again. */
  #growLater(): void {
    const { clock } = this.#parts;
    this.#growing = clock.timer(this.#age.calmAt, () => {
      if (this.#age.held(clock.now())) this.#keep();
      else if (this.#age.mayGrow) this.#growLater();
    });
  }

  /** Those that are seen come first: who cannot use them has no use for the others either. */
  #candidates(): readonly Endpoint[] {
    const { steady, unsteady } = this.#observations.outside(this.#parts.own());
    const seen = [...steady, ...unsteady].slice(0, maxCandidates - 2);
    const own = this.#parts.own().filter((endpoint) =>
      isWorthTrying(endpoint, { own: [], ranges: this.#parts.ranges() })
    );
    return [...seen, ...own].slice(0, maxCandidates);
  }

  #announcedNow(): readonly Endpoint[] {
    return this.#observations.outside(this.#parts.own()).vouched.slice(0, maxCandidates / 2);
  }

  #announceSoon(): void {
    if (this.#isStopped || this.#announcing !== undefined) return;
    if (textOf(this.#announcedNow()) === textOf(this.#announced)) return;
    const { clock } = this.#parts;
    const at = Math.max(this.#announcements.readyAt(clock.now()), this.#announcedAt + announceEvery);
    this.#announcing = clock.timer(at, () => {
      this.#announcing = undefined;
      const announced = this.#announcedNow();
      if (textOf(announced) === textOf(this.#announced)) return;
      this.#announced = announced;
      this.#announcedAt = clock.now();
      this.#announcements.take(clock.now());
      this.#parts.announce();
    });
  }

  #drain(): void {
    for (let next = this.#openings.poll(); next !== undefined; next = this.#openings.poll()) {
      if (next.type === "try") this.#parts.probe(next.peer, next.endpoint);
      else {
        const { wanted } = next;
        const message = encodePathMessage({ kind: "candidates", endpoints: this.#candidates(), wanted });
        this.#parts.channel.send(next.peer, message);
      }
    }
    this.#wake();
  }

  #wake(): void {
    const at = this.#isStopped ? Infinity : this.#openings.deadline();
    if (this.#next?.at === at) return;
    this.#next?.timer.cancel();
    this.#next = undefined;
    if (at === Infinity) return;
    const timer = this.#parts.clock.timer(at, () => {
      this.#next = undefined;
      this.#openings.handleTimeout(this.#parts.clock.now());
      this.#drain();
    });
    this.#next = { timer, at };
  }
}

/** `call` steps the encapsulation; `announce` never throws. */
export function traversalOf(
  { platform, drops, channels, connections, state }: NodeContext,
  { encapsulation, datagrams }: Pick<NodeParts, "encapsulation" | "datagrams">,
  { call, announce }: { call(step: (now: Millis) => void): void; announce(): void },
): Traversal {
  return new Traversal({
    clock: platform.clock,
    drops,
    channel: channels.open(pathChannel),
    own: () => datagrams.localEndpoints(),
    ranges: () => state.network()?.ranges ?? [],
    endpointOf: (peer) => connections.connection(peer)?.endpoint,
    probe: (peer, endpoint) => {
      if (probesWays(encapsulation)) call((now) => encapsulation.probe(peer, endpoint, now));
    },
    keep: (every) => {
      if (keepsMappings(encapsulation)) encapsulation.keepMappings(every);
    },
    announce,
  });
}

export function probesWays(encapsulation: Encapsulation): encapsulation is Encapsulation & WayProbing {
  return "probe" in encapsulation;
}

function keepsMappings(encapsulation: Encapsulation): encapsulation is Encapsulation & MappingKeeping {
  return "keepMappings" in encapsulation;
}

/** Neither a place behind a relay nor the end of a stream. */
function isAddress({ host }: Endpoint): boolean {
  return canonicalHost(host) !== undefined;
}

function textOf(endpoints: readonly Endpoint[]): string {
  return endpoints.map(formatEndpoint).join();
}
