import assert from "node:assert/strict";
import fc from "fast-check";
import type { PeerId } from "../../core/contracts/values.ts";
import { addressFromBigInt, addressToBigInt } from "../../core/wire/address.ts";
import { containsPrefix, formatPrefix, parsePrefix, prefixOf } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import type { Grant } from "./grant.ts";
import { checkInvariants } from "./invariants.ts";
import { Ring, type RingBounds, ringBounds } from "./ring.ts";

const peers = ["f", "a", "b", "c"].map((letter) => letter.repeat(32) as PeerId);
const [founder, a, b, c] = peers as [PeerId, PeerId, PeerId, PeerId];
const root = { ranges: [parsePrefix("10.0.0.0/28")!, parsePrefix("fd00::/124")!], founder };

/** A grant as it would come out of `openGrant`, without the cost of a signature. */
function grant(prefix: string, from: PeerId, owner: PeerId, { version = 1, salt = 0 } = {}): Grant {
  const id = [prefix, from, owner, version, salt].join(" ");
  const record = new TextEncoder().encode(`${salt} ${owner}`);
  return { prefix: parsePrefix(prefix)!, from, owner, version, epoch: 1, record, id };
}

function ringOf(grants: Iterable<Grant>, bounds: RingBounds = ringBounds): Ring {
  const ring = new Ring(root, bounds);
  ring.merge(grants);
  return ring;
}

const who = fc.constantFrom(...peers);

const anyGrant: fc.Arbitrary<Grant> = fc.record({
  base: fc.constantFrom(...root.ranges),
  offset: fc.nat(15),
  extra: fc.integer({ min: 0, max: 4 }),
  from: who,
  owner: who,
  version: fc.integer({ min: 1, max: 2 }),
  salt: fc.nat(1),
}).map(({ base, offset, extra, from, owner, version, salt }) => {
  const bytes = base.address.bytes.slice();
  bytes[bytes.length - 1]! += offset;
  const prefix = prefixOf({ family: base.address.family, bytes }, base.bits + extra);
  return grant(formatPrefix(prefix), from, owner, { version, salt });
});
const grants = fc.array(anyGrant, { maxLength: 24 });

const options = { seed: 17, numRuns: 2000 };

function stateOf(ring: Ring): unknown {
  return [ring.grants().map(({ id }) => id), ring.routes(), ring.segments()];
}

test("merging is commutative, associative and idempotent for any grants, valid or not", () => {
  const holds = (one: Grant[], two: Grant[], three: Grant[]) => {
    const together = stateOf(ringOf([...one, ...two, ...three]));
    const later = ringOf(three);
    later.merge(ringOf([...two, ...one]).grants());
    assert.deepEqual(stateOf(later), together);
    const first = ringOf(one);
    first.merge(ringOf([...two, ...three]).grants());
    assert.deepEqual(stateOf(first), together);
    const { version } = first;
    assert.deepEqual(first.merge([...three, ...one, ...two]).added, []);
    assert.equal(first.version, version);
  };
  fc.assert(fc.property(grants, grants, grants, holds), options);
});

test("the limit per grantor keeps the same grants in any order", () => {
  const bounds = { ...ringBounds, maxPerGrantor: 3 };
  const holds = (one: Grant[], two: Grant[]) => {
    const forth = ringOf([...one, ...two], bounds);
    const back = ringOf(two.toReversed(), bounds);
    back.merge(ringOf(one, bounds).grants());
    assert.deepEqual(stateOf(back), stateOf(forth));
    assert.deepEqual(checkInvariants(forth, bounds), []);
  };
  fc.assert(fc.property(grants, grants, holds), options);
});

test("any set of grants covers the ranges exactly once, as the definition of ownership says", () => {
  const holds = (some: Grant[]) => assert.deepEqual(checkInvariants(ringOf(some)), []);
  fc.assert(fc.property(grants, holds), options);
});

test("merging never makes a slot older", () => {
  const holds = (some: Grant[], more: Grant[]) => {
    const ring = ringOf(some);
    const before = new Map(
      ring.grants().map((each) => [`${formatPrefix(each.prefix)} ${each.from}`, each.version]),
    );
    ring.merge(more);
    for (const { prefix, from, version } of ring.grants()) {
      assert.ok(version >= (before.get(`${formatPrefix(prefix)} ${from}`) ?? 0));
    }
    assert.ok(ring.grants().length >= before.size);
  };
  fc.assert(fc.property(grants, grants, holds), options);
});

test("nothing that a peer signs changes the owner of an address that it neither owns nor has given away", () => {
  const holds = (some: Grant[], forged: Grant[], hostile: PeerId) => {
    const ring = ringOf(some);
    const before = ownersByAddress(ring);
    const reach = ring.routes().filter(({ owner }) => owner === hostile).map(({ prefix }) => prefix);
    ring.merge(forged.map((each) => ({ ...each, from: hostile, id: `${each.id} by ${hostile}` })));
    for (const [text, owner] of ownersByAddress(ring)) {
      const isWithinReach = reach.some((prefix) => containsPrefix(prefix, parsePrefix(text)!));
      if (!isWithinReach) assert.equal(owner, before.get(text), text);
    }
    assert.deepEqual(checkInvariants(ring), []);
  };
  fc.assert(fc.property(grants, grants, who, holds), options);
});

function ownersByAddress(ring: Ring): Map<string, PeerId | undefined> {
  return new Map(root.ranges.flatMap((range) =>
    Array.from({ length: 16 }, (_, i) => {
      const bytes = range.address.bytes.slice();
      bytes[bytes.length - 1]! += i;
      const address = { family: range.address.family, bytes };
      return [formatPrefix({ address, bits: 8 * bytes.length }), ring.ownerOf(address)] as const;
    })
  ));
}

