import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimWorld } from "../../tests/sim/world.ts";
import { errorCode } from "../contracts/errors.ts";
import { parseToken } from "../identity/token.ts";
import { parsePrefix } from "../wire/prefix.ts";
import type { Intent } from "./entry.ts";

const range = parsePrefix("10.32.0.0/12")!;
const port = 6783;

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => "none", errorCode);
}

function kept(world: SimWorld, name: string): readonly string[] {
  return [...world.disk(name).image.entries("")].map(([key]) => key)
    .filter((key) => !["node/identity", "noise/stamp", "noise/note"].includes(key));
}

test("with no intent and an empty store a node does not start, and says what to do", async () => {
  await using world = new SimWorld(61);
  await assert.rejects(world.start("a"), { code: "NOT_ADMITTED", message: /selvage launch.*selvage join/ });
  assert.deepEqual(kept(world, "a"), []);
});

test("a store that holds a network is resumed whatever the intent, unless it names another network", async () => {
  await using world = new SimWorld(62);
  const [a, b] = await world.mesh("a", "b");
  const own = (await world.run(a!.node.tokens.create())).token;
  const other = await world.startAt("x", "192.0.2.50", { found: { networkName: "other", range } });
  const foreign = (await world.run(other.node.tokens.create())).token;
  const { id } = b!.node;
  await world.stop(b!);
  const resuming: Intent[] = [
    {},
    { join: { token: own } },
    { found: { networkName: "new", range } },
    { join: { password: { networkName: "sim", password: "whatever" } } },
  ];
  for (const intent of resuming) {
    const again = await world.start("b", intent);
    assert.equal(again.node.id, id);
    assert.equal(again.node.status().network.name, "sim");
    await world.stop(again);
  }
  const elsewhere: Intent[] = [
    { join: { token: foreign } },
    { join: { password: { networkName: "other", password: "whatever" } } },
  ];
  for (const intent of elsewhere) {
    await assert.rejects(world.start("b", intent), {
      code: "NETWORK_MISMATCH",
      message: /"sim".*selvage reset/,
    });
  }
  assert.equal(await codeOf(world.start("b", { join: { token: "nonsense" } })), "TOKEN_INVALID");
});

test("after a join that failed, for whatever reason, nothing of a network is kept", async () => {
  await using world = new SimWorld(63);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create({ lifetimeSeconds: 60 }));
  const nobody = [{ host: "192.0.2.250", port }];
  const timeoutMillis = 3_000;
  const failing: [string, Intent][] = [
    ["INVALID_ARGUMENT", { join: {} }],
    ["INVALID_ARGUMENT", { join: { password: { networkName: "sim", password: "x" } } }],
    ["UNREACHABLE", { join: { password: { networkName: "sim", password: "x" }, unknown: ["a.example:1"] } }],
    ["TOKEN_INVALID", { join: { token: `${token}x` } }],
    ["NAME_TAKEN", { join: { token } }],
  ];
  for (const [code, intent] of failing) {
    assert.equal(await codeOf(world.startAt("A", "192.0.2.9", intent)), code);
    assert.deepEqual(kept(world, "A"), [], code);
  }
  world.network.partition([a.host]);
  const silent = world.startAt("b", "192.0.2.8", { join: { token, endpoints: nobody, timeoutMillis } });
  await assert.rejects(silent, { code: "UNREACHABLE", message: /192\.0\.2\.250:6783, 192\.0\.2\.1:6783/ });
  world.network.heal();
  await world.clock.advance(60_000);
  assert.equal(await codeOf(world.start("b", { join: { token } })), "EXPIRED");
  assert.deepEqual(kept(world, "b"), []);
});

test("a join called off leaves an identity only where somebody may have admitted it", async () => {
  await using world = new SimWorld(66);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create());
  const calledOff = async (name: string, when: (callOff: () => void) => void) => {
    const controller = new AbortController();
    when(() => controller.abort(new Error("never mind")));
    const { host } = world.machine(name);
    const starting = world.run(world.create(name, host, { join: { token } }, controller.signal));
    await assert.rejects(starting, /never mind/);
    return [...world.disk(name).image.entries("node/identity")].length;
  };
  world.network.partition([a.host]);
  const atOnce = await calledOff(
    "b",
    (callOff) => world.network.watch(({ what }) => what === "cut" && callOff()),
  );
  assert.equal(atOnce, 0, "nobody has heard of it");
  world.network.heal();
  const admitted = new AbortController();
  const late = await calledOff("b", (callOff) => a.node.events.on("peer:admitted", callOff, admitted.signal));
  assert.equal(late, 1, "a member may have admitted it");
  admitted.abort();
  const again = await world.start("b", { join: { token } });
  assert.deepEqual(a.node.members.list().map(({ name }) => name).sort(), ["a", "b"]);
  await world.stop(again);
});

test("endpoints of the intent are knocked at before those of the token", async () => {
  await using world = new SimWorld(64);
  const [a, b] = await world.mesh("a", "b");
  const { token } = await world.run(a!.node.tokens.create());
  assert.deepEqual(parseToken(token).seeds.map(({ host }) => host), [a!.host]);
  const admitted: string[] = [];
  for (const { name, node } of [a!, b!]) {
    node.events.on("peer:admitted", () => void admitted.push(name), new AbortController().signal);
  }
  await world.start("c", { join: { token, endpoints: [{ host: b!.host, port }] } });
  assert.deepEqual(admitted, ["b"]);
});

test("the network's password opens it, another one does not, and a revocation voids it", async () => {
  await using world = new SimWorld(65);
  const password = "correct horse battery staple 7";
  const a = await world.start("a", { found: { networkName: "sim", range, password } });
  const endpoints = [{ host: a.host, port }];
  const join = (text: string) => ({
    join: { password: { networkName: "sim", password: text }, endpoints, timeoutMillis: 5_000 },
  });
  assert.equal(await codeOf(world.start("b", join(`${password}!`))), "UNREACHABLE");
  assert.deepEqual(kept(world, "b"), []);
  const b = await world.start("b", join(password));
  await world.settle();
  await world.ping(a, b);
  await world.run(a.node.members.revoke("b"));
  await world.stop(b);
  assert.equal(await codeOf(world.startAt("c", "192.0.2.7", join(password))), "UNREACHABLE");
}, { once: "scrypt in JavaScript takes seconds", on: "node" });
