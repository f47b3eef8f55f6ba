import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { SimNetwork } from "../../tests/sim/network.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { allowAll } from "../../plugins/allow_all/mod.ts";
import { memoryStore } from "../../plugins/memory_store/mod.ts";
import { memoryTransport } from "../../plugins/memory_transport/mod.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Lifecycle } from "../contracts/lifecycle.ts";
import { type Plugin, type SlotName, slotOrder } from "../contracts/plugin.ts";
import { nobleAeads } from "../runtime/aead.ts";
import { parsePrefix } from "../wire/prefix.ts";
import type { Composition } from "./composition.ts";
import { createNode } from "./create_node.ts";
import { FakeLog } from "./node_fixture.ts";
import { PartStack } from "./part_stack.ts";

type Step = "create" | "start" | "dispose";
type Trouble = (slot: SlotName, step: Step) => void;

const aeads = nobleAeads();
const nameMethods = ["register", "withdraw", "lookup", "reverse", "records"];

/** A part that nobody calls. */
function idle(...methods: readonly string[]): never {
  return Object.fromEntries(methods.map((method) => [method, () => {}])) as never;
}

/** The usual plugins, and one of each slot that has none yet, all watched: `history` has what was done with them. */
class Watched {
  readonly clock = new SimClock();
  readonly log = new FakeLog();
  readonly history: string[] = [];
  readonly #trouble: Trouble;

  constructor(trouble: Trouble = () => {}) {
    this.#trouble = trouble;
  }

  create() {
    const network = new SimNetwork({ clock: this.clock, random: new SimRandom(1) });
    const endpoint = { host: "192.0.2.1", port: 6783 };
    const plugins: Composition = {
      store: this.#watch(memoryStore({})),
      transport: this.#watch(memoryTransport({ network, endpoint })),
      encapsulation: this.#watch(noise({})),
      discovery: [this.#watch(staticSeeds({ seeds: [] }))],
      ipam: this.#watch(ring({})),
      policy: this.#watch(allowAll({})),
      port: this.#watch(userspace({})),
      coordinator: this.#watch({ slot: "coordinator", name: "none", create: () => idle("lead", "leader") }),
      names: this.#watch({ slot: "names", name: "none", create: () => idle(...nameMethods) }),
    };
    return this.clock.complete(createNode({
      plugins,
      name: "a",
      intent: { found: { networkName: "sim", range: parsePrefix("10.32.0.0/12")! } },
      platform: { clock: this.clock, random: new SimRandom(2), log: this.log, aeads },
    }));
  }

  stop(node: AsyncDisposable): Promise<void> {
    return this.clock.complete(Promise.resolve(node[Symbol.asyncDispose]()));
  }

  #watch<K extends SlotName, H>(plugin: Plugin<K, H>): Plugin<K, H> {
    const note = (step: Step) => {
      this.history.push(`${step} ${plugin.slot}`);
      this.#trouble(plugin.slot, step);
    };
    return {
      ...plugin,
      create: (host) => {
        note("create");
        const part = plugin.create(host) as Lifecycle;
        const [start, dispose] = [part.start?.bind(part), part[Symbol.asyncDispose]?.bind(part)];
        part.start = async (signal) => {
          note("start");
          await start?.(signal);
        };
        part[Symbol.asyncDispose] = async () => {
          await dispose?.();
          note("dispose");
        };
        return part as ReturnType<typeof plugin.create>;
      },
    };
  }

  done(step: Step): readonly string[] {
    return this.history.filter((each) => each.startsWith(`${step} `)).map((each) => each.split(" ")[1]!);
  }
}

test("parts start in the order of their slots and stop in the exact reverse", async () => {
  const watched = new Watched();
  const node = await watched.create();
  assert.deepEqual(watched.done("create"), slotOrder);
  assert.deepEqual(watched.done("start"), slotOrder);
  await watched.stop(node);
  assert.deepEqual(watched.done("dispose"), slotOrder.toReversed());
  await watched.stop(node);
  assert.equal(watched.done("dispose").length, slotOrder.length, "stopping twice is stopping once");
});

for (const step of ["create", "start"] as const) {
  test(`a failure to ${step} in any slot names the plugin, and what there was is disposed in reverse`, async () => {
    for (const [index, slot] of slotOrder.entries()) {
      const watched = new Watched((at, doing) => {
        if (at === slot && doing === step) throw new Error("no such device");
      });
      await assert.rejects(watched.create(), (error: MeshError) => {
        assert.equal(error.code, "PLUGIN_FAILED");
        assert.match(
          error.message,
          new RegExp(`^The ${slot} plugin "\\w+" failed to .*${step}.*no such device`),
        );
        assert.equal(error.details["slot"], slot);
        return true;
      });
      const made = watched.done("create").slice(0, step === "create" ? index : undefined);
      assert.deepEqual(watched.done("dispose"), made.toReversed(), slot);
      assert.equal(watched.done("start").length, step === "start" ? index + 1 : index > 0 ? 1 : 0);
      await watched.clock.advance(60_000);
      assert.equal(watched.clock.pending, 0, `${slot}: no timer is left`);
    }
  });
}

test("a part that cannot be disposed keeps no other from it, and does not hide why the start failed", async () => {
  const watched = new Watched((slot, step) => {
    if (slot === "names" && step === "start") throw new Error("port 53 is taken");
    if (slot === "ipam" && step === "dispose") throw new Error("ipam will not stop");
    if (slot === "transport" && step === "dispose") throw new Error("nor will the transport");
  });
  await assert.rejects(watched.create(), /names plugin "none" failed to start: port 53 is taken/);
  assert.deepEqual(watched.done("dispose"), slotOrder.toReversed());
  assert.ok(watched.log.messages.includes("A part could not be stopped"));
});

test("a running node whose part cannot be disposed says so, after all others are", async () => {
  const watched = new Watched((slot, step) => {
    if (slot === "port" && step === "dispose") throw new Error("the interface is busy");
  });
  const node = await watched.create();
  await assert.rejects(watched.stop(node), /the interface is busy/);
  assert.deepEqual(watched.done("dispose"), slotOrder.toReversed());
});

test("a plugin's own error keeps its code and words", async () => {
  const own = new MeshError("BIND_FAILED", "Cannot bind UDP port 6783: address in use");
  const watched = new Watched((slot, step) => {
    if (slot === "transport" && step === "start") throw own;
  });
  await assert.rejects(watched.create(), own);
});

test("what is no error object is told in its own words", async () => {
  const { signal } = new AbortController();
  await using stack = new PartStack(signal);
  const plugin: Plugin<"names", null> = {
    slot: "names",
    name: "odd",
    create: () => {
      throw "just a text";
    },
  };
  assert.throws(() => stack.create(plugin, null), { code: "PLUGIN_FAILED", message: /odd.*just a text/ });
});

test("a part is handed the signal that ends the node", async () => {
  const ending = new AbortController();
  await using stack = new PartStack(ending.signal);
  let given: AbortSignal | undefined;
  await stack.start({ slot: "names", name: "n" }, {
    start: (signal) => {
      given = signal;
      return Promise.resolve();
    },
  });
  assert.equal(given, ending.signal);
});
