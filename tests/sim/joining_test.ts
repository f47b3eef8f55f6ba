import assert from "node:assert/strict";
import { errorCode } from "../../core/contracts/errors.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => "none", errorCode);
}

function networkKeys(world: SimWorld, name: string): readonly string[] {
  return [...world.disk(name).image.entries("node/")].map(([key]) => key);
}

test("eight nodes join at once through two members and form one mesh", async () => {
  await using world = new SimWorld(31, { jitter: 3 });
  const members = await world.mesh("a", "b");
  await world.settle();
  const starts: [string, { join: { token: string; timeoutMillis: number } }][] = [];
  for (let i = 0; i < 8; i++) {
    const { token } = await world.run(members[i % 2]!.node.tokens.create());
    starts.push([`n${i}`, { join: { token, timeoutMillis: 30_000 } }]);
  }
  const joined = await world.startTogether(starts);
  await world.settle();
  const all: readonly SimNode[] = [...members, ...joined];
  const addresses = all.flatMap(({ node }) => node.status().addresses);
  assert.equal(new Set(addresses).size, 20, "each has an address of both families of its own");
  for (const { node } of all) {
    assert.equal(node.peers().length, 10);
    assert.equal(node.members.list().length, 10);
  }
  await world.ping(joined[0]!, joined[7]!);
  await world.ping(joined[5]!, joined[2]!, 6);
});

test("of two nodes that ask for one name at the same moment one gets it", async () => {
  await using world = new SimWorld(32);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create());
  const intent = { join: { token } };
  const codes = await world.run(Promise.all([
    codeOf(world.create("twin", "192.0.2.41", intent)),
    codeOf(world.create("Twin", "192.0.2.42", intent)),
  ]));
  assert.deepEqual(codes.toSorted(), ["NAME_TAKEN", "none"]);
  assert.equal(a.node.members.list().length, 2);
});

test("a disk that is full at whatever point of a join is named, and neither side has anything half-made", async () => {
  await using world = new SimWorld(33);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create());
  const start = () => world.start("b", { join: { token } });
  const seen = new Set<boolean>();
  for (let bytes = 10; bytes < 4_000; bytes += 70) {
    world.machine("b").replaceDisk(bytes);
    const code = await codeOf(start());
    if (code === "none") break;
    assert.equal(code, "DISK_FULL", `with ${bytes} bytes`);
    const keys = networkKeys(world, "b");
    seen.add(keys.includes("node/network"));
    if (!keys.includes("node/network")) assert.ok(keys.length <= 1, `${keys} with ${bytes} bytes`);
  }
  assert.equal(seen.size, 2, "it was full before and after the network was kept");
  await world.settle();
  assert.deepEqual(a.node.members.list().map(({ name }) => name).sort(), ["a", "b"]);
  await world.stop(world.nodes().at(-1)!);
  world.machine("b").replaceDisk(1_000_000);
  const b = await start();
  await world.settle();
  await world.ping(a, b);
});

test("a join whose answer is lost can be repeated under the same name", async () => {
  await using world = new SimWorld(34);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create());
  const { signal } = new AbortController();
  a.node.events.on("peer:admitted", () => world.network.cut(a.host, "192.0.2.2"), signal);
  const join = { token, timeoutMillis: 5_000 };
  assert.equal(await codeOf(world.start("b", { join })), "TIMEOUT");
  assert.deepEqual(networkKeys(world, "b"), ["node/identity"], "of the network nothing is kept");
  world.network.heal();
  const b = await world.start("b", { join: { token } });
  await world.settle();
  await world.ping(a, b);
  assert.equal(a.node.members.list().length, 2);
});

test("a start that is called off while it knocks ends with the caller's reason, and leaves no timer", async () => {
  const world = new SimWorld(35);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create());
  await world.stop(a);
  const calling = new AbortController();
  const start = world.create("b", "192.0.2.2", { join: { token } }, calling.signal);
  const outcome = assert.rejects(start, /enough waited/);
  await world.clock.advance(3_000);
  calling.abort(new Error("enough waited"));
  await world.run(outcome);
  await world.clock.advance(1_000);
  assert.equal(world.clock.pending, 0);
});

test("bytes of chance from strangers, and bits that flip on the way, throw nothing and stop nobody", async () => {
  await using world = new SimWorld(36, { flip: 0.05, duplicate: 0.05 });
  const nodes = await world.mesh("a", "b", "c");
  await world.settle();
  const noise = world.network.bind({ host: "192.0.2.200", port: 1 }, () => {});
  for (let i = 0; i < 400; i++) {
    const datagram = world.chance(new Uint8Array(i));
    // Most begin as a message of ours does: type and version.
    if (i % 4 > 0) datagram.set([i % 16, 1].slice(0, i));
    noise.send(datagram, { host: nodes[i % 3]!.host, port: 6783 });
  }
  await world.clock.advance(30_000);
  await world.settle();
  let answered = 0;
  for (let i = 0; i < 10; i++) {
    if (await codeOf(world.ping(nodes[i % 3]!, nodes[(i + 1) % 3]!)) === "none") answered++;
  }
  assert.ok(answered >= 6, `${answered} of 10 pings were answered`);
  noise.close();
});
