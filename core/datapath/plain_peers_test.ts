/** Packets that cross as they are, to and from peers in a network that both sides trust. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { encodeGre, GreProtocol } from "../wire/gre.ts";
import { macOfAddress } from "../wire/mac.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { encodeUdp } from "../wire/udp.ts";
import { test } from "../../tests/harness.ts";
import { heapArena } from "./arena.ts";
import { ArenaPlan } from "./arena_plan.ts";
import { PeerTable } from "./peer_table.ts";
import { anySource } from "./source_address.ts";
import { routeIntervals } from "./route_intervals.ts";
import type { WiredCore } from "./wired_cores_fixture.ts";
import {
  cross,
  far,
  far6,
  farMac,
  frame,
  fromTap,
  near,
  near6,
  nearMac,
  pair,
  placing,
  sockaddr,
  superFrame,
} from "./wired_pair_fixture.ts";

/** A GRE packet as it is, as the other side's interface would send it. */
function plainPacket(payload: Uint8Array, source = near): Uint8Array {
  return encodeGre({ protocol: GreProtocol.ipv4 }, frame(payload, { source }).subarray(14));
}

function give(core: WiredCore, bytes: Uint8Array, from = sockaddr(1)): void {
  cross({ bytes, size: bytes.length, to: sockaddr(2) }, core, from);
}

test("a frame for a peer in plain leaves as GRE, takes no counter, and is written as a sealed one would be", () => {
  const { a, b } = pair(true);
  const whole = frame(Uint8Array.from({ length: 1000 }, (_, i) => i & 255));
  a.frames.push(fromTap(whole));
  a.settle();
  const [train] = a.sent;
  assert.deepEqual(train, {
    bytes: encodeGre({ protocol: GreProtocol.ipv4 }, whole.subarray(14)),
    size: 4 + whole.length - 14,
    to: sockaddr(2),
  });
  assert.deepEqual(a.counts(), { packetsSent: 1 });
  cross(train!, b);
  const expected = encodeEthernet(farMac, macOfAddress(near), EtherType.ipv4, whole.subarray(14));
  assert.deepEqual(b.written, [fromTap(expected)]);
  assert.deepEqual(b.counts(), { packetsDelivered: 1, framesOut: 1 });
  const { length } = train!.bytes;
  const none = { packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 };
  assert.deepEqual(a.cells.traffic(0), { ...none, sent: 0, packetsOut: 1, bytesOut: length });
  assert.deepEqual(b.cells.traffic(0), { ...none, sent: 0, packetsIn: 1, bytesIn: length });
  assert.deepEqual([a.cells.plainPacketsOut(0), b.cells.packetsIn(0)], [1, 0], "no sign of life");
});

for (const family of [4, 6] as const) {
  test(`a super-frame of IPv${family} crosses in plain in one train and comes out as one`, () => {
    const { a, b } = pair(true);
    const [source, destination] = family === 4 ? [near, far] : [near6, far6];
    const datagram = { sourcePort: 1000, destinationPort: 2000, payload: new Uint8Array(612) };
    const type = family === 4 ? EtherType.ipv4 : EtherType.ipv6;
    const packet = encodeUdp({ source, destination }, datagram);
    a.frames.push(
      superFrame(fromTap(encodeEthernet(macOfAddress(destination), nearMac, type, packet)), family),
    );
    a.settle();
    assert.equal(a.sent.length, 1);
    const { bytes, size } = a.sent[0]!;
    assert.deepEqual([bytes[0], size, bytes.length % size], [
      0x20,
      8 + (family === 4 ? 20 : 40) + 20 + 100,
      0,
    ]);
    cross(a.sent[0]!, b);
    assert.equal(b.written.length, 1);
    assert.deepEqual(b.counts(), { packetsDelivered: 6, framesOut: 1 });
    assert.deepEqual([a.cells.traffic(0).packetsOut, b.cells.traffic(0).packetsIn], [6, 6]);
  });
}

test("plain packets from any other place are the main thread's, as they came", () => {
  const { b } = pair(true);
  const packet = plainPacket(new Uint8Array(30));
  const places = [sockaddr(7), Uint8Array.from(sockaddr(1), (byte, i) => i === 3 ? byte + 1 : byte)];
  for (const from of places) {
    give(b, packet, from);
    const [punt] = b.punted();
    assert.ok(punt?.kind === "datagram");
    assert.deepEqual([punt.bytes, punt.from.subarray(0, 16)], [packet, from]);
  }
  assert.deepEqual([b.written, b.counts()], [[], {}]);
});

