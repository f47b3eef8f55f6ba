/**
 * What every decoder of this folder promises about bytes that nobody vouches for: it returns, leaves them as they are,
 * and reads nothing around them.
 */
import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- the sockets of Node hand out Buffers
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { isMeshError } from "../contracts/errors.ts";
import type { Address } from "../contracts/values.ts";
import { parseAddress } from "./address.ts";
import { copyBytes } from "./bytes.ts";
import * as captured from "./captured_packets.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { scanCbor } from "./cbor_scan.ts";
import { checksum } from "./checksum.ts";
import { writeU16 } from "./field.ts";
import { parseFlow } from "./flow.ts";
import { decodeGre, encodeGre, GreProtocol } from "./gre.ts";
import { buildIcmp, decodeIcmp } from "./icmp.ts";
import { icmpUnreachable } from "./icmp_error.ts";
import { parseQuote } from "./icmp_quote.ts";
import { decodeIp, type IpPacket } from "./ip.ts";
import { decodeIpv4 } from "./ipv4.ts";
import { decodeIpv6 } from "./ipv6.ts";
import { decodeUdp } from "./udp.ts";

interface Subject {
  /** Its result is plain data. */
  readonly decode: (bytes: Uint8Array) => unknown;
  /** Good inputs to mutate. */
  readonly samples: readonly Uint8Array[];
}

const { udp4, udp6, tcp4, tcp6, echo4, echo6, fragments4, fragments6, closedPort4, closedPort6 } = captured;
const node4 = parseAddress("10.32.0.1")!;
const node6 = parseAddress("fd00::1")!;
const ipPackets = [udp4, udp6, tcp4, tcp6, echo4.request, echo6.request, ...fragments4, ...fragments6];
const longChain = captured.hex(
  "6000000000580040 fd000000000000000000000000000001 fd000000000000000000000000000007" +
    "3c00010400000000 2b01010c000000000000000000000000 2c02040000000000fd000000000000000000000000000009" +
    "3c00000001020304 1100010400000000 9c400007000e258e68656c6c6f2100000000000000000000",
);
const withOptions = captured.hex(
  "47000024c33f400040115bad0a2000010a200007 0194040000010000 0007000700080000",
);

const subjects: Readonly<Record<string, Subject>> = {
  decodeGre: {
    decode: decodeGre,
    samples: [
      encodeGre({ protocol: GreProtocol.ipv4 }, udp4),
      encodeGre({ protocol: GreProtocol.ipv6, key: 9, sequence: 10, checksum: true }, udp6),
      encodeGre({ protocol: GreProtocol.ethernet, sequence: 1 }, new Uint8Array(0)),
    ],
  },
  decodeIpv4: { decode: (bytes) => readAll(decodeIpv4(bytes)), samples: [...ipPackets, withOptions] },
  decodeIpv6: { decode: (bytes) => readAll(decodeIpv6(bytes)), samples: [...ipPackets, longChain] },
  decodeIp: { decode: (bytes) => readAll(decodeIp(bytes)), samples: ipPackets },
  decodeUdp: {
    decode: (bytes) => inside(bytes, decodeUdp),
    samples: [...ipPackets, closedPort6[0].original],
  },
  decodeIcmp: {
    decode: (bytes) => inside(bytes, decodeIcmp),
    samples: [
      ...[
        echo4.request,
        echo6.reply,
        closedPort4[0].answer,
        closedPort6[0].answer,
        captured.routerSolicitation,
      ],
      buildIcmp({ source: node4, destination: node4 }, { type: 3, code: 4, rest: 1400 }, udp4),
      buildIcmp({ source: node6, destination: node6 }, { type: 2, code: 0, rest: 1400 }, udp6),
    ],
  },
  parseFlow: {
    decode: (bytes) => parseFlow(isIpv6(bytes) ? GreProtocol.ipv6 : GreProtocol.ipv4, bytes),
    samples: [...ipPackets, longChain, withOptions],
  },
  parseQuote: { decode: parseQuote, samples: [...ipPackets, longChain, udp4.subarray(0, 28)] },
  icmpUnreachable: { decode: validAnswer, samples: [...ipPackets, longChain, closedPort4[0].answer] },
  scanCbor: { decode: (bytes) => scanCbor(bytes, 8), samples: cborSamples() },
  decodeCbor: { decode: decodedOrMalformed, samples: cborSamples() },
};

for (const [name, subject] of Object.entries(subjects)) {
  test(`${name} takes random and mutated bytes anywhere in a buffer and reads nothing around them`, () => {
    assertReadsOnlyItsBytes(subject);
  });
}

test("the packets that are mutated decode as they are", () => {
  for (const packet of [...ipPackets, longChain, withOptions]) {
    assert.equal(typeof decodeIp(packet), "object");
  }
});

