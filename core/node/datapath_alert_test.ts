import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { Alerts } from "./alerts.ts";
import { DatapathAlert } from "./datapath_alert.ts";
import { EventBus } from "./event_bus.ts";
import { FakeLog } from "./node_fixture.ts";

function rig() {
  const clock = new SimClock();
  const log = new FakeLog();
  const events = new EventBus(log);
  const { signal } = new AbortController();
  const alerts = new Alerts({ clock, events, log }, signal);
  let told = 0;
  events.onAny(() => void told++, signal);
  const names = () => alerts.list().map(({ name }) => name);
  return { clock, alert: new DatapathAlert(alerts, clock), names, told: () => told };
}

test("the alert of a worker that failed is over a minute after the last failure", async () => {
  const { clock, alert, names } = rig();
  alert.raise();
  assert.deepEqual(names(), ["datapath-failed"]);
  await clock.advance(59_000);
  alert.raise();
  await clock.advance(59_999);
  assert.deepEqual(names(), ["datapath-failed"]);
  await clock.advance(1);
  assert.deepEqual(names(), []);
});

test("workers that fail again and again are told of once", async () => {
  const { clock, alert, told } = rig();
  for (let times = 0; times < 100; times++) {
    alert.raise();
    await clock.advance(500);
  }
  assert.equal(told(), 1);
});

test("a node that has stopped clears no alert", async () => {
  const { clock, alert, names } = rig();
  alert.raise();
  alert.stop();
  await clock.advance(60_000);
  assert.deepEqual(names(), ["datapath-failed"]);
});
