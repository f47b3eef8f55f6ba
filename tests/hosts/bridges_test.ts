/** Bridges of hosts that are joined to the network, with the real program and the kernel's own stack. */
import assert from "node:assert/strict";
import type { Lab } from "../../examples/lab/lab.ts";
import { until } from "../../examples/lab/lab.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { Namespace, run } from "../../examples/lab/namespace.ts";
import { test } from "../harness.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

/** A machine of its own behind a bridge of the host. */
class Device {
  readonly namespace: Namespace;
  readonly address4: string;
  readonly address6: string;

  constructor(lab: Lab, host: LabHost, number: number) {
    this.namespace = Namespace.make(`${lab.prefix}-device${number}`);
    this.address4 = `192.168.50.${number}`;
    this.address6 = `2001:db8:50::${number}`;
    host.namespace.ip(`link add tap${number} type veth peer name eth0 netns ${this.namespace.name}`);
    host.namespace.ip(`link set dev tap${number} master br0 up`);
    this.namespace.ip(
      `link set dev eth0 address 52:54:00:00:00:0${number}`,
      `addr add ${this.address4}/24 dev eth0`,
      `addr add ${this.address6}/64 dev eth0 nodad`,
      "link set dev eth0 up",
    );
  }

  neighbour(address: string): string {
    return run("ip", "-n", this.namespace.name, "neigh", "show", address);
  }
}

function bridgeOf({ namespace }: LabHost, name = "br0"): void {
  namespace.ip(`link add ${name} type bridge mcast_snooping 0`, `link set dev ${name} up`);
}

async function joined(lab: Lab): Promise<readonly [LabHost, LabHost, Device, Device]> {
  const [a, b] = await lab.network("a", "b");
  for (const host of [a!, b!]) bridgeOf(host);
  const devices = [new Device(lab, a!, 1), new Device(lab, b!, 2)] as const;
  for (const host of [a!, b!]) await host.admin.attachBridge("br0");
  return [a!, b!, ...devices];
}

async function alertsOf({ admin }: LabHost): Promise<string[]> {
  return (await admin.status()).alerts.map(({ name }) => name);
}

test(
  "devices behind bridges of two hosts reach each other by their own MACs, and containers with a route to them",
  () =>
    inLab(async (lab) => {
      const [a, b, one, two] = await joined(lab);
      for (const address of [two.address4, two.address6]) {
        assert.ok(one.namespace.pings(address, 10), `ping ${address}`);
        assert.match(one.neighbour(address), /52:54:00:00:00:02/);
      }
      assert.ok(two.namespace.pings(one.address4));
      for (const { admin } of [a, b]) {
        const { devices } = await admin.bridges();
        assert.deepEqual(
          devices.filter(({ addresses }) =>
            addresses.includes(one.address4) || addresses.includes(two.address4)
          )
            .map(({ mac, node, isUsed }) => `${mac} ${node} ${isUsed}`).sort(),
          ["52:54:00:00:00:01 a true", "52:54:00:00:00:02 b true"],
        );
        assert.deepEqual(await admin.status().then(({ alerts }) => alerts), []);
      }
      const container = await a.container();
      container.namespace.ip(`route add 192.168.50.0/24 dev mesh0`);
      for (const device of [one, two]) {
        device.namespace.ip(`route add 10.32.0.0/12 dev eth0`);
        assert.ok(container.namespace.pings(device.address4), `ping ${device.address4}`);
        assert.ok(device.namespace.pings(container.address4));
      }
      // A large packet of an interface of 1,500 bytes: the sender is told what passes.
      const words = ["ping", "-c", "3", "-W", "1", "-M", "do", "-s", "1472", two.address4] as const;
      assert.throws(() => one.namespace.run(...words), /message too long|100% packet loss/i);
      assert.match(run("ip", "-n", one.namespace.name, "route", "get", two.address4), /mtu 1[0-9]{3}/);
    }),
  { skip, limit },
);

