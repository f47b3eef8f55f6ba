/**
 * The sessions and peers that the data path's worker knows: what the encapsulation tells of them goes on to it, and is
 * kept, for a worker that begins anew is told it all again.
 */
import type {
  ExportedCells,
  ExportedSession,
  ExportedWay,
  Relayed,
  RelayRates,
  SessionExporter,
} from "../contracts/encapsulation.ts";
import type { Endpoint, PeerId } from "../contracts/values.ts";
import type { Command, SetPeer } from "../datapath/control.ts";
import { datapathLimits } from "../datapath/datapath_limits.ts";
import { ReplayWindows } from "../datapath/replay_windows.ts";
import { SessionCells, type SessionTraffic } from "../datapath/session_cells.ts";
import { anySource } from "../datapath/source_address.ts";
import type { Tell, WorkerLink } from "../datapath/worker_link.ts";
import { isSameSockaddr } from "../runtime/reply_sources.ts";
import {
  isRelayEndpoint,
  relayedPlace,
  relayEndpoint,
  relayTagLength,
  relayTagOf,
} from "../wire/relay_endpoint.ts";
import { encodeSockaddr, SOCKADDR_LENGTH } from "../runtime/socket_address.ts";
import { isStreamEndpoint } from "../wire/stream_endpoint.ts";

interface Shared extends ExportedSession {
  readonly slot: number;
  isConfirmed: boolean;
}

interface KnownPeer {
  readonly slot: number;
  /** What it is named to relays; zero for an id that is none. */
  readonly tag: Uint8Array;
  /** Of its last session: it takes what is passed on to it. */
  takesRelayed: boolean;
  /** Slot of the peer that it is behind, as the workers were told last; −1 for none. */
  via: number;
  way: ExportedWay | undefined;
  /** As the workers were told last. */
  place: Pick<SetPeer, "sockaddr" | "source">;
  /** By local index. */
  readonly sessions: Map<number, Shared>;
  /** Of sessions that are over, less what was handed over. */
  readonly past: { packetsIn: number; bytesIn: number; packetsOut: number; bytesOut: number };
  /** In sessions that are over. */
  readonly passedOn: { packets: number; bytes: number };
}

const noTag = new Uint8Array(relayTagLength);

export type PeerTraffic = Omit<SessionTraffic, "sent">;

const NONE = -1;
const nowhere = { sockaddr: new Uint8Array(0), source: anySource };

export class DatapathSessions implements SessionExporter {
  readonly partialChecksum = true;
  readonly #link: WorkerLink;
  readonly #changed: () => void;
  readonly #cells: SessionCells;
  readonly #windows: ReplayWindows;
  readonly #peers = new Map<PeerId, KnownPeer>();
  readonly #peerOf = new Map<number, PeerId>();
  #rates: RelayRates | undefined;
  readonly #freeSlots = Array.from({ length: datapathLimits.peers }, (_, index) => index).reverse();
  /** Routes that the worker was told may still name them. */
  #namedSlots: number[] = [];

  /** `changed` is called when routes lead to another peer than before, or to one more or less. */
  constructor(link: WorkerLink, changed: () => void) {
    this.#link = link;
    this.#changed = changed;
    this.#cells = new SessionCells(link.memory.cells);
    this.#windows = new ReplayWindows(link.memory.windows);
    link.onSource((sockaddr) => this.#tellThoseAt(sockaddr));
  }

  relaying(rates: RelayRates): void {
    this.#rates = rates;
    this.#link.tell({ kind: "relaying", ...rates });
  }

  opened(session: ExportedSession): ExportedCells | undefined {
    const { facts, family } = this.#link;
    const has = facts.ciphers.some(({ name }) => name === session.keys.aead);
    const peer = has && family !== undefined ? this.#peerFor(session.peer) : undefined;
    const slot = peer === undefined ? NONE : this.#cells.open();
    if (peer === undefined || slot === NONE) {
      wipe(session);
      this.#forgetIfGone(session.peer);
      return undefined;
    }
    const shared = { ...session, slot, isConfirmed: false };
    peer.sessions.set(session.keys.localIndex, shared);
    this.#peerOf.set(session.keys.localIndex, session.peer);
    this.#windows.reset(slot);
    if (peer.takesRelayed !== session.relayed) {
      peer.takesRelayed = session.relayed;
      this.#link.tell(relayOf(peer));
    }
    this.#link.tell(opening(peer, shared));
    return this.#cellsOf(slot);
  }

  confirmed(localIndex: number): void {
    const shared = this.#shared(localIndex);
    if (shared === undefined) return;
    shared.isConfirmed = true;
    this.#link.tell({ kind: "confirm", slot: shared.slot });
  }

  current(id: PeerId, way: ExportedWay): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.way = way;
    this.#tellPeer(peer);
  }

