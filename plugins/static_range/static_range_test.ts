import assert from "node:assert/strict";
import { formatAddress, parseAddress } from "../../core/wire/address.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { formatPrefix, parsePrefix } from "../../core/wire/prefix.ts";
import { testIpam } from "../../tests/conformance/ipam.ts";
import { testHost } from "../../tests/conformance/test_host.ts";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { SimWorld } from "../../tests/sim/world.ts";
import { MemoryDisk } from "../memory_store/mod.ts";
import { staticRange } from "./mod.ts";
import { StaticRangeIpam } from "./static_range_ipam.ts";

const everything = ["10.32.0.0/12", "fd00:5e1f:a6e0::/48"];
const forever = new AbortController().signal;
const refusedWith = (ranges: Record<string, string | string[]>, message: RegExp) =>
  assert.throws(() => staticRange({ ranges }), { code: "CONFIG_INVALID", message });

testIpam({
  name: "static_range",
  quarantine: 60_000,
  bed: () => {
    const [clock, disk] = [new SimClock(), new MemoryDisk()];
    return {
      create: () => staticRange({ ranges: { "web-1": everything } }).create(testHost({ clock, disk })),
      complete: (promise) => clock.complete(promise),
      advance: (duration) => clock.advance(duration),
    };
  },
});

/** On one disk: `ranges` of the node web-1, started. */
async function started(ranges: Record<string, string | string[]>, disk = new MemoryDisk()) {
  const clock = new SimClock();
  const host = testHost({ clock, disk });
  const ipam = staticRange({ ranges }).create(host) as StaticRangeIpam;
  const alerts: string[] = [];
  host.events.on("alert:raised", ({ detail }) => alerts.push(detail), forever);
  await ipam.start();
  const allocate = async (owner: string, subnet: string) => {
    const lease = await clock.complete(ipam.allocate({ owner, subnet: parsePrefix(subnet)! }, forever));
    return `${formatAddress(lease.address)}/${lease.bits}`;
  };
  const claim = (text: string) => clock.complete(ipam.claim("web", parseAddress(text)!, forever));
  return { ipam, host, clock, alerts, allocate, claim };
}

test("static_range: nodes of a mesh have addresses of their own ranges, of both families, and reach each other", async () => {
  const ranges = { a: ["10.32.0.0/24", "::1:0:0:0:0/80"], B: ["10.32.1.0/24", "0:0:0:2::/80"] };
  await using world = new SimWorld(1, {}, { plugins: { ipam: staticRange({ ranges }) } });
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const network = a!.node.ipam().ranges[1]!.replace(/::\/48$/, "");
  assert.deepEqual(a!.node.status().addresses, ["10.32.0.1", `${network}:1::`]);
  assert.deepEqual(b!.node.status().addresses, ["10.32.1.0", `${network}:2::`]);
  assert.ok(await world.ping(a!, b!) > 0);
  const shares = (node: typeof a) =>
    node!.node.ipam().shares.map(({ name, ranges }) => `${name} ${ranges[0]}`);
  assert.deepEqual(shares(a).sort(), ["a 10.32.0.0/24", "b 10.32.1.0/24"]);
  assert.deepEqual(shares(b).sort(), shares(a).sort());
});

test("static_range: a mistake in the table is refused before anything starts, and its place is named", () => {
  refusedWith(
    { a: "10.32.0.0/16", b: "10.32.9.0/24" },
    /^static_range\.ranges\.b: 10\.32\.9\.0\/24 overlaps 10\.32\.0\.0\/16 of a$/,
  );
  refusedWith({ a: ["10.32.0.0/16", "10.32.0.0/16"] }, /ranges\.a: 10\.32\.0\.0\/16 overlaps/);
  refusedWith({ a: "10.32.0.1/16" }, /ranges\.a: .*expected a CIDR, got "10\.32\.0\.1\/16"/);
  refusedWith({ a: [] }, /ranges\.a: Too small/);
  refusedWith({ web: "10.32.0.0/24", Web: "10.32.1.0/24" }, /ranges\.Web: is the same node as web/);
  refusedWith(
    { a: ["10.32.0.0/24", "fd00::/64"], b: "10.32.1.0/24" },
    /ranges\.b: has no IPv6 range, and a has one/,
  );
  const many = Object.fromEntries(
    Array.from({ length: 4097 }, (_, i) => [`n${i}`, `10.${i >> 8}.${i & 255}.0/24`]),
  );
  refusedWith(many, /4097 nodes with 4097 ranges: at most 4096/);
});

