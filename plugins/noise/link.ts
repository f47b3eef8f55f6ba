/**
 * One peer: its sessions, where it is, and whether it is there.
 *
 *                    response, or first message under `next`
 *         ┌──────┐ ───────────────────────────────────────────────> ┌────┐ ── rekeys, roaming ──┐
 *         │ down │                                                   │ up │ <────────────────────┘
 *         └──────┘ <─────────────────────────────────────────────── └────┘
 *                    3 keepalives unanswered · last session expired · goodbye · disconnect ·
 *                    another instance or a newer key binding is confirmed (then up again at once)
 *
 * While it is up the path to the peer is measured, if that was asked for and the peer answers probes; what is larger than
 * the path travels in parts.
 *
 * `session-up` and `session-down` are the two edges of this picture and nothing else. A link outlives its sessions: it
 * remembers the stamp of the last initiation, against replays, and the instances, against clones.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { Arrivals, OverlayPacket } from "../../core/contracts/encapsulation.ts";
import type { PeerIdentity } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { isRelayEndpoint } from "../../core/wire/relay_endpoint.ts";
import { relayedFeature } from "../../core/wire/relay_features.ts";
import type { TokenBucket } from "./bucket.ts";
import { limits } from "./constants.ts";
import type { Timed } from "./deadlines.ts";
import { LinkExports } from "./exporting.ts";
import { decodeRecord, encodeRecord, longestGre } from "./gre_record.ts";
import { endedBy, Instances } from "./instances.ts";
import { Keepalive } from "./keepalive.ts";
import { encodeProbed, probedLength } from "./link_path.ts";
import type { LinkOwner } from "./link_owner.ts";
import { LinkPlaces } from "./link_places.ts";
import { LinkPlain } from "./link_plain.ts";
import { LinkRelay } from "./link_relay.ts";
import { arrivalsOf, infoOf, LinkSession, type Opened } from "./link_session.ts";
import { LinkWays } from "./link_ways.ts";
import { pathFeature, sharesChecksums } from "./member_handshake.ts";
import { Records } from "./records.ts";
import { empty, type Session } from "./session.ts";
import { type Proof, SessionSlots } from "./slots.ts";
import { forwardedFlag, MessageType, type SealedType } from "./wire.ts";

const { data, keepalive, close, probe, probed, part, relay } = MessageType;

/** What is sealed; without plaintext it is empty. */
interface Message {
  readonly type: SealedType;
  readonly plaintext?: Uint8Array;
  readonly flags?: number;
  readonly seeks?: boolean;
}

export class Link implements Timed {
  readonly id: PeerId;
  readonly instances = new Instances();
  readonly sought = new LinkPlaces();
  readonly relay: LinkRelay;
  readonly ways: LinkWays<Link>;
  /** Proved in the last confirmed handshake. */
  noiseKey: Uint8Array | undefined;
  /** Of its last response, by which the room for the next one is known. */
  answerLength: number | undefined;
  /** Under which the table of links finds this one. */
  remoteIndex: number | undefined;
  /** Of the last initiation or response accepted. */
  stamp = -1;
  initiationAt: Millis = -Infinity;
  readonly #owner: LinkOwner<Link>;
  readonly #slots: SessionSlots<LinkSession>;
  #proof: Proof | undefined;
  #keepalive: Keepalive | undefined;
  readonly #records: Records;
  readonly #exports: LinkExports;
  readonly #plain: LinkPlain<Link>;
  #unknownIndexAt: Millis = -Infinity;

