/** Fuzz targets of `core/wire`: whatever comes from a socket or a port is read here first. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { formatAddress, parseAddress, sameAddress } from "../../core/wire/address.ts";
import { decodeBase32, encodeBase32 } from "../../core/wire/base32.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import * as captured from "../../core/wire/captured_packets.ts";
import { decodeCbor, encodeCbor } from "../../core/wire/cbor.ts";
import { checksum } from "../../core/wire/checksum.ts";
import { formatEndpoint, parseEndpoint, sameEndpoint } from "../../core/wire/endpoint.ts";
import { writeU16 } from "../../core/wire/field.ts";
import { parseFlow } from "../../core/wire/flow.ts";
import { decodeGre, encodeGre, GreProtocol, sealGreChecksum } from "../../core/wire/gre.ts";
import { decodeHex, encodeHex } from "../../core/wire/hex.ts";
import { decodeIcmp } from "../../core/wire/icmp.ts";
import { icmpPacketTooBig, icmpUnreachable } from "../../core/wire/icmp_error.ts";
import { parseQuote } from "../../core/wire/icmp_quote.ts";
import { decodeIp, type IpPacket, IpProtocol, pseudoSum } from "../../core/wire/ip.ts";
import { formatPrefix, parsePrefix, samePrefix } from "../../core/wire/prefix.ts";
import { decodeUdp, encodeUdp } from "../../core/wire/udp.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { asBytes, assertOwned, assertView, asText, decodedOr, isSampled } from "./promises.ts";

const { udp4, udp6, tcp4, tcp6, echo4, echo6, fragments4, fragments6, closedPort4, closedPort6 } = captured;
const packets: readonly Uint8Array[] = [
  ...[udp4, udp6, tcp4, tcp6, echo4.request, echo6.reply, captured.routerSolicitation],
  ...[...fragments4, ...fragments6].map((fragment) => fragment.subarray(0, 200)),
  ...[closedPort4[0].answer, closedPort6[0].answer],
  // Options, and a chain of extension headers of every kind that is walked.
  captured.hex("47000024c33f400040115bad0a2000010a200007 0194040000010000 0007000700080000"),
  captured.hex(
    "6000000000580040 fd000000000000000000000000000001 fd000000000000000000000000000007" +
      "3c00010400000000 2b01010c000000000000000000000000 2c02040000000000fd000000000000000000000000000009" +
      "3c00000001020304 1100010400000000 9c400007000e258e68656c6c6f2100000000000000000000",
  ),
];
const node4 = parseAddress("10.32.0.1")!;
const node6 = parseAddress("fd00::1")!;

const greTarget: FuzzTarget = {
  name: "gre",
  seeds: [
    encodeGre({ protocol: GreProtocol.ipv4 }, udp4),
    encodeGre({ protocol: GreProtocol.ipv6, key: 9, sequence: 10, checksum: true }, udp6),
    encodeGre({ protocol: GreProtocol.ethernet, sequence: 1 }, new Uint8Array(0)),
    encodeGre({ protocol: GreProtocol.control, key: 0xffff_ffff }, asBytes("\x03abc")),
  ],
  words: [0x0800, 0x86dd, 0x6558, 0x88b5].map((type) => Uint8Array.of(type >>> 8, type)),
  mend(packet) {
    if (packet.length < 8 || (packet[0]! & 0x80) === 0) return;
    writeU16(packet, 4, 0);
    sealGreChecksum(packet, 0, packet.length);
  },
  run(input) {
    const decoded = decodeGre(input);
    if (typeof decoded === "number") return assertDrop(decoded);
    assertView(decoded.payload, input);
    const again = decodeGre(encodeGre(decoded, decoded.payload));
    assert.ok(typeof again === "object" && equalBytes(again.payload, decoded.payload));
    assert.ok(again.protocol === decoded.protocol && again.checksum === decoded.checksum);
    assert.ok(again.key === decoded.key && again.sequence === decoded.sequence);
    return true;
  },
};

const ipTarget: FuzzTarget = {
  name: "ip",
  seeds: packets,
  mend: mendIp,
  run(input) {
    const quote = parseQuote(input);
    if (quote !== undefined) assertView(quote.payload, input);
    const packet = decodeIp(input);
    if (typeof packet === "number") return assertDrop(packet);
    assert.ok(packet.bytes.length <= input.length && packet.payloadOffset <= packet.bytes.length);
    assertView(packet.payload, input);
    checkFlow(packet, input);
    checkUdp(packet, input);
    const message = decodeIcmp(packet);
    if (typeof message === "object" && "data" in message) assertView(message.data, input);
    if (typeof message === "object" && "quote" in message) parseQuote(message.quote);
    checkAnswers(input, packet.family);
    if (isSampled(input, 16)) assertOwned((bytes) => addressesOf(decodeIp(bytes)), input);
    return true;
  },
};

function checkFlow(packet: IpPacket, input: Uint8Array): void {
  const protocol = packet.family === 4 ? GreProtocol.ipv4 : GreProtocol.ipv6;
  const flow = parseFlow(protocol, input);
  if (typeof flow === "number") return;
  assert.ok(flow.length === packet.bytes.length && flow.payloadOffset === packet.payloadOffset);
  assert.ok(sameAddress(flow.source, packet.source) && sameAddress(flow.destination, packet.destination));
  assert.equal(flow.isLaterFragment, packet.fragmentOffset > 0);
}

function checkUdp(packet: IpPacket, input: Uint8Array): void {
  const datagram = decodeUdp(packet);
  if (typeof datagram === "number") return;
  assertView(datagram.payload, input);
  const { source, destination } = packet;
  const again = decodeIp(encodeUdp({ source, destination }, datagram));
  const read = typeof again === "number" ? again : decodeUdp(again);
  assert.ok(typeof read === "object" && equalBytes(read.payload, datagram.payload));
  assert.ok(read.sourcePort === datagram.sourcePort && read.destinationPort === datagram.destinationPort);
}

/** Answers are valid, go to the source, and are never answered themselves. */
function checkAnswers(input: Uint8Array, family: 4 | 6): void {
  const from = family === 4 ? node4 : node6;
  for (const answer of [icmpUnreachable(input, "noRoute", from), icmpPacketTooBig(input, 1300, from)]) {
    if (answer === undefined) continue;
    const packet = decodeIp(answer);
    assert.ok(typeof packet === "object" && typeof decodeIcmp(packet) === "object");
    assert.ok(answer.length <= (family === 4 ? 576 : 1280));
    assert.equal(icmpUnreachable(answer, "noRoute", from), undefined, "an error answers an error");
  }
}

