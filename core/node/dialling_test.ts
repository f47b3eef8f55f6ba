import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Encapsulation, SessionTarget } from "../contracts/encapsulation.ts";
import type { Endpoint, PeerId, PeerRecord } from "../contracts/values.ts";
import { encodeBase32 } from "../wire/base32.ts";
import { GreProtocol } from "../wire/gre.ts";
import { relayEndpoint } from "../wire/relay_endpoint.ts";
import { ConnectionTable } from "./connection_table.ts";
import { Dialling } from "./dialling.ts";
import { DropCounts } from "./drop_counts.ts";
import type { NodeContext } from "./node_context.ts";

/** Knows `count` members, none of which answers. */
class Rig {
  readonly connections = new ConnectionTable();
  readonly clock = new SimClock();
  readonly left: PeerId[] = [];
  looks = 0;
  relayed = 0;
  arrived = 0;
  carried = 0;
  called: Endpoint[] = [];
  named: Endpoint[] = [];
  readonly watchers: ((joined: readonly PeerRecord[], removed: readonly PeerId[]) => void)[] = [];
  readonly relays = new Map<PeerId, readonly PeerId[]>();
  readonly dialling: Dialling;

  constructor(count: number, standing: number, memberAt = memberOf) {
    const peers = this.connections.peers.bind(this.connections);
    this.connections.peers = () => (this.looks++, peers());
    const members = Array.from({ length: count }, (_, i) => memberAt(i));
    const context = {
      platform: { clock: this.clock },
      drops: new DropCounts(),
      connections: this.connections,
      state: { self: { id: "self" }, knownPeers: () => members },
      members: {
        get: (peer: PeerId) => members.find(({ id }) => id === peer),
        watch: (handler: this["watchers"][number]) => void this.watchers.push(handler),
      },
    } as unknown as NodeContext;
    const machine = {
      connect: ({ endpoint }: SessionTarget) => void this.called.push(endpoint),
      disconnect: (peer: PeerId) => {
        this.left.push(peer);
        this.down(peer);
      },
      arrivals: () => ({ sent: 0, received: this.arrived }),
    } as unknown as Encapsulation;
    this.dialling = new Dialling(context, { localEndpoints: () => [] }, {
      standing,
      onlyNamed: false,
      call: (step) => step(machine, 0),
      send: () => {},
      named: () => this.named,
      ranked: (endpoints) => endpoints,
      relaysTo: (peer) => this.relays.get(peer) ?? [],
      datapath: {
        trafficOf: (_, here) => ({ ...here, packetsIn: here.packetsIn + this.carried }),
        relayed: () => ({ packets: this.relayed, bytes: 0 }),
      },
    });
  }

  up(peer: PeerId, endpoint: Endpoint): void {
    const fact = { type: "session-up", session: { peer, endpoint }, peer: { id: peer } };
    this.connections.sessionUp(fact as unknown as Parameters<ConnectionTable["sessionUp"]>[0]);
    this.dialling.sessionUp(peer);
  }

  down(peer: PeerId): void {
    this.connections.sessionDown({ type: "session-down", peer, reason: "silence" });
  }

  /** Ports of the members that were called since the last look. */
  takeCalled(): readonly number[] {
    return this.called.splice(0).map(({ port }) => port).sort((a, b) => a - b);
  }

  /** Ten minutes, in each of which something happens. */
  async tenMinutes(each: () => void): Promise<void> {
    for (let minute = 0; minute < 10; minute++) {
      each();
      await this.clock.advance(60_000);
    }
  }
}

function memberOf(i: number): PeerRecord {
  const endpoint = { host: "192.0.2.1", port: 1 + i };
  return { id: `peer-${String(i).padStart(5, "0")}`, endpoints: [endpoint] } as unknown as PeerRecord;
}

/** Says of nothing but relays where it is. */
function hiddenMember(i: number): PeerRecord {
  const id = encodeBase32(new Uint8Array(20).fill(i >> 8, 0, 1).fill(i & 255, 1, 2));
  return { id, endpoints: [] } as unknown as PeerRecord;
}

