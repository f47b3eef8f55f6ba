import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { PeerId } from "../contracts/values.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import type { BroadcastTrees } from "../topology/broadcast_trees.ts";
import type { LinkScope } from "../topology/link_scope.ts";
import { type LinkTag, tagOf } from "../topology/link_tag.ts";
import { broadcastFeature, gossipFeature } from "../wire/broadcast_header.ts";
import type { FrameGossip } from "./frame_gossip.ts";
import { FrameTrees, type FrameTreesParts } from "./frame_trees.ts";

const names = ["us", "new", "eager", "older", "oldest", "far"] as const;
type Name = (typeof names)[number];
const ids = new Map(names.map((name) => [name, fakeSelf(name).id]));
const id = (name: Name) => ids.get(name)!;
const nameOf = (peer: PeerId) => names.find((name) => id(name) === peer)!;

const features: Readonly<Partial<Record<Name, readonly string[]>>> = {
  new: [broadcastFeature, gossipFeature],
  eager: [broadcastFeature, gossipFeature],
  older: [broadcastFeature],
  oldest: [],
};

/** Trees from links reach `new` alone and lead to `older`; that of neighbours leads to `eager`. */
function create(place: { scope: LinkScope; isTold: boolean }) {
  const told: string[] = [];
  const connections = new Map((Object.keys(features) as Name[]).map((name) => [
    id(name),
    { identity: { id: id(name) }, features: features[name] },
  ]));
  const parts = {
    context: {
      state: { self: { id: id("us") } },
      connections: {
        peers: () => [...connections.keys()],
        connections: () => connections.values(),
        connection: (peer: PeerId) => connections.get(peer),
      },
      tags: { memberOf: (tag: LinkTag) => [...ids.values()].find((peer) => tagOf(peer) === tag) },
      platform: { clock: { now: () => 0 } },
    },
    gossip: {
      eager: () => [id("eager")],
      took: ({ origin }) => void told.push(`took ${nameOf(origin)}`),
      repeated: ({ origin }) => void told.push(`again ${nameOf(origin)}`),
    } as Partial<FrameGossip>,
    scope: () => place.scope,
    isTold: () => place.isTold,
    trees: () => ({
      reaches: (tag: LinkTag) => tag === tagOf(id("new")),
      children: () => [tagOf(id("older")), tagOf(id("far"))],
      mayBring: (_: LinkTag, from: LinkTag) => from === tagOf(id("older")),
    } as unknown as BroadcastTrees),
    beyond: () => [id("oldest")],
  } as unknown as FrameTreesParts;
  const trees = new FrameTrees(parts);
  const children = (origin: Name) => [...trees.children(id(origin), id("older"))].map(nameOf);
  return { trees, told, children };
}

test("before links are told a frame goes from its origin to all with a session, and no further", () => {
  const { trees, children } = create({ scope: "mesh", isTold: false });
  assert.equal(trees.wayOf(id("us")), "direct");
  assert.deepEqual(children("us"), ["new", "eager", "older", "oldest"]);
  assert.deepEqual(children("new"), []);
  assert.deepEqual([trees.mayBring(id("new"), id("new")), trees.mayBring(id("new"), id("older"))], [
    true,
    false,
  ]);
});

test("where links are told they make the trees, and neighbours do for origins that these do not reach", () => {
  const { trees, told, children } = create({ scope: "mesh", isTold: true });
  assert.deepEqual(["us", "new", "far"].map((name) => trees.wayOf(id(name as Name))), [
    "trees",
    "trees",
    "gossip",
  ]);
  assert.deepEqual(children("us"), ["older", "oldest"]);
  assert.deepEqual(children("new"), ["older"], "far has no session");
  assert.deepEqual(children("far"), ["eager", "older"], "who reckons trees from links takes it from anybody");
  assert.deepEqual([trees.mayBring(id("new"), id("eager")), trees.mayBring(id("far"), id("eager"))], [
    false,
    true,
  ]);
  assert.ok(trees.hops(id("new")) < trees.hops(id("far")));
  for (const origin of ["new", "far"] as const) {
    const header = { origin: new Uint8Array(8), number: 1, hops: 1, flags: 0 };
    trees.took({ origin: id(origin), by: id("older"), header, frame: new Uint8Array() });
    trees.repeated({ origin: id(origin), by: id("older"), header });
  }
  assert.deepEqual(told, ["took far", "again far"]);
});

test("in a large network neighbours make the tree of all, and older ones are given this node's own frames", () => {
  const { trees, children } = create({ scope: "local", isTold: false });
  assert.deepEqual(["us", "new"].map((name) => trees.wayOf(id(name as Name))), ["gossip", "gossip"]);
  assert.deepEqual(
    children("us"),
    ["eager", "older"],
    "those without headers get bare frames beside the tree",
  );
  assert.deepEqual(children("new"), ["eager"]);
  assert.equal(trees.mayBring(id("new"), id("older")), true);
});
