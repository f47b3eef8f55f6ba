/** Which pairs of networks meet directly, which through a relay, and how soon: whole nodes behind simulated translators. */
import assert from "node:assert/strict";
import type { NatKind } from "../../core/contracts/node.ts";
import { isRelayHost } from "../../core/wire/relay_endpoint.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const networks = ["open", "full cone", "address", "port", "symmetric", "carrier", "without UDP"] as const;
type Network = (typeof networks)[number];

/** What nodes find out about it, by the word of their peers. */
const kinds: Readonly<Record<Network, NatKind>> = {
  open: "none",
  "full cone": "endpoint-independent",
  address: "endpoint-independent",
  port: "endpoint-independent",
  symmetric: "symmetric",
  carrier: "endpoint-independent",
  "without UDP": "unknown",
};

/** The host of a node of that network, behind what makes it one. */
function hostIn(world: SimWorld, network: Network, side: number): string {
  const { network: underlay } = world;
  const outside = `203.0.113.${side}`;
  const inside = `192.168.${side}.2`;
  switch (network) {
    case "open":
      return `198.51.100.${side}`;
    case "full cone":
      underlay.addNat([inside], { outside, filtering: "none" });
      return inside;
    case "address":
    case "port":
      underlay.addNat([inside], { outside, filtering: network });
      return inside;
    case "without UDP":
      underlay.addNat([inside], { outside });
      underlay.closeTo(inside);
      return inside;
    case "symmetric":
      underlay.addNat([inside], { outside, filtering: "port", mapping: "destination" });
      return inside;
    case "carrier": {
      const middle = `100.64.${side}.2`;
      underlay.addNat([inside], { outside: middle, filtering: "port" });
      underlay.addNat([middle], { outside, filtering: "port" });
      return inside;
    }
  }
}

/**
 * One whose port nobody can know in advance reaches those who let it in whatever its port: it is then answered where it came
 * from. All others have ports that others can be told of, and open them towards each other. Without UDP there are streams, to
 * those who can be dialled.
 */
function meetsDirectly(one: Network, other: Network): boolean {
  if ([one, other].includes("without UDP")) return [one, other].includes("open");
  const lets = (network: Network) => network === "open" || network === "full cone" || network === "address";
  return !(one === "symmetric" && !lets(other)) && !(other === "symmetric" && !lets(one));
}

interface Inhabitant {
  readonly network: Network;
  readonly node: SimNode;
}

/** One node in each network, and another one in those that are hard to leave; the next one joins 5 s after the last. */
async function populate(world: SimWorld, check: (all: readonly Inhabitant[]) => void): Promise<Inhabitant[]> {
  const all: Inhabitant[] = [];
  for (const [index, network] of [...networks, ...networks.slice(3)].entries()) {
    const { token } = await world.run(world.nodes()[0]!.node.tokens.create());
    const host = hostIn(world, network, index + 1);
    const node = await world.startAt(`${network.replace(" ", "-")}-${index}`, host, { join: { token } });
    all.push({ network, node });
    await world.clock.advance(1_000);
    check(all);
    await world.clock.advance(4_000);
  }
  return all;
}

function wayOf(from: SimNode, to: SimNode): string | undefined {
  return from.node.connections().find(({ name, state }) => name === to.name && state === "established")
    ?.endpoint;
}

function pairsOf(all: readonly Inhabitant[]): readonly (readonly [Inhabitant, Inhabitant])[] {
  return all.flatMap((one, index) => all.slice(index + 1).map((other) => [one, other] as const));
}

test(
  "from all kinds of networks nodes meet within a second of joining, and soon directly wherever that is possible",
  async () => {
    await using world = new SimWorld(61, { delay: 20 }, { overTcp: "fallback" });
    await world.found("hub");
    const all = await populate(world, (present) => {
      const apart = pairsOf(present).filter(([one, other]) => wayOf(one.node, other.node) === undefined);
      assert.deepEqual(apart.map(([one, other]) => `${one.network} and ${other.network}`), []);
    });
    for (const [one, other] of pairsOf(all)) {
      const ways = [wayOf(one.node, other.node), wayOf(other.node, one.node)];
      const isDirect = ways.every((way) => way !== undefined && !isRelayHost(way));
      const pair = `${one.network} and ${other.network}: ${ways.join(", ")}`;
      assert.equal(isDirect, meetsDirectly(one.network, other.network), pair);
    }
    for (const { network, node } of all) assert.equal(node.node.status().nat.kind, kinds[network], network);
  },
  { limit: 180_000, once: "a dozen whole nodes in simulated time, the same on both", on: "node" },
);