test("with no room left a node looks at no further member, however many there are", () => {
  const rig = new Rig(10_000, 4);
  rig.dialling.fill();
  assert.equal([...rig.connections.attempts()].length, 4);
  assert.ok(rig.looks < 20, `${rig.looks} looks`);
});

test("of members that name each other as relays in a long row four are called, each for the one before", () => {
  const rig = new Rig(5_000, 4);
  const ids = Array.from({ length: 5_000 }, (_, i) => memberOf(i).id);
  for (const [i, id] of ids.entries()) rig.relays.set(id, [ids[(i + 1) % ids.length]!]);
  rig.dialling.fill();
  assert.deepEqual(rig.takeCalled(), [1, 2, 3, 4]);
  rig.dialling.rerouted(ids);
  assert.ok(rig.called.length <= 4, `${rig.called.length} more`);
});

test("when a relay comes up that a thousand members name, as many are called through it as there is room for", () => {
  const rig = new Rig(1_000, 4, hiddenMember);
  const relay = hiddenMember(999).id;
  for (let i = 0; i < 999; i++) rig.relays.set(hiddenMember(i).id, [relay]);
  rig.dialling.fill();
  rig.takeCalled();
  rig.up(relay, { host: "192.0.2.1", port: 1000 });
  assert.equal(rig.called.length, 3);
});

test("whoever has not answered takes nobody's place", () => {
  const rig = new Rig(10, 4);
  rig.dialling.fill();
  for (const { endpoint } of [...rig.connections.attempts()]) {
    const target = { endpoint, peer: {} as PeerRecord };
    rig.connections.attemptFailed({ type: "attempt-failed", target, code: "TIMEOUT", reason: "silence" });
  }
  rig.dialling.fill();
  const tried = [...rig.connections.attempts()].map(({ peer }) => peer);
  assert.deepEqual(tried, Array.from({ length: 8 }, (_, i) => memberOf(i).id as PeerId));
});

test("a called session stays while others use it as a relay, in front of it or behind it", async () => {
  const rig = new Rig(2, 0);
  const [relay, behind] = [memberOf(0), memberOf(1)];
  rig.dialling.demand.hold(relay.id, {
    protocol: GreProtocol.ipv4,
    payload: new Uint8Array(20),
    forwarded: false,
  });
  rig.up(relay.id, relay.endpoints[0]!);
  rig.up(behind.id, relayEndpoint(relay.id, new Uint8Array(8)));
  await rig.tenMinutes(() => rig.connections.sent(behind.id, 20));
  assert.deepEqual(rig.left, []);
  await rig.tenMinutes(() => rig.relayed++);
  assert.deepEqual(rig.left, []);
  await rig.tenMinutes(() => {});
  assert.deepEqual(rig.left, [relay.id]);
  rig.dialling.demand.stop();
});

const [ann, ben] = [memberOf(0), memberOf(1)];

/** Two members with a session each, as far as there is room. */
function pairOf(): Rig {
  const rig = new Rig(2, 64);
  for (const { id, endpoints } of [ann, ben]) rig.up(id, endpoints[0]!);
  return rig;
}

test("a session of which more is heard stands, whoever calls the peer dead", async () => {
  const rig = pairOf();
  for (const hear of [() => rig.arrived++, () => rig.carried++, () => rig.connections.received(ann.id, 20)]) {
    rig.dialling.gone(ann.id);
    await rig.clock.advance(6_000);
    hear();
    await rig.clock.advance(6_000);
  }
  assert.deepEqual([rig.left, rig.clock.pending], [[], 0]);
});

test("a session of which nothing more is heard ends after seven seconds, however often the peer is called dead", async () => {
  const rig = pairOf();
  rig.dialling.gone(ann.id);
  await rig.clock.advance(5_000);
  rig.dialling.gone(ann.id);
  await rig.clock.advance(1_999);
  assert.deepEqual(rig.left, []);
  await rig.clock.advance(1);
  assert.deepEqual([rig.left, rig.clock.pending], [[ann.id], 0]);
  assert.deepEqual(rig.takeCalled(), [], "and nobody calls it");
});

