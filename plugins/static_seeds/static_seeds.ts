import type { Discovery, EditableTargets, Finding, Target } from "../../core/contracts/discovery.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { formatEndpoint, sameEndpoint } from "../../core/wire/endpoint.ts";
import { type NamedEndpoint, namedEndpoint } from "../../core/wire/named_endpoint.ts";
import { type NameChange, NameLookups } from "./name_lookups.ts";
import { type Edit, StoredList } from "./stored_list.ts";

export type SeedsHost = Pick<Host, "store" | "log" | "clock" | "random" | "resolve" | "events">;

/** More endpoints than anyone names by hand; a mistaken script must not fill the disk. */
export const maxTargets = 1024;

interface Listed {
  readonly named: NamedEndpoint;
  readonly source: string;
}

/**
 * The list is that of the configuration and of the start, corrected by what the operator did at run time. Corrections are
 * stored per endpoint and outlive restarts, else a node that was told `forget` would call again after every upgrade. A
 * start with another list than the last one is no restart: it forgets them.
 */
export class StaticSeeds implements Discovery, EditableTargets, Lifecycle {
  readonly #seeds: readonly NamedEndpoint[];
  readonly #given: readonly NamedEndpoint[] | undefined;
  readonly #host: SeedsHost;
  readonly #stored: StoredList;
  readonly #lookups: NameLookups;
  readonly #ended = new AbortController();
  /** By text, in the order in which they came. */
  readonly #targets = new Map<string, Listed>();
  /** Those that are there without any correction. */
  #defaults: ReadonlySet<string> = new Set();
  #isStarted = false;
  #handler: ((finding: Finding) => void) | undefined;

  /** `given`: the list of this start; undefined when it is that of the last one. */
  constructor(seeds: readonly NamedEndpoint[], host: SeedsHost, given?: readonly NamedEndpoint[]) {
    this.#seeds = seeds;
    this.#given = given;
    this.#host = host;
    this.#stored = new StoredList(host.store, host.log);
    this.#lookups = new NameLookups(host, (change) => this.#moved(change));
    for (const seed of seeds) this.#put(seed, "static_seeds");
    for (const each of given ?? []) this.#put(each, "launch");
  }

  /** Nobody is told: who is on a list does not know the list. */
  announce(): void {}

  watch(handler: (finding: Finding) => void): void {
    this.#handler = handler;
  }

  targets(): readonly Target[] {
    return [...this.#targets.values()].map(({ named, source }) => {
      const { host, port, isLiteral } = named;
      const endpoint = { host, port };
      return { endpoint, source, ...!isLiteral && { name: this.#lookups.resolved(endpoint) } };
    });
  }

  /** Rejects `UNSUPPORTED` for what a newer version has stored. */
  async start(): Promise<void> {
    const given = this.#given?.map(formatEndpoint);
    const { list, edits } = await this.#stored.open(given);
    for (const text of list) this.#putText(text, "launch");
    this.#defaults = new Set(this.#targets.keys());
    for (const edit of edits) this.#restore(edit);
    this.#isStarted = true;
    const { events } = this.#host;
    events.on("target:failed", ({ endpoint }) => this.#lookups.silent(endpoint), this.#ended.signal);
    for (const { named } of [...this.#targets.values()]) this.#seek(named);
  }

  /** Rejects `INVALID_ARGUMENT` for what is neither an IP literal nor a DNS name, and beyond {@link maxTargets}. */
  async addTargets(endpoints: readonly Endpoint[]): Promise<void> {
    const wanted = endpoints.map(requireNamed);
    const fresh = new Set(wanted.map(formatEndpoint).filter((text) => !this.#targets.has(text)));
    if (this.#targets.size + fresh.size > maxTargets) {
      throw new MeshError(
        "INVALID_ARGUMENT",
        `Cannot add ${fresh.size} targets: a node takes ${maxTargets}; forget some`,
      );
    }
    await this.#stored.write([...fresh].map((text) => ({ text, isAdded: true })), this.#defaults);
    for (const named of wanted) {
      if (fresh.has(formatEndpoint(named))) this.#put(named, "connect");
      this.#seek(named);
    }
  }

  async removeTargets(endpoints: readonly Endpoint[]): Promise<void> {
    const listed = endpoints.map(requireNamed).filter((each) => this.#targets.has(formatEndpoint(each)));
    const edits = listed.map((each) => ({ text: formatEndpoint(each), isAdded: false }));
    await this.#stored.write(edits, this.#defaults);
    for (const named of listed) this.#targets.delete(formatEndpoint(named));
    for (const named of listed) {
      this.#withdraw(named.isLiteral ? [placeOf(named)] : this.#lookups.remove(named));
    }
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; there is nothing to wait for
  async [Symbol.asyncDispose](): Promise<void> {
    this.#handler = undefined;
    this.#ended.abort();
    this.#lookups.stop();
  }

  #restore({ text, isAdded }: Edit): void {
    if (!isAdded) this.#targets.delete(text);
    else this.#putText(text, "connect");
  }

  #putText(text: string, source: string): void {
    const named = this.#stored.parse(text);
    if (named !== undefined) this.#put(named, source);
  }

  #put(named: NamedEndpoint, source: string): void {
    const text = formatEndpoint(named);
    if (!this.#targets.has(text)) this.#targets.set(text, { named, source });
  }

  /** Of a name all that it stood for until now, for this is an operator who says "try again". */
  #seek(named: NamedEndpoint): void {
    if (named.isLiteral) return this.#find(placeOf(named));
    if (!this.#isStarted) return;
    for (const place of this.#lookups.resolved(named).places) this.#find(place);
    this.#lookups.ask(placeOf(named));
  }

  #moved({ name, before, after, reason }: NameChange): void {
    const endpoint = formatEndpoint(name);
    const { log, events } = this.#host;
    if (reason !== undefined) {
      log.log("warn", "The name of a target cannot be resolved", { endpoint, reason });
    }
    const fresh = after.filter((place) => !before.some((each) => sameEndpoint(each, place)));
    const gone = before.filter((place) => !after.some((each) => sameEndpoint(each, place)));
    for (const place of fresh) this.#find(place);
    this.#withdraw(gone);
    events.emit("target:resolved", { target: endpoint, places: after, reason: reason ?? null });
  }

  /** But for what another target leads to as well. */
  #withdraw(places: readonly Endpoint[]): void {
    for (const endpoint of places) {
      const isWanted = this.#targets.has(formatEndpoint(endpoint)) || this.#lookups.leadsTo(endpoint);
      if (!isWanted) this.#handler?.({ type: "withdrawn", endpoint });
    }
  }

  #find(endpoint: Endpoint): void {
    this.#handler?.({ type: "endpoint", endpoint });
  }
}

function placeOf({ host, port }: Endpoint): Endpoint {
  return { host, port };
}

function requireNamed({ host, port }: Endpoint): NamedEndpoint {
  const named = namedEndpoint(host, port);
  if (named !== undefined) return named;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot use the target ${host}:${port}: give an IP address or a DNS name, and a port`,
  );
}
