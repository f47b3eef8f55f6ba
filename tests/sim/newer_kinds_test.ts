import assert from "node:assert/strict";
import type { Host } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Names } from "../../core/contracts/names.ts";
import type { Plugin } from "../../core/contracts/plugin.ts";
import type { ReplicatedState, Replication } from "../../core/contracts/replicated_state.ts";
import { openRecord, signRecord } from "../../core/identity/signed.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { test } from "../harness.ts";
import { SimWorld } from "./world.ts";

const kind = "alias";

/** A shared state that some nodes have and others have never heard of, in the slot of names. */
class Aliases implements ReplicatedState {
  readonly name = "aliases";
  readonly kinds = [kind];
  readonly #host: Pick<Host, "self">;
  readonly #replication: Replication;
  #held: readonly Uint8Array[] = [];

  constructor(host: Pick<Host, "self" | "replicate">) {
    this.#host = host;
    this.#replication = host.replicate(this);
  }

  records(): readonly Uint8Array[] {
    return this.#held;
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const known = new Set(this.texts());
    const fresh = records.filter((each) => openRecord(each) !== undefined && !known.has(encodeHex(each)));
    if (fresh.length > 0) this.#held = [...this.#held, ...fresh];
    return fresh;
  }

  say(q: number): void {
    const body = encodeCbor({ q, z: "a field of tomorrow" });
    this.#replication.spread(this.merge([signRecord(this.#host.self, kind, body)]));
  }

  texts(): readonly string[] {
    return this.#held.map(encodeHex).sort();
  }
}

/** By the name of the node; those whose name begins with "old" have none. */
function aliasesOf(made: Map<string, Aliases>): Plugin<"names"> {
  const names: Names & Lifecycle = {
    register: () => Promise.resolve(),
    withdraw: () => Promise.resolve(0),
    lookup: () => [],
    reverse: () => [],
    records: () => [],
    start: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const create = (host: Host) => {
    if (!host.self.name.startsWith("old")) made.set(host.self.name, new Aliases(host));
    return names;
  };
  return { slot: "names", name: "aliases", create };
}

test("two newer nodes that reach each other only through an older one share what it has never heard of", async () => {
  const made = new Map<string, Aliases>();
  await using world = new SimWorld(61, {}, { plugins: { names: aliasesOf(made) } });
  const [a, middle, b] = await world.mesh("new-a", "old", "new-b");
  await world.settle();
  for (const [from, to] of [[a!, b!], [b!, a!]] as const) world.network.cut(from.host, to.host);
  const upAt = (at: typeof a) => at!.node.peers().filter(({ state }) => state === "up").length;
  await world.clock.runUntil(() => upAt(a) === 2 && upAt(b) === 2, 60_000);
  for (let q = 1; q <= 3; q++) made.get("new-a")!.say(q);
  await world.clock.advance(1_000);
  assert.equal(made.get("new-a")!.texts().length, 3);
  assert.deepEqual(made.get("new-b")!.texts(), made.get("new-a")!.texts());
  assert.equal(made.has(middle!.name), false);
});

test("an older node hands on what newer ones said before it met the third, and lets go of who is revoked", async () => {
  const made = new Map<string, Aliases>();
  await using world = new SimWorld(62, {}, { plugins: { names: aliasesOf(made) } });
  const [old, a] = await world.mesh("old", "new-a");
  await world.settle();
  made.get("new-a")!.say(1);
  await world.clock.advance(2_000);
  const said = made.get("new-a")!.texts();
  await world.stop(a!);
  const { token } = await world.run(old!.node.tokens.create());
  await world.start("new-b", { join: { token } });
  await world.clock.advance(5_000);
  assert.deepEqual(made.get("new-b")!.texts(), said);
  await world.run(old!.node.members.revoke("new-a"));
  const { token: next } = await world.run(old!.node.tokens.create());
  await world.stop(world.nodes().find(({ name }) => name === "new-b")!);
  await world.start("new-c", { join: { token: next } });
  await world.clock.advance(40_000);
  assert.deepEqual(made.get("new-c")!.texts(), []);
});
