import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import { maxChannelMessage } from "../contracts/host.ts";
import type { PeerId } from "../contracts/values.ts";
import { GreProtocol } from "../wire/gre.ts";
import { Channels } from "./channels.ts";
import { FakeLog } from "./node_fixture.ts";

const ann = "ann" as PeerId;
const text = (value: string) => new TextEncoder().encode(value);
const named = (name: string, message = "") => Uint8Array.from([1, name.length, ...text(name + message)]);

test("a message arrives in the channel of its name, with its sender, as memory of its own", () => {
  const channels = new Channels(new FakeLog(), () => [ann]);
  const carried: OverlayPacket[] = [];
  const channel = channels.open("mesh");
  assert.equal(channel.send(ann, text("early")), false, "before there is anything to carry it over");
  channels.carryOver((_, packet) => (carried.push(packet), Drop.none));
  assert.equal(channel.send(ann, text("hi")), true);
  assert.deepEqual(carried, [{
    protocol: GreProtocol.control,
    payload: named("mesh", "hi"),
    forwarded: false,
  }]);
  const heard: [PeerId, Uint8Array][] = [];
  channel.receive((from, message) => void heard.push([from, message]));
  const payload = carried[0]!.payload;
  assert.equal(channels.dispatch(ann, payload), Drop.none);
  payload.fill(0);
  assert.deepEqual(heard, [[ann, text("hi")]]);
  assert.deepEqual(channel.peers(), [ann]);
});

test("what the session does not take was not sent", () => {
  const channels = new Channels(new FakeLog(), () => []);
  channels.carryOver(() => Drop.queueFull);
  assert.equal(channels.open("mesh").send(ann, text("hi")), false);
});

test("a name that no channel has, and one that cannot be read, are told apart", () => {
  const channels = new Channels(new FakeLog(), () => []);
  channels.open("mesh").receive(() => assert.fail("nothing is for it"));
  assert.equal(channels.dispatch(ann, named("ring", "hi")), Drop.unsupported);
  assert.equal(channels.dispatch(ann, named("meshes")), Drop.unsupported);
  assert.equal(
    channels.dispatch(ann, Uint8Array.of(2, 4, ...text("mesh"))),
    Drop.unsupported,
    "a newer header",
  );
  for (const payload of [[], [0], [1], [1, 0], [0, 4, ...text("mesh")], [1, 255, ...text("mesh")]]) {
    assert.equal(channels.dispatch(ann, Uint8Array.from(payload)), Drop.malformed);
  }
});

test("a handler that throws is logged with the sender, and the next message is handled", () => {
  const log = new FakeLog();
  const channels = new Channels(log, () => []);
  let calls = 0;
  channels.open("mesh").receive(() => {
    if (++calls === 1) throw new Error("no");
  });
  assert.equal(channels.dispatch(ann, named("mesh")), Drop.malformed);
  assert.equal(channels.dispatch(ann, named("mesh")), Drop.none);
  assert.deepEqual(log.entries.map(({ message, fields }) => [message, fields!["peer"]]), [
    ["A channel handler failed", ann],
  ]);
});

test("any bytes end in a reason to drop them or in a handler", () => {
  const channels = new Channels(new FakeLog(), () => []);
  let heard = 0;
  channels.open("a").receive(() => void heard++);
  const near = fc.constantFrom(0, 1, 2, 0x61);
  const almost = fc.array(near, { maxLength: 5 }).map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), almost), (payload) => {
      const before = heard;
      const drop = channels.dispatch(ann, payload);
      assert.equal(drop === Drop.none, heard === before + 1);
      assert.equal(drop === Drop.none, payload[0] === 1 && payload[1] === 1 && payload[2] === 0x61);
    }),
    { seed: 2, numRuns: 2000 },
  );
});

test("a message that is too long and a name that is none are mistakes of this node's own", () => {
  const channels = new Channels(new FakeLog(), () => []);
  channels.carryOver(() => Drop.none);
  const channel = channels.open("mesh");
  assert.equal(channel.send(ann, new Uint8Array(maxChannelMessage)), true);
  assert.throws(() => channel.send(ann, new Uint8Array(maxChannelMessage + 1)), /1101 bytes, at most 1100/);
  for (const name of ["", "Mesh", "1st", "a b", "x".repeat(33)]) {
    assert.throws(() => channels.open(name), RangeError);
  }
});
