/**
 * What peers send: from the underlay to the TAP device. A datagram goes on from here only if it is transport data of a
 * session that is confirmed, from where its peer is known to be, with a plain IP packet from an address of that peer to one
 * of an interface on this host. Each other one is the main thread's: as it came, or, once it has been opened, the packet
 * in it, for a counter is good for one opening only. From a peer in a network that both sides trust it may be GRE as it is.
 *
 * A relayed message is opened twice: the one in it goes on from here as if it had come from its relay's place for it. It may be
 * relayed itself, as often as there may be relays in a row. What is for another peer is passed on (`relay_path.ts`).
 */
import { Drop } from "../contracts/drop.ts";
import { mostRelays, relayTagLength } from "../wire/relay_endpoint.ts";
import type { Arena } from "./arena.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import type { Coalescer } from "./coalescer.ts";
import { dataHeader, flagsMask, headerMask, tagLength, transportHeaderLength } from "./data_message.ts";
import type { DatapathTables } from "./datapath_tables.ts";
import { relayedFlag } from "./punt.ts";
import type { PuntShares } from "./punt_shares.ts";
import { relayHeader, type RelayPath } from "./relay_path.ts";
import { tagInSender, writeRelaySender } from "./relay_sender.ts";
import type { ReplayWindows } from "./replay_windows.ts";
import type { SessionCells } from "./session_cells.ts";
import { senderLength } from "./source_address.ts";
import { EtherType } from "./super_frame.ts";
import { Tally, type Telemetry } from "./telemetry.ts";
import { Known } from "./verdict_table.ts";
import { writeDerivedMac4, writeDerivedMac6 } from "./derived_mac.ts";

/** As `PuntWriter` takes them: to the main thread, false when there is no room. */
export interface DatagramPunts {
  datagram(from: number, offset: number, length: number): boolean;
  message(localIndex: number, counter: number, flags: number, isNewest: boolean): void;
  opened(from: number, offset: number, length: number): boolean;
}

export interface InboundParts {
  readonly arena: Arena;
  readonly plan: ArenaPlan;
  readonly tables: DatapathTables;
  readonly windows: ReplayWindows;
  readonly cells: SessionCells;
  readonly coalescer: Coalescer;
  readonly telemetry: Telemetry;
  readonly punts: DatagramPunts;
  readonly shares: Pick<PuntShares, "takeOfPeer">;
  readonly relay: RelayPath;
}

const greHeaderLength = 4;
/** Whoever opens a relayed message here reads these of its flags. */
const [forOthers, forUs] = [0, 1];
const greKeyOnly = 0x2000;

export class Inbound {
  readonly #arena: Arena;
  readonly #tables: DatapathTables;
  readonly #windows: ReplayWindows;
  readonly #cells: SessionCells;
  readonly #coalescer: Coalescer;
  readonly #telemetry: Telemetry;
  readonly #punts: DatagramPunts;
  readonly #shares: InboundParts["shares"];
  /** Where the derived MAC of a packet's source is written. */
  readonly #sourceMac: number;
  /** The peer of a packet for which only a verdict is missing, or −1. */
  #asking = -1;
  readonly #relay: RelayPath;
  /** The one who has sent through a relay the message in hand, as `relay_sender.ts` writes it. */
  readonly #relaySender: number;
  /** The sender of the message in hand and, if it came through a relay, that peer; else −1. */
  #from = 0;
  #fromLength = 0;
  #via = -1;
  /** Relayed messages around the one in hand. */
  #layers = 0;

  constructor(parts: InboundParts) {
    const { arena, plan, tables, windows, cells, coalescer, telemetry, punts, shares, relay } = parts;
    this.#arena = arena;
    this.#tables = tables;
    this.#windows = windows;
    this.#cells = cells;
    this.#coalescer = coalescer;
    this.#telemetry = telemetry;
    this.#punts = punts;
    this.#shares = shares;
    this.#relay = relay;
    this.#sourceMac = plan.take(8);
    this.#relaySender = plan.take(senderLength);
  }

