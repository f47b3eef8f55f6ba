import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { type Flight, Rig, type RigNode, token, tokenKey } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

/**
 * Whoever holds a reply back can alter what mac1 does not cover, as often as he likes. Each try costs a Diffie-Hellman,
 * so there are only so many; then the next attempt has to bring a reply of its own.
 */
function tries(rig: Rig, node: RigNode, { datagram, from }: Flight): Drop[] {
  return Array.from({ length: 100 }, (_, i) => {
    const altered = datagram.slice();
    altered[70 + i % 10]! ^= 1 + (i >> 4);
    return rig.inject(node, altered, from);
  });
}

function count(drops: readonly Drop[]): readonly number[] {
  return [Drop.badTag, Drop.unknownSession].map((drop) => drops.filter((each) => each === drop).length);
}

const limited = [limits.spoiltReplies, 100 - limits.spoiltReplies];

test("a response that is held back and altered costs 32 tries, and the next attempt gets through", () => {
  assert.equal(limits.spoiltReplies, 32);
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = ({ datagram }) => datagram[0] === MessageType.response ? [] : [10];
  rig.connect(a, b);
  rig.run(20);
  assert.deepEqual(count(tries(rig, a, rig.log.at(-1)!)), limited);
  rig.weather = () => [10];
  rig.run(1_000);
  assert.deepEqual(a.edges(), ["+b"]);
});

for (const type of [MessageType.admit, MessageType.plea]) {
  test(`a join message of type ${type} that is held back and altered costs 32 tries, and the next knock gets through`, () => {
    const rig = new Rig();
    const [j, m] = [rig.add("j"), rig.add("m")];
    rig.weather = ({ datagram }) => datagram[0] === type ? [] : [10];
    const request = {
      token,
      tokenKey,
      endpoints: [m.endpoint],
      application: new Uint8Array(50),
      deadline: 1e6,
    };
    rig.call(j, (machine, now) => machine.join(request, now));
    rig.run(40);
    const held = rig.log.at(-1)!;
    assert.equal(held.datagram[0], type);
    assert.deepEqual(count(tries(rig, type === MessageType.admit ? j : m, held)), limited);
    rig.weather = () => [10];
    rig.run(15_000);
    assert.ok(m.of("join-requested").length > 0);
  });
}
