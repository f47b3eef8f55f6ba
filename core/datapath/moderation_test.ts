import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { heapArena } from "./arena.ts";
import { ArenaPlan } from "./arena_plan.ts";
import { Moderation } from "./moderation.ts";
import { frame, fromTap, pair } from "./wired_pair_fixture.ts";

class Bed {
  readonly arena = heapArena(256);
  pauses = 0;
  micros = 0;
  readonly moderation = new Moderation(this.arena, new ArenaPlan(256), {
    clockMonotonic: (address) => {
      const at = address - this.arena.address;
      this.arena.view.setInt32(at, Math.floor(this.micros / 1e6), true);
      this.arena.view.setInt32(at + 8, (this.micros % 1e6) * 1000, true);
      return 0;
    },
    pause: () => ++this.pauses,
  });

  /** Wakes at that distance, with so many reads each; gives how many of them waited for more. */
  wake(times: number, distance: number, reads: number): number {
    const before = this.pauses;
    for (let i = 0; i < times; i++) {
      this.micros += distance;
      this.moderation.woken();
      this.moderation.count(reads);
    }
    return this.pauses - before;
  }
}

test("a ping now and then, and a stream of super-frames, are never kept waiting", () => {
  const bed = new Bed();
  assert.equal(bed.wake(2_000, 5_000, 2), 0);
  assert.equal(bed.wake(20_000, 100, 2), 0);
});

test("in a flood packets gather, a millisecond after it began, and no longer than it lasts", () => {
  const bed = new Bed();
  bed.wake(3, 5_000, 2);
  const waited = bed.wake(1_000, 15, 2);
  assert.ok(waited > 800, `${waited}`);
  assert.ok(bed.wake(100, 5_000, 2) <= 1);
});

test("the thread pauses between its wait and its reading", () => {
  const { a } = pair();
  let left = 400;
  a.wait = (setEvents) => {
    if (--left === 0) a.tell({ kind: "stop" });
    a.millis += 0.02;
    a.frames.push(fromTap(frame(new Uint8Array(64))));
    setEvents(1, 1);
    return 1;
  };
  a.loop.run();
  assert.ok(a.pauses.length > 200, `${a.pauses.length}`);
});
