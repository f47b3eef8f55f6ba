/** What the list of connections says of how a peer does. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const { signal } = new AbortController();

function connectionOf(node: SimNode) {
  return node.node.connections().find(({ state }) => state === "established")!;
}

/** Answered or not. */
async function ping(world: SimWorld, from: SimNode, to: string): Promise<void> {
  await world.run(from.node.ping(to, { size: 56, timeoutMillis: 200, family: 4 }, signal)).then(
    () => {},
    () => {},
  );
}

test("a peer's packets, bytes and loss are shown, and the loss only when there is enough to judge by", async () => {
  await using world = new SimWorld(311);
  const [a, b] = await world.mesh("a", "b") as [SimNode, SimNode];
  await world.settle();
  const [before, { loss }] = [connectionOf(a), connectionOf(b)];
  assert.deepEqual([before.path, loss], ["main", null]);
  world.network.setFaults({ loss: 0.2 });
  const there = b.node.status().addresses.find((text) => !text.includes(":"))!;
  for (let i = 0; i < 200; i++) await ping(world, a, there);
  const { traffic } = connectionOf(a);
  assert.equal(traffic!.packetsOut - before.traffic!.packetsOut, 200);
  // IPv4 and ICMP headers, 56 bytes, and around them GRE with a key, the header of the message and its tag.
  assert.equal(traffic!.bytesOut - before.traffic!.bytesOut, 200 * (20 + 8 + 56 + 8 + 16 + 16));
  const heard = connectionOf(b);
  assert.ok(heard.traffic!.packetsIn > 130 && heard.traffic!.packetsIn < 190, `${heard.traffic!.packetsIn}`);
  assert.ok(heard.loss! > 0.12 && heard.loss! < 0.28, `${heard.loss}`);
});
