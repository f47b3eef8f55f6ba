import assert from "node:assert/strict";
import { parseAddress } from "../../core/wire/address.ts";
import { test } from "../../tests/harness.ts";
import { address, prefix, World } from "../../tests/ring/ring_world.ts";

const forever = new AbortController().signal;

/** A founder and another, who has a block of its own. */
async function two(body: (world: World) => Promise<void>): Promise<void> {
  const world = new World(2);
  await world.startAll();
  world.heal();
  try {
    await world.clock.advance(5000);
    await body(world);
  } finally {
    await world.stopAll();
  }
}

test("an address that rests here is another's as soon as it is moved, and can be claimed there", () =>
  two(async (world) => {
    const [a, b] = [world.get(0), world.get(1)];
    const lease = await world.clock.complete(
      a.ipam.allocate({ owner: "web", subnet: prefix("10.32.0.0/12") }, forever),
    );
    await assert.rejects(a.ipam.move(lease.address, b.self.id), {
      code: "ADDRESS_TAKEN",
      message: /release it/,
    });
    await world.clock.complete(a.ipam.release("web"));
    await world.clock.complete(a.ipam.move(lease.address, b.self.id));
    await world.clock.advance(1000);
    const claimed = await world.clock.complete(b.ipam.claim("web", lease.address, forever));
    assert.deepEqual(claimed.address, lease.address);
    await assert.rejects(world.clock.complete(a.ipam.claim("db", lease.address, forever)), {
      code: "ADDRESS_TAKEN",
    });
  }));

test("an address whose grant cannot be stored stays where it is", () =>
  two(async (world) => {
    const [a, b] = [world.get(0), world.get(1)];
    a.isDiskFull = true;
    const wanted = address("10.32.200.7");
    await assert.rejects(world.clock.complete(a.ipam.move(wanted, b.self.id)), { code: "STATE_UNWRITABLE" });
    a.isDiskFull = false;
    assert.equal(a.ipam.routes.ring?.ownerOf(wanted), a.self.id);
    assert.deepEqual((await world.clock.complete(a.ipam.claim("web", wanted, forever))).address, wanted);
  }));

test("two moves of one address at once give it to one of them, and nobody who is no member gets any", () =>
  two(async (world) => {
    const [a, b] = [world.get(0), world.get(1)];
    const wanted = address("fd00:5e1f:a6e0::77");
    const outcomes = await world.clock.complete(
      Promise.allSettled([a.ipam.move(wanted, b.self.id), a.ipam.move(wanted, b.self.id)]),
    );
    assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected"]);
    const stranger = "z".repeat(32) as typeof b.self.id;
    await assert.rejects(a.ipam.move(parseAddress("10.32.200.8")!, stranger), { code: "INVALID_ARGUMENT" });
  }));
