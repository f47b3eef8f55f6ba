import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Session } from "./session.ts";
import { type Held, SessionSlots } from "./slots.ts";

type Named = Held & { readonly name: string };

/** Slots only look at when a session ends. */
function held(name: string, endsAt = 1_000): Named {
  const session = { endsAt } as Session;
  return { name, session, proof: {} as Held["proof"] };
}

function rig() {
  const released: string[] = [];
  const slots = new SessionSlots<Named>(({ name }) => released.push(name));
  const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((name, i) => held(name, 1_000 * (i + 1))) as [
    ...[Named, Named, Named, Named, Named],
  ];
  return { slots, released, a, b, c, d, e };
}

test("there is nothing to send in before the first session", () => {
  const { slots, released } = rig();
  assert.equal(slots.current, undefined);
  assert.equal(slots.endsAt(), undefined);
  assert.equal(slots.expire(1e9), false);
  slots.keepCurrent();
  slots.clear();
  assert.deepEqual(released, []);
});

test("an answered handshake of ours is current at once, and the one before is retired", () => {
  const { slots, released, a, b } = rig();
  slots.initiated(a);
  assert.equal(slots.current, a);
  slots.initiated(b);
  assert.equal(slots.current, b);
  assert.deepEqual(released, []);
  assert.equal(slots.endsAt(), 1_000, "a still opens what is under way");
});

test("a handshake that we answered is not sent in before a message came under it", () => {
  const { slots, released, a, b } = rig();
  slots.initiated(a);
  slots.responded(b);
  assert.equal(slots.current, a);
  assert.equal(slots.confirm(a), false);
  assert.equal(slots.current, a);
  assert.equal(slots.confirm(b), true);
  assert.equal(slots.current, b);
  assert.equal(slots.confirm(b), false, "it is current already");
  assert.deepEqual(released, []);
});

test("the first session may be one that we answered", () => {
  const { slots, released, a } = rig();
  slots.responded(a);
  assert.deepEqual([slots.current, slots.endsAt()], [undefined, 1_000]);
  assert.equal(slots.confirm(a), true);
  assert.equal(slots.current, a);
  assert.deepEqual(released, []);
});

test("of two handshakes that we answered only the later one can be confirmed", () => {
  const { slots, released, a, b } = rig();
  slots.responded(a);
  slots.responded(b);
  assert.deepEqual(released, ["a"]);
  assert.equal(slots.confirm(a), false);
  assert.equal(slots.confirm(b), true);
});

test("three sessions are kept for what is under way, the oldest gives way", () => {
  const { slots, released, a, b, c, d, e } = rig();
  for (const each of [a, b, c, d]) slots.initiated(each);
  assert.deepEqual(released, []);
  slots.responded(e);
  assert.equal(slots.confirm(e), true);
  assert.deepEqual(released, ["a"]);
});

test("when both sides initiate at once, twice, the session that the peer still sends in is kept", () => {
  const { slots, released, a, b, c, d, e } = rig();
  slots.initiated(a);
  slots.responded(b);
  slots.initiated(c); // and the peer, whose response has come, sends in `b`
  slots.responded(d);
  slots.initiated(e); // and the peer still does: our response is under way
  assert.deepEqual(released, ["a"]);
  assert.ok(slots.all().includes(b));
});

test("our own handshake retires one that we answered and that nobody confirmed", () => {
  const { slots, released, a, b, c, d, e } = rig();
  slots.initiated(a);
  slots.responded(b);
  slots.initiated(c);
  assert.equal(slots.current, c);
  assert.equal(slots.confirm(b), false);
  assert.deepEqual(released, []);
  for (const each of [d, e]) slots.initiated(each);
  assert.deepEqual(released, ["a"]);
});

test("keeping the current session releases all others, once each", () => {
  const { slots, released, a, b, c } = rig();
  slots.initiated(a);
  slots.initiated(b);
  slots.responded(c);
  slots.keepCurrent();
  assert.deepEqual(released, ["a", "c"]);
  assert.equal(slots.current, b);
  assert.equal(slots.confirm(c), false);
  assert.equal(slots.endsAt(), 2_000);
  slots.keepCurrent();
  assert.deepEqual(released, ["a", "c"]);
});

test("clearing releases every session, once each", () => {
  const { slots, released, a, b, c } = rig();
  slots.initiated(a);
  slots.initiated(b);
  slots.responded(c);
  slots.clear();
  assert.deepEqual(released, ["a", "c", "b"]);
  assert.deepEqual([slots.current, slots.endsAt()], [undefined, undefined]);
  slots.clear();
  assert.equal(released.length, 3);
});

test("a session is over at the millisecond at which it ends, in whichever slot it is", () => {
  const { slots, released, a, b, c } = rig();
  slots.initiated(a);
  slots.initiated(b);
  slots.responded(c);
  assert.equal(slots.endsAt(), 1_000);
  assert.equal(slots.expire(999), false);
  assert.deepEqual(released, []);
  assert.equal(slots.expire(1_000), false, "the current one is not over");
  assert.deepEqual([released.splice(0), slots.endsAt()], [["a"], 2_000]);
  assert.equal(slots.expire(2_000), true);
  assert.deepEqual([released.splice(0), slots.current, slots.endsAt()], [["b"], undefined, 3_000]);
  assert.equal(slots.expire(3_000), false);
  assert.deepEqual([released, slots.endsAt()], [["c"], undefined]);
  assert.equal(slots.confirm(c), false);
});

test("what ends first of several is told, wherever it is", () => {
  const { slots, a, b, c } = rig();
  slots.initiated(c);
  slots.responded(a);
  assert.equal(slots.endsAt(), 1_000);
  slots.initiated(b);
  assert.equal(slots.endsAt(), 1_000);
  slots.expire(1_500);
  assert.equal(slots.endsAt(), 2_000);
});
