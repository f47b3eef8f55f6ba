/**
 * What containers send: from the TAP device to the underlay. A frame goes on from here only if it is an IP packet from an
 * interface's own address to its next hop, an address that a peer with a session owns, and if the path takes it: sealed, or as
 * it is to a peer in a network that both sides trust. Each
 * other frame is the main thread's, which decides as `core/forwarding` says; so this file holds no rule of its own.
 */
import { Drop } from "../contracts/drop.ts";
import type { Arena } from "./arena.ts";
import { dataHeader, relayedAt, relayedGrowth, tagLength, transportHeaderLength } from "./data_message.ts";
import { isDerivedMac6, isSameMac } from "./derived_mac.ts";
import type { DatapathTables } from "./datapath_tables.ts";
import type { PuntShares } from "./punt_shares.ts";
import type { RelayPath } from "./relay_path.ts";
import type { SessionCells } from "./session_cells.ts";
import type { Segmenter } from "./segmenter.ts";
import { ETHERNET_LENGTH, EtherType, VNET_LENGTH } from "./super_frame.ts";
import { Tally, type Telemetry } from "./telemetry.ts";
import type { Train } from "./train.ts";
import { Known } from "./verdict_table.ts";

/** What goes to the main thread; false when there is no room for it. */
export interface FramePunts {
  frame(offset: number, length: number): boolean;
}

export interface OutboundParts {
  readonly arena: Arena;
  readonly tables: DatapathTables;
  readonly segmenter: Segmenter;
  readonly train: Train;
  readonly cells: SessionCells;
  readonly telemetry: Telemetry;
  readonly punts: FramePunts;
  readonly shares: Pick<PuntShares, "takeOfInterface">;
  readonly relay: RelayPath;
}

/** The K bit of GRE. */
const greKey = 0x2000_0000;

export class Outbound {
  readonly #arena: Arena;
  readonly #tables: DatapathTables;
  readonly #segmenter: Segmenter;
  readonly #train: Train;
  readonly #cells: SessionCells;
  readonly #telemetry: Telemetry;
  readonly #punts: FramePunts;
  readonly #shares: OutboundParts["shares"];
  readonly #relay: RelayPath;
  readonly #ethernet = new Uint8Array(ETHERNET_LENGTH);
  readonly #way: RememberedWay;

  constructor(parts: OutboundParts) {
    const { arena, tables, segmenter, train, cells, telemetry, punts, shares, relay } = parts;
    this.#arena = arena;
    this.#tables = tables;
    this.#segmenter = segmenter;
    this.#train = train;
    this.#cells = cells;
    this.#telemetry = telemetry;
    this.#punts = punts;
    this.#shares = shares;
    this.#relay = relay;
    this.#way = new RememberedWay(arena, tables);
  }

