import assert from "node:assert/strict";
import { addressFromBigInt } from "../../core/wire/address.ts";
import { contains } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import {
  allocate,
  blocksOf,
  prefix,
  type SimNode,
  type World,
  worldOf,
} from "../../tests/ring/ring_world.ts";

const ranges = ["10.32.0.0/26"];
const range = prefix(ranges[0]!);
const forever = new AbortController().signal;

function alertsOf(node: SimNode): string[] {
  const alerts: string[] = [];
  node.events.on("alert:raised", ({ alert }) => alerts.push(alert), forever);
  node.events.on("alert:cleared", ({ alert }) => alerts.push(`no ${alert}`), forever);
  return alerts;
}

/** The code of the error if there is no address within ten seconds of simulated time, else the address. */
async function tryAllocate(world: World, node: SimNode, owner: string): Promise<unknown> {
  const patience = new AbortController();
  world.clock.timer(world.clock.now() + 10_000, () => patience.abort());
  const outcome = node.ipam.allocate({ owner, subnet: range }, patience.signal)
    .then(() => "given", (error: { code: string }) => error.code);
  await world.clock.advance(11_000);
  return await outcome;
}

/** The founder's disk goes back to before it gave anything to the last node, which is told to the founder or not. */
async function restored(world: World, isTold: boolean): Promise<void> {
  const [founder, last] = [world.get(0), world.nodes.at(-1)!];
  for (const node of world.nodes.slice(0, -1)) await node.start();
  await allocate(world, founder, range);
  await world.clock.advance(2000);
  const backup = founder.disk.snapshot();
  await last.start();
  await world.clock.advance(2000);
  assert.notDeepEqual(blocksOf(founder, last), []);
  for (const node of world.nodes) node.kill();
  founder.disk.restore(backup);
  founder.notices = isTold ? [{ name: "state-restored", detail: "" }] : [];
}

test("a node with an old disk gives no address until a majority of the voters knows of the grants that it knows", () =>
  worldOf(4, { ranges, block: 28 }, async (world, [founder, one, two]) => {
    world.council.voters = [0, 1, 2];
    await restored(world, true);
    await founder!.start();
    const alerts = alertsOf(founder!);
    assert.equal(await tryAllocate(world, founder!, "new"), "TIMEOUT");
    assert.equal(founder!.addresses.length, 1, "what it had given is still in use");
    await one!.start();
    assert.equal(
      await tryAllocate(world, founder!, "new"),
      "TIMEOUT",
      "one of two others is no majority of three",
    );
    await two!.start();
    assert.equal(await tryAllocate(world, founder!, "new"), "given");
    assert.deepEqual(blocksOf(founder!, world.get(3)), blocksOf(world.get(3)));
    assert.deepEqual(alerts, ["no ipam-doubt"]);
  }));

test("a node that is shown a grant of its own that it does not know has an old disk, whatever the store says", () =>
  worldOf(4, { ranges, block: 28 }, async (world, [founder, one, two, last]) => {
    world.council.voters = [0, 1, 2];
    await restored(world, false);
    await founder!.start();
    const alerts = alertsOf(founder!);
    await last!.start();
    await world.clock.advance(1000);
    assert.deepEqual(alerts, ["ipam-doubt"]);
    assert.equal(await tryAllocate(world, founder!, "new"), "TIMEOUT", "who is no voter has no say");
    await one!.start();
    await two!.start();
    assert.equal(await tryAllocate(world, founder!, "new"), "given");
    assert.deepEqual(alerts, ["ipam-doubt", "no ipam-doubt"]);
  }));

test("the only voter of a network believes any member, and a node without members has nobody to ask", () =>
  worldOf(2, { ranges, block: 28 }, async (world, [founder, other]) => {
    await restored(world, true);
    await founder!.start();
    assert.equal(await tryAllocate(world, founder!, "new"), "TIMEOUT");
    await other!.start();
    assert.equal(await tryAllocate(world, founder!, "new"), "given");
    founder!.kill();
    founder!.members = [];
    await founder!.start();
    assert.equal(await tryAllocate(world, founder!, "newer"), "given");
  }));

test("in doubt a node asks others for nothing, who would give it a block each time", () =>
  worldOf(4, { ranges, block: 30 }, async (world, [founder, one]) => {
    world.council.voters = [0, 1, 2];
    await restored(world, true);
    await founder!.start();
    await one!.start();
    const before = blocksOf(one!, founder);
    assert.equal(await tryAllocate(world, founder!, "new"), "TIMEOUT");
    assert.deepEqual(blocksOf(one!, founder), before);
  }));

test("a doubt outlives a restart, for the store tells of an old disk only once, and ends with it", () =>
  worldOf(4, { ranges, block: 28 }, async (world, [founder, one, two]) => {
    world.council.voters = [0, 1, 2];
    await restored(world, true);
    await founder!.start();
    await world.clock.advance(100);
    founder!.kill();
    founder!.notices = [];
    await founder!.start();
    assert.equal(await tryAllocate(world, founder!, "new"), "TIMEOUT");
    await one!.start();
    await two!.start();
    assert.equal(await tryAllocate(world, founder!, "new"), "given");
    await world.clock.advance(10_000);
    assert.deepEqual([...founder!.disk.image.entries("ring/doubt")], []);
  }));

test("in doubt nothing new is claimed or moved, and a claim waits until the doubt is over", () =>
  worldOf(4, { ranges, block: 28 }, async (world, [founder, one, two, last]) => {
    world.council.voters = [0, 1, 2];
    await restored(world, true);
    await founder!.start();
    const given = last!.ipam.routes.ring!.spaceOf(last!.self.id, range)[0]!;
    const wanted = addressFromBigInt(4, given.start);
    const claim = founder!.ipam.claim("new", wanted, forever).then(() => "given", ({ code }) => code);
    await world.clock.advance(2000);
    assert.equal(founder!.addresses.length, 1, "it is another's, and the disk does not know");
    await assert.rejects(founder!.ipam.move(wanted, one!.self.id), { code: "UNREACHABLE" });
    const old = founder!.leases[0]!;
    assert.deepEqual(await founder!.ipam.claim(old.owner, old.address, forever), old);
    for (const node of [one!, two!, last!]) await node.start();
    await world.clock.advance(30_000);
    assert.equal(await claim, "given", "by its owner, who has been asked");
    const route = [...one!.ipam.routes.routes()].findLast((each) => contains(each.prefix, wanted));
    assert.deepEqual([route?.owner, route?.grantedBy], [founder!.self.id, last!.self.id]);
  }));
