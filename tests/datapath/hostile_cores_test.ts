/**
 * Frames of a container that means harm, and packets of a peer that does: the data path as a whole neither throws nor asks
 * the kernel for what it refuses, and does not stop. The cipher copies, so a peer's packets arrive as they were changed.
 */
import assert from "node:assert/strict";
import { type SentTrain, WiredCore } from "../../core/datapath/wired_cores_fixture.ts";
import { acquaint, cross, far, far6, near, near6, nearMac } from "../../core/datapath/wired_pair_fixture.ts";
import { SimRandom } from "../sim/random.ts";
import { test } from "../harness.ts";
import { copying, framesBetween } from "./tireless_cores.ts";

const frames = [
  ...framesBetween({ source: near, destination: far, mac: nearMac }),
  ...framesBetween({ source: near6, destination: far6, mac: nearMac }),
];
/** Where headers are: behind the one of the transport message, GRE, IP and TCP with its options. */
const headers = 100;
const firstChanged = { sealed: 16, plain: 0 } as const;
/** Versions, header lengths, protocols, flags and borders of fields: what a byte of a header has to be to mean anything. */
const telling = [
  0,
  1,
  4,
  5,
  6,
  8,
  16,
  17,
  20,
  40,
  43,
  44,
  58,
  60,
  0x45,
  0x46,
  0x4f,
  0x50,
  0x60,
  0xf0,
  127,
  128,
  255,
];

class Mischief {
  readonly #random: SimRandom;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  /** A copy with up to three bytes changed between `from` and the end of the headers. */
  changed(bytes: Uint8Array, from: number): Uint8Array {
    const copy = bytes.slice();
    const room = Math.min(headers, copy.length - from);
    for (let i = this.#random.below(4); i > 0 && room > 0; i--) {
      copy[from + this.#random.below(room)] = this.#random.below(2) === 0
        ? this.#random.below(256)
        : this.#random.pick(telling);
    }
    return copy;
  }

  /** Cut short, or with zeros behind it. */
  resized(bytes: Uint8Array): Uint8Array {
    const length = this.#random.below(2) === 0
      ? this.#random.below(bytes.length)
      : bytes.length + this.#random.below(60_000);
    const copy = new Uint8Array(length);
    copy.set(bytes.subarray(0, length));
    return copy;
  }

  frame(): Uint8Array {
    const frame = this.changed(this.#random.pick(frames), 0);
    return this.#random.below(8) === 0 ? this.resized(frame) : frame;
  }

  /** Each datagram is changed from its byte `first` on, and the size of them may lie. */
  train({ bytes, size, to }: SentTrain, first: number): SentTrain {
    const copy = bytes.slice();
    for (let at = 0; at < copy.length; at += size) {
      copy.set(this.changed(copy.subarray(at, at + size), first), at);
    }
    const lie = this.#random.pick([0, 1, 15, 31, 32, 33, size + 1, -5]);
    return { bytes: copy, size: this.#random.below(6) === 0 ? lie : size, to };
  }
}

/** As Linux reads the header in front of a frame for a TAP (virtio_net_hdr_to_skb), and the most that it cuts. */
function refusal(frame: Uint8Array): string | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const length = frame.length - 10;
  const [headerLength, size] = [view.getUint16(2, true), view.getUint16(4, true)];
  const checksumEnd = view.getUint16(6, true) + view.getUint16(8, true) + 2;
  const isPartial = (view.getUint8(0) & 1) !== 0;
  const type = view.getUint8(1) & 0x7f;
  if (length > 14 + 65_535) return "it is too long";
  if (isPartial && checksumEnd > length) return "its checksum is beyond its end";
  if (headerLength > length) return "its headers end beyond it";
  if (type === 0) return undefined;
  if (![1, 4, 5].includes(type) || !isPartial || size === 0) return "it cannot be cut";
  return Math.ceil((length - headerLength) / size) > 128 ? "it is cut into too many" : undefined;
}

for (const way of ["sealed", "plain"] as const) {
  test(`whatever a container and a peer send, ${way}, nothing throws, no write is refused, and packets cross afterwards`, () => {
    const mischief = new Mischief(new SimRandom(7));
    const [a, b] = [new WiredCore([copying]), new WiredCore([copying])];
    acquaint(a, b, way === "plain");
    let written = 0;
    for (let i = 0; i < 1_500; i++) {
      a.frames.push(mischief.frame(), mischief.frame());
      a.settle();
      for (const train of a.sent.splice(0)) cross(mischief.train(train, firstChanged[way]), b);
      for (const frame of b.written.splice(0)) {
        assert.equal(refusal(frame), undefined, `${frame.subarray(0, headers)}`);
        written++;
      }
      for (const core of [a, b]) core.punted();
    }
    assert.ok(written > 250, `${written} written`);
    a.frames.push(...frames);
    a.settle();
    for (const train of a.sent.splice(0)) cross(train, b);
    assert.equal(b.written.length, 4);
  });
}
