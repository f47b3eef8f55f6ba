import type { Discovery, EditableTargets, Finding, Target } from "../../core/contracts/discovery.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Logger } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Store, StoreChange } from "../../core/contracts/store.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { canonicalEndpoint, formatEndpoint, parseEndpoint } from "../../core/wire/endpoint.ts";
import type { Seed } from "./seed.ts";

/** More endpoints than anyone names by hand; a mistaken script must not fill the disk. */
export const maxTargets = 1024;

const keyPrefix = "static_seeds/";
const version = 1;
/** The value under an endpoint's key, version and mark: what the operator did last with it while the node ran. */
const added = Uint8Array.of(version, 1);
const removed = Uint8Array.of(version, 0);

/**
 * The list is the configuration's, corrected by what the operator did at run time. Corrections are stored per
 * endpoint and outlive restarts, else a node that was told `forget` would call again after every upgrade.
 */
export class StaticSeeds implements Discovery, EditableTargets, Lifecycle {
  readonly #seeds: readonly Seed[];
  readonly #store: Store;
  readonly #log: Logger;
  /** By text, in the order in which they came. */
  readonly #targets = new Map<string, Target>();
  #handler: ((finding: Finding) => void) | undefined;

  constructor(seeds: readonly Seed[], store: Store, log: Logger) {
    this.#seeds = seeds;
    this.#store = store;
    this.#log = log;
    for (const { host, port, isLiteral } of seeds) {
      if (isLiteral) this.#put({ host, port }, "static_seeds");
    }
  }

  /** Nobody is told: who is on a list does not know the list. */
  announce(): void {}

  watch(handler: (finding: Finding) => void): void {
    this.#handler = handler;
  }

  targets(): readonly Target[] {
    return [...this.#targets.values()];
  }

  /** Rejects `UNSUPPORTED` for what a newer version has stored. */
  // deno-lint-ignore require-await -- the contract is asynchronous; reading the store is not
  async start(): Promise<void> {
    for (const { host, port, isLiteral } of this.#seeds) {
      if (!isLiteral) {
        this.#log.log("warn", "A seed is a name that nobody resolved", { endpoint: `${host}:${port}` });
      }
    }
    const stored = [...this.#store.entries(keyPrefix)];
    for (const [key, value] of stored) requireKnown(key, value);
    for (const [key, value] of stored) this.#restore(key, value);
    for (const { endpoint } of this.targets()) this.#find(endpoint);
  }

  /** Rejects `INVALID_ARGUMENT` for a host that is no IP literal, and beyond {@link maxTargets}. */
  async addTargets(endpoints: readonly Endpoint[]): Promise<void> {
    const wanted = endpoints.map(requireCanonical);
    const fresh = new Set(wanted.map(formatEndpoint).filter((text) => !this.#targets.has(text)));
    if (this.#targets.size + fresh.size > maxTargets) {
      throw new MeshError(
        "INVALID_ARGUMENT",
        `Cannot add ${fresh.size} targets: a node takes ${maxTargets}; forget some`,
      );
    }
    await this.#store.commit(this.#changes([...fresh], added));
    for (const endpoint of wanted) {
      if (fresh.has(formatEndpoint(endpoint))) this.#put(endpoint, "connect");
      this.#find(endpoint);
    }
  }

  async removeTargets(endpoints: readonly Endpoint[]): Promise<void> {
    const texts = endpoints.map(requireCanonical).map(formatEndpoint).filter((text) =>
      this.#targets.has(text)
    );
    await this.#store.commit(this.#changes(texts, removed));
    for (const text of texts) this.#targets.delete(text);
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; there is nothing to wait for
  async [Symbol.asyncDispose](): Promise<void> {
    this.#handler = undefined;
  }

  /** Only deviations from the configuration are stored: a later edit of it counts for everything else. */
  #changes(texts: readonly string[], mark: Uint8Array): readonly StoreChange[] {
    const configured = new Set(this.#seeds.filter(({ isLiteral }) => isLiteral).map(formatEndpoint));
    return texts.map((text) => {
      const isDefault = configured.has(text) === (mark === added);
      return { key: keyPrefix + text, value: isDefault ? undefined : mark };
    });
  }

  #restore(key: string, value: Uint8Array): void {
    const text = key.slice(keyPrefix.length);
    const endpoint = parseEndpoint(text);
    const isMark = equalBytes(value, added) || equalBytes(value, removed);
    if (endpoint === undefined || !isMark) {
      this.#log.log("warn", "A stored target is not an endpoint", { path: key });
    } else if (equalBytes(value, removed)) {
      this.#targets.delete(text);
    } else {
      this.#put(endpoint, "connect");
    }
  }

  #put(endpoint: Endpoint, source: string): void {
    const text = formatEndpoint(endpoint);
    if (!this.#targets.has(text)) this.#targets.set(text, { endpoint, source });
  }

  #find(endpoint: Endpoint): void {
    this.#handler?.({ type: "endpoint", endpoint });
  }
}

function requireKnown(key: string, value: Uint8Array): void {
  const [writtenBy = 0] = value;
  if (writtenBy <= version) return;
  throw new MeshError(
    "UNSUPPORTED",
    `Cannot read ${key} of this node: it has format ${writtenBy}, this program knows ${version}; start the newer version`,
    { details: { path: key } },
  );
}

function requireCanonical(endpoint: Endpoint): Endpoint {
  const canonical = canonicalEndpoint(endpoint);
  const { port } = endpoint;
  if (canonical !== undefined && Number.isInteger(port) && port >= 1 && port <= 65_535) return canonical;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot use the target ${endpoint.host}:${port}: give an IP literal and a port; resolve names before`,
  );
}