test("what a peer in plain sends is judged as what it seals: its source, its kind, and every length", () => {
  const { b } = pair(true);
  const good = plainPacket(new Uint8Array(30));
  const odd = [
    plainPacket(new Uint8Array(30), far),
    good.subarray(0, 3),
    good.subarray(0, 20),
    encodeGre({ protocol: GreProtocol.control }, new Uint8Array(40)),
    encodeGre({ protocol: GreProtocol.broadcast }, new Uint8Array(40)),
    encodeGre({ protocol: GreProtocol.ipv4, key: 0 }, good.subarray(4)),
    encodeGre({ protocol: GreProtocol.ipv4, sequence: 1 }, good.subarray(4)),
    encodeGre({ protocol: GreProtocol.ipv4, checksum: true }, good.subarray(4)),
    Uint8Array.from(good, (byte, i) => i === 1 ? 1 : byte),
  ];
  for (const bytes of odd) give(b, bytes);
  assert.deepEqual(
    b.punted().map((punt) => punt.kind === "datagram" && punt.bytes),
    odd.map((each) => each.slice()),
  );
  assert.deepEqual([b.written, b.counts()], [[], {}]);
  const beyond = encodeGre({ protocol: GreProtocol.ipv4, key: (20 << 16) | 6 }, good.subarray(4, 40));
  give(b, Uint8Array.of(...beyond.subarray(0, 4), 0xff, 0xff, 0xff, 0xff, ...good.subarray(4)));
  assert.deepEqual(b.written, [], "a checksum beyond the packet");
});

test("a peer is in plain from the word of the main thread until the next one, and what is sealed is always taken", () => {
  const { a, b } = pair(true);
  const send = () => {
    a.frames.push(fromTap(frame(new Uint8Array(30))));
    a.settle();
    return a.sent.at(-1)!;
  };
  const inPlain = send();
  a.tell(placing(0, 2, false));
  const sealed = send();
  assert.deepEqual([inPlain.bytes[0], sealed.bytes[0], a.cells.traffic(0).sent], [0, 6, 1]);
  cross(sealed, b);
  cross(inPlain, b);
  assert.deepEqual(b.counts(), { packetsDelivered: 2, framesOut: 2 });
  b.tell(placing(0, 1, false));
  cross(inPlain, b);
  b.tell(placing(0, 9, true));
  cross(inPlain, b);
  b.tell({ ...placing(0, 1, true), isUp: false });
  cross(inPlain, b);
  assert.deepEqual(b.punted().map(({ kind }) => kind), ["datagram", "datagram", "datagram"]);
  assert.deepEqual(b.counts(), { packetsDelivered: 2, framesOut: 2 });
});

test("a packet in plain is never taken for one of the peer that has the session's slot by now", () => {
  const { b } = pair(true);
  const keys = { sendKey: new Uint8Array(32), receiveKey: new Uint8Array(32) };
  const indices = { slot: 0, peer: 4, localIndex: 5, remoteIndex: 6 };
  b.tell(
    { kind: "open-session", ...indices, cipher: "chacha20-poly1305", ...keys, partialChecksum: true },
    { kind: "confirm", slot: 0 },
    { kind: "routes", version: 2, ...routeIntervals([{ prefix: parsePrefix("10.32.0.0/16")!, peer: 4 }]) },
  );
  give(b, plainPacket(new Uint8Array(30)));
  assert.deepEqual([b.written, b.punted().map(({ kind }) => kind)], [[], ["datagram"]]);
});

test("nothing goes in plain once the session is over, though the worker was not told yet", () => {
  const { a } = pair(true);
  a.cells.end(0);
  a.frames.push(fromTap(frame(new Uint8Array(30))));
  a.settle();
  assert.deepEqual([a.sent, a.punted().map(({ kind }) => kind)], [[], ["frame"]]);
});

const place = fc.tuple(fc.constantFrom(16, 28), fc.nat(3), fc.nat(3)).map(([length, port, last]) => {
  const bytes = new Uint8Array(length);
  bytes.set([length === 16 ? 2 : 10, 0, 0, port]);
  bytes[length === 16 ? 7 : 23] = last;
  if (length === 28) bytes[4] = last; // the flow label, which does not count
  return bytes;
});

test("the peer at a place is found as a search through all would find it, whatever was told before", () => {
  const step = fc.record({ peer: fc.nat(7), sockaddr: place, isPlain: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), place, (steps, sought) => {
      const arena = heapArena(4_096);
      const plan = new ArenaPlan(arena.bytes.length);
      const table = new PeerTable(8, arena, plan);
      const at = plan.take(32);
      const known = new Map<number, (typeof steps)[number]>();
      for (const each of steps) {
        const key = `${each.sockaddr.filter((_, i) => i !== 4 || each.sockaddr.length === 16)}`;
        const isTaken = [...known].some(([peer, other]) =>
          peer !== each.peer && other.isPlain &&
          `${other.sockaddr.filter((_, i) => i !== 4 || other.sockaddr.length === 16)}` === key
        );
        const told = { ...each, isPlain: each.isPlain && !isTaken };
        known.set(each.peer, told);
        table.put(each.peer, { ...told, source: anySource, session: 0, longest: 1_400 });
      }
      arena.bytes.set(sought, at);
      const expected = [...known].filter(([peer, { isPlain }]) =>
        isPlain && table.isAt(peer, at, sought.length)
      );
      assert.equal(table.findPlain(at, sought.length), expected[0]?.[0] ?? -1);
    }),
    { seed: 11, numRuns: 1_000 },
  );
});
