import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Drop } from "../contracts/drop.ts";
import { parseAddress } from "./address.ts";
import { concatBytes, copyBytes } from "./bytes.ts";
import { closedPort4, closedPort6, fragments4, fragments6, udp4, udp6 } from "./captured_packets.ts";
import { writeU16, writeU32 } from "./field.ts";
import { buildIcmp, decodeIcmp, type IcmpMessage } from "./icmp.ts";
import { icmpPacketTooBig, icmpUnreachable, type UndeliveredReason } from "./icmp_error.ts";
import { decodeIp, encodeIp } from "./ip.ts";
import { allocateIpv4 } from "./ipv4.ts";

const node4 = parseAddress("10.32.0.1")!;
const node6 = parseAddress("fd00::1")!;
const reasons: readonly UndeliveredReason[] = [
  "noRoute",
  "hostUnreachable",
  "portUnreachable",
  "prohibited",
  "hopLimitExceeded",
];

function decode(packet: Uint8Array | undefined): IcmpMessage | Drop {
  assert.ok(packet, "no answer");
  const decoded = decodeIp(packet);
  return typeof decoded === "number" ? decoded : decodeIcmp(decoded);
}

/** Clears what a sender chooses freely: identification, flags and with them the header checksum; the flow label. */
function comparable(packet: Uint8Array): Uint8Array {
  const bytes = copyBytes(packet);
  if (bytes[0]! >>> 4 === 6) writeU32(bytes, 0, 0x6000_0000);
  else for (const at of [4, 6, 10]) writeU16(bytes, at, 0);
  return bytes;
}

test("our port unreachable is the kernel's, also where the quote is cut", () => {
  for (const [cases, from] of [[closedPort4, node4], [closedPort6, node6]] as const) {
    for (const { original, answer } of cases) {
      const ours = icmpUnreachable(original, "portUnreachable", from);
      assert.ok(ours);
      assert.deepEqual(comparable(ours), comparable(answer));
    }
  }
});

test("each reason has the type and code of its family", () => {
  const seen = (original: Uint8Array, from: typeof node4) =>
    reasons.map((reason) => {
      const answer = icmpUnreachable(original, reason, from);
      assert.ok(answer);
      const offset = from.family === 4 ? 20 : 40;
      return [answer[offset], answer[offset + 1]];
    });
  assert.deepEqual(seen(udp4, node4), [[3, 0], [3, 1], [3, 3], [3, 13], [11, 0]]);
  assert.deepEqual(seen(udp6, node6), [[1, 0], [1, 3], [1, 4], [1, 1], [3, 0]]);
});

test("packet too big tells the MTU and quotes the packet", () => {
  const four = decode(icmpPacketTooBig(udp4, 1400, node4));
  assert.deepEqual(four, { kind: "packetTooBig", code: 4, mtu: 1400, quote: udp4 });
  const six = decode(icmpPacketTooBig(udp6, 1400, node6));
  assert.deepEqual(six, { kind: "packetTooBig", code: 0, mtu: 1400, quote: udp6 });
  const capped = decode(icmpPacketTooBig(udp4, 100_000, node4));
  assert.ok(typeof capped !== "number" && "mtu" in capped && capped.mtu === 65_535);
});

test("a packet that may be fragmented, and an MTU that the sender would ignore, get no packet too big", () => {
  const fields = { source: parseAddress("10.32.0.7")!, destination: node4, protocol: 17 };
  const mayBeFragmented = allocateIpv4({ ...fields, identification: 7 }, 1400);
  assert.ok(icmpPacketTooBig(allocateIpv4(fields, 1400), 1300, node4));
  assert.equal(icmpPacketTooBig(mayBeFragmented, 1300, node4), undefined);
  assert.equal(icmpPacketTooBig(udp4, 67, node4), undefined);
  assert.ok(icmpPacketTooBig(udp4, 68, node4));
  assert.equal(icmpPacketTooBig(udp6, 1279, node6), undefined);
  assert.ok(icmpPacketTooBig(udp6, 1280, node6));
});

