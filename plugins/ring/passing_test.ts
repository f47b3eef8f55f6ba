import assert from "node:assert/strict";
import { isMeshError } from "../../core/contracts/errors.ts";
import type { Takeover } from "../../core/contracts/ipam.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import {
  address,
  allocate,
  blocksOf,
  prefix,
  quarantine,
  type SimNode,
  type World,
  worldOf,
} from "../../tests/ring/ring_world.ts";
import { prefixesOwned } from "./prefixes_owned.ts";

const small = { ranges: ["10.32.0.0/26"], block: 28 };
const range = prefix(small.ranges[0]!);
const forever = new AbortController().signal;

/** What comes of calls within ten seconds of simulated time: their results, or the codes of their errors. */
async function within10s(
  world: World,
  ...calls: readonly ((signal: AbortSignal) => Promise<Takeover>)[]
): Promise<readonly (Takeover | string)[]> {
  const patience = new AbortController();
  world.clock.timer(world.clock.now() + 10_000, () => patience.abort());
  const codeOf = (error: unknown) => isMeshError(error) ? error.code : String(error);
  const outcomes = calls.map((call) => call(patience.signal).catch(codeOf));
  await world.clock.advance(11_000);
  return await Promise.all(outcomes);
}

const taking = (node: SimNode, from: SimNode) => (signal: AbortSignal) =>
  node.ipam.takeOver(from.self.id, signal);

const leaving = (node: SimNode, to: SimNode) => (signal: AbortSignal) =>
  node.ipam.handOver(to.self.id, signal);

const owned = (seenBy: SimNode, owner: SimNode) =>
  prefixesOwned(seenBy.ipam.routes.ring!, owner.self.id).map(formatPrefix);

function alertsOf(node: SimNode): string[] {
  const alerts: string[] = [];
  node.events.on("alert:raised", ({ alert }) => alerts.push(alert), forever);
  node.events.on("alert:cleared", ({ alert }) => alerts.push(`no ${alert}`), forever);
  return alerts;
}

/** Four nodes with a block each, the last three of them voters, of whom the founder has died. */
async function bereaved(world: World): Promise<void> {
  world.council.voters = [1, 2, 3];
  await world.startAll();
  await allocate(world, world.get(0), range);
  await world.clock.advance(2000);
  world.get(0).kill();
}

test("what a dead peer owned is the heir's, who gives it away again after a rest", () =>
  worldOf(4, small, async (world, [founder, heir, other]) => {
    await bereaved(world);
    const before = owned(heir!, founder!);
    const [passed] = await within10s(world, taking(heir!, founder!));
    assert.deepEqual((passed as Takeover).prefixes.map(formatPrefix), before);
    for (const node of [heir!, other!]) assert.deepEqual(owned(node, founder!), []);
    const subnet = prefix("10.32.0.0/28");
    assert.deepEqual(
      await within10s(world, (signal) => other!.ipam.allocate({ owner: "x", subnet }, signal) as never),
      [
        "POOL_EXHAUSTED",
      ],
    );
    await world.clock.advance(quarantine);
    const lease = other!.ipam.allocate({ owner: "x", subnet }, forever);
    await world.clock.advance(10_000);
    assert.match(formatAddress((await lease).address), /^10\.32\.0\./);
  }));

test("two operators who say the same at once, and say it again, leave one heir", () =>
  worldOf(4, small, async (world, [founder, one, two]) => {
    await bereaved(world);
    const both = await within10s(world, taking(one!, founder!), taking(two!, founder!)) as Takeover[];
    assert.equal(both.filter(({ prefixes }) => prefixes.length > 0).length, 1);
    const [again] = await within10s(world, taking(two!, founder!)) as Takeover[];
    assert.deepEqual(again?.prefixes, []);
    assert.equal(world.council.decisions.length, 1);
  }));

