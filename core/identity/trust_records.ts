/**
 * The records behind a {@link Trust}: a set that only grows, within bounds.
 *
 * A record is rooted when a path of admissions leads from the founder to its signer, whatever was revoked; the others
 * are pending. Bounds, and what makes replicas agree in spite of them:
 * - Per signer and kind, the earliest records stay (epoch, then wall time, then id). The earliest k of a union are the
 *   earliest k of the earliest k of its parts, so arrival order plays no part. A signer who forges early dates crowds
 *   out nobody but itself; an honest one at the limit finds its next record refused and its old ones safe.
 * - Pending records cost a stranger nothing, so few are kept: those with the lowest ids, which again needs no order.
 *   One that was dropped and gets rooted later is missing until the next exchange of records brings it back; who sends
 *   parents first (as {@link TrustRecords.inOrder} lists them) never depends on pending records at all.
 * - At the total limit newcomers are refused, whoever came first. There replicas may differ, and a network of that
 *   size needs an operator. Evicting by date or id instead would let one hostile member push out everybody else.
 */
import type { PeerId, WallMillis } from "../contracts/values.ts";

/** What judging takes of a record, and the record itself: whatever else it says is read from it again by who asks. */
interface RecordBase {
  /** Hex of `recordId`: the identity of the record. */
  readonly id: string;
  readonly bytes: Uint8Array;
  /** Hex of the signer's public key. */
  readonly signer: string;
  readonly epoch: number;
  readonly wall: WallMillis;
}
export interface AdmissionRecord extends RecordBase {
  readonly kind: "admission";
  /** Hex of the admitted key. */
  readonly subject: string;
  readonly subjectId: PeerId;
  /** Of the admitted. */
  readonly name: string;
}
export interface RevocationRecord extends RecordBase {
  readonly kind: "revocation";
  /** The target in hex: a member's key with the ids of the admissions that stand, or a token id. */
  readonly target:
    | { readonly type: "member"; readonly key: string; readonly standing: ReadonlySet<string> }
    | { readonly type: "token"; readonly id: string };
}
export type TrustRecord = AdmissionRecord | RevocationRecord;

export interface TrustLimits {
  readonly admissionsPerSigner: number;
  readonly revocationsPerSigner: number;
  readonly pending: number;
  /** Rooted records. */
  readonly total: number;
}

export const defaultTrustLimits: TrustLimits = {
  admissionsPerSigner: 4096,
  revocationsPerSigner: 1024,
  pending: 1024,
  total: 16_384,
};

export class TrustRecords {
  readonly #founder: string;
  readonly #limits: TrustLimits;
  readonly #all = new Map<string, TrustRecord>();
  readonly #bySigner = new Map<string, TrustRecord[]>();
  #rootedSigners: Set<string>;
  #pending = 0;
  /** Ids of what was taken away, for whoever keeps records on a disk. */
  #dropped: string[] = [];

  /** `founder` is the hex of its public key. */
  constructor(founder: string, limits: TrustLimits) {
    this.#founder = founder;
    this.#limits = limits;
    this.#rootedSigners = new Set([founder]);
  }

