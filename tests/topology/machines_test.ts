/** The parts of `core/topology` put together as a node would: signed records from sessions, and ways from records. */
import assert from "node:assert/strict";
import type { Self } from "../../core/contracts/host.ts";
import { fakeNetwork, fakeSelf } from "../../core/identity/fake_members.ts";
import { type LinkGraph, linkGraphOf } from "../../core/topology/link_graph.ts";
import { signLinks } from "../../core/topology/link_record.ts";
import { LinkStates } from "../../core/topology/link_states.ts";
import { tagOf } from "../../core/topology/link_tag.ts";
import { OwnLinks } from "../../core/topology/own_links.ts";
import { RoutePlanner } from "../../core/topology/route_planner.ts";
import { test } from "../harness.ts";

const { networkId } = fakeNetwork(fakeSelf("node-0")).founding;

class TestNode {
  readonly self: Self;
  readonly states = new LinkStates({ networkId, standingOf: () => "admitted" });
  readonly planner: RoutePlanner;
  own: OwnLinks;

  constructor(number: number, firstSequence = 1000) {
    this.self = fakeSelf(`node-${number}`);
    this.own = new OwnLinks({ willingness: "willing", firstSequence });
    this.planner = new RoutePlanner(tagOf(this.self.id));
  }

  /** What is to be told now, merged here already. */
  tell(now: number): readonly Uint8Array[] {
    this.own.handleTimeout(now);
    const facts = this.own.poll();
    return facts === undefined ? [] : this.states.merge([signLinks(this.self, networkId, facts)]);
  }

  learn(records: readonly Uint8Array[], now: number): void {
    for (const { peer, sequence } of this.states.learn(records).changed) {
      if (peer === this.self.id) this.own.outranked(sequence, now);
    }
  }

  graph(): LinkGraph {
    const others = this.states.members().filter(({ peer }) => peer !== this.self.id);
    return linkGraphOf([...others, this.own.told(tagOf(this.self.id))]);
  }

  wayTo({ self }: TestNode): string | undefined {
    this.planner.update(this.graph(), this.own.neighbours());
    return this.planner.route(tagOf(self.id))?.way;
  }
}

/** Tells all of everything, again and again, for this long. */
function settle(nodes: readonly TestNode[], from: number, duration: number): number {
  for (let now = from; now <= from + duration; now += 250) {
    const told = nodes.flatMap((node) => node.tell(now));
    for (const node of nodes) node.learn(told, now);
  }
  return from + duration;
}

function up(one: TestNode, other: TestNode, now: number): void {
  one.own.up(tagOf(other.self.id), true, now);
  other.own.up(tagOf(one.self.id), false, now);
  for (const [node, to] of [[one, other], [other, one]] as const) {
    node.own.roundTrip(tagOf(to.self.id), 12, now);
  }
}

function down(one: TestNode, other: TestNode, now: number): void {
  one.own.down(tagOf(other.self.id), now);
  other.own.down(tagOf(one.self.id), now);
}

function chainOf(count: number, now: number): readonly TestNode[] {
  const nodes = Array.from({ length: count }, (_, number) => new TestNode(number));
  for (let i = 1; i < count; i++) up(nodes[i - 1]!, nodes[i]!, now);
  return nodes;
}

test("five nodes in a chain come to one graph and reach each other, until a link in the middle is lost", () => {
  const nodes = chainOf(5, 0);
  let now = settle(nodes, 0, 3000);
  for (const node of nodes) assert.ok(node.graph().equals(nodes[0]!.graph()));
  assert.deepEqual(nodes.map((node) => nodes[0]!.wayTo(node)), [
    "self",
    "direct",
    "relayed",
    "relayed",
    "relayed",
  ]);
  down(nodes[2]!, nodes[3]!, now);
  now = settle(nodes, now, 250);
  assert.deepEqual(nodes.map((node) => nodes[0]!.wayTo(node)?.slice(0, 5)), [
    "self",
    "direc",
    "relay",
    "unrea",
    "unrea",
  ]);
  for (const node of nodes) assert.ok(node.graph().equals(nodes[4]!.graph()));
});

test("a node that starts again with its clock an hour back is believed as soon as it has met its old record", () => {
  const nodes = [...chainOf(3, 0)];
  let now = settle(nodes, 0, 3000);
  const { sequence } = nodes[0]!.states.of(nodes[1]!.self.id)!;
  down(nodes[0]!, nodes[1]!, now);
  down(nodes[1]!, nodes[2]!, now);
  const again = nodes[1] = new TestNode(1, 1);
  up(nodes[0]!, again, now);
  up(again, nodes[2]!, now);
  for (const node of [nodes[0]!, nodes[2]!]) again.learn(node.states.records(), now);
  now = settle(nodes, now, 6000);
  assert.ok(nodes[0]!.states.of(again.self.id)!.sequence > sequence);
  assert.equal(nodes[0]!.wayTo(nodes[2]!), "relayed");
  assert.ok(nodes[0]!.graph().equals(nodes[2]!.graph()));
});

test("two nodes with one identity outbid each other no faster than any other news is told", () => {
  const [one, twin, other] = [new TestNode(1), new TestNode(1), new TestNode(2)];
  up(one, other, 0);
  settle([one, twin, other], 0, 60_000);
  const { sequence } = other.states.of(one.self.id)!;
  const told = sequence - 1000;
  assert.ok(told > 10 && told <= 2 * (4 + 60_000 / 2000), `${told} records in a minute`);
});
