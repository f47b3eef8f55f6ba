/**
 * The table of peers, and the judgement that every handshake passes before it may touch one: is the peer a member, is
 * the handshake newer than the last, is it the node we know or a clone of it?
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { PeerIdentity } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { limits } from "./constants.ts";
import { Link } from "./link.ts";
import type { LinkOwner } from "./link_owner.ts";
import type { Local } from "./local.ts";
import type { Proof } from "./slots.ts";

/** What a peer has said and proved in a handshake. */
export interface Claim {
  /** Proved by the handshake itself. */
  readonly noiseKey: Uint8Array;
  readonly credentials: Uint8Array;
  readonly instance: Uint8Array;
  readonly features: readonly string[];
  readonly stamp: number;
  /** An initiation may be a replay, so its stamp must be new; a response answers our own ephemeral key. */
  readonly mayBeReplay: boolean;
}

export interface Admitted {
  readonly link: Link;
  readonly proof: Proof;
}

export class Links {
  readonly #local: Local;
  readonly #owner: LinkOwner<Link>;
  readonly #byId = new Map<PeerId, Link>();
  /** By Noise key in hex: the key a peer proved in its last confirmed handshake. */
  readonly #byKey = new Map<string, Link>();
  /** By tag in hex, of those that have one; of two with one tag the first. */
  readonly #byTag = new Map<string, Link>();

  /** By the index of the current session on the other side; of two that chose the same the later one. */
  readonly #byRemoteIndex = new Map<number, Link>();

  constructor(local: Local, owner: LinkOwner<Link>) {
    this.#local = local;
    this.#owner = owner;
  }

  get(id: PeerId): Link | undefined {
    return this.#byId.get(id);
  }

  byKey(noiseKey: Uint8Array): Link | undefined {
    return this.#byKey.get(encodeHex(noiseKey));
  }

  /** The peer whose current session has `index` on the other side. */
  byRemoteIndex(index: number): Link | undefined {
    const link = this.#byRemoteIndex.get(index);
    return link?.current?.remoteIndex === index ? link : undefined;
  }

  /** The peer whose id begins so. */
  byTag(tag: Uint8Array): Link | undefined {
    return this.#byTag.get(encodeHex(tag));
  }

  all(): IterableIterator<Link> {
    return this.#byId.values();
  }

  /** The link of a peer whose claim holds, and from then on its stamp is the one to beat; or why not. */
  admit(claim: Claim, from: Endpoint, now: Millis): Admitted | Drop {
    const known = this.byKey(claim.noiseKey);
    if (claim.mayBeReplay && known !== undefined && claim.stamp <= known.stamp) return Drop.staleHandshake;
    const identity = this.#local.membership.check(claim.credentials, claim.noiseKey);
    if ("refused" in identity || identity.id === this.#local.self.id) return Drop.notAdmitted;
    const link = this.#ensure(identity.id);
    if (link === undefined) return Drop.queueFull;
    const drop = judge(link, identity, claim, now);
    if (drop !== Drop.none) return drop;
    const instance = link.instances.judge(claim.instance);
    if (instance === "refused" || instance === "returned") link.alarmClone(from, now);
    if (instance === "refused") return Drop.notAdmitted;
    link.stamp = Math.max(link.stamp, claim.stamp);
    if (claim.mayBeReplay) link.initiationAt = now;
    const { noiseKey, credentials, instance: start, features } = claim;
    return { link, proof: { identity, noiseKey, credentials, instance: start, features } };
  }

  /** `link` has a new current session, made with `noiseKey`; it has no other key from now on. */
  bind(link: Link, noiseKey: Uint8Array): void {
    this.#unbind(link);
    link.noiseKey = noiseKey;
    this.#byKey.set(encodeHex(noiseKey), link);
    link.remoteIndex = link.current!.remoteIndex;
    this.#byRemoteIndex.set(link.remoteIndex, link);
  }

  #ensure(id: PeerId): Link | undefined {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    if (this.#byId.size >= limits.peers && !this.#evict()) return undefined;
    const link = new Link(id, this.#owner);
    this.#byId.set(id, link);
    const tag = link.relay.tag && encodeHex(link.relay.tag);
    if (tag !== undefined && !this.#byTag.has(tag)) this.#byTag.set(tag, link);
    return link;
  }

  /** Forgets the oldest peer without a session. */
  #evict(): boolean {
    for (const link of this.#byId.values()) {
      if (link.isUp || link.sought.wanted || link.deadline() !== undefined) continue;
      this.#byId.delete(link.id);
      if (link.relay.tag !== undefined && this.byTag(link.relay.tag) === link) {
        this.#byTag.delete(encodeHex(link.relay.tag));
      }
      this.#unbind(link);
      return true;
    }
    return false;
  }

  #unbind(link: Link): void {
    if (link.noiseKey !== undefined) this.#byKey.delete(encodeHex(link.noiseKey));
    if (link.remoteIndex !== undefined) this.#byRemoteIndex.delete(link.remoteIndex);
  }
}

function judge(link: Link, identity: PeerIdentity, claim: Claim, now: Millis): Drop {
  if (identity.bindingNumber < (link.identity?.bindingNumber ?? 0)) return Drop.staleHandshake;
  if (!claim.mayBeReplay) return Drop.none;
  if (claim.stamp <= link.stamp) return Drop.staleHandshake;
  return now - link.initiationAt < limits.initiationIntervalMillis ? Drop.rateLimited : Drop.none;
}
