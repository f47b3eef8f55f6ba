import assert from "node:assert/strict";
import { errorCode } from "../../core/contracts/errors.ts";
import type { NodeStatus } from "../../core/contracts/node.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const families = [4, 6] as const;

async function pingAll(world: SimWorld, nodes: readonly SimNode[]): Promise<void> {
  for (const from of nodes) {
    for (const to of nodes) {
      for (const family of families) if (from !== to) await world.ping(from, to, family);
    }
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => "none", errorCode);
}

function drops({ node }: SimNode): NodeStatus["drops"] {
  return node.status().drops;
}

function alertNames({ node }: SimNode): string[] {
  return node.status().alerts.map(({ name }) => name);
}

test("three nodes joined by token reach each other over both families", async () => {
  await using world = new SimWorld(1);
  const nodes = await world.mesh("a", "b", "c");
  await world.settle();
  await pingAll(world, nodes);
  const addresses = nodes.flatMap(({ node }) => node.status().addresses);
  assert.equal(new Set(addresses).size, 6, "every address is given once");
  for (const each of nodes) {
    assert.equal(each.node.status().healthy, true);
    assert.deepEqual(each.node.peers().map(({ name, state }) => `${name} ${state}`).sort(), [
      "a up",
      "b up",
      "c up",
    ]);
  }
});

test("the mesh forms and carries packets at one datagram in five lost, doubled and out of order", async () => {
  await using world = new SimWorld(2, { loss: 0.2, duplicate: 0.1, reorder: 0.2, jitter: 20 });
  const nodes = await world.mesh("a", "b", "c");
  await world.settle();
  let answered = 0;
  for (let i = 0; i < 40; i++) {
    if (await codeOf(world.ping(nodes[i % 3]!, nodes[(i + 1) % 3]!)) === "none") answered++;
  }
  assert.ok(answered >= 15, `${answered} of 40 pings were answered`);
});

test("a crashed node is noticed within 21 s and returns with its own addresses", async () => {
  await using world = new SimWorld(3);
  const [a, b, c] = await world.mesh("a", "b", "c");
  await world.settle();
  const before = b!.node.status().addresses;
  const down = Promise.withResolvers<string>();
  a!.node.events.on("peer:down", ({ name }) => down.resolve(name), new AbortController().signal);
  const crashed = world.clock.now();
  world.crash(b!);
  assert.equal(await world.run(down.promise), "b");
  assert.ok(world.clock.now() - crashed <= 21_000, `noticed after ${world.clock.now() - crashed} ms`);
  const returned = await world.start("b");
  assert.deepEqual(returned.node.status().addresses, before);
  await world.settle();
  await pingAll(world, [a!, returned, c!]);
});

test("a founder destroyed right after the first join leaves a network that still admits", async () => {
  await using world = new SimWorld(4);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  world.crash(a!);
  const { token } = await world.run(b!.node.tokens.create());
  const c = await world.start("c", { join: { token } });
  await world.settle();
  await world.ping(b!, c);
});

test("a revoked node that kept token and key cannot return, under its own key or a new one", async () => {
  await using world = new SimWorld(5);
  const [a, b] = await world.mesh("a", "b");
  const { token } = await world.run(b!.node.tokens.create());
  const thief = await world.start("thief", { join: { token } });
  const known = await world.run(thief.node.tokens.create());
  await world.settle();
  await world.run(a!.node.members.revoke("thief"));
  await world.clock.advance(5_000);
  for (const member of [a!, b!]) {
    assert.equal(member.node.status().connections.established, 1, "its sessions are gone");
  }
  assert.deepEqual(alertNames(thief), ["revoked"], "it is told before it is cut off");
  await world.stop(thief);

  for (const kept of [token, known.token]) {
    assert.equal(
      await codeOf(world.startAt("again", "192.0.2.77", { join: { token: kept, timeoutMillis: 8000 } })),
      "UNREACHABLE",
    );
  }
  const returned = await world.start("thief");
  assert.deepEqual(alertNames(returned), ["revoked"], "and knows it still when it starts again");
  await world.clock.advance(10_000);
  assert.equal(returned.node.status().connections.established, 0);
  assert.equal(drops(a!).notAdmitted! > 0, true, "its own key is refused by name");
  await world.ping(a!, b!);
});

test("two nodes may not have one name", async () => {
  await using world = new SimWorld(6);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create());
  await world.start("b", { join: { token } });
  const refused = world.startAt("B", "192.0.2.9", { join: { token } });
  await assert.rejects(
    refused,
    (error: Error) => errorCode(error) === "NAME_TAKEN" && /--name/.test(error.message),
  );
});

test("wrong, expired and foreign tokens are told apart, and nothing is half-made", async () => {
  await using world = new SimWorld(7);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create({ lifetimeSeconds: 60 }));
  const join = (text: string) => world.start("b", { join: { token: text, timeoutMillis: 5000 } });
  assert.equal(await codeOf(join(token.slice(0, -9))), "TOKEN_INVALID");
  assert.equal(await codeOf(join("nonsense")), "TOKEN_INVALID");
  await world.clock.advance(61_000);
  assert.equal(await codeOf(join(token)), "EXPIRED");
  assert.equal(await codeOf(world.start("b")), "NOT_ADMITTED", "the disk holds no network");

  const other = await world.startAt("elsewhere", "192.0.2.50", {
    found: {
      networkName: "other",
      range: { address: { family: 4, bytes: Uint8Array.of(10, 0, 0, 0) }, bits: 8 },
    },
  });
  const foreign = await world.run(other.node.tokens.create());
  await world.stop(a);
  assert.equal(await codeOf(world.start("a", { join: { token: foreign.token } })), "NETWORK_MISMATCH");
  await world.stop(other);
  await world.start("a");
});

test("a copied identity is noticed, named, and both that use it are told", async () => {
  await using world = new SimWorld(10);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  world.copyDisk("b", "image");
  const copy = await world.startAt("image", "192.0.2.66");
  await world.clock.advance(60_000);
  const alert = ({ node }: SimNode) => node.status().alerts.map(({ detail }) => detail).join();
  assert.match(alert(a!), /b runs twice with one identity, at .*192\.0\.2\.66:6783/);
  assert.match(alert(b!), /another node runs with this node's identity/);
  assert.match(alert(copy), /another node runs with this node's identity/);
  assert.equal(copy.node.status().healthy, false);
});

test("an address that nobody holds is unreachable at once, and one outside the network has no route", async () => {
  await using world = new SimWorld(8);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const free = b!.node.status().addresses[0]!.replace(/\.\d+$/, ".250");
  const ping = (to: string) => world.run(a!.node.ping(to, {}, new AbortController().signal));
  assert.equal(await codeOf(ping(free)), "UNREACHABLE");
  assert.equal(await codeOf(ping("192.0.2.200")), "UNREACHABLE");
});

test("the same seed gives the same history", async () => {
  const histories: string[] = [];
  for (let run = 0; run < 2; run++) {
    await using world = new SimWorld(9, { loss: 0.1, jitter: 5 });
    const history: string[] = [];
    world.network.watch((event) => history.push(JSON.stringify(event)));
    await world.mesh("a", "b", "c");
    await world.settle();
    histories.push(history.join("\n"));
  }
  assert.equal(histories[0], histories[1]);
});
