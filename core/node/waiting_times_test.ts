/** How long a node waits when it is told nothing else, and what it says of what it waits for. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimWorld } from "../../tests/sim/world.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { errorCode } from "../contracts/errors.ts";
import type { Ipam } from "../contracts/ipam.ts";
import type { Plugin } from "../contracts/plugin.ts";

const { signal } = new AbortController();

/** The usual plugin, but nobody gets an address from it; `ends` has the codes with which waiting for one ended. */
function givingNothing(ends: string[] = []): Plugin<"ipam"> {
  const allocate: Ipam["allocate"] = (_request, until) =>
    new Promise((_resolve, reject) => {
      until.addEventListener("abort", () => {
        ends.push(errorCode(until.reason));
        reject(until.reason);
      });
    });
  const usual = ring({});
  return { ...usual, create: (host) => Object.assign(usual.create(host), { allocate }) };
}

test("a node that gets no addresses has started after 20 s, with an alert that it waits for them", async () => {
  await using world = new SimWorld(181, {}, { plugins: { ipam: givingNothing() } });
  const { node } = await world.found("a");
  assert.equal(world.clock.now(), 20_000);
  const { state, alerts } = node.status();
  assert.deepEqual([state, alerts.map(({ name }) => name)], ["ready", ["no-address"]]);
});

test("while a node has no address it cannot ping, and a peer that has none cannot be pinged", async () => {
  await using world = new SimWorld(182, {}, { plugins: { ipam: givingNothing() } });
  const [a] = await world.mesh("a", "b");
  await world.settle();
  await assert.rejects(a!.node.ping("10.32.0.9", {}, signal), {
    code: "UNREACHABLE",
    message: /no IPv4 address yet/,
  });
  await assert.rejects(a!.node.ping("b", {}, signal), { code: "NOT_FOUND", message: /has told no address/ });
});

test("what still waits when a node stops is ended with NOT_RUNNING", async () => {
  const ends: string[] = [];
  await using world = new SimWorld(183, {}, { plugins: { ipam: givingNothing(ends) } });
  await world.stop(await world.found("a"));
  assert.deepEqual(ends, ["NOT_RUNNING", "NOT_RUNNING"]);
});

test("a join to which nobody answers is given up after 30 s", async () => {
  await using world = new SimWorld(184);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create());
  world.network.partition([a.host]);
  const start = world.clock.now();
  await assert.rejects(world.start("b", { join: { token } }), { code: "UNREACHABLE" });
  assert.equal(world.clock.now() - start, 30_000);
});

test("a ping to which nobody answers is TIMEOUT after 3 s", async () => {
  await using world = new SimWorld(185);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  await world.clock.advance(1_000);
  world.network.partition([a!.host]);
  const [address] = b!.node.status().addresses;
  const start = world.clock.now();
  await assert.rejects(world.run(a!.node.ping(address!, {}, signal)), { code: "TIMEOUT" });
  assert.equal(world.clock.now() - start, 3_000);
});
