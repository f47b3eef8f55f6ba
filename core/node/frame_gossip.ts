/**
 * The shell around the trees of gossip (`core/topology/gossip_trees.ts`): their channel, clock and sessions. Frames come
 * and go where all frames do; here are only those that a neighbour has asked for.
 */
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Channel, Clock, Random, Timer } from "../contracts/host.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import type { TravellingFrame } from "../forwarding/broadcast_tree.ts";
import { decodeGossip, encodeGossip, type FrameId } from "../topology/gossip_message.ts";
import { GossipTrees } from "../topology/gossip_trees.ts";
import { type LinkTag, tagOf } from "../topology/link_tag.ts";
import { encodeBroadcast, gossipFeature } from "../wire/broadcast_header.ts";
import { readU32 } from "../wire/field.ts";
import { GreProtocol } from "../wire/gre.ts";
import { isRelayEndpoint } from "../wire/relay_endpoint.ts";
import type { ConnectionTable } from "./connection_table.ts";

export const gossipChannel = "trees";

export interface FrameGossipParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly channel: Channel;
  readonly connections: Pick<ConnectionTable, "connections">;
  /** Who among the members has this tag. */
  memberOf(tag: LinkTag): PeerId | undefined;
}

/** What carries frames. */
export interface FrameCarrier {
  /** Whether this frame of a member was here before, or is too old to be of use. */
  knows(origin: PeerId, number: number): boolean;
  send(peer: PeerId, packet: OverlayPacket): void;
}

export class FrameGossip {
  readonly #parts: FrameGossipParts;
  readonly #trees: GossipTrees;
  #carrier: FrameCarrier = { knows: () => true, send: () => {} };
  #timer: { readonly at: Millis; readonly timer: Timer } | undefined;
  #hasStopped = false;

  constructor(parts: FrameGossipParts) {
    this.#parts = parts;
    this.#trees = new GossipTrees({
      isKnown: (id) => this.#isKnown(id),
      chance: () => readU32(parts.random.fill(new Uint8Array(4)), 0) / 2 ** 32,
    });
    parts.channel.receive((from, message) => this.#receive(from, message));
  }

  carryOver(carrier: FrameCarrier): void {
    this.#carrier = carrier;
  }

  stop(): void {
    this.#hasStopped = true;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    this.#carrier = { knows: () => true, send: () => {} };
    this.#trees.neighbours([]);
  }

  /** Sessions have come, gone or moved. */
  follow(): void {
    const all = [...this.#parts.connections.connections()];
    this.#trees.neighbours(
      all.filter(({ features }) => features.includes(gossipFeature))
        .map(({ identity, endpoint }) => ({ peer: identity.id, isRelayed: isRelayEndpoint(endpoint) })),
    );
  }

  /** To whom whole frames go. */
  eager(): readonly PeerId[] {
    return this.#trees.eager();
  }

  get degree(): number {
    return this.#trees.degree;
  }

  took({ origin, by, header, frame }: TravellingFrame): void {
    const id = { origin: tagOf(origin), number: header.number };
    this.#trees.took(id, encodeBroadcast(header, frame), by, this.#parts.clock.now());
    this.#flush();
  }

  repeated({ origin, by, header }: Pick<TravellingFrame, "origin" | "header" | "by">): void {
    if (by === undefined) return;
    this.#trees.repeated({ origin: tagOf(origin), number: header.number }, by, this.#parts.clock.now());
    this.#flush();
  }

  /** Of those who are no members nothing is asked for: nobody may fill what this node misses with them. */
  #isKnown({ origin, number }: FrameId): boolean {
    const member = this.#parts.memberOf(origin);
    return member === undefined || this.#carrier.knows(member, number);
  }

  #receive(from: PeerId, bytes: Uint8Array): void {
    const message = decodeGossip(bytes);
    if (message === undefined) return;
    for (const payload of this.#trees.receive(from, message, this.#parts.clock.now())) {
      this.#carrier.send(from, { protocol: GreProtocol.broadcast, payload, forwarded: false });
    }
    this.#flush();
  }

  #flush(): void {
    if (this.#hasStopped) return;
    for (const { to, message } of this.#trees.poll()) this.#parts.channel.send(to, encodeGossip(message));
    const at = this.#trees.pollTimeout();
    if (at === this.#timer?.at) return;
    this.#timer?.timer.cancel();
    this.#timer = at === undefined
      ? undefined
      : { at, timer: this.#parts.clock.timer(at, () => this.#wake()) };
  }

  #wake(): void {
    this.#timer = undefined;
    this.#trees.handleTimeout(this.#parts.clock.now());
    this.#flush();
  }
}
