/**
 * What a member can do to others by what it says, and what clocks and copies of disks can: of everybody else nothing
 * changes, memory stays bounded, and counters tell.
 */
import assert from "node:assert/strict";
import type { Millis } from "../../core/contracts/values.ts";
import { defaultTrustLimits } from "../../core/identity/trust_records.ts";
import { recordChange, storeKeys } from "../../core/node/state_records.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { gossip } from "../../plugins/gossip/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { test } from "../harness.ts";
import { BadMember } from "./bad_member.ts";
import { SimRandom } from "./random.ts";
import { type SimNode, SimWorld } from "./world.ts";

const hour: Millis = 3_600_000;
const discovery = [staticSeeds({ seeds: [] }), gossip({})];

interface Scene {
  readonly world: SimWorld;
  readonly bad: BadMember;
  /** Those that are honest. */
  readonly good: readonly SimNode[];
  readonly liar: SimNode;
}

interface SceneOptions {
  /** Of the honest. */
  readonly names?: readonly string[];
  readonly standingSessions?: number;
}

/** Two or more nodes and one that lies, all up. */
async function sceneOf(seed: number, options: SceneOptions = {}): Promise<Scene> {
  const { names = ["a", "b"], standingSessions = 64 } = options;
  const bad = new BadMember("liar");
  const world = new SimWorld(seed, {}, { standingSessions, plugins: { names: bad.plugin, discovery } });
  const nodes = await world.mesh(...names, "liar");
  await world.settle();
  await world.clock.advance(5_000);
  return { world, bad, good: nodes.slice(0, -1), liar: nodes.at(-1)! };
}

/** What a node knows of others than the liar and whom it has invented. */
function knowledge({ node }: SimNode): unknown {
  const isOurs = ({ name }: { readonly name: string | null }) => !/^(liar|fake-\d+)$/.test(name ?? "");
  return {
    peers: node.peers().filter(isOurs).map((
      { peer, name, state, endpoints, addresses, ranges, liveness },
    ) => ({
      peer,
      name,
      state,
      endpoints,
      addresses,
      ranges,
      liveness,
    })),
    members: node.members.list().filter(isOurs),
    leases: node.ipam().leases,
    alerts: node.status().alerts.map(({ name }) => name),
  };
}

async function unharmed({ world, good }: Scene, body: () => Promise<void>): Promise<void> {
  const before = good.map(knowledge);
  await body();
  assert.deepEqual(good.map(knowledge), before);
  assert.deepEqual(world.log.filter(({ level }) => level === "error"), []);
  await world.ping(good[0]!, good[1]!);
}

const channels = ["state", "mesh", "voters", "ring", "paths", "bridges"];

test("bytes of any kind on every channel, cut and altered copies of good ones, and what the future may say change nothing", async () => {
  const scene = await sceneOf(401);
  await using world = scene.world;
  const { bad, good } = scene;
  const random = new SimRandom(7);
  const own = [bad.announcement(1_000, "203.0.113.1"), ...bad.inventMembers(1)];
  const nested = Array.from({ length: 1_000 }, () => 0x81);
  await unharmed(scene, async () => {
    for (const { node } of good) {
      for (const channel of channels) {
        for (const record of own) {
          const message = encodeCbor([1, "records", [record]]);
          for (const cut of [0, 1, 7, message.length >> 1, message.length - 1]) {
            bad.say(node.id, channel, message.subarray(0, cut));
          }
          for (let change = 0; change < 8; change++) {
            const altered = message.slice();
            const at = random.below(altered.length);
            altered[at] = altered[at]! ^ (1 << random.below(8));
            bad.say(node.id, channel, altered);
          }
        }
        bad.say(node.id, channel, Uint8Array.from(nested));
        bad.say(node.id, channel, random.fill(new Uint8Array(1_100)));
        bad.say(node.id, channel, encodeCbor([2, "records", own]));
        bad.say(node.id, channel, encodeCbor([1, "of-tomorrow", { x: 1 }]));
        bad.say(node.id, channel, encodeCbor([1, "records", [own, 7, "text", null]]));
      }
      bad.say(node.id, "channel-of-tomorrow", Uint8Array.of(1));
    }
    await world.clock.advance(35_000);
  });
  for (const { node } of good) assert.ok((node.status().drops.unsupported ?? 0) > 0);
});

