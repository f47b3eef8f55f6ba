import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Encapsulation } from "../contracts/encapsulation.ts";
import type { Endpoint, PeerId, PeerRecord } from "../contracts/values.ts";
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
  readonly dialling: Dialling;

  constructor(count: number, standing: number) {
    const peers = this.connections.peers.bind(this.connections);
    this.connections.peers = () => (this.looks++, peers());
    const members = Array.from({ length: count }, (_, i) => memberOf(i));
    const context = {
      platform: { clock: this.clock },
      drops: new DropCounts(),
      connections: this.connections,
      state: { self: { id: "self" }, knownPeers: () => members },
    } as unknown as NodeContext;
    const machine = {
      connect: () => {},
      disconnect: (peer: PeerId) => void this.left.push(peer),
    } as unknown as Encapsulation;
    this.dialling = new Dialling(context, { localEndpoints: () => [] }, {
      standing,
      call: (step) => step(machine, 0),
      send: () => {},
      named: () => [],
      datapath: {
        trafficOf: (_, here) => here,
        relayed: () => ({ packets: this.relayed, bytes: 0 }),
      },
    });
  }

  up(peer: PeerId, endpoint: Endpoint): void {
    const fact = { type: "session-up", session: { peer, endpoint }, peer: { id: peer } };
    this.connections.sessionUp(fact as unknown as Parameters<ConnectionTable["sessionUp"]>[0]);
    this.dialling.demand.sessionUp(peer);
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

test("with no room left a node looks at no further member, however many there are", () => {
  const rig = new Rig(10_000, 4);
  rig.dialling.fill();
  assert.equal([...rig.connections.attempts()].length, 4);
  assert.ok(rig.looks < 20, `${rig.looks} looks`);
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
