import assert from "node:assert/strict";
import type { AeadSuite } from "../../core/contracts/aead.ts";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import { chacha, Rig, type RigNode } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const { initiation } = MessageType;

/** An AEAD that shows the secrets it was given. */
function showing(secrets: Uint8Array[]): AeadSuite {
  return { ...chacha, key: (secret) => (secrets.push(secret), chacha.key(secret)) };
}

function isWiped(secret: Uint8Array): boolean {
  return secret.every((byte) => byte === 0);
}

test("rekeyAfterMillis: the initiator's next handshake begins 120,000 ms after the last one ended", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  for (let i = 0; i < 1_300; i++) {
    rig.send(a, b, "busy");
    rig.run(100);
  }
  const renewals = rig.log.filter(({ at, datagram }) => at > 2_000 && datagram[0] === initiation);
  const [up] = a.times("session-up");
  assert.equal(renewals.length, 1);
  assert.ok(renewals[0]!.at >= up! + 120_000 && renewals[0]!.at <= up! + 120_100, `${renewals[0]!.at}`);
});

test("rejectAfterMillis: keys are there for 180,000 ms and wiped then, on both sides", () => {
  const secrets: Uint8Array[] = [];
  const rig = new Rig();
  const aeads = [showing(secrets)];
  const { a, b } = rig.pair({ aeads });
  a.membership.refused.add("b");
  b.membership.refused.add("a");
  const count = secrets.length;
  assert.equal(count, 4);
  rig.run(1_010 + 179_999 - rig.now);
  assert.ok(!secrets.slice(0, count).some(isWiped));
  rig.run(15);
  assert.ok(secrets.slice(0, count).every(isWiped));
  assert.deepEqual([rig.send(a, b, "late"), rig.send(b, a, "late")], [Drop.noSession, Drop.noSession]);
});

test("keys that were renewed are wiped 180 s after they were made, while the session goes on", () => {
  const secrets: Uint8Array[] = [];
  const rig = new Rig();
  const { a } = rig.pair({ aeads: [showing(secrets)] });
  rig.run(200_000);
  assert.ok(secrets.length >= 8 && secrets.slice(0, 4).every(isWiped));
  assert.ok(!secrets.slice(-4).some(isWiped));
  assert.deepEqual(a.edges(), ["+b"]);
});

test("two nodes that restart at once and call each other are up within a second, and are no clones", () => {
  const rig = new Rig();
  const { a, b } = rig.pair({ wall: 1_000_000 });
  const [c, d] = [rig.restart(a, { wall: 2_000_000 }), rig.restart(b, { wall: 2_000_000 })];
  rig.connect(c, d);
  rig.connect(d, c);
  rig.run(1_000);
  assert.deepEqual([c.edges(), d.edges()], [["+b"], ["+a"]]);
  assert.deepEqual([c.of("clone-detected"), d.of("clone-detected")], [[], []]);
  assert.deepEqual([rig.send(c, d, "again"), rig.send(d, c, "again")], [Drop.none, Drop.none]);
  rig.run(20);
  assert.deepEqual([c.received(), d.received()], [["again"], ["again"]]);
});

test("of two nodes that restart one after the other while they call, both end in one session", () => {
  for (let offset = 0; offset <= 60; offset += 5) {
    const rig = new Rig(offset + 1);
    const { a, b } = rig.pair({ wall: 1_000_000 });
    const c = rig.restart(a, { wall: 2_000_000 });
    rig.connect(c, b);
    rig.run(offset);
    const d = rig.restart(b, { wall: 2_000_000 });
    rig.connect(d, c);
    rig.run(2_000);
    assert.deepEqual([c.edges().at(-1), d.edges()], ["+b", ["+a"]], `${offset} ms apart`);
  }
});

test("both sides initiating at every renewal lose no packet", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  let sent = 0;
  for (let i = 0; i < 1_250; i++) {
    for (const [from, to] of [[a, b], [b, a]] as const) {
      if (rig.send(from, to, `${sent}`) === Drop.none) sent += 1;
    }
    if (i % 200 === 150) {
      for (const [from, to] of [[a, b], [b, a]] as const) restartHandshake(rig, from, to);
      sent += 2;
    }
    rig.run(200);
  }
  assert.equal(a.received().length + b.received().length, sent);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
});

/** Lets `from` renew its session at once, as when `to` had forgotten it. */
function restartHandshake(rig: Rig, from: RigNode, to: RigNode): void {
  assert.equal(rig.send(from, to, "?"), Drop.none);
  const seen = rig.log.at(-1)!.datagram;
  const answer = Uint8Array.of(MessageType.unknownIndex, 1, 0, 0, ...seen.subarray(4, 16));
  assert.equal(rig.inject(from, answer, to.endpoint), Drop.none);
}

test("a node whose clock was set back an hour is let in at once, for its stamps go on from what it kept", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const kept = a.startStamps(10_000_000, rig.now);
  rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  rig.connect(a, b);
  rig.run(100);
  const again = rig.restart(a);
  again.startStamps(10_000_000 - 3_600_000, rig.now, kept());
  rig.connect(again, b);
  rig.run(100);
  assert.deepEqual(again.edges(), ["+b"]);
  assert.equal(b.drops.get("staleHandshake"), undefined);
});
