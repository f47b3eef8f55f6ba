import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { EventBus } from "./event_bus.ts";
import { FakeLog } from "./node_fixture.ts";

const clear = (bus: EventBus, alert: string) => bus.emit("alert:cleared", { alert });

test("listeners hear in the order in which they came, each what it asked for", () => {
  const bus = new EventBus(new FakeLog());
  const { signal } = new AbortController();
  const heard: string[] = [];
  bus.onAny((name) => void heard.push(`any ${name}`), signal);
  bus.on("alert:cleared", ({ alert }) => void heard.push(`on ${alert}`), signal);
  bus.on("ring:changed", () => assert.fail("another event"), signal);
  clear(bus, "x");
  assert.deepEqual(heard, ["any alert:cleared", "on x"]);
});

test("a listener that throws is logged and costs the others nothing", () => {
  const log = new FakeLog();
  const bus = new EventBus(log);
  const { signal } = new AbortController();
  const heard: string[] = [];
  bus.onAny(() => {
    throw new Error("no");
  }, signal);
  bus.onAny((name) => void heard.push(name), signal);
  clear(bus, "x");
  assert.deepEqual(heard, ["alert:cleared"]);
  assert.deepEqual(log.messages, ["An event listener failed"]);
});

test("an aborted signal ends listening at once, and one that has aborted before never begins it", () => {
  const bus = new EventBus(new FakeLog());
  const [first, second] = [new AbortController(), new AbortController()];
  let heard = 0;
  bus.onAny(() => {
    heard++;
    second.abort();
  }, first.signal);
  bus.onAny(() => void heard++, second.signal);
  clear(bus, "x");
  assert.equal(heard, 2, "who was listening when it happened still hears");
  first.abort();
  clear(bus, "y");
  assert.equal(heard, 2);
  bus.onAny(() => assert.fail("it has ended"), first.signal);
  clear(bus, "z");
});
