/**
 * The underlay without the overlay. A host that is exposed has an interface in the network itself, which a transport that
 * listens everywhere lists like any other; a peer that was told of it would send what carries the network through the
 * network.
 */
import type { Datagrams } from "../contracts/transport.ts";
import type { Prefix } from "../contracts/values.ts";
import { parseAddress } from "../wire/address.ts";
import { contains } from "../wire/prefix.ts";

/** `ranges` is what the network spans now; undefined before there is one. */
export function outside(datagrams: Datagrams, ranges: () => readonly Prefix[] | undefined): Datagrams {
  return {
    localEndpoints: () => {
      const inside = ranges() ?? [];
      return datagrams.localEndpoints().filter(({ host }) => {
        const address = parseAddress(host);
        return address === undefined || !inside.some((range) => contains(range, address));
      });
    },
    send: (datagram, to) => datagrams.send(datagram, to),
    seek: (datagram, to) => datagrams.seek?.(datagram, to) ?? datagrams.send(datagram, to),
    refuse: (datagram, to) => datagrams.refuse?.(datagram, to) ?? datagrams.send(datagram, to),
    receive: (handler) => datagrams.receive(handler),
  };
}