test("without a majority of the voters nothing passes on, and where there is none at all that is said at once", () =>
  worldOf(4, small, async (world, [founder, heir]) => {
    await bereaved(world);
    world.partition([1]);
    const before = owned(heir!, founder!);
    assert.deepEqual(await within10s(world, taking(heir!, founder!)), ["TIMEOUT"]);
    assert.deepEqual(owned(heir!, founder!), before);
    world.council.voters = [2, 3];
    assert.deepEqual(await within10s(world, taking(heir!, founder!)), ["UNREACHABLE"]);
  }));

test("nothing is taken from a peer that is up, nor from the node itself", () =>
  worldOf(4, small, async (world, [founder, heir]) => {
    world.council.voters = [1, 2, 3];
    await world.startAll();
    await world.clock.advance(1000);
    const outcomes = await within10s(world, taking(heir!, founder!), taking(heir!, heir!));
    assert.deepEqual(outcomes, ["TIMEOUT", "INVALID_ARGUMENT"]);
    assert.equal(world.council.decisions.length, 0);
  }));

test("nobody claims an address that was taken over before it has rested", () =>
  worldOf(4, small, async (world, [founder, heir]) => {
    await bereaved(world);
    const [lease] = founder!.leases;
    await within10s(world, taking(heir!, founder!));
    await assert.rejects(heir!.ipam.claim("new", lease!.address, forever), {
      code: "ADDRESS_TAKEN",
      message: /taken over just now/,
    });
    await world.clock.advance(quarantine);
    await heir!.ipam.claim("new", lease!.address, forever);
  }));

test("a node takes nothing from a peer that it has a session with, though no voter has one", () =>
  worldOf(4, small, async (world, [founder, heir]) => {
    world.council.voters = [1, 2, 3];
    world.council.isBlind = true;
    await world.startAll();
    await world.clock.advance(2000);
    assert.deepEqual(await within10s(world, taking(heir!, founder!)), ["TIMEOUT"]);
    founder!.kill();
    const [passed] = await within10s(world, taking(heir!, founder!)) as Takeover[];
    assert.notDeepEqual(passed?.prefixes, []);
  }));

test("a peer that comes back has its addresses back at once, as nobody else was given them yet", () =>
  worldOf(4, small, async (world, [founder, heir, other]) => {
    await bereaved(world);
    await within10s(world, taking(heir!, founder!));
    await founder!.start();
    const alerts = alertsOf(founder!);
    const [lease] = founder!.leases;
    await world.clock.advance(5000);
    assert.deepEqual(alerts, ["address-conflict", "no address-conflict"]);
    assert.equal(owned(other!, founder!)[0], `${formatAddress(lease!.address)}/32`);
    assert.equal(await allocate(world, founder!, range), formatAddress(lease!.address));
  }));

test("an address that the heir has given to another meanwhile stays lost, under an alert, until it is released", () =>
  worldOf(4, small, async (world, [founder, heir]) => {
    await bereaved(world);
    const [lease] = founder!.leases;
    await within10s(world, taking(heir!, founder!));
    await world.clock.advance(quarantine);
    await heir!.ipam.claim("new", lease!.address, forever);
    await founder!.start();
    const alerts = alertsOf(founder!);
    await world.clock.advance(20_000);
    assert.deepEqual(alerts, ["address-conflict"]);
    await founder!.ipam.release(lease!.owner);
    await world.clock.advance(1000);
    assert.deepEqual(alerts, ["address-conflict", "no address-conflict"]);
  }));

test("a grant that was made in a partition and seen by no voter is void, and whoever had it gets back what it uses", () =>
  worldOf(4, small, async (world, [founder, heir, other, hermit]) => {
    world.council.voters = [1, 2, 0];
    for (const node of [founder!, heir!, other!]) await node.start();
    await world.clock.advance(2000);
    world.partition([0, 3]);
    await hermit!.start();
    const held = await allocate(world, hermit!, range);
    founder!.kill();
    await within10s(world, taking(heir!, founder!));
    world.heal();
    const alerts = alertsOf(hermit!);
    await world.clock.advance(5000);
    assert.deepEqual(alerts, ["address-conflict"]);
    assert.equal(hermit!.ipam.routes.ring!.ownerOf(address(held)), heir!.self.id);
    await world.clock.advance(quarantine + 10_000);
    assert.deepEqual(alerts, ["address-conflict", "no address-conflict"]);
    assert.ok(blocksOf(other!, hermit).includes(`${held}/32`));
  }));

