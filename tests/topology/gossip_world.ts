/**
 * Many machines of gossip trees on links with delays and losses, in steps of a millisecond. Frames and messages are
 * handed over as objects: their bytes are tested elsewhere, and a run has a million of them.
 */
import type { PeerId } from "../../core/contracts/values.ts";
import type { FrameId, GossipMessage } from "../../core/topology/gossip_message.ts";
import { GossipTrees } from "../../core/topology/gossip_trees.ts";
import { keyOf } from "../../core/topology/kept_frames.ts";
import type { SimRandom } from "../sim/random.ts";
import { tagAt, type TestLink } from "./mesh_fixture.ts";

export interface GossipNode {
  readonly peer: PeerId;
  readonly trees: GossipTrees;
  /** By neighbour, how long a datagram takes, ms. */
  readonly links: Map<GossipNode, number>;
  /** Keys of the frames that were delivered. */
  readonly seen: Set<string>;
  isDead: boolean;
  wakesAt: number;
}

interface Carried {
  readonly id: FrameId;
  readonly payload: Uint8Array;
}

export class GossipWorld {
  readonly nodes: readonly GossipNode[];
  now = 0;
  /** Probability that a datagram is lost. */
  loss = 0;
  /** Whole frames that came to a node alive. */
  copies = 0;
  deliveries = 0;
  messages = 0;
  readonly #random: SimRandom;
  readonly #events = new Map<number, (() => void)[]>();
  readonly #payloads = new Map<Uint8Array, Carried>();
  #numbers = 0;

  constructor(random: SimRandom, count: number, links: readonly TestLink[]) {
    this.#random = random;
    this.nodes = Array.from({ length: count }, (_, number) => {
      const seen = new Set<string>();
      const trees = new GossipTrees({ isKnown: (id) => seen.has(keyOf(id)), chance: () => random.float() });
      return { peer: `${number}` as PeerId, trees, seen, links: new Map(), isDead: false, wakesAt: Infinity };
    });
    for (const { from, to } of links) {
      const delay = 1 + random.below(40);
      this.nodes[from]!.links.set(this.nodes[to]!, delay);
      this.nodes[to]!.links.set(this.nodes[from]!, delay);
    }
    for (const node of this.nodes) this.linksChanged(node);
  }

  get alive(): readonly GossipNode[] {
    return this.nodes.filter(({ isDead }) => !isDead);
  }

  linksChanged({ trees, links }: GossipNode): void {
    trees.neighbours([...links.keys()].map(({ peer }) => ({ peer, isRelayed: false })));
  }

  /** The sessions of its neighbours with it end after `noticed` ms. */
  kill(node: GossipNode, noticed: number): void {
    node.isDead = true;
    this.#at(noticed, () => {
      for (const other of node.links.keys()) {
        other.links.delete(node);
        this.linksChanged(other);
      }
    });
  }

  /** A frame begins here; its key. */
  begin(node: GossipNode): string {
    const id = { origin: tagAt(this.nodes.indexOf(node)), number: ++this.#numbers };
    const payload = new Uint8Array(100);
    this.#payloads.set(payload, { id, payload });
    this.#take(node, { id, payload }, undefined);
    return keyOf(id);
  }

  run(millis: number): void {
    for (const end = this.now + millis; this.now < end; this.now++) {
      // What an event brings about takes a millisecond at least.
      for (const event of this.#events.get(this.now) ?? []) event();
      this.#events.delete(this.now);
    }
  }

  #take(node: GossipNode, frame: Carried, by: GossipNode | undefined): void {
    node.seen.add(keyOf(frame.id));
    node.trees.took(frame.id, frame.payload, by?.peer, this.now);
    for (const peer of node.trees.eager()) {
      const to = this.nodes[Number(peer)]!;
      if (to !== by && peer !== `${parseInt(frame.id.origin, 16)}`) this.#sendFrame(node, to, frame);
    }
    this.#follow(node);
  }

  #sendFrame(from: GossipNode, to: GossipNode, frame: Carried): void {
    this.#send(from, to, () => {
      this.copies++;
      if (to.seen.has(keyOf(frame.id))) {
        to.trees.repeated(frame.id, from.peer, this.now);
        this.#follow(to);
      } else {
        this.deliveries++;
        this.#take(to, frame, from);
      }
    });
  }

  #sendMessage(from: GossipNode, to: GossipNode, message: GossipMessage): void {
    this.messages++;
    this.#send(from, to, () => {
      for (const payload of to.trees.receive(from.peer, message, this.now)) {
        this.#sendFrame(to, from, this.#payloads.get(payload)!);
      }
      this.#follow(to);
    });
  }

  #send(from: GossipNode, to: GossipNode, arrive: () => void): void {
    const delay = from.links.get(to);
    if (delay === undefined || this.#random.chance(this.loss)) return;
    this.#at(delay, () => to.isDead || arrive());
  }

  /** What the machine has to say, and when it wants to be called. */
  #follow(node: GossipNode): void {
    for (const { to, message } of node.trees.poll()) {
      this.#sendMessage(node, this.nodes[Number(to)]!, message);
    }
    const at = Math.max(this.now + 1, Math.ceil(node.trees.pollTimeout() ?? Infinity));
    if (at >= node.wakesAt) return;
    node.wakesAt = at;
    this.#at(at - this.now, () => {
      node.wakesAt = Infinity;
      if (node.isDead) return;
      node.trees.handleTimeout(this.now);
      this.#follow(node);
    });
  }

  #at(later: number, event: () => void): void {
    const events = this.#events.get(this.now + later);
    if (events === undefined) this.#events.set(this.now + later, [event]);
    else events.push(event);
  }
}
