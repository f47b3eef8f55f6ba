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
import type { Arrivals, OverlayPacket, SessionInfo } from "../../core/contracts/encapsulation.ts";
import type { PeerIdentity } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { sameEndpoint } from "../../core/wire/endpoint.ts";
import type { TokenBucket } from "./bucket.ts";
import { limits } from "./constants.ts";
import type { Timed } from "./deadlines.ts";
import { LinkExports } from "./exporting.ts";
import { decodeRecord, encodeRecord, longestGre } from "./gre_record.ts";
import type { Addressed } from "./indices.ts";
import { Instances } from "./instances.ts";
import { Keepalive } from "./keepalive.ts";
import { encodeProbed, probedLength } from "./link_path.ts";
import { LinkPlain } from "./link_plain.ts";
import { arrivalsOf, LinkSession, type Opened } from "./link_session.ts";
import type { Local } from "./local.ts";
import { checksumFeature, pathFeature } from "./member_handshake.ts";
import { Records } from "./records.ts";
import { empty, type Session } from "./session.ts";
import { type Proof, SessionSlots } from "./slots.ts";
import { forwardedFlag, MessageType, type SealedType } from "./wire.ts";

/** What a link asks of the rest of the machine. */
export interface LinkOwner {
  readonly local: Local;
  /** IP bytes of the largest packet to send; undefined: paths are not measured. */
  readonly measuredMtu: number | undefined;
  /** A session of `link` is confirmed, so it has `noiseKey`, and no handshake with it is needed now. */
  confirmed(link: Link, noiseKey: Uint8Array): void;
  /** A session is wanted, to renew this one or to have one again; the first attempt is to be made at `at`. */
  redial(link: Link, at: Millis): void;
  /** A handshake message that has come in parts. */
  carried(message: Addressed, now: Millis): Drop;
  /** What came from where `link` is was in plain, and should not have been. Nothing of it is proved. */
  disagreed(link: Link, now: Millis): void;
}

const { data, keepalive, close, probe, probed, part } = MessageType;

export class Link implements Timed {
  readonly id: PeerId;
  readonly instances = new Instances();
  /** `connect` named this peer, or an address at which it was found. */
  wanted = false;
  /** Where `connect` said that it may be found. */
  places: readonly Endpoint[] = [];
  /** Where it is not to be sought once the session that is there has ended. */
  forgotten: Endpoint | undefined;
  /** Proved in the last confirmed handshake. */
  noiseKey: Uint8Array | undefined;
  /** Of its last response, by which the room for the next one is known. */
  answerLength: number | undefined;
  /** Under which the table of links finds this one. */
  remoteIndex: number | undefined;
  /** Of the last initiation or response accepted. */
  stamp = -1;
  initiationAt: Millis = -Infinity;
  readonly #owner: LinkOwner;
  readonly #slots: SessionSlots<LinkSession>;
  #proof: Proof | undefined;
  #endpoint: Endpoint | undefined;
  #keepalive: Keepalive | undefined;
  readonly #records: Records;
  readonly #exports: LinkExports;
  readonly #plain: LinkPlain<Link>;
  #unknownIndexAt: Millis = -Infinity;
  #cloneAlarmAt: Millis = -Infinity;

  constructor(id: PeerId, owner: LinkOwner) {
    this.id = id;
    this.#owner = owner;
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
  }

  get isUp(): boolean {
    return this.#keepalive !== undefined;
  }

