import assert from "node:assert/strict";
import { coalesced } from "../../tests/datapath/coalescer_twin.ts";
import { decodeVnet, finished, segmentsOf } from "../../tests/datapath/super_frame_twin.ts";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { parseAddress } from "../wire/address.ts";
import { concatBytes, copyBytes } from "../wire/bytes.ts";
import { hex } from "../wire/captured_packets.ts";
import { readU16, writeU16 } from "../wire/field.ts";
import { encodeIp } from "../wire/ip.ts";
import { heapArena } from "./arena.ts";
import { Coalescer, coalescerLength } from "./coalescer.ts";
import { ethernetMacs, frameOf, type PacketFields, partialPacket, payloadOf } from "./super_frame_fixture.ts";

const ownAt = 64;
const packetsAt = ownAt + coalescerLength;

/** A coalescer, and what it has written. */
class Bed {
  readonly arena = heapArena(packetsAt + 0x2_0000, 0x9000_0000);
  readonly written: Uint8Array[] = [];
  readonly counts: number[] = [];
  readonly coalescer = new Coalescer(this.arena, ownAt, {
    write: (iov, count) => {
      this.counts.push(count);
      this.written.push(this.#gather(iov, count));
    },
  });
  #next = packetsAt;

  constructor() {
    this.arena.bytes.set(ethernetMacs);
    this.coalescer.destinationMac = 0;
    this.coalescer.sourceMac = 6;
  }

  add(packet: Uint8Array, key = keyOf(packet), protocol = protocolOf(packet)): Drop {
    const at = this.#next;
    this.arena.bytes.set(packet, at);
    this.#next += packet.length;
    const fault = this.coalescer.packet.parse(at, packet.length, protocol);
    return fault === Drop.none ? this.coalescer.add(key) : fault;
  }

  #gather(iov: number, count: number): Uint8Array {
    const { address, bytes, view } = this.arena;
    const pieces = Array.from({ length: count }, (_, i) => {
      const vector = iov - address + 16 * i;
      const at = Number(view.getBigUint64(vector, true)) - address;
      return bytes.subarray(at, at + Number(view.getBigUint64(vector + 8, true)));
    });
    return concatBytes(...pieces);
  }
}

function protocolOf(packet: Uint8Array): number {
  return packet[0]! >>> 4 === 4 ? 0x0800 : 0x86dd;
}

function keyOf(packet: Uint8Array): number {
  const isIpv4 = packet[0]! >>> 4 === 4;
  return ((isIpv4 ? 20 : 40) << 16) | (packet[isIpv4 ? 9 : 6] === 6 ? 16 : 6);
}

/** Frames that come of packets with partial checksums, which are also what the twin makes of them. */
function frames(...packets: readonly Uint8Array[]): readonly Uint8Array[] {
  const bed = new Bed();
  for (const packet of packets) assert.equal(bed.add(packet), Drop.none);
  bed.coalescer.flush();
  const arrived = packets.map((packet) => ({ packet, isPartial: true, macs: ethernetMacs }));
  assert.deepEqual(bed.written, coalesced(arrived));
  return bed.written;
}

/** Number of packets in each frame. */
function shape(...packets: readonly Uint8Array[]): readonly number[] {
  return frames(...packets).map((frame) => segmentsOf(frame).length);
}

const kinds = [
  { family: 4, upper: "tcp", type: 1 },
  { family: 6, upper: "tcp", type: 4 },
  { family: 4, upper: "udp", type: 5 },
  { family: 6, upper: "udp", type: 5 },
] as const;

const payload = payloadOf(100);

test("what was cut from a super-frame becomes it again, byte by byte", () => {
  for (const { type, ...kind } of kinds) {
    const headerLength = 14 + (kind.family === 4 ? 20 : 40) + (kind.upper === "tcp" ? 20 : 8);
    const packet = partialPacket({ ...kind, payload: payloadOf(2345), flags: 0x18, identification: 65_530 });
    const frame = frameOf(packet, { type, segmentSize: 100, headerLength });
    assert.deepEqual(frames(...segmentsOf(frame)), [frame]);
  }
});

