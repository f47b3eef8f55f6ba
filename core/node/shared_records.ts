/**
 * All that this node shares with others, sorted by the kinds of records: the states that its parts registered, and what
 * nobody here can judge.
 */
import { type Logger } from "../contracts/host.ts";
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import { claimedKind, isRecordKind, maxRecordBytes } from "../identity/signed.ts";
import { recordsDigest } from "../identity/records_digest.ts";
import { domainHash } from "../identity/domain.ts";
import type { ForeignRecords } from "./foreign_records.ts";
import { RecordTree } from "./record_tree.ts";

interface Sorted {
  readonly all: readonly Uint8Array[];
  readonly byKind: ReadonlyMap<string, readonly Uint8Array[]>;
}

/** A record's bytes never change, and its kind is asked for whenever anything changes. */
const kinds = new WeakMap<Uint8Array, string>();

export class SharedRecords {
  readonly #foreign: ForeignRecords;
  readonly #log: Logger;
  readonly #states = new Map<string, ReplicatedState>();
  readonly #sorted = new Map<ReplicatedState, Sorted>();
  readonly #digests = new WeakMap<readonly Uint8Array[], Uint8Array>();
  readonly #trees = new Map<string, RecordTree>();
  #whole: { readonly of: readonly (readonly Uint8Array[])[]; readonly digest: Uint8Array } | undefined;

  constructor(foreign: ForeignRecords, log: Logger) {
    this.#foreign = foreign;
    this.#log = log;
  }

  /** Throws for a kind that is no word, or that another state has: two owners of one kind would judge it differently. */
  add(state: ReplicatedState): void {
    for (const kind of state.kinds) {
      if (!isRecordKind(kind)) {
        throw new RangeError(`"${kind}" of the state ${state.name} is no kind of records`);
      }
      const owner = this.#states.get(kind);
      if (owner !== undefined) {
        throw new RangeError(
          `records of kind ${kind} belong to the state ${owner.name}, not to ${state.name}`,
        );
      }
    }
    for (const kind of state.kinds) this.#states.set(kind, state);
  }

  /** The kinds of all states, also of empty ones, and those of which something is kept for others. */
  kinds(): readonly string[] {
    return [...this.#states.keys(), ...this.#foreign.kinds()];
  }

  /** The same array until something changes. */
  records(kind: string): readonly Uint8Array[] {
    const state = this.#states.get(kind);
    if (state === undefined) return this.#foreign.records(kind);
    return this.#sort(state).byKind.get(kind) ?? nothing;
  }

  /** Of what is held now. */
  tree(kind: string): RecordTree {
    const records = this.records(kind);
    // One that is asked about what nobody has ever heard of must not be made to remember it.
    if (records.length === 0 && !this.#trees.has(kind)) return noRecords;
    const tree = this.#trees.get(kind) ?? new RecordTree();
    this.#trees.set(kind, tree);
    tree.update(records);
    return tree;
  }

  /** 8 bytes over all records of all kinds, whoever knows which of them: a kind of which nothing is held counts nothing. */
  wholeDigest(): Uint8Array {
    const held = this.kinds().toSorted().map((kind) => ({ kind, records: this.records(kind) }))
      .filter(({ records }) => records.length > 0);
    const known = this.#whole;
    if (known?.of.length === held.length && held.every(({ records }, i) => records === known.of[i])) {
      return known.digest;
    }
    const parts = held.flatMap((
      { kind },
    ) => [domainHash("kind 1", 16, ascii(kind)), this.tree(kind).digest("")]);
    const digest = domainHash("state digest 1", 8, ...parts);
    this.#whole = { of: held.map(({ records }) => records), digest };
    return digest;
  }

  holds(record: Uint8Array): boolean {
    const kind = claimedKind(record);
    return kind !== undefined && this.tree(kind).has(record);
  }

  /** Lets go of the trees of kinds that are gone. */
  sweep(): void {
    const kinds = new Set(this.kinds());
    for (const kind of this.#trees.keys()) if (!kinds.has(kind)) this.#trees.delete(kind);
  }

  /** As nodes compare it that know no trees. */
  digest(kind: string): Uint8Array {
    const records = this.records(kind);
    const known = this.#digests.get(records);
    if (known !== undefined) return known;
    const digest = recordsDigest(records);
    this.#digests.set(records, digest);
    return digest;
  }

  /** What was new. Nothing of it is believed here: whoever owns the kind judges. */
  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const shares = new Map<ReplicatedState | undefined, Uint8Array[]>();
    for (const record of records) {
      const kind = record.length <= maxRecordBytes ? claimedKind(record) : undefined;
      if (kind === undefined) continue;
      const state = this.#states.get(kind);
      shares.set(state, [...shares.get(state) ?? [], record]);
    }
    return [...shares].flatMap(([state, share]) =>
      state === undefined ? this.#foreign.merge(share) : this.#guard(state, () => state.merge(share))
    );
  }

  #sort(state: ReplicatedState): Sorted {
    const all = this.#guard(state, () => state.records());
    const known = this.#sorted.get(state);
    if (known?.all === all) return known;
    // No message holds what is longer, and nobody takes it: it must not stand in the way of the others.
    const fitting = all.filter((record) => record.length <= maxRecordBytes);
    const byKind = state.kinds.length === 1
      ? new Map([[state.kinds[0]!, fitting]])
      : Map.groupBy(fitting, (record) => kindOf(record) ?? "");
    const sorted = { all, byKind };
    this.#sorted.set(state, sorted);
    return sorted;
  }

  /** A state may be a third party's: what it throws must not end the exchange of all others. */
  #guard(state: ReplicatedState, ask: () => readonly Uint8Array[]): readonly Uint8Array[] {
    try {
      return ask();
    } catch (error) {
      this.#log.log("error", "A shared state failed", { who: state.name, error });
      return nothing;
    }
  }
}

const nothing: readonly Uint8Array[] = [];
const noRecords = new RecordTree();

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function kindOf(record: Uint8Array): string | undefined {
  const known = kinds.get(record);
  if (known !== undefined) return known;
  const kind = claimedKind(record);
  if (kind !== undefined) kinds.set(record, kind);
  return kind;
}
