/**
 * Flows through both ends of the data path, against their twins: super-frames are cut; the packets are lost, doubled,
 * overtaken and changed on the way; what arrives is joined, and cut again as the kernel behind the TAP does.
 */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { heapArena } from "../../core/datapath/arena.ts";
import { Coalescer, coalescerLength } from "../../core/datapath/coalescer.ts";
import { Segmenter } from "../../core/datapath/segmenter.ts";
import { concatBytes, copyBytes, equalBytes } from "../../core/wire/bytes.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { fragmentIpv4 } from "../../core/wire/fragment.ts";
import { decodeIpv4 } from "../../core/wire/ipv4.ts";
import { SimRandom } from "../sim/random.ts";
import { type Arrived, coalesced } from "./coalescer_twin.ts";
import { TrafficFlow } from "./super_frame_traffic.ts";
import { finished, ipOf, resize, segmentsOf, unnumbered } from "./super_frame_twin.ts";

const takenAt = 0x1_0000;
const macsAt = 64;
const ownAt = 1024;
const arrivedAt = ownAt + coalescerLength;

export interface Outcome {
  /** Packets that arrived. */
  packets: number;
  /** Frames in which they were delivered. */
  frames: number;
}

interface Sent extends Arrived {
  /** Offsets of its checksum if that is partial, else 0. */
  readonly key: number;
}

export class SuperFrameModel {
  readonly #random: SimRandom;
  readonly #near = heapArena(takenAt + 0x1_0100);
  readonly #segmenter = new Segmenter(this.#near);
  readonly #far = heapArena(arrivedAt + 0x10_0000, 0x9000_0000);
  readonly #written: Uint8Array[] = [];
  readonly #coalescer = new Coalescer(this.#far, ownAt, {
    write: (iov, count) => void this.#written.push(this.#gather(iov, count)),
  });
  readonly outcome: Outcome = { packets: 0, frames: 0 };

  constructor(seed: number) {
    this.#random = new SimRandom(seed);
  }

  /** Some flows at once, until `packets` have been sent. */
  run(packets: number): void {
    const random = this.#random;
    const flows = Array.from({ length: 1 + random.below(20) }, () => new TrafficFlow(random));
    const road: Sent[] = [];
    for (let sent = 0; sent < packets;) {
      const flow = flows[Math.min(random.below(flows.length), random.below(flows.length))]!;
      const segments = this.#cut(flow);
      sent += segments.length;
      road.push(...segments);
      if (road.length > 150) this.#arrive(this.#spoil(road.splice(0)));
    }
    this.#arrive(this.#spoil(road));
  }

  #cut(flow: TrafficFlow): Sent[] {
    const taken = flow.taken();
    const expected = segmentsOf(taken);
    const segmenter = this.#segmenter;
    this.#near.bytes.set(taken, takenAt);
    assert.equal(segmenter.begin(takenAt, taken.length), expected.length, `drop ${segmenter.drop}`);
    const finish = this.#random.chance(0.2);
    const { checksumStart, checksumOffset } = segmenter;
    return expected.map((packet) => {
      assert.ok(segmenter.next(finish));
      const at = segmenter.offset;
      const segment = copyBytes(this.#near.bytes, at, at + segmenter.length);
      assert.ok(segment.length <= segmenter.longest);
      assert.ok(
        equalBytes(finish ? segment : finished(segment), packet),
        "a segment is not what the kernel makes",
      );
      // As the AEAD does not: what was consumed may be overwritten.
      this.#near.bytes.fill(0xee, at, at + segmenter.length);
      return {
        packet: segment,
        isPartial: !finish,
        macs: flow.macs,
        key: finish ? 0 : (checksumStart << 16) | checksumOffset,
      };
    });
  }

  /** What the underlay, or a peer that is up to something, makes of packets. */
  #spoil(road: readonly Sent[]): Sent[] {
    const random = this.#random;
    const spoiled: Sent[] = [];
    const fate = random.pick([0, 0.01, 0.1]);
    for (const one of road) {
      if (!random.chance(fate)) spoiled.push(one);
      else this.#meet(random.below(5), one, spoiled);
    }
    return spoiled;
  }

  #meet(fate: number, one: Sent, road: Sent[]): void {
    if (fate === 1) road.splice(this.#random.below(road.length + 1), 0, one);
    if (fate === 2) road.push(one, one);
    if (fate === 3) road.push(this.#changed(one));
    if (fate === 4) road.push(...fragmentsOf(one));
  }

  #changed(one: Sent): Sent {
    const packet = copyBytes(one.packet);
    const isIpv4 = packet[0]! >>> 4 === 4;
    const upper = ipOf(packet).payloadOffset;
    // TTL, type of service, an octet of an address; a window, a port, an acknowledgement, a sequence number.
    const places = isIpv4 ? [8, 1, 15, 4] : [7, 1, 23];
    const isTcp = packet[isIpv4 ? 9 : 6] === 6;
    packet[
      this.#random.pick([...places, upper + 1, ...(isTcp ? [upper + 15, upper + 11, upper + 7] : [])])
    ]! ^= 1;
    resize(packet);
    return { ...one, packet: one.isPartial ? packet : finished(packet) };
  }

  #arrive(road: readonly Sent[]): void {
    let from = 0;
    for (let to = 0; from < road.length; from = to) {
      to = from + 1 + this.#random.below(300);
      this.#deliver(road.slice(from, to));
    }
  }

  #deliver(batch: readonly Sent[]): void {
    const { bytes } = this.#far;
    let at = arrivedAt;
    for (const { packet, macs, key } of batch) {
      bytes.set(packet, at);
      bytes.set(macs, macsAt);
      this.#coalescer.destinationMac = macsAt;
      this.#coalescer.sourceMac = macsAt + 6;
      const protocol = packet[0]! >>> 4 === 4 ? 0x0800 : 0x86dd;
      // Now and then with bytes behind it, as padding of a link.
      const length = packet.length + this.#random.below(2) * 3;
      assert.equal(this.#coalescer.packet.parse(at, length, protocol), Drop.none);
      assert.equal(this.#coalescer.add(key), Drop.none);
      at += packet.length + this.#random.below(60);
    }
    this.#coalescer.flush();
    this.#check(batch, this.#written.splice(0));
  }

  #check(batch: readonly Sent[], written: readonly Uint8Array[]): void {
    const expected = coalesced(batch);
    assert.equal(written.length, expected.length, "packets were joined otherwise than by the rules");
    written.forEach((frame, i) => assert.ok(equalBytes(frame, expected[i]!), `frame ${i} is not the twin's`));
    const whole = batch.map((one) => finishedIfPartial(one));
    assertSameFlows(byFlow(written.flatMap(segmentsOf)), byFlow(whole));
    this.outcome.packets += batch.length;
    this.outcome.frames += written.length;
  }

  #gather(iov: number, count: number): Uint8Array {
    const { address, bytes, view } = this.#far;
    const parts = Array.from({ length: count }, (_, i) => {
      const vector = iov - address + 16 * i;
      assert.equal(view.getUint32(vector + 4, true) + view.getUint32(vector + 12, true), 0);
      const at = view.getUint32(vector, true) - address;
      return bytes.subarray(at, at + view.getUint32(vector + 8, true));
    });
    return concatBytes(...parts);
  }
}

