/**
 * What the DNS names of a list stand for, as it changes. A name is looked up when it is added, five minutes after each
 * answer, and earlier while nobody answers where it leads: then a host has most likely moved. Who cannot be asked, or does
 * not know, is asked again after 2 s, 4 s and so on up to five minutes; waits are up to a quarter shorter or longer, so
 * that the nodes of a mesh do not ask at one moment.
 *
 * The time to live of the records is not looked at: the system's resolver, which also knows /etc/hosts, does not tell it.
 */
import type { ResolvedName } from "../../core/contracts/discovery.ts";
import type { Host, Timer } from "../../core/contracts/host.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { readU16 } from "../../core/wire/field.ts";
import { canonicalHost, formatEndpoint, sameEndpoint } from "../../core/wire/endpoint.ts";

export type LookupHost = Pick<Host, "clock" | "random" | "resolve">;

/** What a name stood for until now, and from now on. `reason` of a lookup that has failed, which changes nothing else. */
export interface NameChange {
  readonly name: Endpoint;
  readonly before: readonly Endpoint[];
  readonly after: readonly Endpoint[];
  readonly reason: string | undefined;
}

interface Name {
  readonly endpoint: Endpoint;
  places: readonly Endpoint[];
  reason: string | undefined;
  /** Lookups in a row that have failed. */
  failures: number;
  /** Attempts at its places that have failed since they changed last. */
  silences: number;
  /** When the last lookup has ended. */
  askedAt: Millis;
  timer: Timer | undefined;
  due: Millis | undefined;
}

/** Several records of both families, and not a name that fills the table of connections. */
const mostPlaces = 16;
/** Of the system's resolver, which has few threads and shares them with the disk. */
const mostLookups = 2;
const lookupEvery: Millis = 300_000;
const firstRetry: Millis = 2_000;
/** After an attempt that has failed; an attempt is five calls within half a minute. */
const firstDoubt: Millis = 10_000;

export class NameLookups {
  readonly #host: LookupHost;
  readonly #changed: (change: NameChange) => void;
  /** By text. */
  readonly #names = new Map<string, Name>();
  readonly #waiting = new Set<Name>();
  #running = 0;
  #isStopped = false;

  constructor(host: LookupHost, changed: (change: NameChange) => void) {
    this.#host = host;
    this.#changed = changed;
  }

  /** Looks a name up now; one that is known as well, as if it had never failed. */
  ask(endpoint: Endpoint): void {
    if (this.#isStopped) return;
    const key = formatEndpoint(endpoint);
    const name = this.#names.get(key) ?? newName(endpoint);
    this.#names.set(key, name);
    name.failures = 0;
    name.silences = 0;
    this.#plan(name, this.#host.clock.now());
  }

  /** Gives what it stood for. */
  remove(endpoint: Endpoint): readonly Endpoint[] {
    const key = formatEndpoint(endpoint);
    const name = this.#names.get(key);
    if (name === undefined) return [];
    this.#names.delete(key);
    this.#waiting.delete(name);
    name.timer?.cancel();
    return name.places;
  }

  /** Nobody answers there: whatever leads there may lead elsewhere by now. */
  silent(place: Endpoint): void {
    for (const name of this.#names.values()) {
      if (name.due === undefined || !name.places.some((each) => sameEndpoint(each, place))) continue;
      const at = name.askedAt + Math.min(lookupEvery, firstDoubt * 2 ** Math.min(name.silences++, 8));
      if (at < name.due) this.#plan(name, at);
    }
  }

  resolved(endpoint: Endpoint): ResolvedName {
    const name = this.#names.get(formatEndpoint(endpoint));
    if (name === undefined) return { places: [] };
    const { places, reason, due } = name;
    return { places, ...reason !== undefined && { reason }, ...due !== undefined && { nextLookup: due } };
  }

  /** Whether any name leads there. */
  leadsTo(place: Endpoint): boolean {
    return [...this.#names.values()].some(({ places }) => places.some((each) => sameEndpoint(each, place)));
  }

  stop(): void {
    this.#isStopped = true;
    for (const { timer } of this.#names.values()) timer?.cancel();
    this.#waiting.clear();
  }

  #plan(name: Name, at: Millis): void {
    name.timer?.cancel();
    name.due = at;
    name.timer = this.#host.clock.timer(at, () => {
      name.due = undefined;
      this.#waiting.add(name);
      this.#begin();
    });
  }

  #begin(): void {
    for (const name of [...this.#waiting].slice(0, mostLookups - this.#running)) {
      this.#waiting.delete(name);
      this.#running += 1;
      this.#host.resolve(name.endpoint.host).then(
        (hosts) => this.#answered(name, hosts),
        (error) => this.#failed(name, error),
      ).finally(() => {
        this.#running -= 1;
        this.#begin();
      });
    }
  }

  #answered(name: Name, hosts: readonly string[]): void {
    const places = placesIn(hosts, name);
    if (places.length === 0) return this.#failed(name, new Error("the name has no address"));
    if (!this.#isKnown(name)) return;
    const before = name.places;
    const isNews = name.reason !== undefined || !isSame(before, places);
    if (isNews) name.silences = 0;
    name.failures = 0;
    name.reason = undefined;
    name.places = places;
    this.#asked(name, lookupEvery);
    if (isNews) this.#changed({ name: name.endpoint, before, after: places, reason: undefined });
  }

  #failed(name: Name, error: unknown): void {
    if (!this.#isKnown(name)) return;
    const isFirst = name.reason === undefined;
    name.reason = error instanceof Error ? error.message : String(error);
    this.#asked(name, Math.min(lookupEvery, firstRetry * 2 ** Math.min(name.failures++, 8)));
    if (!isFirst) return;
    const { endpoint, places, reason } = name;
    this.#changed({ name: endpoint, before: places, after: places, reason });
  }

  /** An answer may come when nobody wants it any more, or when it is asked for anew. */
  #isKnown(name: Name): boolean {
    return !this.#isStopped && this.#names.get(formatEndpoint(name.endpoint)) === name;
  }

  #asked(name: Name, wait: Millis): void {
    const { clock, random } = this.#host;
    name.askedAt = clock.now();
    const share = readU16(random.fill(new Uint8Array(2)), 0) / 65_536;
    if (name.due === undefined) this.#plan(name, name.askedAt + Math.round(wait * (0.75 + share / 2)));
  }
}

function newName(endpoint: Endpoint): Name {
  return {
    endpoint,
    places: [],
    reason: undefined,
    failures: 0,
    silences: 0,
    askedAt: 0,
    timer: undefined,
    due: undefined,
  };
}

/** Those that are known go first: else, of more than are tried, others would come and go with each answer. */
function placesIn(hosts: readonly string[], { endpoint: { port }, places }: Name): readonly Endpoint[] {
  const literals = new Set(hosts.map(canonicalHost).filter((host) => host !== undefined));
  const found = [...literals].map((host) => ({ host, port }));
  const isKnown = (place: Endpoint) => places.some((each) => sameEndpoint(each, place));
  return [...found.filter(isKnown), ...found.filter((place) => !isKnown(place))].slice(0, mostPlaces);
}

/** In any order: servers turn it from answer to answer. */
function isSame(left: readonly Endpoint[], right: readonly Endpoint[]): boolean {
  return left.length === right.length &&
    left.every((place) => right.some((other) => sameEndpoint(place, other)));
}
