/**
 * What the main thread tells the worker, as records of a ring. Little-endian, 32-bit fields; the first is the kind.
 *
 *     attach-socket  descriptor, family (4 or 6)
 *     attach-tap     descriptor
 *     detach         descriptor
 *     stop
 *     open-session   slot, peer, local index, remote index, cipher (1 ChaCha20-Poly1305, 2 AES-256-GCM), flags
 *                    (1: partial checksums), key to send with (32 bytes), key to receive with (32 bytes)
 *     confirm        slot of a session
 *     end-session    slot
 *     peer           slot, session or −1, longest, flags (1: up, 2: in plain), length of sockaddr, sockaddr (28 bytes),
 *                    address of this host to send from (16 bytes)
 *     routes         version (64-bit float), number of words of IPv4, of IPv6, the words
 *     judge          secret: from here on packets need a verdict
 *     verdict        epoch, kind (family, protocol, direction: 1 egress, verdict: 1 allowed; a byte each), ports (source in
 *                    the upper half), addresses of source and destination (16 bytes each)
 *     locals         number, then for each: family, MAC (6 bytes), nothing (2), address (16)
 *     relay, relaying   see `control_relay.ts`
 *
 * Tables are told as a whole: a change of one is rare, and a worker that started anew needs them whole anyway. One that does
 * not fit leaves all packets to the main thread until one does. A record that is not understood, or names a slot that does
 * not exist, is passed over and counted.
 */
import type { AeadName } from "../contracts/aead.ts";
import { macLength } from "../wire/mac.ts";
import type { AddressEntry } from "./address_map.ts";
import { decodeRelay, encodeRelay, type RelayCommand, relayKinds, relayLengths } from "./control_relay.ts";
import { decodeVerdict, encodeVerdict, type TellVerdict, verdictLength } from "./control_verdict.ts";
import type { RingConsumer, RingProducer } from "./ring.ts";
import type { RouteIntervals } from "./route_intervals.ts";
import { sourceLength } from "./source_address.ts";

export type Command =
  | AttachSocket
  | AttachTap
  | Stop
  | OpenSession
  | ConfirmSession
  | EndSession
  | Detach
  | SetPeer
  | RelayCommand
  | SetRoutes
  | SetLocals
  | Judge
  | TellVerdict;

/** The UDP socket from now on. */
export interface AttachSocket {
  readonly kind: "attach-socket";
  readonly descriptor: number;
  /** Of the socket; one of family 6 sees IPv4 as mapped addresses. */
  readonly family: 4 | 6;
}

export interface AttachTap {
  readonly kind: "attach-tap";
  readonly descriptor: number;
}

export interface Stop {
  readonly kind: "stop";
}

export interface OpenSession {
  readonly kind: "open-session";
  readonly slot: number;
  /** Slot of the peer. */
  readonly peer: number;
  /** Any 32 bits; read back as signed numbers. */
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly cipher: AeadName;
  /** 32 bytes each. Of a command that was read: views into the ring, zero as soon as it is handled. */
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  /** Both sides take checksums that are partial. */
  readonly partialChecksum: boolean;
}

/** The peer is known to have its keys: what is opened in it need not be handed over for that any more. */
export interface ConfirmSession {
  readonly kind: "confirm";
  readonly slot: number;
}

/** The socket or TAP device with this descriptor is not to be used any more. */
export interface Detach {
  readonly kind: "detach";
  readonly descriptor: number;
}

/** Its keys are to be wiped. */
export interface EndSession {
  readonly kind: "end-session";
  readonly slot: number;
}

export interface SetPeer {
  readonly kind: "peer";
  readonly slot: number;
  /** To send in; −1: none, the main thread takes what is for this peer. */
  readonly session: number;
  /** Bytes of the longest GRE packet in one datagram. */
  readonly longest: number;
  readonly isUp: boolean;
  /** GRE packets cross as they are, to and from exactly this place. No other peer is told so of the same one. */
  readonly isPlain: boolean;
  /** `struct sockaddr_in` or `sockaddr_in6`, 16 or 28 bytes; empty: not known. */
  readonly sockaddr: Uint8Array;
  /** Address of this host that its packets come to, 16 bytes, see `source_address.ts`: those to it leave from there. */
  readonly source: Uint8Array;
}

export interface SetRoutes extends RouteIntervals {
  readonly kind: "routes";
  readonly version: number;
}

/** Endpoints behind the TAP. */
export interface SetLocals {
  readonly kind: "locals";
  readonly hosts: readonly AddressEntry[];
}

/** Packets need a verdict of the policy. Told before the routes, so that none passes without. */
export interface Judge {
  readonly kind: "judge";
  /** 32 bits that nobody outside of the node knows, for the order of the table. */
  readonly seed: number;
}

