import assert from "node:assert/strict";
import { SimClock } from "../../tests/sim/clock.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { test } from "../../tests/harness.ts";
import type { Endpoint, PeerId } from "../contracts/values.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { decodeGossip, encodeGossip, type GossipMessage } from "../topology/gossip_message.ts";
import { tagOf, tagToBytes } from "../topology/link_tag.ts";
import { decodeBroadcast, gossipFeature } from "../wire/broadcast_header.ts";
import { relayEndpointTo } from "../wire/relay_endpoint.ts";
import type { Connection } from "./connection_table.ts";
import { FrameGossip } from "./frame_gossip.ts";

const [ann, ben, old, stranger] = ["ann", "ben", "old", "stranger"].map((name) => fakeSelf(name).id) as [
  PeerId,
  PeerId,
  PeerId,
  PeerId,
];
const place: Endpoint = { host: "192.0.2.1", port: 6783 };
const frame = new Uint8Array(60).fill(7);

/** Of a node with sessions that ann, ben and an older node have, in which the frames of `known` were here. */
class Bed {
  readonly clock = new SimClock();
  readonly said: string[] = [];
  readonly sent: { readonly to: PeerId; readonly payload: Uint8Array }[] = [];
  readonly known = new Set<number>();
  readonly ends = new Map<PeerId, { readonly endpoint: Endpoint; readonly features: readonly string[] }>([
    [ann, { endpoint: place, features: [gossipFeature] }],
    [ben, { endpoint: relayEndpointTo(ann, ben)!, features: [gossipFeature] }],
    [old, { endpoint: place, features: [] }],
  ]);
  hear: (from: PeerId, bytes: Uint8Array) => void = () => {};
  readonly gossip = new FrameGossip({
    clock: this.clock,
    random: new SimRandom(1),
    channel: {
      send: (to, bytes) => {
        const { kind, ids } = decodeGossip(bytes)!;
        this.said.push(
          `${to === ann ? "ann" : "ben"} ${kind} ${ids.map(({ number }) => number).join()}`.trim(),
        );
        return true;
      },
      receive: (handler) => {
        this.hear = handler;
      },
      peers: () => [...this.ends.keys()],
    },
    connections: {
      connections: () =>
        [...this.ends].map(([id, end]) => ({ ...end, identity: { id } }) as unknown as Connection),
    },
    memberOf: (tag) => [ann, ben, old].find((peer) => tagOf(peer) === tag),
  });

  constructor() {
    this.gossip.carryOver({
      knows: (_, number) => this.known.has(number),
      send: (to, { payload }) => void this.sent.push({ to, payload }),
    });
    this.gossip.follow();
  }

  took(number: number, by: PeerId | undefined): void {
    this.known.add(number);
    const header = { origin: tagToBytes(tagOf(old)), number, hops: 9, flags: 0 };
    this.gossip.took({ origin: old, by, header, frame });
  }

  tell(from: PeerId, kind: GossipMessage["kind"], origin: PeerId, ...numbers: readonly number[]): void {
    this.hear(
      from,
      encodeGossip({ kind, ids: numbers.map((number) => ({ origin: tagOf(origin), number })) }),
    );
  }
}

test("sessions with those who know these trees are neighbours, and whole frames go to those no relay carries", async () => {
  const bed = new Bed();
  assert.deepEqual([bed.gossip.eager(), bed.gossip.degree], [[ann], 2]);
  bed.ends.delete(ann);
  bed.gossip.follow();
  assert.deepEqual([bed.gossip.eager(), bed.gossip.degree], [[], 1]);
  bed.took(1, undefined);
  await bed.clock.advance(60);
  assert.deepEqual(bed.said, ["ben have 1"]);
});

test("a frame that a neighbour asks for goes there as it would have gone on, with its header", () => {
  const bed = new Bed();
  bed.took(5, ann);
  bed.tell(ben, "want", old, 5, 6);
  assert.deepEqual(bed.sent.map(({ to }) => to), [ben]);
  const read = decodeBroadcast(bed.sent[0]!.payload);
  assert.ok(typeof read === "object");
  assert.deepEqual([read.number, read.hops, read.frame], [5, 9, frame]);
});

test("frames that members have and this node has not are asked for; of strangers and what was here nothing is", async () => {
  const bed = new Bed();
  bed.known.add(2);
  bed.tell(ann, "have", old, 1, 2);
  bed.tell(ann, "have", stranger, 9);
  bed.hear(ann, Uint8Array.of(9, 9, 9));
  await bed.clock.advance(200);
  assert.deepEqual(bed.said, ["ann want 1"]);
});

test("a node that has stopped says nothing and leaves no timer behind", async () => {
  const bed = new Bed();
  bed.took(1, ann);
  bed.gossip.stop();
  bed.tell(ann, "have", old, 3);
  bed.took(2, ann);
  assert.equal(bed.clock.pending, 0);
  await bed.clock.advance(10_000);
  assert.deepEqual(bed.said, []);
});
