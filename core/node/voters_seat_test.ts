import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { StoreNotice } from "../contracts/store.ts";
import { admissionKind } from "../identity/admission.ts";
import { decide, motionAt } from "../../tests/voters/voters_fixture.ts";
import { foundingTerm, positionIn } from "../voters/chain.ts";
import { Alerts } from "./alerts.ts";
import { Channels } from "./channels.ts";
import { EventBus } from "./event_bus.ts";
import { ForeignRecords } from "./foreign_records.ts";
import { FakeChannel, foundedState } from "./node_fixture.ts";
import { Replicator } from "./replicator.ts";
import { VotersSeat } from "./voters_seat.ts";

async function seatOf(notices: readonly StoreNotice[]) {
  const clock = new SimClock();
  const { state, store, platform } = await foundedState(clock, "ann");
  const parts = { clock, log: platform.log };
  const replicator = new Replicator({
    ...parts,
    self: state.self.id,
    channel: new FakeChannel(),
    foreign: new ForeignRecords(() => true),
  });
  const alerts = new Alerts({ ...parts, events: new EventBus(platform.log) }, new AbortController().signal);
  const seat = new VotersSeat({
    alerts,
    state,
    store: Object.assign(store, { notices: () => notices }),
    platform,
    replicator,
    channels: new Channels(platform.log, () => []),
  });
  return { seat, state, store, replicator };
}

test("before a node has its network nothing of voters is taken, and nobody else takes their kinds; then it is", async () => {
  const { seat, state, replicator } = await seatOf([]);
  assert.throws(() => replicator.replicate(seat), RangeError);
  const { founding } = state.trust();
  const about = { kind: admissionKind, payload: new Uint8Array() };
  const motion = motionAt(positionIn(foundingTerm(founding), []), about, founding.networkId);
  const decision = decide([state.self], motion);
  assert.deepEqual(seat.merge([decision]), []);
  const voting = seat.begin();
  assert.deepEqual(seat.merge([decision]), [decision]);
  assert.deepEqual(seat.records(), voting.records());
  voting.stop();
});

test("a store that was restored, replaced or copied leaves the voter on it in doubt", async () => {
  for (
    const [name, isDoubted] of [["state-restored", true], ["state-copied", true], [
      "anything",
      false,
    ]] as const
  ) {
    const { seat, store } = await seatOf([{ name, detail: "" }]);
    const voting = seat.begin();
    voting.start();
    await store.commit([]);
    const stand = store.content.get("node/voters/stand");
    assert.equal(stand !== undefined, isDoubted, name);
    voting.stop();
  }
});
