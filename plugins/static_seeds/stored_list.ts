/**
 * What a start finds of the one before it.
 *
 *     static_seeds/<endpoint>  [version, 1]: added by the operator; [version, 0]: removed
 *     static_seeds/given       version, then the list of the start as text, one endpoint a line
 *
 * Only deviations are stored, so that a later edit of the configuration counts for everything else.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Logger } from "../../core/contracts/host.ts";
import type { Store, StoreChange } from "../../core/contracts/store.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { type NamedEndpoint, parseNamedEndpoint } from "../../core/wire/named_endpoint.ts";

export interface Edit {
  readonly text: string;
  /** Else removed. */
  readonly isAdded: boolean;
}

const keyPrefix = "static_seeds/";
const givenKey = `${keyPrefix}given`;
const version = 1;
/** The value under an endpoint's key, version and mark: what the operator did last with it while the node ran. */
const added = Uint8Array.of(version, 1);
const removed = Uint8Array.of(version, 0);

export class StoredList {
  readonly #store: Store;
  readonly #log: Logger;

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * The list of this start and the edits that count with it. `given` is that list; undefined takes that of the last start.
   * Another one than that makes the edits void: they are deleted, durably, when this resolves. Rejects `UNSUPPORTED`.
   */
  async open(
    given: readonly string[] | undefined,
  ): Promise<{ readonly list: readonly string[]; readonly edits: readonly Edit[] }> {
    const stored = [...this.#store.entries(keyPrefix)];
    for (const [key, value] of stored) requireKnown(key, value);
    const last = this.#last();
    const edits = stored.filter(([key]) => key !== givenKey);
    // A store of before there were such lists says nothing, so it may be a restart.
    if (given === undefined || last === undefined || isSame(given, last)) {
      if (given !== undefined && last === undefined) await this.#commitGiven(given, []);
      return { list: given ?? last ?? [], edits: edits.flatMap((entry) => this.#editOf(entry)) };
    }
    await this.#commitGiven(given, edits.map(([key]) => ({ key, value: undefined })));
    return { list: given, edits: [] };
  }

  /** `defaults` are there without any edit. */
  async write(edits: readonly Edit[], defaults: ReadonlySet<string>): Promise<void> {
    await this.#store.commit(edits.map(({ text, isAdded }) => ({
      key: keyPrefix + text,
      value: defaults.has(text) === isAdded ? undefined : isAdded ? added : removed,
    })));
  }

  /** Undefined, and a line in the log, for what makes no sense. */
  parse(text: string): NamedEndpoint | undefined {
    const named = parseNamedEndpoint(text);
    if (named === undefined) this.#refuse(keyPrefix + text);
    return named;
  }

  #last(): readonly string[] | undefined {
    const value = this.#store.get(givenKey);
    return value && new TextDecoder().decode(value.subarray(1)).split("\n").filter((line) => line !== "");
  }

  async #commitGiven(given: readonly string[], changes: readonly StoreChange[]): Promise<void> {
    const value = Uint8Array.of(version, ...new TextEncoder().encode(given.join("\n")));
    await this.#store.commit([...changes, { key: givenKey, value }]);
  }

  #editOf([key, value]: readonly [string, Uint8Array]): readonly Edit[] {
    const named = parseNamedEndpoint(key.slice(keyPrefix.length));
    const isAdded = equalBytes(value, added);
    if (named !== undefined && (isAdded || equalBytes(value, removed))) {
      return [{ text: formatEndpoint(named), isAdded }];
    }
    this.#refuse(key);
    return [];
  }

  #refuse(path: string): void {
    this.#log.log("warn", "A stored target is not an endpoint", { path });
  }
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  const known = new Set(right);
  return left.length === known.size && left.every((text) => known.has(text));
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
