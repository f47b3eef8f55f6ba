/**
 * All attempts to reach peers: what `connect` asked for, rekeys, and peers that were lost.
 *
 * A dial belongs to a Noise key, so that a peer named twice, by id and by address or by two addresses, is called by one
 * dial and not by two that would overtake each other.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { ErrorCode } from "../../core/contracts/errors.ts";
import type { SessionTarget } from "../../core/contracts/encapsulation.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { formatEndpoint, sameEndpoint } from "../../core/wire/endpoint.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { relayEndpointTo } from "../../core/wire/relay_endpoint.ts";
import { Ask } from "./ask.ts";
import { limits } from "./constants.ts";
import { type Answered, Dial, type DialOwner, type DialTarget } from "./dial.ts";
import type { Link } from "./link.ts";
import type { Links } from "./links.ts";
import type { Local } from "./local.ts";
import { trustedFeature } from "./member_handshake.ts";
import { isUsablePublicKey } from "../../core/noise/dh.ts";
import { mergePlaces } from "./places.ts";
import { Session } from "./session.ts";
import { decodeIAm } from "./wire.ts";

export class Dialer implements DialOwner {
  readonly local: Local;
  readonly #links: Links;
  /** By Noise key in hex. */
  readonly #dials = new Map<string, Dial>();
  /** By endpoint as text. */
  readonly #asks = new Map<string, Ask>();

  constructor(local: Local, links: Links) {
    this.local = local;
    this.#links = links;
  }

  connect({ endpoint, peer, again = false }: SessionTarget, now: Millis): void {
    if (again) this.#startOver(endpoint, now);
    if (peer === undefined) return this.#ask(endpoint, now);
    if (peer.id === this.local.self.id) return;
    if (!isUsablePublicKey(peer.noiseKey)) {
      return this.#failNow({ endpoint, peer }, "its Noise key is not usable");
    }
    const link = this.#links.get(peer.id);
    link?.sought.unforget(endpoint);
    const endpoints = [endpoint, ...this.#behindRelays(peer.id)];
    if (link?.isUp === true) link.sought.want(endpoints);
    else this.#dial({ noiseKey: peer.noiseKey, endpoints, expected: peer.id, wanted: true }, now);
  }

  /** When this endpoint is tried next; undefined when it is not, and while there is a session with whoever is there. */
  nextAttempt(endpoint: Endpoint): Millis | undefined {
    const ask = this.#asks.get(formatEndpoint(endpoint));
    const asked = ask?.deadline();
    const dialled = this.#dialsAt(endpoint, ask).map((dial) => dial.deadline());
    return asked ?? (dialled.length === 0 ? undefined : Math.min(...dialled));
  }

  /** Stops trying `endpoint`, for whomever. Sessions stay, and so do the other places of a peer. */
  forgetEndpoint(endpoint: Endpoint): void {
    const ask = this.#asks.get(formatEndpoint(endpoint));
    if (ask !== undefined) this.#dropAsk(ask);
    for (const link of this.#links.all()) link.sought.forget(endpoint, link.endpoint);
    for (const dial of [...this.#dials.values()]) {
      dial.forgetPlace(endpoint);
      const isRekey = this.liveEndpoint(dial.noiseKey) !== undefined;
      if (dial.endpoints.length === 0 && !isRekey) this.#drop(dial.noiseKey);
    }
  }

  /** Ends everything that would lead to `peer`. */
  forgetPeer(peer: PeerId): void {
    const keys = [...this.#dials.values()].filter((dial) => dial.expected === peer).map((dial) =>
      dial.noiseKey
    );
    const noiseKey = this.#links.get(peer)?.noiseKey;
    if (noiseKey !== undefined) keys.push(noiseKey);
    for (const key of keys) {
      this.#drop(key);
      for (const ask of this.#asksFor(key)) this.#dropAsk(ask);
    }
  }

  /** A session with a peer that had one: to renew it, or after it was lost. */
  redial(link: Link, at: Millis): void {
    const { noiseKey, endpoint } = link;
    if (noiseKey === undefined || endpoint === undefined) return;
    const known = this.#dials.get(encodeHex(noiseKey));
    if (known !== undefined && !link.isUp) known.restart(at);
    const last = link.sought.isForgotten(endpoint) ? [] : [endpoint]; // a renewal goes to the live endpoint in any case
    const others = link.sought.all.filter((place) => !sameEndpoint(place, endpoint));
    const kept = mergePlaces(others, last).filter((place) => !last.includes(place));
    const endpoints = [...last, ...kept];
    if (endpoints.length === 0 && !link.isUp) this.#drop(noiseKey);
    else this.#dial({ noiseKey, endpoints, expected: link.id, wanted: link.sought.wanted }, at);
  }

  /** `link` has a session, made with `noiseKey`: it need not be called. */
  confirmed(link: Link, noiseKey: Uint8Array): void {
    const dial = this.#dials.get(encodeHex(noiseKey));
    if (dial?.wanted === true) link.sought.want(dial.endpoints);
    for (const ask of this.#asksFor(noiseKey)) this.#tell(ask, link);
    this.#drop(noiseKey);
  }

  /** Messages can leave through this relay from now on: who is sought behind it is called at once. */
  relayOpened(relay: PeerId, now: Millis): void {
    for (const dial of this.#dials.values()) {
      if (this.liveEndpoint(dial.noiseKey) === undefined) dial.relayOpened(relay, now);
    }
  }

  /** What is sent to this address arrives from now on. */
  opened(place: Endpoint, now: Millis): void {
    for (const dial of this.#dials.values()) {
      if (this.liveEndpoint(dial.noiseKey) === undefined) dial.opened(place, now);
    }
  }

  /** A relay has said that it does not lead to this place. */
  leadsNowhere(place: Endpoint, now: Millis): void {
    for (const dial of this.#dials.values()) {
      if (this.liveEndpoint(dial.noiseKey) === undefined) dial.leadsNowhere(place, now);
    }
  }

  /** An answer to one of our questions. */
  receiveIAm(datagram: Uint8Array, now: Millis): Drop {
    const answer = decodeIAm(datagram);
    if (answer === undefined) return Drop.malformed;
    const ask = [...this.#asks.values()].find((each) => each.expects(answer));
    if (ask === undefined) return Drop.unknownSession;
    const drop = ask.receive(answer);
    if (drop === Drop.none) this.#found(ask, ask.found!, now);
    return drop;
  }

  liveEndpoint(noiseKey: Uint8Array): Endpoint | undefined {
    const link = this.#links.byKey(noiseKey);
    return link?.isUp === true ? link.endpoint : undefined;
  }

  takeProposal(noiseKey: Uint8Array): Endpoint | undefined {
    const link = this.#links.byKey(noiseKey);
    return link?.isUp === true ? link.ways.takeProposal() : undefined;
  }

  answerLength(noiseKey: Uint8Array): number | undefined {
    return this.#links.byKey(noiseKey)?.answerLength;
  }

  carry({ noiseKey }: Dial, initiation: Uint8Array, to: Endpoint, now: Millis): void {
    this.#links.byKey(noiseKey)?.carry(initiation, to, now);
  }

  answered(dial: Dial, answer: Answered, now: Millis): Drop {
    const { choice, from } = answer;
    const admitted = this.#links.admit({ ...choice, noiseKey: dial.noiseKey, mayBeReplay: false }, from, now);
    if (typeof admitted === "number") {
      const reason = `The node at ${formatEndpoint(from)} is not, or no longer, a member`;
      return refuse(dial, answer, admitted, reason);
    }
    const { link, proof } = admitted;
    if (dial.expected !== undefined && dial.expected !== link.id) {
      const reason = `The node at ${formatEndpoint(from)} is ${link.id}, not ${dial.expected}`;
      return refuse(dial, answer, Drop.notAdmitted, reason);
    }
    link.answerLength = answer.length;
    link.initiated(this.#session(answer, now), proof, from, now);
    return Drop.none;
  }

  /** What only a bare address led to is asked for anew there; what was named goes on being called. */
  roundFailed(dial: Dial, now: Millis): void {
    if (this.liveEndpoint(dial.noiseKey) !== undefined) return; // a rekey: told when the session ends
    dial.report();
    if (dial.expected === undefined) this.#drop(dial.noiseKey);
    for (const ask of this.#asksFor(dial.noiseKey)) ask.again(now);
  }

  /** Ends all attempts. */
  clear(): void {
    for (const dial of [...this.#dials.values()]) this.#drop(dial.noiseKey);
    for (const ask of [...this.#asks.values()]) this.#dropAsk(ask);
  }

  /** Where `peer` is sought besides the places that were named. */
  #behindRelays(peer: PeerId): readonly Endpoint[] {
    return this.local.relaying.relays.flatMap((relay) => relayEndpointTo(relay, peer) ?? []);
  }

  #session({ keys, localIndex, remoteIndex, choice, trusts }: Answered, now: Millis): Session {
    const suite = this.local.suites.get(choice.aead)!;
    const mayBePlain = trusts && choice.features.includes(trustedFeature);
    return new Session({ localIndex, remoteIndex, initiator: true, suite, keys, mayBePlain, now });
  }

  #ask(endpoint: Endpoint, now: Millis): void {
    const key = formatEndpoint(endpoint);
    if (this.#asks.has(key)) return;
    if (this.#asks.size >= limits.seeds) {
      return this.#failNow({ endpoint }, "too many addresses are tried already", "UNREACHABLE");
    }
    const ask = new Ask(this.local, endpoint, now);
    this.#asks.set(key, ask);
    this.local.deadlines.update(ask);
  }

  /** At once, and then as often as what is tried for the first time. */
  #startOver(endpoint: Endpoint, now: Millis): void {
    const ask = this.#asks.get(formatEndpoint(endpoint));
    if (ask !== undefined && ask.found === undefined) ask.again(now);
    for (const dial of this.#dialsAt(endpoint, ask)) dial.restart(now);
  }

  /** Dials that lead there, or to whoever was found there, and are no renewals. */
  #dialsAt(endpoint: Endpoint, ask: Ask | undefined): readonly Dial[] {
    const found = ask?.found;
    return [...this.#dials.values()].filter(({ noiseKey, endpoints }) =>
      this.liveEndpoint(noiseKey) === undefined &&
      (endpoints.some((each) => sameEndpoint(each, endpoint)) ||
        found !== undefined && equalBytes(noiseKey, found))
    );
  }

  #found(ask: Ask, noiseKey: Uint8Array, now: Millis): void {
    if (equalBytes(noiseKey, this.local.self.noise.publicKey)) {
      this.#dropAsk(ask);
      return this.#failNow({ endpoint: ask.endpoint }, "it is an address of this node itself");
    }
    const link = this.#links.byKey(noiseKey);
    link?.sought.unforget(ask.endpoint);
    const endpoints = [ask.endpoint];
    if (link?.isUp === true) {
      link.sought.want(endpoints);
      this.#tell(ask, link);
    } else this.#dial({ noiseKey, endpoints, expected: undefined, wanted: true }, now);
  }

  /** Once for each time that the question was asked. */
  #tell(ask: Ask, { id: peer }: Link): void {
    if (ask.isTold) return;
    ask.isTold = true;
    this.local.outbox.push({ type: "target-found", endpoint: ask.endpoint, peer });
  }

  #dial(target: DialTarget, at: Millis): void {
    const key = encodeHex(target.noiseKey);
    const known = this.#dials.get(key);
    if (known !== undefined) return known.merge(target, at);
    if (this.#dials.size >= limits.peers) return;
    const dial = new Dial(this, target, at);
    this.#dials.set(key, dial);
    this.local.deadlines.update(dial);
  }

  #drop(noiseKey: Uint8Array): void {
    const key = encodeHex(noiseKey);
    this.#dials.get(key)?.stop();
    this.#dials.delete(key);
  }

  #dropAsk(ask: Ask): void {
    this.#asks.delete(formatEndpoint(ask.endpoint));
    this.local.deadlines.remove(ask);
  }

  #asksFor(noiseKey: Uint8Array): Ask[] {
    return [...this.#asks.values()].filter((ask) =>
      ask.found !== undefined && equalBytes(ask.found, noiseKey)
    );
  }

  #failNow(target: SessionTarget, why: string, code: ErrorCode = "INVALID_ARGUMENT"): void {
    const reason = `Cannot connect to ${formatEndpoint(target.endpoint)}: ${why}`;
    this.local.outbox.push({ type: "attempt-failed", target, code, reason });
  }
}

/** The keys of a session that will not be are wiped. */
function refuse(dial: Dial, { keys }: Answered, drop: Drop, reason: string): Drop {
  keys.send.fill(0);
  keys.receive.fill(0);
  dial.refuse("NOT_ADMITTED", reason);
  return drop;
}
