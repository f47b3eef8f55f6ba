/**
 * The encapsulation as one pure machine: it sorts datagrams by type and hands them to the part that owns them.
 *
 *     datagram ──type──> initiation ──────> Gate ─> Responder ──> Links.admit ──> Link (next session)
 *                        response ────index──────> Dial ───────> Links.admit ──> Link (current session)
 *                        data, keepalive, close ─index─> Link ──> packet, round-trip, roamed, session-up / -down
 *                        probe, probed ──────index─> Link ──> path-mtu
 *                        part ───────────────index─> Link ──> the record, once it is whole, as if it had come itself
 *                        data of a shared session ─> nobody: it is the worker's, which hands it over opened
 *                        knock ───────────> Gate ─> JoinServer ─> join-requested
 *                        plea, join missing ─index─> its pending join
 *                        admit, join answer ─index─> JoinClient ─> join-answered, join-failed
 *                        cookie ─────────────index─> Dial or JoinClient: the same once more, with mac2
 *                        who-is / I-am ──────────> answered statelessly / Ask ──> Dial
 *                        note ───────────────────> Notes ──> note
 *                        unknown index ──────────> Link ──> Dial
 *                        relayed ────────────index─> Relays ──> passed on, or judged anew as what it carries
 *                        plain GRE ──────────place─> Link, if the peer there and this node have agreed on it ──> packet
 *
 * Every datagram ends in a Drop or in `none`; nothing it contains can throw or change anything before it has verified.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type {
  ArrivalCounting,
  Arrivals,
  Encapsulation,
  EncapsulationOutput,
  JoinAnswer,
  Joining,
  JoinRequest,
  MappingKeeping,
  Notes as NoteCarrying,
  OpenedMessage,
  OverlayPacket,
  PathMeasuring,
  Relayed,
  Relaying,
  SessionExport,
  SessionExporter,
  SessionTarget,
  WayOpening,
  WayProbing,
} from "../../core/contracts/encapsulation.ts";
import type { Endpoint, Millis, PeerId, PeerRecord } from "../../core/contracts/values.ts";
import { sameEndpoint } from "../../core/wire/endpoint.ts";
import { relayedPlace } from "../../core/wire/relay_endpoint.ts";
import { pathMtuLimits } from "../../core/forwarding/path_mtu.ts";
import { sourceOf } from "../../core/wire/source.ts";
import { isStreamEndpoint } from "../../core/wire/stream_endpoint.ts";
import { TokenBucket } from "./bucket.ts";
import { limits, overhead, relayOverhead } from "./constants.ts";
import { Dialer } from "./dialer.ts";
import type { Addressed } from "./indices.ts";
import { JoinClient } from "./join_client.ts";
import { JoinServer } from "./join_server.ts";
import type { Link } from "./link.ts";
import type { LinkOwner, RelayedMessage } from "./link_owner.ts";
import { Links } from "./links.ts";
import type { Local, NoiseHost } from "./local.ts";
import type { NoteKeys } from "./note_keys.ts";
import { Notes, type SenderOf } from "./notes.ts";
import { localOf, type NoiseOptions } from "./options.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { Relays } from "./relays.ts";
import { Responder } from "./responder.ts";
import type { Stamps } from "./stamps.ts";
import { answerWhoIs } from "./who_is.ts";
import {
  decodeCookie,
  decodeReply,
  decodeUnknownIndex,
  encodeUnknownIndex,
  isPlain,
  isTransport,
  MessageType,
  readReceiver,
  readType,
} from "./wire.ts";

export class NoiseMachine
  implements
    Encapsulation,
    Joining,
    SessionExport,
    PathMeasuring,
    ArrivalCounting,
    Relaying,
    NoteCarrying,
    WayProbing,
    WayOpening,
    MappingKeeping,
    LinkOwner<Link> {
  readonly overhead = overhead;
  readonly relayOverhead = relayOverhead;
  readonly local: Local;
  readonly underlayMtu: number;
  readonly #links: Links;
  readonly #dialer: Dialer;
  readonly #responder: Responder;
  readonly #relays: Relays;
  readonly #joinServer: JoinServer;
  readonly #notes: Notes;
  readonly #whoIsAnswers: RateLimiter;
  readonly #unknownIndexAnswers: RateLimiter;
  readonly #unknownIndexCalls = new TokenBucket(limits.unknownIndexCalls, 0);
  #joinClient: JoinClient | undefined;
  #measuredMtu: number | undefined;

  constructor(host: NoiseHost, options: NoiseOptions = {}) {
    this.local = localOf(host, options);
    this.underlayMtu = options.underlayMtu ?? pathMtuLimits.likely;
    this.#whoIsAnswers = new RateLimiter(limits.whoIsAnswers, host.random);
    this.#unknownIndexAnswers = new RateLimiter(limits.unknownIndexAnswers, host.random);
    this.#links = new Links(this.local, this);
    this.#dialer = new Dialer(this.local, this.#links);
    this.#responder = new Responder(this.local, this.#links);
    this.#joinServer = new JoinServer(this.local);
    this.#relays = new Relays(this.local, this.#links, {
      arrived: (message, from, now) => this.handleDatagram(message, from, now),
      leadsNowhere: (place, now) => this.#leadsNowhere(place, now),
    });
    this.#notes = new Notes(this.local);
  }

  /** Where stamps start: before the first handshake. */
  get stamps(): Stamps {
    return this.local.stamps;
  }

  /** Members whose keys of notes are kept, and whose ciphers. */
  get noteKeys(): NoteKeys["sizes"] {
    return this.#notes.keys.sizes;
  }

  /** For paths that are measured. */
  get measuredMtu(): number | undefined {
    return this.#measuredMtu;
  }

  connect(target: SessionTarget, now: Millis): void {
    this.#dialer.connect(target, now);
  }

  forget(endpoint: Endpoint): void {
    this.#dialer.forgetEndpoint(endpoint);
  }

  nextAttempt(endpoint: Endpoint): Millis | undefined {
    return this.#dialer.nextAttempt(endpoint);
  }

  disconnect(peer: PeerId, now: Millis): void {
    this.#dialer.forgetPeer(peer);
    const link = this.#links.get(peer);
    if (link === undefined) return;
    link.sought.clear();
    link.end("disconnected", now, true);
  }

  seal(peer: PeerId, packet: OverlayPacket, now: Millis): Drop {
    return this.#links.get(peer)?.seal(packet, now) ?? Drop.noSession;
  }

  relayed(peer: PeerId): Relayed {
    return this.#relays.count(peer);
  }

  keepMappings(every: Millis): void {
    this.local.keeping.every = every;
  }

  probe(peer: PeerId, endpoint: Endpoint, now: Millis): void {
    this.#links.get(peer)?.ways.probe(endpoint, now);
  }

  opened(place: Endpoint, now: Millis): void {
    this.#joinClient?.opened(place, now);
    this.#dialer.opened(place, now);
  }

  arrivals(peer: PeerId): Arrivals | undefined {
    return this.#links.get(peer)?.arrivals();
  }

  join(request: JoinRequest, now: Millis): void {
    this.#joinClient?.stop();
    this.#joinClient = new JoinClient(this.local, request, now);
  }

  answerJoin(request: number, answer: JoinAnswer, now: Millis): void {
    this.#joinServer.answer(request, answer, now);
  }

  exportSessions(to: SessionExporter): void {
    this.local.exporting.to = to;
    const { policy, rates } = this.local.relaying;
    if (policy !== "never") to.relaying(rates);
  }

  handleOpened(message: OpenedMessage, now: Millis): Drop {
    return this.local.indices.get(message.localIndex)?.receiveOpened?.(message, now) ?? Drop.unknownSession;
  }

  measurePaths(): void {
    this.#measuredMtu = this.underlayMtu;
  }

  takeNotes(senderOf: SenderOf): void {
    this.#notes.take(senderOf);
  }

  forgetMember(peer: PeerId): void {
    this.#notes.keys.forget(peer);
  }

  sendNote(to: PeerRecord, endpoint: Endpoint, body: Uint8Array, now: Millis): Drop {
    const relay = relayedPlace(endpoint)?.relay;
    if (relay !== undefined && !this.isOpen(relay, to.id)) return Drop.noSession;
    return this.#notes.send(to, endpoint, body, now);
  }

  handleDatagram(datagram: Uint8Array, from: Endpoint, now: Millis): Drop {
    const { trusted } = this.local;
    if (isPlain(datagram) && !trusted.isNone) return trusted.receive(datagram, from, now);
    const read = readType(datagram);
    if (typeof read === "number") return read;
    switch (read.type) {
      case MessageType.initiation:
        return this.#responder.receive(datagram, from, now);
      case MessageType.knock:
        return this.#joinServer.receiveKnock(datagram, from, now);
      case MessageType.whoIs:
        return answerWhoIs(this.local, this.#whoIsAnswers, { datagram, from }, now);
      case MessageType.iAm:
        return this.#dialer.receiveIAm(datagram, now);
      case MessageType.note:
        return this.#notes.receive(datagram, from, now);
      case MessageType.unknownIndex:
        return this.#unknownIndex(datagram, from, now);
      case MessageType.cookie:
        return this.#receiveCookie({ type: read.type, datagram, from }, now);
      case MessageType.response:
      case MessageType.admit:
      case MessageType.plea:
        return this.#receiveReply({ type: read.type, datagram, from }, now);
      case MessageType.data:
      case MessageType.keepalive:
      case MessageType.close:
      case MessageType.probe:
      case MessageType.probed:
      case MessageType.part:
      case MessageType.relay:
      case MessageType.joinAnswer:
      case MessageType.joinMissing:
        return this.#receiveSealed({ type: read.type, datagram, from }, now);
      default:
        return Drop.unsupported;
    }
  }

  handleTimeout(now: Millis): void {
    this.local.deadlines.run(now);
  }

  pollTimeout(): Millis | undefined {
    return this.local.deadlines.next();
  }

  poll(): EncapsulationOutput | undefined {
    return this.local.outbox.take();
  }

  confirmed(link: Link, noiseKey: Uint8Array, now: Millis): void {
    this.#links.bind(link, noiseKey);
    this.#dialer.confirmed(link, noiseKey);
    this.#relays.confirmed(link, now);
  }

  /** A handshake message that has come in parts. It is judged as if it had come by itself, and counts as no more. */
  carried(message: Addressed, now: Millis): Drop {
    const { type, datagram, from } = message;
    if (datagram[0] !== type) return Drop.malformed;
    const read = readType(datagram);
    if (typeof read === "number") return read;
    if (type === MessageType.initiation) return this.#responder.receive(datagram, from, now);
    return this.#receiveReply(message, now);
  }

  disagreed(link: Link, now: Millis): void {
    link.unknownIndex(this.#unknownIndexCalls, now);
  }

  mayShare(from: Endpoint): boolean {
    const relay = relayedPlace(from)?.relay;
    return relay === undefined ? !isStreamEndpoint(from) : this.#links.get(relay)?.current?.isShared === true;
  }

  redial(link: Link, at: Millis): void {
    this.#dialer.redial(link, at);
  }

  receiveRelayed(link: Link, message: RelayedMessage, now: Millis): Drop {
    return this.#relays.receive(link, message, now);
  }

  moved(link: Link, from: PeerId | undefined, to: PeerId | undefined): void {
    this.#relays.moved(link, from, to);
  }

  isOpen(relay: PeerId, peer: PeerId): boolean {
    return this.#relays.isOpen(relay, peer);
  }

  relaysTo(peer: PeerId): number {
    return this.#relays.relaysTo(peer);
  }

  rerouted(link: Link, now: Millis): void {
    this.#relays.rerouted(link.id, now);
  }

  changed(link: Link, now: Millis): void {
    if (!link.isUp) this.#relays.lost(link, now);
    this.#relays.rerouted(link.id, now);
    if (this.#relays.isOpen(link.id)) this.#dialer.relayOpened(link.id, now);
  }

  #leadsNowhere(place: Endpoint, now: Millis): void {
    this.#relays.leadsNowhere(place, now);
    this.#dialer.leadsNowhere(place, now);
  }

  #receiveReply(message: Addressed, now: Millis): Drop {
    const reply = decodeReply(message.datagram);
    if (reply === undefined) return Drop.malformed;
    return this.local.indices.get(reply.receiver)?.receive(message, now) ?? Drop.unknownSession;
  }

  #receiveCookie(message: Addressed, now: Millis): Drop {
    const cookie = decodeCookie(message.datagram);
    if (cookie === undefined) return Drop.malformed;
    return this.local.indices.get(cookie.receiver)?.receive(message, now) ?? Drop.unknownSession;
  }

  #receiveSealed(message: Addressed, now: Millis): Drop {
    if (!isTransport(message.datagram)) return Drop.malformed;
    const owner = this.local.indices.get(readReceiver(message.datagram));
    return owner === undefined ? this.#answerUnknown(message, now) : owner.receive(message, now);
  }

  /** The sender may hold a session that this node lost in a restart. A join is repeated by its owner in any case. */
  #answerUnknown({ type, datagram, from }: Addressed, now: Millis): Drop {
    const isMember = type === MessageType.data || type === MessageType.keepalive ||
      type === MessageType.part ||
      type === MessageType.relay;
    if (isMember && this.#unknownIndexAnswers.allow(sourceOf(from.host), now)) {
      this.local.outbox.refuse(encodeUnknownIndex(datagram), from, now);
    }
    return Drop.unknownSession;
  }

  /** Believed when it comes from where a peer is, and names its session and a counter sent there lately. */
  #unknownIndex(datagram: Uint8Array, from: Endpoint, now: Millis): Drop {
    const answer = decodeUnknownIndex(datagram);
    if (answer === undefined) return Drop.malformed;
    const link = this.#links.byRemoteIndex(answer.receiver);
    const isPlausible = link?.endpoint !== undefined && sameEndpoint(link.endpoint, from) &&
      link.current!.hasSentLately(answer.counter);
    return isPlausible ? link.unknownIndex(this.#unknownIndexCalls, now) : Drop.unknownSession;
  }

  /** Wipes all keys without a word to anybody: whoever stops a node disconnects its peers before. */
  wipe(now: Millis): void {
    this.#joinClient?.stop();
    this.#joinServer.clear();
    this.#dialer.clear();
    for (const link of this.#links.all()) link.end("stopped", now);
    this.local.readyKeys.clear();
    this.local.cookies.clear();
    this.#notes.keys.clear();
  }
}