const Kind = {
  "attach-socket": 1,
  "attach-tap": 2,
  "stop": 3,
  "open-session": 4,
  "end-session": 5,
  "peer": 6,
  "routes": 7,
  "locals": 8,
  "confirm": 9,
  "detach": 10,
  "judge": 11,
  "verdict": 12,
  ...relayKinds,
} as const;

const ciphers: readonly (AeadName | undefined)[] = [undefined, "chacha20-poly1305", "aes-256-gcm"];

/** Slots of sessions and of peers are below this. */
export const slotLimit = 65_536;

const keyLength = 32;
const sockaddrLength = 28;
const entryLength = 28;
const routesHeader = 20;
const tableHeader = 8;
const fixedLength = {
  "attach-socket": 12,
  "attach-tap": 8,
  "stop": 4,
  "open-session": 28 + 2 * keyLength,
  "confirm": 8,
  "end-session": 8,
  "detach": 8,
  "peer": 24 + sockaddrLength + sourceLength,
  "judge": 8,
  "verdict": verdictLength,
  ...relayLengths,
} as const;

/** Main: puts a command into the ring. False when there is no room: later there is, unless it is over `longest`. */
export function sendCommand(ring: RingProducer, command: Command): boolean {
  const length = commandLength(command);
  const at = ring.reserve(length);
  if (at < 0) return false;
  encodeCommand(command, ring.bytes, at);
  ring.commit();
  return true;
}

/**
 * Worker: handles what is in the ring now, up to `most` commands, and leaves no key in it. Returns how many records were
 * passed over.
 */
export function receiveCommands(
  ring: RingConsumer,
  most: number,
  handle: (command: Command) => void,
): number {
  let refused = 0;
  for (let i = 0; i < most; i++) {
    const at = ring.peek();
    if (at < 0) break;
    const command = decodeCommand(ring.bytes, at, ring.length);
    try {
      if (command === undefined) refused++;
      else handle(command);
    } finally {
      ring.releaseWiped();
    }
  }
  return refused;
}

/** Bytes of the record of a command. */
export function commandLength(command: Command): number {
  switch (command.kind) {
    case "routes":
      return routesHeader + 4 * (command.v4.length + command.v6.length);
    case "locals":
      return tableHeader + entryLength * command.hosts.length;
    default:
      return fixedLength[command.kind];
  }
}

