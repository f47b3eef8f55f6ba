import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Route } from "../contracts/ipam.ts";
import type { Address, PeerId, Prefix } from "../contracts/values.ts";
import { addressFromBigInt, formatAddress, parseAddress } from "../wire/address.ts";
import { contains, parsePrefix, prefixOf } from "../wire/prefix.ts";
import { RangeTable } from "./range_table.ts";

function route(prefix: string, owner: string): Route {
  return { prefix: parsePrefix(prefix)!, owner: owner as PeerId };
}

test("the most specific route decides, in both families", () => {
  const table = new RangeTable([
    route("10.32.0.0/12", "founder"),
    route("10.40.0.0/20", "joiner"),
    route("fd00::/48", "founder"),
    route("fd00:0:0:1::/64", "joiner"),
  ]);
  const owner = (text: string) => table.lookup(parseAddress(text)!)?.owner;
  assert.equal(owner("10.32.0.1"), "founder");
  assert.equal(owner("10.40.15.255"), "joiner");
  assert.equal(owner("10.40.16.0"), "founder");
  assert.equal(owner("10.48.0.0"), undefined);
  assert.equal(owner("fd00::7"), "founder");
  assert.equal(owner("fd00:0:0:1::7"), "joiner");
  assert.equal(owner("fd01::"), undefined);
});

test("a default route of length zero and a host route are routes like others", () => {
  const table = new RangeTable([route("0.0.0.0/0", "exit"), route("10.0.0.1/32", "host")]);
  assert.equal(table.lookup(parseAddress("10.0.0.1")!)?.owner, "host");
  assert.equal(table.lookup(parseAddress("192.0.2.1")!)?.owner, "exit");
  assert.equal(table.lookup(parseAddress("::1")!), undefined);
});

/** The slow obvious twin: look at every route, keep the longest that contains the address. */
function slowLookup(routes: readonly Route[], address: Address): Route | undefined {
  return routes.filter(({ prefix }) => contains(prefix, address))
    .reduce<Route | undefined>(
      (best, next) => best && best.prefix.bits > next.prefix.bits ? best : next,
      undefined,
    );
}

test("the table agrees with a scan of all routes", () => {
  const anyAddress = fc.oneof(
    fc.bigInt(0n, 2n ** 32n - 1n).map((value) => addressFromBigInt(4, value)),
    // Few distinct values, so that routes nest and addresses hit.
    fc.bigInt(0n, 255n).map((value) => addressFromBigInt(4, value << 20n)),
    fc.bigInt(0n, 255n).map((value) => addressFromBigInt(6, value << 96n)),
  );
  const anyPrefix: fc.Arbitrary<Prefix> = fc.tuple(anyAddress, fc.nat(32)).map(([address, bits]) =>
    prefixOf(address, bits)
  );
  const anyRoutes = fc.uniqueArray(anyPrefix, {
    maxLength: 20,
    selector: ({ address, bits }) => `${address.family} ${address.bytes} ${bits}`,
  });
  fc.assert(
    fc.property(anyRoutes, fc.array(anyAddress, { maxLength: 20 }), (prefixes, addresses) => {
      const routes = prefixes.map((prefix, index) => ({ prefix, owner: `peer${index}` as PeerId }));
      const table = new RangeTable(routes);
      for (const address of addresses) {
        assert.equal(table.lookup(address)?.owner, slowLookup(routes, address)?.owner);
      }
    }),
    { seed: 20, numRuns: 2000 },
  );
});

/** Xorshift: the same numbers in every run, on every runtime. */
function* words(seed: number): Generator<number, never> {
  for (let x = seed;;) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield x >>> 0;
  }
}

/** `count` routes, and addresses that differ from one of them in a bit: just inside or just outside of it. */
function bed(family: 4 | 6, count: number) {
  const source = words(8086 + family);
  const word = () => source.next().value;
  const width = family === 4 ? 32 : 128;
  const random = (): Address => {
    const bytes = new Uint8Array(width / 8);
    for (let i = 0; i < bytes.length; i++) bytes[i] = word();
    return { family, bytes };
  };
  const routes = Array.from({ length: count }, (_, index): Route => {
    const bits = 8 + (word() % (width - 7));
    return { prefix: prefixOf(random(), bits), owner: `peer${index}` as PeerId };
  });
  const near = (): Address => {
    const { address, bits } = routes[word() % count]!.prefix;
    const bytes = address.bytes.slice();
    const bit = word() % Math.min(width, 2 * bits);
    bytes[bit >> 3]! ^= 0x80 >> (bit & 7);
    return { family, bytes };
  };
  return { routes, near };
}

for (const family of [4, 6] as const) {
  test(`100,000 lookups of IPv${family} find the route that a scan of all routes finds`, () => {
    const { routes, near } = bed(family, 40);
    const table = new RangeTable(routes);
    let hits = 0;
    for (let i = 0; i < 100_000; i++) {
      const address = near();
      const found = table.lookup(address);
      if (found !== undefined) hits++;
      if (found !== slowLookup(routes, address)) assert.fail(`another route for ${formatAddress(address)}`);
    }
    assert.ok(hits > 20_000 && hits < 80_000, `${hits} of 100,000 were routed: the test must see both`);
  });
}

test("of two routes for one prefix the later one counts, and a family never answers for the other", () => {
  const table = new RangeTable([
    route("10.0.0.0/8", "first"),
    route("10.0.0.0/8", "second"),
    route("::/0", "six"),
  ]);
  assert.equal(table.lookup(parseAddress("10.1.2.3")!)?.owner, "second");
  assert.equal(table.lookup(parseAddress("11.1.2.3")!), undefined);
  assert.equal(table.lookup(parseAddress("2001:db8::1")!)?.owner, "six");
});
