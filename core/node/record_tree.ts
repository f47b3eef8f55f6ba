/**
 * The records of one kind, by their ids, with a digest for all that begin alike: so two nodes find out what one of them
 * lacks by talking of that alone, and a new record costs three short hashes and not one over all.
 *
 * A prefix is a text of hex digits, 0 to 8 of them. Its digest is 16 bytes of BLAKE2s: over the sorted ids that begin with
 * it; of fewer than two digits over the digests of its 16 branches. Sums of ids, which are still cheaper to keep, were
 * rejected for what `recordsDigest` says of them: they are linear, and a member that signs a few hundred records can
 * choose among them so that two different sets have one sum.
 */
import { domainHash } from "../identity/domain.ts";
import { type RecordName, recordName } from "../identity/records_digest.ts";

export const digestBytes = 16;
export const branches = 16;
/** Whoever wants more records to share a longer prefix has to make 2^32 for each. */
export const longestPrefix = 8;

const digits = [..."0123456789abcdef"];
/** Prefixes of this length have a bucket. */
const bucketPrefix = 2;

interface Entry extends RecordName {
  readonly record: Uint8Array;
  edition: number;
}

interface Bucket {
  entries: Entry[];
  isSorted: boolean;
  /** By prefix, until the bucket changes. */
  readonly digests: Map<string, Uint8Array>;
}

export class RecordTree {
  readonly #entries = new Map<string, Entry>();
  readonly #buckets = new Map<string, Bucket>();
  /** Of prefixes that are shorter than a bucket's. */
  readonly #upper = new Map<string, Uint8Array>();
  #records: readonly Uint8Array[] = [];
  #edition = 0;

  /** Takes what there is now; the same array costs nothing. */
  update(records: readonly Uint8Array[]): void {
    if (records === this.#records) return;
    this.#records = records;
    this.#edition++;
    let kept = 0;
    for (const record of records) if (this.#keep(record)) kept++;
    if (this.#entries.size === kept) return;
    for (const entry of this.#entries.values()) {
      if (entry.edition !== this.#edition) this.#drop(entry);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** By the hex of its id. */
  get(id: string): Uint8Array | undefined {
    return this.#entries.get(id)?.record;
  }

  has(record: Uint8Array): boolean {
    return this.#entries.has(recordName(record).text);
  }

  digest(prefix: string): Uint8Array {
    if (prefix.length < bucketPrefix) return this.#upperDigest(prefix);
    const bucket = this.#buckets.get(prefix.slice(0, bucketPrefix));
    const known = bucket?.digests.get(prefix);
    if (known !== undefined) return known;
    const entries = this.under(prefix);
    if (entries.length === 0) return nothing;
    const digest = domainHash("records leaf 1", digestBytes, ...entries.map(({ id }) => id));
    bucket!.digests.set(prefix, digest);
    return digest;
  }

  count(prefix: string): number {
    if (prefix === "") return this.size;
    if (prefix.length >= bucketPrefix) return this.under(prefix).length;
    return digits.reduce((sum, digit) => sum + (this.#buckets.get(prefix + digit)?.entries.length ?? 0), 0);
  }

  /** Those whose id begins with `prefix`, in the order of their ids. */
  under(prefix: string): readonly (RecordName & { readonly record: Uint8Array })[] {
    if (prefix.length < bucketPrefix) return digits.flatMap((digit) => this.under(prefix + digit));
    const bucket = this.#buckets.get(prefix.slice(0, bucketPrefix));
    if (bucket === undefined) return [];
    if (!bucket.isSorted) {
      bucket.entries.sort((a, b) => a.text < b.text ? -1 : 1);
      bucket.isSorted = true;
    }
    if (prefix.length === bucketPrefix) return bucket.entries;
    return bucket.entries.filter(({ text }) => text.startsWith(prefix));
  }

  /** False for a second copy of one record. */
  #keep(record: Uint8Array): boolean {
    const name = recordName(record);
    const known = this.#entries.get(name.text);
    if (known !== undefined) {
      const isFirst = known.edition !== this.#edition;
      known.edition = this.#edition;
      return isFirst;
    }
    const entry: Entry = { ...name, record, edition: this.#edition };
    this.#entries.set(name.text, entry);
    const bucket = this.#changed(name.text);
    bucket.entries.push(entry);
    bucket.isSorted = false;
    return true;
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.text);
    const bucket = this.#changed(entry.text);
    bucket.entries = bucket.entries.filter((each) => each !== entry);
  }

  #changed(id: string): Bucket {
    const prefix = id.slice(0, bucketPrefix);
    const bucket = this.#buckets.get(prefix) ?? { entries: [], isSorted: true, digests: new Map() };
    this.#buckets.set(prefix, bucket);
    bucket.digests.clear();
    for (let length = 0; length < bucketPrefix; length++) this.#upper.delete(id.slice(0, length));
    return bucket;
  }

  #upperDigest(prefix: string): Uint8Array {
    const known = this.#upper.get(prefix);
    if (known !== undefined) return known;
    const below = digits.map((digit) => this.digest(prefix + digit));
    const digest = domainHash("records branch 1", digestBytes, ...below);
    this.#upper.set(prefix, digest);
    return digest;
  }
}

/** Of no records. */
const nothing = new Uint8Array(digestBytes);
