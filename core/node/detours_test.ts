import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Encapsulation } from "../contracts/encapsulation.ts";
import type { Endpoint, PeerId, PeerRecord } from "../contracts/values.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { formatEndpoint, sameEndpoint } from "../wire/endpoint.ts";
import { relayEndpointTo } from "../wire/relay_endpoint.ts";
import { ConnectionTable } from "./connection_table.ts";
import { type DetourParts, Detours } from "./detours.ts";

const [far, near, other, relay] = ["far", "near", "other", "relay"].map((name) => peerOf(name)) as [
  PeerRecord,
  PeerRecord,
  PeerRecord,
  PeerRecord,
];

function peerOf(name: string): PeerRecord {
  const { id, noise } = fakeSelf(name);
  return { id, name, noiseKey: noise.publicKey, endpoints: [] } as unknown as PeerRecord;
}

function place(through: PeerRecord, to: PeerRecord): Endpoint {
  return relayEndpointTo(through.id, to.id)!;
}

class Rig {
  readonly connections = new ConnectionTable();
  /** Best first. */
  readonly relays = new Map<PeerId, readonly PeerId[]>();
  readonly wanted: PeerId[] = [];
  places: Endpoint[] = [];
  remove: (peers: readonly PeerId[]) => void = () => {};
  readonly detours: Detours;

  constructor() {
    const known = [far, near, other, relay];
    const members = {
      get: (peer: PeerId) => known.find(({ id }) => id === peer),
      watch: (handler: (joined: readonly PeerRecord[], removed: readonly PeerId[]) => void) => {
        this.remove = (peers) => handler([], peers);
      },
    };
    const machine = {
      connect: ({ endpoint }: { endpoint: Endpoint }) => void this.places.push(endpoint),
      forget: (endpoint: Endpoint) => {
        this.places = this.places.filter((each) => !sameEndpoint(each, endpoint));
      },
    } as unknown as Encapsulation;
    this.detours = new Detours({
      context: { connections: this.connections, members } as unknown as DetourParts["context"],
      relaysTo: (peer) => this.relays.get(peer) ?? [],
      want: (peer) => {
        this.wanted.push(peer);
        const found = members.get(peer);
        if (found !== undefined) this.detours.seek(found);
      },
      mayCall: () => true,
      call: (step) => step(machine, 0),
    });
  }

  up({ id }: PeerRecord, endpoint: Endpoint): void {
    const fact = { type: "session-up", session: { peer: id, endpoint }, peer: { id } };
    this.connections.sessionUp(fact as unknown as Parameters<ConnectionTable["sessionUp"]>[0]);
    this.detours.sessionUp(id);
  }

  sought(): readonly string[] {
    return this.places.map(formatEndpoint);
  }
}

const address = { host: "192.0.2.1", port: 6783 };

test("a member is sought behind the two best relays that have a session, and behind others when ways change", () => {
  const rig = new Rig();
  for (const each of [near, other, relay]) rig.up(each, address);
  assert.equal(rig.detours.seek(far), false);
  rig.relays.set(far.id, [near.id, other.id, relay.id]);
  assert.equal(rig.detours.seek(far), true);
  assert.deepEqual(rig.places, [place(near, far), place(other, far)]);
  rig.relays.set(far.id, [relay.id, other.id]);
  assert.equal(rig.detours.rerouted(far.id), true);
  assert.deepEqual(rig.places, [place(other, far), place(relay, far)]);
  assert.deepEqual(rig.wanted, []);
});

test("a relay without a session is set out for, over a relay again, and each is tried as soon as the one before it is up", () => {
  const rig = new Rig();
  rig.up(near, address);
  rig.relays.set(far.id, [other.id]).set(other.id, [relay.id]).set(relay.id, [near.id]);
  assert.equal(rig.detours.seek(far), true);
  assert.deepEqual(rig.wanted, [other.id, relay.id]);
  assert.deepEqual(rig.places, [place(near, relay)]);
  rig.up(relay, place(near, relay));
  rig.up(other, place(relay, other));
  assert.deepEqual(rig.places, [place(near, relay), place(relay, other), place(other, far)]);
});

test("two relays that lead to each other alone are not sought for ever", () => {
  const rig = new Rig();
  rig.relays.set(far.id, [other.id]).set(other.id, [far.id]);
  rig.detours.seek(far);
  assert.ok(rig.wanted.length <= 2, `${rig.wanted.length}`);
  assert.deepEqual(rig.places, []);
});

test("the place that a session goes through stays when ways change, and nothing does of who is no member any more", () => {
  const rig = new Rig();
  for (const each of [near, other]) rig.up(each, address);
  rig.relays.set(far.id, [near.id]);
  rig.detours.seek(far);
  rig.up(far, place(near, far));
  rig.relays.set(far.id, [other.id]);
  rig.detours.rerouted(far.id);
  assert.deepEqual(rig.sought(), [place(near, far), place(other, far)].map(formatEndpoint));
  rig.remove([far.id]);
  assert.equal(rig.detours.rerouted(far.id), false);
});

test("a member is led to until all places behind relays have failed", () => {
  const rig = new Rig();
  rig.up(near, address);
  rig.relays.set(far.id, [near.id]);
  assert.equal(rig.detours.isLedTo(far.id), false);
  rig.detours.seek(far);
  assert.equal(rig.detours.isLedTo(far.id), true);
  const target = { endpoint: place(near, far) };
  rig.connections.attemptFailed({ type: "attempt-failed", target, code: "TIMEOUT", reason: "silence" });
  assert.equal(rig.detours.isLedTo(far.id), false);
});

test("a relay whose session is gone, or that nobody calls any more, is set out for again when a packet waits", () => {
  const rig = new Rig();
  rig.up(other, address);
  rig.relays.set(far.id, [other.id]);
  rig.detours.seek(far);
  assert.equal(rig.detours.isLedTo(far.id), true);
  assert.deepEqual(rig.wanted, [], "it is there");
  rig.connections.sessionDown({ type: "session-down", peer: other.id, reason: "disconnected" });
  assert.equal(rig.detours.isLedTo(far.id), true);
  assert.deepEqual([rig.wanted, rig.places], [[other.id], []]);
  rig.connections.attempt(address, "traffic", other.id);
  rig.detours.isLedTo(far.id);
  assert.deepEqual(rig.wanted, [other.id], "it is being called");
  rig.connections.forgetPeer(other.id);
  rig.detours.isLedTo(far.id);
  assert.deepEqual(rig.wanted, [other.id, other.id]);
  rig.up(other, address);
  assert.deepEqual(rig.places, [place(other, far)]);
});
