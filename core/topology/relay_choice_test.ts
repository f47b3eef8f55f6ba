import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { link, nodesOf, tagAt, type TestLink } from "../../tests/topology/mesh_fixture.ts";
import type { RelayWillingness } from "../contracts/topology.ts";
import type { LinkRecord, ToldLink } from "./link_record.ts";
import type { LinkTag } from "./link_tag.ts";
import { chooseRelays, relaysBetween, relaysForPair } from "./relay_choice.ts";
import { rttClassOf } from "./rtt_class.ts";

const ends = { from: tagAt(0), to: tagAt(1) };

function told(number: number, rttMillis: number): ToldLink {
  return { tag: tagAt(number), rttClass: rttClassOf(rttMillis), flags: 0 };
}

function neighbour(number: number, rttMillis: number, willingness: RelayWillingness = "willing") {
  return { ...told(number, rttMillis), willingness };
}

function between(links: readonly TestLink[], willingness: Record<number, RelayWillingness> = {}) {
  const nodes = nodesOf(8, links, willingness);
  const recordOf = (tag: LinkTag) => nodes.find((node) => node.tag === tag) as LinkRecord | undefined;
  const found = relaysBetween(ends, nodes[0]!.links, recordOf);
  return found.map(({ tag, isSure }) => `${parseInt(tag, 16)}${isSure ? "" : "?"}`);
}

test("relays between two nodes are their common neighbours, near ones first", () => {
  const links = [2, 3, 4].flatMap((relay) => [link(0, relay, 40 - 10 * relay + 5), link(relay, 1, 10)]);
  assert.deepEqual(between([...links, link(0, 5), link(6, 1)]), ["4", "3", "2"]);
});

test("a node that never relays is none, and one that always does comes before one that is as far", () => {
  const links = [2, 3, 4].flatMap((relay) => [link(0, relay), link(relay, 1)]);
  assert.deepEqual(between(links, { 3: "never", 4: "always" }), ["4", "2"]);
  assert.equal(between(links, { 2: "always" })[0], "2");
});

test("a neighbour that does not confirm the destination's link comes last, for its record may be full", () => {
  const links = [link(0, 2, 50), link(2, 1, 50), link(0, 3, 1), { from: 1, to: 3, isOneSided: true }];
  assert.deepEqual(between(links), ["2", "3?"]);
});

test("equally far relays are taken in turn by different pairs, and by both ends of a pair alike", () => {
  const relays = [8, 9, 10, 11].map((number) => told(number, 1));
  const first = (from: number, to: number) =>
    relaysForPair({ from: tagAt(from), to: tagAt(to) }, relays, relays.map(({ tag }) => tag))[0]!.tag;
  const used = new Set<LinkTag>();
  for (let to = 1; to < 8; to++) {
    assert.equal(first(0, to), first(to, 0));
    used.add(first(0, to));
  }
  assert.equal(used.size, 4);
});

test("of the relays that the other end names those with a session here come first, the nearest of them before all", () => {
  const mine = [told(2, 10), told(3, 1), told(4, 100)];
  const found = relaysForPair(ends, mine, [4, 2, 5, 0, 1].map(tagAt));
  assert.deepEqual(found.map(({ tag, isSure }) => [parseInt(tag, 16), isSure]), [[2, true], [4, true], [
    5,
    false,
  ]]);
  assert.ok(found[0]!.micros < found[1]!.micros);
  assert.deepEqual(relaysForPair(ends, mine, []), []);
});

test("a node names its three nearest relays, and keeps one unless another is nearer by a fifth", () => {
  const near = [
    neighbour(2, 30),
    neighbour(3, 10),
    neighbour(4, 20),
    neighbour(5, 40),
    neighbour(6, 1, "never"),
  ];
  const numbers = (tags: readonly LinkTag[]) => tags.map((tag) => parseInt(tag, 16));
  assert.deepEqual(numbers(chooseRelays(near)), [3, 4, 2]);
  const closer = [neighbour(3, 10), neighbour(4, 20), neighbour(2, 30), neighbour(5, 27)];
  assert.deepEqual(numbers(chooseRelays(closer, [3, 4, 2].map(tagAt))), [3, 4, 2]);
  const closest = closer.with(3, neighbour(5, 15));
  assert.deepEqual(numbers(chooseRelays(closest, [3, 4, 2].map(tagAt))), [3, 5, 4]);
  assert.deepEqual(chooseRelays([]), []);
});
