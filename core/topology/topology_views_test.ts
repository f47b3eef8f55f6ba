import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Self } from "../contracts/host.ts";
import { fakeNetwork, fakeSelf } from "../identity/fake_members.ts";
import { linkGraphOf } from "./link_graph.ts";
import { type LinkRecord, openLinks, outboundFlag, signLinks } from "./link_record.ts";
import { tagOf } from "./link_tag.ts";
import { RoutePlanner } from "./route_planner.ts";
import { millisOf, unmeasured } from "./rtt_class.ts";
import { namesByTag, peerLinks, ways } from "./topology_views.ts";

const [ann, bob, cid, dot] = ["ann", "bob", "cid", "dot"].map(fakeSelf) as [Self, Self, Self, Self];
const { networkId } = fakeNetwork(ann).founding;
const members = namesByTag([
  { peer: cid.id, name: "cid", endpoints: [] },
  { peer: ann.id, name: "ann", endpoints: ["192.0.2.1:6783", "[2001:db8::1]:6783"] },
  { peer: bob.id, name: "bob", endpoints: ["192.0.2.2:6783"] },
]);

function says(self: Self, others: readonly Self[], rttClass = 40): LinkRecord {
  const links = others.map(({ id }) => ({
    tag: tagOf(id),
    rttClass,
    flags: self === ann ? outboundFlag : 0,
  }));
  return openLinks(signLinks(self, networkId, { links, willingness: "willing", sequence: 1 }), networkId)!;
}

test("each peer is shown with its links, who has set out, and whether the other end confirms them", () => {
  const records = [says(ann, [bob, dot]), says(bob, [ann, cid], unmeasured)];
  const shown = peerLinks(members, records, linkGraphOf(records), ann.id);
  assert.deepEqual(shown.map(({ name, self, relay, links }) => [name, self, relay, links.length]), [
    ["ann", true, "willing", 2],
    ["bob", false, "willing", 2],
    ["cid", false, "never", 0],
  ]);
  const ofAnn = new Map(shown[0]!.links.map((each) => [each.name, each]));
  assert.deepEqual(ofAnn.get("bob"), {
    direction: "->",
    peer: bob.id,
    name: "bob",
    endpoint: "192.0.2.2:6783",
    state: "established",
    rttMillis: millisOf(40),
  });
  assert.deepEqual(ofAnn.get(null), {
    direction: "->",
    peer: null,
    name: null,
    endpoint: null,
    state: "pending",
    rttMillis: millisOf(40),
  });
  const toCid = shown[1]!.links.find(({ name }) => name === "cid");
  assert.deepEqual([toCid?.direction, toCid?.state, toCid?.rttMillis], ["<-", "pending", null]);
});

test("the way to each member is told with what it crosses and why", () => {
  const records = [says(ann, [bob]), says(bob, [ann, dot]), says(dot, [bob])];
  const planner = new RoutePlanner(tagOf(ann.id));
  planner.update(linkGraphOf(records), [tagOf(bob.id)]);
  const all = namesByTag([
    { peer: dot.id, name: "dot", endpoints: [] },
    ...members.values(),
  ]);
  const one = millisOf(40)!;
  assert.deepEqual(ways(all, planner.routes()), [
    { peer: ann.id, name: "ann", way: "self", via: [], hops: 0, rttMillis: 0, reason: "this node" },
    { peer: bob.id, name: "bob", way: "direct", via: [], hops: 1, rttMillis: one, reason: "linked" },
    {
      peer: cid.id,
      name: "cid",
      way: "unreachable",
      via: [],
      hops: 0,
      rttMillis: null,
      reason: "it has told of no links",
    },
    {
      peer: dot.id,
      name: "dot",
      way: "relayed",
      via: [{ peer: bob.id, name: "bob" }],
      hops: 2,
      rttMillis: 2 * one + 1,
      reason: "no link to it",
    },
  ]);
});
