/**
 * Asks the devices on the links of this node who has an address: what crosses the mesh for that is a message between
 * nodes, and no ARP.
 *
 * The question comes from the MAC that stands for 0.0.0.0, which nobody has, so that its answer reaches the node. For
 * IPv4 it is a probe (RFC 5227 §2.1.1), which nobody takes for a neighbour; for IPv6 it is asked from the link-local
 * address of that MAC, because to a device that has just made its address a probe would be a rival (RFC 4862 §5.4.3).
 */
import type { Address } from "../contracts/values.ts";
import { concatBytes } from "../wire/bytes.ts";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { buildIcmp } from "../wire/icmp.ts";
import { broadcastMac, macLength, macOfAddress, macOfGroup } from "../wire/mac.ts";
import { NdpType, solicitedNode } from "../wire/ndp.ts";

const nobody: Address = { family: 4, bytes: new Uint8Array(4) };
/** Of {@link nobody}. */
export const questionMac: Uint8Array = macOfAddress(nobody);
/** fe80::85e:ff:fe00:0, see RFC 4291 appendix A. */
const linkLocal: Address = {
  family: 6,
  bytes: Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x08, 0x5e, 0, 0xff, 0xfe, 0, 0, 0),
};
/** Ethernet, IPv4, lengths 6 and 4, request. */
const arpRequest = Uint8Array.of(0, 1, 0x08, 0, macLength, 4, 0, 1);
/** An option of 8 bytes, the source's MAC (RFC 4861 §4.6.1). */
const sourceOption = Uint8Array.of(1, 1);

export function questionFor(target: Address): Uint8Array {
  if (target.family === 4) {
    const message = concatBytes(
      arpRequest,
      questionMac,
      nobody.bytes,
      new Uint8Array(macLength),
      target.bytes,
    );
    return encodeEthernet(broadcastMac, questionMac, EtherType.arp, message);
  }
  const destination = solicitedNode(target);
  const packet = buildIcmp(
    { source: linkLocal, destination, hopLimit: 255 },
    { type: NdpType.neighbourSolicitation, code: 0, rest: 0 },
    concatBytes(target.bytes, sourceOption, questionMac),
  );
  return encodeEthernet(macOfGroup(destination), questionMac, EtherType.ipv6, packet);
}
