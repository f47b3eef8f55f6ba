/** Whole nodes that gossip, of which two reach each other only through the third one. */
import assert from "node:assert/strict";
import type { Millis } from "../../core/contracts/values.ts";
import { gossip } from "../../plugins/gossip/mod.ts";
import { MessageType } from "../../plugins/noise/wire.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const discovery = [staticSeeds({ seeds: [] }), gossip({})];

/** What `node` knows of the others, without those that are well. */
function unwell({ node }: SimNode): string {
  const others = node.peers().filter(({ self, liveness }) => !self && liveness !== "alive");
  return others.map(({ name, liveness }) => `${name} ${liveness}`).sort().join(", ");
}

async function timeUntil(world: SimWorld, limit: Millis, done: () => boolean): Promise<Millis> {
  const since = world.clock.now();
  while (!done() && world.clock.now() - since < limit) await world.clock.advance(100);
  return world.clock.now() - since;
}

test(
  "members that reach each other over a relay alone call each other dead when they are, and never when they are not",
  async () => {
    await using world = new SimWorld(340, { jitter: 3 }, { plugins: { discovery } });
    const [left, right] = ["left", "right"].map((name) => world.machine(name).host);
    world.network.cut(left!, right!);
    world.network.cut(right!, left!);
    const [relay, a, c] = await world.mesh("relay", "left", "right");
    await world.settle(30_000);
    const nodes = [relay!, a!, c!];
    const buried = new Set<string>();
    let astray = 0;
    world.network.watch(({ what, from, to, datagram }) => {
      const isBetween = [from.host, to.host].every((host) => host !== relay!.host);
      if (what === "sent" && isBetween && datagram[0] === MessageType.note) astray++;
    });
    for (let second = 0; second < 600; second += 2) {
      await world.clock.advance(2_000);
      for (const node of nodes) {
        if (/dead|left$/.test(unwell(node))) buried.add(`${node.name}: ${unwell(node)}`);
      }
    }
    assert.deepEqual([[...buried], astray], [[], 0], "notes go where the session goes");
    assert.deepEqual(nodes.map(unwell), ["", "", ""]);
    world.crash(c!);
    const known = await timeUntil(world, 30_000, () => unwell(a!) === "right dead");
    assert.ok(known < 15_000, `${known} ms`);
    const again = await world.start("right");
    const back = await timeUntil(world, 30_000, () => unwell(a!) === "" && unwell(again) === "");
    assert.ok(back < 15_000, `${back} ms`);
    await world.settle(30_000);
    await world.ping(a!, again);
  },
  { once: "ten minutes of three nodes, on a simulated clock that is the same on both" },
);