  ended(localIndex: number): void {
    const id = this.#peerOf.get(localIndex);
    const peer = id === undefined ? undefined : this.#peers.get(id);
    const shared = peer?.sessions.get(localIndex);
    if (id === undefined || peer === undefined || shared === undefined) return;
    const { slot } = shared;
    add(peer.past, this.#cells.traffic(slot));
    addRelayed(peer.passedOn, this.#cells.relayed(slot));
    peer.sessions.delete(localIndex);
    this.#peerOf.delete(localIndex);
    this.#cells.end(slot);
    // Nothing is to be sent in a session whose slot may be another's soon.
    if (peer.way?.localIndex === localIndex) this.#tellPeer(peer);
    this.#link.tell({ kind: "end-session", slot });
    wipe(shared);
    this.#forgetIfGone(id);
  }

  down(id: PeerId): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.way = undefined;
    this.#tellPeer(peer);
    this.#forgetIfGone(id);
  }

  /** Slot of a peer that has sessions in the worker; undefined for all others. */
  slotOf(peer: PeerId): number | undefined {
    return this.#peers.get(peer)?.slot;
  }

  /** Whether the worker seals what goes to this peer. */
  carries(id: PeerId): boolean {
    const peer = this.#peers.get(id);
    if (peer?.way === undefined || !peer.sessions.has(peer.way.localIndex)) return false;
    const relay = relayedPlace(peer.way.endpoint)?.relay;
    if (relay === undefined) return !isStreamEndpoint(peer.way.endpoint);
    // One that is itself behind a relay, or in a stream, is sent to by the main thread.
    const neighbour = this.#peers.get(relay)?.way;
    return neighbour !== undefined && !isRelayEndpoint(neighbour.endpoint) &&
      !isStreamEndpoint(neighbour.endpoint);
  }

  /** A message that the worker has opened and counted, and this thread carries: it is counted there. */
  handedOver(localIndex: number, bytes: number): void {
    const id = this.#peerOf.get(localIndex);
    const past = id === undefined ? undefined : this.#peers.get(id)?.past;
    if (past === undefined) return;
    past.packetsIn--;
    past.bytesIn -= bytes;
  }

  has(localIndex: number): boolean {
    return this.#peerOf.has(localIndex);
  }

  /** All that the worker has carried of this peer since it was last unknown; undefined for one that is not known. */
  traffic(id: PeerId): PeerTraffic | undefined {
    const peer = this.#peers.get(id);
    if (peer === undefined) return undefined;
    const sum = { ...peer.past };
    for (const { slot } of peer.sessions.values()) add(sum, this.#cells.traffic(slot));
    return sum;
  }

  /** What the workers have passed on for this peer. */
  relayed(id: PeerId): Relayed {
    const peer = this.#peers.get(id);
    const sum = { packets: 0, bytes: 0 };
    if (peer === undefined) return sum;
    addRelayed(sum, peer.passedOn);
    for (const { slot } of peer.sessions.values()) addRelayed(sum, this.#cells.relayed(slot));
    return sum;
  }

  /** Where that is which a worker says to have come through a relay; undefined when there is no session with that any more. */
  placeBehind(localIndex: number, tag: Uint8Array): Endpoint | undefined {
    const relay = this.#peerOf.get(localIndex);
    return relay && relayEndpoint(relay, tag);
  }

  /** The worker has been told routes of now: no slot that was given back before is named any more. */
  routesTold(): void {
    this.#freeSlots.push(...this.#namedSlots);
    this.#namedSlots = [];
  }

  /** To a worker that knows nothing: sessions before the peers that are sent to in them. */
  tellAll(tell: Tell): void {
    if (this.#rates !== undefined) tell({ kind: "relaying", ...this.#rates });
    for (const peer of this.#peers.values()) {
      for (const shared of peer.sessions.values()) {
        tell(opening(peer, shared));
        if (shared.isConfirmed) tell({ kind: "confirm", slot: shared.slot });
      }
      tell(relayOf(peer));
      if (peer.way !== undefined) tell(this.#placing(peer));
    }
  }

  #peerFor(id: PeerId): KnownPeer | undefined {
    const present = this.#peers.get(id);
    if (present !== undefined) return present;
    const slot = this.#freeSlots.pop();
    if (slot === undefined) return undefined;
    const past = { packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 };
    const relay = { tag: relayTagOf(id) ?? noTag, takesRelayed: false, via: NONE };
    const passedOn = { packets: 0, bytes: 0 };
    const peer = { slot, ...relay, way: undefined, place: nowhere, sessions: new Map(), passedOn, past };
    this.#peers.set(id, peer);
    this.#link.tell(relayOf(peer));
    this.#tellThoseBehind(id);
    this.#changed();
    return peer;
  }

  #forgetIfGone(id: PeerId): void {
    const peer = this.#peers.get(id);
    if (peer === undefined || peer.way !== undefined || peer.sessions.size > 0) return;
    this.#peers.delete(id);
    this.#namedSlots.push(peer.slot);
    this.#tellThoseBehind(id);
    this.#changed();
  }

  #shared(localIndex: number): Shared | undefined {
    const id = this.#peerOf.get(localIndex);
    return id === undefined ? undefined : this.#peers.get(id)?.sessions.get(localIndex);
  }

  #tellPeer(peer: KnownPeer): void {
    const via = this.#viaOf(peer);
    if (via !== peer.via) {
      peer.via = via;
      this.#link.tell(relayOf(peer));
    }
    this.#link.tell(this.#placing(peer));
  }

  #viaOf({ way }: KnownPeer): number {
    const relay = way && relayedPlace(way.endpoint)?.relay;
    return relay === undefined ? NONE : this.slotOf(relay) ?? NONE;
  }

