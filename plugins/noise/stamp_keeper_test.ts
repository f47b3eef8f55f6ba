import assert from "node:assert/strict";
import type { LogLevel } from "../../core/contracts/host.ts";
import { EventBus } from "../../core/node/event_bus.ts";
import { silentLogger } from "../../core/node/silent_logger.ts";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { StampKeeper } from "./stamp_keeper.ts";
import { decodeReserve } from "./stamp_reserve.ts";
import { Stamps } from "./stamps.ts";

class Fixture {
  readonly clock = new SimClock(1_000_000);
  readonly stamps = new Stamps();
  readonly told: string[] = [];
  /** When it was written to. */
  readonly writes: number[] = [];
  value: Uint8Array | undefined;
  isFull = false;
  readonly keeper: StampKeeper;

  constructor() {
    const log = { log: (level: LogLevel, message: string) => void this.told.push(`${level}: ${message}`) };
    const events = new EventBus(silentLogger);
    events.onAny((event) => void this.told.push(event), new AbortController().signal);
    this.keeper = new StampKeeper(this.stamps, {
      clock: this.clock,
      log: { ...log, child: () => assert.fail("not called") },
      events,
      store: {
        get: () => this.value,
        entries: () => [],
        commit: (changes) => this.#commit(changes[0]!.value!),
      },
    });
  }

  async #commit(value: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.writes.push(this.clock.now());
    if (this.isFull) throw new Error("no space left");
    this.value = value;
  }

  use(): number | undefined {
    const stamp = this.stamps.next(this.clock.now());
    if (stamp !== undefined) assert.ok(stamp <= decodeReserve(this.value!), "it is on disk");
    return stamp;
  }
}

const complaint = "warn: The reserve of handshake stamps cannot be stored; it is tried again";

test("a reserve that cannot be stored is tried again after 1, 2, 4 … 60 s, told once, and the alert ends with it", async () => {
  const fixture = new Fixture();
  await fixture.keeper.start();
  fixture.isFull = true;
  const began = fixture.clock.now() + 10_000;
  await fixture.clock.advance(10_000);
  assert.notEqual(fixture.use(), undefined);
  await fixture.clock.advance(200_000);
  const waits = fixture.writes.slice(1).map((at, i, all) => at - (all[i - 1] ?? began));
  assert.deepEqual(waits, [0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  assert.deepEqual(fixture.told, [complaint, "alert:raised"]);
  fixture.isFull = false;
  await fixture.clock.advance(60_000);
  assert.deepEqual(fixture.told.slice(2), [
    "info: The reserve of handshake stamps is stored again",
    "alert:cleared",
  ]);
  assert.notEqual(fixture.use(), undefined);
  assert.equal(fixture.clock.pending, 0);
});

test("on a full disk 2,500 stamps are left, and when they are used up there is none until it has room", async () => {
  const fixture = new Fixture();
  await fixture.keeper.start();
  fixture.isFull = true;
  await fixture.clock.advance(3_600_000);
  let count = 0;
  while (fixture.use() !== undefined) count++;
  assert.ok(count >= 2_500, `${count}`);
  await fixture.clock.advance(1_000);
  assert.equal(fixture.use(), undefined);
  fixture.isFull = false;
  await fixture.clock.advance(2_000);
  assert.notEqual(fixture.use(), undefined);
  await fixture.clock.advance(1);
  assert.ok(fixture.use()! >= 1_000_000 + 3_600_000, "stamps are the time again");
});

test("a start that cannot store its first reserve fails with the store's error and gives no stamp", async () => {
  const fixture = new Fixture();
  fixture.isFull = true;
  await assert.rejects(fixture.keeper.start(), /no space left/);
  assert.equal(fixture.stamps.next(fixture.clock.now()), undefined);
  assert.deepEqual(fixture.told, []);
});

test("a keeper that is stopped tries no more and leaves no timer", async () => {
  const fixture = new Fixture();
  await fixture.keeper.start();
  fixture.isFull = true;
  await fixture.clock.advance(10_000);
  fixture.use();
  await fixture.clock.advance(1);
  fixture.keeper.stop();
  assert.equal(fixture.clock.pending, 0);
  const other = new Fixture();
  await other.keeper.start();
  other.isFull = true;
  await other.clock.advance(10_000);
  other.use();
  other.keeper.stop(); // while the write is under way
  await other.clock.advance(10_000);
  assert.deepEqual([other.clock.pending, other.told], [0, []]);
});