test("a packet alone keeps its partial checksum and is not announced as one to be cut", () => {
  for (const { family, upper } of kinds) {
    const packet = partialPacket({ family, upper, payload });
    const spoiled = copyBytes(packet);
    // The sum that came is not believed.
    writeU16(spoiled, (family === 4 ? 20 : 40) + (upper === "tcp" ? 16 : 6), 0xbad);
    assert.deepEqual(frames(spoiled), [frameOf(packet)]);
  }
});

test("a packet with a whole checksum passes as it is, and is joined with none", () => {
  const packet = finished(partialPacket({ payload }));
  const next = finished(partialPacket({ payload, sequence: 1100 }));
  const bed = new Bed();
  assert.equal(bed.add(packet, 0), Drop.none);
  assert.equal(bed.add(next, 0), Drop.none);
  bed.coalescer.flush();
  const none = { flags: 0, start: 0, field: 0 };
  assert.deepEqual(bed.written, [frameOf(packet, none), frameOf(next, none)]);
  assert.deepEqual(bed.counts, [2, 2]);
});

test("TCP is joined only with what the kernel would cut into the same packets", () => {
  const first = partialPacket({ payload });
  const after = (fields: PacketFields) => shape(first, partialPacket({ payload, sequence: 1100, ...fields }));
  assert.deepEqual(after({}), [2]);
  const others: readonly PacketFields[] = [
    { sequence: 1101 },
    { sequence: 1000 },
    { acknowledged: 78 },
    { window: 501 },
    { ports: 0xc351_0050 },
    { hopLimit: 63 },
    { trafficClass: 3 },
    { dontFragment: false },
    { options: hex("0101080a0000000100000001") },
    { payload: payloadOf(101) },
    { payload: payloadOf(0) },
    ...[0x90, 0x50, 0x12, 0x14, 0x30, 0x00].map((flags) => ({ flags })),
  ];
  for (const fields of others) assert.deepEqual(after(fields), [1, 1], JSON.stringify(fields));
});

test("numbers of IPv4 packets that may be fragmented have to follow each other", () => {
  const numbered = (identification: number, sequence: number) =>
    partialPacket({ payload, identification, sequence, dontFragment: false });
  assert.deepEqual(shape(numbered(65_535, 1000), numbered(0, 1100), numbered(1, 1200)), [3]);
  assert.deepEqual(shape(numbered(5, 1000), numbered(5, 1100), numbered(7, 1200)), [1, 1, 1]);
  const unnumbered = partialPacket({ payload, identification: 9, sequence: 1100 });
  assert.deepEqual(shape(partialPacket({ payload, identification: 70 }), unnumbered), [2]);
});

test("PSH, FIN and a shorter payload end a frame and belong to it", () => {
  const at = (index: number, fields: PacketFields = {}) =>
    partialPacket({ payload, sequence: 1000 + 100 * index, ...fields });
  assert.deepEqual(shape(at(0), at(1, { flags: 0x18 }), at(2)), [2, 1]);
  assert.deepEqual(shape(at(0), at(1, { flags: 0x11 }), at(2)), [2, 1]);
  assert.deepEqual(shape(at(0), at(1, { payload: payloadOf(99) }), at(2, { sequence: 1199 })), [2, 1]);
  assert.deepEqual(shape(at(0, { flags: 0x18 }), at(1)), [1, 1]);
});

test("the ECN bit is set where the first packet carries CWR", () => {
  const at = (index: number, flags: number) =>
    partialPacket({ payload, sequence: 1000 + 100 * index, flags });
  const [frame] = frames(at(0, 0xd0), at(1, 0x50), at(2, 0x50));
  assert.equal(decodeVnet(frame!).type, 0x81);
});

