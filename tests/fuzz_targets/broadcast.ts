/** Fuzz targets of frames that travel a tree: the header alone, and a relay that gets it from a neighbour. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { DropCounters } from "../../core/contracts/host.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { frameOf } from "../../core/forwarding/link_fixture.ts";
import { fakeSelf } from "../../core/identity/fake_members.ts";
import { Broadcasts, mostHops } from "../../core/node/broadcasts.ts";
import { tagOf, tagToBytes } from "../../core/topology/link_tag.ts";
import {
  broadcastHeaderLength,
  decodeBroadcast,
  encodeBroadcast,
  numberLimit,
} from "../../core/wire/broadcast_header.ts";
import { copyBytes, equalBytes } from "../../core/wire/bytes.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { SimClock } from "../sim/clock.ts";
import { assertView } from "./promises.ts";

const [us, near, origin, far] = ["us", "near", "origin", "far"].map((name) => fakeSelf(name).id) as [
  PeerId,
  PeerId,
  PeerId,
  PeerId,
];
const frame = frameOf({ from: "10.41.0.9", to: "224.0.0.251" });
const header = { origin: tagToBytes(tagOf(origin)), number: 1_800_000_000_000 * 64, hops: 5, flags: 0 };
const seeds = [
  encodeBroadcast(header, frame),
  encodeBroadcast({ ...header, hops: 0, flags: 15 }, frame),
  encodeBroadcast({ ...header, origin: tagToBytes(tagOf(near)), number: numberLimit - 1, hops: 255 }, frame),
];
const members = new Map([us, near, origin].map((peer) => [tagOf(peer), peer]));
const words = [us, near, origin, far].map((peer) => tagToBytes(tagOf(peer)));

const headerTarget: FuzzTarget = {
  name: "broadcast-header",
  seeds,
  words,
  run(input) {
    const read = decodeBroadcast(input);
    if (typeof read === "number") {
      assert.ok(read === Drop.malformed || read === Drop.unsupported);
      assert.equal(read === Drop.malformed, input.length < broadcastHeaderLength);
      return false;
    }
    assertView(read.origin, input);
    assertView(read.frame, input);
    assert.ok(Number.isSafeInteger(read.number) && read.number >= 0 && read.number < numberLimit);
    assert.ok(equalBytes(encodeBroadcast(read, read.frame), input), "not the bytes that were read");
    return true;
  },
};

const relayTarget: FuzzTarget = {
  name: "broadcast-relay",
  seeds,
  words,
  run(input) {
    const { relay, counted } = makeRelay();
    const given = copyBytes(input);
    const arrived = relay.open(near, { protocol: GreProtocol.broadcast, payload: given, forwarded: false });
    if (typeof arrived === "number") {
      assert.ok(arrived !== Drop.none);
      assert.deepEqual(counted, []);
      return false;
    }
    assert.ok(arrived.sender === origin || arrived.sender === near, "of no member, or of this node");
    const copies = relay.onward(arrived);
    assert.ok(typeof copies === "object", "the first one is no repetition");
    assert.equal(relay.onward(arrived), Drop.replayed);
    assert.ok(equalBytes(given, input), "the input was written to");
    for (const { peer, packet } of copies) {
      assert.ok(peer === far && packet.protocol === GreProtocol.broadcast);
      assertOnward(packet.payload, input);
    }
    assert.deepEqual(copies.length === 0 ? counted : [[Drop.hopLimit, 1]], [[Drop.hopLimit, 1]]);
    assert.equal(copies.length === 0, input[14] === 0);
    return true;
  },
};

/** Nothing but the hops is another: fewer, and never more than a node gives. */
function assertOnward(payload: Uint8Array, input: Uint8Array): void {
  const expected = copyBytes(input);
  expected[14] = Math.min(input[14]!, mostHops) - 1;
  assert.ok(equalBytes(payload, expected));
}

/** This node, between `near` and `far`; `origin` is a member too. */
function makeRelay() {
  const counted: (readonly [Drop, number])[] = [];
  const drops: DropCounters = {
    count: (drop, times = 1) => void (times > 0 && counted.push([drop, times])),
  };
  const relay = new Broadcasts({
    self: us,
    clock: new SimClock(),
    drops,
    peers: () => [near, far],
    takesHeaders: (peer) => peer === near || peer === far,
    memberOf: (tag) => members.get(tag),
  });
  relay.follow({ children: () => [far], mayBring: () => true });
  return { relay, counted };
}

export const broadcastTargets: readonly FuzzTarget[] = [headerTarget, relayTarget];
