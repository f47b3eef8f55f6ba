import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { Alerts } from "./alerts.ts";
import { EventBus } from "./event_bus.ts";
import { NodeContext } from "./node_context.ts";
import { FakeLog, fakePlatform, FakeStore } from "./node_fixture.ts";
import { storeKeys } from "./state_records.ts";

function rig() {
  const clock = new SimClock(1_000);
  const log = new FakeLog();
  const events = new EventBus(log);
  const ending = new AbortController();
  const alerts = new Alerts({ clock, events, log }, ending.signal);
  const heard: string[] = [];
  events.onAny((name, detail) => void heard.push(`${name} ${JSON.stringify(detail)}`), ending.signal);
  return { clock, events, alerts, heard, ending, log };
}

test("an alert is told once, again when it says something new, and keeps the time at which it began", () => {
  const { clock, alerts, heard } = rig();
  alerts.raise("disk", "90 % full");
  alerts.raise("disk", "90 % full");
  clock.jumpWall(500);
  alerts.raise("disk", "95 % full");
  assert.deepEqual(alerts.list(), [{ name: "disk", detail: "95 % full", since: "1970-01-01T00:00:01.000Z" }]);
  assert.deepEqual(heard, [
    'alert:raised {"alert":"disk","detail":"90 % full"}',
    'alert:raised {"alert":"disk","detail":"95 % full"}',
  ]);
});

test("clearing is told when there was something to clear", () => {
  const { alerts, heard } = rig();
  alerts.clear("disk");
  alerts.raise("disk", "full");
  alerts.clear("disk");
  assert.deepEqual(alerts.list(), []);
  assert.deepEqual(heard.slice(1), ['alert:cleared {"alert":"disk"}']);
});

test("what a plugin raises and clears by event is listed, and told once", () => {
  const { events, alerts, heard, ending } = rig();
  events.emit("alert:raised", { alert: "address-conflict", detail: "10.32.0.1" });
  assert.deepEqual(alerts.list().map(({ name, detail }) => [name, detail]), [
    ["address-conflict", "10.32.0.1"],
  ]);
  assert.equal(heard.length, 1);
  events.emit("alert:cleared", { alert: "address-conflict" });
  assert.deepEqual(alerts.list(), []);
  ending.abort();
  events.emit("alert:raised", { alert: "late", detail: "" });
  assert.deepEqual(alerts.list(), []);
});

test("what begins, changes and ends is in the log, once, whoever says it", () => {
  const { events, alerts, log } = rig();
  alerts.raise("disk", "90 % full");
  alerts.raise("disk", "90 % full");
  alerts.raise("disk", "95 % full");
  events.emit("alert:raised", { alert: "conflict", detail: "10.32.0.1" });
  alerts.clear("disk");
  alerts.clear("disk");
  events.emit("alert:cleared", { alert: "conflict" });
  assert.deepEqual(log.entries, [
    { message: "Alert", fields: { what: "disk", reason: "90 % full" } },
    { message: "Alert", fields: { what: "disk", reason: "95 % full" } },
    { message: "Alert", fields: { what: "conflict", reason: "10.32.0.1" } },
    { message: "Alert is over", fields: { what: "disk" } },
    { message: "Alert is over", fields: { what: "conflict" } },
  ]);
});

test("what a store has noticed is raised, and in the log also when the state it speaks of cannot be read", () => {
  const platform = fakePlatform(new SimClock(), "a");
  const store = new FakeStore();
  const notices = () => [{ name: "state-restored", detail: "an older copy was put back" }];
  const start = () => {
    const { signal } = new AbortController();
    return new NodeContext(platform, Object.assign(store, { notices }), "a", signal);
  };
  assert.deepEqual(start().alerts.list().map(({ name }) => name), ["state-restored"]);
  store.content.set(storeKeys.identity, Uint8Array.of(0xff));
  const before = platform.log.entries.length;
  assert.throws(start);
  assert.deepEqual(platform.log.entries.slice(before), [
    { message: "Alert", fields: { what: "state-restored", reason: "an older copy was put back" } },
  ]);
});