  /** A datagram at `offset`, from the `sockaddr` at `from`. It is opened in place; until `flush` its memory must stay. */
  datagram(offset: number, length: number, from: number, fromLength: number): void {
    const { view } = this.#arena;
    this.#telemetry.add(Tally.datagramsIn, 1);
    this.#telemetry.add(Tally.datagramBytesIn, length);
    this.#asking = -1;
    const header = length < transportHeaderLength + tagLength ? 0 : view.getInt32(offset) & headerMask;
    const isShared = header === dataHeader || header === relayHeader;
    const session = isShared ? this.#tables.sessions.find(view.getInt32(offset + 4)) : -1;
    if (session < 0) {
      if (!isShared && this.#plain(offset, length, from, fromLength)) return;
      return this.#punted(this.#maySend() && this.#punts.datagram(from, offset, length));
    }
    this.#from = from;
    this.#fromLength = fromLength;
    this.#via = -1;
    this.#layers = 0;
    if (header === dataHeader) this.#data(session, offset, length);
    else this.#relayed(session, offset, length);
  }

  #data(session: number, offset: number, length: number): void {
    const { view } = this.#arena;
    const counter = this.#counterOf(offset);
    if (counter < 0) return this.#telemetry.count(Drop.malformed, 1);
    const drop = this.#open(session, counter, offset, length);
    if (drop !== Drop.none) return this.#telemetry.count(drop, 1);
    this.#cells.received(session, length);
    const flags = (view.getInt32(offset) & flagsMask) >> 8;
    const isNewest = this.#windows.isNewest(session, counter);
    const packet = offset + transportHeaderLength;
    const packetLength = length - transportHeaderLength - tagLength;
    const isHere = this.#isHere(session, isNewest);
    if (flags === 0 && isHere && this.#finish(session, packet, packetLength)) return;
    this.#punts.message(this.#tables.sessions.localIndex[session]!, counter, flags, isNewest);
    this.#punted(this.#maySend() && this.#punts.opened(this.#from, packet, packetLength));
  }

  /**
   * Data in it, or another one, is opened here, as the main thread may not; but what tells of the relay, that it has moved or has
   * its keys, that one must hear of all the same.
   */
  #relayed(session: number, offset: number, length: number): void {
    const { view } = this.#arena;
    const counter = this.#counterOf(offset);
    if (counter < 0) return this.#telemetry.count(Drop.malformed, 1);
    const drop = this.#open(session, counter, offset, length);
    if (drop !== Drop.none) return this.#telemetry.count(drop, 1);
    this.#cells.receivedRelayed(session);
    const { sessions } = this.#tables;
    const flags = (view.getInt32(offset) & flagsMask) >> 8;
    const isNewest = this.#windows.isNewest(session, counter);
    const isSettled = this.#isHere(session, isNewest) && sessions.confirmed[session] === 1;
    const at = offset + transportHeaderLength;
    const plainLength = length - transportHeaderLength - tagLength;
    this.#punts.message(sessions.localIndex[session]!, counter, flags | relayedFlag, isNewest);
    const isDone = flags === forUs
      ? this.#isOurs(at, plainLength)
      : flags === forOthers && this.#relay.pass(session, at, plainLength, this.#via);
    // Of tags that nobody has there may be as many as a peer likes to make, too.
    const mayPunt = isDone || this.#shares.takeOfPeer(sessions.peer[session]!, view.getInt32(at));
    if (!isDone) return this.#punted(mayPunt && this.#punts.opened(this.#from, at, plainLength));
    if (!isSettled) this.#punted(this.#punts.opened(this.#from, at, 0));
    if (flags === forUs) this.#fromRelay(session, at, plainLength);
  }

