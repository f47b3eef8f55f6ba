/**
 * Records of kinds that nobody on this node can judge: they come from newer nodes, or belong to a plugin that this node
 * does not have. They are kept for as long as it runs and passed on, so that a node in the middle does not part those
 * who know more than it does.
 *
 * All that can be checked is the envelope: it is well-formed, and signed by a member in good standing. Bounds, and what
 * makes two such nodes agree in spite of them:
 * - Of one signer those records stay whose body has the greatest number `q` (none counts as 0), then the lowest ids.
 * - Of all together, places are dealt out in rounds: every signer's first record, then every signer's second, and so on,
 *   signers in the order of their keys. Nobody loses a place of the first rounds to another who signs much.
 *
 * Both keep the first k of an order that no later record can turn around: what stays of a union is what stays of the
 * parts that stayed, so arrival order plays no part. That is also why places are counted and not bytes, of which a
 * record has at most 1,024: with a budget of bytes a short record could slip in after a long one was dropped, in one
 * order of arrival and not in another.
 */
import { isRecordKind, maxRecordBytes, openRecord, readBody, recordId } from "../identity/signed.ts";
import { copyBytes } from "../wire/bytes.ts";
import { encodeHex } from "../wire/hex.ts";

export interface ForeignLimits {
  readonly perSigner: number;
  readonly total: number;
}

export const foreignLimits: ForeignLimits = { perSigner: 256, total: 4096 };

interface ForeignRecord {
  readonly kind: string;
  readonly bytes: Uint8Array;
  /** Hex. */
  readonly id: string;
  readonly signer: Uint8Array;
  /** The number `q` of the body. */
  readonly number: number;
}

export class ForeignRecords {
  readonly #isMember: (publicKey: Uint8Array) => boolean;
  readonly #limits: ForeignLimits;
  /** By hex of the signer's key; in the order in which they are kept. */
  readonly #bySigner = new Map<string, ForeignRecord[]>();
  readonly #ids = new Set<string>();
  #byKind: ReadonlyMap<string, readonly Uint8Array[]> | undefined;

  constructor(isMember: (publicKey: Uint8Array) => boolean, limits: ForeignLimits = foreignLimits) {
    this.#isMember = isMember;
    this.#limits = limits;
  }

  /** Kinds of which something is held. */
  kinds(): readonly string[] {
    return [...this.#grouped().keys()];
  }

  /** The same array until something changes. */
  records(kind: string): readonly Uint8Array[] {
    return this.#grouped().get(kind) ?? [];
  }

  /** As `ReplicatedState.merge`. */
  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const before = this.#byKind;
    const added: ForeignRecord[] = [];
    for (const bytes of records) {
      const record = this.#open(bytes);
      if (record === undefined) continue;
      this.#insert(record);
      added.push(record);
    }
    if (this.#ids.size > this.#limits.total) this.#deal();
    const kept = added.filter(({ id }) => this.#ids.has(id)).map(({ bytes }) => bytes);
    // What found no place took none either, so all is as it was.
    if (kept.length === 0) this.#byKind = before;
    return kept;
  }

  /** Members have come or gone: lets go of what is no member's any more. */
  sweep(): void {
    for (const [key, records] of this.#bySigner) {
      if (!this.#isMember(records[0]!.signer)) this.#drop(key, 0);
    }
  }

  #open(received: Uint8Array): ForeignRecord | undefined {
    if (received.length > maxRecordBytes) return undefined;
    const id = encodeHex(recordId(received));
    if (this.#ids.has(id)) return undefined;
    const bytes = copyBytes(received);
    const opened = openRecord(bytes, isRecordKind);
    if (opened === undefined || !this.#isMember(opened.signer)) return undefined;
    const number = readBody(opened, (fields) => fields.integer("q", 0, Number.MAX_SAFE_INTEGER)) ?? 0;
    return { kind: opened.kind, bytes, id, signer: copyBytes(opened.signer), number };
  }

  #insert(record: ForeignRecord): void {
    const key = encodeHex(record.signer);
    const records = this.#bySigner.get(key) ?? [];
    this.#bySigner.set(key, records);
    const at = records.findIndex((other) => compareKept(record, other) < 0);
    records.splice(at < 0 ? records.length : at, 0, record);
    this.#ids.add(record.id);
    this.#byKind = undefined;
    this.#drop(key, this.#limits.perSigner);
  }

  /** Deals the places out anew, a round at a time. */
  #deal(): void {
    const signers = [...this.#bySigner.keys()].sort();
    const places = new Map(signers.map((key) => [key, 0]));
    let left = this.#limits.total;
    for (let round = 0; left > 0 && round < this.#limits.perSigner; round++) {
      for (const key of signers) {
        if (left === 0 || this.#bySigner.get(key)!.length <= round) continue;
        places.set(key, round + 1);
        left--;
      }
    }
    for (const [key, count] of places) this.#drop(key, count);
  }

  /** All of a signer but the first `kept`. */
  #drop(key: string, kept: number): void {
    const records = this.#bySigner.get(key)!;
    if (records.length <= kept) return;
    for (const { id } of records.splice(kept)) this.#ids.delete(id);
    if (records.length === 0) this.#bySigner.delete(key);
    this.#byKind = undefined;
  }

  #grouped(): ReadonlyMap<string, readonly Uint8Array[]> {
    if (this.#byKind !== undefined) return this.#byKind;
    const groups = Map.groupBy([...this.#bySigner.values()].flat(), ({ kind }) => kind);
    return this.#byKind = new Map(
      [...groups].map(([kind, records]) => [kind, records.map(({ bytes }) => bytes)]),
    );
  }
}

/** The greatest number first, then the lowest id. */
function compareKept(a: ForeignRecord, b: ForeignRecord): number {
  return b.number - a.number || (a.id < b.id ? -1 : 1);
}