function addressesOf(packet: IpPacket | Drop): unknown {
  return typeof packet === "number" ? packet : [packet.source, packet.destination];
}

/** Lengths and checksums of IP, and of UDP and ICMP where there is no extension header. */
function mendIp(packet: Uint8Array): void {
  const family = packet.length === 0 ? 0 : packet[0]! >>> 4;
  if (family === 4 && packet.length >= 20) {
    writeU16(packet, 2, packet.length);
    writeU16(packet, 10, 0);
    const header = (packet[0]! & 15) * 4;
    writeU16(packet, 10, checksum(packet, 0, Math.min(packet.length, header)));
    mendPayload(packet, header, packet[9]!, family);
  }
  if (family === 6 && packet.length >= 40) {
    writeU16(packet, 4, packet.length - 40);
    mendPayload(packet, 40, packet[6]!, family);
  }
}

function mendPayload(packet: Uint8Array, at: number, protocol: number, family: 4 | 6): void {
  const length = packet.length - at;
  const isIcmp = protocol === (family === 4 ? IpProtocol.icmp : IpProtocol.icmpv6);
  if (at < 20 || length < 8 || (!isIcmp && protocol !== IpProtocol.udp)) return;
  const field = at + (isIcmp ? 2 : 6);
  if (!isIcmp) writeU16(packet, at + 4, length);
  writeU16(packet, field, 0);
  const initial = isIcmp && family === 4 ? 0 : pseudoSum(packet, protocol, length);
  writeU16(packet, field, checksum(packet, at, length, initial));
}

