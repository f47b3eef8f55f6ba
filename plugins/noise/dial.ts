/**
 * The attempts to reach one peer by its Noise key: an initiation per attempt, each with a fresh ephemeral key and stamp,
 * to its endpoints in turn. Only the last initiation can be answered: the responder, too, keeps only the last one.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { ErrorCode } from "../../core/contracts/errors.ts";
import type { NetworkKey } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { formatEndpoint, sameEndpoint } from "../../core/wire/endpoint.ts";
import { isRelayEndpoint, relayedPlace } from "../../core/wire/relay_endpoint.ts";
import { limits, protocol, retryMillis } from "./constants.ts";
import { openCookie } from "./cookies.ts";
import type { Timed } from "./deadlines.ts";
import { type Addressed, type IndexOwner, notExpected } from "./indices.ts";
import type { Local } from "./local.ts";
import { initiate, type Initiated, receiveResponse, type Responded } from "./member_handshake.ts";
import { afterRelays, mergePlaces, placedNext } from "./places.ts";
import { RetrySchedule } from "./retry_schedule.ts";
import { decodeCookie, decodeReply, MessageType, readMac1 } from "./wire.ts";

/** A response that has verified. */
export interface Answered extends Responded {
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly from: Endpoint;
  /** Of the datagram. */
  readonly length: number;
  /** This node has said that it trusts the network there. */
  readonly trusts: boolean;
}

export interface DialOwner {
  readonly local: Local;
  /** Where a peer with a session is now; undefined when there is none. */
  liveEndpoint(noiseKey: Uint8Array): Endpoint | undefined;
  /** Where the next attempt is to go rather than there; undefined when nothing speaks for another place. */
  takeProposal(noiseKey: Uint8Array): Endpoint | undefined;
  /** Length of the last response under this key; undefined before the first. */
  answerLength(noiseKey: Uint8Array): number | undefined;
  /** Sends an initiation within the session there is, too, if the path does not carry it whole. */
  carry(dial: Dial, initiation: Uint8Array, to: Endpoint, now: Millis): void;
  /** Judges a response; anything but none leaves the dial going on. */
  answered(dial: Dial, answer: Answered, now: Millis): Drop;
  /** A round of attempts is over without a session; the owner may have dropped the dial on return. */
  roundFailed(dial: Dial, now: Millis): void;
}

export interface DialTarget {
  readonly noiseKey: Uint8Array;
  /** Tried in turn, the first one first. */
  readonly endpoints: readonly Endpoint[];
  /** Who it must turn out to be; undefined when a bare address led here. */
  readonly expected: PeerId | undefined;
  /** `connect` asked for it, so it is called again also after the peer has said goodbye. */
  readonly wanted: boolean;
}

interface Failure {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** What one attempt is, so that it can be made once more. */
interface Attempt {
  readonly endpoint: Endpoint;
  /** The endpoint lies in a trusted network. */
  readonly trusts: boolean;
  readonly networkKey: NetworkKey;
  /** Of the initiation. */
  readonly length: number;
  readonly at: Millis;
}

interface Pending extends Initiated {
  readonly localIndex: number;
  readonly attempt: Attempt;
  /** Altered responses that have come. */
  spoilt: number;
}

const noStamp =
  "This node can begin no handshake: its disk takes no more stamps; make room there, or see its log";

/** Credentials change a little between handshakes: a route more, a longer number. */
const answerGrowth = 64;

export class Dial implements Timed, IndexOwner {
  readonly noiseKey: Uint8Array;
  expected: PeerId | undefined;
  wanted: boolean;
  endpoints: readonly Endpoint[];
  readonly #owner: DialOwner;
  readonly #retry: RetrySchedule;
  #pending: Pending | undefined;
  #failure: Failure | undefined;
  #stopped = false;
  /** The last attempt on schedule has been made once more, with a cookie. */
  #repeated = false;
  /** Places tried beside the schedule since then. */
  #hastened = 0;

  constructor(owner: DialOwner, target: DialTarget, at: Millis) {
    this.#owner = owner;
    this.noiseKey = target.noiseKey;
    this.expected = target.expected;
    this.wanted = target.wanted;
    this.endpoints = mergePlaces([], target.endpoints);
    this.#retry = new RetrySchedule(owner.local.random, at);
  }

