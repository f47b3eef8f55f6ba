import assert from "node:assert/strict";
import type { LogFields, Logger, LogLevel } from "../../core/contracts/host.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";
import { testIpam } from "../../tests/conformance/ipam.ts";
import { test } from "../../tests/harness.ts";
import { address, prefix, quarantine, type SimNode, World } from "../../tests/ring/ring_world.ts";
import { ring } from "./mod.ts";

testIpam({
  name: "ring",
  quarantine,
  bed: () => {
    const world = new World(1);
    return {
      create: () => world.get(0).create(),
      complete: (promise) => world.clock.complete(promise),
      advance: (duration) => world.clock.advance(duration),
    };
  },
});

const range = prefix("10.32.0.0/12");
const forever = new AbortController().signal;

/** A founder alone, started. */
async function alone(body: (world: World, node: SimNode) => Promise<void>): Promise<void> {
  const world = new World(1);
  await world.startAll();
  try {
    await body(world, world.get(0));
  } finally {
    await world.stopAll();
  }
}

test("a founder starts with the first address of its range", () =>
  alone(async (world, node) => {
    const leases = await world.clock.complete(Promise.all(
      world.facts.ranges.map((subnet) => node.ipam.allocate({ owner: "node", subnet }, forever)),
    ));
    assert.deepEqual(leases.map((lease) => `${formatAddress(lease.address)}/${lease.bits}`), [
      "10.32.0.1/12",
      "fd00:5e1f:a6e0::1/48",
    ]);
  }));

test("before there is a network the ranges are those to found one with, and an allocation waits for it", () =>
  alone(async (world, node) => {
    await node.stop();
    node.isMember = false;
    const ipam = node.create();
    await ipam.start(forever);
    assert.deepEqual(ipam.ranges().map(formatPrefix), ["10.32.0.0/12"]);
    assert.deepEqual([[...ipam.routes.routes()], ipam.routes.version(), ipam.report()], [[], 0, []]);
    const lease = ipam.allocate({ owner: "node", subnet: range }, forever);
    await world.clock.advance(2000);
    node.isMember = true;
    assert.equal(formatAddress((await world.clock.complete(lease)).address), "10.32.0.1");
    assert.deepEqual(ipam.ranges(), world.facts.ranges);
  }));

test("state of another network is removed, not used", () =>
  alone(async (world, node) => {
    await world.clock.complete(node.ipam.allocate({ owner: "node", subnet: range }, forever));
    await node.stop();
    const other = new World(1);
    const again = other.get(0);
    await again.disk.mount().commit([...node.disk.image.entries("")].map(([key, value]) => ({ key, value })));
    Object.assign(other.facts, { id: new Uint8Array(16).fill(8) });
    await again.start();
    await other.clock.advance(100);
    assert.deepEqual(again.leases, []);
    assert.deepEqual([...again.disk.image.entries("ring/")].map(([key]) => key), ["ring/network"]);
    await other.stopAll();
  }));

test("an address that cannot be stored is not given, and is free for the next who asks", () =>
  alone(async (world, node) => {
    node.isDiskFull = true;
    const refused = node.ipam.allocate({ owner: "web", subnet: range }, forever);
    await assert.rejects(world.clock.complete(refused), /no space left/);
    assert.deepEqual(node.leases, []);
    node.isDiskFull = false;
    const lease = await world.clock.complete(node.ipam.allocate({ owner: "db", subnet: range }, forever));
    assert.equal(formatAddress(lease.address), "10.32.0.1");
  }));

test("a release that cannot be stored releases nothing", () =>
  alone(async (world, node) => {
    const lease = await world.clock.complete(node.ipam.allocate({ owner: "web", subnet: range }, forever));
    node.isDiskFull = true;
    await assert.rejects(world.clock.complete(node.ipam.release("web")), /no space left/);
    node.isDiskFull = false;
    assert.deepEqual(node.leases, [lease]);
    assert.equal(await world.clock.complete(node.ipam.release("web")), 1);
  }));

test("a release waits for a lease that is on its way to disk, and takes it", () =>
  alone(async (world, node) => {
    const lease = node.ipam.allocate({ owner: "web", subnet: range }, forever);
    const released = node.ipam.release("web");
    assert.equal(await world.clock.complete(released), 1);
    await lease;
    assert.deepEqual(node.leases, []);
  }));

