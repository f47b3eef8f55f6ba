import assert from "node:assert/strict";
import fc from "fast-check";
import { signRecord } from "../../core/identity/signed.ts";
import { decodeBase32 } from "../../core/wire/base32.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { test } from "../../tests/harness.ts";
import { allocate, prefix, selfOf, type SimNode, World, worldOf } from "../../tests/ring/ring_world.ts";
import { type Grant, grantId, prefixToBytes, signGrant } from "./grant.ts";
import { decodeMessage, encodeMessage } from "./message.ts";

const forever = new AbortController().signal;

/** Records that no honest peer would send, made by somebody with a key of his own and no space. */
function hostileRecords(world: World, victim: SimNode): Uint8Array[] {
  const hostile = selfOf(9);
  const { id } = world.facts;
  const terms = { owner: hostile.id, version: 1, epoch: 1 };
  const body = (change: object) => ({ i: id, o: decodeBase32(hostile.id), n: 1, e: 1, ...change });
  const raw = (change: object) => signRecord(hostile, "grant", encodeCbor(body(change)));
  const good = signGrant(victim.self, id, { ...terms, prefix: prefix("10.40.0.0/20") });
  const forged = good.record.slice();
  forged[forged.length - 1]! ^= 1;
  return [
    forged,
    signGrant(hostile, id, { ...terms, owner: victim.self.id, prefix: prefix("10.32.0.0/13") }).record,
    signGrant(hostile, id, { ...terms, owner: selfOf(8).id, prefix: prefix("10.47.224.0/20") }).record,
    signGrant(hostile, id, {
      ...terms,
      owner: selfOf(8).id,
      prefix: prefix("10.47.224.0/21"),
      version: 2 ** 32 - 1,
    }).record,
    signGrant(hostile, id, { ...terms, owner: selfOf(8).id, prefix: prefix("192.0.2.0/24") }).record,
    signGrant(hostile, id, { ...terms, owner: selfOf(8).id, prefix: prefix("0.0.0.0/0") }).record,
    signGrant(hostile, new Uint8Array(16), { ...terms, prefix: prefix("10.47.224.0/20") }).record,
    signGrant(hostile, id, { ...terms, prefix: prefix("10.47.224.0/20") }).record,
    raw({ p: Uint8Array.of(20, 10, 47, 225, 1) }),
    raw({ p: prefixToBytes(prefix("10.47.224.0/20")), n: 2 ** 32 }),
    raw({ p: prefixToBytes(prefix("10.47.224.0/20")), n: 0 }),
    new Uint8Array(100),
  ];
}

test("no hostile grant changes who owns what: forged, foreign, misaligned, overlapping, of any version", () =>
  worldOf(2, {}, async (world, [founder, joiner]) => {
    await world.startAll();
    await world.clock.advance(1000);
    const before = [...founder!.ipam.routes.routes()];
    for (const record of hostileRecords(world, founder!)) {
      const message = encodeMessage({ kind: "grants", records: [record] });
      founder!.ipam.routes.learn(selfOf(9).id, message);
      founder!.hear(joiner!.self.id, message);
      assert.deepEqual([...founder!.ipam.routes.routes()], before);
    }
    await world.clock.advance(10_000);
    for (const node of [founder!, joiner!]) assert.deepEqual([...node.ipam.routes.routes()], before);
  }));

test("who asks again and again with nothing held is told the last grants, not thousands each time", () =>
  worldOf(2, {}, async (world, [founder, joiner]) => {
    await world.startAll();
    await world.clock.advance(1000);
    const ask = (within: string, held: number) => {
      const need = { kind: "need", request: 1, within: prefix(within), held } as const;
      founder!.hear(joiner!.self.id, encodeMessage(need));
    };
    for (let i = 0; i < 40; i++) {
      ask(`10.33.0.${i}/32`, 0);
      await world.clock.advance(100);
    }
    assert.equal(founder!.ipam.routes.ring!.countBy(founder!.self.id), 42);
    const told: string[] = [];
    world.intercept = (from, _, message, channel) => {
      const read = channel === "ring" && from === founder ? decodeMessage(message) : undefined;
      if (read?.kind === "grants") told.push(...read.records.map(grantId));
      return true;
    };
    ask("10.32.0.0/12", 0);
    const held = founder!.ipam.routes.ring!.grants().filter(({ prefix }) => prefix.bits === 32);
    assert.deepEqual(new Set(told), new Set(held.slice(-16).map(({ id }) => id)));
  }));