/** Writes {@link commandLength} bytes at `offset`. */
export function encodeCommand(command: Command, bytes: Uint8Array, offset: number): void {
  const length = commandLength(command);
  const out = bytes.subarray(offset, offset + length);
  const view = viewOf(out);
  out.fill(0);
  view.setUint32(0, Kind[command.kind], true);
  switch (command.kind) {
    case "attach-socket":
      return setWords(view, [command.descriptor, command.family]);
    case "attach-tap":
    case "detach":
      return setWords(view, [command.descriptor]);
    case "stop":
      return;
    case "open-session":
      return encodeSession(command, out, view);
    case "confirm":
    case "end-session":
      return setWords(view, [command.slot]);
    case "peer":
      return encodePeer(command, out, view);
    case "judge":
      return setWords(view, [command.seed]);
    case "verdict":
      return encodeVerdict(command, out, view);
    case "routes":
      return encodeRoutes(command, view);
    case "locals":
      return encodeEntries(command.hosts, out, view);
    default:
      return encodeRelay(command, out, view);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The fields behind the kind. */
function setWords(view: DataView, words: readonly number[]): void {
  words.forEach((word, index) => view.setInt32(4 + 4 * index, word, true));
}

function encodeSession(session: OpenSession, out: Uint8Array, view: DataView): void {
  const { slot, peer, localIndex, remoteIndex, cipher, partialChecksum } = session;
  setWords(view, [slot, peer, localIndex, remoteIndex, ciphers.indexOf(cipher), partialChecksum ? 1 : 0]);
  out.set(session.sendKey.subarray(0, keyLength), 28);
  out.set(session.receiveKey.subarray(0, keyLength), 28 + keyLength);
}

/** Flags of a peer. */
const [upFlag, plainFlag] = [1, 2];

function encodePeer(
  { slot, session, longest, isUp, isPlain, sockaddr, source }: SetPeer,
  out: Uint8Array,
  view: DataView,
): void {
  const flags = (isUp ? upFlag : 0) | (isPlain ? plainFlag : 0);
  setWords(view, [slot, session, longest, flags, sockaddr.length]);
  out.set(sockaddr.subarray(0, sockaddrLength), 24);
  out.set(source.subarray(0, sourceLength), 24 + sockaddrLength);
}

function encodeRoutes({ version, v4, v6 }: SetRoutes, view: DataView): void {
  view.setFloat64(4, version, true);
  view.setUint32(12, v4.length, true);
  view.setUint32(16, v6.length, true);
  v4.forEach((word, index) => view.setUint32(routesHeader + 4 * index, word, true));
  v6.forEach((word, index) => view.setUint32(routesHeader + 4 * (v4.length + index), word, true));
}

function encodeEntries(entries: readonly AddressEntry[], out: Uint8Array, view: DataView): void {
  setWords(view, [entries.length]);
  for (const [index, { address, mac }] of entries.entries()) {
    const at = tableHeader + entryLength * index;
    view.setUint32(at, address.family, true);
    out.set(mac.subarray(0, macLength), at + 4);
    out.set(address.bytes, at + 12);
  }
}

/** The command in `length` bytes at `offset`; undefined for any other bytes. */
export function decodeCommand(bytes: Uint8Array, offset: number, length: number): Command | undefined {
  const record = bytes.subarray(offset, offset + length);
  if (record.length !== length || length < 4) return undefined;
  const view = viewOf(record);
  const kind = kinds.get(view.getUint32(0, true));
  if (kind === undefined) return undefined;
  if (kind === "routes") return decodeRoutes(view);
  if (kind === "locals") return decodeLocals(record, view);
  if (length !== fixedLength[kind]) return undefined;
  return decodeFixed(kind, record, view);
}

const kinds = new Map(
  Object.entries(Kind).map(([name, value]) => [value as number, name as Command["kind"]]),
);

function decodeFixed(
  kind: keyof typeof fixedLength,
  record: Uint8Array,
  view: DataView,
): Command | undefined {
  if (kind === "stop") return { kind };
  if (kind === "open-session") return decodeSession(record, view);
  if (kind === "peer") return decodePeer(record, view);
  if (kind === "judge") return { kind, seed: view.getInt32(4, true) };
  if (kind === "verdict") return decodeVerdict(record, view);
  if (kind === "relay" || kind === "relaying") return decodeRelay(kind, record, slotLimit);
  const first = view.getInt32(4, true);
  if (first < 0) return undefined;
  if (kind === "attach-tap" || kind === "detach") return { kind, descriptor: first };
  if (kind === "end-session" || kind === "confirm") {
    return first < slotLimit ? { kind, slot: first } : undefined;
  }
  const family = view.getUint32(8, true);
  return family === 4 || family === 6 ? { kind, descriptor: first, family } : undefined;
}

function decodeSession(record: Uint8Array, view: DataView): OpenSession | undefined {
  const [slot, peer] = [view.getUint32(4, true), view.getUint32(8, true)];
  const cipher = ciphers[view.getUint32(20, true)];
  if (slot >= slotLimit || peer >= slotLimit || cipher === undefined) return undefined;
  return {
    kind: "open-session",
    slot,
    peer,
    localIndex: view.getInt32(12, true),
    remoteIndex: view.getInt32(16, true),
    cipher,
    sendKey: record.subarray(28, 28 + keyLength),
    receiveKey: record.subarray(28 + keyLength),
    partialChecksum: (view.getUint32(24, true) & 1) !== 0,
  };
}

function decodePeer(record: Uint8Array, view: DataView): SetPeer | undefined {
  const [slot, session] = [view.getUint32(4, true), view.getInt32(8, true)];
  const [longest, length] = [view.getUint32(12, true), view.getUint32(20, true)];
  if (slot >= slotLimit || session < -1 || session >= slotLimit || longest > 65_535) return undefined;
  if (length !== 0 && length !== 16 && length !== sockaddrLength) return undefined;
  const flags = view.getUint32(16, true);
  const [isUp, isPlain] = [(flags & upFlag) !== 0, (flags & plainFlag) !== 0];
  const [sockaddr, source] = [record.slice(24, 24 + length), record.slice(24 + sockaddrLength)];
  return { kind: "peer", slot, session, longest, isUp, isPlain, sockaddr, source };
}

/** Whether the intervals are in order is for the table to see, see `route_map.ts`. */
function decodeRoutes(view: DataView): SetRoutes | undefined {
  if (view.byteLength < routesHeader) return undefined;
  const version = view.getFloat64(4, true);
  const [four, six] = [view.getUint32(12, true), view.getUint32(16, true)];
  if (!Number.isSafeInteger(version) || view.byteLength !== routesHeader + 4 * (four + six)) return undefined;
  const words = (from: number, count: number) =>
    Uint32Array.from(
      { length: count },
      (_, index) => view.getUint32(routesHeader + 4 * (from + index), true),
    );
  return { kind: "routes", version, v4: words(0, four), v6: words(four, six) };
}

function decodeLocals(record: Uint8Array, view: DataView): SetLocals | undefined {
  if (record.length < tableHeader) return undefined;
  const count = view.getUint32(4, true);
  if (record.length !== tableHeader + entryLength * count) return undefined;
  const hosts: AddressEntry[] = [];
  for (let at = tableHeader; at < record.length; at += entryLength) {
    const family = view.getUint32(at, true);
    if (family !== 4 && family !== 6) return undefined;
    const address = { family, bytes: record.slice(at + 12, at + (family === 4 ? 16 : 28)) } as const;
    hosts.push({ address, mac: record.slice(at + 4, at + 4 + macLength) });
  }
  return { kind: "locals", hosts };
}
