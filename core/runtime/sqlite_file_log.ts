/**
 * Whether a write-ahead log has lost what had been acknowledged.
 *
 * SQLite reads a log up to the first frame that does not check, and takes the rest for the torn end of a transaction that
 * nobody had been told of. That is right after a power cut. It is wrong when the disk has damaged the middle: then whole
 * transactions behind the damage vanish without a word. Both can be told apart, because with `synchronous = FULL` no
 * frame of a transaction is written before the one before it was synced: a frame of this log that lies behind a commit
 * that lies behind the break proves that the break was once whole.
 *
 * A log cut off at its end cannot be told from one that was never longer; only a disk that lies about syncs does that.
 *
 * The form is that of sqlite.org/fileformat2.html section 4.1; big endian, but for the words of the checksum when the
 * lowest bit of the magic number is 0:
 *
 *     header 32:  magic | form | page size | checkpoints | salt 1 | salt 2 | checksum 1 | checksum 2
 *     frame 24 + page size:  page number | pages after a commit, else 0 | salt 1 | salt 2 | checksum 1 | checksum 2 | page
 */
const headerBytes = 32;
const frameHeaderBytes = 24;
/** Without the lowest bit, which says in which byte order the checksum reads its words. */
const magic = 0x377f0682;

/** True when the log must have held transactions that can be read no more. Reads any bytes, and throws nothing. */
export function isLogDamaged(log: Uint8Array): boolean {
  if (log.length < headerBytes + frameHeaderBytes) return false;
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const word = view.getUint32(0);
  const pageBytes = view.getUint32(8);
  const isLittle = (word & 1) === 0;
  const sum = checksum(view, [0, 24, isLittle], [0, 0]);
  const isHeader = ((word & ~1) >>> 0) === magic && pageBytes >= 512 && pageBytes <= 65_536 &&
    sum[0] === view.getUint32(24) && sum[1] === view.getUint32(28);
  // The header is synced before the first frame.
  if (!isHeader) return true;
  const frames = new Frames(view, frameHeaderBytes + pageBytes, isLittle);
  return frames.provesMoreBehind(frames.firstBroken(sum));
}

type Sums = readonly [number, number];

class Frames {
  readonly #view: DataView;
  readonly #frameBytes: number;
  readonly #isLittle: boolean;

  constructor(view: DataView, frameBytes: number, isLittle: boolean) {
    this.#view = view;
    this.#frameBytes = frameBytes;
    this.#isLittle = isLittle;
  }

  /** Where the first frame stands that does not check; the end when all do. */
  firstBroken(start: Sums): number {
    let sums = start;
    let at = headerBytes;
    for (; at + this.#frameBytes <= this.#view.byteLength; at += this.#frameBytes) {
      if (!this.#isOfThisLog(at)) return at;
      sums = checksum(this.#view, [at, 8, this.#isLittle], sums);
      const page = [at + frameHeaderBytes, this.#frameBytes - frameHeaderBytes, this.#isLittle] as const;
      sums = checksum(this.#view, page, sums);
      if (sums[0] !== this.#view.getUint32(at + 16) || sums[1] !== this.#view.getUint32(at + 20)) return at;
    }
    return at;
  }

  /** Whether a frame of this log lies behind a commit at or behind `at`. */
  provesMoreBehind(at: number): boolean {
    let committed = false;
    for (; at + frameHeaderBytes <= this.#view.byteLength; at += this.#frameBytes) {
      if (!this.#isOfThisLog(at)) continue;
      if (committed) return true;
      committed = this.#view.getUint32(at + 4) !== 0;
    }
    return false;
  }

  /** Frames of the log's earlier round stay behind the end of a shorter one; they have other salts. */
  #isOfThisLog(at: number): boolean {
    return this.#view.getUint32(at + 8) === this.#view.getUint32(16) &&
      this.#view.getUint32(at + 12) === this.#view.getUint32(20);
  }
}

function checksum(
  view: DataView,
  [start, length, isLittle]: readonly [number, number, boolean],
  [first, second]: Sums,
): Sums {
  for (let at = start; at < start + length; at += 8) {
    first = (first + view.getUint32(at, isLittle) + second) >>> 0;
    second = (second + view.getUint32(at + 4, isLittle) + first) >>> 0;
  }
  return [first, second];
}
