/** Whole nodes in host mode whose frames to all travel trees: in a row, in a ring, and beside nodes that know of none. */
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
import { test } from "../harness.ts";
import { MemoryHost } from "./memory_links.ts";
import type { LinkFaults } from "./network.ts";
import { type SimNode, SimWorld } from "./world.ts";

const { signal } = new AbortController();
const groups = { 4: parseAddress("239.1.2.3")!, 6: parseAddress("ff15::1:2")! };

/** Nodes `a`, `b`, … with a namespace each, of which only neighbours in the row have sessions. */
class Row implements AsyncDisposable {
  readonly world: SimWorld;
  readonly hosts = new Map<string, MemoryHost>();
  nodes: readonly SimNode[] = [];
  /** Whether the last of the row is linked to the first. */
  isRing = false;
  readonly #addresses = new Map<string, readonly Address[]>();
  readonly #older: string;

  /** `older`: letters of nodes that neither offer nor take headers. */
  constructor(seed: number, older = "", faults: Partial<LinkFaults> = {}) {
    this.#older = older;
    const port = [userspace({}), this.#links()];
    const encapsulation = this.#encapsulation();
    this.world = new SimWorld(seed, faults, {
      plugins: { port, encapsulation },
      broadcastTree: (place) => this.#tree(place),
    });
  }

  /** The nodes come together while all hear all, and then do not any more. */
  async stand(names: string): Promise<void> {
    this.nodes = await this.world.mesh(...names);
    for (const { name, node } of this.nodes) {
      const attached = await this.world.run(node.endpoints.attach({ where: { netns: "web" } }, signal));
      this.#addresses.set(name, attached.addresses.map((text) => parseAddress(text.split("/")[0]!)!));
    }
    await this.world.settle();
    await this.world.clock.advance(5_000);
    this.cut();
    await this.world.clock.runUntil(
      () => this.nodes.every((node, i) => this.#hasNeighboursOnly(node, i)),
      120_000,
    );
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
    const up = node.peers().filter(({ state, self }) => state === "up" && !self).map(({ name }) => name);
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
    const plugin = noise({});
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

test("in a row of four every node hears each of the others, of both families, once and in order", async () => {
  await using row = new Row(501);
  await row.stand("abcd");
  for (const [i, name] of [..."abcd"].entries()) {
    row.say(name, 10 * i, 4);
    row.say(name, 10 * i + 1, 6);
    await row.world.clock.advance(500);
  }
  assert.deepEqual(row.heard(), {
    a: [10, 11, 20, 21, 30, 31],
    b: [0, 1, 20, 21, 30, 31],
    c: [0, 1, 10, 11, 30, 31],
    d: [0, 1, 10, 11, 20, 21],
  });
  for (const { name } of row.nodes) assert.equal(row.drops(name)["replayed"] ?? 0, 0);
});

test("in a ring, which is no tree, every node hears each frame once, though the network loses, doubles and turns them round", async () => {
  await using row = new Row(502);
  row.isRing = true;
  await row.stand("abcde");
  row.world.network.setFaults({ delay: 5, jitter: 20, duplicate: 0.2, reorder: 0.2, loss: 0.05 });
  for (let number = 0; number < 200; number++) {
    row.say("abcde"[number % 5]!, number);
    await row.world.clock.advance(10);
  }
  await row.world.clock.advance(1_000);
  let arrived = 0;
  for (const [name, numbers] of Object.entries(row.heard())) {
    assert.equal(new Set(numbers).size, numbers.length, `${name} heard one twice`);
    assert.ok(numbers.every((number) => "abcde"[number % 5] !== name), `${name} heard itself`);
    arrived += numbers.length;
  }
  assert.ok(arrived > 700 && arrived <= 800, `${arrived} of 800`);
});

test("a node that has restarted is heard by all at once, also beyond its neighbours", async () => {
  await using row = new Row(503);
  await row.stand("abcd");
  for (let number = 0; number < 50; number++) row.say("a", number);
  await row.world.clock.advance(500);
  row.world.crash(row.nodes[0]!);
  const again = await row.world.start("a");
  row.nodes = [again, ...row.nodes.slice(1)];
  await row.world.clock.runUntil(
    () => again.node.peers().some(({ name, state }) => name === "b" && state === "up"),
    60_000,
  );
  row.say("a", 99);
  await row.world.clock.advance(500);
  const { b, c, d } = row.heard();
  assert.deepEqual([b, c, d].map((numbers) => numbers!.length), [51, 51, 51]);
  assert.deepEqual([b, c, d].map((numbers) => numbers!.at(-1)), [99, 99, 99]);
});

test("an older node gets what its neighbours send themselves, and nobody beyond it hears more", async () => {
  await using row = new Row(504, "c");
  await row.stand("abcd");
  row.say("a", 1);
  row.say("b", 2);
  row.say("c", 3);
  row.say("d", 4);
  await row.world.clock.advance(500);
  assert.deepEqual(row.heard(), { a: [2], b: [1, 3], c: [2, 4], d: [3] });
});
