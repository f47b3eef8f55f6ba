/** Two data paths that have a session with each other, and what crosses between them. */
import type { AddressEntry } from "./address_map.ts";
import type { Command, SetPeer } from "./control.ts";
import { routeIntervals } from "./route_intervals.ts";
import type { SessionCells } from "./session_cells.ts";
import { anySource } from "./source_address.ts";
import { parseAddress } from "../wire/address.ts";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { macOfAddress } from "../wire/mac.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { encodeUdp } from "../wire/udp.ts";
import { type SentTrain, socketDescriptor, tapDescriptor, WiredCore } from "./wired_cores_fixture.ts";

export const near = parseAddress("10.32.0.1")!;
export const far = parseAddress("10.40.0.1")!;
export const near6 = parseAddress("fd00:32::1")!;
export const far6 = parseAddress("fd00:40::1")!;
export const nearMac = Uint8Array.of(2, 0, 0, 0, 0, 1);
export const farMac = Uint8Array.of(2, 0, 0, 0, 0, 2);
/** `sockaddr_in` of 192.0.2.1:6783 and 192.0.2.2:6783; the family in the machine's byte order. */
export const sockaddr = (last: number) =>
  Uint8Array.of(2, 0, 0x1a, 0x7f, 192, 0, 2, last, 0, 0, 0, 0, 0, 0, 0, 0);
const keys = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
const [nearIndex, farIndex] = [0x1234_5678, -5];

/** A data path that can be told. */
interface Told {
  readonly cells: SessionCells;
  tell(...commands: readonly Command[]): void;
  settle(): void;
}

/** Where the other side is, and how packets get there. */
export function placing(session: number, at: number, isPlain: boolean): SetPeer {
  const place = { sockaddr: sockaddr(at), source: anySource };
  return { kind: "peer", slot: 3, session, longest: 1_420, isUp: true, isPlain, ...place };
}

interface Side {
  readonly own: readonly string[];
  readonly peers: readonly string[];
  readonly at: number;
  readonly hosts: readonly AddressEntry[];
}

function setUp(core: Told, side: Side, isNear: boolean, isPlain: boolean): void {
  const slot = core.cells.open();
  const session: Command = {
    kind: "open-session",
    slot,
    peer: 3,
    localIndex: isNear ? nearIndex : farIndex,
    remoteIndex: isNear ? farIndex : nearIndex,
    cipher: "chacha20-poly1305",
    sendKey: keys[isNear ? 0 : 1],
    receiveKey: keys[isNear ? 1 : 0],
    partialChecksum: true,
  };
  const routes = routeIntervals([
    ...side.peers.map((prefix) => ({ prefix: parsePrefix(prefix)!, peer: 3 })),
    ...side.own.map((prefix) => ({ prefix: parsePrefix(prefix)!, peer: -1 })),
  ]);
  core.tell(
    { kind: "attach-socket", descriptor: socketDescriptor, family: 4 },
    { kind: "attach-tap", descriptor: tapDescriptor },
    session,
    { kind: "confirm", slot },
    placing(slot, side.at, isPlain),
    { kind: "routes", version: 1, ...routes },
    { kind: "locals", hosts: side.hosts },
  );
  core.settle();
}

/** Gives both a session, addresses and routes to each other. `isPlain`: what one sends, the other is told to take so. */
export function acquaint(a: Told, b: Told, isPlain = false): void {
  const nearHosts = [near, near6].map((address) => ({ address, mac: nearMac }));
  const farHosts = [far, far6].map((address) => ({ address, mac: farMac }));
  const [nearRanges, farRanges] = [["10.32.0.0/16", "fd00:32::/32"], ["10.40.0.0/16", "fd00:40::/32"]];
  setUp(a, { own: nearRanges, peers: farRanges, at: 2, hosts: nearHosts }, true, isPlain);
  setUp(b, { own: farRanges, peers: nearRanges, at: 1, hosts: farHosts }, false, isPlain);
}

export function pair(isPlain = false): { readonly a: WiredCore; readonly b: WiredCore } {
  const [a, b] = [new WiredCore(), new WiredCore()];
  acquaint(a, b, isPlain);
  return { a, b };
}

export function cross({ bytes, size }: SentTrain, to: WiredCore, from = sockaddr(1)): void {
  to.arriving.push({ bytes, size, from });
  to.settle();
}

export function frame(
  payload: Uint8Array,
  change: { source?: typeof near; mac?: Uint8Array } = {},
): Uint8Array {
  const datagram = { sourcePort: 1000, destinationPort: 2000, payload };
  const packet = encodeUdp({ source: change.source ?? near, destination: far }, datagram);
  return encodeEthernet(macOfAddress(far), change.mac ?? nearMac, EtherType.ipv4, packet);
}

export function fromTap(whole: Uint8Array): Uint8Array {
  return Uint8Array.of(...new Uint8Array(10), ...whole);
}

/** Of a UDP datagram whose first bytes become a header of TCP. Its checksum is partial, so nobody looks at it. */
export function superFrame(whole: Uint8Array, family: 4 | 6, segmentSize = 100): Uint8Array {
  const view = new DataView(whole.buffer);
  const ip = 10 + 14;
  const upper = ip + (family === 4 ? 20 : 40);
  view.setUint8(0, 1);
  view.setUint8(1, family === 4 ? 1 : 4);
  view.setUint16(4, segmentSize, true);
  view.setUint16(6, upper - 10, true);
  view.setUint16(8, 16, true);
  view.setUint8(ip + (family === 4 ? 9 : 6), 6);
  // The number of TCP is 11 less than that of UDP, so the sum in the header of IPv4 is 11 more.
  if (family === 4) view.setUint16(ip + 10, view.getUint16(ip + 10) + 11);
  view.setUint8(upper + 12, 0x50);
  view.setUint8(upper + 13, 0x10);
  return whole;
}
