/** Every number that an operator or another implementation counts on, by its effect. */
import assert from "node:assert/strict";
import { signRecord } from "../../core/identity/signed.ts";
import { decodeBase32 } from "../../core/wire/base32.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { decodeCbor, encodeCbor } from "../../core/wire/cbor.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import { allocate, blocksOf, prefix, selfOf, World, worldOf } from "../../tests/ring/ring_world.ts";
import { firstDelay, longestDelay } from "./asking.ts";
import { grantKind, maxGrantBytes, openGrant, prefixToBytes, signGrant } from "./grant.ts";
import { decodeMessage, encodeMessage, maxPieceBytes, pieces } from "./message.ts";
import { ring } from "./mod.ts";
import { ringBounds } from "./ring.ts";
import type { RingHost } from "./ring_host.ts";
import { maxOwnerLength } from "./storage.ts";

test("bounds and delays are those of the documentation", () => {
  assert.deepEqual(ringBounds, { maxGrants: 65_536, maxPerGrantor: 4_096 });
  assert.deepEqual([firstDelay, longestDelay], [500, 5_000]);
  assert.deepEqual([maxGrantBytes, maxPieceBytes, maxOwnerLength], [320, 1_000, 255]);
});

test("messages have the numbers 0 to 6", () => {
  const within = prefix("10.32.0.0/12");
  const numbers = [
    encodeMessage({ kind: "need", request: 5, within, held: 3 }),
    encodeMessage({ kind: "none", request: 5 }),
    encodeMessage({ kind: "grants", records: [] }),
    encodeMessage({ kind: "leaving", heir: "a".repeat(32) as PeerId }),
    encodeMessage({ kind: "mine", digest: new Uint8Array(16) }),
    encodeMessage({ kind: "same", digest: new Uint8Array(16) }),
    encodeMessage({ kind: "got" }),
  ].map((bytes) => decodeCbor(bytes));
  assert.deepEqual(numbers, [
    { v: 1, k: 0, i: 5, w: Uint8Array.of(12, 10, 32, 0, 0), h: 3 },
    { v: 1, k: 1, i: 5 },
    { v: 1, k: 2, g: [] },
    { v: 1, k: 3, h: new Uint8Array(20) },
    { v: 1, k: 4, d: new Uint8Array(16) },
    { v: 1, k: 5, d: new Uint8Array(16) },
    { v: 1, k: 6 },
  ]);
});

test("sixteen records fit a message, and one of 1,100 bytes is the longest", () => {
  const list = (count: number) => Array.from({ length: count }, () => new Uint8Array(1));
  assert.deepEqual(pieces(list(17)).map(({ length }) => length), [16, 1]);
  const read = (count: number) => decodeMessage(encodeMessage({ kind: "grants", records: list(count) }));
  assert.deepEqual([read(16)?.kind, read(17)], ["grants", undefined]);
  const padded = (length: number) => {
    const bare = encodeCbor({ v: 1, k: 1, i: 7, z: new Uint8Array(300) }).length;
    return encodeCbor({ v: 1, k: 1, i: 7, z: new Uint8Array(300 + length - bare) });
  };
  assert.deepEqual([padded(1100).length, decodeMessage(padded(1100))?.kind], [1100, "none"]);
  assert.equal(decodeMessage(padded(1101)), undefined);
});

test("records of three hundred bytes share a message of a thousand", () => {
  assert.deepEqual(pieces(Array.from({ length: 6 }, () => new Uint8Array(300))).map((l) => l.length), [3, 3]);
  assert.deepEqual(pieces(Array.from({ length: 2 }, () => new Uint8Array(487))).map((l) => l.length), [2]);
  assert.deepEqual(pieces(Array.from({ length: 2 }, () => new Uint8Array(488))).map((l) => l.length), [1, 1]);
});

test("a grant of 320 bytes is read with its unknown fields, a longer one is none", () => {
  const { facts } = new World(1);
  const [self, owner] = [selfOf(0), selfOf(1)];
  const fields = {
    i: facts.id,
    p: prefixToBytes(prefix("10.40.0.0/16")),
    o: decodeBase32(owner.id),
    n: 1,
    e: 1,
  };
  const grantOf = (length: number) => {
    const bare = signRecord(self, grantKind, encodeCbor({ ...fields, z: new Uint8Array(100) })).length;
    return signRecord(self, grantKind, encodeCbor({ ...fields, z: new Uint8Array(100 + length - bare) }));
  };
  assert.equal(grantOf(320).length, 320);
  assert.deepEqual(openGrant(grantOf(320), facts.id)?.record, grantOf(320));
  assert.equal(openGrant(grantOf(321), facts.id), undefined);
});

