/**
 * Super-frames of 46 segments of 1,400 bytes, cut and joined, against a bare copy of the same bytes: neither copies a payload, so
 * what is measured is the work on headers. With checksums finished, every byte is read once.
 *
 * By itself: `node -C source tests/bench/super_frames.ts`.
 */
import { heapArena } from "../../core/datapath/arena.ts";
import { Coalescer, coalescerLength } from "../../core/datapath/coalescer.ts";
import { Segmenter } from "../../core/datapath/segmenter.ts";
import {
  frameOf,
  type PacketFields,
  partialPacket,
  payloadOf,
} from "../../core/datapath/super_frame_fixture.ts";
import { Batches } from "./batches.ts";
import { printRows, type Row, times } from "./report.ts";

const segments = 46;
const segmentSize = 1_348;
const frameAt = 4_096;
const packetsAt = frameAt + 0x1_0000 + coalescerLength;
/** Headers are written into the frame, so that it has to be put back: only its first bytes are. */
const headerRoom = 128;

interface Kind {
  readonly name: string;
  readonly fields: PacketFields;
  readonly type: number;
  /** `start << 16 | field` of the partial checksum. */
  readonly key: number;
}

const options = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1);
const kinds: readonly Kind[] = [
  { name: "TCP, IPv4", fields: { options }, type: 1, key: (20 << 16) | 16 },
  { name: "TCP, IPv6", fields: { options, family: 6 }, type: 4, key: (40 << 16) | 16 },
  { name: "UDP, IPv4", fields: { upper: "udp" }, type: 5, key: (20 << 16) | 6 },
];

class Bed {
  readonly #arena = heapArena(packetsAt + segments * 2_048);
  readonly #segmenter = new Segmenter(this.#arena);
  #written = 0;
  readonly #coalescer = new Coalescer(this.#arena, frameAt + 0x1_0000, {
    write: (_iov, count) => void (this.#written += count),
  });
  readonly #frame: Uint8Array;
  readonly #header: Uint8Array;
  readonly #kind: Kind;
  readonly #lengths: number[] = [];
  readonly #packets: Uint8Array[] = [];

  constructor(kind: Kind) {
    this.#kind = kind;
    const payload = payloadOf(segments * segmentSize);
    this.#frame = frameOf(partialPacket({ ...kind.fields, payload }), { type: kind.type, segmentSize });
    this.#header = this.#frame.slice(0, headerRoom);
    this.#arena.bytes.set(this.#frame, frameAt);
    if (this.cut(false) === 0) throw new Error(`the frame is refused: drop ${this.#segmenter.drop}`);
    this.#keepPackets();
  }

  copy(): number {
    this.#arena.bytes.copyWithin(packetsAt, frameAt, frameAt + this.#frame.length);
    return this.#arena.bytes[packetsAt]! + 1;
  }

  cut(finish: boolean): number {
    this.#arena.bytes.set(this.#header, frameAt);
    const segmenter = this.#segmenter;
    let length = segmenter.begin(frameAt, this.#frame.length);
    while (segmenter.next(finish)) length += segmenter.length;
    return length;
  }

  /** The first packet's headers are rewritten: they are put back too. */
  join(): number {
    this.#arena.bytes.set(this.#packets[0]!, packetsAt);
    const protocol = this.#packets[0]![0]! >>> 4 === 4 ? 0x0800 : 0x86dd;
    let drops = 0;
    for (let i = 0; i < segments; i++) {
      drops += this.#coalescer.packet.parse(packetsAt + i * 2_048, this.#lengths[i]!, protocol);
      drops += this.#coalescer.add(this.#kind.key);
    }
    this.#coalescer.flush();
    if (drops > 0) throw new Error("packets are refused");
    return this.#written;
  }

  #keepPackets(): void {
    this.#arena.bytes.set(this.#frame, frameAt);
    this.#segmenter.begin(frameAt, this.#frame.length);
    while (this.#segmenter.next(false)) {
      const { offset, length } = this.#segmenter;
      const packet = this.#arena.bytes.slice(offset, offset + length);
      this.#arena.bytes.set(packet, packetsAt + this.#packets.length * 2_048);
      this.#packets.push(packet.slice(0, headerRoom));
      this.#lengths.push(length);
    }
  }
}

export async function benchSuperFrames(): Promise<readonly Row[]> {
  const batches = new Batches();
  const beds = kinds.map((kind) => new Bed(kind));
  // Over the packets of a bed that has no other use for them.
  const spare = new Bed(kinds[0]!);
  batches.add("copy", () => spare.copy());
  kinds.forEach(({ name }, i) => {
    const bed = beds[i]!;
    batches.add(`cut, ${name}`, () => bed.cut(false));
    batches.add(`cut, checksums finished, ${name}`, () => bed.cut(true));
    batches.add(`join, ${name}`, () => bed.join());
  });
  await batches.run();
  const perSegment = (what: string) => 1e9 / batches.perSecond(what) / segments;
  const row = (what: string): Row => ({
    what,
    figure: `${perSegment(what).toFixed(0)} ns a segment`,
    ...(what === "copy" ? {} : { ratio: `${times(perSegment(what) / perSegment("copy"))} copy` }),
  });
  return [
    row("copy"),
    ...kinds.flatMap(({ name }) =>
      ["cut", "cut, checksums finished", "join"].map((step) => row(`${step}, ${name}`))
    ),
  ];
}

if (import.meta.main) printRows("Super-frames", await benchSuperFrames());