test(
  "a bridge stays joined over a restart of the node and without it nothing is left on the host",
  () =>
    inLab(async (lab) => {
      const [a, b, one, two] = await joined(lab);
      assert.ok(one.namespace.pings(two.address4, 10));
      const before = a.namespace.interfaces();
      await a.kill();
      await a.launch();
      await lab.meshed();
      assert.deepEqual(a.namespace.interfaces(), before);
      assert.ok(one.namespace.pings(two.address4, 20));
      assert.equal(b.cli("detach-bridge", "br0").code, 0);
      assert.ok(!one.namespace.pings(two.address4, 1));
      assert.ok(!b.namespace.interfaces().some((name) => name.startsWith("selv")));
      assert.equal(b.cli("detach-bridge", "br0").code, 1);
      await a.stop();
      assert.equal(a.cli("reset", "--force").code, 0);
      assert.ok(!a.namespace.interfaces().some((name) => name.startsWith("selv")));
    }),
  { skip, limit },
);

test("what is no bridge is refused, with what to do", () =>
  inLab(async (lab) => {
    const [a] = await lab.network("a");
    await assert.rejects(a!.admin.attachBridge("br9"), { code: "NOT_FOUND" });
    await assert.rejects(a!.admin.attachBridge("eth0"), {
      code: "INVALID_ARGUMENT",
      message: /is no Linux bridge/,
    });
    await assert.rejects(a!.admin.attachBridge("$(id)"), { code: "INVALID_ARGUMENT" });
    assert.deepEqual(await a!.admin.bridges(), { bridges: [], devices: [] });
  }), { skip, limit });

test(
  "two bridges that are one are found out, one of the joins is taken down, and traffic goes on",
  () =>
    inLab(async (lab) => {
      const [a] = await lab.network("a");
      bridgeOf(a!);
      bridgeOf(a!, "br1");
      a!.namespace.ip(
        "link add x0 type veth peer name x1",
        "link set dev x0 master br0 up",
        "link set dev x1 master br1 up",
      );
      const one = new Device(lab, a!, 1);
      const container = await a!.container();
      container.namespace.ip(`route add 192.168.50.0/24 dev mesh0`);
      one.namespace.ip(`route add 10.32.0.0/12 dev eth0`);
      await a!.admin.attachBridge("br0");
      await a!.admin.attachBridge("br1");
      // The storm that it is meant for.
      one.namespace.pings(container.address4, 1);
      await until(async () => (await alertsOf(a!)).includes("bridge-loop"));
      const { bridges } = await a!.admin.bridges();
      assert.deepEqual(bridges.map(({ device, state }) => `${device} ${state}`), ["br0 open", "br1 blocked"]);
      const [alert] = (await a!.admin.status()).alerts;
      assert.match(alert!.detail, /join2 to the bridge br1/);
      assert.ok((await a!.admin.drops()).loop > 0);
      assert.ok(one.namespace.pings(container.address4, 15));
      const quiet = () => Number(a!.mesh.run("cat", "/proc/net/dev").match(/join1:\s*\d+\s+(\d+)/)![1]);
      const before = quiet();
      // A second of pings is all that passes in it.
      one.namespace.run("ping", "-q", "-c", "6", "-i", "0.2", "-W", "1", container.address4);
      assert.ok(quiet() - before < 100, `${quiet() - before} frames in a second`);
      a!.namespace.ip("link del dev x0");
      await a!.admin.attachBridge("br1");
      assert.deepEqual(await alertsOf(a!), []);
    }),
  { skip, limit },
);

test(
  "one cable that two hosts have joined is found out, and one of the hosts yields",
  () =>
    inLab(async (lab) => {
      const [a, b] = await lab.network("a", "b");
      for (const host of [a!, b!]) bridgeOf(host);
      a!.namespace.ip(
        `link add x0 type veth peer name x1 netns ${b!.namespace.name}`,
        "link set dev x0 master br0 up",
      );
      b!.namespace.ip("link set dev x1 master br0 up");
      const one = new Device(lab, a!, 1);
      await a!.admin.attachBridge("br0");
      await b!.admin.attachBridge("br0");
      one.namespace.pings("192.168.50.99", 2);
      await until(async () => (await alertsOf(b!)).includes("bridge-loop"));
      assert.deepEqual((await a!.admin.bridges()).bridges.map(({ state }) => state), ["open"]);
      assert.deepEqual((await b!.admin.bridges()).bridges.map(({ state }) => state), ["blocked"]);
    }),
  { skip, limit },
);
