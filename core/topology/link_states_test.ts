import assert from "node:assert/strict";
import { testReplicatedState } from "../../tests/conformance/replicated_state.ts";
import { test } from "../../tests/harness.ts";
import type { Self } from "../contracts/host.ts";
import type { PeerId } from "../contracts/values.ts";
import { fakeNetwork, fakeSelf } from "../identity/fake_members.ts";
import { signRecord } from "../identity/signed.ts";
import { encodeHex } from "../wire/hex.ts";
import { linksKind, signLinks } from "./link_record.ts";
import { LinkStates, type LinkStatesOptions } from "./link_states.ts";
import { tagOf } from "./link_tag.ts";

const names = ["ann", "bob", "cid", "dot", "eve", "fay"] as const;
const [ann, bob, cid, dot, eve, fay] = names.map(fakeSelf) as [Self, Self, Self, Self, Self, Self];
const { networkId } = fakeNetwork(ann).founding;
const elsewhere = fakeNetwork(eve, "other").founding.networkId;

function says(self: Self, sequence: number, ...others: readonly Self[]): Uint8Array {
  const links = others.map(({ id }) => ({ tag: tagOf(id), rttClass: 40, flags: 0 }));
  return signLinks(self, networkId, { links, willingness: "willing", sequence });
}

/** Ann, Bob and Cid are members, Eve was one; the others are not known. */
function create(change: Partial<LinkStatesOptions> = {}): LinkStates {
  const members = [ann, bob, cid].map(({ id }) => id);
  const standingOf = (peer: PeerId) =>
    peer === eve.id ? "revoked" : members.includes(peer) ? "admitted" : "unknown";
  return new LinkStates({ networkId, standingOf, ...change });
}

const hostile = [
  says(eve, 9, ann),
  signLinks(ann, elsewhere, { links: [], willingness: "willing", sequence: 50 }),
  signRecord(ann, linksKind, Uint8Array.of(0xa0)),
  signRecord(ann, "other", Uint8Array.of(0xa0)),
];

const records = [
  says(ann, 1, bob),
  says(ann, 2, bob, cid),
  says(ann, 2, cid),
  says(bob, 5, ann),
  says(bob, 4, ann, cid),
  says(cid, 1),
  says(dot, 1, ann),
  says(dot, 3, bob),
  says(fay, 2, ann),
];

testReplicatedState({
  name: "links",
  kinds: [linksKind],
  create,
  records: [...records, ...hostile],
  hostile,
  runs: 40,
});

testReplicatedState({
  name: "links, with room for two members and one stranger",
  kinds: [linksKind],
  create: () => create({ limits: { members: 2, strangers: 1 } }),
  records,
  hostile: [],
  runs: 40,
});

test("of each member the newest record is what it tells, and strangers tell nothing", () => {
  const states = create();
  states.merge(records);
  assert.deepEqual(states.of(bob.id)?.links.map(({ tag }) => tag), [tagOf(ann.id)]);
  assert.equal(states.of(dot.id), undefined);
  assert.deepEqual(states.members().map(({ peer }) => peer).sort(), [ann.id, bob.id, cid.id].sort());
});

test("a stranger's record counts when its admission has come, and a member's goes with its revocation", () => {
  let isTurned = false;
  const states = create({
    standingOf: (peer) => (peer === ann.id) !== isTurned ? "admitted" : isTurned ? "revoked" : "unknown",
  });
  states.merge([says(ann, 1), says(bob, 1)]);
  assert.deepEqual(states.members().map(({ peer }) => peer), [ann.id]);
  isTurned = true;
  states.judge();
  assert.deepEqual(states.records().length, 1);
  assert.deepEqual(states.members().map(({ peer }) => peer), [bob.id]);
});

test("of two records of one number all keep the same one, whichever comes first", () => {
  const twins = [says(ann, 2, bob, cid), says(ann, 2, cid)];
  const kept = [twins, twins.toReversed()].map((order) => {
    const states = create();
    states.learn([order[0]!]);
    states.learn([order[1]!]);
    assert.deepEqual(states.learn([order[0]!, order[1]!]).fresh, []);
    return states.records().map(encodeHex);
  });
  assert.deepEqual(kept[0], kept[1]);
});

test("what is learned names the members whose links are others now, once each", () => {
  const states = create();
  const news = states.learn([says(ann, 1), says(ann, 2, bob), says(dot, 1)]);
  assert.deepEqual(news.changed.map(({ peer, sequence }) => [peer, sequence]), [[ann.id, 2]]);
  assert.equal(news.fresh.length, 2);
});

test("strangers take 64 places, however many there are and in whatever order they come", () => {
  const strangers = Array.from({ length: 70 }, (_, i) => says(fakeSelf(`stranger ${i}`), 1));
  const states = create();
  for (const record of strangers) states.merge([record]);
  assert.equal(states.records().length, 64);
  const other = create();
  other.merge(strangers.toReversed());
  assert.deepEqual(other.records().map(encodeHex).sort(), states.records().map(encodeHex).sort());
});