test("a grant counts once the one it rests on has come, in whatever order", () => {
  const ring = ringOf([grant("10.0.0.4/30", a, b), grant("10.0.0.4/31", b, c)]);
  assert.deepEqual(ring.routes().map(({ owner }) => owner), [founder, founder]);
  ring.merge([grant("10.0.0.0/29", founder, a)]);
  assert.deepEqual(
    ring.routes().map(({ prefix, owner, grantedBy }) => [formatPrefix(prefix), owner, grantedBy]),
    [
      ["10.0.0.0/28", founder, undefined],
      ["10.0.0.0/29", a, founder],
      ["10.0.0.4/30", b, a],
      ["10.0.0.4/31", c, b],
      ["fd00::/124", founder, undefined],
    ],
  );
  const [deepest] = ring.granted(b, c, parsePrefix("10.0.0.0/28")!);
  assert.deepEqual(ring.chainOf(deepest!).map(({ owner }) => owner), [b, a]);
});

test("of one prefix by one grantor the higher version counts, and of equal ones the greater bytes", () => {
  const ring = ringOf([grant("10.0.0.0/29", founder, a)]);
  ring.merge([grant("10.0.0.0/29", founder, b, { version: 2 })]);
  assert.equal(ring.ownerOf(parsePrefix("10.0.0.1/32")!.address), b);
  ring.merge([grant("10.0.0.0/29", founder, a, { salt: 1 })]);
  assert.equal(ring.ownerOf(parsePrefix("10.0.0.1/32")!.address), b);
  ring.merge([grant("10.0.0.0/29", founder, c, { version: 2, salt: 1 })]);
  assert.equal(ring.ownerOf(parsePrefix("10.0.0.1/32")!.address), c);
});

test("grants outside the ranges, of a whole range, and to oneself are not taken", () => {
  const useless = [
    grant("10.0.0.16/30", founder, a),
    grant("10.0.0.0/28", founder, a),
    grant("10.0.0.0/24", founder, a),
    grant("fd00::10/126", founder, a),
    grant("10.0.0.0/30", a, a),
  ];
  const ring = new Ring(root);
  assert.deepEqual(ring.merge(useless), { added: [], removed: [], refused: 0 });
  assert.equal(ring.version, 1);
});

test("a merge says what was added and what left, so that a copy on disk can follow", () => {
  const bounds = { ...ringBounds, maxPerGrantor: 2 };
  const holds = (batches: Grant[][]) => {
    const ring = new Ring(root, bounds);
    const copy = new Map<string, Grant>();
    for (const batch of batches) {
      const { added, removed } = ring.merge(batch);
      for (const gone of removed) assert.ok(copy.delete(gone.id));
      for (const each of added) copy.set(each.id, each);
    }
    assert.deepEqual([...copy.keys()].sort(), ring.grants().map(({ id }) => id).sort());
    for (const id of copy.keys()) assert.ok(ring.has(id));
  };
  fc.assert(fc.property(fc.array(grants, { maxLength: 4 }), holds), options);
});

test("a full ring drops what is invalid for newcomers, never what is valid", () => {
  const bounds = { ...ringBounds, maxGrants: 4 };
  const good = [grant("10.0.0.0/30", founder, a), grant("10.0.0.4/30", founder, b)];
  const ring = ringOf(good, bounds);
  const junk = Array.from(
    { length: 30 },
    (_, i) => grant(`fd00::${(i % 16).toString(16)}/128`, c, a, { salt: i }),
  );
  ring.merge(junk);
  assert.equal(ring.grants().length, 4);
  const { added, refused } = ring.merge([
    grant("10.0.0.8/30", founder, c),
    grant("10.0.0.12/30", founder, a),
  ]);
  assert.deepEqual([added.length, refused], [2, 0]);
  assert.equal(ring.merge([grant("10.0.0.8/31", c, a)]).refused, 1);
  assert.deepEqual(ring.routes().map(({ owner }) => owner), [founder, a, b, c, a, founder]);
});

test("ownership is told by peer, by prefix and by address", () => {
  const ring = ringOf([grant("10.0.0.8/29", founder, a), grant("10.0.0.12/30", a, b)]);
  const half = parsePrefix("10.0.0.8/29")!;
  assert.deepEqual(ring.spaceOf(a, root.ranges[0]!).map(({ start, end }) => end - start), [4n]);
  assert.deepEqual(ring.spaceOf(founder, half), []);
  assert.deepEqual([...ring.ownersWithin(half)], [a, b]);
  assert.equal(ring.ownerOf(parsePrefix("10.0.0.16/32")!.address), undefined);
  assert.equal(ring.ownerOf(parsePrefix("fd00::f/128")!.address), founder);
  assert.equal(ring.countBy(founder), 1);
  assert.equal(ring.countBy(c), 0);
});

test("who owns an address, and what a peer owns, is found as by a walk through all segments", () => {
  fc.assert(
    fc.property(grants, (some) => {
      const ring = ringOf(some);
      for (const { address, bits } of root.ranges) {
        const { family } = address;
        const start = addressToBigInt(address);
        const segments = ring.segments().filter((segment) => segment.family === family);
        for (let value = start - 1n; value <= start + 16n; value++) {
          const holder = segments.find((segment) => segment.start <= value && value < segment.end);
          assert.equal(ring.ownerOf(addressFromBigInt(family, value)), holder?.owner);
        }
        for (const peer of peers) {
          const own = segments.filter(({ owner }) => owner === peer);
          assert.deepEqual(
            ring.spaceOf(peer, { address, bits }),
            own.map((segment) => ({ start: segment.start, end: segment.end })),
          );
        }
      }
    }),
    { ...options, numRuns: 500 },
  );
});
