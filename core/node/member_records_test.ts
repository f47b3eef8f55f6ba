import assert from "node:assert/strict";
import fc from "fast-check";
import { testReplicatedState } from "../../tests/conformance/replicated_state.ts";
import { test } from "../../tests/harness.ts";
import type { Self } from "../contracts/host.ts";
import type { PeerId } from "../contracts/values.ts";
import { signAdmission } from "../identity/admission.ts";
import { signAnnouncement } from "../identity/announcement.ts";
import { admit, fakeNetwork, fakeSelf, revoke } from "../identity/fake_members.ts";
import { signRevocation } from "../identity/revocation.ts";
import { recordId, signRecord } from "../identity/signed.ts";
import { Trust } from "../identity/trust.ts";
import { parseEndpoint } from "../wire/endpoint.ts";
import { memberKinds, MemberRecords } from "./member_records.ts";

const [founder, ann, bob, cid, eve] = ["founder", "ann", "bob", "cid", "eve"].map(fakeSelf) as [
  Self,
  Self,
  Self,
  Self,
  Self,
];
const network = fakeNetwork(founder);
const other = fakeNetwork(eve, "other");

function announcement(self: Self, sequence = 1, port = 6783): Uint8Array {
  const endpoints = [parseEndpoint(`192.0.2.1:${port}`)!];
  return signAnnouncement(self, { bindingNumber: 1, endpoints, sequence });
}

const tokenRevocation = signRevocation(bob, {
  networkId: network.founding.networkId,
  epoch: 1,
  wall: 5,
  target: { type: "token", id: new Uint8Array(16).fill(9) },
});

const hostile = [
  admit(other, eve, ann),
  revoke(other, eve, founder),
  signRecord(eve, "admission", new Uint8Array(10)),
  signRecord(founder, "peer", Uint8Array.of(0xa0)),
];

testReplicatedState({
  name: "members",
  kinds: memberKinds,
  create: () => new MemberRecords(network.founding),
  records: [
    admit(network, founder, ann),
    admit(network, ann, bob),
    admit(network, bob, cid),
    admit(network, founder, bob, { name: "bob-again" }),
    revoke(network, bob, ann, [recordId(admit(network, ann, bob))]),
    revoke(network, eve, founder),
    tokenRevocation,
    announcement(founder),
    announcement(ann, 1),
    announcement(ann, 2),
    announcement(bob, 7, 1),
    announcement(bob, 7, 2),
    announcement(cid, 3),
    announcement(eve, 4),
    ...hostile,
  ],
  hostile,
  runs: 30,
});

test("a member is learned of when it is both admitted and announced, in either order", () => {
  for (const order of [[0, 1], [1, 0]]) {
    const state = new MemberRecords(network.founding);
    const records = order.map((i) => [admit(network, founder, ann), announcement(ann)][i]!);
    assert.deepEqual(state.learn([records[0]!]).peers, []);
    assert.deepEqual(state.learn([records[1]!]).peers.map(({ id }) => id), [ann.id]);
    assert.deepEqual(state.peers().map(({ id }) => id), [ann.id]);
  }
});