  /**
   * What was read from the TAP device, at `offset`: the header for offloads, then a frame. Returns the number of packets that it
   * became.
   */
  frame(offset: number, length: number): number {
    const segmenter = this.#segmenter;
    const count = segmenter.begin(offset, length);
    this.#telemetry.add(Tally.framesIn, 1);
    this.#telemetry.add(Tally.frameBytesIn, length < VNET_LENGTH ? 0 : length - VNET_LENGTH);
    if (count === 0) {
      this.#telemetry.count(segmenter.drop, 1);
      return 1;
    }
    const peer = this.#peerOf(offset + VNET_LENGTH);
    if (peer >= 0 && this.#tables.verdicts.isOn && !this.#isAllowed(offset + VNET_LENGTH, count)) {
      return count;
    }
    const session = peer < 0 ? -1 : this.#tables.peers.session[peer]!;
    // Before the first one is sealed, so that no counter is used twice whatever becomes of this thread.
    const isPlain = session >= 0 && this.#tables.peers.isPlain[peer] === 1;
    if (isPlain && this.#cells.isLive(session)) return this.#sendPlain(peer, session, count);
    const isRelayed = session >= 0 && this.#tables.relays.via[peer]! >= 0;
    if (isRelayed && this.#sealRelayed(peer, session, count)) return count;
    const first = session < 0 || isRelayed ? -1 : this.#cells.take(session, count);
    if (first < 0) this.#punt(offset + VNET_LENGTH, length - VNET_LENGTH, count);
    else for (let i = 0; i < count; i++) this.#seal(peer, session, first + i);
    return count;
  }

  /** False for what the policy denies, and for what it has to be asked about: that is done with here. */
  #isAllowed(frame: number, count: number): boolean {
    const { packet } = this.#segmenter;
    // What an error is about decides about it, which only the main thread reads.
    const known = packet.isIcmpError ? Known.unknown : this.#tables.verdicts.find(packet, true);
    if (known === Known.denied) this.#telemetry.count(Drop.denied, count);
    if (known === Known.unknown) this.#ask(frame, count);
    return known === Known.allowed;
  }

  /** The peer to send to, or −1. */
  #peerOf(frame: number): number {
    const { protocol, needsChecksum, longest, packet } = this.#segmenter;
    if (protocol === 0 || this.#tables.incomplete !== 0 || !packet.isPlain) return -1;
    const peer = protocol === EtherType.ipv4 ? this.#way.peer4(frame) : this.#way.peer6(frame);
    const { peers, sessions } = this.#tables;
    if (peer < 0 || peer >= peers.capacity || !this.#train.hasSocket) return -1;
    const session = peers.session[peer]!;
    // One whose keys this library refused stays with the main thread; one that ended may be another peer's by now.
    if (session < 0 || !sessions.has(session) || sessions.peer[session] !== peer) return -1;
    const greLength = needsChecksum && sessions.partialChecksum[session] === 1 ? 8 : 4;
    return greLength + longest > peers.longest[peer]! ? -1 : peer;
  }

  /** As it is, without a counter: nothing of it could be used twice. */
  #sendPlain(peer: number, session: number, count: number): number {
    const segmenter = this.#segmenter;
    const isPartial = segmenter.needsChecksum && this.#tables.sessions.partialChecksum[session] === 1;
    const greLength = isPartial ? 8 : 4;
    for (let i = 0; i < count; i++) {
      segmenter.next(!isPartial);
      const { offset, length } = segmenter;
      const size = greLength + length;
      const out = this.#train.room(peer, size);
      this.#writeGre(out, isPartial);
      this.#arena.bytes.copyWithin(out + greLength, offset, offset + length);
      this.#train.added(peer, size);
      this.#telemetry.add(Tally.packetsSent, 1);
      this.#telemetry.add(Tally.packetBytesSent, length);
      this.#cells.sentPlain(session, size);
    }
    return count;
  }

  #seal(peer: number, session: number, counter: number): void {
    const length = this.#nextGre(session);
    const size = transportHeaderLength + length + tagLength;
    const out = this.#train.room(peer, size);
    if (this.#sealAt(out, session, counter, length)) this.#train.added(peer, size);
  }

  /** All of what is in hand, in the session with a peer that is behind another one; false: it is the main thread's. */
  #sealRelayed(peer: number, session: number, count: number): boolean {
    const via = this.#tables.relays.via[peer]!;
    const leg = this.#relay.sessionWith(via);
    const legFirst = leg < 0 ? -1 : this.#cells.take(leg, count);
    const first = legFirst < 0 ? -1 : this.#cells.take(session, count);
    if (first < 0) return false;
    for (let i = 0; i < count; i++) {
      const length = this.#nextGre(session);
      const size = transportHeaderLength + length + tagLength + relayedGrowth;
      const out = this.#train.room(via, size);
      if (!this.#sealAt(out + relayedAt, session, first + i, length)) continue;
      this.#relay.sealTo(peer, legFirst + i, out, size);
    }
    return true;
  }

  /** Writes the GRE header of the next packet in front of it; gives the length of both. */
  #nextGre(session: number): number {
    const segmenter = this.#segmenter;
    const isPartial = segmenter.needsChecksum && this.#tables.sessions.partialChecksum[session] === 1;
    segmenter.next(!isPartial);
    const greLength = isPartial ? 8 : 4;
    this.#writeGre(segmenter.offset - greLength, isPartial);
    return greLength + segmenter.length;
  }

