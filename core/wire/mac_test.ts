import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Address } from "../contracts/values.ts";
import { parseAddress } from "./address.ts";
import {
  addressOfMac,
  broadcastMac,
  formatMac,
  isBridgeLocalMac,
  isBroadcastMac,
  isDerivedMac,
  isGroupMac,
  isMacOf,
  macOfAddress,
  macOfGroup,
  macToNumber,
  parseMac,
  sameMac,
} from "./mac.ts";

const ip = (text: string) => parseAddress(text)!;
const mac = (text: string) => parseMac(text)!;
const address4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes): Address => ({
  family: 4,
  bytes,
}));
const address6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes): Address => ({
  family: 6,
  bytes,
}));
const anyMac = fc.uint8Array({ minLength: 6, maxLength: 6 });

test("an address stands for one MAC on every node and in every version", () => {
  const shown = (text: string) => formatMac(macOfAddress(ip(text)));
  assert.equal(shown("10.32.0.1"), "0a:5e:0a:20:00:01");
  assert.equal(shown("255.255.255.255"), "0a:5e:ff:ff:ff:ff");
  assert.equal(shown("fd00::1"), "0e:9d:d5:c7:93:2a");
  assert.equal(shown("fd00::7"), "0e:9d:d5:c7:93:2c");
  assert.equal(shown("2001:db8::1"), "0e:05:17:29:25:6c");
});

test("a derived MAC is unicast, locally administered and known as derived", () => {
  const property = fc.property(fc.oneof(address4, address6), (address) => {
    const derived = macOfAddress(address);
    assert.equal(derived.length, 6);
    assert.equal(derived[0]! & 3, 2);
    assert.ok(isDerivedMac(derived) && isMacOf(derived, address) && !isGroupMac(derived));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("the way back leads to the IPv4 address, and from no other MAC to any", () => {
  fc.assert(
    fc.property(address4, (address) => assert.deepEqual(addressOfMac(macOfAddress(address)), address)),
    { seed: 1, numRuns: 1000 },
  );
  fc.assert(
    fc.property(address6, (address) => assert.equal(addressOfMac(macOfAddress(address)), undefined)),
    { seed: 1, numRuns: 1000 },
  );
  fc.assert(
    fc.property(anyMac, (bytes) => {
      const address = addressOfMac(bytes);
      if (address !== undefined) assert.deepEqual(macOfAddress(address), bytes);
      else assert.notEqual(formatMac(bytes).slice(0, 5), "0a:5e");
    }),
    { seed: 1, numRuns: 2000 },
  );
  assert.equal(addressOfMac(Uint8Array.of(0x0a, 0x5e, 1, 2, 3)), undefined);
});

test("two IPv6 addresses of the same /88 never share a MAC", () => {
  const tail = fc.uint8Array({ minLength: 5, maxLength: 5 });
  const property = fc.property(address6, tail, ({ bytes }, last) => {
    const other = new Uint8Array(bytes);
    other.set(last, 11);
    const isSame = other.every((byte, i) => byte === bytes[i]);
    assert.equal(isMacOf(macOfAddress({ family: 6, bytes }), { family: 6, bytes: other }), isSame);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("the first hosts of a hundred thousand neighbouring /64 have as many MACs", () => {
  const seen = new Set<number>();
  for (let subnet = 0; subnet < 100_000; subnet++) {
    const bytes = Uint8Array.of(
      0xfd,
      0,
      0,
      0,
      0,
      subnet >>> 16,
      subnet >>> 8,
      subnet,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      1,
    );
    seen.add(macToNumber(macOfAddress({ family: 6, bytes })));
  }
  assert.equal(seen.size, 100_000);
});

test("groups have the MACs of RFC 1112 and RFC 2464", () => {
  const shown = (text: string) => formatMac(macOfGroup(ip(text)));
  assert.equal(shown("224.0.0.251"), "01:00:5e:00:00:fb");
  assert.equal(shown("239.255.1.2"), "01:00:5e:7f:01:02", "the 24th bit is not in it");
  assert.equal(shown("ff02::1"), "33:33:00:00:00:01");
  assert.equal(shown("ff02::1:ff12:3456"), "33:33:ff:12:34:56");
});

test("kinds of MACs are told apart", () => {
  assert.ok(isBroadcastMac(broadcastMac) && isGroupMac(broadcastMac));
  assert.ok(!isBroadcastMac(mac("ff:ff:ff:ff:ff:fe")) && !isGroupMac(mac("02:42:ac:11:00:02")));
  assert.ok(isGroupMac(mac("01:00:5e:00:00:01")) && isGroupMac(mac("33:33:00:00:00:01")));
  assert.ok(isBridgeLocalMac(mac("01:80:c2:00:00:00")) && isBridgeLocalMac(mac("01:80:c2:00:00:0f")));
  assert.ok(!isBridgeLocalMac(mac("01:80:c2:00:00:10")) && !isBridgeLocalMac(mac("01:80:c2:00:01:00")));
  assert.ok(!isDerivedMac(mac("0a:5f:00:00:00:01")) && !isDerivedMac(Uint8Array.of(0x0e)));
});

test("two MACs are the same if their texts are, and if their numbers are", () => {
  const property = fc.property(anyMac, anyMac, fc.boolean(), fc.nat(47), (left, random, isNear, bit) => {
    const right = isNear ? new Uint8Array(left) : random;
    if (isNear) right[bit >>> 3]! ^= 0x80 >>> (bit & 7);
    assert.equal(sameMac(left, right), formatMac(left) === formatMac(right));
    assert.equal(sameMac(left, right), macToNumber(left) === macToNumber(right));
    assert.ok(sameMac(left, new Uint8Array(left)));
    assert.equal(macToNumber(left), Number(`0x${formatMac(left).replaceAll(":", "")}`));
  });
  fc.assert(property, { seed: 1, numRuns: 1000 });
});

test("a MAC is read from text with colons and no other", () => {
  assert.deepEqual(parseMac("0A:5e:00:FF:10:01"), Uint8Array.of(10, 94, 0, 255, 16, 1));
  for (
    const text of [
      "",
      "0a:5e:00:ff:10",
      "0a:5e:00:ff:10:01:02",
      "0a-5e-00-ff-10-01",
      "a:5e:00:ff:10:01",
      "0g:5e:00:ff:10:01",
    ]
  ) {
    assert.equal(parseMac(text), undefined, text);
  }
});