/** In two; what cannot be cut is lost. */
function fragmentsOf(one: Sent): Sent[] {
  const packet = decodeIpv4(finishedIfPartial(one));
  if (typeof packet === "number") return [];
  const pieces = fragmentIpv4(packet, packet.payloadOffset + 64);
  if (typeof pieces === "number" || pieces.length === 1) return [];
  return pieces.map((piece) => ({ ...one, packet: copyBytes(piece), isPartial: false, key: 0 }));
}

function finishedIfPartial({ packet, isPartial }: Sent): Uint8Array {
  return isPartial ? finished(packet) : packet;
}

type Flows = Readonly<Record<string, readonly Uint8Array[]>>;

/** Packets in the order of their flow, those of hidden flows in the order of their addresses. */
function byFlow(packets: readonly Uint8Array[]): Flows {
  const flows: Record<string, Uint8Array[]> = {};
  for (const bytes of packets) {
    const packet = ipOf(bytes);
    const ports = packet.isFragment ? "" : encodeHex(packet.payload.subarray(0, 4));
    const key = `${encodeHex(packet.source.bytes)} ${encodeHex(packet.destination.bytes)} ${ports}`;
    (flows[key] ??= []).push(unnumbered(bytes));
  }
  return flows;
}

function assertSameFlows(actual: Flows, expected: Flows): void {
  assert.deepEqual(Object.keys(actual).toSorted(), Object.keys(expected).toSorted());
  for (const [flow, packets] of Object.entries(expected)) {
    assert.equal(actual[flow]!.length, packets.length, `packets of ${flow}`);
    packets.forEach((packet, i) =>
      assert.ok(equalBytes(actual[flow]![i]!, packet), `packet ${i} of ${flow}`)
    );
  }
}
