import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { compareBytes, copyBytes, equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import {
  admit,
  fakeNetwork,
  fakeSelf,
  fakeWall,
  flipEachByte,
  revoke,
  seededRandom,
} from "./fake_members.ts";
import { signAnnouncement } from "./announcement.ts";
import { signFounding } from "./founding.ts";
import { signRevocation } from "./revocation.ts";
import { recordId, signRecord } from "./signed.ts";
import { Trust } from "./trust.ts";

const founder = fakeSelf("first");
const second = fakeSelf("second");
const third = fakeSelf("third");
const fourth = fakeSelf("fourth");
const stranger = fakeSelf("stranger");
const network = fakeNetwork(founder);
const ofSecond = admit(network, founder, second);
const ofThird = admit(network, second, third);
const ofFourth = admit(network, third, fourth);
const tokenId = new Uint8Array(16).fill(3);
const ofToken = (by: typeof founder) =>
  signRevocation(by, {
    networkId: network.founding.networkId,
    epoch: 1,
    wall: fakeWall,
    target: { type: "token", id: tokenId },
  });

function trustIn(...records: readonly Uint8Array[]): Trust {
  const trust = new Trust(network.founding);
  for (const record of records) trust.merge(record);
  return trust;
}

function stateOf(trust: Trust, self: typeof founder): string {
  return trust.standing(self.publicKey).state;
}

test("the founder is a member from the start, under the name in the founding record", () => {
  const trust = trustIn();
  assert.deepEqual(trust.standing(founder.publicKey), { state: "admitted", name: "first" });
  assert.deepEqual(trust.chain(founder.publicKey), []);
  assert.deepEqual(trust.members().map(({ id, state }) => ({ id, state })), [
    { id: founder.id, state: "admitted" },
  ]);
});

test("an admission by a member makes a member", () => {
  const trust = trustIn(ofSecond, ofThird);
  assert.deepEqual(trust.standing(third.publicKey), {
    state: "admitted",
    name: "third",
    admittedBy: second.id,
  });
  assert.deepEqual(trust.member(third.id)?.publicKey, third.publicKey);
  assert.deepEqual(trust.standing(stranger.publicKey), { state: "unknown" });
  assert.equal(trust.member(stranger.id), undefined);
});

test("merge tells new, known and refused apart", () => {
  const trust = trustIn();
  assert.equal(trust.merge(ofSecond), "new");
  assert.equal(trust.merge(copyBytes(ofSecond)), "known");
  const foreign = admit(fakeNetwork(founder, "other"), founder, second);
  const otherKind = signAnnouncement(second, { bindingNumber: 1, endpoints: [], sequence: 1 });
  const badBody = signRecord(founder, "admission", encodeCbor({ i: network.founding.networkId }));
  const badRevocation = signRecord(founder, "revocation", encodeCbor({ i: network.founding.networkId }));
  const founding = signFounding(founder, {
    networkName: "loom",
    ranges: network.founding.ranges,
    random: seededRandom("x"),
    wall: 1,
  });
  for (
    const record of [
      foreign,
      otherKind,
      badBody,
      badRevocation,
      founding,
      new Uint8Array(),
      new Uint8Array(9000),
    ]
  ) {
    assert.equal(trust.merge(record), "refused");
  }
  assert.deepEqual(trust.records(), [ofSecond]);
});

test("no record with a flipped byte is taken, and none changes an answer", () => {
  const trust = trustIn();
  for (const record of [ofSecond, revoke(network, founder, second), ofToken(founder)]) {
    for (const flipped of flipEachByte(record)) assert.equal(trust.merge(flipped), "refused");
  }
  assert.deepEqual(trust.records(), []);
});

test("records that arrive before those they rest on count once these have come", () => {
  const trust = trustIn(ofFourth, ofThird);
  assert.equal(stateOf(trust, fourth), "unknown");
  trust.merge(ofSecond);
  assert.equal(stateOf(trust, fourth), "admitted");
});

test("a chain leads from the subject to whom the founder admitted, nearest first", () => {
  const trust = trustIn(ofSecond, ofThird, ofFourth);
  assert.deepEqual(trust.chain(fourth.publicKey), [ofFourth, ofThird, ofSecond]);
  assert.deepEqual(trust.chain(stranger.publicKey), []);
});

test("of two admissions the one nearer the founder decides", () => {
  const direct = admit(network, founder, fourth, { name: "renamed", wall: fakeWall + 9000 });
  const trust = trustIn(ofSecond, ofThird, ofFourth, direct);
  assert.deepEqual(trust.chain(fourth.publicKey), [direct]);
  assert.deepEqual(trust.standing(fourth.publicKey), {
    state: "admitted",
    name: "renamed",
    admittedBy: founder.id,
  });
});

test("two members that admit each other are nobody without the founder", () => {
  const trust = trustIn(admit(network, second, third), admit(network, third, second));
  assert.equal(stateOf(trust, second), "unknown");
  assert.equal(stateOf(trust, third), "unknown");
});

test("a revoked member stays revoked, also when it is admitted again", () => {
  const trust = trustIn(ofSecond, revoke(network, founder, second));
  trust.merge(admit(network, founder, second, { epoch: 9, wall: fakeWall + 90_000 }));
  assert.equal(stateOf(trust, second), "revoked");
});

test("a key can be revoked before its admission is known", () => {
  const trust = trustIn(revoke(network, founder, second));
  assert.deepEqual(trust.standing(second.publicKey), { state: "revoked" });
  trust.merge(ofSecond);
  assert.equal(stateOf(trust, second), "revoked");
});

test("a revoked member takes along whom it admitted, except for what stands", () => {
  const unlisted = trustIn(ofSecond, ofThird, ofFourth, revoke(network, founder, second));
  assert.deepEqual([stateOf(unlisted, third), stateOf(unlisted, fourth)], ["unknown", "unknown"]);
  const listed = trustIn(ofSecond, ofThird, ofFourth, revoke(network, founder, second, [recordId(ofThird)]));
  assert.deepEqual([stateOf(listed, third), stateOf(listed, fourth)], ["admitted", "admitted"]);
  assert.deepEqual(listed.chain(third.publicKey), [ofThird, ofSecond]);
});

test("an accomplice cannot widen the list of a revocation by a second one", () => {
  const puppet = admit(network, second, stranger);
  const wide = revoke(network, third, second, [recordId(ofThird), recordId(puppet)]);
  const strict = revoke(network, founder, second, [recordId(ofThird)]);
  assert.equal(stateOf(trustIn(ofSecond, ofThird, puppet, wide, strict), stranger), "unknown");
});

test("whom a voided admission shut out may be admitted anew", () => {
  const trust = trustIn(ofSecond, ofThird, revoke(network, founder, second));
  trust.merge(admit(network, founder, third));
  assert.deepEqual(trust.standing(third.publicKey), {
    state: "admitted",
    name: "third",
    admittedBy: founder.id,
  });
});

test("two members that revoke each other are both revoked, in either order", () => {
  const ofThirdToo = admit(network, founder, third);
  const mutual = [revoke(network, second, third), revoke(network, third, second)];
  for (const records of [mutual, mutual.toReversed()]) {
    const trust = trustIn(ofSecond, ofThirdToo, ...records);
    assert.deepEqual([stateOf(trust, second), stateOf(trust, third)], ["revoked", "revoked"]);
  }
});

test("a revocation outlives the good standing of its signer", () => {
  const ofThirdToo = admit(network, founder, third);
  const trust = trustIn(
    ofSecond,
    ofThirdToo,
    revoke(network, second, third),
    revoke(network, founder, second),
  );
  assert.equal(stateOf(trust, third), "revoked");
});

test("a revocation by who was never admitted does not count", () => {
  const trust = trustIn(ofSecond, revoke(network, stranger, second));
  assert.equal(stateOf(trust, second), "admitted");
});

test("a member may revoke itself, and the founder may be revoked", () => {
  assert.equal(stateOf(trustIn(ofSecond, revoke(network, second, second)), second), "revoked");
  const trust = trustIn(ofSecond, revoke(network, second, founder, [recordId(ofSecond)]));
  assert.deepEqual([stateOf(trust, founder), stateOf(trust, second)], ["revoked", "admitted"]);
});

test("a token is revoked by any member and by nobody else", () => {
  assert.equal(trustIn(ofSecond, ofToken(second)).isTokenRevoked(tokenId), true);
  assert.equal(trustIn(ofSecond, ofToken(stranger)).isTokenRevoked(tokenId), false);
  assert.equal(trustIn(ofSecond, ofToken(second)).isTokenRevoked(new Uint8Array(16)), false);
});

test("of two members with one name the earlier owns it: by epoch, then time, then key", () => {
  const claims = (mine: object, theirs: object) => {
    const trust = trustIn(
      admit(network, founder, second, { name: "web", ...mine }),
      admit(network, founder, third, { name: "WEB", ...theirs }),
    );
    return trust.nameOwner("Web")?.id;
  };
  assert.equal(claims({ epoch: 1, wall: 9 }, { epoch: 2, wall: 1 }), second.id);
  assert.equal(claims({ epoch: 1, wall: 9 }, { epoch: 1, wall: 1 }), third.id);
  const [lower] = [second, third].toSorted((a, b) => compareBytes(a.publicKey, b.publicKey));
  assert.equal(claims({}, {}), lower?.id);
});

test("the earlier owns a name however far from the founder it was admitted", () => {
  const trust = trustIn(
    ofSecond,
    admit(network, second, third, { name: "web", wall: 1 }),
    admit(network, founder, fourth, { name: "web", wall: 2 }),
  );
  assert.equal(trust.nameOwner("web")?.id, third.id);
});

test("of two admissions at one distance from the founder the earlier decides, whoever signed it", () => {
  const chances = [[1, 2], [2, 1]] as const;
  for (const [bySecond, byThird] of chances) {
    const trust = trustIn(
      ofSecond,
      admit(network, founder, third),
      admit(network, second, fourth, { wall: bySecond }),
      admit(network, third, fourth, { wall: byThird }),
    );
    const earlier = bySecond < byThird ? second : third;
    assert.equal(trust.standing(fourth.publicKey).admittedBy, earlier.id);
  }
});

test("a revoked member gives up its name, and the founder holds its own from the start", () => {
  const web = admit(network, founder, second, { name: "web", wall: 1 });
  const later = admit(network, founder, third, { name: "web", wall: 2 });
  assert.equal(trustIn(web, later, revoke(network, founder, second)).nameOwner("web")?.id, third.id);
  const clash = admit(network, founder, second, { name: "first" });
  assert.equal(trustIn(clash).nameOwner("first")?.id, founder.id);
  assert.equal(trustIn().nameOwner("nobody"), undefined);
});

test("a view with more records answers for them and leaves the trust as it is", () => {
  const trust = trustIn(ofSecond);
  const view = trust.with([ofThird, new Uint8Array(3)]);
  assert.equal(stateOf(view, third), "admitted");
  view.merge(ofFourth);
  assert.equal(stateOf(trust, third), "unknown");
  trust.merge(revoke(network, founder, second));
  assert.equal(stateOf(view, second), "admitted");
  assert.deepEqual(view.records(), [ofSecond, ofThird, ofFourth]);
});

test("a trust keeps nothing of the buffer a record came in", () => {
  const buffer = copyBytes(ofSecond);
  const trust = trustIn(buffer);
  buffer.fill(0);
  assert.deepEqual(trust.records(), [ofSecond]);
});

test("records are listed parents first, and for a newcomer its chain and the revocations lead", () => {
  const noToken = ofToken(second);
  const trust = trustIn(ofFourth, noToken, ofThird, ofSecond);
  const order = (records: readonly Uint8Array[]) =>
    records.map((record) =>
      [ofSecond, ofThird, ofFourth, noToken].findIndex((known) => equalBytes(known, record))
    );
  assert.deepEqual(order(trust.records()).filter((i) => i !== 3), [0, 1, 2]);
  assert.deepEqual(order(trust.recordsFor(third.publicKey)), [0, 1, 3, 2]);
});

test("only admissions in force are listed as a member's", () => {
  const trust = trustIn(ofSecond, ofThird, ofFourth, admit(network, stranger, fourth));
  assert.deepEqual(trust.admissionsBy(second.publicKey).map(({ name }) => name), ["third"]);
  assert.deepEqual(trust.admissionsBy(stranger.publicKey), []);
});

// Convergence ------------------------------------------------------------------------------------------------------

const cast = [founder, second, third, fourth, stranger];

/** Every kind of record by everybody about everybody: signed once, because signing is what takes time. */
const pool: readonly Uint8Array[] = (() => {
  const admissions = cast.flatMap((by, i) =>
    cast.map((subject, j) => admit(network, by, subject, { wall: fakeWall + ((i * 7 + j * 3) % 5) }))
  );
  const standing = admissions.filter((_, i) => i % 3 === 0).map(recordId);
  const revocations = cast.flatMap((by) =>
    cast.flatMap((subject) => [revoke(network, by, subject), revoke(network, by, subject, standing)])
  );
  return [...admissions, ...revocations, ofToken(second), ofToken(stranger)];
})();

/** Every answer a trust can give about the cast. */
function answers(trust: Trust): unknown {
  return {
    standing: cast.map(({ publicKey }) => trust.standing(publicKey)),
    members: trust.members(),
    chains: cast.map(({ publicKey }) => trust.chain(publicKey)),
    owners: cast.map(({ name }) => trust.nameOwner(name)),
    token: trust.isTokenRevoked(tokenId),
    records: trust.records(),
  };
}

test("replicas agree whatever the order and however often records arrive, hostile ones among them", () => {
  const bag = fc.uniqueArray(fc.nat(pool.length - 1), { minLength: 1, maxLength: 14, size: "max" });
  const property = fc.property(
    bag,
    fc.infiniteStream(fc.nat()),
    fc.uint8Array({ maxLength: 300 }),
    (bag, chance, junk) => {
      const records = bag.map((i) => pool[i]!);
      const expected = answers(trustIn(...records));
      const shuffled = records.map((record) => ({ record, at: chance.next().value! }))
        .toSorted((a, b) => a.at - b.at).map(({ record }) => record);
      const doubled = [...shuffled, junk, ...shuffled.slice(0, 5)];
      assert.deepEqual(answers(trustIn(...doubled)), expected);
    },
  );
  fc.assert(property, { seed: 6, numRuns: 60 });
});

test("merging two trusts gives one result whichever is merged into which", () => {
  const half = fc.uniqueArray(fc.nat(pool.length - 1), { maxLength: 10, size: "max" });
  const property = fc.property(half, half, (one, other) => {
    const [left, right] = [one, other].map((half) => trustIn(...half.map((i) => pool[i]!))) as [Trust, Trust];
    const [leftRecords, rightRecords] = [left.records(), right.records()];
    for (const record of rightRecords) left.merge(record);
    for (const record of leftRecords) right.merge(record);
    assert.deepEqual(answers(left), answers(right));
  });
  fc.assert(property, { seed: 7, numRuns: 40 });
});
