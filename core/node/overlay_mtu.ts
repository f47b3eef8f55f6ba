import type { Encapsulation } from "../contracts/encapsulation.ts";

const underlayMtu = 1500;
/** IPv6 promises it to every application; smaller paths are crossed by splitting the sealed record. */
const leastMtu = 1280;

/** IP bytes of the largest overlay packet: an Ethernet underlay less the worst overhead, fixed at attach. */
export function overlayMtu(encapsulation: Encapsulation): number {
  const { 4: over4, 6: over6 } = encapsulation.overhead;
  return Math.max(leastMtu, underlayMtu - Math.max(over4, over6));
}
