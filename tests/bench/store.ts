/**
 * What durability costs: addresses of the ring plugin on the sqlite store, one after the other and many at once, against
 * a bare write and fsync on the same disk in the same run.
 */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNode } from "../../core/node/create_node.ts";
import { silentLogger } from "../../core/node/silent_logger.ts";
import { systemRandom } from "../../core/runtime/random.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { allowAll } from "../../plugins/allow_all/mod.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { sqlite } from "../../plugins/sqlite/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { udp } from "../../plugins/udp/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import { captureRing } from "../state/captured_ring.ts";
import { median, quantile, type Row, times } from "./report.ts";

const single = 300;
const together = 256;
const rounds = 4;
/** A page of the database, as little as a commit writes. */
const page = new Uint8Array(4096);
/** About a lease. */
const value = new Uint8Array(64);

/** Microseconds. */
interface Samples {
  /** Of a bare write and fsync, between the calls below: a disk is not always as fast. */
  readonly bare: readonly number[];
  /** Of one call that waits for the one before. */
  readonly alone: readonly number[];
  /** Of {@link together} calls at once, all of them. */
  readonly grouped: readonly number[];
  /** Of the longest turn of the event loop during each of these. */
  readonly turns: readonly number[];
}

export async function benchStore(): Promise<readonly Row[]> {
  const root = mkdtempSync(join(tmpdir(), "selvage-bench-"));
  const bare = openSync(join(root, "bare"), "w");
  const sync = () => {
    writeSync(bare, page);
    fsyncSync(bare);
  };
  try {
    return [
      ...rowsOf("commit", await commits(join(root, "commits"), sync)),
      ...rowsOf("address of the ring", await allocations(join(root, "addresses"), sync)),
    ];
  } finally {
    closeSync(bare);
    rmSync(root, { recursive: true, force: true });
  }
}

function rowsOf(what: string, { bare, alone, grouped, turns }: Samples): Row[] {
  const each = median(grouped) / together;
  return [
    { what: `${what}: write of 4 KiB and fsync in between`, figure: micros(bare) },
    {
      what: `${what}: durable, one after the other`,
      figure: micros(alone),
      ratio: `p50 ${times(median(alone) / median(bare))} bare`,
    },
    {
      what: `${what}: durable, ${together} at once, each`,
      figure: `${each.toFixed(0)} µs`,
      ratio: `${times(each / median(bare))} bare; ${times(median(alone) / each)} as fast as alone`,
    },
    { what: `${what}: longest turn of the event loop meanwhile`, figure: micros(turns) },
  ];
}

function micros(samples: readonly number[]): string {
  return `p50 ${median(samples).toFixed(0)} µs, p99 ${quantile(samples, 0.99).toFixed(0)} µs`;
}

async function commits(directory: string, sync: () => void): Promise<Samples> {
  const store = sqlite({ directory }).create({ random: systemRandom(), log: silentLogger });
  await store.start?.(new AbortController().signal);
  try {
    return await sample((name) => store.commit([{ key: `bench/${name}`, value }]), sync);
  } finally {
    await store[Symbol.asyncDispose]?.();
  }
}

async function allocations(directory: string, sync: () => void): Promise<Samples> {
  const captured = captureRing();
  const range = parsePrefix("10.32.0.0/12")!;
  await using _node = await createNode({
    name: "bench",
    intent: { found: { networkName: "bench", range } },
    plugins: {
      store: sqlite({ directory }),
      transport: udp({ listen: "127.0.0.1:0" }),
      encapsulation: noise({}),
      discovery: [staticSeeds({ seeds: [] })],
      ipam: captured.plugin,
      policy: allowAll({}),
      port: userspace({}),
    },
  });
  const { signal } = new AbortController();
  return await sample((owner) => captured.ipam().allocate({ owner, subnet: range }, signal), sync);
}

async function sample(call: (name: string) => Promise<unknown>, sync: () => void): Promise<Samples> {
  const [bare, alone, grouped, turns]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let i = 0; i < single; i++) {
    bare.push(await measured(sync));
    alone.push(await measured(() => call(`alone-${i}`)));
  }
  for (let round = 0; round < rounds; round++) {
    const names = Array.from({ length: together }, (_, i) => `round-${round}-${i}`);
    const watch = watchTurns();
    grouped.push(await measured(() => Promise.all(names.map(call))));
    turns.push(watch.longest());
  }
  return { bare, alone, grouped, turns };
}

async function measured(run: () => unknown): Promise<number> {
  const began = performance.now();
  await run();
  return (performance.now() - began) * 1000;
}

/** Microseconds between two turns of the event loop, at most, from now until it is asked. */
function watchTurns(): { longest(): number } {
  let [last, longest] = [performance.now(), 0];
  const look = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    next = setImmediate(look);
  };
  let next = setImmediate(look);
  return {
    longest: () => {
      clearImmediate(next);
      longest = Math.max(longest, performance.now() - last);
      return longest * 1000;
    },
  };
}
