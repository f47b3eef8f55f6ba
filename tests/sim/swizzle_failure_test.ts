import assert from "node:assert/strict";
import type { Ipam, Lease } from "../../core/contracts/ipam.ts";
import { test } from "../harness.ts";
import { runSwizzle } from "./swizzle.ts";
import type { SimWorld } from "./world.ts";

/** A run in which something is broken on purpose after 40 operations: how it fails, and what it prints. */
async function failing(meddle: (world: SimWorld) => void): Promise<{ error: Error; print: string }> {
  let print = "";
  const error = await runSwizzle({
    seed: 5,
    nodes: 3,
    operations: 60,
    print: (text) => print += text,
    meddle: (world, operations) => void (operations >= 40 && meddle(world)),
  }).then(() => assert.fail("the run did not fail"), (reason) => reason as Error);
  return { error, print };
}

function withLeases(ipam: Ipam, change: (leases: readonly Lease[]) => readonly Lease[]): void {
  const leases = [...ipam.leases()];
  ipam.leases = () => change(leases);
}

test("a run in which an address is at two nodes fails, and draws the packets before it with the way to see it again", async () => {
  const { error, print } = await failing((world) => {
    const [one, other] = world.nodes();
    if (one === undefined || other === undefined) return;
    const [stolen] = [...one.ipam.leases()];
    withLeases(other.ipam, (leases) => [...leases, stolen!]);
  });
  assert.match(error.message, /is leased at n\d and at n\d/);
  assert.match(print, /^seed 5 failed after \d+ operations and \d+ faults:\n.* is leased at/);
  assert.match(print, /^ +\d+\.\d .*\|[-<>x| ]+ +(data|keepalive|initiation|whoIs), \d+ bytes/m);
  assert.match(print, /\* n\d (pings|leases|makes|starts|stops|is )/);
  assert.match(
    print,
    /SWIZZLE_SEED=5 SWIZZLE_NODES=3 SWIZZLE_OPERATIONS=60 npx deno test -A tests\/sim\/swizzle_test.ts/,
  );
});

test("a run in which a promised address is forgotten fails", async () => {
  const { error } = await failing((world) => {
    for (const { ipam } of world.nodes()) withLeases(ipam, (leases) => leases.slice(1));
  });
  assert.match(error.message, /has forgotten that|is leased at/);
});

test("a run in which a node piles up timers fails, and so does one with an error that no fault explains", async () => {
  const timers = await failing((world) => {
    const clock = world.nodes()[0]?.process.clock;
    for (let i = 0; i < 200; i++) clock?.timer(Number.POSITIVE_INFINITY, () => {});
  });
  assert.match(timers.error.message, /^n\d has \d{3} timers$/);
  const errors = await failing((world) => {
    const fields = { error: new TypeError("x is not a function") };
    world.log.push({ at: 0, node: "n1", level: "error", message: "A channel handler failed", fields });
  });
  assert.match(errors.error.message, /^n1 logged "A channel handler failed": TypeError: x is not a function/);
});