test("that the ring is full is said once a minute, however often it is tried", () =>
  worldOf(1, {}, async (world, [node]) => {
    const said: string[] = [];
    node!.log = { child: () => node!.log, log: (_, message) => void said.push(message) };
    await node!.start();
    await world.clock.advance(1000);
    const { ring } = node!.ipam.routes;
    ring!.merge = () => ({ added: [], removed: [], refused: 1 });
    const terms = { owner: selfOf(8).id, prefix: prefix("10.40.0.0/16"), version: 1, epoch: 1 };
    const { record } = signGrant(selfOf(9), world.facts.id, terms);
    for (let i = 0; i < 100; i++) node!.ipam.routes.merge([record]);
    assert.deepEqual(said, ["The ring is full: grants are refused"]);
    await world.clock.advance(60_000);
    node!.ipam.routes.merge([record]);
    assert.equal(said.length, 2);
  }));

test("messages of any bytes do no harm", () =>
  worldOf(2, {}, async (world, [founder, joiner]) => {
    await world.startAll();
    await world.clock.advance(1000);
    const before = [...founder!.ipam.routes.routes()];
    const samples = [
      encodeMessage({ kind: "need", request: 1, within: prefix("192.0.2.0/24"), held: 0 }),
      encodeMessage({ kind: "need", request: 1, within: prefix("0.0.0.0/0"), held: 0 }),
      encodeMessage({ kind: "none", request: 1 }),
      joiner!.ipam.routes.credentials(),
    ];
    const mutated = fc.tuple(fc.constantFrom(...samples), fc.nat(), fc.nat(255)).map(([bytes, at, value]) => {
      const copy = bytes.slice();
      copy[at % copy.length] = value;
      return copy;
    });
    const hear = (bytes: Uint8Array) => founder!.hear(joiner!.self.id, bytes);
    fc.assert(fc.property(fc.oneof(...samples.map((sample) => fc.constant(sample)), mutated), hear), {
      seed: 8,
      numRuns: 400,
    });
    await world.clock.advance(1000);
    assert.deepEqual([...founder!.ipam.routes.routes()], before);
  }));

test("a grantor that takes back what it has given raises an alarm where addresses are in use", () =>
  worldOf(2, {}, async (world, [founder, joiner]) => {
    await world.startAll();
    const text = await allocate(world, joiner!);
    const alerts: string[] = [];
    joiner!.events.on("alert:raised", ({ alert, detail }) => alerts.push(`${alert}: ${detail}`), forever);
    joiner!.events.on("alert:cleared", ({ alert }) => alerts.push(`${alert} cleared`), forever);
    const terms = { prefix: prefix("10.47.224.0/20"), owner: selfOf(8).id, version: 2, epoch: 1 };
    const taken: Grant = signGrant(founder!.self, world.facts.id, terms);
    joiner!.hear(founder!.self.id, encodeMessage({ kind: "grants", records: [taken.record] }));
    assert.deepEqual(alerts, [`address-conflict: ${text} of node lies in the range of peer ${selfOf(8).id}`]);
    const next = await allocate(world, joiner!);
    assert.notEqual(next, text);
    assert.ok(joiner!.addresses.includes(text), "it is not dropped behind its owner's back");
    await world.clock.complete(joiner!.ipam.release("node"));
    assert.equal(alerts.at(-1), "address-conflict cleared");
  }));