test("interleaved flows are joined each by itself, and frames are written in the order in which they began", () => {
  const at = (ports: number, index: number) =>
    partialPacket({ payload, ports, sequence: 1000 + 100 * index });
  const packets = [0, 1, 2, 3].flatMap((index) => [1, 2, 3].map((ports) => at(ports, index)));
  assert.deepEqual(frames(...packets).map((frame) => frame[24 + 23]), [1, 2, 3]);
  assert.deepEqual(shape(...packets), [4, 4, 4]);
});

test("a seventeenth flow ends the frame that began first", () => {
  const at = (ports: number, index: number) =>
    partialPacket({ payload, ports, sequence: 1000 + 100 * index });
  const flows = Array.from({ length: 17 }, (_, ports) => at(ports, 0));
  assert.deepEqual(shape(...flows, at(16, 1), at(1, 1), at(0, 1)), [1, 2, ...Array(14).fill(1), 2, 1]);
});

test("nothing of a flow passes a pure acknowledgement, an IPv4 fragment or a packet with extension headers", () => {
  const at = (index: number, fields: PacketFields = {}) =>
    partialPacket({ payload, sequence: 1000 + 100 * index, ...fields });
  assert.deepEqual(shape(at(0), at(1, { payload: payloadOf(0) }), at(1)), [1, 1, 1]);
  const fragment = partialPacket({ upper: "udp", payload: payloadOf(64) });
  fragment[6] = 0x60;
  writeU16(fragment, 10, readU16(fragment, 10) - 0x2000);
  const six = (index: number) => partialPacket({ family: 6, payload, sequence: 1000 + 100 * index });
  const extended = partialPacket({ family: 6, payload, extensions: hex("0600010400000000") });
  const bed = new Bed();
  const sent = [at(0), at(1), fragment, at(2), six(0), six(1), finished(extended), six(2)];
  for (const packet of sent) {
    const isOther = packet === fragment || packet[6] === 60;
    assert.equal(bed.add(packet, isOther ? 0 : keyOf(packet)), Drop.none);
  }
  bed.coalescer.flush();
  assert.deepEqual(bed.counts, [3, 2, 2, 3, 2, 2]);
});

test("a frame holds 64 packets and 65,535 bytes, and 128 frames wait at a time", () => {
  const small = (index: number) => partialPacket({ payload: payloadOf(8), sequence: 1000 + 8 * index });
  assert.deepEqual(shape(...Array.from({ length: 70 }, (_, index) => small(index))), [64, 6]);
  const large = (index: number) =>
    partialPacket({ payload: payloadOf(20_000), sequence: 1000 + 20_000 * index });
  assert.deepEqual(shape(...Array.from({ length: 5 }, (_, index) => large(index))), [3, 2]);
  const bed = new Bed();
  for (let ports = 0; ports < 129; ports++) bed.add(partialPacket({ payload, ports }));
  assert.equal(bed.written.length, 128);
  bed.coalescer.flush();
  assert.equal(bed.written.length, 129);
});

test("packets to different MACs are not joined", () => {
  const bed = new Bed();
  bed.add(partialPacket({ payload }));
  bed.arena.bytes[11] = 0x77;
  bed.add(partialPacket({ payload, sequence: 1100 }));
  bed.coalescer.flush();
  assert.deepEqual(bed.written.map((frame) => frame[21]), [1, 0x77]);
});

test("a key that does not name the packet's own checksum, and packets that lie, are dropped", () => {
  const tcp = partialPacket({ payload });
  const udp = partialPacket({ upper: "udp", payload });
  const lying = copyBytes(udp);
  writeU16(lying, 24, 50);
  const extended = partialPacket({ family: 6, payload, extensions: hex("0600010400000000") });
  const longer = copyBytes(tcp);
  writeU16(longer, 2, tcp.length + 1);
  const bed = new Bed();
  const malformed: readonly (readonly [Uint8Array, number])[] = [
    [tcp, (20 << 16) | 6],
    [tcp, (24 << 16) | 16],
    [tcp, 16],
    [tcp, -1],
    [udp, (20 << 16) | 16],
    [lying, keyOf(udp)],
    [extended, (48 << 16) | 16],
    [longer, keyOf(tcp)],
    [tcp.subarray(0, 19), 0],
    [new Uint8Array(0), 0],
  ];
  for (const [packet, key] of malformed) {
    assert.equal(bed.add(packet, key, packet === extended ? 0x86dd : 0x0800), Drop.malformed);
  }
  assert.equal(bed.add(tcp, keyOf(tcp), 0x86dd), Drop.malformed);
  const spoiled = copyBytes(tcp);
  spoiled[8]! ^= 1;
  assert.equal(bed.add(spoiled), Drop.badChecksum);
  bed.coalescer.flush();
  assert.deepEqual(bed.written, []);
});

