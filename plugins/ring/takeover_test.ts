import assert from "node:assert/strict";
import fc from "fast-check";
import type { PeerId } from "../../core/contracts/values.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { containsPrefix, formatPrefix, parsePrefix, prefixOf } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import type { Grant } from "./grant.ts";
import { checkInvariants } from "./invariants.ts";
import { Ring } from "./ring.ts";
import { prefixesOf, spanOf } from "./span.ts";
import { decodeTakeover, encodeTakeover, fitting, type Takeover, takeoverOf } from "./takeover.ts";
import { isFit, maxTakeovers, type TakeoverFacts } from "./takeovers.ts";

const peers = ["f", "a", "b", "c"].map((letter) => letter.repeat(32) as PeerId);
const [founder, a, b, c] = peers as [PeerId, PeerId, PeerId, PeerId];
const root = { ranges: [parsePrefix("10.0.0.0/28")!, parsePrefix("fd00::/124")!], founder };

function grant(prefix: string, from: PeerId, owner: PeerId, { version = 1, epoch = 1 } = {}): Grant {
  const id = [prefix, from, owner, version, epoch].join(" ");
  const record = new TextEncoder().encode(`${epoch} ${owner}`);
  return { prefix: parsePrefix(prefix)!, from, owner, version, epoch, record, id };
}

function takeover(number: number, dead: PeerId, heir: PeerId, ...texts: readonly string[]): Takeover {
  const prefixes = texts.map((text) => parsePrefix(text)!);
  return takeoverOf({ number, recovery: 0, payload: encodeTakeover({ dead, heir, prefixes }) })!;
}

function ringOf(grants: Iterable<Grant>, takeovers: readonly Takeover[] = []): Ring {
  const ring = new Ring(root);
  ring.merge(grants);
  ring.decide(takeovers);
  return ring;
}

const owners = (ring: Ring) =>
  ring.routes().map(({ prefix, owner }) => `${formatPrefix(prefix)} ${owner[0]}`);
const who = fc.constantFrom(...peers);
const block = fc.record({
  base: fc.constantFrom(...root.ranges),
  offset: fc.nat(15),
  extra: fc.integer({ min: 0, max: 4 }),
}).map(({ base, offset, extra }) => {
  const bytes = base.address.bytes.slice();
  bytes[bytes.length - 1]! += offset;
  return prefixOf({ family: base.address.family, bytes }, base.bits + extra);
});
const anyGrant = fc.record({
  block,
  from: who,
  owner: who,
  version: fc.integer({ min: 1, max: 2 }),
  epoch: fc.integer({ min: 0, max: 5 }),
}).map(({ block, from, owner, ...rest }) => grant(formatPrefix(block), from, owner, rest));
const grants = fc.array(anyGrant, { maxLength: 24 });
const decided = fc.array(fc.record({ block, dead: who, heir: who }), { maxLength: 4 }).map((list) =>
  list.filter(({ dead, heir }) => dead !== heir)
    .map(({ block, dead, heir }, i) => takeover(i + 1, dead, heir, formatPrefix(block)))
);

test("grants and takeovers of any kind cover the ranges once, as the definition says, in whatever order they came", () => {
  const holds = (some: Grant[], takeovers: readonly Takeover[]) => {
    const ring = ringOf(some, takeovers);
    assert.deepEqual(checkInvariants(ring), []);
    const later = new Ring(root);
    for (const [i] of takeovers.entries()) later.decide(takeovers.slice(0, i));
    later.merge(some.slice(3));
    later.decide(takeovers);
    later.merge(some.slice(0, 3).toReversed());
    assert.deepEqual([later.routes(), later.segments()], [ring.routes(), ring.segments()]);
    for (const { prefix } of ring.routes()) {
      const realm = takeovers.findLast(({ prefixes }) => containsPrefix(prefixes[0]!, prefix));
      assert.equal(ring.epochFor(prefix), realm === undefined ? 1 : realm.number + 1);
    }
  };
  fc.assert(fc.property(grants, decided, holds), { seed: 6, numRuns: 2000 });
});