test("an error goes to the source, from us, and is never larger than 576 or 1,280 bytes", () => {
  const property = fc.property(fc.integer({ min: 0, max: 2000 }), fc.boolean(), (length, isSix) => {
    const from = isSix ? node6 : node4;
    const to = parseAddress(isSix ? "fd00::7" : "10.32.0.7")!;
    const original = encodeIp(
      { source: to, destination: from, protocol: 17 },
      new Uint8Array(length).fill(7),
    );
    const answer = icmpUnreachable(original, "hostUnreachable", from);
    assert.ok(answer);
    assert.equal(answer.length, Math.min(original.length + (isSix ? 48 : 28), isSix ? 1280 : 576));
    const decoded = decodeIp(answer);
    assert.ok(typeof decoded !== "number");
    assert.deepEqual([decoded.source, decoded.destination], [from, to]);
    const message = decodeIcmp(decoded);
    assert.ok(typeof message !== "number" && message.kind === "unreachable");
    assert.deepEqual(message.quote, original.subarray(0, message.quote.length));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("padding after the packet is not quoted", () => {
  const padded = concatBytes(udp4, new Uint8Array(30).fill(0xff));
  assert.deepEqual(icmpUnreachable(padded, "noRoute", node4), icmpUnreachable(udp4, "noRoute", node4));
});

test("an ICMP error is never answered with another", () => {
  const route4 = { source: parseAddress("10.32.0.7")!, destination: node4 };
  const route6 = { source: parseAddress("fd00::7")!, destination: node6 };
  for (let type = 0; type < 256; type++) {
    const four = buildIcmp(route4, { type, code: 0, rest: 0 }, udp4);
    const isQuery4 = [0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43].includes(type);
    assert.equal(icmpUnreachable(four, "noRoute", node4) !== undefined, isQuery4, `ICMP type ${type}`);
    const six = buildIcmp(route6, { type, code: 0, rest: 0 }, udp6);
    const isQuery6 = type >= 128 && type !== 137;
    assert.equal(icmpUnreachable(six, "noRoute", node6) !== undefined, isQuery6, `ICMPv6 type ${type}`);
  }
  assert.equal(
    icmpUnreachable(encodeIp({ ...route4, protocol: 1 }, new Uint8Array(0)), "noRoute", node4),
    undefined,
  );
});

test("our own errors are not answered by ourselves", () => {
  for (const [packet, from] of [[udp4, node4], [udp6, node6]] as const) {
    for (const reason of reasons) {
      const answer = icmpUnreachable(packet, reason, from);
      assert.ok(answer);
      assert.equal(icmpUnreachable(answer, reason, from), undefined);
      assert.equal(icmpPacketTooBig(answer, 1280, from), undefined);
    }
  }
});

test("destinations that are many hosts and sources that are none get no error", () => {
  const unanswered: [string, string][] = [
    ["10.32.0.7", "224.0.0.1"],
    ["10.32.0.7", "239.255.255.255"],
    ["10.32.0.7", "255.255.255.255"],
    ["0.0.0.0", "10.32.0.1"],
    ["127.0.0.1", "10.32.0.1"],
    ["224.0.0.1", "10.32.0.1"],
    ["240.0.0.1", "10.32.0.1"],
    ["255.255.255.255", "10.32.0.1"],
    ["fd00::7", "ff02::1"],
    ["::", "fd00::1"],
    ["::1", "fd00::1"],
    ["ff02::1", "fd00::1"],
  ];
  for (const [source, destination] of unanswered) {
    const fields = { source: parseAddress(source)!, destination: parseAddress(destination)!, protocol: 17 };
    const packet = encodeIp(fields, udp4.subarray(20));
    const from = fields.source.family === 4 ? node4 : node6;
    assert.equal(icmpUnreachable(packet, "hostUnreachable", from), undefined, `${source} > ${destination}`);
    assert.equal(icmpPacketTooBig(packet, 1280, from), undefined, `${source} > ${destination}`);
  }
});

test("a first fragment is answered and a later one is not", () => {
  for (const [[first, later], from] of [[fragments4, node4], [fragments6, node6]] as const) {
    assert.ok(icmpUnreachable(first, "hostUnreachable", from));
    assert.equal(icmpUnreachable(later, "hostUnreachable", from), undefined);
  }
});

test("a malformed packet and one of another family get no error", () => {
  assert.equal(icmpUnreachable(udp4.subarray(0, 19), "noRoute", node4), undefined);
  assert.equal(icmpUnreachable(new Uint8Array(0), "noRoute", node4), undefined);
  assert.equal(icmpUnreachable(udp4, "noRoute", node6), undefined);
  assert.equal(icmpUnreachable(udp6, "noRoute", node4), undefined);
});
