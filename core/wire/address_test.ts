import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- an oracle to compare with
import { isIP } from "node:net";
import fc from "fast-check";
import { z } from "zod";
import { test } from "../../tests/harness.ts";
import type { Address } from "../contracts/values.ts";
import {
  addressFromBigInt,
  addressFromBytes,
  addressToBigInt,
  compareAddress,
  formatAddress,
  isLimitedBroadcast,
  isLinkLocal,
  isLoopback,
  isMappedIpv4,
  isMulticast,
  isUnspecified,
  offsetAddress,
  parseAddress,
  sameAddress,
  unmapAddress,
} from "./address.ts";
import { encodeHex } from "./hex.ts";

const address4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes): Address => ({
  family: 4,
  bytes,
}));
const sparse = fc.array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)), {
  minLength: 8,
  maxLength: 8,
});
const address6 = sparse.map((groups): Address => ({
  family: 6,
  bytes: Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 255])),
}));
const anyAddress = fc.oneof(address4, address6);

/** Texts around the edge of the grammar: pieces that real addresses are made of, in any order. */
const nearAddress = fc.array(
  fc.constantFrom(
    "::",
    ":",
    ".",
    "0",
    "1",
    "00",
    "01",
    "ff",
    "255",
    "256",
    "fFfF",
    "12345",
    "1.2.3.4",
    "%1",
    " ",
    "g",
  ),
  { maxLength: 12 },
).map((pieces) => pieces.join(""));

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
}

test("every address is written in one text that reads back as itself", () => {
  const property = fc.property(anyAddress, (value) => {
    assert.deepEqual(address(formatAddress(value)), value);
  });
  fc.assert(property, { seed: 1, numRuns: 4000 });
});

test("IPv6 text is what the URL standard writes, but for IPv4-mapped addresses", () => {
  const property = fc.property(address6, (value) => {
    if (isMappedIpv4(value)) return;
    assert.equal(`[${formatAddress(value)}]`, new URL(`http://[${formatAddress(value)}]/`).hostname);
  });
  fc.assert(property, { seed: 1, numRuns: 4000 });
});

test("the recommendations of RFC 5952 sections 4 and 5 are followed", () => {
  const examples = {
    "2001:0DB8:0000:0000:0001:0000:0000:0001": "2001:db8::1:0:0:1",
    "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1",
    "2001:db8:0:0:0:0:2:1": "2001:db8::2:1",
    "2001:0:0:1:0:0:0:1": "2001:0:0:1::1",
    "0:0:0:0:0:0:0:0": "::",
    "0:0:0:0:0:0:0:1": "::1",
    "1:0:0:0:0:0:0:0": "1::",
    "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
    "::ffff:192.0.2.1": "::ffff:192.0.2.1",
    "::FFFF:c000:201": "::ffff:192.0.2.1",
    "64:ff9b::192.0.2.33": "64:ff9b::c000:221",
    "0.0.0.0": "0.0.0.0",
    "255.255.255.255": "255.255.255.255",
  };
  for (const [text, canonical] of Object.entries(examples)) {
    assert.equal(formatAddress(address(text)), canonical);
  }
});

test("whatever parses is an address to node:net and to zod, and whatever they take without a zone parses", () => {
  const property = fc.property(fc.oneof(nearAddress, fc.string({ maxLength: 20 })), (text) => {
    const family = parseAddress(text)?.family ?? 0;
    assert.equal(family, text.includes("%") ? 0 : isIP(text), text);
    assert.equal(family === 4, z.ipv4().safeParse(text).success, text);
    assert.equal(family === 6, z.ipv6().safeParse(text).success, text);
  });
  fc.assert(property, { seed: 1, numRuns: 20_000 });
});

test("the near misses are near enough to parse now and then", () => {
  const parsed = fc.sample(nearAddress, { seed: 1, numRuns: 20_000 }).filter((text) => parseAddress(text));
  assert.ok(parsed.some((text) => text.includes("::")) && parsed.some((text) => !text.includes(":")));
});

test("lenient forms are refused", () => {
  const refused = [
    "",
    " ",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.04",
    "0x7f.0.0.1",
    "1.2.3.256",
    "1.2.3.-4",
    "1.2.3.4 ",
    "+1.2.3.4",
    "1.2.3.4/24",
    "1e1.2.3.4",
    "１.2.3.4",
    "localhost",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1::2:3:4:5:6:7:8",
    "12345::",
    "::g",
    ":1::2",
    "1::2:",
    "[::1]",
    "::1%lo",
    "fe80::1%25eth0",
    "::1.2.3",
    "::01.2.3.4",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1:2:3:4:5:6::1.2.3.4",
    "::ffff:1.2.3.4.5",
  ];
  for (const text of refused) assert.equal(parseAddress(text), undefined, text);
  assert.equal(parseAddress("1.".repeat(1_000_000)), undefined);
});

