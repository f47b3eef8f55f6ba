import assert from "node:assert/strict";
import { blake2s } from "@noble/hashes/blake2.js";
import { encodeHex } from "../../core/wire/hex.ts";
import { test } from "../harness.ts";
import { SimWorld } from "./world.ts";

/**
 * What every runtime must come to: BLAKE2s-128 over every datagram's time, event, ends and length of the run below. It
 * changes with the wire format, with timing and with the order of what is sent; the failing test prints the new value.
 */
const expected = "4383bf2be8de3ea2fd092a53f759599c";

test("the same seed gives the same trace on every runtime", async () => {
  await using world = new SimWorld(51, { loss: 0.1, jitter: 5, duplicate: 0.05, reorder: 0.1 });
  const trace = blake2s.create({ dkLen: 16 });
  const text = new TextEncoder();
  world.network.watch(({ at, what, from, to, datagram }) => {
    trace.update(text.encode(`${at} ${what} ${from.host} ${to.host} ${datagram.length}\n`));
  });
  const [a, b, c] = await world.mesh("a", "b", "c");
  await world.settle();
  world.network.partition([a!.host]);
  await world.clock.advance(30_000);
  world.network.heal();
  await world.settle();
  await world.run(a!.node.members.revoke("c"));
  await world.clock.advance(10_000);
  await world.stop(c!);
  await world.stop(b!);
  world.network.watch(() => {});
  assert.equal(encodeHex(trace.digest()), expected);
});
