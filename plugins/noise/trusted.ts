/**
 * The networks in which packets may cross as they are, and the peers that are there now.
 *
 * What comes in plain names no session: only the address and port that it comes from say whose it is. So of two peers at
 * one place, which a network address translator can make, one has it at a time: the one that was heard last. To share
 * it would be to take one peer's packets for the other's.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint, Millis, Prefix } from "../../core/contracts/values.ts";
import { parseAddress, unmapAddress } from "../../core/wire/address.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { contains } from "../../core/wire/prefix.ts";

/** A peer in a trusted network. */
export interface TrustedPeer {
  /** Another peer has been heard at its place. */
  displaced(): void;
  /** A GRE packet has come from its place; its memory is the peer's to keep. */
  receivePlain(gre: Uint8Array, now: Millis): Drop;
}

export class Trusted {
  readonly #subnets: readonly Prefix[];
  /** By place; as many as there are peers with sessions at most. */
  readonly #peers = new Map<string, TrustedPeer>();

  constructor(subnets: readonly Prefix[]) {
    this.#subnets = subnets;
  }

  /** This node trusts no network: plain packets are as unknown to it as any other bytes. */
  get isNone(): boolean {
    return this.#subnets.length === 0;
  }

  includes({ host }: Endpoint): boolean {
    if (this.isNone) return false;
    const address = parseAddress(host);
    return address !== undefined && this.#includes(unmapAddress(address));
  }

  at(place: Endpoint): TrustedPeer | undefined {
    return this.#peers.get(formatEndpoint(place));
  }

  enter(place: Endpoint, peer: TrustedPeer): void {
    const key = formatEndpoint(place);
    const other = this.#peers.get(key);
    if (other === peer) return;
    this.#peers.set(key, peer);
    other?.displaced();
  }

  leave(place: Endpoint, peer: TrustedPeer): void {
    const key = formatEndpoint(place);
    if (this.#peers.get(key) === peer) this.#peers.delete(key);
  }

  /** What came in plain. Nothing of it has been proved, so from wherever no peer of a trusted network is it is nobody's. */
  receive(gre: Uint8Array, from: Endpoint, now: Millis): Drop {
    // A copy: the packet in it waits, and a checksum may be finished in it.
    return this.at(from)?.receivePlain(gre.slice(), now) ?? Drop.badSource;
  }

  #includes(address: NonNullable<ReturnType<typeof parseAddress>>): boolean {
    return this.#subnets.some((subnet) => contains(subnet, address));
  }
}