test("what a peer has signed before it lost its space changes nothing in it, whenever it is seen", () => {
  const holds = (some: Grant[], late: Grant[], takeovers: readonly Takeover[]) => {
    const last = takeovers.at(-1);
    if (last === undefined) return;
    const ring = ringOf(some, takeovers);
    const before = ring.segments().filter(({ start, end }) => within(last, start, end));
    ring.merge(late.filter(({ epoch }) => epoch <= last.number).map((each) => ({ ...each, version: 3 })));
    assert.deepEqual(ring.segments().filter(({ start, end }) => within(last, start, end)), before);
  };
  const within = ({ prefixes }: Takeover, start: bigint, end: bigint) => {
    const span = spanOf(prefixes[0]!);
    return span.start <= start && end <= span.end;
  };
  // Versions of what the heir itself has granted are its own to raise.
  const kept = grants.map((list) => list.filter(({ epoch, from }) => epoch < 5 && from !== b));
  const toB = decided.map((list) => list.map((each) => ({ ...each, heir: b })));
  fc.assert(fc.property(kept, kept, toB, holds), { seed: 7, numRuns: 1000 });
});

test("a grant that nobody had seen is void behind the takeover, one that was known stays", () => {
  const known = grant("10.0.0.8/29", founder, a);
  const ring = ringOf([known], [takeover(1, founder, b, "10.0.0.0/29")]);
  ring.merge([grant("10.0.0.4/30", founder, c)]);
  assert.deepEqual(owners(ring), ["10.0.0.0/28 f", "10.0.0.0/29 b", "10.0.0.8/29 a", "fd00::/124 f"]);
  assert.ok(ring.isValid(known));
});

test("an heir passes on what it took over, all of a prefix too, and only by grants of the new epoch", () => {
  const taken = takeover(4, a, b, "10.0.0.8/30");
  const ring = ringOf([grant("10.0.0.8/30", founder, a), grant("10.0.0.8/30", b, c)], [taken]);
  assert.equal(ring.spaceOf(b, taken.prefixes[0]!).length, 1);
  assert.equal(ring.versionFor(taken.prefixes[0]!, b), 2);
  ring.merge([grant("10.0.0.8/30", b, c, { version: 2, epoch: ring.epochFor(taken.prefixes[0]!) })]);
  assert.deepEqual(owners(ring), ["10.0.0.0/28 f", "10.0.0.8/30 c", "fd00::/124 f"]);
});

test("a later takeover counts over an earlier one, inside it and around it", () => {
  const first = takeover(1, founder, a, "10.0.0.0/30");
  assert.deepEqual(owners(ringOf([], [first, takeover(2, a, b, "10.0.0.0/31")])), [
    "10.0.0.0/28 f",
    "10.0.0.0/30 a",
    "10.0.0.0/31 b",
    "fd00::/124 f",
  ]);
  const wider = ringOf([], [first, takeover(2, a, c, "10.0.0.0/29")]);
  assert.deepEqual(owners(wider), ["10.0.0.0/28 f", "10.0.0.0/29 c", "fd00::/124 f"]);
  assert.equal(wider.decide([first, takeover(2, a, c, "10.0.0.0/29")]), false);
  assert.ok(wider.decide([first]), "a forced list of voters can undo a decision");
});

const facts: TakeoverFacts = {
  self: b,
  isMember: (peer) => peer !== c,
  isUp: (peer) => peer === founder,
  heirOf: () => undefined,
};
const payload = (dead: PeerId, heir: PeerId, ...texts: readonly string[]) =>
  takeover(1, dead, heir, ...texts).payload;

test("a voter votes for what is wholly a dead member's, or a willing one's, and for nothing else", () => {
  const ring = ringOf([grant("10.0.0.8/29", founder, a), grant("10.0.0.14/31", a, b)]);
  const fit = (bytes: Uint8Array, more: Partial<TakeoverFacts> = {}) =>
    isFit(bytes, ring, { ...facts, ...more });
  assert.ok(fit(payload(a, b, "10.0.0.8/30", "10.0.0.12/31")));
  assert.equal(fit(payload(a, b, "10.0.0.8/29")), false, "a part of it is another's");
  assert.equal(fit(payload(a, b, "10.1.0.0/30")), false, "outside the ranges");
  assert.equal(fit(payload(a, c, "10.0.0.8/30")), false, "the heir is no member");
  assert.equal(fit(payload(founder, b, "10.0.0.0/29")), false, "it is up");
  assert.ok(fit(payload(founder, a, "10.0.0.0/29"), { heirOf: () => a }));
  assert.equal(fit(payload(founder, b, "10.0.0.0/29"), { heirOf: () => a }), false, "it wants another heir");
  assert.equal(fit(payload(b, a, "10.0.0.14/31")), false, "its own space, which it does not leave");
  assert.equal(fit(Uint8Array.of(1, 2, 3)), false);
});

