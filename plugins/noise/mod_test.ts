import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { errorCode } from "../../core/contracts/errors.ts";
import type { LogLevel } from "../../core/contracts/host.ts";
import type { StoreChange } from "../../core/contracts/store.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { EventBus } from "../../core/node/event_bus.ts";
import { test } from "../../tests/harness.ts";
import { noise, type NoiseMachine, type NoisePluginHost } from "./mod.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import type { Stamps } from "./stamps.ts";
import { aes, chacha, FakeMembership, SeededRandom } from "./testing_rig.ts";

class Fixture {
  wall = 1_000_000;
  now = 0;
  fails = false;
  readonly kept = new Map<string, Uint8Array>();
  readonly logged: string[] = [];

  host(): NoisePluginHost {
    const random = new SeededRandom(3);
    const log = (_: LogLevel, message: string) => void this.logged.push(message);
    const logger = { log, child: () => logger };
    const events = new EventBus(logger);
    events.onAny((event) => void this.logged.push(event), new AbortController().signal);
    return {
      self: {
        id: "a" as PeerId,
        name: "a",
        publicKey: new Uint8Array(32),
        sign: () => new Uint8Array(64),
        noise: generateKeyPair(random),
      },
      membership: new FakeMembership("a"),
      random,
      aeads: [chacha, aes],
      clock: { now: () => this.now, wall: () => this.wall, timer: () => ({ cancel() {} }) },
      store: {
        get: (key) => this.kept.get(key)?.slice(),
        entries: () => [],
        commit: (changes) => this.#commit(changes),
      },
      log: logger,
      events,
      drops: { count: () => {} },
    };
  }

  async #commit(changes: readonly StoreChange[]): Promise<void> {
    await Promise.resolve();
    if (this.fails) throw new Error("disk full");
    for (const { key, value } of changes) if (value !== undefined) this.kept.set(key, value);
  }
}

/** What the node and this test call of it. */
interface Started {
  start(): Promise<void>;
  readonly stamps: Stamps;
}

function create(fixture: Fixture): Started {
  return noise({}).create(fixture.host()) as unknown as Started;
}

test("the plugin names its slot and refuses options it does not know", () => {
  const plugin = noise({});
  assert.deepEqual([plugin.slot, plugin.name], ["encapsulation", "noise"]);
  const refused = (input: unknown) => {
    try {
      noise(input as { aead?: "auto" });
      return undefined;
    } catch (error) {
      return [errorCode(error), (error as Error).message.split(":")[0]];
    }
  };
  assert.deepEqual(refused({ aead: "rot13" }), ["CONFIG_INVALID", "noise.aead"]);
  assert.deepEqual(refused({ keepalive: 1 })?.[0], "CONFIG_INVALID");
});

test("its configuration prints itself as JSON Schema", () => {
  const schema = noise.config["~standard"].jsonSchema!.input({ target: "draft-2020-12" });
  assert.deepEqual(Object.keys(schema["properties"] as object), [
    "aead",
    "underlayMtu",
    "trustedSubnets",
    "relay",
    "relayBytesPerSecond",
    "relayPacketsPerSecond",
    "relays",
  ]);
});

test("stamps of a restarted node begin above all stamps of the last start, also with the clock set back", async () => {
  const fixture = new Fixture();
  const first = create(fixture);
  await first.start();
  const last = first.stamps.next(4_000)!;
  fixture.wall = 500;
  const second = create(fixture);
  await second.start();
  assert.ok(second.stamps.next(0)! > last);
});

test("a store that cannot keep the reserve fails the start, and later is a warning and an alert", async () => {
  const fixture = new Fixture();
  const machine = create(fixture);
  fixture.fails = true;
  await assert.rejects(machine.start(), /disk full/);
  fixture.fails = false;
  await machine.start();
  fixture.fails = true;
  machine.stamps.next(60_000);
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  assert.deepEqual(fixture.logged, [
    "The reserve of handshake stamps cannot be stored; it is tried again",
    "alert:raised",
  ]);
});

test("disposing works before a start and twice", async () => {
  const machine = noise({}).create(new Fixture().host());
  await machine[Symbol.asyncDispose]!();
  await machine[Symbol.asyncDispose]!();
  assert.equal(machine.pollTimeout(), undefined);
});

test("no note is sent before the counters of the last start have been read", async () => {
  const fixture = new Fixture();
  const machine = noise({}).create(fixture.host()) as unknown as NoiseMachine & { start(): Promise<void> };
  const to = {
    id: "b" as PeerId,
    name: "b",
    noiseKey: generateKeyPair(new SeededRandom(4)).publicKey,
    endpoints: [],
  };
  const send = () => machine.sendNote(to, { host: "192.0.2.2", port: 1 }, new Uint8Array(1), fixture.now);
  assert.equal(send(), Drop.queueFull);
  assert.equal(machine.poll(), undefined);
  await machine.start();
  assert.equal(send(), Drop.none);
});