  /** Seals what {@link Outbound.#nextGre} has made; false if the library failed. */
  #sealAt(out: number, session: number, counter: number, length: number): boolean {
    const { sessions } = this.#tables;
    const { offset, length: packetLength } = this.#segmenter;
    this.#writeHeader(out, sessions.remoteIndex[session]!, counter);
    const plain = offset + packetLength - length;
    const key = sessions.sending[session]!;
    if (!key.seal(counter, 0, out, plain, length, out + transportHeaderLength)) {
      this.#telemetry.count(Drop.noSession, 1);
      return false;
    }
    this.#telemetry.add(Tally.packetsSent, 1);
    this.#telemetry.add(Tally.packetBytesSent, packetLength);
    this.#cells.sealed(session, transportHeaderLength + length + tagLength);
    return true;
  }

  /** In front of the packet, where its frame's header was or a segment that is sealed already. */
  #writeGre(at: number, isPartial: boolean): void {
    const { view } = this.#arena;
    const { protocol, checksumStart, checksumOffset } = this.#segmenter;
    view.setInt32(at, isPartial ? greKey | protocol : protocol);
    if (isPartial) view.setInt32(at + 4, (checksumStart << 16) | checksumOffset);
  }

  #writeHeader(at: number, receiver: number, counter: number): void {
    const { view } = this.#arena;
    view.setInt32(at, dataHeader);
    view.setInt32(at + 4, receiver);
    view.setInt32(at + 8, 0);
    view.setInt32(at + 12, counter);
  }

  #punt(frame: number, length: number, count: number): void {
    if (this.#segmenter.protocol === 0) return this.#give(frame, length);
    this.#keepEthernet(frame);
    for (let i = 0; i < count; i++) this.#give(this.#nextFrame(), ETHERNET_LENGTH + this.#segmenter.length);
  }

  /** Only a verdict is missing: of such there may be as many as a sender likes to make. */
  #ask(frame: number, count: number): void {
    this.#keepEthernet(frame);
    const mac = this.#arena.view.getInt32(frame + 8);
    for (let i = 0; i < count; i++) {
      const at = this.#nextFrame();
      const length = ETHERNET_LENGTH + this.#segmenter.length;
      if (this.#shares.takeOfInterface(mac)) this.#give(at, length);
      else this.#lose();
    }
  }

  #keepEthernet(frame: number): void {
    for (let i = 0; i < ETHERNET_LENGTH; i++) this.#ethernet[i] = this.#arena.bytes[frame + i]!;
  }

  /** The next segment behind a copy of the Ethernet header: a frame of its own. */
  #nextFrame(): number {
    this.#segmenter.next(true);
    const at = this.#segmenter.offset - ETHERNET_LENGTH;
    this.#arena.bytes.set(this.#ethernet, at);
    return at;
  }

  #give(frame: number, length: number): void {
    if (this.#punts.frame(frame, length)) return this.#telemetry.add(Tally.punted, 1);
    this.#lose();
  }

  #lose(): void {
    this.#telemetry.add(Tally.puntsLost, 1);
    this.#telemetry.count(Drop.queueFull, 1);
  }
}

/**
 * The peer to which the last packet went, for as long as nothing has changed: packets come in flows, and the answer is the
 * same for all of one. Only answers that are a peer are remembered.
 */
class RememberedWay {
  readonly #arena: Arena;
  readonly #tables: DatapathTables;
  #version = -1;
  #peer = -1;
  /** Words of the Ethernet header and of both addresses. */
  readonly #words = new Int32Array(12);

  constructor(arena: Arena, tables: DatapathTables) {
    this.#arena = arena;
    this.#tables = tables;
  }

  peer4(frame: number): number {
    const ip = frame + ETHERNET_LENGTH;
    if (this.#isKnown(frame, ip + 12, 2)) return this.#peer;
    this.#peer = this.#find4(frame, ip);
    this.#remember(frame, ip + 12, 2);
    return this.#peer;
  }

  peer6(frame: number): number {
    const ip = frame + ETHERNET_LENGTH;
    if (this.#isKnown(frame, ip + 8, 8)) return this.#peer;
    this.#peer = this.#find6(frame, ip);
    this.#remember(frame, ip + 8, 8);
    return this.#peer;
  }

  #find4(frame: number, ip: number): number {
    const { view } = this.#arena;
    const { locals, routes } = this.#tables;
    const source = locals.find4(view.getInt32(ip + 12));
    if (source < 0 || !isSameMac(this.#arena, locals.macOffset(source), frame + 6)) return -1;
    const destination = view.getInt32(ip + 16);
    if (locals.find4(destination) >= 0) return -1;
    if (view.getInt16(frame) !== 0x0a5e || view.getInt32(frame + 2) !== destination) return -1;
    return routes.lookup4(destination);
  }

  #find6(frame: number, ip: number): number {
    const { bytes } = this.#arena;
    const { locals, routes } = this.#tables;
    const source = locals.find6(bytes, ip + 8);
    if (source < 0 || !isSameMac(this.#arena, locals.macOffset(source), frame + 6)) return -1;
    if (locals.find6(bytes, ip + 24) >= 0) return -1;
    if (!isDerivedMac6(this.#arena, frame, ip + 24)) return -1;
    return routes.lookup6(bytes, ip + 24);
  }

  #isKnown(frame: number, addresses: number, words: number): boolean {
    if (this.#peer < 0 || this.#version !== this.#tables.version) return false;
    const { view } = this.#arena;
    const known = this.#words;
    // The header is 14 bytes: three words, and the type in the last half word.
    if (view.getInt32(frame) !== known[0] || view.getInt32(frame + 4) !== known[1]) return false;
    if (view.getInt32(frame + 8) !== known[2] || view.getInt16(frame + 12) !== known[3]) return false;
    for (let i = 0; i < words; i++) if (view.getInt32(addresses + 4 * i) !== known[4 + i]) return false;
    return true;
  }

  #remember(frame: number, addresses: number, words: number): void {
    const { view } = this.#arena;
    this.#version = this.#tables.version;
    this.#words[0] = view.getInt32(frame);
    this.#words[1] = view.getInt32(frame + 4);
    this.#words[2] = view.getInt32(frame + 8);
    this.#words[3] = view.getInt16(frame + 12);
    for (let i = 0; i < words; i++) this.#words[4 + i] = view.getInt32(addresses + 4 * i);
  }
}