test("addresses outlive the Buffer that a packet came in", () => {
  for (const packet of [udp4, udp6]) {
    const expected = addresses(readPacket(packet));
    const buffer = Buffer.from(packet);
    const kept = addresses(readPacket(buffer));
    buffer.fill(0xff);
    assert.deepEqual(kept, expected);
  }
});

test("byte strings of a message that came in a Buffer are plain Uint8Arrays in memory of their own", () => {
  const buffer = Buffer.from(encodeCbor({ key: Uint8Array.of(1, 2) }));
  const { key } = decodeCbor(buffer) as { key: Uint8Array };
  buffer.fill(0xff);
  assert.deepEqual(key, Uint8Array.of(1, 2));
  assert.equal(Object.getPrototypeOf(key), Uint8Array.prototype);
});

/** 2,000 random and 4,000 mutated inputs, each compared with an exact copy decoded by itself. */
function assertReadsOnlyItsBytes({ decode, samples }: Subject): void {
  const check = (bytes: Uint8Array, before: number, noise: number) => {
    const expected = decode(copyBytes(bytes));
    const buffer = new Uint8Array(before + bytes.length + 64).fill(noise);
    buffer.set(bytes, before);
    const untouched = copyBytes(buffer);
    assert.deepEqual(decode(buffer.subarray(before, before + bytes.length)), expected);
    assert.deepEqual(buffer, untouched);
  };
  const place = [fc.nat(40), fc.nat(255)] as const;
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), ...place, check), { seed: 1, numRuns: 2000 });
  fc.assert(fc.property(mutants(samples), ...place, check), { seed: 2, numRuns: 4000 });
}

/** Samples with up to 4 bytes changed, perhaps cut or lengthened, perhaps with lengths and checksum mended. */
function mutants(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(), value: fc.nat(255), early: fc.boolean() });
  const growth = fc.oneof(fc.constant(0), fc.integer({ min: -48, max: 16 }));
  return fc.tuple(fc.constantFrom(...samples), fc.array(change, { maxLength: 4 }), growth, fc.boolean()).map(
    ([sample, changes, extra, isMended]) => {
      const bytes = new Uint8Array(Math.max(0, sample.length + extra));
      bytes.set(sample.subarray(0, bytes.length));
      // Half of the changes hit the first 64 bytes, where the headers are.
      for (const { at, value, early } of changes) bytes[at % (early ? 64 : bytes.length)] = value;
      if (isMended) mend(bytes);
      return bytes;
    },
  );
}

/** Makes right what would else hide the code behind it. */
function mend(bytes: Uint8Array): void {
  if (bytes.length >= 40 && isIpv6(bytes)) writeU16(bytes, 4, bytes.length - 40);
  if (bytes.length < 20 || bytes[0]! >>> 4 !== 4) return;
  writeU16(bytes, 10, 0);
  writeU16(bytes, 10, checksum(bytes, 0, Math.min(bytes.length, (bytes[0]! & 15) * 4)));
}

function isIpv6(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes[0]! >>> 4 === 6;
}

/** The packet's own fields and the values of all its accessors; a drop as it is. */
function readAll(packet: IpPacket | number): unknown {
  if (typeof packet === "number") return packet;
  const descriptors = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(packet));
  const accessors = Object.keys(descriptors).filter((name) => descriptors[name]?.get !== undefined);
  assert.ok(accessors.length >= 9);
  return { ...packet, values: accessors.map((name) => packet[name as keyof IpPacket]) };
}

function inside<T>(bytes: Uint8Array, decode: (packet: IpPacket) => T): T | number {
  const packet = decodeIp(bytes);
  return typeof packet === "number" ? packet : decode(packet);
}

function validAnswer(bytes: Uint8Array): Uint8Array | undefined {
  const answer = icmpUnreachable(bytes, "hostUnreachable", isIpv6(bytes) ? node6 : node4);
  if (answer !== undefined) assert.equal(typeof inside(answer, decodeIcmp), "object");
  return answer;
}

function decodedOrMalformed(bytes: Uint8Array): unknown {
  try {
    return decodeCbor(bytes);
  } catch (error) {
    assert.ok(isMeshError(error) && error.code === "MALFORMED");
    return error.message;
  }
}

function cborSamples(): Uint8Array[] {
  const record = { id: "abc", key: new Uint8Array(32).fill(7), routes: [[4, 12], [6, 48]], next: null };
  const values = [record, [record, record], { a: { b: [1, "c", 2n ** 60n] }, d: "é" }, "x".repeat(300), [
    1.5,
    -7,
    true,
  ]];
  return values.map(encodeCbor);
}

function readPacket(bytes: Uint8Array): IpPacket {
  const packet = decodeIp(bytes);
  assert.ok(typeof packet !== "number");
  return packet;
}

function addresses(packet: IpPacket): readonly Address[] {
  return [packet.source, packet.destination];
}
