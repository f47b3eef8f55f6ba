import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { PathMtu, pathMtuLimits } from "./path_mtu.ts";

/** A path that answers probes after 50 ms, and a clock. */
class Path {
  now = 1_000;
  width: number;
  heardAt = 0;
  /** Nothing passes, of whatever size. */
  isCut = false;
  /** The peer is heard all the time, whatever becomes of probes. */
  isTalking = false;
  /** Share of the probes that are lost, and of the answers. */
  loss = 0;
  /** Of a probe to its answer. */
  rtt = 50;
  /** Largest packet that is sent; a peer with traffic proves its size all the time. */
  traffic = 0;
  readonly machine: PathMtu;
  readonly asked: { readonly at: number; readonly size: number }[] = [];
  readonly #random = new SimRandom(8_899);
  #answers: { readonly at: number; readonly size: number }[] = [];

  constructor(width: number, { upper = 1_500, family = 4 as 4 | 6 } = {}) {
    this.width = width;
    this.machine = new PathMtu(family, upper, this.now);
  }

  /** In steps of 10 ms. */
  run(millis: number): this {
    for (const end = this.now + millis; this.now < end; this.now += 10) {
      for (const size of this.machine.due(this.now, this.heardAt)) {
        this.asked.push({ at: this.now, size });
        if (this.#passes(size)) this.#answers.push({ at: this.now + this.rtt, size });
      }
      if (this.isTalking) this.heardAt = this.now;
      if (this.traffic > 0) this.machine.sent(Math.min(this.traffic, this.machine.mtu), this.now);
      for (const { size } of this.#answers.filter(({ at }) => at <= this.now)) {
        this.heardAt = this.now;
        this.machine.acknowledged(size, this.now);
      }
      this.#answers = this.#answers.filter(({ at }) => at > this.now);
    }
    return this;
  }

  #passes(size: number): boolean {
    const isLost = this.loss > 0 && (this.#random.float() < this.loss || this.#random.float() < this.loss);
    return !this.isCut && !isLost && size <= this.width;
  }

  sizes(since = 0): number[] {
    return this.asked.filter(({ at }) => at >= since).map(({ size }) => size);
  }
}

test("the constants are those of RFC 8899, and what this network adds to them", () => {
  assert.deepEqual(pathMtuLimits, {
    base: { 4: 1_200, 6: 1_280 },
    least: { 4: 576, 6: 1_280 },
    likely: 1_500,
    probeMillis: 1_000,
    maxProbes: 3,
    copies: 3,
    raiseMillis: 600_000,
    blackHoleMillis: 60_000,
    confirmMillis: 1_000,
    step: 20,
  });
});

test("before any answer the base size is used, and an Ethernet path is known after one round trip", () => {
  for (const [family, base] of [[4, 1_200], [6, 1_280]] as const) {
    const path = new Path(1_500, { family });
    assert.deepEqual([path.machine.mtu, path.machine.known], [base, undefined]);
    path.run(100);
    assert.deepEqual([path.machine.mtu, path.machine.known], [1_500, 1_500]);
    assert.deepEqual(path.sizes(), family === 4 ? [576, 1_200, 1_500] : [1_280, 1_500]);
  }
});

test("a known path is left in peace for 600 s, and then larger sizes are tried again", () => {
  const path = new Path(1_400).run(30_000);
  const { known } = path.machine;
  assert.ok(known !== undefined && known <= 1_400 && known > 1_400 - 2 * pathMtuLimits.step, `${known}`);
  const last = path.asked.at(-1)!.at;
  path.width = 1_500;
  path.run(560_000);
  assert.equal(path.asked.at(-1)!.at, last);
  path.run(60_000);
  assert.equal(path.machine.known, 1_500);
  const [again] = path.asked.filter(({ at }) => at > last);
  assert.ok(again!.at - last >= 600_000 && again!.at - last <= 604_000, `${again!.at - last} ms`);
  assert.equal(again!.size, 1_500);
});

test("a size is too large after three losses, a second apart, for which it is asked once and twice thrice", () => {
  const path = new Path(1_400).run(3_500);
  const large = path.asked.filter(({ size }) => size === 1_500).map(({ at }) => at - 1_000);
  assert.deepEqual(large, [0, 1_000, 1_000, 1_000, 2_000, 2_000, 2_000]);
  assert.equal(path.sizes().includes(1_350), true, "the middle of what passes and what does not comes next");
});

test("a path of 700 bytes is used within a second with the least size, and then measured to 20 bytes or so", () => {
  const path = new Path(700);
  path.run(990);
  assert.equal(path.machine.mtu, 576);
  path.run(30_000);
  const { known } = path.machine;
  assert.ok(known !== undefined && known <= 700 && known > 700 - 2 * pathMtuLimits.step, `${known}`);
});

test("a path of 9,000 bytes is known after two round trips, and one of 4,000 to 20 bytes or so", () => {
  const wide = new Path(9_000, { upper: 9_000 }).run(200);
  assert.equal(wide.machine.known, 9_000);
  assert.deepEqual(wide.sizes(), [576, 1_200, 1_500, 9_000]);
  const middle = new Path(4_000, { upper: 9_000 }).run(60_000);
  const { known } = middle.machine;
  assert.ok(known !== undefined && known <= 4_000 && known > 4_000 - 2 * pathMtuLimits.step, `${known}`);
});

test("what is larger than this host sends is never asked for", () => {
  const path = new Path(9_000, { upper: 1_400 }).run(700_000);
  assert.equal(path.machine.known, 1_400);
  assert.equal(Math.max(...path.sizes()), 1_400);
});

test("a path that shrinks under traffic is noticed within 5 s, and its larger size tried again after 60 s", () => {
  const path = new Path(1_500);
  path.traffic = 1_500;
  path.run(10_000);
  path.width = 1_300;
  const shrunk = path.now;
  path.run(5_000);
  assert.ok(path.machine.mtu <= 1_300, `${path.machine.mtu}`);
  path.run(15_000);
  const { known } = path.machine;
  assert.ok(known !== undefined && known <= 1_300 && known > 1_300 - 2 * pathMtuLimits.step, `${known}`);
  path.width = 1_500;
  path.run(shrunk + 80_000 - path.now);
  assert.equal(path.machine.known, 1_500);
});

test("a path that shrinks to 700 bytes under traffic is used with the least size, and measured", () => {
  const path = new Path(1_500);
  path.traffic = 1_500;
  path.run(10_000);
  path.width = 700;
  path.run(5_000);
  assert.deepEqual([path.machine.mtu <= 700, path.machine.known], [true, undefined]);
  path.run(20_000);
  assert.ok(path.machine.known! <= 700 && path.machine.known! > 660, `${path.machine.known}`);
});

test("without large packets nothing is asked, so a shrunken path costs an idle peer nothing", () => {
  const path = new Path(1_500);
  path.traffic = 576;
  path.run(10_000);
  const asked = path.asked.length;
  path.run(300_000);
  assert.equal(path.asked.length, asked);
});

test("an outage tells nothing of sizes", () => {
  const path = new Path(1_500);
  path.traffic = 1_500;
  path.run(10_000);
  path.isCut = true;
  path.run(15_000);
  assert.equal(path.machine.known, 1_500);
  path.isCut = false;
  path.run(5_000);
  assert.equal(path.machine.known, 1_500);
});

test("an outage of this direction alone tells nothing of sizes either, however much the peer talks", () => {
  const path = new Path(1_500);
  path.traffic = 1_500;
  path.isTalking = true;
  path.run(10_000);
  for (const millis of [3_500, 4_500, 15_000]) {
    path.isCut = true;
    path.run(millis);
    assert.deepEqual([path.machine.mtu, path.machine.known], [1_500, 1_500], `${millis} ms`);
    path.isCut = false;
    path.run(5_000);
    assert.deepEqual([path.machine.mtu, path.machine.known], [1_500, 1_500], `after ${millis} ms`);
  }
  path.width = 1_300;
  path.run(5_000);
  assert.ok(path.machine.mtu <= 1_300, "and what is lost to its size is still noticed");
});

test("a path that loses one packet in five seems to shrink less than once in ten minutes", () => {
  const path = new Path(1_500);
  Object.assign(path, { traffic: 1_500, isTalking: true, loss: 0.2 });
  let below = 0;
  for (let second = 0; second < 7_200; second++) if (path.run(1_000).machine.mtu < 1_500) below++;
  assert.ok(below < 720, `${below} of 7,200 s`);
});

test("the size in use is proved once a second and round trip, however dense the traffic", () => {
  const path = new Path(1_500);
  Object.assign(path, { traffic: 1_500, rtt: 200 });
  path.run(5_000);
  const from = path.now;
  path.run(12_000);
  assert.equal(path.sizes(from).filter((size) => size === 1_500).length, 10);
});

test("at a place where the peer is not known to be one probe of the least size finds out, and nothing follows in silence", () => {
  const machine = new PathMtu(4, 9_000, 0, false);
  assert.deepEqual(machine.due(0, -1), [576]);
  for (let now = 1_000; now < 20_000; now += 1_000) assert.deepEqual(machine.due(now, -1), []);
  assert.deepEqual(machine.due(20_000, 19_500), [576]);
  machine.acknowledged(576, 20_050);
  assert.deepEqual(machine.due(20_050, 20_050), [1_200, 1_500]);
  machine.acknowledged(1_500, 20_100);
  assert.deepEqual(machine.due(20_100, 20_100), [9_000]);
});

test("an outage from the start leaves the base size in use, and the search goes on after it", () => {
  const path = new Path(1_500);
  path.isCut = true;
  path.run(10_000);
  assert.deepEqual([path.machine.mtu, path.machine.known], [1_200, undefined]);
  path.isCut = false;
  path.run(2_000);
  assert.equal(path.machine.known, 1_500);
});

test("a peer that talks and acknowledges nothing gets the least size, and is asked again after 60 s", () => {
  const path = new Path(0);
  for (let i = 0; i < 50; i++) {
    path.heardAt = path.now;
    path.run(100);
  }
  assert.deepEqual([path.machine.mtu, path.machine.known], [576, 576]);
  path.width = 1_500;
  path.run(64_000);
  assert.equal(path.machine.known, 1_500);
});

test("acknowledgements of sizes that were never asked for change nothing", () => {
  const path = new Path(1_300).run(100);
  const before = path.machine.mtu;
  for (const size of [0, 1, 575, 1_501, 9_000, 65_535, -1]) path.machine.acknowledged(size, path.now);
  assert.equal(path.machine.mtu, before);
});

test("one late acknowledgement makes good for the losses counted", () => {
  const path = new Path(1_400).run(3_500);
  path.machine.acknowledged(1_500, path.now);
  path.width = 1_500;
  path.run(5_000);
  assert.equal(path.machine.known, 1_500);
});

test("no search takes more than 60 s, whatever the path, and what it finds passes", () => {
  for (let width = 576; width <= 9_000; width += 97) {
    const path = new Path(width, { upper: 9_000 }).run(60_000);
    const { known } = path.machine;
    assert.ok(
      known !== undefined && known <= width && known > width - 2 * pathMtuLimits.step,
      `${width}: ${known}`,
    );
  }
});
