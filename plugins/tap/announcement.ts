import type { Lease } from "../../core/contracts/ipam.ts";
import { broadcastMac, macOfGroup } from "../../core/wire/mac.ts";
import { encodeArpReply } from "../../core/wire/arp.ts";
import { encodeEthernet, EtherType, redirectFrame } from "../../core/wire/ethernet.ts";
import { allNodes, encodeAdvertisement } from "../../core/wire/ndp.ts";

/**
 * Frames that tell everybody on the bridge who holds an address now: neighbours that knew another MAC for it forget
 * that one. A gratuitous ARP reply and an unsolicited neighbour advertisement (RFC 4861 §7.2.6), from the endpoint's
 * own MAC, as the endpoint itself would send them.
 */
export function announcement({ address }: Lease, mac: Uint8Array): Uint8Array {
  if (address.family === 4) {
    // Its own MAC as target too: Linux takes no other reply for an announcement.
    const request = { operation: "request", senderMac: mac, sender: address, target: address } as const;
    return redirectFrame(encodeArpReply(request, mac), broadcastMac);
  }
  const probe = { source: address, target: address, isProbe: true };
  const packet = encodeAdvertisement(probe, { target: address, mac, override: true });
  return encodeEthernet(macOfGroup(allNodes), mac, EtherType.ipv6, packet);
}
