/** Whole nodes in host mode with a namespace each, in a row or a ring, that send frames to all. For tests. */
import assert from "node:assert/strict";
import type { Encapsulation } from "../../core/contracts/encapsulation.ts";
import type { Plugin } from "../../core/contracts/plugin.ts";
import type { Address, PeerId } from "../../core/contracts/values.ts";
import type { BroadcastTree } from "../../core/forwarding/broadcast_tree.ts";
import type { BroadcastPlace } from "../../core/node/create_node.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { broadcastFeature } from "../../core/wire/broadcast_header.ts";
import { encodeEthernet } from "../../core/wire/ethernet.ts";
import { readU16 } from "../../core/wire/field.ts";
import { macOfAddress, macOfGroup } from "../../core/wire/mac.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import { MemoryHost } from "./memory_links.ts";
import type { LinkFaults } from "./network.ts";
import { type SimNode, SimWorld } from "./world.ts";

const { signal } = new AbortController();
const groups = { 4: parseAddress("239.1.2.3")!, 6: parseAddress("ff15::1:2")! };

export interface RowOptions {
  /** Letters of nodes that neither offer nor take headers. */
  readonly older?: string;
  readonly faults?: Partial<LinkFaults>;
  /**
   * Trees as nodes make them themselves, from the links that all tell. Otherwise a frame goes to all with a session but the one
   * that has brought it, and no node passes on what others seal for each other.
   */
  readonly hasOwnTrees?: boolean;
  /** Up to how many nodes all tell their links. */
  readonly linkStateUpTo?: number;
}

/** Nodes `a`, `b`, … with a namespace each, of which only neighbours in the row see each other. */
export class Row implements AsyncDisposable {
  readonly world: SimWorld;
  readonly hosts = new Map<string, MemoryHost>();
  nodes: readonly SimNode[] = [];
  /** Whether the last of the row is linked to the first. */
  isRing = false;
  readonly #addresses = new Map<string, readonly Address[]>();
  readonly #older: string;
  readonly #hasOwnTrees: boolean;

  constructor(
    seed: number,
    { older = "", faults = {}, hasOwnTrees = false, linkStateUpTo }: RowOptions = {},
  ) {
    this.#older = older;
    this.#hasOwnTrees = hasOwnTrees;
    const port = [userspace({}), this.#links()];
    const encapsulation = this.#encapsulation();
    this.world = new SimWorld(seed, faults, {
      plugins: { port, encapsulation },
      ...(linkStateUpTo && { linkStateUpTo }),
      ...hasOwnTrees ? {} : { broadcastTree: (place: BroadcastPlace) => this.#tree(place) },
    });
  }

  /** The nodes come together while all hear all, and then do not any more. */
  async stand(names: string): Promise<void> {
    await this.gather(names);
    this.cut();
    await this.world.clock.runUntil(
      () => this.nodes.every((node, i) => this.#hasNeighboursOnly(node, i)),
      120_000,
    );
    for (const host of this.hosts.values()) host.frames.length = 0;
  }

  /** All hear all. */
  async gather(names: string): Promise<void> {
    this.nodes = await this.world.mesh(...names);
    for (const { name, node } of this.nodes) {
      const attached = await this.world.run(node.endpoints.attach({ where: { netns: "web" } }, signal));
      this.#addresses.set(name, attached.addresses.map((text) => parseAddress(text.split("/")[0]!)!));
    }
    await this.world.settle();
    await this.world.clock.advance(5_000);
    for (const host of this.hosts.values()) host.frames.length = 0;
  }

  cut(): void {
    for (const [i, { host }] of this.nodes.entries()) {
      for (const [j, other] of this.nodes.entries()) {
        if (i !== j && !this.#areNeighbours(i, j)) this.world.network.cut(host, other.host);
      }
    }
  }

  /** One frame to a group from the namespace of a node; the number is in it. */
  say(name: string, number: number, family: 4 | 6 = 4): void {
    const addresses = this.#addresses.get(name)!;
    const source = addresses.find((address) => address.family === family)!;
    const destination = groups[family];
    const payload = Uint8Array.of(number >> 8, number);
    const packet = encodeUdp({ source, destination }, { sourcePort: 9, destinationPort: 5353, payload });
    const etherType = family === 4 ? 0x0800 : 0x86dd;
    const frame = encodeEthernet(macOfGroup(destination), macOfAddress(addresses[0]!), etherType, packet);
    assert.equal(this.hosts.get(name)!.send(frame), 0);
  }

  /** The numbers that reached the links of each node. */
  heard(): Readonly<Record<string, readonly number[]>> {
    const all = this.nodes.map(({ name }) => {
      const frames = this.hosts.get(name)!.frames;
      return [name, frames.map((frame) => readU16(frame, frame.length - 2))] as const;
    });
    return Object.fromEntries(all);
  }

  drops(name: string): Readonly<Record<string, number>> {
    return this.nodes.find((node) => node.name === name)!.node.status().drops;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }

  #areNeighbours(i: number, j: number): boolean {
    const apart = Math.abs(i - j);
    return apart === 1 || (this.isRing && apart === this.nodes.length - 1);
  }

  #hasNeighboursOnly({ node }: SimNode, i: number): boolean {
    const up = node.peers().filter(({ way }) => way?.way === "direct").map(({ name }) => name);
    const wanted = this.nodes.filter((_, j) => i !== j && this.#areNeighbours(i, j)).map(({ name }) => name);
    return up.toSorted().join() === wanted.join();
  }

  /** To all neighbours but the one that it came from: in a row that is a tree, in a ring it is none. */
  #tree({ peers }: BroadcastPlace): BroadcastTree {
    return { children: (_, from: PeerId) => peers().filter((peer) => peer !== from), mayBring: () => true };
  }

  #links(): Plugin<"port"> {
    return {
      slot: "port",
      name: "memory_links",
      create: (host) => {
        const kernel = this.hosts.get(host.self.name) ?? new MemoryHost("web");
        this.hosts.set(host.self.name, kernel);
        return kernel.plugin().create(host);
      },
    };
  }

  #encapsulation(): Plugin<"encapsulation"> {
    const plugin = noise({ relay: this.#hasOwnTrees ? "willing" : "never" });
    return { ...plugin, create: (host) => this.#aged(plugin.create(host), host.self.name) };
  }

  /** What an older node, and whoever speaks with one, would have learned of the other. */
  #aged<E extends Encapsulation>(machine: E, name: string): E {
    const poll = machine.poll.bind(machine);
    machine.poll = () => {
      const output = poll();
      if (output?.type !== "session-up") return output;
      assert.ok(output.features?.includes(broadcastFeature));
      const isOlder = this.#older.includes(name) || this.#older.includes(output.peer.name);
      return isOlder ? { ...output, features: [] } : output;
    };
    return machine;
  }
}