  /** Whether the plaintext of a relayed message has a message of a session that is known here, and of a type that is opened here. */
  #isOurs(at: number, length: number): boolean {
    const { view } = this.#arena;
    const message = at + relayTagLength;
    if (length < relayTagLength + transportHeaderLength + tagLength) return false;
    const header = view.getInt32(message) & headerMask;
    return (header === dataHeader || header === relayHeader) &&
      this.#tables.sessions.find(view.getInt32(message + 4)) >= 0;
  }

  #fromRelay(session: number, at: number, length: number): void {
    if (++this.#layers > mostRelays) return this.#telemetry.count(Drop.loop, 1);
    const { sessions } = this.#tables;
    const { view } = this.#arena;
    writeRelaySender(this.#arena, this.#relaySender, sessions.localIndex[session]!, at);
    this.#from = this.#relaySender;
    this.#fromLength = 0;
    this.#via = sessions.peer[session]!;
    const message = at + relayTagLength;
    const inner = sessions.find(view.getInt32(message + 4));
    const isData = (view.getInt32(message) & headerMask) === dataHeader;
    if (isData) this.#data(inner, message, length - relayTagLength);
    else this.#relayed(inner, message, length - relayTagLength);
  }

  /** Of the message at `offset`; negative when it is above what sessions here have. */
  #counterOf(offset: number): number {
    const { view } = this.#arena;
    return view.getInt32(offset + 8) === 0 ? view.getInt32(offset + 12) : -1;
  }

  /** Whether it tells nothing new of where the peer is. What is late tells nothing, but for the relay that it has taken. */
  #isHere(session: number, isNewest: boolean): boolean {
    const { peers, relays, sessions } = this.#tables;
    const peer = sessions.peer[session]!;
    const via = this.#via;
    const isHere = via < 0
      ? !isNewest || peers.isAt(peer, this.#from, this.#fromLength)
      : relays.via[peer] === via && relays.isTag(peer, this.#arena, this.#relaySender + tagInSender);
    if (!isHere) this.#cells.receivedStray(session);
    return isHere;
  }

  /**
   * A GRE packet as it is, of the peer that is exactly there; false: it is the main thread's, as are messages, none of which
   * begins so. It moves nothing but traffic figures: neither the window nor what counts as a sign of life.
   */
  #plain(offset: number, length: number, from: number, fromLength: number): boolean {
    const { peers, sessions } = this.#tables;
    const peer = peers.findPlain(from, fromLength);
    const session = peer < 0 ? -1 : peers.session[peer]!;
    // A session that ended may be another peer's by now, and so would be the packet.
    if (session < 0 || !sessions.has(session) || sessions.peer[session] !== peer) return false;
    if (!this.#finish(session, offset, length)) return false;
    this.#cells.receivedPlain(session, length);
    return true;
  }

  /** Only what is authentic moves the window. */
  #open(session: number, counter: number, offset: number, length: number): Drop {
    const sealed = offset + transportHeaderLength;
    const key = this.#tables.sessions.receiving[session]!;
    if (!key.open(counter, 0, offset, sealed, length - transportHeaderLength, sealed)) return Drop.badTag;
    return this.#windows.accept(session, counter, 0) ? Drop.none : Drop.replayed;
  }

  /** The GRE packet is delivered, or dropped and counted; false: it is the main thread's. */
  #finish(session: number, offset: number, length: number): boolean {
    const { sessions, incomplete } = this.#tables;
    if (incomplete !== 0 || sessions.confirmed[session] !== 1 || length < greHeaderLength) return false;
    const peer = sessions.peer[session]!;
    const gre = this.#arena.view.getUint16(offset);
    if (gre === 0) return this.#deliver(peer, offset, length, 0);
    if (gre !== greKeyOnly || sessions.partialChecksum[session] !== 1 || length < 8) return false;
    const key = this.#arena.view.getInt32(offset + 4);
    return key !== 0 && this.#deliver(peer, offset, length, key);
  }

  #deliver(peer: number, gre: number, length: number, key: number): boolean {
    const protocol = this.#arena.view.getUint16(gre + 2);
    const headerLength = key === 0 ? 4 : 8;
    const at = gre + headerLength;
    const { packet } = this.#coalescer;
    const fault = packet.parse(at, length - headerLength, protocol);
    if (fault === Drop.badChecksum) return this.#counted(fault);
    if (fault !== Drop.none || !packet.isPlain) return false;
    const holder = protocol === EtherType.ipv4 ? this.#holder4(peer, at) : this.#holder6(peer, at);
    if (holder < 0) return false;
    const known = this.#known();
    if (known === Known.allowed) return this.#counted(this.#add(holder, key));
    if (known === Known.denied) return this.#counted(Drop.denied);
    this.#asking = peer;
    return false;
  }

  /** What the policy has said of the packet in hand. What an error is about decides about it, which only main reads. */
  #known(): Known {
    const { verdicts } = this.#tables;
    if (!verdicts.isOn) return Known.allowed;
    const { packet } = this.#coalescer;
    return packet.isIcmpError ? Known.unknown : verdicts.find(packet, false);
  }

  #add(holder: number, key: number): Drop {
    const coalescer = this.#coalescer;
    coalescer.destinationMac = this.#tables.locals.macOffset(holder);
    coalescer.sourceMac = this.#sourceMac;
    const drop = coalescer.add(key);
    if (drop !== Drop.none) return drop;
    this.#telemetry.add(Tally.packetsDelivered, 1);
    this.#telemetry.add(Tally.packetBytesDelivered, coalescer.packet.length);
    return drop;
  }

  #counted(drop: Drop): true {
    this.#telemetry.count(drop, 1);
    return true;
  }

  /** The interface for the packet, with the MAC of its source written; −1 when main is to judge. */
  #holder4(peer: number, packet: number): number {
    const { view } = this.#arena;
    const { routes, locals } = this.#tables;
    const source = view.getInt32(packet + 12);
    if (routes.lookup4(source) !== peer) return -1;
    writeDerivedMac4(this.#arena, this.#sourceMac, source);
    return locals.find4(view.getInt32(packet + 16));
  }

  #holder6(peer: number, packet: number): number {
    const { bytes } = this.#arena;
    const { routes, locals } = this.#tables;
    const source = packet + 8;
    if (routes.lookup6(bytes, source) !== peer) return -1;
    writeDerivedMac6(this.#arena, this.#sourceMac, source);
    return locals.find6(bytes, packet + 24);
  }

  /** Of packets for which only a verdict is missing there may be as many as a peer likes to make. */
  #maySend(): boolean {
    if (this.#asking < 0) return true;
    // The last word of the source.
    const { packet } = this.#coalescer;
    const source = this.#arena.view.getInt32(packet.destinationOffset - 4);
    return this.#shares.takeOfPeer(this.#asking, source);
  }

  #punted(isTaken: boolean): void {
    if (isTaken) return this.#telemetry.add(Tally.punted, 1);
    this.#telemetry.add(Tally.puntsLost, 1);
    this.#telemetry.count(Drop.queueFull, 1);
  }
}
