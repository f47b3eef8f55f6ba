import assert from "node:assert/strict";
import { formatAddress } from "../../core/wire/address.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const hour = 3_600_000;
const range = parsePrefix("10.32.0.0/12")!;

async function lease(world: SimWorld, node: SimNode, owner: string): Promise<string> {
  const { signal } = new AbortController();
  const { address } = await world.run(node.ipam.allocate({ owner, subnet: range }, signal));
  return formatAddress(address);
}

function leasedAt({ ipam }: SimNode): readonly string[] {
  return [...ipam.leases()].map(({ address }) => formatAddress(address));
}

function members({ node }: SimNode): readonly string[] {
  return node.members.list().map(({ name, state }) => `${name} ${state}`).sort();
}

function shares({ node }: SimNode): string {
  return node.ipam().shares.map(({ name, ranges }) => `${name}: ${ranges}`).sort().join("; ");
}

function alerts({ node }: SimNode): readonly string[] {
  return node.status().alerts.map(({ name }) => name);
}

test("a node restarted with a backup of an hour ago learns what it lacks, and nobody gives an address twice", async () => {
  await using world = new SimWorld(131, { jitter: 3 });
  const [a, b, gone] = await world.mesh("a", "b", "gone");
  await world.settle();
  const kept = await lease(world, b!, "kept");
  const backup = world.disk("b").snapshot();

  await world.clock.advance(hour);
  const forgotten = await lease(world, b!, "forgotten");
  await world.run(a!.node.members.revoke("gone"));
  await world.stop(gone!);
  const { token } = await world.run(a!.node.tokens.create());
  const late = await world.start("late", { join: { token } });
  world.crash(b!);
  world.disk("b").restore(backup);
  const restored = await world.start("b");
  await world.settle(30_000);
  await world.clock.advance(40_000);

  assert.deepEqual(members(restored), ["a admitted", "b admitted", "gone revoked", "late admitted"]);
  assert.deepEqual([restored, late].map(shares), [shares(a!), shares(a!)]);
  assert.ok(leasedAt(restored).includes(kept));
  // A lease of after the backup is forgotten where it was made, and so is free there, and nowhere else.
  assert.ok(!leasedAt(restored).includes(forgotten));
  assert.equal(await lease(world, restored, "another"), forgotten);
  const all = [a!, restored, late].flatMap(leasedAt);
  assert.equal(new Set(all).size, all.length, all.join(" "));
  await world.ping(restored, late);
  await world.ping(a!, restored, 6);
});

test("a grantor restored from before its grant is told of it by others, and does not give the space again", async () => {
  await using world = new SimWorld(132);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const backup = world.disk("b").snapshot();
  const c = await joinThrough(world, b!, "c");
  assert.ok(isGrantOf(c, b!), "b has given c its space");
  world.network.heal();
  await world.settle();
  await world.clock.advance(35_000);
  world.crash(b!);
  world.disk("b").restore(backup);
  const restored = await world.start("b");
  await world.settle(30_000);
  await world.clock.advance(40_000);
  const d = await joinThrough(world, restored, "d");
  world.network.heal();
  await world.settle();
  await world.clock.advance(35_000);
  const nodes = [a!, restored, c, d];
  assert.deepEqual(nodes.map(shares), nodes.map(() => shares(a!)));
  const all = nodes.flatMap(leasedAt);
  assert.equal(new Set(all).size, all.length, all.join(" "));
  assert.deepEqual(nodes.flatMap(alerts), []);
});

test("a grantor restored where nobody can tell it grants twice: one grant counts everywhere, and the loser is alarmed", async () => {
  await using world = new SimWorld(133);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const backup = world.disk("b").snapshot();
  const c = await joinThrough(world, b!, "c");
  world.crash(b!);
  world.disk("b").restore(backup);
  // Alone with one that knows as little as it does. That a restored node must not grant before it has heard from others
  // is not held yet; until it is, the damage must be seen and be the same for all.
  world.network.partition([b!.host, world.machine("d").host]);
  const restored = await world.start("b");
  const d = await joinThrough(world, restored, "d", false);
  assert.deepEqual(leasedAt(d), leasedAt(c), "the same space, so the same first address");

  world.network.heal();
  await world.settle();
  await world.clock.advance(35_000);
  const nodes = [a!, restored, c, d];
  assert.deepEqual(nodes.map(shares), nodes.map(() => shares(a!)), "all believe the same grant");
  const alarmed = nodes.filter((node) => alerts(node).includes("address-conflict"));
  assert.equal(alarmed.length, 1);
  assert.ok(alarmed[0] === c || alarmed[0] === d);
  assert.deepEqual(alarmed.map(({ node }) => node.status().healthy), [false]);
});

test("a disk that loses what it acknowledged leaves a node that comes up and agrees with all others", async () => {
  await using world = new SimWorld(134);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  world.disk("b").losesLast(4);
  const { token } = await world.run(a!.node.tokens.create());
  const c = await world.start("c", { join: { token } });
  await world.settle();
  const lost = await lease(world, b!, "web");
  world.crash(b!);
  const returned = await world.start("b");
  await world.settle(30_000);
  await world.clock.advance(40_000);
  assert.ok(!leasedAt(returned).includes(lost));
  assert.deepEqual([returned, c].map(members), [members(a!), members(a!)]);
  assert.deepEqual([returned, c].map(shares), [shares(a!), shares(a!)]);
  await world.ping(returned, c);
});

/** Joins while the member is the only one that can be reached, so that it admits and grants. */
async function joinThrough(
  world: SimWorld,
  member: SimNode,
  name: string,
  isAlone = true,
): Promise<SimNode> {
  const { token } = await world.run(member.node.tokens.create());
  if (isAlone) world.network.partition([member.host, world.machine(name).host]);
  return await world.start(name, { join: { token } });
}

/** Whether the space of `node` lies in what `grantor` was the first to own after the founder. */
function isGrantOf(node: SimNode, grantor: SimNode): boolean {
  const routes = [...node.ipam.routes.routes()].filter(({ owner }) => owner === node.node.id);
  return routes.length > 0 && routes.every(({ grantedBy }) => grantedBy === grantor.node.id);
}