test("numbers and addresses convert both ways and out-of-range numbers are refused", () => {
  const property = fc.property(anyAddress, (value) => {
    const number = addressToBigInt(value);
    assert.equal(number, BigInt(`0x${encodeHex(value.bytes)}`));
    assert.deepEqual(addressFromBigInt(value.family, number), value);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
  for (const [family, value] of [[4, 2n ** 32n], [6, 2n ** 128n], [4, -1n], [6, -1n]] as const) {
    assert.throws(() => addressFromBigInt(family, value), { name: "MeshError", code: "INVALID_ARGUMENT" });
  }
});

test("moving an address stays within its family or says so", () => {
  assert.deepEqual(offsetAddress(address("10.32.0.255"), 1n), address("10.32.1.0"));
  assert.deepEqual(offsetAddress(address("fd00::ffff"), 1n), address("fd00::1:0"));
  assert.deepEqual(offsetAddress(address("10.32.1.0"), -1n), address("10.32.0.255"));
  assert.equal(offsetAddress(address("255.255.255.255"), 1n), undefined);
  assert.equal(offsetAddress(address("::"), -1n), undefined);
  assert.equal(offsetAddress(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 1n), undefined);
});

test("equality and order follow family and value", () => {
  const property = fc.property(anyAddress, anyAddress, (left, right) => {
    const order = left.family - right.family || Number(addressToBigInt(left) - addressToBigInt(right));
    assert.equal(Math.sign(compareAddress(left, right)), Math.sign(order));
    assert.equal(sameAddress(left, right), formatAddress(left) === formatAddress(right));
    assert.ok(sameAddress(left, address(formatAddress(left))));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
  assert.ok(!sameAddress(address("::ffff:1.2.3.4"), address("1.2.3.4")));
});

test("classes of addresses end exactly where their blocks end", () => {
  const kinds = { isMulticast, isUnspecified, isLinkLocal, isLoopback, isLimitedBroadcast, isMappedIpv4 };
  const members: Record<keyof typeof kinds, readonly string[]> = {
    isMulticast: ["224.0.0.0", "239.255.255.255", "ff00::", "ff02::1"],
    isUnspecified: ["0.0.0.0", "::"],
    isLinkLocal: ["169.254.0.0", "169.254.255.255", "fe80::", "febf:ffff::1"],
    isLoopback: ["127.0.0.1", "127.255.255.255", "::1"],
    isLimitedBroadcast: ["255.255.255.255"],
    isMappedIpv4: ["::ffff:0.0.0.0", "::ffff:255.255.255.255"],
  };
  const none = [
    "223.255.255.255",
    "240.0.0.0",
    "feff::",
    "0.0.0.1",
    "1::",
    "::2",
    "169.253.255.255",
    "169.255.0.0",
    "fe7f:ffff::",
    "fec0::",
    "126.255.255.255",
    "128.0.0.0",
    "1::1",
    "255.255.255.254",
    "::fffe:0.0.0.0",
    "::1:0:0",
    "1::ffff:1.2.3.4",
  ];
  for (const [name, holds] of Object.entries(kinds) as [keyof typeof kinds, (value: Address) => boolean][]) {
    for (const [kind, texts] of Object.entries(members)) {
      for (const text of texts) assert.equal(holds(address(text)), kind === name, `${name} ${text}`);
    }
    for (const text of none) assert.equal(holds(address(text)), false, `${name} ${text}`);
  }
});

test("an IPv4-mapped address unmaps to IPv4 and every other one stays", () => {
  assert.deepEqual(unmapAddress(address("::ffff:10.32.0.7")), address("10.32.0.7"));
  for (const text of ["10.32.0.7", "::10.32.0.7", "fd00::7"]) {
    assert.deepEqual(unmapAddress(address(text)), address(text));
  }
});

test("an address made of bytes keeps a copy of 4 or 16 bytes and takes no other length", () => {
  const buffer = Uint8Array.of(10, 32, 0, 7);
  const made = addressFromBytes(buffer);
  buffer.fill(0);
  assert.deepEqual(made, address("10.32.0.7"));
  for (const length of [0, 3, 5, 15, 17]) assert.equal(addressFromBytes(new Uint8Array(length)), undefined);
});
