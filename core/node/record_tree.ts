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
import { decodeHex, encodeHex } from "../wire/hex.ts";
import { idNamed, recordName } from "../identity/records_digest.ts";

export const digestBytes = 16;
export const branches = 16;
/** Whoever wants more records to share a longer prefix has to make 2^32 for each. */
export const longestPrefix = 8;

const digits = [..."0123456789abcdef"];
/** Prefixes of this length have a bucket. */
const bucketPrefix = 2;

/** A record and its id in hex. */
export interface NamedRecord {
  readonly name: string;
  readonly record: Uint8Array;
}

/** There are 256, and in most networks of a record or two: what each of them weighs counts as much as the records. */
interface Bucket {
  names: readonly string[];
  isSorted: boolean;
  /** Hex of the digest of all, until the bucket changes. */
  digest: string | undefined;
  /** By longer prefix, until the bucket changes. */
  deeper: Map<string, Uint8Array> | undefined;
}

export class RecordTree {
  readonly #held = new Map<string, Uint8Array>();
  /** How often a record is there beyond the first time: hardly ever. */
  readonly #copies = new Map<string, number>();
  readonly #buckets = new Map<string, Bucket>();
  /** Of prefixes that are shorter than a bucket's. */
  readonly #upper = new Map<string, Uint8Array>();
  #records: readonly Uint8Array[] = [];

  /** Takes what there is now; the same array costs nothing, and another one little besides what differs. */
  update(records: readonly Uint8Array[]): void {
    if (records === this.#records) return;
    const { gone, added } = changeOf(this.#records, records);
    this.#records = records;
    // First what came: a record that only stands elsewhere now is not let go of, to be sorted in anew.
    for (const record of added) this.#keep(record);
    for (const record of gone) this.#drop(record);
  }

  get size(): number {
    return this.#held.size;
  }

  /** By the hex of its id. */
  get(id: string): Uint8Array | undefined {
    return this.#held.get(id);
  }

  has(record: Uint8Array): boolean {
    return this.#held.has(recordName(record));
  }

  digest(prefix: string): Uint8Array {
    if (prefix.length < bucketPrefix) return this.#upperDigest(prefix);
    const bucket = this.#buckets.get(prefix.slice(0, bucketPrefix));
    if (bucket === undefined) return nothing;
    if (prefix.length > bucketPrefix) return this.#deepDigest(bucket, prefix);
    if (bucket.digest !== undefined) return decodeHex(bucket.digest)!;
    const digest = leafDigest(this.#namesUnder(prefix));
    bucket.digest = encodeHex(digest);
    return digest;
  }

  count(prefix: string): number {
    if (prefix === "") return this.size;
    if (prefix.length >= bucketPrefix) return this.#namesUnder(prefix).length;
    return digits.reduce((sum, digit) => sum + (this.#buckets.get(prefix + digit)?.names.length ?? 0), 0);
  }

  /** Those whose id begins with `prefix`, in the order of their ids. */
  under(prefix: string): readonly NamedRecord[] {
    return this.#namesUnder(prefix).map((name) => ({ name, record: this.#held.get(name)! }));
  }

  #namesUnder(prefix: string): readonly string[] {
    if (prefix.length < bucketPrefix) return digits.flatMap((digit) => this.#namesUnder(prefix + digit));
    const bucket = this.#buckets.get(prefix.slice(0, bucketPrefix));
    if (bucket === undefined) return [];
    if (!bucket.isSorted) {
      bucket.names = bucket.names.toSorted();
      bucket.isSorted = true;
    }
    if (prefix.length === bucketPrefix) return bucket.names;
    return bucket.names.filter((name) => name.startsWith(prefix));
  }

  #keep(record: Uint8Array): void {
    const name = recordName(record);
    if (this.#held.has(name)) {
      this.#copies.set(name, (this.#copies.get(name) ?? 0) + 1);
      return;
    }
    this.#held.set(name, record);
    const bucket = this.#changed(name);
    // Pushed to, an array makes room for a dozen more that may never come.
    bucket.names = [...bucket.names, name];
    bucket.isSorted = bucket.names.length === 1;
  }

  #drop(record: Uint8Array): void {
    const name = recordName(record);
    const copies = this.#copies.get(name) ?? 0;
    if (copies > 1) this.#copies.set(name, copies - 1);
    else if (copies === 1) this.#copies.delete(name);
    else if (this.#held.delete(name)) {
      const bucket = this.#changed(name);
      bucket.names = bucket.names.filter((each) => each !== name);
    }
  }

  #changed(id: string): Bucket {
    const prefix = id.slice(0, bucketPrefix);
    const bucket = this.#buckets.get(prefix) ??
      { names: [], isSorted: true, digest: undefined, deeper: undefined };
    this.#buckets.set(prefix, bucket);
    bucket.digest = bucket.deeper = undefined;
    for (let length = 0; length < bucketPrefix; length++) this.#upper.delete(id.slice(0, length));
    return bucket;
  }

  #deepDigest(bucket: Bucket, prefix: string): Uint8Array {
    const known = bucket.deeper?.get(prefix);
    if (known !== undefined) return known;
    const digest = leafDigest(this.#namesUnder(prefix));
    bucket.deeper ??= new Map();
    bucket.deeper.set(prefix, digest);
    return digest;
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

function leafDigest(names: readonly string[]): Uint8Array {
  return names.length === 0 ? nothing : domainHash("records leaf 1", digestBytes, ...names.map(idNamed));
}

/** Of no records. */
const nothing = new Uint8Array(digestBytes);

interface Change {
  readonly gone: readonly Uint8Array[];
  readonly added: readonly Uint8Array[];
}

/**
 * What makes `after` of `before`. States keep an order: they take a few out and put new ones at the end, or sort a few in. So
 * the two arrays are compared by place, and the names of all that stayed need not be asked for; in another order records
 * may be named in both, which is only dearer.
 */
function changeOf(before: readonly Uint8Array[], after: readonly Uint8Array[]): Change {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  let next = start;
  const gone = before.slice(start, before.length - end).filter((record) => {
    if (next === after.length - end || record !== after[next]) return true;
    next++;
    return false;
  });
  return { gone, added: after.slice(next, after.length - end) };
}