  constructor(id: PeerId, owner: LinkOwner<Link>) {
    this.id = id;
    this.#owner = owner;
    this.ways = new LinkWays<Link>(this, owner);
    this.#exports = new LinkExports(id, owner.local.exporting);
    this.#plain = new LinkPlain(this, owner);
    this.#slots = new SessionSlots((held) => this.#release(held.session));
    this.#records = new Records({
      send: (type, plaintext, now, flags) => this.#send(type, plaintext, now, flags),
      hasDeadline: () => owner.local.deadlines.update(this),
      pathMtu: (mtu) => owner.local.outbox.push({ type: "path-mtu", peer: id, mtu }),
      hasRoom: () => this.showWay(),
      lost: () => owner.local.drops?.count(Drop.incomplete),
    });
    this.relay = new LinkRelay(this, this.#records);
  }

  get isUp(): boolean {
    return this.#keepalive !== undefined;
  }

  /** Where packets to it go, and where the last authentic message came from that told so; undefined before the first. */
  get endpoint(): Endpoint | undefined {
    return this.ways.endpoint;
  }

  get features(): readonly string[] {
    return this.isUp ? this.#proof!.features : [];
  }

  /** As proved in the last confirmed handshake; undefined before it. */
  get identity(): PeerIdentity | undefined {
    return this.#proof?.identity;
  }

  /** The session's remote index and counters: to judge an unknown-index answer by. */
  get current(): Session | undefined {
    return this.held?.session;
  }

  /** The session to send in, and what it was made with. */
  get held(): LinkSession | undefined {
    return this.#slots.current;
  }

  /** Something has been passed on for it, in this thread or in the sessions that there are by the worker. */
  get hasUsedRelay(): boolean {
    return this.relay.allowance !== undefined ||
      this.#slots.all().some(({ session }) => session.hasUsedRelay);
  }

  arrivals(): Arrivals | undefined {
    return arrivalsOf(this.#slots.all());
  }

  /** A response to our initiation: the peer has proved itself and is told so at once by a keepalive request. */
  initiated(session: Session, proof: Proof, from: Endpoint, now: Millis): void {
    const held = this.#hold(session, proof, from);
    this.#slots.initiated(held);
    this.#confirm(held, from, now);
    this.ways.follow({ from, asks: false, newest: true }, now);
    this.#plain.settle(now);
    this.#request(now);
  }

  /** We have responded to an initiation: the session waits for the first message under it. */
  responded(session: Session, proof: Proof, from: Endpoint): void {
    this.#slots.responded(this.#hold(session, proof, from));
    this.#owner.local.deadlines.update(this);
  }

  /** An authentic message came in one of the sessions. */
  #receive(held: LinkSession, message: Opened, now: Millis): Drop {
    const { type, plaintext, from, newest } = message;
    const isFirst = !held.isHeard;
    held.isHeard = true;
    if (this.#slots.confirm(held)) this.#confirm(held, from, now);
    else this.#exports.confirmed(held.session); // it may have been retired before its first message
    this.#look(now);
    this.#keepalive?.received(now);
    this.ways.follow({ from, asks: type === keepalive, newest }, now);
    if (isFirst || (newest && this.#plain.isDisplaced)) this.#plain.settle(now);
    if (type === close) return this.#closed(now);
    this.#rekeyInTime(now);
    const answersTo = newest ? from : this.endpoint!;
    if (type === keepalive) return this.#sendTo(answersTo, { type: data }, now);
    if (type === probe) return this.#receiveProbe(message, answersTo, now);
    if (type === probed) return this.#records.probed(plaintext, now, now);
    if (type === part) return this.#receivePart(held, message, now);
    if (type === relay) return this.#owner.receiveRelayed(this, message, now);
    return plaintext.length === 0
      ? this.#measure(from, now)
      : this.deliver(held, plaintext, message.forwarded);
  }

  seal(packet: OverlayPacket, now: Millis): Drop {
    if (!this.isUp) return Drop.noSession;
    if (this.#owner.local.outbox.full) return Drop.queueFull;
    const gre = encodeRecord(packet);
    if (typeof gre === "number") return gre;
    const flags = packet.forwarded ? forwardedFlag : 0;
    const isPlain = gre.length <= this.#records.room && this.#plain.send(packet, gre, now);
    if (isPlain) this.#records.sentPlain(gre.length, now);
    const sent = isPlain || this.#records.send({ type: data, flags, bytes: gre }, now);
    this.#rekeyInTime(now);
    return sent ? Drop.none : Drop.noSession;
  }

  /** Sends a handshake message once more, within the session, if the path there does not carry it whole. */
  carry(datagram: Uint8Array, to: Endpoint, now: Millis): void {
    if (this.ways.isAt(to)) this.#records.carry(datagram, now);
  }

  /** Ends all sessions; the peer is told when `goodbye` and there is a session to say it in. */
  end(reason: string, now: Millis, goodbye = false): void {
    if (goodbye) this.#send(MessageType.close, empty, now);
    this.#slots.clear();
    this.#down(reason, now);
    this.#owner.local.deadlines.remove(this);
  }

  /**
   * The peer does not know our session: it may have restarted. Not authenticated, so it only hastens a handshake, and
   * each takes one of the `calls` that all peers have together.
   */
  unknownIndex(calls: TokenBucket, now: Millis): Drop {
    const isEarly = now - this.#unknownIndexAt < limits.unknownIndexMillis;
    if (isEarly || !calls.take(now)) return Drop.rateLimited;
    this.#unknownIndexAt = now;
    this.#owner.redial(this, now);
    return Drop.none;
  }

  /** Two nodes run with this identity: told once a minute. */
  alarmClone(from: Endpoint, now: Millis): void {
    if (!this.instances.mayAlarm(now)) return;
    const endpoints = this.endpoint === undefined ? [from] : [this.endpoint, from];
    this.#owner.local.outbox.push({ type: "clone-detected", peer: this.id, endpoints });
  }

  deadline(): Millis | undefined {
    const ends = this.#slots.endsAt();
    const keepalive = this.#keepalive?.deadline() ?? Infinity;
    const others = Math.min(this.#records.deadline(), this.#exports.deadline(), this.ways.deadline());
    const first = Math.min(ends ?? Infinity, keepalive, others);
    return first === Infinity ? undefined : first;
  }

  handleTimeout(now: Millis): void {
    if (this.#slots.expire(now)) return this.#lost("the session expired and could not be renewed", now);
    if (this.#look(now)) this.#rekeyInTime(now);
    const due = this.#keepalive?.due(now);
    if (due === "dead") return this.#lost("no answer to 3 keepalives", now);
    if (due === "request") this.#request(now);
    if (due === "request" && this.#keepalive?.isDoubtful === true) this.ways.doubt(now);
    this.ways.handleTimeout(now);
    this.#records.handleTimeout(now, this.#keepalive?.heardAt ?? -Infinity);
  }

  #hold(session: Session, proof: Proof, from: Endpoint): LinkSession {
    const held = new LinkSession(session, proof, (...message) => this.#receive(...message));
    this.#owner.local.indices.set(session.localIndex, held);
    const partialChecksum = sharesChecksums(this.#owner.local, proof.features);
    const relayed = proof.features.includes(relayedFeature);
    if (this.#owner.mayShare(from)) this.#exports.opened(session, { partialChecksum, relayed });
    return held;
  }

  #release(session: Session): void {
    this.#owner.local.indices.delete(session.localIndex);
    session.wipe();
    this.#exports.ended(session);
  }

  /** `held` has become the current session. */
  #confirm(held: LinkSession, from: Endpoint, now: Millis): void {
    const ending = this.isUp ? endedBy(this, held.proof) : undefined;
    if (ending !== undefined) {
      this.#slots.keepCurrent();
      this.#down(ending, now);
    }
    this.instances.confirm(held.proof.instance);
    this.#proof = held.proof;
    if (!this.isUp) this.#up(held.session, from, now);
    this.#exports.confirmed(held.session);
    this.showWay();
    this.#owner.confirmed(this, held.proof.noiseKey, now);
    this.#owner.local.deadlines.update(this);
  }

  #up(session: Session, from: Endpoint, now: Millis): void {
    const { identity, credentials, features } = this.#proof!;
    this.#keepalive = new Keepalive(now, this.#owner.local.keeping);
    this.ways.up(from, now);
    const { local, measuredMtu } = this.#owner;
    const answersProbes = features.includes(pathFeature);
    if (measuredMtu !== undefined && answersProbes) {
      this.#records.measure(measuredMtu, this.ways.through(from), now);
    }
    const info = infoOf(this, session, from, now);
    local.outbox.push({ type: "session-up", session: info, peer: identity, credentials, features });
    this.#owner.changed(this, now);
  }

  #down(reason: string, now: Millis): void {
    if (!this.isUp) return;
    this.#keepalive = undefined;
    this.ways.down();
    this.#records.stop();
    this.#plain.end();
    this.#exports.down();
    this.#owner.local.outbox.push({ type: "session-down", peer: this.id, reason });
    this.#owner.changed(this, now);
  }

  /** How packets leave now, for the data path worker. */
  showWay(): void {
    const { current, endpoint } = this;
    if (!this.isUp || current === undefined || endpoint === undefined) return;
    const longest = Math.min(this.#records.room, longestGre);
    const isPlain = this.#plain.isSent && current.mayBePlain;
    this.#exports.leave({ localIndex: current.localIndex, endpoint, longest, isPlain });
  }

  /** What the data path worker does counts as if it had been done here; true when it has done something. */
  #look(now: Millis): boolean {
    const before = this.#exports.deadline();
    const { hasSent, hasOpened, hasHeardHere } = this.#exports.look(now);
    if (hasHeardHere) this.ways.heardHere(now);
    if (hasOpened) this.#keepalive?.received(now);
    if (hasSent) this.#records.sentElsewhere(now);
    if (this.#exports.deadline() < before) this.#owner.local.deadlines.update(this);
    return hasSent || hasOpened;
  }

  #lost(reason: string, now: Millis): void {
    this.end(reason, now);
    this.#owner.redial(this, now);
  }

  /** A peer that stops says so. It is called again only if it was asked for, and not while it is still going. */
  #closed(now: Millis): Drop {
    this.end("the peer has ended it", now);
    if (this.sought.wanted) this.#owner.redial(this, now + limits.afterGoodbyeMillis);
    return Drop.none;
  }

  /** For the ways to the peer. */
  ask(to: Endpoint, now: Millis): void {
    this.#sendTo(to, { type: keepalive, seeks: this.ways.isRelayed }, now);
  }

  moved(to: Endpoint, isOtherWay: boolean, now: Millis): void {
    this.#plain.settle(now); // before the records, which tell the worker of the new place
    this.#records.moved(this.ways.through(to), now);
    if (!isOtherWay) return;
    if (this.#exports.differs(this.current, this.#owner.mayShare(to))) this.#owner.redial(this, now);
    this.#keepalive?.moved();
    this.#request(now);
  }

  /** The relay that it is behind is reached another way than before. */
  rerouted(now: Millis): void {
    const { endpoint } = this;
    if (endpoint === undefined) return;
    this.#records.rerouted(this.ways.through(endpoint), now);
    if (this.#exports.differs(this.current, this.#owner.mayShare(endpoint))) this.#owner.redial(this, now);
  }

  #receiveProbe({ plaintext, length }: Opened, to: Endpoint, now: Millis): Drop {
    if (plaintext.length < probedLength) return Drop.malformed; // its answer would be longer
    this.#records.heardProbe(plaintext, now);
    return this.#sendTo(to, { type: probed, plaintext: encodeProbed(length) }, now);
  }

  #receivePart(held: LinkSession, { plaintext, from }: Opened, now: Millis): Drop {
    const record = this.#records.receive(plaintext, now);
    if (typeof record === "number") return record;
    const { type, bytes } = record;
    const forwarded = record.flags === forwardedFlag;
    if (type === data) return this.deliver(held, bytes, forwarded);
    if (type === relay) return this.#owner.receiveRelayed(this, { plaintext: bytes, forwarded, from }, now);
    return this.#owner.carried({ type, datagram: bytes, from }, now);
  }

  /** An answer from elsewhere is to another question. */
  #measure(from: Endpoint, now: Millis): Drop {
    if (isRelayEndpoint(from) !== this.ways.isRelayed) return Drop.none;
    const rtt = this.#keepalive?.answered(now);
    if (rtt !== undefined) this.#owner.local.outbox.push({ type: "round-trip", peer: this.id, rtt });
    return Drop.none;
  }

  /** A GRE packet of this peer. */
  deliver({ proof }: LinkSession, plaintext: Uint8Array, forwarded: boolean): Drop {
    const { local } = this.#owner;
    const packet = decodeRecord(plaintext, forwarded, sharesChecksums(local, proof.features));
    return typeof packet === "number" ? packet : local.outbox.deliver(this.id, packet);
  }

  #request(now: Millis): void {
    this.#keepalive?.requested(now);
    this.#send(MessageType.keepalive, empty, now);
    this.#rekeyInTime(now);
  }

  #rekeyInTime(now: Millis): void {
    if (this.isUp && this.current?.wantsRekey(now) === true) this.#owner.redial(this, now);
  }

  #send(type: SealedType, plaintext: Uint8Array, now: Millis, flags = 0): boolean {
    return this.#sendTo(this.endpoint, { type, plaintext, flags }, now) === Drop.none;
  }

  /** `noSession` when there is none to send in, or no place to send to. */
  #sendTo(to: Endpoint | undefined, message: Message, now: Millis): Drop {
    const { type, plaintext = empty, flags = 0, seeks } = message;
    const datagram = to && this.current?.seal(type, plaintext, now, flags);
    if (datagram === undefined) return Drop.noSession;
    this.#owner.local.outbox.transmit(datagram, to!, now, seeks);
    return Drop.none;
  }
}