  /**
   * The same peer, asked for once more: perhaps at other places. One behind a relay is tried next, after the first place
   * and those behind relays that follow it, and before all others. Where the known places have not answered twice it is
   * called at once: whoever names it knows why.
   */
  merge({ endpoints, expected, wanted }: DialTarget, now: Millis): void {
    this.expected ??= expected;
    this.wanted ||= wanted;
    const detour = endpoints.find((each) => isRelayEndpoint(each) && !this.#isSoughtAt(each));
    this.endpoints = mergePlaces(this.endpoints, endpoints);
    const relay = detour && relayedPlace(detour)?.relay;
    if (relay === undefined) return;
    if (this.#retry.attempts > 1) this.relayOpened(relay, now);
    else this.endpoints = placedNext(this.endpoints, detour!, afterRelays(this.endpoints));
  }

  /** Messages can leave through this relay from now on: if the peer is sought behind it, it is called there at once. */
  relayOpened(relay: PeerId, now: Millis): void {
    const isThere = (endpoint: Endpoint) => relayedPlace(endpoint)?.relay === relay;
    const places = this.endpoints.filter(isThere);
    if (places.length === 0) return;
    this.endpoints = [...places, ...this.endpoints.filter((endpoint) => !isThere(endpoint))];
    this.restart(now);
  }

  /**
   * What is sent to this address arrives in a stream from now on. The transport sends the last that went there before; but
   * by then another place may have been called, and whoever answers the older call would not be heard. So it is called
   * anew, at once, or in its turn if a relay may be about to bring the answer to the last call.
   */
  opened(place: Endpoint, now: Millis): void {
    const last = this.#pending?.attempt;
    if (!this.#isSoughtAt(place) || (last !== undefined && sameEndpoint(last.endpoint, place))) return;
    const isAwaited = last !== undefined && isRelayEndpoint(last.endpoint) &&
      now - last.at < limits.relayAnswerMillis;
    this.endpoints = placedNext(this.endpoints, place, this.#retry.attempts);
    if (isAwaited) return;
    this.#retry.notAfter(now);
    this.#owner.local.deadlines.update(this);
  }

  /**
   * The last attempt got nowhere, as its relay has said: the next place is tried at once, but each no more than once for an
   * attempt on schedule, whatever relays say.
   */
  leadsNowhere(place: Endpoint, now: Millis): void {
    const attempt = this.#pending?.attempt;
    if (attempt === undefined || !sameEndpoint(attempt.endpoint, place)) return;
    if (this.#hastened >= this.endpoints.length - 1) return;
    this.#hastened += 1;
    // Later rounds are not shortened: a member that is down would be called all the time by who knows it behind relays alone.
    if (this.#retry.rounds === 0) this.#retry.notAfter(now + retryMillis[0]!);
    this.#owner.local.deadlines.update(this);
    const endpoint = this.endpoints[(this.#retry.attempts - 1 + this.#hastened) % this.endpoints.length]!;
    this.#send({ ...attempt, endpoint, trusts: this.#owner.local.trusted.includes(endpoint), at: now }, now);
  }

  /** May leave a dial without any place: then only the live endpoint of a session leads on, and nobody wants more. */
  forgetPlace(endpoint: Endpoint): void {
    this.endpoints = this.endpoints.filter((each) => !sameEndpoint(each, endpoint));
    if (this.endpoints.length === 0) this.wanted = false;
  }

  restart(at: Millis): void {
    this.#retry.restart(at);
    this.#owner.local.deadlines.update(this);
  }

  deadline(): Millis {
    return this.#retry.at;
  }

  handleTimeout(now: Millis): void {
    if (this.#retry.endsRound) this.#owner.roundFailed(this, now);
    if (!this.#stopped) this.#attempt(now);
  }

  receive({ type, datagram, from }: Addressed, now: Millis): Drop {
    const pending = this.#pending;
    if (pending !== undefined && type === MessageType.cookie) return this.#cookie(pending, datagram, now);
    if (type !== MessageType.response || pending === undefined) return notExpected;
    const reply = decodeReply(datagram);
    if (reply === undefined || datagram.length > limits.handshakeLength) return Drop.malformed;
    const responded = receiveResponse(this.#owner.local, pending, reply, datagram);
    if (responded === Drop.badMac) return responded;
    const isSpoilt = responded === Drop.badTag;
    if (isSpoilt && ++pending.spoilt < limits.spoiltReplies) return responded;
    this.#forget();
    if (typeof responded === "number") return responded;
    const { localIndex, attempt: { trusts } } = pending;
    const { length } = datagram;
    return this.#owner.answered(
      this,
      { ...responded, localIndex, remoteIndex: reply.sender, from, length, trusts },
      now,
    );
  }

  /** Why the peer that answered was not taken, or could not be called: reported at the end of the round in place of a time-out. */
  refuse(code: ErrorCode, reason: string): void {
    this.#failure = { code, reason };
  }

  /** One report per endpoint for the round that has ended. */
  report(): void {
    for (const endpoint of this.endpoints) {
      const { code, reason } = this.#failure ?? timeout(endpoint);
      const peer = this.expected === undefined
        ? {}
        : { peer: { id: this.expected, noiseKey: this.noiseKey } };
      this.#owner.local.outbox.push({ type: "attempt-failed", target: { endpoint, ...peer }, code, reason });
    }
    this.#failure = undefined;
  }

  /** No more attempts, and an answer under way is not taken. */
  stop(): void {
    this.#forget();
    this.#stopped = true;
    this.#owner.local.deadlines.remove(this);
  }

  /**
   * The peer is under load and wants its cookie back: at once, but not more than once for each attempt on schedule, so
   * that a peer to which this node's address looks different every time is not asked in a loop.
   */
  #cookie(pending: Pending, datagram: Uint8Array, now: Millis): Drop {
    const reply = decodeCookie(datagram);
    if (reply === undefined) return Drop.malformed;
    const cookie = openCookie(reply, pending.cookieKey, readMac1(pending.message));
    if (cookie === undefined) return Drop.badTag;
    this.#owner.local.cookies.keep(pending.attempt.endpoint, cookie, now);
    if (this.#repeated) return Drop.none;
    this.#repeated = true;
    this.#send(pending.attempt, now);
    return Drop.none;
  }

  #attempt(now: Millis): void {
    this.#repeated = false;
    this.#hastened = 0;
    this.#forget();
    const { local } = this.#owner;
    const endpoint = this.#owner.takeProposal(this.noiseKey) ?? this.#owner.liveEndpoint(this.noiseKey) ??
      this.endpoints[this.#retry.attempts % this.endpoints.length];
    const keys = local.membership.networkKeys();
    const networkKey = keys[this.#retry.rounds % Math.max(1, keys.length)];
    const length = this.#length();
    this.#retry.attempted(now);
    if (networkKey === undefined || endpoint === undefined) return;
    if (isRelayEndpoint(endpoint)) this.#retry.notBefore(now + limits.relayAnswerMillis);
    this.#send({ endpoint, trusts: local.trusted.includes(endpoint), networkKey, length, at: now }, now);
  }

  #send(attempt: Attempt, now: Millis): void {
    this.#forget();
    const { local } = this.#owner;
    const { endpoint, trusts, networkKey, length } = attempt;
    const stamp = local.stamps.next(now);
    if (stamp === undefined) return this.refuse("STATE_UNWRITABLE", noStamp);
    const localIndex = local.indices.draw();
    const { noiseKey } = this;
    const initiated = initiate(local, { noiseKey, networkKey, localIndex, length, stamp, trusts });
    if (initiated === undefined) return;
    local.cookies.sign(initiated.message, endpoint, now);
    this.#pending = { ...initiated, localIndex, attempt, spoilt: 0 };
    local.indices.set(localIndex, this);
    local.outbox.transmit(initiated.message, endpoint, now, true);
    this.#owner.carry(this, initiated.message, endpoint, now);
  }

  /**
   * Room for a response as long as the last one and a little more. Every other attempt at an endpoint leaves room for the
   * largest credentials: it may have to travel in fragments, so it must not be the only way.
   */
  #length(): number {
    const turn = Math.floor(this.#retry.attempts / Math.max(1, this.endpoints.length));
    if (turn % 2 === 1) return limits.handshakeLength;
    const known = this.#owner.answerLength(this.noiseKey) ?? 0;
    return Math.min(Math.max(known + answerGrowth, protocol.initiationLength), limits.handshakeLength);
  }

  #isSoughtAt(place: Endpoint): boolean {
    return this.endpoints.some((each) => sameEndpoint(each, place));
  }

  #forget(): void {
    if (this.#pending === undefined) return;
    this.#owner.local.indices.delete(this.#pending.localIndex);
    this.#pending.handshake.wipe();
    this.#pending = undefined;
  }
}

function timeout(endpoint: Endpoint): Failure {
  const reason = `No answer from ${formatEndpoint(endpoint)}: is the node running there, ` +
    "and does the firewall let UDP through?";
  return { code: "TIMEOUT", reason };
}
