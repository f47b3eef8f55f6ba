import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Stamps } from "./stamps.ts";

/** A node's stamps through several starts, on a disk whose writes land when they are told to. */
class Lives {
  disk: number | undefined;
  now = 0;
  stamps = new Stamps();
  readonly used: number[] = [];
  /** On its way to disk. */
  #writing: number | undefined;

  start(wall: number): void {
    this.stamps = new Stamps();
    const keep = (reserve: number) => {
      assert.equal(this.#writing, undefined, "one write at a time");
      this.#writing = reserve;
    };
    this.#writing = undefined;
    keep(this.stamps.start({ wall, now: this.now, reserve: this.disk, keep }));
  }

  land(): void {
    if (this.#writing === undefined) return;
    this.write();
    this.#writing = undefined;
    this.stamps.kept(this.disk!);
  }

  /** The same, but for the last step: the node has not heard of it yet. */
  write(): void {
    this.disk = this.#writing ?? this.disk;
  }

  use(): number | undefined {
    const stamp = this.stamps.next(this.now);
    if (stamp === undefined) return undefined;
    assert.ok(stamp > (this.used.at(-1) ?? 0), `${stamp} comes after ${this.used.at(-1)}`);
    assert.ok(stamp <= (this.disk ?? 0), `${stamp} is used, ${this.disk} is on disk`);
    this.used.push(stamp);
    return stamp;
  }

  /** How many can be used now. */
  drain(): number {
    let count = 0;
    while (this.use() !== undefined) count++;
    return count;
  }
}

function started(wall: number): Lives {
  const lives = new Lives();
  lives.start(wall);
  lives.land();
  return lives;
}

test("stamps grow with time and never repeat", () => {
  const lives = started(1_000);
  const at = (now: number) => {
    lives.now = now;
    return lives.use();
  };
  assert.deepEqual([0, 0, 0, 10, -30].map(at), [1_000, 1_001, 1_002, 1_010, 1_011]);
});

test("there is no stamp before the first reserve is on disk", () => {
  const lives = new Lives();
  lives.start(1_000);
  assert.equal(lives.use(), undefined);
  assert.equal(lives.stamps.nextOrLast(0), 0, "an answer has one all the same");
  lives.land();
  assert.equal(lives.use(), 1_000);
});

test("nobody waits for the disk: after any pause 2,500 stamps are left while a larger reserve is written", () => {
  for (const pause of [0, 2_400, 2_600, 5_000, 5_001, 3_600_000]) {
    const lives = started(1_000);
    lives.use();
    lives.now = pause;
    const count = lives.drain();
    assert.ok(count >= 2_500 && count <= 5_000, `${count} after ${pause} ms`);
    assert.equal(lives.stamps.nextOrLast(pause), lives.used.at(-1), "answers go on with the last one");
    lives.land();
    assert.ok(lives.use()! >= 1_000 + pause, "and then stamps are the time again");
  }
});

test("answers to others take nothing of what is left to begin handshakes with while the disk takes nothing", () => {
  const lives = started(1_000);
  for (let i = 0; i < 10_000; i++) {
    lives.now += 1;
    const stamp = lives.stamps.nextOrLast(lives.now);
    assert.ok(stamp <= lives.disk!, `${stamp} is on disk`);
  }
  const left = lives.drain();
  assert.ok(left >= 2_499, `${left}`);
});

test("a disk that takes nothing for an hour costs no stamp that is needed: one a second goes on for 40 minutes", () => {
  const lives = started(0);
  let count = 0;
  for (; lives.use() !== undefined; count++) lives.now += 1_000;
  assert.ok(count >= 2_400, `${count}`);
});

for (const [name, wall] of [["an hour back", -3_600_000], ["an hour ahead", 3_600_000]] as const) {
  test(`after a restart with the clock ${name} stamps go on growing`, () => {
    const lives = started(10_000_000);
    for (const now of [0, 1_000, 20_000, 90_000]) {
      lives.now = now;
      assert.notEqual(lives.use(), undefined);
      lives.land();
    }
    lives.start(10_090_000 + wall);
    lives.land();
    assert.notEqual(lives.use(), undefined);
  });
}

test("whenever a node dies, whatever its clock says then, and however slow its disk is, no stamp is as low as one before", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant({ type: "use" as const }) },
    { weight: 3, arbitrary: fc.constant({ type: "land" as const }) },
    { weight: 1, arbitrary: fc.constant({ type: "write" as const }) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 6_000 }).map((ms) => ({ type: "wait" as const, ms })) },
    { weight: 1, arbitrary: fc.nat(20_000).map((wall) => ({ type: "start" as const, wall })) },
  );
  let used = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const lives = started(5_000);
      for (const each of steps) {
        if (each.type === "use") lives.use();
        else if (each.type === "land") lives.land();
        else if (each.type === "write") lives.write();
        else if (each.type === "wait") lives.now += each.ms;
        else lives.start(each.wall);
      }
      used += lives.used.length;
    }),
    { seed: 2_500 },
  );
  assert.ok(used > 100, `${used}`);
});
