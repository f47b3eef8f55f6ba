import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { PeerId } from "../contracts/values.ts";
import type { Self } from "../contracts/host.ts";
import { signAdmission } from "../identity/admission.ts";
import { openAnnouncement, signAnnouncement } from "../identity/announcement.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { recordsDigest } from "../identity/records_digest.ts";
import { signRevocation } from "../identity/revocation.ts";
import { Secret } from "../identity/secret.ts";
import { parseEndpoint } from "../wire/endpoint.ts";
import { type FakeState, foundedState, newState } from "./node_fixture.ts";
import type { NetworkState } from "./network_state.ts";

const [ann, bob] = [fakeSelf("ann"), fakeSelf("bob")];
const here = parseEndpoint("192.0.2.1:6783")!;

function admission(state: NetworkState, subject: Self, by: Self = state.self): Uint8Array {
  return signAdmission(by, {
    networkId: state.networkId()!,
    subject: subject.publicKey,
    name: subject.name,
    tokenId: new Uint8Array(16),
    epoch: 1,
    wall: 1,
  });
}

function revocation(state: NetworkState, subject: Self, by: Self = state.self): Uint8Array {
  const target = { type: "member", publicKey: subject.publicKey, standing: [] } as const;
  return signRevocation(by, { networkId: state.networkId()!, epoch: 1, wall: 2, target });
}

function announcement(self: Self, sequence = 1): Uint8Array {
  return signAnnouncement(self, { bindingNumber: 1, endpoints: [here], sequence });
}

function watched({ state }: FakeState) {
  const changes: { learned: PeerId[]; removed: PeerId[] }[] = [];
  state.onMembersChanged((learned, removed) =>
    void changes.push({ learned: learned.map(({ id }) => id), removed: [...removed] })
  );
  return changes;
}

test("a node that founds, stops and starts is the same node in the same network with the same keys", async () => {
  const clock = new SimClock();
  const { state, store } = await foundedState(clock, "founder");
  state.learn([admission(state, ann), announcement(ann)]);
  await state.announce([here], []);
  await state.exclude([revocation(state, bob)]);
  const again = newState(clock, "another name", store).state;
  assert.equal(again.self.id, state.self.id);
  assert.equal(again.self.name, "founder");
  assert.deepEqual(recordsDigest(again.records()), recordsDigest(state.records()));
  assert.deepEqual(again.networkKeys(), state.networkKeys());
  assert.deepEqual(again.newestKey().epoch, 2);
  assert.deepEqual(again.knownPeers().map(({ id }) => id), [ann.id]);
});

test("nothing of a network is kept or known when the batch that founds it cannot be written", async () => {
  const { state, store } = newState(new SimClock(), "founder");
  store.isFull = true;
  const range = { address: { family: 4, bytes: Uint8Array.of(10, 0, 0, 0) }, bits: 8 } as const;
  await assert.rejects(state.found("loom", [range], undefined), { code: "DISK_FULL" });
  assert.equal(state.isMember(), false);
  assert.equal(store.content.size, 0);
  assert.throws(() => state.trust(), { code: "NOT_ADMITTED" });
  assert.deepEqual([state.networkKeys(), state.tokenKeys({ id: new Uint8Array(16), expires: 9e9 })], [
    [],
    [],
  ]);
});

test("a network whose records do not admit this node is not entered, and nothing of it is kept", async () => {
  const clock = new SimClock();
  const { state: founder } = await foundedState(clock, "founder");
  const joiner = newState(clock, "joiner");
  const wrong = [
    [],
    [admission(founder, ann)],
    [admission(founder, joiner.state.self, ann)],
    [admission(founder, joiner.state.self), revocation(founder, joiner.state.self)],
  ];
  const entered = {
    founding: founder.founding(),
    key: founder.newestKey(),
    passwordKey: undefined,
    announcements: [],
  };
  for (const records of wrong) {
    await assert.rejects(joiner.state.enter({ ...entered, records }), { code: "NOT_ADMITTED" });
    assert.equal(joiner.state.isMember(), false);
    assert.equal(joiner.store.content.size, 0);
  }
});

