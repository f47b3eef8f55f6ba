import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Address } from "../contracts/values.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { type AddressEntry, AddressMap } from "./address_map.ts";

function entry(text: string, last: number): AddressEntry {
  return { address: parseAddress(text)!, mac: Uint8Array.of(2, 0, 0, 0, 0, last) };
}

function find(map: AddressMap, text: string): number {
  const { family, bytes } = parseAddress(text)!;
  const packet = new Uint8Array(40);
  packet.set(bytes, 13);
  return map.find(family, packet, 13);
}

test("an address is found by its bytes wherever they lie, with its MAC", () => {
  const arena = new Uint8Array(100);
  const map = new AddressMap(4, { bytes: arena, offset: 50 });
  assert.equal(map.load([entry("10.32.0.7", 1), entry("fd00::7", 2), entry("::", 3)]), true);
  assert.deepEqual(["10.32.0.7", "fd00::7", "::"].map((text) => find(map, text)), [0, 1, 2]);
  assert.deepEqual(["10.32.0.8", "fd00::8", "0.0.0.0"].map((text) => find(map, text)), [-1, -1, -1]);
  assert.equal(map.macOffset(1), 56);
  assert.deepEqual([...arena.subarray(56, 62)], [2, 0, 0, 0, 0, 2]);
  assert.equal(map.size, 3);
});

test("a list takes the place of the one before it; one that is too long changes nothing", () => {
  const map = new AddressMap(2);
  map.load([entry("10.0.0.1", 1), entry("10.0.0.2", 2)]);
  assert.equal(map.load([entry("10.0.0.3", 3), entry("10.0.0.4", 4), entry("10.0.0.5", 5)]), false);
  assert.deepEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((text) => find(map, text)), [0, 1, -1]);
  assert.equal(map.load([entry("10.0.0.2", 7)]), true);
  assert.deepEqual(["10.0.0.1", "10.0.0.2"].map((text) => find(map, text)), [-1, 0]);
  assert.equal(map.size, 1);
  map.load([]);
  assert.equal(find(map, "10.0.0.2"), -1);
});

test("of two entries for one address the later one is found", () => {
  const map = new AddressMap(2);
  map.load([entry("10.0.0.1", 1), entry("10.0.0.1", 2)]);
  assert.equal(find(map, "10.0.0.1"), 1);
});

/** Few bits vary, so that addresses of both families share words, and half of what is asked is there. */
function address(seed: number): Address {
  const mixed = Math.imul(seed, 0x9e37_79b1) >>> 0;
  const family = mixed & 0x8000_0000 ? 4 : 6;
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  bytes[0] = mixed & 3;
  bytes[bytes.length - 1] = (mixed >>> 2) & 0xff;
  bytes[bytes.length >> 1] = (mixed >>> 10) & 3;
  return { family, bytes };
}

test("a full map agrees with a Map of texts", () => {
  const map = new AddressMap(1024);
  const twin = new Map<string, number>();
  const entries = Array.from({ length: 1024 }, (_, slot) => {
    const each = { address: address(slot), mac: new Uint8Array(6) };
    twin.set(formatAddress(each.address), slot);
    return each;
  });
  assert.equal(map.load(entries), true);
  let hits = 0;
  for (let seed = 0; seed < 50_000; seed++) {
    const { family, bytes } = address(seed);
    const slot = map.find(family, bytes, 0);
    const expected = twin.get(formatAddress({ family, bytes })) ?? -1;
    if (slot !== expected) assert.fail(`${formatAddress({ family, bytes })}: ${slot}, not ${expected}`);
    if (slot >= 0) hits++;
  }
  assert.ok(hits > 2000 && hits < 48_000, `${hits} of 50,000 found: the test must see both`);
});
