/**
 * The ring at size, and the first address of a node that joins. Ten thousand owners are more than a network should have; what
 * is asked is that none of it is felt: a grant that comes in, and whose an address is.
 *
 * By itself: `node -C source tests/bench/ring.ts`.
 */
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Address, PeerId } from "../../core/contracts/values.ts";
import { RangeTable } from "../../core/forwarding/range_table.ts";
import { createIdentity, openSelf } from "../../core/identity/identity.ts";
import { createNode } from "../../core/node/create_node.ts";
import type { Intent } from "../../core/node/entry.ts";
import { systemRandom } from "../../core/runtime/random.ts";
import { addressFromBigInt, addressToBigInt } from "../../core/wire/address.ts";
import { encodeBase32 } from "../../core/wire/base32.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { allowAll } from "../../plugins/allow_all/mod.ts";
import { memoryStore } from "../../plugins/memory_store/mod.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { type Grant, openGrant, signGrant } from "../../plugins/ring/grant.ts";
import { ring as ringPlugin } from "../../plugins/ring/mod.ts";
import { Ring } from "../../plugins/ring/ring.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { udp } from "../../plugins/udp/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import { goal, median, printRows, quantile, type Row } from "./report.ts";

const peers = 10_000;
/** Each signs for as many others; one may not sign for all. */
const grantors = 16;
const deltas = 50;
const asked = 1000;
const lookups = 200_000;
const joins = 5;
const networkId = new Uint8Array(16).fill(7);
const range = parsePrefix("10.0.0.0/8")!;
const base = addressToBigInt(range.address);
/** 2^10 addresses for each of 2^14 blocks. */
const blockBits = 22;
const blockSize = 1n << 10n;

export async function benchRing(): Promise<readonly Row[]> {
  return [...ringRows(), ...await joinRows()];
}

function ringRows(): readonly Row[] {
  const before = heapInUse();
  const { root, grants, later } = manyGrants();
  const ring = new Ring(root);
  ring.merge(grants.splice(0));
  ring.routes();
  const heap = (heapInUse() - before) / 2 ** 20;
  const [checks, merges, derived]: [number[], number[], number[]] = [[], [], []];
  for (const record of later) {
    const grant = measured(checks, () => openGrant(record, networkId)!);
    measured(merges, () => ring.merge([grant]));
    measured(derived, () => ring.routes());
  }
  const each = lookupNanos(new RangeTable(ring.routes()));
  return [
    row(`ring of ${peers} peers: heap`, `${heap.toFixed(1)} MB`, goal(20, heap, " MB")),
    row("  a grant: its signature checked", millis(checks)),
    row("  a grant: merged", millis(merges), goal(1, median(merges), " ms")),
    row("  a grant: all routes derived anew", millis(derived)),
    row("  whose an address is, in the compiled table", `${each.toFixed(0)} ns`, goal(100, each, " ns")),
  ];
}

/** Milliseconds of this thread's work: other programs may have the processor in between. */
function measured<T>(samples: number[], step: () => T): T {
  const before = process.threadCpuUsage();
  const result = step();
  const { user, system } = process.threadCpuUsage(before);
  samples.push((user + system) / 1000);
  return result;
}

function row(what: string, figure: string, met?: string): Row {
  return { what, figure, ...met !== undefined && { goal: met } };
}

function millis(samples: readonly number[]): string {
  return `p50 ${median(samples).toFixed(2)} ms, p99 ${quantile(samples, 0.99).toFixed(2)} ms`;
}

/** A founder with parts for some peers, who have given a block to each of the others; and grants that come later. */
function manyGrants() {
  const founder = openSelf(createIdentity(systemRandom()), "founder");
  const selves = Array.from(
    { length: grantors },
    (_, i) => openSelf(createIdentity(systemRandom()), `g${i}`),
  );
  const blocks = 2 ** (blockBits - range.bits) / grantors;
  const prefixAt = (block: number, bits: number) => ({
    address: addressFromBigInt(4, base + BigInt(block) * blockSize),
    bits,
  });
  const terms = { version: 1, epoch: 1 };
  const grants: Grant[] = selves.map((self, i) =>
    signGrant(founder, networkId, { ...terms, prefix: prefixAt(i * blocks, range.bits + 4), owner: self.id })
  );
  const later: Uint8Array[] = [];
  for (let i = 0; i < peers + deltas; i++) {
    const [grantor, block] = [i % grantors, (i % grantors) * blocks + Math.floor(i / grantors)];
    const prefix = prefixAt(block, blockBits);
    const grant = signGrant(selves[grantor]!, networkId, { ...terms, prefix, owner: somebody(i) });
    if (i < peers) grants.push(grant);
    else later.push(grant.record);
  }
  return { root: { ranges: [range], founder: founder.id }, grants, later };
}

function somebody(number: number): PeerId {
  const bytes = new Uint8Array(20);
  new DataView(bytes.buffer).setUint32(0, number);
  return encodeBase32(bytes) as PeerId;
}

function lookupNanos(table: RangeTable): number {
  const addresses: Address[] = Array.from(
    { length: asked },
    (_, i) => addressFromBigInt(4, base + BigInt((i * 7919) % 2 ** 14) * blockSize + 5n),
  );
  let found = 0;
  const round = () => {
    for (let i = 0; i < lookups; i++) found += table.lookup(addresses[i % asked]!)!.prefix.bits;
  };
  round();
  const samples: number[] = [];
  measured(samples, round);
  if (found === 0) throw new Error("nothing was looked up");
  return samples[0]! * 1e6 / lookups;
}

/** Buffers of records are outside the heap of the engine, and count. */
function heapInUse(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** From a session to an address of its own, and from nothing to a node that is ready. */
async function joinRows(): Promise<readonly Row[]> {
  await using founder = await start("founder", {
    found: { networkName: "bench", range: parsePrefix("10.32.0.0/12")! },
  });
  const [first, ready] = [[] as number[], [] as number[]];
  for (let i = 0; i < joins; i++) {
    const { token } = await founder.tokens.create();
    const up = Promise.withResolvers<number>();
    const life = new AbortController();
    founder.events.on("peer:up", () => up.resolve(performance.now()), life.signal);
    const begun = performance.now();
    await using _joined = await start(`joiner-${i}`, { join: { token } });
    ready.push(performance.now() - begun);
    first.push(performance.now() - await up.promise);
    life.abort();
  }
  return [
    row("a joiner's first address, after its session", millis(first), goal(100, median(first), " ms")),
    row("  from its start, on loopback", millis(ready)),
  ];
}

function start(name: string, intent: Intent) {
  return createNode({
    name,
    intent,
    plugins: {
      store: memoryStore({}),
      transport: udp({ listen: "127.0.0.1:0" }),
      encapsulation: noise({}),
      discovery: [staticSeeds({ seeds: [] })],
      ipam: ringPlugin({}),
      policy: allowAll({}),
      port: userspace({}),
    },
  });
}

if (import.meta.main) printRows("Addresses of the ring (node)", await benchRing());
