import type { Encapsulation, PathMeasuring } from "../contracts/encapsulation.ts";

type WithOverhead = Pick<Encapsulation, "overhead"> & Partial<Pick<PathMeasuring, "underlayMtu">>;

export interface Encapsulations {
  readonly encapsulation: WithOverhead;
  readonly beside: readonly { readonly encapsulation: WithOverhead }[];
}

/** Ethernet. */
const usualMtu = 1500;
/** IPv6 promises it to every application; smaller paths are crossed by splitting the sealed record. */
const leastMtu = 1280;

/**
 * IP bytes of the largest overlay packet: the underlay less the worst overhead, fixed at attach. It is one for
 * all encapsulations of a node, because an endpoint has one, whoever it talks to.
 */
export function overlayMtu({ encapsulation, beside }: Encapsulations): number {
  const all = [encapsulation, ...beside.map((each) => each.encapsulation)];
  const rooms = all.map(({ overhead, underlayMtu = usualMtu }) =>
    underlayMtu - Math.max(overhead[4], overhead[6])
  );
  return Math.max(leastMtu, Math.min(...rooms));
}