test("of two announcements with one number all keep the same one, whichever came first", async () => {
  const scene = await sceneOf(402, { names: ["a", "b", "c"] });
  await using world = scene.world;
  const { bad, good, liar } = scene;
  await unharmed(scene, async () => {
    const two = ["203.0.113.1", "203.0.113.2"].map((host) => bad.announcement(1_000, host));
    for (const [index, { node }] of good.entries()) bad.tell(node.id, [two[index % 2]!]);
    await world.clock.advance(40_000);
  });
  const seen = good.map(({ node }) =>
    node.peers().find(({ peer }) => peer === liar.node.id)?.endpoints.join()
  );
  assert.equal(new Set(seen).size, 1, seen.join(" or "));
});

test("what a member said a week ago does not undo what it says now, whoever repeats it", async () => {
  const scene = await sceneOf(403);
  await using world = scene.world;
  const { bad, good: [a, b], liar } = scene;
  const old = world.disk("liar").image.get(`node/peer/${b!.node.id}`)!.slice();
  const datagrams: Uint8Array[] = [];
  world.network.watch(({ datagram, from, to }) => {
    if (from.host === b!.host && to.host === a!.host && datagrams.length < 300) datagrams.push(datagram);
  });
  await world.clock.advance(20_000);
  assert.ok(datagrams.length > 3, "messages, keepalives and notes");
  for (const name of ["a", "b", "liar"]) world.machine(name).jumpWall(7 * 24 * hour);
  await world.stop(b!);
  const moved = await world.startAt("b", "192.0.2.77");
  await world.settle();
  await world.clock.advance(35_000);
  const after: Scene = { ...scene, good: [a!, moved] };
  await unharmed(after, async () => {
    bad.tell(a!.node.id, [old]);
    const elsewhere = world.network.bind({ host: "203.0.113.9", port: 6783 }, () => {});
    for (const datagram of datagrams) elsewhere.send(datagram, { host: a!.host, port: 6783 });
    await world.clock.advance(35_000);
  });
  const [shown] = a!.node.peers().filter(({ name }) => name === "b");
  assert.deepEqual(shown?.endpoints, ["192.0.2.77:6783"]);
  const drops = a!.node.status().drops;
  assert.ok((drops.replayed ?? 0) + (drops.staleHandshake ?? 0) + (drops.unknownSession ?? 0) > 0);
  assert.equal(liar.process.isDead, false);
});

test("members that one has invented are listed as what it has admitted, called a few at a time, and harm nobody", async () => {
  const standingSessions = 4;
  const scene = await sceneOf(404, { standingSessions });
  await using world = scene.world;
  const { bad, good, liar } = scene;
  const invented = 60;
  await unharmed(scene, async () => {
    const records = bad.inventMembers(invented);
    for (const { node } of good) bad.tell(node.id, records);
    for (let round = 0; round < 4; round++) {
      await world.clock.advance(5_000);
      // Sessions, those on their way, and those called in vain.
      for (const { node } of good) {
        const rows = node.connections();
        const called = new Set(rows.map(({ peer }) => peer)).size;
        assert.ok(called <= 3 * standingSessions, `${called} are called`);
        assert.ok(rows.length <= 2 * called, "each where it says it is, and behind a relay");
      }
    }
  });
  for (const { node } of good) {
    const fakes = node.members.list().filter(({ name }) => name.startsWith("fake-"));
    assert.deepEqual([fakes.length, new Set(fakes.map(({ admittedBy }) => admittedBy))], [
      invented,
      new Set([liar.node.id]),
    ]);
  }
});

/** All start again with these records of trust on their disks, as if they had heard of them long ago. */
async function restartWith(scene: Scene, records: readonly Uint8Array[]): Promise<Scene> {
  const { world } = scene;
  const nodes: SimNode[] = [];
  for (const node of [...scene.good, scene.liar]) {
    await world.stop(node);
    world.disk(node.name).image.apply(records.map(recordChange));
    nodes.push(await world.start(node.name));
  }
  await world.settle();
  await world.clock.advance(5_000);
  return { ...scene, good: nodes.slice(0, -1), liar: nodes.at(-1)! };
}

