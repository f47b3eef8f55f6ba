/**
 * Random runs of whole nodes under every fault at once, after FoundationDB's way of testing: what is done, what fails
 * and in which order it is healed all follow from one seed. The ledger is read after every operation; in the end all
 * faults are healed, and the mesh must become one again by itself.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { blake2s } from "@noble/hashes/blake2.js";
import type { PeerId } from "../../core/contracts/values.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { drawFlow } from "./flow_chart.ts";
import { FlowRecorder } from "./flow_recorder.ts";
import { SimRandom } from "./random.ts";
import { Crew } from "./swizzle_crew.ts";
import { FaultSource } from "./swizzle_faults.ts";
import { Ledger } from "./swizzle_ledger.ts";
import { type SimNode, SimWorld, type WorldOptions } from "./world.ts";

export interface SwizzleOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly operations: number;
  /** Where a failure is drawn; stderr by default. */
  readonly print?: (text: string) => void;
  /** Called after every operation, before the ledger is read: to see that what is broken here is found. */
  readonly meddle?: (world: SimWorld, operations: number) => void;
}

export interface SwizzleResult {
  readonly operations: number;
  readonly faults: number;
  /** Leases that were promised. */
  readonly promises: number;
  /** Nodes that were let in by a member whose revocation took them along, and were replaced. */
  readonly shutOut: number;
  /** BLAKE2s-128 over every operation, fault and datagram of the run, in hexadecimal. */
  readonly traceHash: string;
  readonly simulatedMillis: number;
}

/** More would be a mesh that hardly ever gets anything done. */
const mostFaults = 4;
/** Between one fault and the next, and between one cure and the next, on average. */
const operationsPerFault = 12;
/** Two rounds of everything that is told again every 30 s. */
const quiet = 65_000;

/** Rejects with what did not hold, after it has drawn the last datagrams and told how to see it again. */
export async function runSwizzle(options: SwizzleOptions): Promise<SwizzleResult> {
  const run = new Swizzle(options);
  try {
    return await run.run();
  } catch (error) {
    (options.print ?? console.error)(run.draw(error));
    throw error;
  } finally {
    await run.end();
  }
}

/** With an even seed space is scarce: four blocks to begin with, so that they have to be divided while in use. */
function spaceOf(seed: number): WorldOptions {
  return seed % 2 === 1 ? {} : { range: "10.32.0.0/25", plugins: { ipam: ring({ block: 27 }) } };
}

class Swizzle {
  readonly #options: SwizzleOptions;
  readonly #random: SimRandom;
  readonly #world: SimWorld;
  readonly #ledger: Ledger;
  readonly #crew: Crew;
  readonly #faults: FaultSource;
  readonly #recorder: FlowRecorder;
  readonly #trace = blake2s.create({ dkLen: 16 });
  readonly #text = new TextEncoder();

