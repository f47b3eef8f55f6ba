import assert from "node:assert/strict";
import { MemoryDisk, SimClock, SimWorld, test, testHost, testIpam } from "selvage/testing";
import { plugin } from "./fixed_ranges.ts";

const everything = ["10.32.0.0/12", "fd00:5e1f:a6e0::/48"];

testIpam({
  name: "fixed_ranges",
  quarantine: 60_000,
  bed: () => {
    const [clock, disk] = [new SimClock(), new MemoryDisk()];
    return {
      create: () => plugin({ owners: { "web-1": everything } }).create(testHost({ clock, disk })),
      complete: (promise) => clock.complete(promise),
      advance: (duration) => clock.advance(duration),
    };
  },
});

test("fixed_ranges: nodes of a mesh have the addresses that were planned, and reach each other", async () => {
  const owners = { a: ["10.32.0.0/24"], b: ["10.32.1.0/24"] };
  await using world = new SimWorld(1, {}, { plugins: { ipam: plugin({ owners }) } });
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  assert.deepEqual(a!.node.status().addresses, ["10.32.0.1"]);
  assert.deepEqual(b!.node.status().addresses, ["10.32.1.0"]);
  assert.ok(await world.ping(a!, b!) > 0);
});

test("fixed_ranges: ranges that overlap are refused before anything starts, and both are named", () => {
  assert.throws(() => plugin({ owners: { a: ["10.32.0.0/16"], b: ["10.32.9.0/24"] } }), {
    code: "CONFIG_INVALID",
    message: "fixed_ranges.owners.b: 10.32.9.0/24 overlaps 10.32.0.0/16 of a",
  });
});