test(
  "of ten thousand names that one has invented each node keeps as many as a member may admit, and works on",
  async () => {
    const before = await sceneOf(407);
    await using world = before.world;
    const { bad } = before;
    const { admissionsPerSigner } = defaultTrustLimits;
    const names = bad.inventNames(10_000);
    const early = admissionsPerSigner - 40;
    const scene = await restartWith(before, names.slice(0, early));
    await unharmed(scene, async () => {
      for (let at = early; at < names.length; at += 40) {
        bad.tell(scene.good[0]!.node.id, names.slice(at, at + 40));
        await world.clock.advance(10);
      }
      await world.clock.advance(5_000);
    });
    for (const { name, node } of scene.good) {
      const fakes = node.members.list().filter(({ admittedBy }) => admittedBy === scene.liar.node.id);
      assert.equal(fakes.length, admissionsPerSigner);
      const onDisk = world.disk(name).image.entries(storeKeys.records).length;
      assert.ok(onDisk <= admissionsPerSigner + 4, `${onDisk} records`);
    }
  },
  { once: "ten thousand signatures are checked", on: "node", limit: 300_000 },
);

test("clocks an hour ahead and an hour back, from the start and while they run: gossip, tokens, leases and rekeys go on", async () => {
  await using world = new SimWorld(405, {}, { plugins: { discovery } });
  world.machine("ahead").jumpWall(hour);
  world.machine("back").jumpWall(-hour);
  const founder = await world.found("ahead");
  const { token } = await world.run(founder.node.tokens.create());
  const nodes = [
    founder,
    await world.start("back", { join: { token } }),
    await world.start("right", { join: { token } }),
  ];
  await world.settle();
  const deaths: string[] = [];
  const { signal } = new AbortController();
  for (const { name, node } of nodes) {
    node.events.on("peer:liveness", ({ liveness }) => {
      if (liveness === "dead" || liveness === "left") deaths.push(name);
    }, signal);
    node.events.on("peer:down", ({ reason }) => void deaths.push(`${name} ${reason}`), signal);
  }
  await world.clock.advance(60_000);
  for (const [name, jump] of [["ahead", -2 * hour], ["back", 2 * hour], ["right", hour]] as const) {
    world.machine(name).jumpWall(jump);
    await world.clock.advance(30_000);
  }
  await world.clock.advance(150_000);
  assert.equal(deaths.length, 0, deaths.join("; "));
  const late = await world.start("late", {
    join: { token: (await world.run(nodes[1]!.node.tokens.create())).token },
  });
  await world.settle();
  await world.ping(late, nodes[0]!);
  world.crash(nodes[2]!);
  const knows = ({ node }: SimNode) => node.peers().find(({ name }) => name === "right")?.liveness === "dead";
  await world.clock.runUntil(() => [nodes[0]!, nodes[1]!, late].every(knows), 10_000);
  assert.deepEqual(
    deaths.filter((text) => !text.includes(" ")).sort(),
    ["ahead", "back"],
    "an event tells it",
  );
  await world.start("right");
  await world.settle();
});

test("two nodes with one disk, where members gossip, are named by the others, and both are told", async () => {
  await using world = new SimWorld(406, {}, { plugins: { discovery } });
  const [a, b, c] = await world.mesh("a", "b", "c");
  await world.settle();
  world.copyDisk("b", "image");
  const copy = await world.startAt("image", "192.0.2.66");
  await world.clock.advance(60_000);
  const alert = ({ node }: SimNode) => node.status().alerts.map(({ detail }) => detail).join();
  const named = /b runs twice with one identity, at .*192\.0\.2\.66:6783/;
  assert.ok([a!, c!].some((each) => named.test(alert(each))), [a!, c!].map(alert).join(" / "));
  assert.match(alert(b!), /another node runs with this node's identity/);
  assert.match(alert(copy), /another node runs with this node's identity/);
  await world.ping(a!, c!);
});