  /** Source of the last authentic message; undefined before the first. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
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

  arrivals(): Arrivals | undefined {
    return arrivalsOf(this.#slots.all());
  }

  /** It is no longer sought at `endpoint`; a session stays, wherever it is. */
  forgetPlace(endpoint: Endpoint): void {
    this.places = this.places.filter((place) => !sameEndpoint(place, endpoint));
    if (this.places.length === 0) this.wanted = false;
    if (this.#endpoint !== undefined && sameEndpoint(this.#endpoint, endpoint)) this.forgotten = endpoint;
  }

  /** `connect` has named `endpoint`, perhaps again. */
  unforgetPlace(endpoint: Endpoint): void {
    if (this.isForgotten(endpoint)) this.forgotten = undefined;
  }

  isForgotten(endpoint: Endpoint): boolean {
    return this.forgotten !== undefined && sameEndpoint(this.forgotten, endpoint);
  }

  /** A response to our initiation: the peer has proved itself and is told so at once by a keepalive request. */
  initiated(session: Session, proof: Proof, from: Endpoint, now: Millis): void {
    const held = this.#hold(session, proof);
    this.#slots.initiated(held);
    this.#confirm(held, from, now);
    this.#roam(from, now);
    this.#plain.settle(now);
    this.#request(now);
  }

  /** We have responded to an initiation: the session waits for the first message under it. */
  responded(session: Session, proof: Proof): void {
    this.#slots.responded(this.#hold(session, proof));
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
    if (newest) this.#roam(from, now);
    if (isFirst || (newest && this.#plain.isDisplaced)) this.#plain.settle(now);
    if (type === close) return this.#closed(now);
    this.#rekeyInTime(now);
    if (type === keepalive) return this.#answer(data, empty, now);
    if (type === probe) return this.#receiveProbe(message, now);
    if (type === probed) return this.#records.probed(plaintext, now, now);
    if (type === part) return this.#receivePart(held, message, now);
    return plaintext.length === 0 ? this.#measure(now) : this.deliver(held, plaintext, message.forwarded);
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
    if (this.#endpoint !== undefined && sameEndpoint(this.#endpoint, to)) this.#records.carry(datagram, now);
  }

  /** Ends all sessions; the peer is told when `goodbye` and there is a session to say it in. */
  end(reason: string, now: Millis, goodbye = false): void {
    if (goodbye) this.#send(MessageType.close, empty, now);
    this.#slots.clear();
    this.#down(reason);
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
    if (now - this.#cloneAlarmAt < limits.cloneAlarmMillis) return;
    this.#cloneAlarmAt = now;
    const endpoints = this.#endpoint === undefined ? [from] : [this.#endpoint, from];
    this.#owner.local.outbox.push({ type: "clone-detected", peer: this.id, endpoints });
  }

  deadline(): Millis | undefined {
    const ends = this.#slots.endsAt();
    const keepalive = this.#keepalive?.deadline() ?? Infinity;
    const others = Math.min(this.#records.deadline(), this.#exports.deadline());
    const first = Math.min(ends ?? Infinity, keepalive, others);
    return first === Infinity ? undefined : first;
  }

  handleTimeout(now: Millis): void {
    if (this.#slots.expire(now)) return this.#lost("the session expired and could not be renewed", now);
    if (this.#look(now)) this.#rekeyInTime(now);
    const due = this.#keepalive?.due(now);
    if (due === "dead") return this.#lost("no answer to 3 keepalives", now);
    if (due === "request") this.#request(now);
    this.#records.handleTimeout(now, this.#keepalive?.heardAt ?? -Infinity);
  }

  #hold(session: Session, proof: Proof): LinkSession {
    const held = new LinkSession(session, proof, (...message) => this.#receive(...message));
    this.#owner.local.indices.set(session.localIndex, held);
    this.#exports.opened(session, this.#sharesChecksums(proof));
    return held;
  }

  #release(session: Session): void {
    this.#owner.local.indices.delete(session.localIndex);
    session.wipe();
    this.#exports.ended(session);
  }

  /** `held` has become the current session. */
  #confirm(held: LinkSession, from: Endpoint, now: Millis): void {
    const ending = this.isUp ? this.#endedBy(held.proof) : undefined;
    if (ending !== undefined) {
      this.#slots.keepCurrent();
      this.#down(ending);
    }
    this.instances.confirm(held.proof.instance);
    this.#proof = held.proof;
    if (!this.isUp) this.#up(held.session, from, now);
    this.#exports.confirmed(held.session);
    this.showWay();
    this.#owner.confirmed(this, held.proof.noiseKey);
    this.#owner.local.deadlines.update(this);
  }

  /** Why the sessions before `proof` are over; undefined when it only renews them. */
  #endedBy(proof: Proof): string | undefined {
    if (proof.identity.bindingNumber > (this.identity?.bindingNumber ?? 0)) return "the peer has a new key";
    const judgement = this.instances.judge(proof.instance);
    if (judgement === "same") return undefined;
    return judgement === "new" ? "the peer has restarted" : "a clone of the peer had taken its place";
  }

  #up(session: Session, from: Endpoint, now: Millis): void {
    const { identity, credentials, features } = this.#proof!;
    this.#keepalive = new Keepalive(now);
    this.#endpoint = from;
    const { local, measuredMtu } = this.#owner;
    const answersProbes = features.includes(pathFeature);
    if (measuredMtu !== undefined && answersProbes) this.#records.measure(measuredMtu, from, now);
    const info: SessionInfo = {
      peer: this.id,
      endpoint: from,
      initiator: session.initiator,
      aead: session.suite.name,
      since: now,
    };
    local.outbox.push({ type: "session-up", session: info, peer: identity, credentials, features });
  }

  #down(reason: string): void {
    if (!this.isUp) return;
    this.#keepalive = undefined;
    this.#records.stop();
    this.#plain.end();
    this.#exports.down();
    this.#owner.local.outbox.push({ type: "session-down", peer: this.id, reason });
  }

  #sharesChecksums({ features }: Proof): boolean {
    return this.#owner.local.exporting.partialChecksum && features.includes(checksumFeature);
  }

  /** How packets leave now, for the data path worker. */
  showWay(): void {
    const { current } = this;
    if (!this.isUp || current === undefined || this.#endpoint === undefined) return;
    const longest = Math.min(this.#records.room, longestGre);
    const isPlain = this.#plain.isSent && current.mayBePlain;
    this.#exports.leave({ localIndex: current.localIndex, endpoint: this.#endpoint, longest, isPlain });
  }

  /** What the data path worker does counts as if it had been done here; true when it has done something. */
  #look(now: Millis): boolean {
    const before = this.#exports.deadline();
    const { hasSent, hasOpened } = this.#exports.look(now);
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
    if (this.wanted) this.#owner.redial(this, now + limits.afterGoodbyeMillis);
    return Drop.none;
  }

  #roam(from: Endpoint, now: Millis): void {
    if (this.#endpoint !== undefined && sameEndpoint(this.#endpoint, from)) return;
    this.#endpoint = from;
    this.#owner.local.outbox.push({ type: "roamed", peer: this.id, endpoint: from });
    this.#plain.settle(now); // before the records, which tell the worker of the new place
    this.#records.moved(from, now);
  }

  #answer(type: SealedType, plaintext: Uint8Array, now: Millis): Drop {
    this.#send(type, plaintext, now);
    return Drop.none;
  }

  #receiveProbe({ plaintext, length }: Opened, now: Millis): Drop {
    if (plaintext.length < probedLength) return Drop.malformed; // its answer would be longer
    this.#records.heardProbe(plaintext, now);
    return this.#answer(probed, encodeProbed(length), now);
  }

  #receivePart(held: LinkSession, { plaintext, from }: Opened, now: Millis): Drop {
    const record = this.#records.receive(plaintext, now);
    if (typeof record === "number") return record;
    if (record.type === data) return this.deliver(held, record.bytes, record.flags === forwardedFlag);
    return this.#owner.carried({ type: record.type, datagram: record.bytes, from }, now);
  }

  #measure(now: Millis): Drop {
    const rtt = this.#keepalive?.answered(now);
    if (rtt !== undefined) this.#owner.local.outbox.push({ type: "round-trip", peer: this.id, rtt });
    return Drop.none;
  }

  /** A GRE packet of this peer. */
  deliver({ proof }: LinkSession, plaintext: Uint8Array, forwarded: boolean): Drop {
    const packet = decodeRecord(plaintext, forwarded, this.#sharesChecksums(proof));
    if (typeof packet === "number") return packet;
    const { outbox } = this.#owner.local;
    if (outbox.full) return Drop.queueFull;
    outbox.push({ type: "packet", from: this.id, packet });
    return Drop.none;
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
    const datagram = this.current?.seal(type, plaintext, now, flags);
    if (datagram === undefined || this.#endpoint === undefined) return false;
    this.#owner.local.outbox.transmit(datagram, this.#endpoint);
    return true;
  }
}
