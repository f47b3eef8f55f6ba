import assert from "node:assert/strict";
import process from "node:process";
import { test } from "../../tests/harness.ts";
import { receiveCommands } from "../datapath/control.ts";
import { RingConsumer } from "../datapath/ring.ts";
import { DatapathControl } from "./datapath_control.ts";
import { presentWays, withForeign } from "./ffi/foreign_fixture.ts";
import { PacketCalls } from "./ffi/packet_calls.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";

/** This thread does nothing else, as in a long computation. */
function block(millis: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis);
}

test("what was obeyed while this thread was busy is settled, however late it looks", async () => {
  await withForeign(presentWays()[0]!, async (foreign) => {
    const control = new DatapathControl(foreign, new PacketCalls(foreign));
    control.tell({ kind: "confirm", slot: 1 });
    const settled = control.settled(20);
    receiveCommands(new RingConsumer(control.memory), 1, () => {});
    block(40);
    assert.equal(await settled, true);
    control.tell({ kind: "confirm", slot: 2 });
    assert.equal(await control.settled(5), false);
    control.close();
  });
}, { skip });