test("the first grant of a prefix has version 1 and epoch 1", () =>
  worldOf(2, {}, async (world) => {
    await world.startAll();
    await world.clock.advance(1000);
    const grants = world.get(0).ipam.routes.ring!.grants();
    assert.deepEqual(grants.map(({ version, epoch }) => [version, epoch]), [[1, 1], [1, 1]]);
  }));

test("while there is no network it is looked for every quarter of a second", () =>
  worldOf(1, {}, async (world, [node]) => {
    node!.isMember = false;
    await node!.start();
    const subnet = prefix("10.32.0.0/12");
    const lease = node!.ipam.allocate({ owner: "node", subnet }, new AbortController().signal);
    await world.clock.advance(100);
    node!.isMember = true;
    await world.clock.advance(149);
    assert.deepEqual(node!.leases, []);
    await world.clock.advance(2);
    assert.deepEqual(node!.leases, [await lease]);
  }));

test("a node at rest looks after its rests every five seconds", () =>
  worldOf(1, {}, async (world, [node]) => {
    await node!.start();
    await world.clock.advance(1_000);
    await allocate(world, node!);
    await world.clock.complete(node!.ipam.release("node"));
    const rests = () => [...node!.disk.image.entries("ring/rest/")].length;
    await world.clock.advance(64_999 - world.clock.now());
    assert.equal(rests(), 1, "it has rested for a minute since 61 s, and nobody has looked");
    await world.clock.advance(2);
    assert.equal(rests(), 0);
  }));

test("what could not be stored for long is stored in batches of a thousand changes, not in one that no store takes", () =>
  worldOf(1, {}, async (world, [node]) => {
    await node!.start();
    await world.clock.advance(1_000);
    node!.isDiskFull = true;
    const owner = selfOf(1).id;
    const records = Array.from({ length: 1100 }, (_, i) => {
      const block = prefix(`10.40.${i >> 8}.${i & 0xff}/32`);
      return signGrant(selfOf(0), world.facts.id, { prefix: block, owner, version: 1, epoch: 1 }).record;
    });
    assert.equal(node!.ipam.routes.merge(records).length, 1100);
    await world.clock.advance(10_000);
    const sizes: number[] = [];
    const write = node!.disk.write.bind(node!.disk);
    node!.disk.write = (batch) => {
      sizes.push(batch.length);
      write(batch);
    };
    node!.isDiskFull = false;
    await world.clock.advance(10_000);
    assert.deepEqual(sizes, [1024, 77], "with the doubt of a node that does not know its own grants");
    assert.equal([...node!.disk.image.entries("ring/grant/")].length, records.length);
  }));

test("the defaults are Weave's range, blocks of a /20 and a /64, and a rest of a minute", async () => {
  const world = new World(2);
  const made = ring({});
  assert.deepEqual([made.slot, made.name], ["ipam", "ring"]);
  const host = { membership: { network: () => undefined } } as unknown as RingHost;
  const bare = made.create({
    ...host,
    self: world.get(0).self,
    store: { get: () => undefined, entries: () => [], commit: () => Promise.resolve() },
    channel: () => ({ send: () => false, receive: () => {}, peers: () => [] }),
    replicate: () => ({ spread: () => {} }),
  } as unknown as RingHost);
  assert.deepEqual(bare.ranges().map(formatPrefix), ["10.32.0.0/12"]);
  await world.startAll();
  await world.clock.advance(1000);
  assert.deepEqual(blocksOf(world.get(1)).map((text) => text.split("/")[1]), ["20", "64"]);
  await world.stopAll();
  const read = ring.config["~standard"].validate({});
  assert.deepEqual(read, { value: { range: "10.32.0.0/12", block: 20, quarantineSeconds: 60 } });
});

test("a stored value of 2,048 bytes is read, a longer one is not", () =>
  worldOf(1, {}, async (world, [node]) => {
    await node!.start();
    await world.clock.advance(10);
    await node!.stop();
    const padded = (length: number) => {
      const fields = { v: 1, o: "web", b: 12 };
      const bare = encodeCbor({ ...fields, z: new Uint8Array(1000) }).length;
      return encodeCbor({ ...fields, z: new Uint8Array(1000 + length - bare) });
    };
    await node!.disk.mount().commit([
      { key: "ring/lease/10.32.0.8", value: padded(2048) },
      { key: "ring/lease/10.32.0.9", value: padded(2049) },
    ]);
    await node!.start();
    assert.deepEqual(node!.addresses, ["10.32.0.8"]);
  }));
