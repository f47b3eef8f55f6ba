/** Addresses by hand, on whole nodes: who has which, how it came about, and what becomes of packets when one moves. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimWorld } from "../../tests/sim/world.ts";
import { gossip } from "../../plugins/gossip/mod.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";

const forever = new AbortController().signal;

test("an owner has its address until it is released, in each subnet one, and over a restart", async () => {
  await using world = new SimWorld(1);
  const a = await world.found("a");
  const { addresses } = a.node;
  const first = await world.clock.complete(addresses.allocate({ owner: "docker:web" }, forever));
  assert.equal(await world.clock.complete(addresses.allocate({ owner: "docker:web" }, forever)), first);
  const second = await world.clock.complete(
    addresses.allocate({ owner: "docker:web", subnet: "10.32.2.0/24" }, forever),
  );
  const third = await world.clock.complete(addresses.claim("docker:web", "10.32.9.9", forever));
  assert.deepEqual([second, third], ["10.32.2.1/24", "10.32.9.9/12"]);
  assert.deepEqual(addresses.of("docker:web", "10.32.2.0/24"), [second]);
  await world.stop(a);
  const again = await world.start("a");
  assert.deepEqual(again.node.addresses.of("docker:web").toSorted(), [first, second, third].sort());
  const kinds = again.node.addresses.list().map(({ owner, kind }) => `${owner} ${kind}`);
  assert.deepEqual(kinds.sort(), ["docker:web external", "node node"]);
  assert.deepEqual(await world.clock.complete(again.node.addresses.release("docker:web", "10.32.9.9")), [
    third,
  ]);
  await assert.rejects(again.node.addresses.release("docker:web", "10.32.9.9"), { code: "NOT_FOUND" });
});

test("nobody gets or loses the addresses of the node by its name", async () => {
  await using world = new SimWorld(1);
  const { node } = await world.found("a");
  const own = node.status().addresses[0];
  const given = await world.clock.complete(node.addresses.allocate({ owner: "node" }, forever));
  assert.notEqual(given, `${own}/12`);
  await world.clock.complete(node.addresses.release("node"));
  await assert.rejects(node.addresses.release("node"), { code: "NOT_FOUND" });
  assert.deepEqual(await node.addresses.keep([]), []);
  assert.equal(node.status().addresses[0], own);
});

test("owners that are not among those who are left lose what they have", async () => {
  await using world = new SimWorld(1);
  const { node } = await world.found("a");
  for (const owner of ["one", "two", "three"]) {
    await world.clock.complete(node.addresses.allocate({ owner }, forever));
  }
  assert.deepEqual(await world.clock.complete(node.addresses.keep(["two"])), ["one", "three"]);
  assert.deepEqual(node.addresses.list().map(({ owner }) => owner).sort(), ["node", "two"]);
});

test("who asks for an address of a full subnet waits, is seen to wait, and gets the first that is free", async () => {
  await using world = new SimWorld(1, {}, { plugins: { ipam: ring({ quarantineSeconds: 10 }) } });
  const { node } = await world.found("a");
  const told: string[] = [];
  node.events.on("lease:waiting", ({ owner }) => told.push(owner), forever);
  const full = { subnet: "10.32.9.0/30" };
  for (const owner of ["one", "two"]) {
    await world.clock.complete(node.addresses.allocate({ owner, ...full }, forever));
  }
  const [late, patient] = [new AbortController(), new AbortController()];
  const given = node.addresses.allocate({ owner: "three", ...full }, patient.signal);
  const refused = assert.rejects(node.addresses.allocate({ owner: "four", ...full }, late.signal), {
    code: "TIMEOUT",
    message: /10\.32\.9\.0\/30: none became free in time/,
  });
  await world.clock.advance(500);
  assert.deepEqual(told, ["three", "four"]);
  assert.equal(node.ipam().state, "waiting");
  assert.deepEqual(node.ipam().waiting.map(({ owner, subnet }) => `${owner} ${subnet}`), [
    "three 10.32.9.0/30",
    "four 10.32.9.0/30",
  ]);
  late.abort();
  await refused;
  await world.clock.complete(node.addresses.release("one"));
  assert.equal(await world.clock.complete(given), "10.32.9.1/30");
  assert.deepEqual([node.ipam().state, node.ipam().waiting], ["ready", []]);
});

test("an address is another node's within a second, and how it got there can be seen", async () => {
  await using world = new SimWorld(1);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const text = "10.32.200.7";
  await world.clock.complete(a!.node.addresses.claim("web", text, forever));
  const begun = world.clock.now();
  await world.clock.complete(a!.node.addresses.move(text, "b"));
  assert.equal(await world.clock.complete(b!.node.addresses.claim("web", text, forever)), `${text}/12`);
  assert.ok(world.clock.now() - begun < 1000);
  const { name, steps } = a!.node.addresses.why(text);
  assert.equal(name, "b");
  assert.deepEqual(steps.map(({ range, name, grantedBy }) => [range, name, grantedBy?.name ?? null]), [
    ["10.32.0.0/12", "a", null],
    [`${text}/32`, "b", "a"],
  ]);
  assert.equal(b!.node.addresses.why(text).owner, "web");
  assert.deepEqual(a!.node.addresses.of("web"), []);
});

test("only what this node owns as part of a range, and what nobody here attached, can be moved", async () => {
  await using world = new SimWorld(1);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const { addresses } = a!.node;
  const move = (address: string, to: string) => world.clock.complete(addresses.move(address, to));
  await assert.rejects(move(a!.node.status().addresses[0]!, "b"), {
    code: "ADDRESS_TAKEN",
    message: /detach it/,
  });
  await assert.rejects(move(b!.node.status().addresses[0]!, "b"), { code: "UNREACHABLE" });
  await assert.rejects(move("10.32.200.7", "a"), { code: "INVALID_ARGUMENT" });
  await assert.rejects(move("10.32.200.7", "nobody"), { code: "NOT_FOUND" });
  await assert.rejects(move("10.32.0.0", "b"), { code: "INVALID_ARGUMENT", message: /no host may have it/ });
  await assert.rejects(move("192.0.2.1", "b"), {
    code: "INVALID_ARGUMENT",
    message: /no address of the network/,
  });
  await world.clock.complete(addresses.move("10.32.200.7", "b"));
  await world.clock.advance(1000);
  const back = b!.node.addresses.move("10.32.200.7", "a");
  await assert.rejects(world.clock.complete(back), { code: "UNREACHABLE", message: /keeps it/ });
});

test("an owner keeps its address when it cannot be moved", async () => {
  await using world = new SimWorld(1);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const [here, there] = [a!.node.addresses, b!.node.addresses];
  const complete = world.clock.complete.bind(world.clock);
  await complete(here.claim("web", "10.32.200.7", forever));
  await assert.rejects(complete(here.move("10.32.200.7", "a")), { code: "INVALID_ARGUMENT" });
  assert.deepEqual(here.of("web"), ["10.32.200.7/12"]);
  await complete(here.move("10.32.200.7", "b"));
  await complete(there.claim("web", "10.32.200.7", forever));
  await assert.rejects(complete(there.move("10.32.200.7", "a")), { code: "UNREACHABLE" });
  assert.deepEqual(there.of("web"), ["10.32.200.7/12"]);
});

test("what an address itself owns is released and kept in whatever way it is written", async () => {
  await using world = new SimWorld(1);
  const { node } = await world.found("a");
  const { addresses } = node;
  const [short, long] = ["::77", ":0:0::0077"].map((end) => node.ipam().ranges[1]!.replace(/::\/48$/, end));
  await world.clock.complete(addresses.claim(long!, long!, forever));
  assert.deepEqual(addresses.of(short!), [`${short}/48`]);
  assert.deepEqual(await world.clock.complete(addresses.keep([long!.toUpperCase()])), []);
  assert.deepEqual(await world.clock.complete(addresses.release(short!, long!)), [`${short}/48`]);
});

test("what a member owned that was shut out is taken over by its name", async () => {
  await using world = new SimWorld(1);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  await world.stop(b!);
  await world.clock.complete(a!.node.members.revoke("b"));
  const { ranges, addresses } = await world.clock.complete(
    a!.node.addresses.takeOver({ peer: "B" }, forever),
  );
  assert.deepEqual([ranges.length > 0, addresses > 0], [true, true]);
  await assert.rejects(world.clock.complete(a!.node.addresses.move("10.32.200.7", "b")), {
    code: "INVALID_ARGUMENT",
    message: /no member any more/,
  });
});

test("what a member has that discovery holds for alive is taken over by force alone", async () => {
  const discovery = [staticSeeds({ seeds: [] }), gossip({})];
  await using world = new SimWorld(1, {}, { plugins: { discovery } });
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const { addresses } = a!.node;
  const refused = { code: "INVALID_ARGUMENT", message: /"b" has: it is alive; stop it/ };
  await assert.rejects(world.clock.complete(addresses.takeOver({ peer: "b" }, forever)), refused);
  await world.stop(b!);
  await world.clock.advance(60_000);
  const { ranges } = await world.clock.complete(addresses.takeOver({ peer: "b" }, forever));
  assert.ok(ranges.length > 0);
});

test("owners of any text are kept apart from each other, and those of over 240 characters refused", async () => {
  await using world = new SimWorld(1);
  const { node } = await world.found("a");
  const odd = ["../..", "a/b", "a\u0000b", "ü".repeat(240), "api/web", "netns:4:1"];
  for (const owner of odd) await world.clock.complete(node.addresses.allocate({ owner }, forever));
  assert.deepEqual(
    node.addresses.list().filter(({ kind }) => kind === "external").map(({ owner }) => owner),
    odd,
  );
  for (const owner of ["", ".", "..", "x".repeat(241), "x".repeat(65_536), "\ud800"]) {
    await assert.rejects(node.addresses.allocate({ owner }, forever), { code: "INVALID_ARGUMENT" });
  }
});
