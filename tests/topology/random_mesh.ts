/** Meshes by chance, from a seed. */
import type { RelayWillingness } from "../../core/contracts/topology.ts";
import { unmeasured } from "../../core/topology/rtt_class.ts";
import type { SimRandom } from "../sim/random.ts";
import type { TestLink } from "./mesh_fixture.ts";

/** Few and regular, so that much is equally far. */
const classes = [40, 40, 40, 48, 48, 56, 63, 90, unmeasured];
const willingnesses: readonly RelayWillingness[] = ["willing", "willing", "willing", "always", "never"];

/** Links among `count` nodes, each there with the probability `density`, some told by one end alone. */
export function randomLinks(random: SimRandom, count: number, density: number): readonly TestLink[] {
  const links: TestLink[] = [];
  for (let from = 0; from < count; from++) {
    for (let to = from + 1; to < count; to++) {
      if (!random.chance(density)) continue;
      links.push({
        from,
        to,
        rttClass: classes[random.below(classes.length)]!,
        isOneSided: random.chance(0.1),
      });
    }
  }
  return links;
}

export function randomWillingness(random: SimRandom, count: number): Record<number, RelayWillingness> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [i, willingnesses[random.below(willingnesses.length)]!]),
  );
}

/** A ring, so that all hang together, and random links on top until the mean degree is `degree`; any round trips. */
export function randomMesh(random: SimRandom, count: number, degree: number): readonly TestLink[] {
  const links = new Map<string, TestLink>();
  const add = (a: number, b: number) => {
    const [from, to] = a < b ? [a, b] : [b, a];
    if (from !== to) links.set(`${from}-${to}`, { from, to, rttClass: 40 + random.below(60) });
  };
  for (let i = 0; i < count; i++) add(i, (i + 1) % count);
  while (links.size < Math.min((count * degree) / 2, (count * (count - 1)) / 2)) {
    add(random.below(count), random.below(count));
  }
  return [...links.values()];
}
