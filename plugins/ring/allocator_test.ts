import assert from "node:assert/strict";
import { formatAddress, parseAddress } from "../../core/wire/address.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import { Allocator, isReserved, reservedSpans } from "./allocator.ts";
import { spanOf } from "./span.ts";

const range = parsePrefix("10.32.0.0/12")!;
const range6 = parsePrefix("fd00::/48")!;
const address = (text: string) => parseAddress(text)!;

function lowest(allocator: Allocator, subnet: string, space: readonly string[], now = 0): string | undefined {
  const prefix = parsePrefix(subnet)!;
  const spans = space.map((text) => spanOf(parsePrefix(text)!));
  const found = allocator.lowestFree(prefix, prefix.address.family === 4 ? range : range6, spans, now);
  return found === undefined ? undefined : formatAddress(found);
}

test("the lowest free address comes first, of the space and of the subnet", () => {
  const allocator = new Allocator();
  assert.equal(lowest(allocator, "10.32.0.0/12", ["10.32.0.0/20", "10.33.0.0/20"]), "10.32.0.1");
  assert.equal(lowest(allocator, "10.33.0.0/16", ["10.32.0.0/20", "10.33.0.0/20"]), "10.33.0.1");
  assert.equal(lowest(allocator, "10.32.0.0/12", ["10.40.16.0/20"]), "10.40.16.0");
  assert.equal(lowest(allocator, "10.32.0.0/12", []), undefined);
  assert.equal(lowest(allocator, "fd00::/48", ["fd00::/64"]), "fd00::1");
});

test("leased, pending and resting addresses are passed over until they are free", () => {
  const allocator = new Allocator();
  allocator.lease({ owner: "web", address: address("10.32.0.1"), bits: 12 });
  allocator.reserve(address("10.32.0.2"));
  allocator.rest(address("10.32.0.3"), 100);
  const space = ["10.32.0.0/20"];
  assert.equal(lowest(allocator, "10.32.0.0/12", space, 99), "10.32.0.4");
  assert.deepEqual(
    allocator.busy(4, 99).map(({ start, end }) => [Number(start & 255n), Number(end & 255n)]),
    [
      [1, 4],
    ],
  );
  assert.equal(lowest(allocator, "10.32.0.0/12", space, 100), "10.32.0.3");
  allocator.clear(address("10.32.0.2"));
  assert.equal(lowest(allocator, "10.32.0.0/12", space, 100), "10.32.0.2");
  assert.deepEqual(allocator.busy(4, 100).map(({ start }) => Number(start & 255n)), [1]);
});

test("network and broadcast addresses of subnet and range are never given", () => {
  const allocator = new Allocator();
  const subnet = "10.32.7.248/29";
  const given: string[] = [];
  for (
    let next = lowest(allocator, subnet, [subnet]);
    next !== undefined;
    next = lowest(allocator, subnet, [subnet])
  ) {
    given.push(next);
    allocator.lease({ owner: next, address: address(next), bits: 29 });
  }
  assert.deepEqual(given, [249, 250, 251, 252, 253, 254].map((last) => `10.32.7.${last}`));
  assert.equal(lowest(allocator, "10.32.0.0/31", ["10.32.0.0/31"]), "10.32.0.1");
  assert.equal(lowest(allocator, "10.47.255.254/31", ["10.47.255.255/32"]), undefined);
});

test("reserved are the ends of an IPv4 subnet and the start of an IPv6 one, unless it is too small for that", () => {
  const cases: [string, string, boolean][] = [
    ["10.0.0.0", "10.0.0.0/24", true],
    ["10.0.0.255", "10.0.0.0/24", true],
    ["10.0.0.255", "10.0.0.0/23", false],
    ["10.0.0.0", "10.0.0.0/31", false],
    ["10.0.0.0", "10.0.0.0/32", false],
    ["fd00::", "fd00::/64", true],
    ["fd00::ffff:ffff:ffff:ffff", "fd00::/64", false],
    ["fd00::", "fd00::/127", false],
  ];
  for (const [text, subnet, expected] of cases) {
    assert.equal(isReserved(address(text), parsePrefix(subnet)!), expected, `${text} in ${subnet}`);
  }
  assert.deepEqual(reservedSpans(parsePrefix("0.0.0.4/30")!), [{ start: 4n, end: 5n }, {
    start: 7n,
    end: 8n,
  }]);
  assert.deepEqual(reservedSpans(parsePrefix("0.0.0.4/31")!), []);
  assert.equal(reservedSpans(range6).length, 1);
});

test("leases are found by owner and exact subnet, the oldest first", () => {
  const allocator = new Allocator();
  const wide = { owner: "web", address: address("10.32.0.9"), bits: 12 };
  const later = { owner: "web", address: address("10.32.0.1"), bits: 12 };
  const narrow = { owner: "web", address: address("10.32.0.2"), bits: 24 };
  for (const lease of [wide, later, narrow]) allocator.lease(lease);
  assert.deepEqual(allocator.leasesIn(range, "web"), [wide, later]);
  assert.deepEqual(allocator.leasesIn(parsePrefix("10.32.0.0/24")!, "web"), [narrow]);
  assert.deepEqual(allocator.leasesIn(parsePrefix("10.32.0.0/20")!, "web"), []);
  assert.deepEqual(allocator.leasesIn(range, "db"), []);
  allocator.withdraw(wide);
  assert.deepEqual(allocator.leasesIn(range, "web"), [later]);
  assert.deepEqual(allocator.leases(), [later, narrow]);
  assert.equal(allocator.stateOf(wide.address, 0)?.kind, "pending");
});

test("waking names the addresses whose rest is over, once", () => {
  const allocator = new Allocator();
  allocator.rest(address("10.32.0.1"), 10);
  allocator.rest(address("fd00::1"), 10);
  allocator.rest(address("10.32.0.2"), 11);
  assert.deepEqual(allocator.wake(9), []);
  assert.deepEqual(allocator.wake(10).map(formatAddress), ["10.32.0.1", "fd00::1"]);
  assert.deepEqual(allocator.wake(11).map(formatAddress), ["10.32.0.2"]);
  assert.deepEqual(allocator.wake(99), []);
});