  /** An independent set with the same records. */
  clone(): TrustRecords {
    const copy = new TrustRecords(this.#founder, this.#limits);
    for (const record of this.#all.values()) copy.#insert(record);
    copy.#pending = this.#pending;
    copy.#rootedSigners = new Set(this.#rootedSigners);
    return copy;
  }

  has(id: string): boolean {
    return this.#all.has(id);
  }

  /** Whether the record is in the set afterwards. */
  add(record: TrustRecord): boolean {
    if (this.has(record.id)) return true;
    // Before anything changes: to take one away again means to look at all there are, and a liar sends thousands.
    if (this.#isSurplus(record)) return false;
    this.#insert(record);
    this.#account(record);
    this.#keepEarliest(record);
    this.#refuseBeyondTotal(record);
    this.#dropPending();
    if (this.has(record.id)) return true;
    // Nobody has it on a disk: who sends what finds no room must not make this list grow.
    this.#dropped = this.#dropped.filter((id) => id !== record.id);
    return false;
  }

  /** The text by which this signer is named already, so that thousands of records do not each keep their own. */
  signerNamed(signer: string): string {
    return this.#bySigner.get(signer)?.[0]?.signer ?? signer;
  }

  /** Ids of the records that had to make room since the last call, and have not come back. */
  takeDropped(): readonly string[] {
    const dropped = this.#dropped.filter((id) => !this.has(id));
    this.#dropped = [];
    return dropped;
  }

  signedBy(signer: string): readonly TrustRecord[] {
    return this.#bySigner.get(signer) ?? [];
  }

  /** Every rooted record, parents before what they enable, then the pending ones; the same order on every replica. */
  inOrder(): readonly TrustRecord[] {
    const rooted = this.rooted();
    const pending = this.#pendingRecords().toSorted(compareSeniority);
    return [...rooted, ...pending];
  }

  /** Breadth first from the founder: a record comes after an admission of its signer. */
  rooted(): readonly TrustRecord[] {
    return [...walk(this.#founder, (signer) => this.signedBy(signer).toSorted(compareSeniority))];
  }

  #insert(record: TrustRecord): void {
    this.#all.set(record.id, record);
    const siblings = this.#bySigner.get(record.signer);
    if (siblings === undefined) this.#bySigner.set(record.signer, [record]);
    else siblings.push(record);
  }

  /** Brings the rooted signers and the number of pending records up to date with an insertion. */
  #account(record: TrustRecord): void {
    if (!this.#rootedSigners.has(record.signer)) {
      this.#pending++;
      return;
    }
    if (record.kind === "admission") this.#root(record.subject);
  }

  #root(subject: string): void {
    const open = [subject];
    for (let signer = open.pop(); signer !== undefined; signer = open.pop()) {
      if (this.#rootedSigners.has(signer)) continue;
      this.#rootedSigners.add(signer);
      const records = this.signedBy(signer);
      this.#pending -= records.length;
      for (const record of records) if (record.kind === "admission") open.push(record.subject);
    }
  }

  /** Whether its signer has as many earlier ones as it may. */
  #isSurplus(newcomer: TrustRecord): boolean {
    const siblings = this.#siblings(newcomer);
    if (siblings.length < this.#limitFor(newcomer)) return false;
    return siblings.every((sibling) => compareSeniority(sibling, newcomer) < 0);
  }

  #keepEarliest(newcomer: TrustRecord): void {
    const siblings = this.#siblings(newcomer);
    if (siblings.length <= this.#limitFor(newcomer)) return;
    this.#remove([siblings.reduce((latest, each) => compareSeniority(latest, each) < 0 ? each : latest)]);
  }

  /** Of its signer and kind, itself too once it is in the set. */
  #siblings({ signer, kind }: TrustRecord): readonly TrustRecord[] {
    return this.signedBy(signer).filter((record) => record.kind === kind);
  }

  #limitFor({ kind }: TrustRecord): number {
    const { admissionsPerSigner, revocationsPerSigner } = this.#limits;
    return kind === "admission" ? admissionsPerSigner : revocationsPerSigner;
  }

  #refuseBeyondTotal(newcomer: TrustRecord): void {
    const rooted = this.#all.size - this.#pending;
    if (rooted > this.#limits.total && this.has(newcomer.id)) this.#remove([newcomer]);
  }

  #dropPending(): void {
    const surplus = this.#pending - this.#limits.pending;
    if (surplus <= 0) return;
    const highestFirst = this.#pendingRecords().toSorted((left, right) => left.id < right.id ? 1 : -1);
    this.#remove(highestFirst.slice(0, surplus));
  }

  #pendingRecords(): readonly TrustRecord[] {
    const pending: TrustRecord[] = [];
    for (const [signer, records] of this.#bySigner) {
      if (!this.#rootedSigners.has(signer)) pending.push(...records);
    }
    return pending;
  }

  #remove(records: readonly TrustRecord[]): void {
    for (const record of records) {
      this.#all.delete(record.id);
      this.#dropped.push(record.id);
      const rest = this.signedBy(record.signer).filter((sibling) => sibling !== record);
      if (rest.length > 0) this.#bySigner.set(record.signer, rest);
      else this.#bySigner.delete(record.signer);
    }
    const isRooted = (record: TrustRecord) => this.#rootedSigners.has(record.signer);
    if (records.some(isRooted)) this.#recount();
    else this.#pending -= records.length;
  }

  /** From nothing: taking a rooted record away may cut a whole branch off the root, and is rare. */
  #recount(): void {
    this.#rootedSigners = new Set();
    this.#pending = this.#all.size;
    this.#root(this.#founder);
  }
}

function* walk(founder: string, signedBy: (signer: string) => readonly TrustRecord[]): Iterable<TrustRecord> {
  const reached = new Set([founder]);
  for (const signer of reached) {
    for (const record of signedBy(signer)) {
      if (record.kind === "admission") reached.add(record.subject);
      yield record;
    }
  }
}

/** Order of records: epoch, then wall time, then id, which makes it total. */
export function compareSeniority(left: TrustRecord, right: TrustRecord): number {
  return left.epoch - right.epoch || left.wall - right.wall ||
    (left.id < right.id ? -1 : left.id > right.id ? 1 : 0);
}