test("after a thousand takeovers a voter votes for no more, since nobody would keep them", () => {
  const many = Array.from({ length: maxTakeovers }, (_, i) => takeover(i + 1, c, a, "10.0.0.0/32"));
  const asked = payload(founder, b, "10.0.0.8/31");
  const isUp = () => false;
  assert.ok(isFit(asked, ringOf([], many.slice(1)), { ...facts, isUp }));
  assert.equal(isFit(asked, ringOf([], many), { ...facts, isUp }), false);
});

test("of what one peer owned no more than an eighth of that is taken over, and others' space still is", () => {
  const many = Array.from({ length: 128 }, (_, i) => takeover(i + 1, founder, a, "10.0.0.0/32"));
  const isUp = () => false;
  const fit = (takeovers: readonly Takeover[], dead: PeerId) => {
    const ring = ringOf([grant("10.0.0.12/30", founder, a)], takeovers);
    return isFit(payload(dead, b, dead === a ? "10.0.0.12/31" : "10.0.0.8/31"), ring, { ...facts, isUp });
  };
  assert.ok(fit(many.slice(1), founder));
  assert.deepEqual([fit(many, founder), fit(many, a)], [false, true]);
});

test("a takeover is read as it was written; nested prefixes, none, an heir that is dead, other versions are refused", () => {
  const [dead, heir] = [a, b];
  const prefixes = [parsePrefix("10.0.0.0/30")!, parsePrefix("fd00::/125")!];
  assert.deepEqual(decodeTakeover(encodeTakeover({ dead, heir, prefixes })), { dead, heir, prefixes });
  assert.equal(decodeTakeover(encodeTakeover({ dead, heir, prefixes: [] })), undefined);
  assert.equal(decodeTakeover(encodeTakeover({ dead, heir: dead, prefixes })), undefined);
  const nested = [parsePrefix("10.0.0.0/30")!, parsePrefix("10.0.0.1/32")!];
  assert.equal(decodeTakeover(encodeTakeover({ dead, heir, prefixes: nested })), undefined);
  assert.equal(decodeTakeover(encodeCbor({ v: 2 })), undefined);
});

test("as many prefixes are taken at once as fit 256 bytes, the first ones, and one always does", () => {
  for (const text of ["10.0.0.0/8", "fd00::/48"]) {
    const { address, bits } = parsePrefix(text)!;
    const prefixes = Array.from({ length: 64 }, (_, i) => {
      const bytes = address.bytes.slice();
      bytes[4 * (address.bytes.length / 16 | 0) + 2] = i;
      return prefixOf({ ...address, bytes }, bits + 24);
    });
    const fit = fitting(prefixes);
    assert.deepEqual(fit, prefixes.slice(0, fit.length));
    assert.equal(fit.length, address.family === 4 ? 33 : 11);
    assert.ok(encodeTakeover({ dead: a, heir: b, prefixes: fit }).length <= 256);
  }
});

test("a run of addresses is cut into the fewest prefixes", () => {
  const spans = [{ start: 0x0a00_0001n, end: 0x0a00_0010n }, { start: 0x0a00_0020n, end: 0x0a00_0040n }];
  assert.deepEqual(prefixesOf(spans, 4).map(formatPrefix), [
    "10.0.0.1/32",
    "10.0.0.2/31",
    "10.0.0.4/30",
    "10.0.0.8/29",
    "10.0.0.32/27",
  ]);
  assert.deepEqual(prefixesOf([{ start: 0n, end: 1n << 128n }], 6).map(formatPrefix), ["::/0"]);
});
