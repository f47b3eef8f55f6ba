/**
 * What must be true at every moment of a run, whatever has failed: no address is at two nodes, what was promised is kept,
 * no two nodes believe they own the same space, every ring is sound, nobody piles up timers, and nothing fails that no
 * fault explains. It keeps books of its own and asks the nodes only for what they say.
 */
import assert from "node:assert/strict";
import { isMeshError } from "../../core/contracts/errors.ts";
import type { Ipam, Lease } from "../../core/contracts/ipam.ts";
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";
import { checkInvariants } from "../../plugins/ring/invariants.ts";
import { RingIpam } from "../../plugins/ring/ring_ipam.ts";
import { intersect, type Span } from "../../plugins/ring/span.ts";
import type { SimNode, SimWorld } from "./world.ts";

/** Far more than a node of a small mesh has ever had; a leak reaches it within a run. */
const mostTimers = 100;
/** Less than the delay of every link: what a node knows now it knows from its disk. */
const beforeAnyAnswer = 0.9;

/** What a node believes to own, and the present or last life of it that does. */
interface Belief {
  readonly name: string;
  readonly ipam: RingIpam;
  version: number;
  spaces: readonly { readonly range: Prefix; readonly spans: readonly Span[] }[];
}

export class Ledger {
  readonly #world: SimWorld;
  /** Address → who was promised it, until it is given back; a node that is down keeps its own. */
  readonly #promised = new Map<string, { readonly node: string; readonly owner: string }>();
  /** Of every node that has ever run: one that is down may come back. */
  readonly #beliefs = new Map<PeerId, Belief>();
  #heardLog = 0;
  /** How many promises there have been: a run without any proves little. */
  promises = 0;

  constructor(world: SimWorld) {
    this.#world = world;
    world.onBoot = (name, ipam) => {
      world.clock.timer(world.clock.now() + beforeAnyAnswer, () => this.#checkBoot(name, ipam));
    };
  }

  /** To be called when a lease's promise resolves. */
  promise(node: string, { address, owner }: Lease): void {
    const text = formatAddress(address);
    const other = this.#promised.get(text);
    assert.ok(
      other === undefined || (other.node === node && other.owner === owner),
      `${text} was promised to ${owner} of ${node}, and before to ${other?.owner} of ${other?.node}`,
    );
    this.#promised.set(text, { node, owner });
    this.promises++;
  }

  /** From the call on nobody counts on what this owner has; without an owner, on anything that the node has. */
  giveBack(node: string, owner?: string): void {
    for (const [address, promise] of this.#promised) {
      if (promise.node === node && (owner === undefined || owner === promise.owner)) {
        this.#promised.delete(address);
      }
    }
  }

  check(): void {
    const nodes = this.#world.nodes();
    this.#checkLeases(nodes);
    this.#checkRings(nodes);
    for (const { name, process } of nodes) {
      assert.ok(process.clock.pending <= mostTimers, `${name} has ${process.clock.pending} timers`);
    }
    this.#checkLog();
  }

  #checkLeases(nodes: readonly SimNode[]): void {
    const holders = new Map<string, string>();
    for (const { name, ipam } of nodes) {
      for (const { address, owner } of ipam.leases()) {
        const text = formatAddress(address);
        const holder = holders.get(text) ?? this.#promised.get(text)?.node ?? name;
        assert.equal(holder, name, `${text} of ${owner} is leased at ${name} and at ${holder}`);
        holders.set(text, name);
      }
    }
    for (const [text, { node, owner }] of this.#promised) {
      const isUp = nodes.some(({ name }) => name === node);
      assert.ok(!isUp || holders.get(text) === node, `${node} has forgotten that ${owner} has ${text}`);
    }
  }

  /** What a node has promised it must know again before anybody tells it. */
  #checkBoot(name: string, ipam: Ipam): void {
    if (!(ipam instanceof RingIpam) || ipam.routes.ring === undefined) return;
    this.#beliefs.set(ipam.routes.self, { name, ipam, version: -1, spaces: [] });
    this.#compare();
  }

  #checkRings(nodes: readonly SimNode[]): void {
    for (const { name, node, ipam } of nodes) {
      if (!(ipam instanceof RingIpam) || this.#beliefs.get(node.id)?.ipam === ipam) continue;
      this.#beliefs.set(node.id, { name, ipam, version: -1, spaces: [] });
    }
    this.#compare();
  }

  /** First all are asked, then compared: what one has given away since the last time another may have now. */
  #compare(): void {
    const changed = [...this.#beliefs].filter(([peer, belief]) => isNews(peer, belief));
    for (const [, belief] of changed) {
      for (const other of this.#beliefs.values()) if (other !== belief) disjoint(belief, other);
    }
  }

  /** An error in the log must be the echo of a disk that was made to fail. */
  #checkLog(): void {
    const { log } = this.#world;
    for (; this.#heardLog < log.length; this.#heardLog++) {
      const { node, level, message, fields: { error } } = log[this.#heardLog]!;
      const isExplained = isMeshError(error) && diskCodes.has(error.code);
      const cause = error instanceof Error ? error.stack : String(error);
      assert.ok(level !== "error" || isExplained, `${node} logged "${message}": ${cause}`);
    }
  }
}

const diskCodes: ReadonlySet<string> = new Set(["DISK_FULL", "STATE_UNWRITABLE"]);

/** Asks the node's ring again; false when it has not changed. */
function isNews(peer: PeerId, belief: Belief): boolean {
  const { ring } = belief.ipam.routes;
  const version = belief.ipam.routes.version();
  if (ring === undefined || version === belief.version) return false;
  assert.deepEqual(checkInvariants(ring), [], `the ring of ${belief.name}`);
  belief.version = version;
  belief.spaces = ring.root.ranges.map((range) => ({ range, spans: ring.spaceOf(peer, range) }));
  return true;
}

function disjoint(left: Belief, right: Belief): void {
  for (const [i, { range, spans }] of left.spaces.entries()) {
    const shared = spans.flatMap((span) => intersect(right.spaces[i]?.spans ?? [], span));
    const who = `${left.name} and ${right.name}`;
    assert.deepEqual(shared, [], `${who} both believe they own a part of ${formatPrefix(range)}`);
  }
}