test("a lease that is handed over is the other's at once, also after a restart, and needs no rest", () =>
  alone(async (world, node) => {
    const claim = (owner: string) => node.ipam.claim(owner, address("10.32.0.9"), forever);
    const lease = await world.clock.complete(claim("web"));
    const handed = await world.clock.complete(node.ipam.transfer(lease, "web-2"));
    assert.deepEqual(handed, { ...lease, owner: "web-2" });
    assert.deepEqual(
      await world.clock.complete(node.ipam.allocate({ owner: "web-2", subnet: range }, forever)),
      handed,
    );
    await assert.rejects(node.ipam.transfer(lease, "db"), { code: "NOT_FOUND" });
    await assert.rejects(claim("web"), { code: "ADDRESS_TAKEN" });
    await node.stop();
    await node.start();
    assert.deepEqual([...node.ipam.leases()], [handed]);
  }));

test("leases come and go with an event each", () =>
  alone(async (world, node) => {
    const seen: string[] = [];
    node.events.on("lease:changed", ({ lease, state }) =>
      seen.push(`${state} ${formatAddress(lease.address)}`), forever);
    await world.clock.complete(node.ipam.claim("web", address("10.32.7.7"), forever));
    await world.clock.complete(node.ipam.release("web"));
    assert.deepEqual(seen, ["allocated 10.32.7.7", "released 10.32.7.7"]);
  }));

test("the end of a rest is noted on disk", () =>
  alone(async (world, node) => {
    await world.clock.complete(node.ipam.claim("web", address("10.32.7.7"), forever));
    await world.clock.complete(node.ipam.release("web"));
    const resting = () => [...node.disk.image.entries("ring/rest/")].map(([key]) => key);
    assert.deepEqual(resting(), ["ring/rest/10.32.7.7"]);
    await world.clock.advance(quarantine + 5000);
    assert.deepEqual(resting(), []);
  }));

test("what cannot be read on disk is named in the log and left alone", () =>
  alone(async (world, node) => {
    const lease = await world.clock.complete(node.ipam.allocate({ owner: "web", subnet: range }, forever));
    await node.stop();
    const junk = ["ring/lease/10.32.0.9", "ring/lease/nonsense", "ring/grant/nonsense", "ring/rest/nonsense"];
    await node.disk.mount().commit(junk.map((key) => ({ key, value: Uint8Array.of(1) })));
    const lines: [LogLevel, string, LogFields | undefined][] = [];
    const log: Logger = { child: () => log, log: (...line) => lines.push([line[0], line[1], line[2]]) };
    node.log = log;
    await node.start();
    assert.deepEqual(lines.map(([level, , fields]) => [level, fields?.["path"]]).sort(), [
      ["error", "ring/grant/nonsense"],
      ["error", "ring/lease/10.32.0.9"],
      ["error", "ring/lease/nonsense"],
      ["error", "ring/rest/nonsense"],
    ]);
    assert.deepEqual(node.leases, [lease]);
    for (const key of junk) assert.notEqual(node.disk.image.get(key), undefined);
  }));

test("who waits is told when the node stops", () =>
  alone(async (world, node) => {
    await node.stop();
    node.isMember = false;
    const ipam = node.create();
    await ipam.start(forever);
    const waiting = assert.rejects(ipam.allocate({ owner: "node", subnet: range }, forever), {
      code: "NOT_RUNNING",
    });
    await world.clock.advance(1000);
    await ipam[Symbol.asyncDispose]();
    await waiting;
  }));

test("owners' names have 1 to 255 characters", () =>
  alone(async (world, node) => {
    for (const owner of ["", "x".repeat(256), "half\ud800"]) {
      await assert.rejects(node.ipam.allocate({ owner, subnet: range }, forever), {
        code: "INVALID_ARGUMENT",
      });
      await assert.rejects(node.ipam.claim(owner, address("10.32.0.9"), forever), {
        code: "INVALID_ARGUMENT",
      });
    }
    await world.clock.complete(node.ipam.allocate({ owner: "ü".repeat(255), subnet: range }, forever));
  }));

test("the configuration has Weave's range as its default and refuses what makes no network", () => {
  assert.equal(ring({}).name, "ring");
  const wrong: [Parameters<typeof ring>[0], RegExp][] = [
    [{ range: "10.32.0.0" }, /ring\.range: expected an IPv4 CIDR of \/8 to \/28, got "10\.32\.0\.0"/],
    [{ range: "10.32.0.1/12" }, /ring\.range/],
    [{ range: "fd00::/48" }, /ring\.range/],
    [{ range: "10.32.0.0/30" }, /ring\.range/],
    [{ block: 31 }, /ring\.block/],
    [{ block: 20.5 }, /ring\.block/],
    [{ quarantineSeconds: -1 }, /ring\.quarantineSeconds/],
    [{ ragne: "10.32.0.0/12" } as never, /ragne/],
  ];
  for (const [input, message] of wrong) {
    assert.throws(() => ring(input), { code: "CONFIG_INVALID", message });
  }
});
