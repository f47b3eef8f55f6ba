/**
 * Plugins whose packets are written down on the way: decorators of contracts, so that any transport and any encapsulation
 * can be looked into. The packets themselves pass as they are.
 */
import type {
  Encapsulation,
  EncapsulationOutput,
  OverlayPacket,
} from "../../core/contracts/encapsulation.ts";
import { Drop } from "../../core/contracts/drop.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Plugin, SlotName, Slots } from "../../core/contracts/plugin.ts";
import type { Datagrams, Transport } from "../../core/contracts/transport.ts";
import type { Address, Endpoint } from "../../core/contracts/values.ts";
import type { Composition } from "../../core/node/composition.ts";
import { parseAddress, unmapAddress } from "../../core/wire/address.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { broadcastHeaderLength } from "../../core/wire/broadcast_header.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import type { UntimedPacket } from "./capture_file.ts";
import type { CaptureLayer } from "./capture_order.ts";
import { type CaptureLink, LinkType } from "./pcapng.ts";

type Write = (packet: UntimedPacket) => void;
type Direction = UntimedPacket["direction"];

export const captureLinks: Readonly<Record<CaptureLayer, readonly CaptureLink[]>> = {
  inner: [{ name: "packets", linkType: LinkType.raw }, { name: "frames", linkType: LinkType.ethernet }],
  outer: [{ name: "underlay", linkType: LinkType.raw }],
};

/** The same composition, with every packet of `layer` given to `write`. */
export function capturedPlugins(plugins: Composition, layer: CaptureLayer, write: Write): Composition {
  const { transport, encapsulation, beside = [] } = plugins;
  if (layer === "inner") {
    return {
      ...plugins,
      encapsulation: decorated(encapsulation, (part) => withPackets(part, write)),
      beside: beside.map((each) => ({
        ...each,
        encapsulation: decorated(each.encapsulation, (part) => withPackets(part, write)),
      })),
    };
  }
  const withWire = (plugin: Plugin<"transport">) => decorated(plugin, (part) => withDatagrams(part, write));
  return {
    ...plugins,
    transport: [transport].flat().map(withWire),
    beside: beside.map((each) => ({ ...each, over: withWire(each.over) })),
  };
}

function decorated<K extends SlotName>(
  plugin: Plugin<K>,
  decorate: (part: Slots[K] & Lifecycle) => Slots[K] & Lifecycle,
): Plugin<K> {
  return { ...plugin, create: (host) => decorate(plugin.create(host)) };
}

/** `part` with `own` in place of some members. Whatever else it can do, which the node finds out by looking, it still can. */
function overriding<T extends object>(part: T, own: Partial<T>): T {
  return new Proxy(part, {
    get(target, key) {
      const value: unknown = Reflect.get(Object.hasOwn(own, key) ? own : target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function withPackets<E extends Encapsulation>(machine: E, write: Write): E {
  const own: Partial<Encapsulation> = {
    seal(peer, packet, now) {
      const drop = machine.seal(peer, packet, now);
      if (drop === Drop.none) writeInner(packet, "out", peer);
      return drop;
    },
    poll() {
      const output: EncapsulationOutput | undefined = machine.poll();
      if (output?.type === "packet") writeInner(output.packet, "in", output.from);
      return output;
    },
  };
  return overriding(machine, own as Partial<E>);

  /** What nodes tell each other is left out: it has keys in it, and no form that another program could read. */
  function writeInner({ protocol, payload }: OverlayPacket, direction: Direction, peer: string): void {
    if (protocol === GreProtocol.control) return;
    const isBroadcast = protocol === GreProtocol.broadcast;
    const link = isBroadcast || protocol === GreProtocol.ethernet ? 1 : 0;
    // Of a frame that travels a tree the frame alone: other programs do not know the header.
    const bytes = isBroadcast ? payload.subarray(broadcastHeaderLength) : payload;
    write({ link, direction, bytes, comment: `peer ${peer}` });
  }
}

function withDatagrams<T extends Transport>(transport: T, write: Write): T {
  const { datagrams } = transport;
  if (datagrams === undefined) return transport;
  const here = localAddresses(datagrams);
  const own: Partial<Datagrams> = {
    send(datagram, to) {
      const isSent = datagrams.send(datagram, to);
      if (isSent) writeOuter(datagram, "out", to);
      return isSent;
    },
    receive(handler) {
      datagrams.receive((datagram, from) => {
        writeOuter(datagram, "in", from);
        handler(datagram, from);
      });
    },
  };
  return overriding(transport, { datagrams: overriding(datagrams, own) } as Partial<T>);

  function writeOuter(datagram: Uint8Array, direction: Direction, remote: Endpoint): void {
    const there = addressOf(remote);
    if (there === undefined) return;
    const near = here(there.family);
    const far = { address: there, port: remote.port };
    const [from, to] = direction === "out" ? [near, far] : [far, near];
    const route = { source: from.address, destination: to.address };
    const bytes = encodeUdp(route, { sourcePort: from.port, destinationPort: to.port, payload: datagram });
    write({ link: 0, direction, bytes, comment: formatEndpoint(remote) });
  }
}

interface Place {
  readonly address: Address;
  readonly port: number;
}

/** The headers of IP and UDP were the kernel's, which does not show them: this is the first address of the family. */
function localAddresses(datagrams: Datagrams): (family: 4 | 6) => Place {
  const places = new Map<4 | 6, Place>();
  return (family) => {
    const known = places.get(family);
    if (known !== undefined) return known;
    const all = datagrams.localEndpoints().flatMap((endpoint) => {
      const address = addressOf(endpoint);
      return address === undefined ? [] : [{ address, port: endpoint.port }];
    });
    const unspecified = { family, bytes: new Uint8Array(family === 4 ? 4 : 16) } as const;
    const place = all.find(({ address }) => address.family === family) ??
      { address: unspecified, port: all[0]?.port ?? 0 };
    places.set(family, place);
    return place;
  };
}

function addressOf({ host }: Endpoint): Address | undefined {
  const address = parseAddress(host.split("%", 1)[0]!);
  return address && unmapAddress(address);
}
