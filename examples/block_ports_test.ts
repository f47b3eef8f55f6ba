import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { yamlLayer } from "../cli/config/yaml_layer.ts";
import { resolveConfig } from "../cli/config/resolve.ts";
import { errorCode } from "../core/contracts/errors.ts";
import { parseAddress } from "../core/wire/address.ts";
import { type SimNode, SimWorld, test, testHost, testPolicy } from "selvage/testing";
import { plugin } from "./block_ports.ts";

testPolicy({
  name: "block_ports",
  create: () => plugin({ ports: [25] }).create(testHost()),
  endpoint: { owner: "web", namespace: "default", labels: {}, addresses: [parseAddress("10.32.0.1")!] },
});

const file = fileURLToPath(new URL("./block_ports.yaml", import.meta.url));

async function configured(text: string) {
  const defaults = [
    { path: ["stateDir"], value: "/tmp/unused", origin: { from: "default" } as const },
    { path: ["admin", "socket"], value: "/tmp/unused/admin.sock", origin: { from: "default" } as const },
  ];
  return await resolveConfig([defaults, yamlLayer(file, text)], file);
}

/** Sends one datagram from node to node; true when it arrives. */
async function reaches(world: SimWorld, from: SimNode, to: SimNode, port: number): Promise<boolean> {
  const [source, target] = [from, to].map(({ node }) => parseAddress(node.status().addresses[0]!)!) as [
    never,
    never,
  ];
  let arrived = false;
  const sink = to.node.overlay!.listenUdp({ address: target, port }, () => arrived = true);
  const socket = from.node.overlay!.listenUdp({ address: source, port: 0 }, () => {});
  socket.send(new Uint8Array(8), { address: target, port });
  await world.clock.advance(1000);
  socket.close();
  sink.close();
  return arrived;
}

test("a policy of a third party, named in the configuration by its path, decides about packets", async () => {
  const { plugins } = await configured(await readFile(file, "utf8"));
  assert.equal(plugins.policy.name, "block_ports");
  await using world = new SimWorld(1, {}, { plugins: { policy: plugins.policy } });
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  assert.equal(await reaches(world, a!, b!, 53), true);
  assert.equal(await reaches(world, a!, b!, 445), false);
  assert.equal(a!.node.status().drops.denied, 1);
  assert.deepEqual(a!.node.status().plugins["policy"], ["block_ports"]);
});

test("its options are checked before anything starts, and the error names file and line", async () => {
  const wrong = configured("policy:\n  use: ./block_ports.ts\n  ports: [0]\n");
  await assert.rejects(wrong, (error: Error) => {
    assert.equal(errorCode(error), "CONFIG_INVALID");
    assert.match(error.message, /block_ports\.yaml:3: policy\.ports\[0\]:/);
    return true;
  });
});
