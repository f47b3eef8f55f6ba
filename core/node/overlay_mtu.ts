import type { Encapsulation } from "../contracts/encapsulation.ts";

type WithOverhead = Pick<Encapsulation, "overhead">;

export interface Encapsulations {
  readonly encapsulation: WithOverhead;
  readonly beside: readonly { readonly encapsulation: WithOverhead }[];
}

const underlayMtu = 1500;
/** IPv6 promises it to every application; smaller paths are crossed by splitting the sealed record. */
const leastMtu = 1280;

/**
 * IP bytes of the largest overlay packet: an Ethernet underlay less the worst overhead, fixed at attach. It is one for
 * all encapsulations of a node, because an endpoint has one, whoever it talks to.
 */
export function overlayMtu({ encapsulation, beside }: Encapsulations): number {
  const all = [encapsulation, ...beside.map((each) => each.encapsulation)];
  const worst = all.map(({ overhead }) => Math.max(overhead[4], overhead[6]));
  return Math.max(leastMtu, underlayMtu - Math.max(...worst));
}