  /** The relay has a slot from now on, or none any more. */
  #tellThoseBehind(relay: PeerId): void {
    for (const peer of this.#peers.values()) {
      if (peer.way !== undefined && relayedPlace(peer.way.endpoint)?.relay === relay) this.#tellPeer(peer);
    }
  }

  /** Packets come from there to another address of this host than before: answers leave from that one. */
  #tellThoseAt(sockaddr: Uint8Array): void {
    for (const peer of this.#peers.values()) {
      const { place } = peer;
      if (peer.way === undefined || !isSameSockaddr(place.sockaddr, sockaddr)) continue;
      const source = this.#sourceTo(place.sockaddr);
      if (place.source.some((byte, index) => byte !== source[index])) this.#tellPeer(peer);
    }
  }

  #placing(peer: KnownPeer): Command {
    const { slot, way, sessions } = peer;
    const session = way === undefined ? undefined : sessions.get(way.localIndex);
    const isUp = session !== undefined;
    const isPlain = isUp && way?.isPlain === true;
    const longest = way?.longest ?? 0;
    peer.place = way === undefined ? nowhere : this.#placeOf(way.endpoint);
    return { kind: "peer", slot, session: session?.slot ?? NONE, longest, isUp, isPlain, ...peer.place };
  }

  #placeOf(endpoint: Endpoint): KnownPeer["place"] {
    const sockaddr = this.#sockaddr(endpoint);
    return { sockaddr, source: this.#sourceTo(sockaddr) };
  }

  #sourceTo(sockaddr: Uint8Array): Uint8Array {
    return this.#link.sourceOf(sockaddr) ?? anySource;
  }

  #sockaddr(endpoint: Endpoint): Uint8Array {
    const bytes = new Uint8Array(SOCKADDR_LENGTH);
    return bytes.subarray(0, encodeSockaddr(endpoint, this.#link.family ?? 6, bytes, 0));
  }

  #cellsOf(slot: number): ExportedCells {
    const [cells, windows] = [this.#cells, this.#windows];
    return {
      takeCounter: () => cells.take(slot, 1),
      get sent() {
        return cells.traffic(slot).sent;
      },
      get received() {
        return cells.packetsIn(slot);
      },
      get strayed() {
        return cells.strayed(slot);
      },
      get passedOn() {
        return cells.relayed(slot).packets;
      },
      get sentPlain() {
        return cells.plainPacketsOut(slot);
      },
      get newest() {
        return windows.newest(slot);
      },
    };
  }
}

function opening(peer: KnownPeer, { slot, keys, partialChecksum }: Shared): Command {
  const { localIndex, remoteIndex, aead: cipher, send: sendKey, receive: receiveKey } = keys;
  return {
    kind: "open-session",
    slot,
    peer: peer.slot,
    localIndex: localIndex | 0,
    remoteIndex: remoteIndex | 0,
    cipher,
    sendKey,
    receiveKey,
    partialChecksum,
  };
}

function relayOf({ slot, via, takesRelayed: takes, tag }: KnownPeer): Command {
  return { kind: "relay", slot, via, takes, tag };
}

function addRelayed(sum: { packets: number; bytes: number }, { packets, bytes }: Relayed): void {
  sum.packets += packets;
  sum.bytes += bytes;
}

function add(sum: KnownPeer["past"], { packetsIn, bytesIn, packetsOut, bytesOut }: PeerTraffic): void {
  sum.packetsIn += packetsIn;
  sum.bytesIn += bytesIn;
  sum.packetsOut += packetsOut;
  sum.bytesOut += bytesOut;
}

function wipe({ keys }: ExportedSession): void {
  keys.send.fill(0);
  keys.receive.fill(0);
}
