import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { MemoryHost } from "../../tests/sim/memory_links.ts";
import type { BridgeJoin, BridgeJoins } from "../contracts/bridging.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Port } from "../contracts/port.ts";
import type { Store } from "../contracts/store.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { Alerts } from "./alerts.ts";
import { mostBridges, putBridges, readBridges } from "./bridge_record.ts";
import { Bridges } from "./bridges.ts";
import { EventBus } from "./event_bus.ts";
import { FakeLog, FakeStore } from "./node_fixture.ts";
import { PortSet } from "./port_set.ts";
import { memoryPort } from "../../plugins/memory_port/mod.ts";
import { PacketTap } from "../../plugins/memory_port/packet_tap.ts";

const { signal } = new AbortController();

/** Joins whatever it is told but `nothing`. */
class FakeJoins implements BridgeJoins {
  readonly calls: string[] = [];
  readonly #joined = new Map<string, BridgeJoin>();

  restore(devices: readonly string[]): Promise<void> {
    this.calls.push(`restore ${devices.join(" ")}`);
    for (const device of devices) this.#joined.set(device, { device, port: "join1", state: "open" });
    return Promise.resolve();
  }

  join(device: string): Promise<BridgeJoin> {
    this.calls.push(`join ${device}`);
    if (device === "nothing") return Promise.reject(new MeshError("NOT_FOUND", "no such bridge"));
    const join: BridgeJoin = { device, port: "join1", state: "open" };
    this.#joined.set(device, join);
    return Promise.resolve(join);
  }

  leave(device: string): Promise<boolean> {
    this.calls.push(`leave ${device}`);
    return Promise.resolve(this.#joined.delete(device));
  }

  list(): readonly BridgeJoin[] {
    return [...this.#joined.values()];
  }

  looped(): void {}
}

function bridgesOn(store: Store, isRootless = false) {
  const joins = new FakeJoins();
  const inside: Port = memoryPort({ tap: new PacketTap() }).create(undefined as never);
  const links = Object.assign(new MemoryHost().plugin().create(undefined as never), { bridges: joins });
  const alerts = new Alerts({
    clock: new SimClock(),
    events: new EventBus(new FakeLog()),
    log: new FakeLog(),
  }, signal);
  const joined: boolean[] = [];
  const bridges = new Bridges({
    port: new PortSet(isRootless ? [inside] : [inside, links]),
    store,
    alerts,
    log: new FakeLog(),
    foreign: { joined: (is) => void joined.push(is), devices: () => [] },
    network: () => new Uint8Array(8),
  });
  return { bridges, joins, alerts, joined };
}

test("what is attached is joined again by the next start, and what is detached is not", async () => {
  const store = new FakeStore();
  const first = bridgesOn(store);
  assert.equal((await first.bridges.attach("br0", signal)).state, "open");
  await first.bridges.attach("br1", signal);
  await first.bridges.attach("br0", signal);
  await first.bridges.detach("br1", signal);
  await assert.rejects(first.bridges.detach("br1", signal), { code: "NOT_FOUND" });
  const second = bridgesOn(store);
  await second.bridges.restore();
  assert.deepEqual([second.joins.calls, second.joined], [["restore br0"], [true]]);
  assert.deepEqual(second.bridges.list().map(({ device }) => device), ["br0"]);
});

test("what cannot be joined is not remembered, nor what cannot be kept joined", async () => {
  const store = new FakeStore();
  const { bridges, joins } = bridgesOn(store);
  await assert.rejects(bridges.attach("nothing", signal), { code: "NOT_FOUND" });
  assert.deepEqual(readBridges(store), []);
  const broken = new FakeStore();
  broken.commit = () => Promise.reject(new Error("the disk is full"));
  const failing = bridgesOn(broken);
  await assert.rejects(failing.bridges.attach("br0", signal));
  assert.deepEqual(failing.joins.calls, ["join br0", "leave br0"]);
  assert.deepEqual(joins.calls, ["join nothing"]);
});

test("a rootless node joins nothing, and a damaged record is an alert", async () => {
  const store = new FakeStore();
  const { bridges } = bridgesOn(store, true);
  await assert.rejects(bridges.attach("br0", signal), { code: "UNSUPPORTED" });
  assert.deepEqual(bridges.list(), []);
  const { key } = putBridges(["br0"]);
  await store.commit([{ key, value: encodeCbor({ v: 1, d: ["$(id)"] }) }]);
  const damaged = bridgesOn(store);
  await damaged.bridges.restore();
  assert.deepEqual(damaged.alerts.list().map(({ name }) => name), ["bridges"]);
  await store.commit([{ key, value: encodeCbor({ v: 2 }) }]);
  await assert.rejects(damaged.bridges.restore(), { code: "UNSUPPORTED" });
});

test("there is an end to the bridges of one node", async () => {
  const { bridges } = bridgesOn(new FakeStore());
  for (let i = 0; i < mostBridges; i++) await bridges.attach(`br${i}`, signal);
  await assert.rejects(bridges.attach("more", signal), { code: "POOL_EXHAUSTED" });
});
