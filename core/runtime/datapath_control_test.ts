import assert from "node:assert/strict";
import process from "node:process";
import { setImmediate } from "node:timers/promises";
import { test } from "../../tests/harness.ts";
import { type Command, receiveCommands } from "../datapath/control.ts";
import { RingConsumer } from "../datapath/ring.ts";
import { DatapathControl } from "./datapath_control.ts";
import { presentWays, withForeign } from "./ffi/foreign_fixture.ts";
import { PacketCalls } from "./ffi/packet_calls.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";

const address = { family: 4, bytes: Uint8Array.of(10, 0, 0, 1) } as const;
const ends = { source: address, destination: address, sourcePort: 1, destinationPort: 2 };
const flow = { direction: "egress", protocol: 6, ...ends } as const;
const verdict: Command = { kind: "verdict", epoch: 0, flow, allow: true };

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

test("a verdict that comes behind what was obeyed, and wakes nobody, keeps nobody waiting", async () => {
  await withForeign(presentWays()[0]!, async (foreign) => {
    const control = new DatapathControl(foreign, new PacketCalls(foreign));
    control.tell({ kind: "detach", descriptor: 1 });
    const settled = control.settled(20);
    receiveCommands(new RingConsumer(control.memory), 1, () => {});
    control.tell(verdict);
    assert.equal(await settled, true);
    control.close();
  });
}, { skip });

test("verdicts for which there is no room are lost, and nothing else waits behind them", async () => {
  await withForeign(presentWays()[0]!, async (foreign) => {
    const control = new DatapathControl(foreign, new PacketCalls(foreign));
    const most = 100_000;
    for (let i = 0; i < most; i++) assert.equal(control.tell(verdict), true);
    control.tell({ kind: "routes", version: 1, v4: new Uint32Array(30), v6: new Uint32Array(0) });
    const ring = new RingConsumer(control.memory);
    const seen = new Array<string>();
    const obey = () => receiveCommands(ring, most, ({ kind }) => void seen.push(kind));
    obey();
    assert.ok(seen.length > 10_000 && seen.length < most && !seen.includes("routes"));
    const isTold = control.settled(5_000);
    while (!seen.includes("routes")) {
      await setImmediate();
      obey();
    }
    assert.equal(await isTold, true);
    assert.equal(seen.indexOf("routes"), seen.length - 1);
    control.close();
  });
}, { skip });
