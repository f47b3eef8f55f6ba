/** A node whose disk takes no more stamps. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Rig, type RigNode } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

/** `node` has stamps up to `left` more; gives what lets it have more. */
function limited(rig: Rig, node: RigNode, left: number): () => void {
  const { stamps } = node.machine;
  let asked = 0;
  const keep = (reserve: number) => void (asked = reserve);
  const first = stamps.start({ wall: 1_000_000, now: rig.now, reserve: undefined, keep });
  stamps.kept(first - 5_000 + left - 1);
  return () => stamps.kept(Math.max(asked, first));
}

test("a node without stamps begins no handshake, says why after a round, and begins one when it has some", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const refill = limited(rig, a, 0);
  rig.connect(a, b);
  rig.run(20_000);
  assert.deepEqual(rig.types(), []);
  const failures = a.of("attempt-failed").map(({ code, reason }) => [code, reason]);
  assert.deepEqual(failures.slice(0, 1), [[
    "STATE_UNWRITABLE",
    "This node can begin no handshake: its disk takes no more stamps; make room there, or see its log",
  ]]);
  refill();
  rig.run(6_000);
  assert.deepEqual(a.edges(), ["+b"]);
});

test("a node without stamps answers handshakes and keeps the session, with packets both ways", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  limited(rig, b, 1);
  rig.connect(b, a); // uses the one
  rig.run(100);
  rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  rig.run(1_000);
  rig.connect(a, b);
  rig.run(400_000);
  assert.deepEqual(a.edges(), ["+b", "-b", "+b"]);
  assert.deepEqual(b.edges(), ["+a", "-a", "+a"]);
  rig.send(a, b, "there");
  rig.send(b, a, "back");
  rig.run(20);
  assert.deepEqual([a.received(), b.received()], [["back"], ["there"]]);
  const from = (node: RigNode) => rig.log.filter(({ from }) => from.port === node.endpoint.port);
  const initiations = from(b).filter(({ datagram }) => datagram[0] === MessageType.initiation);
  assert.equal(initiations.length, 1, "no other than with the one stamp");
});