test("who enters keeps in one batch where the others are, and takes the name it was admitted under", async () => {
  const clock = new SimClock();
  const { state: founder } = await foundedState(clock, "founder");
  await founder.announce([here], []);
  const { state, store } = newState(clock, "joiner");
  const changes = watched({ state, store } as FakeState);
  const record = signAdmission(founder.self, {
    networkId: founder.networkId()!,
    subject: state.self.publicKey,
    name: "first-name",
    tokenId: new Uint8Array(16),
    epoch: 1,
    wall: 1,
  });
  await state.enter({
    founding: founder.founding(),
    key: founder.newestKey(),
    passwordKey: undefined,
    records: [record],
    announcements: [...founder.announcements(), announcement(ann), new Uint8Array(9)],
  });
  assert.equal(store.history.length, 1);
  assert.equal(state.self.name, "first-name");
  assert.deepEqual(changes, [{ learned: [founder.self.id], removed: [] }], "ann is no member");
  const again = newState(clock, "joiner", store).state;
  assert.deepEqual(again.knownPeers().map(({ id }) => id), [founder.self.id]);
  assert.equal(again.self.name, "first-name");
});

test("announcements of who is no member are held and not believed, nor written, until it is one", async () => {
  const founded = await foundedState(new SimClock(), "founder");
  const { state, store } = founded;
  const changes = watched(founded);
  store.history.length = 0;
  assert.equal(state.learn([announcement(ann)]).length, 1);
  assert.deepEqual([changes, store.history, state.knownPeers()], [[], [], []]);
  assert.equal(state.learn([admission(state, ann)]).length, 1);
  await Promise.resolve();
  assert.deepEqual(changes, [{ learned: [ann.id], removed: [] }]);
  assert.deepEqual(store.content.get(`node/peer/${ann.id}`), announcement(ann));
});

test("a node whose disk was set back outbids what others hold of it, once", async () => {
  const founded = await foundedState(new SimClock(), "founder");
  const { state } = founded;
  const changes = watched(founded);
  await state.announce([here], []);
  const there = parseEndpoint("198.51.100.9:1")!;
  const former = signAnnouncement(state.self, { bindingNumber: 1, endpoints: [there], sequence: 99 });
  assert.equal(state.isOutspoken(), false);
  assert.deepEqual(state.learn([former]), [former]);
  assert.equal(state.isOutspoken(), true);
  const record = await state.announce([here], []);
  assert.equal(openAnnouncement(record!)!.sequence, 100);
  assert.deepEqual([state.isOutspoken(), state.announcements()], [false, [record]]);
  const same = signAnnouncement(state.self, { bindingNumber: 1, endpoints: [here], sequence: 120 });
  state.learn([same]);
  assert.equal(await state.announce([here], []), undefined, "it says the same, so there is nothing to say");
  assert.equal(state.isOutspoken(), false);
  assert.equal(openAnnouncement((await state.announce([], []))!)!.sequence, 121);
  assert.deepEqual(changes, [], "nobody is told of oneself");
});

test("the addresses announced last are known after a restart", async () => {
  const clock = new SimClock();
  const { state, store } = await foundedState(clock, "founder");
  const address = { family: 4, bytes: Uint8Array.of(10, 32, 0, 1) } as const;
  assert.deepEqual(state.announcedAddresses(), []);
  await state.announce([here], [address]);
  const again = newState(clock, "founder", store).state;
  assert.deepEqual(again.announcedAddresses(), [address]);
  assert.equal(await again.announce([here], again.announcedAddresses()), undefined);
});

test("whoever is admitted, announced and revoked by one message is not called", async () => {
  const founded = await foundedState(new SimClock(), "founder");
  const { state } = founded;
  const changes = watched(founded);
  state.learn([admission(state, ann), announcement(ann), revocation(state, ann)]);
  assert.deepEqual(changes, []);
  assert.deepEqual(state.knownPeers(), []);
});

test("a revocation forgets where the peer is, also on disk", async () => {
  const founded = await foundedState(new SimClock(), "founder");
  const { state, store } = founded;
  state.learn([admission(state, ann), announcement(ann)]);
  await Promise.resolve();
  await state.exclude([revocation(state, ann)]);
  await state.announce([here], []);
  assert.equal(store.content.has(`node/peer/${ann.id}`), false);
  assert.deepEqual(state.learn([announcement(ann, 2)]), [], "nor is it learned again");
});

