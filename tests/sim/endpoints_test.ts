/** Whole nodes in host mode: what is attached reaches the mesh, and outlives the node. */
import assert from "node:assert/strict";
import type { Plugin } from "../../core/contracts/plugin.ts";
import type { Address } from "../../core/contracts/values.ts";
import { formatAddress, parseAddress } from "../../core/wire/address.ts";
import { encodeEthernet } from "../../core/wire/ethernet.ts";
import { encodeEcho } from "../../core/wire/icmp.ts";
import { decodeIp } from "../../core/wire/ip.ts";
import { macOfAddress } from "../../core/wire/mac.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import { test } from "../harness.ts";
import { MemoryHost } from "./memory_links.ts";
import { SimWorld } from "./world.ts";

const { signal } = new AbortController();

/** The namespaces of `host` are on the machine of that name; other machines have none. */
function portsOn(name: string, host: MemoryHost): Plugin<"port">[] {
  const links: Plugin<"port"> = {
    ...host.plugin(),
    create: (given) => (given.self.name === name ? host : new MemoryHost()).plugin().create(given),
  };
  return [userspace({}), links];
}

function echoFrame(source: Address, destination: Address): Uint8Array {
  const data = Uint8Array.of(1, 2, 3);
  const echo = encodeEcho({ source, destination }, { kind: "echoRequest", identifier: 1, sequence: 1, data });
  return encodeEthernet(macOfAddress(destination), macOfAddress(source), 0x0800, echo);
}

function sourceOf(frame: Uint8Array): string {
  const packet = decodeIp(frame.subarray(14));
  return typeof packet === "number" ? "malformed" : formatAddress(packet.source);
}

test("an attached namespace and the endpoint in the process of another node reach each other, also after a restart", async () => {
  const host = new MemoryHost("web");
  await using world = new SimWorld(91, {}, { plugins: { port: portsOn("a", host) } });
  const [a, b] = await world.mesh("a", "b");
  const attached = await world.run(
    a!.node.endpoints.attach({ where: { netns: "web" }, name: "web-1" }, signal),
  );
  const web = parseAddress(attached.addresses[0]!.split("/")[0]!)!;
  const remote = parseAddress(b!.node.status().addresses[0]!)!;
  const exchange = async () => {
    host.frames.length = 0;
    host.send(echoFrame(web, remote));
    await world.clock.advance(100);
    assert.deepEqual(host.frames.map(sourceOf), [formatAddress(remote)]);
  };
  await world.settle();
  await exchange();
  assert.deepEqual(a!.node.endpoints.list().map(({ owner }) => owner), ["node", "netns:web"]);

  await world.stop(a!);
  const again = await world.start("a");
  assert.deepEqual(again.node.endpoints.list()[1], attached);
  await world.settle();
  await exchange();
});

test("what a node tells of itself to all are its own addresses, however many containers it has", async () => {
  const names = Array.from({ length: 40 }, (_, index) => `c${index}`);
  const host = new MemoryHost(...names);
  await using world = new SimWorld(92, {}, { plugins: { port: portsOn("a", host) } });
  const [a, b] = await world.mesh("a", "b");
  for (const netns of names) await world.run(a!.node.endpoints.attach({ where: { netns } }, signal));
  const { addresses, ipam } = a!.node.status();
  assert.equal(addresses.length, 2);
  assert.equal(ipam.leases.length, 2 * (1 + names.length));
  await world.stop(a!);
  await world.start("a");
  await world.settle();
  const told = b!.node.peers().find(({ self }) => !self)?.addresses;
  assert.deepEqual(told, addresses);
});

test("a node that stops while something is attached leaves nothing of it", async () => {
  const host = new MemoryHost("web");
  await using world = new SimWorld(93, {}, { plugins: { port: portsOn("a", host) } });
  const a = await world.found("a");
  const reached = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<void>();
  host.before = async (step) => {
    if (!step.startsWith("attach")) return;
    reached.resolve();
    await promise;
  };
  const attaching = a.node.endpoints.attach({ where: { netns: "web" } }, signal);
  await world.run(reached.promise);
  const stopping = world.stop(a);
  resolve();
  await assert.rejects(attaching, { code: "NOT_RUNNING" });
  await stopping;
  assert.equal(host.interfaces.size, 0);
  const again = await world.start("a");
  assert.deepEqual(again.node.ipam().leases.map(({ owner }) => owner), ["node", "node"]);
});

test("an address that an endpoint of another node has is refused, and nothing is made", async () => {
  const host = new MemoryHost("web");
  const other = new MemoryHost("db");
  const ports = (name: string): MemoryHost => name === "a" ? host : other;
  const links: Plugin<"port"> = {
    ...host.plugin(),
    create: (given) => ports(given.self.name).plugin().create(given),
  };
  await using world = new SimWorld(94, {}, { plugins: { port: [userspace({}), links] } });
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const attach = (node: typeof a, netns: string) =>
    world.run(node!.node.endpoints.attach({ where: { netns }, addresses: ["ip:10.32.1.5"] }, signal));
  await attach(a, "web");
  await assert.rejects(attach(b, "db"), { code: "ADDRESS_TAKEN", message: /10\.32\.1\.5/ });
  assert.deepEqual([...other.interfaces.keys()], []);
});

test("a host with a route in the default range founds nothing, and something else at the next start", async () => {
  const routes = ["10.40.0.0/16 dev up0"];
  const links: Plugin<"port"> = {
    ...new MemoryHost().plugin(),
    create: (given) =>
      Object.assign(new MemoryHost().plugin().create(given), {
        host: { ...restingHost, overlaps: () => Promise.resolve(routes) },
      }),
  };
  await using world = new SimWorld(95, {}, { plugins: { port: [userspace({}), links] } });
  const range = parsePrefix("10.32.0.0/12")!;
  const found = { networkName: "sim", range, isDefaultRange: true };
  await assert.rejects(world.start("a", { found }), {
    code: "INVALID_ARGUMENT",
    message: /10\.40\.0\.0\/16 dev up0/,
  });
  await assert.rejects(world.start("a", {}), { code: "NOT_ADMITTED" }, "nothing is left of it");
  const a = await world.start("a", { found: { ...found, isDefaultRange: false } });
  assert.equal(a.node.status().state, "ready");
});

/** A host around which nothing is to be done. */
const restingHost = {
  apply: () => Promise.resolve(),
  clear: () => Promise.resolve(),
  state: () => ({ changes: [], restored: 0, problems: [] }),
  onChange: () => {},
};
