import assert from "node:assert/strict";
import type { Ipam, SpaceTakeover } from "../../core/contracts/ipam.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const minute = 60_000;
const never = new AbortController().signal;

function takerOf({ ipam }: SimNode): Ipam & SpaceTakeover {
  assert.ok("takeOver" in ipam && "handOver" in ipam);
  return ipam as Ipam & SpaceTakeover;
}

const ownersIn = ({ ipam }: SimNode) => new Set([...ipam.routes.routes()].map(({ owner }) => owner));

test(
  "the space of a host that died passes to another by a real vote, and the host gets back what it uses when it returns",
  async () => {
    await using world = new SimWorld(71);
    const [a, b, c] = await world.mesh("a", "b", "c") as [SimNode, SimNode, SimNode];
    await world.settle();
    const subnet = parsePrefix("10.32.0.0/12")!;
    const { address } = await world.run(c.ipam.allocate({ owner: "web", subnet }, never));
    world.crash(c);
    await world.clock.advance(minute);
    const id = c.node.status().peer;
    const { prefixes } = await world.run(takerOf(b).takeOver(id, never));
    assert.equal(prefixes.length, 2, "a block of each family, asked for by a node that is no voter");
    await world.settle();
    for (const node of [a, b]) assert.ok(!ownersIn(node).has(id));
    const again = await world.start("c");
    await world.clock.advance(minute);
    for (const node of [a, b, again]) {
      const route = [...node.ipam.routes.routes()].findLast(({ prefix }) =>
        prefix.bits === 32 && formatAddress(prefix.address) === formatAddress(address)
      );
      assert.deepEqual([route?.owner, route?.grantedBy], [id, b.node.status().peer]);
    }
    assert.deepEqual(again.node.status().alerts, []);
  },
  { limit: 120_000 },
);
