import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { type SimNode, SimWorld } from "../../tests/sim/world.ts";
import { memoryPort, PacketTap } from "../../plugins/memory_port/mod.ts";
import type { Discovery } from "../contracts/discovery.ts";
import { dropNames } from "../contracts/drop.ts";
import type { Plugin } from "../contracts/plugin.ts";

const { signal } = new AbortController();

test("a peer is pinged by name, id or address, and one's own name and address answer too", async () => {
  await using world = new SimWorld(71);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  await world.clock.advance(1_000);
  const ping = (to: string, family?: 4 | 6) =>
    world.run(a!.node.ping(to, family === undefined ? {} : { family }, signal));
  const [four, six] = b!.node.status().addresses;
  for (const to of ["b", "B", b!.node.id, four!]) assert.equal((await ping(to)).from, four);
  for (const to of ["b", six!]) assert.equal((await ping(to, 6)).from, six);
  assert.equal((await ping("a")).from, a!.node.status().addresses[0]);
  const { size, hopLimit } = await ping("b");
  assert.deepEqual([size, hopLimit], [56, 64]);
});

test("what is no name, id or address is not found, nor an address that a peer has not told yet", async () => {
  await using world = new SimWorld(72);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  await assert.rejects(a!.node.ping("c", {}, signal), { code: "NOT_FOUND", message: /"c" is neither/ });
  await world.run(b!.node.members.revoke("a"));
  await world.clock.advance(1_000);
  await assert.rejects(b!.node.ping("a", {}, signal), { code: "NOT_FOUND" }, "a revoked member has no name");
});

test("a node that has its address of one family and waits for that of the other cannot ping over either yet", async () => {
  await using world = new SimWorld(80);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create());
  world.onBoot = (_, ipam) => {
    const allocate = ipam.allocate.bind(ipam);
    const never = Promise.withResolvers<never>().promise;
    ipam.allocate = (request, signal) =>
      request.subnet.address.family === 4 ? never : allocate(request, signal);
  };
  const b = await world.start("b", { join: { token } });
  assert.deepEqual([...b.ipam.leases()].map(({ address }) => address.family), [6]);
  for (const address of a.node.status().addresses) {
    await assert.rejects(b.node.ping(address, {}, signal), {
      code: "UNREACHABLE",
      message: /waiting for a range/,
    });
  }
});

test("targets are added, replaced and checked before anything is done", async () => {
  await using world = new SimWorld(73);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const targets = () => a!.node.targets().map(({ endpoint, state }) => `${endpoint} ${state}`);
  await assert.rejects(a!.node.connect(["192.0.2.2:6783", "somewhere"]), { code: "INVALID_ARGUMENT" });
  assert.deepEqual(targets(), []);
  await world.run(a!.node.connect([`${b!.host}:6783`, "192.0.2.99:6783"]));
  await world.clock.advance(20_000);
  assert.deepEqual(targets(), ["192.0.2.2:6783 established", "192.0.2.99:6783 retrying"]);
  assert.equal(a!.node.status().healthy, false);
  await world.run(a!.node.connect([`${b!.host}:6783`], { replace: true }));
  assert.deepEqual(targets(), ["192.0.2.2:6783 established"]);
  assert.deepEqual(connectionsOf(a!), ["192.0.2.2:6783 established"], "the other one is tried no more");
});

function connectionsOf({ node }: SimNode): string[] {
  return node.connections().map(({ endpoint, state }) => `${endpoint} ${state}`);
}

test("what is forgotten is tried no more, stays forgotten over a restart, and costs no session", async () => {
  await using world = new SimWorld(78);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const places = [`${b!.host}:6783`, "192.0.2.98:6783", "192.0.2.99:6783"];
  await world.run(a!.node.connect(places));
  await world.run(a!.node.forget(["192.0.2.99:6783", `${b!.host}:6783`]));
  await world.run(a!.node.forget(["192.0.2.99:6783", "203.0.113.1:1"]));
  await world.clock.advance(20_000);
  assert.deepEqual(connectionsOf(a!), ["192.0.2.2:6783 established", "192.0.2.98:6783 retrying"]);
  await world.stop(a!);
  const again = await world.start("a");
  await world.clock.advance(20_000);
  assert.deepEqual(again.node.targets().map(({ endpoint }) => endpoint), ["192.0.2.98:6783"]);
  assert.ok(!connectionsOf(again).some((text) => text.startsWith("192.0.2.99")));
  await assert.rejects(again.node.forget(["somewhere"]), { code: "INVALID_ARGUMENT" });
});

test("times are RFC 3339, and every reason of a drop has its count, also 0", async () => {
  await using world = new SimWorld(79);
  const [a] = await world.mesh("a", "b");
  const { started, drops } = a!.node.status();
  assert.match(started, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const all = a!.node.drops();
  assert.deepEqual(Object.keys(all), dropNames.filter((name) => name !== "none"));
  assert.deepEqual(drops, Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0)));
});

test("an endpoint of one's own is no target that could ever be reached, and no attempt is made", async () => {
  await using world = new SimWorld(74);
  const a = await world.found("a");
  await world.run(a.node.connect([`${a.host}:6783`]));
  await world.clock.advance(20_000);
  assert.equal(world.network.counts.sent, 0);
  assert.equal(a.node.status().healthy, true);
});

test("without a port of its own a node has no sockets and does not ping, and says so", async () => {
  await using world = new SimWorld(75, {}, { plugins: { port: memoryPort({ tap: new PacketTap() }) } });
  const a = await world.found("a");
  assert.equal(a.node.overlay, undefined);
  await assert.rejects(a.node.ping("a", {}, signal), { code: "UNSUPPORTED", message: /from a container/ });
});

test("without a discovery that keeps a list there is nowhere to add a target, and the node says so", async () => {
  const deaf: Plugin<"discovery"> = {
    slot: "discovery",
    name: "deaf",
    create: (): Discovery => ({ announce: () => {}, watch: () => {}, targets: () => [] }),
  };
  await using world = new SimWorld(76, {}, { plugins: { discovery: [deaf] } });
  const a = await world.found("a");
  await assert.rejects(a.node.connect(["192.0.2.2:6783"]), {
    code: "UNSUPPORTED",
    message: /static_seeds/,
  });
  await assert.rejects(a.node.forget(["192.0.2.2:6783"]), { code: "UNSUPPORTED" });
});

test("stopping is said by an event, ends sessions with a word, and happens once", async () => {
  await using world = new SimWorld(77);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const heard: string[] = [];
  b!.node.events.on("node:stopping", () => void heard.push("stopping"), signal);
  a!.node.events.on("peer:down", ({ reason }) => void heard.push(reason), signal);
  await world.stop(b!);
  await world.run(b!.node[Symbol.asyncDispose]());
  assert.equal(b!.node.status().state, "stopping");
  await world.clock.advance(100);
  assert.deepEqual(heard, ["stopping", "the peer has ended it"]);
});
