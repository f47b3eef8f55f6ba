/** Three data paths: two that have a session with each other through the third, which has one with each of them. */
import type { Command } from "./control.ts";
import { routeIntervals } from "./route_intervals.ts";
import type { SessionCells } from "./session_cells.ts";
import { anySource } from "./source_address.ts";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { macOfAddress } from "../wire/mac.ts";
import { encodeUdp } from "../wire/udp.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { socketDescriptor, tapDescriptor, WiredCore } from "./wired_cores_fixture.ts";
import { far, far6, farMac, fromTap, near, near6, nearMac, sockaddr } from "./wired_pair_fixture.ts";

export interface WiredChain {
  readonly a: WiredCore;
  readonly r: WiredCore;
  readonly b: WiredCore;
}

/** Slots of peers, alike on all three: the relay's, and that of the end that the core is not; at the relay those of both ends. */
export const slots = { relay: 1, end: 2, near: 1, far: 2 } as const;
export const tags = {
  a: Uint8Array.of(0xa1, 2, 3, 4, 5, 6, 7, 8),
  b: Uint8Array.of(0xb1, 2, 3, 4, 0xff, 6, 7, 8),
  r: Uint8Array.of(0xc1, 2, 3, 4, 5, 6, 7, 0x80),
} as const;
/** Of each session, what each side has chosen: first the one that is named first. */
const indices = { ar: [0x1111, -7], rb: [0x2222, -9], ab: [0x3333, -11] } as const;
const places = { a: 1, b: 2, r: 9 } as const;

/** A data path that can be told. */
interface Told {
  readonly cells: SessionCells;
  tell(...commands: readonly Command[]): void;
  settle(): void;
}

type Name = keyof typeof tags;
type SessionName = keyof typeof indices;

/** The session of `name` with the other one of its two: its slot is the next one that is free. */
function opening(core: Told, session: SessionName, name: Name, peer: number): Command[] {
  const isFirst = session[0] === name;
  const [own, other] = isFirst ? indices[session] : [indices[session][1], indices[session][0]];
  const seed = Object.keys(indices).indexOf(session) * 2 + 1;
  const keys = [new Uint8Array(32).fill(seed), new Uint8Array(32).fill(seed + 1)];
  const [sendKey, receiveKey] = isFirst ? keys : keys.toReversed();
  const slot = core.cells.open();
  return [
    {
      kind: "open-session",
      slot,
      peer,
      localIndex: own,
      remoteIndex: other,
      cipher: "chacha20-poly1305",
      sendKey: sendKey!,
      receiveKey: receiveKey!,
      partialChecksum: true,
    },
    { kind: "confirm", slot },
  ];
}

function relayOf(slot: number, name: Name, via = -1): Command {
  return { kind: "relay", slot, via, takes: true, tag: tags[name] };
}

function peerOf(slot: number, session: number, place?: Name): Command {
  const where = place === undefined ? new Uint8Array(0) : sockaddr(places[place]);
  const rest = { longest: 1_380, isUp: true, isPlain: false, sockaddr: where, source: anySource };
  return { kind: "peer", slot, session, ...rest };
}

function setUpEnd(core: Told, name: "a" | "b"): void {
  const [own, others] = name === "a" ? [[near, near6], ["10.40.0.0/16", "fd00:40::/32"]] as const : [
    [far, far6],
    ["10.32.0.0/16", "fd00:32::/32"],
  ] as const;
  const mac = name === "a" ? nearMac : farMac;
  const routes = routeIntervals(others.map((prefix) => ({ prefix: parsePrefix(prefix)!, peer: slots.end })));
  core.tell(
    { kind: "attach-socket", descriptor: socketDescriptor, family: 4 },
    { kind: "attach-tap", descriptor: tapDescriptor },
    relayOf(slots.relay, "r"),
    ...opening(core, name === "a" ? "ar" : "rb", name, slots.relay),
    peerOf(slots.relay, 0, "r"),
    ...opening(core, "ab", name, slots.end),
    relayOf(slots.end, name === "a" ? "b" : "a", slots.relay),
    peerOf(slots.end, 1),
    { kind: "routes", version: 1, ...routes },
    { kind: "locals", hosts: own.map((address) => ({ address, mac, flags: 0 })) },
  );
  core.settle();
}

const fast = { bytesPerSecond: 1_000_000_000, packetsPerSecond: 1_000_000 };

/** `rates`: what the relay passes on of each; null: nothing. */
export function chain(rates: typeof fast | null = fast): WiredChain {
  const cores = { a: new WiredCore(), r: new WiredCore(), b: new WiredCore() };
  acquaintChain(cores, rates);
  return cores;
}

/** Gives all three their sessions, and the ends addresses and routes to each other. */
export function acquaintChain(
  { a, r, b }: { readonly a: Told; readonly r: Told; readonly b: Told },
  rates: typeof fast | null = fast,
): void {
  setUpEnd(a, "a");
  setUpEnd(b, "b");
  r.tell(
    { kind: "attach-socket", descriptor: socketDescriptor, family: 4 },
    ...rates === null ? [] : [{ kind: "relaying", ...rates } as const],
    relayOf(slots.near, "a"),
    relayOf(slots.far, "b"),
    ...opening(r, "ar", "r", slots.near),
    ...opening(r, "rb", "r", slots.far),
    peerOf(slots.near, 0, "a"),
    peerOf(slots.far, 1, "b"),
  );
  r.settle();
}

/** All that `from` has sent arrives at `to`, until nothing is under way. */
export function carry(from: WiredCore, to: WiredCore, place: Name): void {
  for (const { bytes, size } of from.sent.splice(0)) {
    to.arriving.push({ bytes, size, from: sockaddr(places[place]) });
  }
  to.settle();
}

/** A frame of the container at one end for that at the other. */
export function frameBetween(payload: Uint8Array, isBack = false): Uint8Array {
  const [source, destination] = isBack ? [far, near] : [near, far];
  const packet = encodeUdp({ source, destination }, { sourcePort: 1000, destinationPort: 2000, payload });
  const ethernet = encodeEthernet(
    macOfAddress(destination),
    isBack ? farMac : nearMac,
    EtherType.ipv4,
    packet,
  );
  return fromTap(ethernet);
}

/** From one end to the other. */
export function through({ a, r, b }: WiredChain, isBack = false): void {
  const [from, to] = isBack ? [b, a] : [a, b];
  carry(from, r, isBack ? "b" : "a");
  carry(r, to, "r");
}