test("an exclusion writes records and key at once, or neither", async () => {
  const { state, store } = await foundedState(new SimClock(), "founder");
  state.learn([admission(state, ann)]);
  await Promise.resolve();
  store.isFull = true;
  await assert.rejects(state.exclude([revocation(state, ann)]), { code: "DISK_FULL" });
  assert.equal(state.trust().standing(ann.publicKey).state, "admitted");
  assert.equal(state.newestKey().epoch, 1);
  store.isFull = false;
  store.history.length = 0;
  await state.exclude([revocation(state, ann)]);
  assert.deepEqual(store.history[0], "commit node/record node/network");
  assert.equal(state.trust().standing(ann.publicKey).state, "revoked");
  assert.equal(state.newestKey().epoch, 2);
});

test("a newer key voids the password, whoever made it", async () => {
  const clock = new SimClock();
  const make = async () => {
    const { state } = newState(clock, "founder");
    const range = { address: { family: 4, bytes: Uint8Array.of(10, 0, 0, 0) }, bits: 8 } as const;
    await state.found("loom", [range], new Secret(new Uint8Array(32)));
    assert.notEqual(state.passwordKey(), undefined);
    return state;
  };
  const learner = await make();
  assert.equal(learner.learnKey({ epoch: 2, secret: new Uint8Array(32).fill(1) }), true);
  assert.equal(learner.passwordKey(), undefined);
  const excluder = await make();
  await excluder.exclude([revocation(excluder, ann)]);
  assert.equal(excluder.passwordKey(), undefined);
});

test("this node announces itself anew only when what it says has changed, with a higher number", async () => {
  const clock = new SimClock();
  const { state, store } = await foundedState(clock, "founder");
  const first = await state.announce([here], []);
  assert.equal(await state.announce([here], []), undefined);
  const second = await state.announce([], []);
  assert.equal(openAnnouncement(second!)!.sequence, openAnnouncement(first!)!.sequence + 1);
  const again = newState(clock, "founder", store).state;
  assert.equal(await again.announce([], []), undefined, "nor after a restart");
  assert.equal(openAnnouncement((await again.announce([here], []))!)!.sequence, 3);
});

test("an announcement that could not be written is not the current one, and its number is used again", async () => {
  const { state, store } = await foundedState(new SimClock(), "founder");
  store.isFull = true;
  await assert.rejects(state.announce([here], []), { code: "DISK_FULL" });
  store.isFull = false;
  assert.deepEqual(state.announcements(), []);
  assert.equal(openAnnouncement((await state.announce([here], []))!)!.sequence, 1);
});

test("what was learned and could not be written is logged, and nobody's rejection is left unhandled", async () => {
  const clock = new SimClock();
  const { state, store, platform } = await foundedState(clock, "founder");
  store.isFull = true;
  state.learn([admission(state, ann)]);
  state.learnKey({ epoch: 2, secret: new Uint8Array(32).fill(1) });
  await clock.advance(0);
  assert.equal(platform.log.messages.length, 2);
  assert.equal(state.trust().standing(ann.publicKey).state, "admitted", "in memory it counts");
});

test("what the disk refused is on it once there is room, the last of each, also by the way of other news", async () => {
  const clock = new SimClock();
  const { state, store } = await foundedState(clock, "founder");
  store.isFull = true;
  state.learn([admission(state, ann), announcement(ann)]);
  state.learn([announcement(ann, 2)]);
  state.learn([revocation(state, bob)]);
  await clock.advance(0);
  state.rewrite();
  await clock.advance(0);
  store.isFull = false;
  state.learn([announcement(state.self, 9)]);
  await clock.advance(0);
  const again = newState(clock, "founder", store).state;
  assert.deepEqual(recordsDigest(again.records()), recordsDigest(state.records()));
  assert.deepEqual(again.knownPeers().map(({ id }) => id), [ann.id]);
  assert.equal(again.trust().standing(bob.publicKey).state, "revoked");
  store.history.length = 0;
  state.rewrite();
  await clock.advance(0);
  assert.deepEqual(store.history, [], "once is enough");
});
