import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Route } from "../contracts/ipam.ts";
import type { Address, PeerId, Prefix } from "../contracts/values.ts";
import { RangeTable } from "../forwarding/range_table.ts";
import {
  addressFromBigInt,
  addressToBigInt,
  formatAddress,
  offsetAddress,
  parseAddress,
} from "../wire/address.ts";
import { addressWidth, parsePrefix, prefixOf } from "../wire/prefix.ts";
import { noPeer, routeIntervals, type SlotRoute } from "./route_intervals.ts";
import { RouteMap } from "./route_map.ts";

function mapOf(routes: readonly SlotRoute[]): RouteMap {
  const map = new RouteMap();
  assert.equal(map.load(1, routeIntervals(routes)), true);
  return map;
}

function routesOf(entries: Readonly<Record<string, number>>): SlotRoute[] {
  return Object.entries(entries).map(([prefix, peer]) => ({ prefix: parsePrefix(prefix)!, peer }));
}

function ask(map: RouteMap, address: Address): number {
  const packet = new Uint8Array(40);
  packet.set(address.bytes, 9);
  return map.lookup(address.family, packet, 9);
}

test("the most specific route decides, in both families, to the last address", () => {
  const map = mapOf(routesOf({ "10.32.0.0/12": 1, "10.40.0.0/20": 2, "fd00::/48": 3, "fd00:0:0:1::/64": 4 }));
  const found = {
    "10.31.255.255": -1,
    "10.32.0.0": 1,
    "10.39.255.255": 1,
    "10.40.0.0": 2,
    "10.40.15.255": 2,
    "10.40.16.0": 1,
    "10.47.255.255": 1,
    "10.48.0.0": -1,
    "fd00::7": 3,
    "fd00:0:0:1::7": 4,
    "fd00:0:0:2::": 3,
    "fd01::": -1,
  };
  for (const [text, peer] of Object.entries(found)) assert.equal(ask(map, parseAddress(text)!), peer, text);
});

test("whole families, both halves of the numbers, and single addresses", () => {
  const map = mapOf(
    routesOf({ "0.0.0.0/0": 1, "255.255.255.255/32": 2, "127.255.255.255/32": 3, "::/0": 4 }),
  );
  const found = { "0.0.0.0": 1, "127.255.255.255": 3, "128.0.0.0": 1, "255.255.255.255": 2, "ffff::": 4 };
  for (const [text, peer] of Object.entries(found)) assert.equal(ask(map, parseAddress(text)!), peer, text);
});

test("a route without a peer is a hole in what is around it", () => {
  const map = mapOf(routesOf({ "10.0.0.0/8": 1, "10.1.0.0/16": noPeer, "10.1.2.0/24": 2 }));
  const found = { "10.0.255.255": 1, "10.1.0.0": -1, "10.1.2.3": 2, "10.1.3.0": -1, "10.2.0.0": 1 };
  for (const [text, peer] of Object.entries(found)) assert.equal(ask(map, parseAddress(text)!), peer, text);
});

test("neighbours of one peer are one interval", () => {
  const { v4 } = routeIntervals(routesOf({ "10.0.1.0/24": 7, "10.0.0.0/24": 7, "10.0.2.0/24": 8 }));
  assert.deepEqual([...v4], [0x0a000000, 0x0a0001ff, 7, 0x0a000200, 0x0a0002ff, 8]);
});

const anyAddress = fc.oneof(
  fc.bigInt(0n, 2n ** 32n - 1n).map((value) => addressFromBigInt(4, value)),
  // Few distinct values, so that routes nest and addresses hit.
  fc.bigInt(0n, 255n).map((value) => addressFromBigInt(4, value << 24n)),
  fc.bigInt(0n, 255n).map((value) => addressFromBigInt(6, value << 120n)),
  fc.bigInt(0n, 255n).map((value) => addressFromBigInt(6, value * (2n ** 97n + 1n))),
);
const anyPrefix: fc.Arbitrary<Prefix> = fc.oneof(
  fc.tuple(anyAddress, fc.nat(32)).map(([address, bits]) => prefixOf(address, bits)),
  anyAddress.map((address) => prefixOf(address, addressWidth(address.family))),
);

/** Both ends of a prefix and what is beside them: where a table of intervals goes wrong if it does. */
function bordersOf({ address, bits }: Prefix): Address[] {
  const size = 1n << BigInt(addressWidth(address.family) - bits);
  return [-1n, 0n, size - 1n, size].flatMap((distance) => offsetAddress(address, distance) ?? []);
}

test("the map agrees with the forwarder's table, at every border and elsewhere", () => {
  let asked = 0;
  fc.assert(
    fc.property(fc.array(anyPrefix, { maxLength: 24 }), fc.array(anyAddress), (prefixes, addresses) => {
      const routes = prefixes.map((prefix, index) => ({
        prefix,
        peer: index % 6 === 5 ? noPeer : index % 6,
      }));
      const map = mapOf(routes);
      const table = new RangeTable(routes.map(({ prefix, peer }): Route => {
        return { prefix, owner: `${peer}` as PeerId };
      }));
      for (const address of [...addresses, ...prefixes.flatMap(bordersOf)]) {
        const expected = Number(table.lookup(address)?.owner ?? noPeer);
        // Twice: the second answer comes from what the first one left.
        for (let i = 0; i < 2; i++) assert.equal(ask(map, address), expected, formatAddress(address));
        asked++;
      }
    }),
    { seed: 20, numRuns: 800 },
  );
  assert.ok(asked > 10_000, `${asked} addresses asked`);
});

test("intervals that overlap, are out of order or incomplete are refused, and the old ones stay", () => {
  const map = mapOf(routesOf({ "10.0.0.0/8": 1, "fd00::/8": 2 }));
  const v6 = new Uint32Array(0);
  const refused = [[5, 4, 1], [1, 5, 1, 5, 9, 2], [5, 9, 1, 1, 2, 2], [1, 2], [1, 2, 3, 4]];
  for (const words of refused) {
    assert.equal(map.load(2, { v4: Uint32Array.from(words), v6 }), false, `${words}`);
  }
  const six = Uint32Array.of(1, 0, 0, 5, 1, 0, 0, 4, 1);
  assert.equal(map.load(2, { v4: v6, v6: six }), false);
  assert.equal(map.version, 1);
  assert.equal(ask(map, parseAddress("10.1.1.1")!), 1);
  assert.equal(ask(map, parseAddress("fd00::1")!), 2);
  assert.equal(map.load(2, { v4: v6, v6 }), true);
  assert.equal(map.version, 2);
  assert.equal(ask(map, parseAddress("10.1.1.1")!), -1);
});

test("an answer never comes from routes that are gone", () => {
  const map = mapOf(routesOf({ "10.0.0.0/8": 1 }));
  assert.equal(ask(map, parseAddress("10.1.1.1")!), 1);
  map.load(2, routeIntervals(routesOf({ "10.0.0.0/8": 3, "10.1.0.0/16": 2 })));
  assert.equal(ask(map, parseAddress("10.1.1.1")!), 2);
});

test("intervals cover what the routes cover and not one address more", () => {
  const { v6 } = routeIntervals(routesOf({ "fd00::/120": 1, "fd00::40/122": noPeer, "fd00::50/128": 2 }));
  const covered = Array.from({ length: v6.length / 9 }, (_, index) => [v6[9 * index + 3], v6[9 * index + 7]]);
  assert.deepEqual(covered, [[0, 0x3f], [0x50, 0x50], [0x80, 0xff]]);
  assert.equal(addressToBigInt(parseAddress("fd00::")!) >> 96n, BigInt(v6[0]!));
});