/** Every value of {@link Drop} but `none`: a refusal always has a reason. */
function assertDrop(drop: Drop): boolean {
  assert.ok(drop !== Drop.none && drops.has(drop), `${drop} is no reason for a drop`);
  return false;
}

const drops: ReadonlySet<number> = new Set(Object.values(Drop));

const record = { id: "abc", key: new Uint8Array(32).fill(7), routes: [[4, 12], [6, 48]], next: null };

const cborTarget: FuzzTarget = {
  name: "cbor",
  seeds: [
    ...[record, [record, record], { a: { b: [1, "c", 2n ** 60n] }, d: "é" }, "x".repeat(300)],
    ...[[1.5, -7, true, undefined], [[[[[[[[0]]]]]]]], { v: 1, k: 2, g: [new Uint8Array(90)] }],
  ].map(encodeCbor),
  // Bignums, dates, shared values, records, packed values; indefinite lengths; counts and lengths of 4 and 8 bytes.
  words: [
    ...["c249010000000000000000", "c340", "c11a514b67b0", "d81c80", "d81d00", "d9dfff80", "d8690082"],
    ...["9f", "bf", "5f", "7f", "ff", "9affffffff", "bb7fffffffffffffff", "5bffffffffffffffff", "7a00010000"],
    ...["695f5f70726f746f5f5f", "a16161", "f97e00", "fb7ff8000000000000", "1bffffffffffffffff", "63efbbbf"],
  ].map(captured.hex),
  run(input) {
    const value = decodedOr("MALFORMED", () => decodeCbor(input));
    if (value === undefined) return false;
    const encoded = encodeCbor(value);
    const again = decodeCbor(encoded);
    assert.ok(equalBytes(encodeCbor(again), encoded), "encoding is not stable");
    if (isSampled(input, 8)) assertOwned((bytes) => decodeCbor(bytes), input);
    return true;
  },
};

/** A text that parses prints, and what it prints parses to the same. */
function textTarget<T>(
  name: string,
  samples: readonly string[],
  subject: { parse(text: string): T | undefined; print(value: T): string; same(a: T, b: T): boolean },
): FuzzTarget {
  return {
    name,
    seeds: samples.map(asBytes),
    words: [
      "::",
      "ffff:",
      "255",
      "256",
      "0",
      "/",
      "[",
      "]",
      ".",
      "%eth0",
      " ",
      "00",
      "1.2.3.4",
      "65536",
      "-1",
    ]
      .map(asBytes),
    maxBytes: 256,
    run(input) {
      const value = subject.parse(asText(input));
      if (value === undefined) return false;
      const printed = subject.print(value);
      const again = subject.parse(printed);
      assert.ok(again !== undefined && subject.same(again, value), `${printed} is read as something else`);
      assert.equal(subject.print(again), printed);
      return true;
    },
  };
}

export const textTargets: readonly FuzzTarget[] = [
  textTarget("address", ["10.32.0.1", "fd00::1", "::ffff:192.0.2.1", "2001:db8:0:1:1:1:1:1", "::"], {
    parse: parseAddress,
    print: formatAddress,
    same: sameAddress,
  }),
  textTarget("prefix", ["10.32.0.0/12", "fd00::/48", "0.0.0.0/0", "::/0", "192.0.2.1/32", "fd00::1/128"], {
    parse: parsePrefix,
    print: formatPrefix,
    same: samePrefix,
  }),
  textTarget("endpoint", ["10.32.0.1:6783", "[fd00::1]:1", "[::ffff:192.0.2.1]:65535"], {
    parse: parseEndpoint,
    print: formatEndpoint,
    same: sameEndpoint,
  }),
  textTarget("base32", ["", "aa", "mfrgg", "nbswy3dpeb3w64tmmq"], {
    parse: decodeBase32,
    print: encodeBase32,
    same: equalBytes,
  }),
  textTarget("hex", ["", "00ff", "0123456789abcdef"], {
    parse: decodeHex,
    print: encodeHex,
    same: equalBytes,
  }),
];

export const greTargets: readonly FuzzTarget[] = [greTarget];
export const ipTargets: readonly FuzzTarget[] = [ipTarget];
export const cborTargets: readonly FuzzTarget[] = [cborTarget];