test("what a merge says of members is the difference between before and after, reckoned from nothing", () => {
  const members = [founder, ann, bob, cid, eve];
  const said = members.flatMap((self) =>
    [1, 2, 3].map((sequence) => ({ self, record: announcement(self, sequence) }))
  );
  const trusted = [
    admit(network, founder, ann),
    admit(network, ann, bob),
    admit(network, bob, cid),
    admit(network, founder, cid),
    admit(network, cid, eve),
    revoke(network, founder, ann, [recordId(admit(network, ann, bob))]),
    revoke(network, bob, ann),
    revoke(network, eve, bob),
  ];
  const pool = [...trusted, ...said.map(({ record }) => record)];
  /** All from the set of what has come: the later of a peer's announcements is the one further back in `said`. */
  const reckon = (received: ReadonlySet<Uint8Array>) => {
    const trust = new Trust(network.founding);
    for (const record of trusted) if (received.has(record)) trust.merge(record);
    const stateOf = ({ publicKey }: Self) => trust.standing(publicKey).state;
    const admitted = members.filter((self) => stateOf(self) === "admitted").map(({ id }) => id);
    const held = new Map<string, Uint8Array>();
    for (const { self, record } of said) {
      if (received.has(record) && stateOf(self) !== "revoked") held.set(self.id, record);
    }
    return { admitted, held, counts: new Map([...held].filter(([id]) => admitted.includes(id as PeerId))) };
  };
  const group = fc.array(fc.constantFrom(...pool), { maxLength: 4 });
  const property = fc.property(fc.array(group, { maxLength: 12 }), (groups) => {
    const state = new MemberRecords(network.founding);
    const received = new Set<Uint8Array>();
    for (const records of groups) {
      const before = reckon(received);
      for (const record of records) received.add(record);
      const after = reckon(received);
      const { peers, removed, forgotten } = state.learn(records);
      const changed = [...after.counts].filter(([id, record]) => before.counts.get(id) !== record);
      assert.deepEqual(peers.map(({ id }) => id).toSorted(), changed.map(([id]) => id).toSorted());
      assert.deepEqual(
        removed.toSorted(),
        before.admitted.filter((id) => !after.admitted.includes(id)).toSorted(),
      );
      assert.deepEqual(
        forgotten.toSorted(),
        [...before.held.keys()].filter((id) => !after.held.has(id)).toSorted(),
      );
      assert.deepEqual(state.peers().map(({ id }) => id).toSorted(), [...after.counts.keys()].toSorted());
      for (const [id, record] of after.counts) {
        assert.deepEqual(state.announcementRecord(id as PeerId), record);
      }
    }
  });
  fc.assert(property, { seed: 38, numRuns: 100 });
});

test("a revocation removes the member and what it says, and its kin fall with it", () => {
  const state = new MemberRecords(network.founding);
  state.merge([admit(network, founder, ann), admit(network, ann, bob), announcement(ann), announcement(bob)]);
  const { removed, forgotten } = state.learn([revoke(network, founder, ann)]);
  assert.deepEqual(removed.toSorted(), [ann.id, bob.id].toSorted());
  assert.deepEqual(forgotten, [ann.id]);
  assert.deepEqual(state.peers(), []);
  const again = state.learn([admit(network, founder, bob)]);
  assert.deepEqual(again.peers.map(({ id }) => id), [bob.id], "bob waited for somebody else's word");
});

test("the digest of exclusions is over the revocations alone", () => {
  const state = new MemberRecords(network.founding);
  const before = state.exclusionsDigest();
  state.merge([admit(network, founder, ann)]);
  assert.deepEqual(state.exclusionsDigest(), before);
  const held = state.exclusionsDigest();
  state.merge([announcement(ann)]);
  assert.equal(state.exclusionsDigest(), held, "what peers say of themselves makes nobody reckon it anew");
  state.merge([revoke(network, founder, ann)]);
  assert.notDeepEqual(state.exclusionsDigest(), before);
});

test("an admission under a name of its own does not change by what others sign under it", () => {
  const state = new MemberRecords(network.founding);
  const forged = signAdmission(eve, {
    networkId: network.founding.networkId,
    subject: ann.publicKey,
    name: "impostor",
    tokenId: new Uint8Array(16),
    epoch: 0,
    wall: 0,
  });
  state.merge([forged, admit(network, founder, ann)]);
  assert.equal(state.trust.member(ann.id)?.name, "ann");
});

test("of a disk that lists admissions before that of their signer all count, however few may wait", () => {
  const state = new MemberRecords(network.founding, { pending: 2 });
  const late = admit(network, founder, ann);
  const subjects = Array.from({ length: 5 }, (_, i) => fakeSelf(`host-${i}`));
  state.restore([...subjects.map((subject) => admit(network, ann, subject)), late]);
  assert.equal(state.trust.records().length, 6);
  assert.deepEqual(state.trust.takeDropped(), [], "and nothing is to be taken off the disk");
});

test("a disk is read once, also when each member in a row has admitted the next and the last one comes first", () => {
  const state = new MemberRecords(network.founding, { pending: 2 });
  const row = [founder, ...Array.from({ length: 40 }, (_, i) => fakeSelf(`row-${i}`))];
  const records = row.slice(1).map((subject, i) => admit(network, row[i]!, subject)).toReversed();
  let taken = 0;
  const merge = state.trust.merge.bind(state.trust);
  state.trust.merge = (record) => {
    taken++;
    return merge(record);
  };
  state.restore([Uint8Array.of(1), ...records, admit(network, eve, ann)]);
  assert.equal(taken, records.length + 2);
  assert.equal(state.trust.members().length, row.length);
});
