import assert from "node:assert/strict";
import type { Endpoint } from "../../core/contracts/values.ts";
import { test } from "../harness.ts";
import { SimClock } from "./clock.ts";
import { type LinkFaults, SimNetwork } from "./network.ts";
import { SimRandom } from "./random.ts";

const [a, b]: [Endpoint, Endpoint] = [{ host: "192.0.2.1", port: 1 }, { host: "192.0.2.2", port: 1 }];

interface Outcome {
  /** Length of each datagram that arrived, by its number. */
  readonly lengths: ReadonlyMap<number, number>;
  readonly times: readonly number[];
  readonly network: SimNetwork;
}

/** Sends numbered datagrams from `a` to `b`, one each millisecond or all at once. */
async function send(
  faults: Partial<LinkFaults>,
  count: number,
  { bytes = 100, every = 1 } = {},
): Promise<Outcome> {
  const clock = new SimClock();
  const network = new SimNetwork({ clock, random: new SimRandom(7), faults });
  const lengths = new Map<number, number>();
  const times: number[] = [];
  const binding = network.bind(a, () => {});
  network.bind(b, (datagram) => {
    lengths.set(datagram.length < 4 ? -1 : new DataView(datagram.buffer).getUint32(0), datagram.length);
    times.push(clock.now());
  });
  for (let i = 0; i < count; i++) {
    const datagram = new Uint8Array(bytes);
    new DataView(datagram.buffer).setUint32(0, i);
    binding.send(datagram, b);
    await clock.advance(every);
  }
  await clock.advance(100_000);
  return { lengths, times, network };
}

test("burst loss takes datagrams in runs, as long and as often as Gilbert's model says", async () => {
  const count = 5_000;
  const { lengths, network } = await send({ burst: { enter: 0.02, leave: 0.2, loss: 1 } }, count);
  const runs: number[] = [];
  for (let i = 0; i < count; i++) {
    if (lengths.has(i)) continue;
    if (i > 0 && !lengths.has(i - 1)) runs[runs.length - 1]!++;
    else runs.push(1);
  }
  const lost = count - lengths.size;
  assert.equal(network.counts.lost, lost);
  // Bad for 0.02 / 0.22 of all, in runs of 5: the same loss without bursts would come in runs of 1.1.
  assert.ok(lost > 0.07 * count && lost < 0.11 * count, `lost: ${lost}`);
  const mean = lost / runs.length;
  assert.ok(mean > 4 && mean < 6, `mean run: ${mean}`);
});

test("in a burst that is not total some datagrams pass", async () => {
  const { lengths } = await send({ burst: { enter: 1, leave: 0, loss: 0.5 } }, 1_000);
  assert.ok(lengths.size > 440 && lengths.size < 560, `arrived: ${lengths.size}`);
});

test("truncated datagrams lose their end, at any byte, and are counted", async () => {
  const { lengths, network } = await send({ truncate: 0.2 }, 1_000);
  const { truncated } = network.counts;
  assert.ok(truncated > 150 && truncated < 250, `truncated: ${truncated}`);
  const cut = [...lengths.values()].filter((length) => length < 100);
  assert.ok(cut.length > 140 && new Set(cut).size > 50, `${cut.length} are shorter`);
  assert.ok([...lengths.keys()].every((number) => number < 1_000), "what is left is the beginning");
});

test("a datagram larger than the path's MTU vanishes, also when the MTU falls in mid-flow", async () => {
  // 28 bytes of IPv4 and UDP headers.
  const fits = await send({ mtu: 1_280 }, 10, { bytes: 1_252 });
  assert.deepEqual([fits.lengths.size, fits.network.counts.oversize], [10, 0]);
  const large = await send({ mtu: 1_280 }, 10, { bytes: 1_253 });
  assert.deepEqual([large.lengths.size, large.network.counts.oversize], [0, 10]);

  const clock = new SimClock();
  const network = new SimNetwork({ clock, random: new SimRandom(1) });
  let heard = 0;
  const binding = network.bind(a, () => {});
  network.bind(b, () => void heard++);
  const flow = async () => {
    binding.send(new Uint8Array(1_400), b);
    await clock.advance(10);
  };
  await flow();
  network.setLink(a.host, b.host, { mtu: 1_400 });
  await flow();
  network.setLink(a.host, b.host, {});
  await flow();
  assert.deepEqual([heard, network.counts.oversize], [2, 1]);
});

test("a link of some bandwidth spaces datagrams out, and loses what its queue cannot hold", async () => {
  // 128 bytes with headers: ten a millisecond.
  const paced = await send({ bandwidth: 1_280, delay: 5 }, 20, { every: 0 });
  assert.deepEqual(
    paced.times.map((at) => Math.round(at * 10)),
    Array.from({ length: 20 }, (_, i) => 51 + i),
  );
  const full = await send({ bandwidth: 1_280, queue: 128 * 8 }, 20, { every: 0 });
  assert.deepEqual([full.lengths.size, full.network.counts.overrun], [8, 12]);
});
