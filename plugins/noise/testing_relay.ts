/** Three members for tests: two that do not reach each other, and a relay that reaches both. */
import type { NoiseOptions } from "./options.ts";
import { type Flight, peerIdOf, Rig, type RigNode, type Weather } from "./testing_rig.ts";

export interface Chain {
  readonly rig: Rig;
  readonly a: RigNode;
  readonly r: RigNode;
  readonly b: RigNode;
  /** True: there is a way between the two ends. */
  direct: boolean;
}

export interface ChainOptions {
  /** Of the relay. */
  readonly relay?: NoiseOptions;
  /** Of the two ends. */
  readonly ends?: NoiseOptions;
  /** Nobody asks for a session between the two ends. */
  readonly isApart?: boolean;
}

/** `r` has sessions with both ends, and `a` has one with `b` through `r`. */
export function chain({ relay = {}, ends = {}, isApart = false }: ChainOptions = {}): Chain {
  const rig = new Rig();
  const a = rig.add(peerIdOf("a"), { options: ends });
  const r = rig.add(peerIdOf("r"), { options: relay });
  const b = rig.add(peerIdOf("b"), { options: ends });
  const world: Chain = { rig, a, r, b, direct: false };
  rig.weather = divided(world, () => [10]);
  rig.connect(a, r);
  rig.connect(b, r);
  rig.run(100);
  if (!isApart) {
    rig.connectVia(a, b, r);
    rig.run(200);
  }
  return world;
}

/** `weather`, but that nothing crosses between the ends while there is no way. */
export function divided(world: Chain, weather: Weather): Weather {
  return (flight) => world.direct || !isBetweenEnds(world, flight) ? weather(flight) : [];
}

export function isBetweenEnds({ a, b }: Chain, { from, to }: Flight): boolean {
  const ports = [a.endpoint.port, b.endpoint.port];
  return ports.includes(from.port) && ports.includes(to.port);
}

/** Whether `node` sends to `peer` through a relay. */
export function isBehind(node: RigNode, peer: RigNode): boolean {
  const up = node.of("session-up").filter(({ peer: { id } }) => id === peer.id);
  const roamed = node.of("roamed").filter((fact) => fact.peer === peer.id);
  const last = roamed.at(-1)?.endpoint ?? up.at(-1)!.session.endpoint;
  return last.host.startsWith("relay/");
}

/** Members in a row, each of which reaches only those next to it. */
export interface Row {
  readonly rig: Rig;
  readonly nodes: readonly RigNode[];
  /** Pairs beside those, by index, that reach each other as well. */
  readonly bridges: (readonly [number, number])[];
}

/**
 * A node for each letter. Neighbours have sessions, and the first node one with each of the others through the one before it, as far
 * as that leads. `tune` is called before any message.
 */
export function row(letters: string, tune: (row: Row) => void = () => {}): Row {
  const rig = new Rig();
  const nodes = Array.from(letters, (letter) => rig.add(peerIdOf(letter)));
  const world: Row = { rig, nodes, bridges: [] };
  rig.weather = ({ from, to }) => {
    const [left, right] = [from, to].map(({ port }) =>
      nodes.findIndex(({ endpoint }) => endpoint.port === port)
    );
    const isBridge = world.bridges.some((pair) => pair.includes(left!) && pair.includes(right!));
    return isBridge || Math.abs(left! - right!) === 1 ? [10] : [];
  };
  tune(world);
  for (const [index, node] of nodes.slice(1).entries()) rig.connect(nodes[index]!, node);
  rig.run(100);
  for (let index = 2; index < nodes.length; index++) {
    rig.connectVia(nodes[0]!, nodes[index]!, nodes[index - 1]!);
    rig.run(300);
  }
  return world;
}
