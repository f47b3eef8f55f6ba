/**
 * Looking up who owns an address, in the range table, against two others over the same routes: a scan of all of them,
 * which is what the table replaces, and one lookup in a Map by the whole address as text, which knows no prefixes and is
 * the least that any table of JavaScript could take.
 *
 * The routes are of three lengths, as in a mesh that was joined again and again, and every address has one.
 *
 * By itself: `node -C source tests/bench/forwarding.ts`.
 */
import type { Route } from "../../core/contracts/ipam.ts";
import type { Address, PeerId } from "../../core/contracts/values.ts";
import { RangeTable } from "../../core/forwarding/range_table.ts";
import { addressFromBigInt } from "../../core/wire/address.ts";
import { contains, prefixOf } from "../../core/wire/prefix.ts";
import { Batches } from "./batches.ts";
import { printRows, type Row, times } from "./report.ts";

const sizes = [10, 100, 1_000, 10_000];
const asked = 1_000;

/** Where the routes lie, side by side: 10.0.0.0/8 in blocks of /24, a /32 prefix in blocks of /64. */
const space = {
  4: { base: 0x0a00_0000n, block: 8n, bits: 24 },
  6: { base: 0xfd00_0000n << 96n, block: 64n, bits: 64 },
} as const;

export async function benchForwarding(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const family of [4, 6] as const) {
    for (const size of sizes) rows.push(...await measure(family, size));
  }
  return rows;
}

async function measure(family: 4 | 6, size: number): Promise<readonly Row[]> {
  const routes = routesOf(family, size);
  const addresses = Array.from({ length: asked }, (_, index) => addressIn(family, (index * 7919) % size));
  const table = new RangeTable(routes);
  const map = new Map(addresses.map((address) => [keyOf(address), routes[0]!]));
  const batches = new Batches();
  const add = (name: string, lookup: (address: Address) => Route | undefined) =>
    batches.add(name, (index) => lookup(addresses[index % asked]!)!.prefix.bits);
  add("table", (address) => table.lookup(address));
  add("scan", (address) => scan(routes, address));
  add("Map", (address) => map.get(keyOf(address)));
  for (const address of addresses) check(table.lookup(address), scan(routes, address));
  await batches.run();
  const ratio = (other: string) => `${times(batches.perSecond("table") / batches.perSecond(other))} ${other}`;
  return [{
    what: `IPv${family}, ${size} routes`,
    figure: batches.figure("table"),
    ratio: `${ratio("scan")}, ${ratio("Map")}`,
  }];
}

/** Of three lengths; none lies in another. */
function routesOf(family: 4 | 6, size: number): readonly Route[] {
  const { bits } = space[family];
  return Array.from({ length: size }, (_, index) => {
    const length = index % 4 === 0 ? bits + 1 : index % 7 === 0 ? bits + 2 : bits;
    return { prefix: prefixOf(addressIn(family, index), length), owner: `peer-${index}` as PeerId };
  });
}

/** The first address of a block. */
function addressIn(family: 4 | 6, block: number): Address {
  const { base, block: shift } = space[family];
  return addressFromBigInt(family, base + (BigInt(block) << shift));
}

function scan(routes: readonly Route[], address: Address): Route | undefined {
  let best: Route | undefined;
  for (const route of routes) {
    if (contains(route.prefix, address) && route.prefix.bits > (best?.prefix.bits ?? -1)) best = route;
  }
  return best;
}

function keyOf({ bytes }: Address): string {
  let key = "";
  for (let i = 0; i < bytes.length; i++) key += String.fromCharCode(bytes[i]!);
  return key;
}

function check(found: Route | undefined, expected: Route | undefined): void {
  if (found === undefined || found !== expected) throw new Error("the table and the scan disagree");
}

if (import.meta.main) printRows("Range table", await benchForwarding());