test("flows with the same ports are told apart by both addresses, the protocol and the family", () => {
  const ports = 0xc350_0050;
  const first = partialPacket({ payload, ports });
  assert.deepEqual(shape(first, partialPacket({ payload, ports, sequence: 1100, host: 2 })), [1, 1]);
  const other = copyBytes(partialPacket({ payload, ports, sequence: 1100 }));
  other[18]!++;
  writeU16(other, 10, readU16(other, 10) - 0x100);
  assert.deepEqual(shape(first, other), [1, 1]);
  const six = (host: number, sequence: number) =>
    partialPacket({ family: 6, payload, ports, host, sequence });
  assert.deepEqual(shape(six(1, 1000), six(2, 1000), six(1, 1100), six(2, 1100)), [2, 2]);
  const datagram = partialPacket({ upper: "udp", payload, ports });
  const segment = (sequence: number) => partialPacket({ payload, ports, sequence });
  assert.deepEqual(shape(segment(1000), datagram, segment(1100), datagram, six(1, 1000)), [2, 2, 1]);
});

test("other protocols pass between the packets of a flow and end nothing", () => {
  const route = { source: parseAddress("10.32.0.1")!, destination: parseAddress("10.32.1.7")! };
  const ping = encodeIp({ ...route, protocol: 1 }, hex("0800f7ff00000000"));
  const bed = new Bed();
  assert.equal(bed.add(partialPacket({ payload })), Drop.none);
  assert.equal(bed.add(ping, 0), Drop.none);
  assert.equal(bed.add(partialPacket({ payload, sequence: 1100 })), Drop.none);
  bed.coalescer.flush();
  assert.deepEqual(bed.counts, [3, 2]);
  assert.deepEqual(bed.written[1], frameOf(ping, { flags: 0, start: 0, field: 0 }));
});

test("what was flushed is not continued, and leaves nothing behind for the next frames", () => {
  const bed = new Bed();
  const at = (sequence: number, flags = 0x10) => partialPacket({ payload, sequence, flags });
  bed.add(at(1000));
  bed.add(at(1100, 0x18));
  bed.coalescer.flush();
  bed.add(at(1200));
  bed.coalescer.flush();
  bed.add(at(1300));
  bed.add(at(1400));
  bed.coalescer.flush();
  bed.add(finished(at(1500)), 0);
  bed.coalescer.flush();
  bed.coalescer.flush();
  assert.deepEqual(bed.counts, [3, 2, 3, 2]);
  assert.deepEqual(bed.written[1], frameOf(at(1200)));
  assert.deepEqual(bed.written[2]![24 + 33], 0x10);
  assert.deepEqual(bed.written[3], frameOf(finished(at(1500)), { flags: 0, start: 0, field: 0 }));
});

test("a frame may be as long as an IP packet may be, and an urgent pointer has to be the same", () => {
  const at = (length: number, sequence: number) => partialPacket({ payload: payloadOf(length), sequence });
  assert.deepEqual(shape(at(40_000, 1000), at(25_495, 41_000)), [2]);
  assert.deepEqual(shape(at(40_000, 1000), at(25_496, 41_000)), [1, 1]);
  const urgent = partialPacket({ payload, sequence: 1100 });
  urgent[39] = 1;
  assert.deepEqual(shape(partialPacket({ payload }), urgent), [1, 1]);
});
