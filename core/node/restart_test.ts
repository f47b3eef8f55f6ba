/** How long a node is away that restarts: nothing but handshakes lies between its sockets and its first packet. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimWorld } from "../../tests/sim/world.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import type { Lifecycle } from "../contracts/lifecycle.ts";
import type { Plugin } from "../contracts/plugin.ts";

const oneWay = 5;
const delayed = { delay: oneWay, jitter: 0 };

for (const [how, end] of [["stopped", "stop"], ["been killed", "crash"]] as const) {
  test(`a node that has ${how} reaches a member two round trips after its start, from another address too`, async () => {
    await using world = new SimWorld(191, delayed);
    const [a, b] = await world.mesh("a", "b");
    await world.settle();
    await world[end](b!);
    const start = world.clock.now();
    const again = await world.startAt("b", "192.0.2.77");
    await world.ping(again, a!);
    assert.equal(world.clock.now() - start, 4 * oneWay);
  });
}

test("sessions are made while the ports start, which may take long", async () => {
  const slow = new SlowStart();
  await using world = new SimWorld(192, delayed, { plugins: { port: slow.port() } });
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  await world.stop(b!);
  slow.begin();
  const starting = world.create("b", b!.host, {});
  await world.clock.runUntil(
    () => a!.node.peers().some(({ name, state }) => name === "b" && state === "up"),
    1_000,
  );
  assert.equal(slow.isWaiting, true);
  slow.end();
  const { node } = await world.run(starting);
  assert.equal(node.status().state, "ready");
});

/** Ports whose start waits for the test. */
class SlowStart {
  isWaiting = false;
  #ended: PromiseWithResolvers<void> | undefined;

  begin(): void {
    this.#ended = Promise.withResolvers();
  }

  end(): void {
    this.isWaiting = false;
    this.#ended!.resolve();
  }

  port(): Plugin<"port"> {
    const usual = userspace({});
    return {
      ...usual,
      create: (host) => {
        const made: ReturnType<typeof usual.create> & Lifecycle = usual.create(host);
        const start = made.start?.bind(made);
        return Object.assign(made, {
          start: async (signal: AbortSignal) => {
            this.isWaiting = this.#ended !== undefined;
            await this.#ended?.promise;
            await start?.(signal);
          },
        });
      },
    };
  }
}