test("static_range: a range outside the network and a node without a range end the start, and the path is named", async () => {
  await assert.rejects(started({ "web-1": "10.99.0.0/24" }), {
    code: "CONFIG_INVALID",
    message:
      /^ipam\.ranges\.web-1: 10\.99\.0\.0\/24 is not inside the network's range, which is 10\.32\.0\.0\/12 or fd00/,
  });
  await assert.rejects(started({ "web-2": "10.32.0.0/24" }), {
    code: "CONFIG_INVALID",
    message: /^ipam\.ranges: nothing is listed for this node, "web-1"/,
  });
});

test("static_range: a family of which nothing is planned is not given, and the other is", async () => {
  const { ipam, allocate } = await started({ "web-1": "10.33.0.0/30" });
  assert.deepEqual(ipam.ranges().map(formatPrefix), ["10.32.0.0/12"]);
  assert.equal(await allocate("a", "10.32.0.0/12"), "10.33.0.0/12");
});

test("static_range: addresses of several ranges are given in the order of the table, each only once, until none is left", async () => {
  const { allocate, ipam } = await started({ "web-1": ["10.33.0.0/31", "10.32.8.0/31"] });
  const given: string[] = [];
  for (const owner of "abcd") given.push(await allocate(owner, "10.32.0.0/12"));
  assert.deepEqual(given, ["10.33.0.0/12", "10.33.0.1/12", "10.32.8.0/12", "10.32.8.1/12"]);
  await assert.rejects(allocate("e", "10.32.0.0/12"), { code: "POOL_EXHAUSTED", message: /ipam\.ranges/ });
  assert.equal(await ipam.release("c"), 1);
  await assert.rejects(allocate("e", "10.32.0.0/12"), { code: "POOL_EXHAUSTED" });
});

test("static_range: an address that has rested is the next to be given, below those that others have", async () => {
  const { allocate, ipam, clock } = await started({ "web-1": "10.33.0.0/24" });
  for (const owner of "abc") await allocate(owner, "10.32.0.0/12");
  await ipam.release("b");
  assert.equal(await allocate("d", "10.32.0.0/12"), "10.33.0.3/12");
  await clock.advance(60_000);
  assert.equal(await allocate("e", "10.32.0.0/12"), "10.33.0.1/12");
});

test("static_range: an address of another node's range is claimed there, and one of nobody's nowhere", async () => {
  const { claim } = await started({ "web-1": "10.32.0.0/24", "web-2": "10.32.1.0/24" });
  await assert.rejects(claim("10.32.1.7"), {
    code: "UNREACHABLE",
    message: "Cannot claim 10.32.1.7: it lies in 10.32.1.0/24 of web-2; claim it there",
  });
  await assert.rejects(claim("10.40.0.1"), { code: "UNREACHABLE", message: /no node has a range with it/ });
});

test("static_range: leases outside a changed range are kept aside with an alert, and are back with the range", async () => {
  const disk = new MemoryDisk();
  const first = await started({ "web-1": "10.32.4.0/24" }, disk);
  const lease = await first.allocate("web", "10.32.0.0/12");
  const other = await started({ "web-1": "10.32.5.0/24" }, disk);
  assert.deepEqual([...other.ipam.leases()], []);
  assert.match(
    other.alerts.join(),
    /1 addresses given before .*\(10\.32\.4\.0 of web\); they are kept aside/,
  );
  const again = await started({ "web-1": "10.32.4.0/24" }, disk);
  assert.equal(await again.allocate("web", "10.32.0.0/12"), lease);
  assert.deepEqual(again.alerts, []);
});

test("static_range: what a newer version has stored ends the start, and what cannot be read is left where it is", async () => {
  const disk = new MemoryDisk();
  const first = await started({ "web-1": "10.32.4.0/24" }, disk);
  await first.allocate("web", "10.32.0.0/12");
  const [lease, rest] = ["static_range/lease/10.32.4.9", "static_range/rest/10.32.4.8"];
  await disk.mount().commit([{ key: lease, value: new Uint8Array([255]) }]);
  const again = await started({ "web-1": "10.32.4.0/24" }, disk);
  assert.deepEqual([...again.ipam.leases()].map(({ owner }) => owner), ["web"]);
  assert.deepEqual([...disk.mount().get(lease)!], [255]);
  await disk.mount().commit([{ key: rest, value: encodeCbor({ v: 2 }) }]);
  await assert.rejects(started({ "web-1": "10.32.4.0/24" }, disk), {
    code: "UNSUPPORTED",
    details: { path: rest },
  });
});

test("static_range: an address is handed over without a rest", async () => {
  const { ipam, allocate } = await started({ "web-1": "10.32.0.0/24" });
  await allocate("web", "10.32.0.0/12");
  const [lease] = [...ipam.leases()];
  assert.deepEqual({ ...await ipam.transfer(lease!, "db") }, { ...lease, owner: "db" });
  await assert.rejects(ipam.transfer(lease!, "db"), { code: "NOT_FOUND" });
});
