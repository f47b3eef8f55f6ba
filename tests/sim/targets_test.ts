/** Targets on whole nodes: names that move, `connect`, and nodes that call nobody else. */
import assert from "node:assert/strict";
import { MeshError } from "../../core/contracts/errors.ts";
import type { TargetStatus } from "../../core/contracts/node.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const name = "mesh.example.net:6783";

/** Name servers that a test sets. */
class Zone {
  readonly hosts = new Map<string, readonly string[]>();
  readonly resolve = (host: string): Promise<readonly string[]> => {
    const found = this.hosts.get(host);
    return found === undefined
      ? Promise.reject(new MeshError("UNREACHABLE", `Cannot resolve "${host}": no such name`))
      : Promise.resolve(found);
  };
}

function target({ node }: SimNode): TargetStatus {
  return node.targets()[0]!;
}

function follow({ node }: SimNode): string[] {
  const told: string[] = [];
  const { signal } = new AbortController();
  node.events.on("target:changed", ({ target, state }) => void told.push(`${target} ${state}`), signal);
  node.events.on(
    "connection:changed",
    ({ endpoint, state }) => void told.push(`${endpoint.host} ${state}`),
    signal,
  );
  return told;
}

test("a name is a target before anybody knows it, and follows the host that it stands for", async () => {
  const zone = new Zone();
  await using world = new SimWorld(601, {}, { resolve: zone.resolve, standingSessions: 1 });
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const told = follow(a!);
  await world.run(a!.node.connect([name]));
  await world.clock.advance(1_000);
  const unknown = target(a!);
  assert.deepEqual([unknown.endpoint, unknown.state, unknown.places], [name, "retrying", []]);
  assert.match(unknown.reason ?? "", /^Cannot resolve/);
  assert.ok(Date.parse(unknown.nextAttempt!) > world.machine("a").process!.clock.wall());
  assert.equal(a!.node.status().healthy, false);
  zone.hosts.set("mesh.example.net", [b!.host, "192.0.2.99"]);
  await world.clock.advance(10_000);
  assert.deepEqual(target(a!), {
    endpoint: name,
    source: "connect",
    state: "established",
    reason: null,
    places: [`${b!.host}:6783`, "192.0.2.99:6783"],
    nextAttempt: null,
  });
  const isHealthy = () => a!.node.status().healthy;
  assert.equal(isHealthy(), true, "one address of a host is enough");
  await world.run(a!.node.connect(["192.0.2.99:6783"]));
  assert.equal(isHealthy(), false, "somebody wants this very address");
  await world.run(a!.node.forget(["192.0.2.99:6783"]));
  assert.equal(isHealthy(), true);
  zone.hosts.set("mesh.example.net", ["192.0.2.77"]);
  await world.stop(b!);
  await world.clock.advance(1_000);
  await world.startAt("b", "192.0.2.77");
  await world.clock.runUntil(() => target(a!).places.join() === "192.0.2.77:6783", 400_000);
  await world.clock.advance(1_000);
  assert.equal(target(a!).state, "established");
  await world.run(a!.node.connect([`192.0.2.77:6783`], { replace: true }));
  await world.clock.advance(1_000);
  assert.deepEqual(
    told.filter((text) => text.startsWith(name)).filter((text, i, all) => text !== all[i - 1]),
    [
      `${name} retrying`,
      `${name} established`,
      `${name} retrying`,
      `${name} established`,
      `${name} forgotten`,
    ],
  );
  assert.ok(told.includes("192.0.2.99 gone"), "what the name stood for is tried no more");
});

test("a node whose list of seeds names itself says so of that one, and is well", async () => {
  await using world = new SimWorld(604);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const told = follow(a!);
  await world.run(a!.node.connect([`${a!.host}:6783`, `${b!.host}:6783`]));
  await world.clock.advance(5_000);
  const own = target(a!);
  assert.deepEqual([own.state, own.nextAttempt], ["failed", null]);
  assert.match(own.reason!, /it is an address of this node itself$/);
  assert.equal(a!.node.status().healthy, true);
  assert.ok(told.includes(`${a!.host}:6783 failed`), "an event tells it");
});

test("connect tries at once what is being tried, and begins its waits anew", async () => {
  await using world = new SimWorld(602);
  const [a] = await world.mesh("a", "b");
  await world.settle();
  const sent: number[] = [];
  world.network.watch(({ what, to, at }) => {
    if (what === "sent" && to.host === "192.0.2.99") sent.push(at);
  });
  const lost = ["192.0.2.99:6783"];
  await world.run(a!.node.connect(lost));
  await world.clock.advance(60_000);
  const now = world.clock.now();
  assert.ok(sent.at(-1)! < now - 10 && Date.parse(target(a!).nextAttempt!) > 0);
  await world.run(a!.node.connect(lost));
  await world.clock.advance(1_000);
  const waits = sent.filter((at) => at >= now).map((at) => at - now);
  assert.ok(waits[0]! <= 1 && waits.length >= 3, `${waits}: the first waits are a quarter and half a second`);
});

test("nodes that set out for nobody but their targets are linked as they were told, and reach each other along the links", async () => {
  await using world = new SimWorld(603, {}, { onlyTargets: true });
  const [a, b, c] = await world.mesh("a", "b", "c");
  for (const node of [a!, b!, c!]) {
    await world.stop(node);
  }
  world.network.cut(a!.host, c!.host);
  world.network.cut(c!.host, a!.host);
  const again = [await world.start("a"), await world.start("b"), await world.start("c")] as const;
  await world.clock.advance(30_000);
  const up = () => again.map(({ node }) => node.status().connections.established);
  assert.deepEqual(up(), [0, 0, 0], "nobody was named");
  await world.run(again[0].node.connect([`${again[1].host}:6783`]));
  await world.run(again[2].node.connect([`${again[1].host}:6783`]));
  await world.clock.advance(60_000);
  const direct = again.map(({ node }) =>
    node.connections().filter(({ state, relay }) => state === "established" && relay === null).length
  );
  assert.deepEqual(direct, [1, 2, 1]);
  await world.ping(again[0], again[2]);
});
