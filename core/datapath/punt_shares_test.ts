import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { PuntShares, share, sharesOfPeer } from "./punt_shares.ts";
import { RingConsumer, ringMemory, RingProducer } from "./ring.ts";

const [greedy, modest] = [1, 2];

class Bed {
  readonly #memory = ringMemory(2 ** 20);
  readonly #producer = new RingProducer(this.#memory);
  readonly #consumer = new RingConsumer(this.#memory);
  readonly shares = new PuntShares(this.#producer);

  /** Leaves packets for as long as the sender may, up to `most`; gives how many. */
  leave(sender: number, most = Infinity, peer = 5): number {
    let left = 0;
    while (left < most && this.shares.takeOfPeer(peer, sender)) {
      assert.ok(this.#producer.reserve(100) >= 0, "the ring is full");
      this.#producer.commit();
      left++;
    }
    return left;
  }

  read(most: number): void {
    for (let i = 0; i < most && this.#consumer.peek() >= 0; i++) this.#consumer.release();
  }
}

test("a sender has one share until what lay in the ring is read, and the same again then", () => {
  const bed = new Bed();
  // A lap that begins with an empty ring is over with its first record.
  assert.equal(bed.leave(greedy), 1 + share);
  assert.equal(bed.leave(modest, 3), 3);
  assert.equal(bed.leave(greedy), 0);
  bed.read(1);
  assert.equal(bed.leave(greedy), share);
  bed.read(share + 2);
  assert.equal(bed.leave(greedy), 0, "one record of those that lay there is not read yet");
  bed.read(1);
  assert.equal(bed.leave(greedy), share);
});

test("who asks little may ask at any time, however many others ask for all they can", () => {
  const bed = new Bed();
  let left = 0;
  for (let turn = 0; turn < 2_000; turn++) {
    left += bed.leave(greedy);
    assert.equal(bed.leave(modest, 1), 1, `turn ${turn}`);
    bed.read(64);
  }
  assert.ok(left > 100_000, `${left}: the one that asks much is not held up for nothing`);
});

test("interfaces and peers have shares of their own", () => {
  const bed = new Bed();
  bed.leave(greedy);
  assert.equal(bed.shares.takeOfPeer(5, greedy), false);
  assert.equal(bed.shares.takeOfPeer(6, greedy), true);
  for (let i = 0; i < share; i++) assert.equal(bed.shares.takeOfInterface(greedy), true);
  assert.equal(bed.shares.takeOfInterface(greedy), false);
  assert.equal(bed.shares.takeOfInterface(modest), true);
});

test("a peer that sends from all its addresses has a few shares, and others have theirs all the same", () => {
  const bed = new Bed();
  bed.leave(greedy, 1);
  let left = 0;
  for (let source = 0; source < 65_536; source++) left += bed.leave(source, 1, 7);
  assert.equal(left, sharesOfPeer * share);
  assert.ok(bed.leave(modest, 1, 8) === 1 && bed.leave(modest, 1, 7) === 0);
});
