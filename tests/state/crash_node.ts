/**
 * A node that lives through a scenario until it is killed at one point of it, by itself and with SIGKILL. Everything it
 * was promised goes to stdout before it goes on.
 */
import { writeSync } from "node:fs";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { crc32 } from "node:zlib";
import type { MeshNode } from "../../core/contracts/node.ts";
import type { StoreChange } from "../../core/contracts/store.ts";
import { openAnnouncement } from "../../core/identity/announcement.ts";
import { storeKeys } from "../../core/node/state_records.ts";
import { formatAddress, parseAddress } from "../../core/wire/address.ts";
import { MemoryDisk, memoryStoreOn } from "../../plugins/memory_store/mod.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { captureRing } from "./captured_ring.ts";
import {
  type CrashFacts,
  type CrashOrder,
  type CrashReport,
  foundIntent,
  sqliteOn,
  startNode,
  tooMuchKey,
} from "./crash_parts.ts";

const order = JSON.parse(process.argv[2]!) as CrashOrder;
const { point, directory } = order;
const signal = new AbortController().signal;
const disk = new MemoryDisk();
const captured = captureRing();
const killer = point.afterMicros === undefined ? undefined : await armKiller(point.afterMicros);
let step = "";
let hits = 0;
let node: MeshNode;
let helper: MeshNode;

function report(line: CrashReport): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

function probe(at: string, changes: readonly StoreChange[]): void {
  if (at === "queued") {
    report({ asked: changes.map(({ key, value }) => [key, value === undefined ? null : crc32(value)]) });
  }
  if (at === "acknowledged") report({ acknowledged: true });
  const isMet = at === point.at && step === point.step &&
    (point.prefix === undefined || changes.some(({ key }) => key.startsWith(point.prefix!)));
  if (!isMet || ++hits !== (point.hit ?? 1)) return;
  if (killer === undefined) process.kill(process.pid, "SIGKILL");
  else killer();
}

/** A thread that kills the process so long after the call, whatever the main thread is doing then. */
async function armKiller(micros: number): Promise<() => void> {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const program = `const { workerData } = require("node:worker_threads");
    Atomics.wait(workerData, 0, 0);
    const end = performance.now() + ${micros / 1000};
    while (performance.now() < end);
    process.kill(process.pid, "SIGKILL");`;
  const worker = new Worker(program, { eval: true, workerData: flag });
  await new Promise((resolve) => worker.once("online", resolve));
  return () => {
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  };
}

async function allocate(owner: string): Promise<{ owner: string; address: string }> {
  const ipam = captured.ipam();
  const { address } = await ipam.allocate({ owner, subnet: ipam.ranges()[0]! }, signal);
  return { owner, address: formatAddress(address) };
}

/** The last announcement of this node that the other one keeps. */
function heardSequence(): number {
  const record = disk.image.get(storeKeys.peers + node.id);
  return (record && openAnnouncement(record)?.sequence) ?? 0;
}

type Steps = Readonly<Record<string, () => Promise<CrashFacts>>>;

const common: Steps = {
  start: async () => {
    const intent = order.token === undefined ? foundIntent : { join: { token: order.token } };
    node = await startNode({
      name: "mortal",
      store: sqliteOn(directory, probe),
      ipam: captured.plugin,
      intent,
    });
    return { network: node.status().network.id, peer: node.id, stampedAt: Date.now() };
  },
  allocate: async () => ({ leases: [await allocate("first")] }),
};

const target = "127.0.0.1:9";
const otherTarget = "127.0.0.1:19";
let token: { readonly id: string; readonly token: string };
let claimed = "";

/** Commits that go round the node: what the store does with them is all that matters. */
async function commitAll(batches: readonly (readonly StoreChange[])[]): Promise<void> {
  await Promise.allSettled(batches.map((batch) => captured.store().commit(batch)));
}

const founder: Steps = {
  ...common,
  token: async () => {
    token = await node.tokens.create();
    return { tokens: [token.id] };
  },
  admit: async () => {
    const intent = { join: { token: token.token } };
    helper = await startNode({ name: "helper", store: memoryStoreOn(disk), ipam: ring({}), intent });
    const { ranges } = helper.ipam().shares.find(({ peer }) => peer === helper.id)!;
    return { members: [helper.id], granted: { peer: helper.id, ranges }, sequence: heardSequence() };
  },
  claim: async () => {
    claimed = "10.32.7.7";
    await captured.ipam().claim("second", parseAddress(claimed)!, signal);
    return { leases: [{ owner: "second", address: claimed }] };
  },
  release: async () => {
    await captured.ipam().release("second");
    return { released: [claimed] };
  },
  crowd: async () => {
    const owners = Array.from({ length: 20 }, (_, i) => `crowd-${i}`);
    return { leases: await Promise.all(owners.map(allocate)) };
  },
  target: async () => {
    await node.connect([target]);
    return { target };
  },
  untarget: async () => {
    await node.connect([otherTarget], { replace: true });
    return { target: otherTarget, forgotten: target };
  },
  "token-revoke": async () => {
    await node.tokens.revoke(token.id);
    return { revokedTokens: [token.id] };
  },
  "member-revoke": async () => {
    await node.members.revoke(helper.id);
    return { revokedMembers: [helper.id] };
  },
  "too-much": async () => {
    const small = (i: number) => [{ key: `crash/small-${i}`, value: new Uint8Array(100).fill(i) }];
    const large = (i: number) => [{ key: `crash/large-${i}`, value: new Uint8Array(2_000_000).fill(i) }];
    await commitAll([large(0)]);
    const never = [{ key: tooMuchKey, value: new Uint8Array(3_000_000) }];
    await commitAll([small(0), small(1), never, small(2), small(3)]);
    await commitAll([[{ key: "crash/large-0", value: undefined }]]);
    return {};
  },
  bulk: async () => {
    const value = (i: number) => new Uint8Array(400_000).fill(i);
    for (let i = 0; i < 16; i++) await commitAll([[{ key: `crash/bulk-${i % 4}`, value: value(i) }]]);
    return {};
  },
  stop: async () => {
    await node[Symbol.asyncDispose]();
    return {};
  },
};

for (const [name, run] of Object.entries(point.role === "founder" ? founder : common)) {
  step = name;
  report({ told: name, facts: await run() });
}
// The point was met, and the killer is late: its thread holds the process until then.
if (killer !== undefined && hits >= (point.hit ?? 1)) await new Promise(() => {});
// The point was never met; the parent sees it by the exit code.
process.exit(0);