test("a session that is made anew, or a peer that is said to be back, ends the doubt", async () => {
  const rig = pairOf();
  rig.dialling.gone(ann.id);
  rig.down(ann.id);
  rig.up(ann.id, ann.endpoints[0]!);
  rig.dialling.gone(ben.id);
  rig.dialling.returned(ben.id);
  assert.equal(rig.clock.pending, 0);
  await rig.clock.advance(10_000);
  assert.deepEqual(rig.left, []);
});

test("after the stop nobody is judged, and nobody is called as sessions end", () => {
  const rig = pairOf();
  rig.named.push({ host: "192.0.2.9", port: 9 });
  rig.dialling.gone(ann.id);
  rig.dialling.stop();
  rig.dialling.gone(ben.id);
  assert.equal(rig.clock.pending, 0);
  for (const { id } of [ann, ben]) rig.down(id);
  rig.dialling.fill();
  rig.dialling.reachPeer(ann);
  rig.dialling.reach(rig.named[0]!, "target");
  assert.deepEqual(rig.takeCalled(), []);
});

test("whoever has made a session after it was called dead is sought again when that session is lost", () => {
  const rig = pairOf();
  rig.down(ann.id);
  rig.dialling.gone(ann.id);
  rig.up(ann.id, ann.endpoints[0]!);
  rig.down(ann.id);
  rig.takeCalled();
  rig.connections.forgetPeer(ann.id);
  rig.dialling.fill();
  assert.deepEqual(rig.takeCalled(), [1]);
});

test("a member that a packet waits for is not given up, whoever calls it dead", () => {
  const rig = new Rig(2, 0);
  rig.dialling.demand.hold(ann.id, {
    protocol: GreProtocol.ipv4,
    payload: new Uint8Array(20),
    forwarded: false,
  });
  rig.dialling.gone(ann.id);
  assert.deepEqual(rig.left, []);
  rig.dialling.stop();
});

test("a node that has no session left calls also those that are gone", async () => {
  const rig = pairOf();
  for (const { id } of [ann, ben]) rig.dialling.gone(id);
  await rig.clock.advance(7_000);
  assert.deepEqual([...new Set(rig.takeCalled())], [1, 2]);
});

test("what the operator has named is tried also when there is no room left, and not twice", () => {
  const rig = new Rig(2, 1);
  rig.up(ann.id, ann.endpoints[0]!);
  rig.named.push({ host: "192.0.2.9", port: 9 });
  rig.dialling.reach(rig.named[0]!, "target");
  assert.deepEqual(rig.takeCalled(), [9]);
  rig.down(ann.id);
  rig.dialling.fill();
  assert.ok(!rig.takeCalled().includes(9));
});

test("a place that the operator has named is asked for anew when whoever was found there is called no more", async () => {
  const rig = new Rig(2, 0);
  rig.named.push(ann.endpoints[0]!);
  rig.dialling.reach(rig.named[0]!, "target");
  rig.dialling.demand.hold(ann.id, {
    protocol: GreProtocol.ipv4,
    payload: new Uint8Array(20),
    forwarded: false,
  });
  rig.takeCalled();
  await rig.clock.advance(6_000);
  assert.deepEqual([rig.left, rig.takeCalled()], [[ann.id], [1]]);
  rig.dialling.stop();
});

test("whoever rests and is no member any more has no turn", () => {
  const rig = new Rig(3, 1);
  for (const i of [0, 1]) {
    const peer = memberOf(i);
    rig.connections.attempt(peer.endpoints[0]!, "introduction", peer.id);
    rig.dialling.failed(peer.id);
  }
  assert.deepEqual(rig.left, [ann.id]);
  rig.takeCalled();
  for (const watcher of rig.watchers) watcher([], [ann.id]);
  rig.dialling.failed(ben.id);
  assert.deepEqual(rig.left, [ann.id], "nobody rests whose place it might take");
});