test("a peer that was cut off, not dead, and went on giving addresses gives in when it hears of it", () =>
  worldOf(4, small, async (world, [founder, heir]) => {
    world.council.voters = [1, 2, 3];
    await world.startAll();
    await world.clock.advance(2000);
    world.partition([0]);
    await within10s(world, taking(heir!, founder!));
    await allocate(world, founder!, range);
    world.heal();
    await world.clock.advance(10_000);
    const [lease] = founder!.leases;
    const rings = world.nodes.map((node) => node.ipam.routes.ring!.ownerOf(lease!.address));
    assert.deepEqual(rings, Array(4).fill(founder!.self.id), "it got the address back from the heir");
    assert.ok(owned(heir!, founder!).includes(`${formatAddress(lease!.address)}/32`));
  }));

test("after a kill -9 an heir knows what it has taken over, before it has met anybody", () =>
  worldOf(4, { ...small, slowestCommit: 30 }, async (world, [founder, heir, other]) => {
    await bereaved(world);
    await within10s(world, taking(heir!, founder!));
    await world.clock.advance(quarantine + 10_000);
    await world.clock.complete(heir!.ipam.claim("x", address("10.32.0.9"), forever));
    heir!.kill();
    const kept = [...heir!.disk.image.entries("ring/takeover/")];
    assert.equal(kept.length, 1);
    await heir!.start();
    assert.equal(heir!.ipam.routes.ring!.ownerOf(address("10.32.0.9")), heir!.self.id);
    assert.deepEqual(owned(other!, founder!), []);
  }));

test("a node that leaves hands all of its space to its heir, and gives nothing from then on", () =>
  worldOf(4, small, async (world, [founder, heir, other]) => {
    world.council.voters = [1, 2, 3];
    await world.startAll();
    await allocate(world, founder!, range);
    await world.clock.advance(2000);
    const alerts = alertsOf(founder!);
    const before = owned(other!, founder!);
    const [passed] = await within10s(world, leaving(founder!, heir!)) as Takeover[];
    assert.deepEqual(passed?.prefixes.map(formatPrefix), before);
    assert.deepEqual([owned(other!, founder!), alerts], [[], []]);
    const refused = await founder!.ipam.allocate({ owner: "late", subnet: range }, forever).catch(String);
    assert.match(String(refused), /leaves its space/);
  }));

test("a node that cannot leave in time goes on giving addresses, and its voters forget that it wanted to", () =>
  worldOf(4, small, async (world, [founder, heir, other, voter]) => {
    world.council.voters = [1, 2, 3];
    await world.startAll();
    await world.clock.advance(2000);
    other!.kill();
    voter!.kill();
    assert.deepEqual(await within10s(world, leaving(founder!, heir!)), ["TIMEOUT"]);
    assert.deepEqual(await within10s(world, leaving(founder!, founder!)), ["INVALID_ARGUMENT"]);
    await allocate(world, founder!, range);
    await other!.start();
    await voter!.start();
    const stolen = await within10s(world, taking(heir!, founder!));
    assert.deepEqual([stolen, world.council.decisions.length], [["TIMEOUT"], 0]);
  }));

test("who leaves waits for its heir to hold what it was left, also where it is the only voter itself", () =>
  worldOf(2, small, async (world, [founder, heir]) => {
    await world.startAll();
    await world.clock.advance(2000);
    world.intercept = (from) => from !== heir;
    assert.deepEqual(await within10s(world, leaving(founder!, heir!)), ["TIMEOUT"]);
    assert.equal(world.council.decisions.length, 1, "it is decided, and nobody can tell that the heir knows");
    world.intercept = () => true;
    const [left] = await within10s(world, leaving(founder!, heir!)) as Takeover[];
    assert.ok(typeof left === "object");
    for (const node of [founder!, heir!]) assert.deepEqual(owned(node, founder!), []);
  }));