  constructor(options: SwizzleOptions) {
    this.#options = options;
    this.#random = new SimRandom(options.seed ^ 0x5e1f);
    this.#world = new SimWorld(options.seed, { jitter: 2 }, spaceOf(options.seed));
    this.#ledger = new Ledger(this.#world);
    this.#crew = new Crew(this.#world, this.#random.fork(), this.#ledger, (text) => this.#remark(text));
    // The second node is behind a NAT that outlives no pause.
    const { host } = (this.#world.machine("n0"), this.#world.machine("n1"));
    const nat = this.#world.network.addNat([host], { outside: "203.0.113.1", filtering: "address" });
    this.#faults = new FaultSource(this.#world, this.#random.fork(), nat);
    const nameOf = (place: { readonly host: string }) =>
      this.#world.nameOf(place.host) ??
        (place.host === nat.outside ? "n1" : undefined);
    this.#recorder = new FlowRecorder(nameOf);
    this.#world.network.watch((event) => {
      const { at, what, from, to, datagram } = event;
      this.#hash(`${at} ${what} ${from.host} ${to.host} ${datagram.length}`);
      this.#recorder.hear(event);
    });
  }

  async run(): Promise<SwizzleResult> {
    await this.#crew.begin(this.#options.nodes);
    while (this.#crew.operations < this.#options.operations) await this.#step();
    await this.#calm();
    return {
      operations: this.#crew.operations,
      faults: this.#faults.count,
      promises: this.#ledger.promises,
      shutOut: this.#crew.shutOut,
      traceHash: encodeHex(this.#trace.digest()),
      simulatedMillis: this.#world.clock.now(),
    };
  }

  async #step(): Promise<void> {
    const { active } = this.#faults;
    if (active.length < mostFaults && this.#random.chance(1 / operationsPerFault)) {
      this.#remark(`fault: ${this.#faults.inject()?.name ?? "none possible"}`);
    }
    if (this.#random.chance(1 / operationsPerFault)) this.#heal();
    this.#remark(this.#crew.operate());
    await this.#world.clock.advance(this.#pause());
    this.#options.meddle?.(this.#world, this.#crew.operations);
    this.#check();
  }

  /** Mostly so short that operations meet, now and then so long that sessions end. */
  #pause(): number {
    const kind = this.#random.float();
    const length = this.#random.float();
    if (kind < 0.75) return 300 * length;
    return kind < 0.98 ? 1_000 + 2_000 * length : 20_000 + 20_000 * length;
  }

  #heal(): void {
    const fault = this.#faults.healOne();
    if (fault !== undefined) this.#remark(`healed: ${fault.name}`);
  }

  #check(): void {
    this.#crew.check();
    this.#ledger.check();
  }

  /** All faults end, in random order and not at once; everybody comes up; time passes; then all must agree. */
  async #calm(): Promise<void> {
    while (this.#faults.active.length > 0) {
      this.#heal();
      await this.#world.clock.advance(1_000 * this.#random.float());
      this.#check();
    }
    await this.#crew.assemble();
    await this.#world.settle(180_000);
    await this.#world.clock.advance(quiet);
    this.#check();
    agree(this.#world.nodes());
    for (const from of this.#world.nodes()) {
      for (const to of this.#world.nodes()) await this.#pingBoth(from, to);
    }
    this.#check();
  }

  async #pingBoth(from: SimNode, to: SimNode): Promise<void> {
    if (from === to) return;
    for (const family of [4, 6] as const) await this.#world.ping(from, to, family);
  }

  #remark(text: string): void {
    this.#hash(text);
    this.#recorder.remark(this.#world.clock.now(), text);
  }

  #hash(line: string): void {
    this.#trace.update(this.#text.encode(line + "\n"));
  }

  /** Everything that a person needs to see the failure, and to see it again. */
  draw(error: unknown): string {
    const { seed, nodes, operations } = this.#options;
    return [
      `seed ${seed} failed after ${this.#crew.operations} operations and ${this.#faults.count} faults:`,
      error instanceof Error ? error.message : String(error),
      "",
      drawFlow(this.#recorder.steps(), this.#world.nodes().map(({ name }) => name)),
      `faults that are active: ${this.#faults.active.map(({ name }) => name).join(", ") || "none"}`,
      "to see it again:",
      `  SWIZZLE_SEED=${seed} SWIZZLE_NODES=${nodes} SWIZZLE_OPERATIONS=${operations} ` +
      "npx deno test -A tests/sim/swizzle_test.ts",
    ].join("\n");
  }

  async end(): Promise<void> {
    this.#world.network.watch(() => {});
    // A run that failed may have left nodes that cannot stop in order.
    for (const node of this.#world.nodes()) this.#world.crash(node);
    await this.#world[Symbol.asyncDispose]();
  }
}

/** Every node sees the same members, peers and shares, all of them up, and has nothing to complain about. */
function agree(nodes: readonly SimNode[]): void {
  const views = nodes.map(({ name, node }) => ({ name, view: viewOf(node) }));
  for (const { name, view } of views) {
    assert.deepEqual(view, views[0]!.view, `${name} and ${views[0]!.name} disagree`);
  }
  for (const { name, node } of nodes) {
    assert.deepEqual(node.status().alerts, [], `${name} has alerts`);
    assert.equal(node.status().state, "ready", name);
  }
}

function viewOf(node: SimNode["node"]): unknown {
  const byPeer = (left: { peer: PeerId }, right: { peer: PeerId }) => left.peer < right.peer ? -1 : 1;
  return {
    members: node.members.list().map(({ peer, name, state }) => ({ peer, name, state })).sort(byPeer),
    peers: node.peers().map(({ peer, state, addresses }) => ({ peer, state, addresses })).sort(byPeer),
    shares: node.ipam().shares.map(({ peer, ranges }) => ({ peer, ranges: ranges.toSorted() })).sort(byPeer),
  };
}

/** What the environment asks for, to see one run again. */
export function askedFor(): SwizzleOptions | undefined {
  const { SWIZZLE_SEED: seed, SWIZZLE_NODES: nodes = 5, SWIZZLE_OPERATIONS: operations = 500 } = process.env;
  if (seed === undefined) return undefined;
  return { seed: Number(seed), nodes: Number(nodes), operations: Number(operations) };
}
