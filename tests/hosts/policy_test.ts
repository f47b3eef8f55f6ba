/** A policy of a third party, and the thread of the data path that keeps what it says. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Container } from "../../examples/lab/container.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { test } from "../harness.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

const [open, blocked] = [7_000, 7_001];
const policy = fileURLToPath(new URL("../../examples/block_ports.ts", import.meta.url));
const environment = { SELVAGE_POLICY: JSON.stringify({ use: policy, ports: [blocked] }) };
const transferBytes = 3_000_000;
const datagrams = 40;

async function countersOf(host: LabHost) {
  const { datapath, traffic, drops } = await host.admin.status();
  const { left, datagramsOut } = datapath.counters!;
  return { left, datagramsOut, packetsOut: traffic.packetsOut, denied: drops.denied ?? 0 };
}

async function echoed(from: Container, to: string, port: number): Promise<number> {
  return (await from.order("echo", { to, port, count: datagrams, bytes: 900 })).returned;
}

test(
  "flows that a policy lets pass go by the main thread after their first packets, and those that it denies nowhere",
  () =>
    inLab(async (lab) => {
      const [a, b] = [lab.host("a"), lab.host("b")];
      await a.launch({ environment });
      await b.join((await a.admin.createToken()).token, { environment });
      await lab.meshed();
      const [from, near, to] = await Promise.all([a.container(), a.container(), b.container()]);
      for (const container of [near, to]) await container.order("serve", { port: blocked });
      const { datapath, plugins } = await a.admin.status();
      assert.deepEqual([datapath.path, datapath.reason], ["worker", null]);
      assert.deepEqual(plugins.policy, ["block_ports"]);

      const before = await countersOf(a);
      for (const address of [to.address4, to.address6]) {
        assert.ok(from.namespace.pings(address), `ping ${address}`);
        assert.equal((await from.transfer(address, 2, transferBytes)).intact, 2, `TCP to ${address}`);
        assert.equal(await echoed(from, address, open), datagrams, `UDP to ${address}`);
        assert.ok(await from.echo(address, 5, 6_000) > 0, `UDP in fragments to ${address}`);
      }
      const between = await countersOf(a);
      const sent = between.packetsOut - before.packetsOut;
      assert.ok(sent > 4 * transferBytes / 65_536, `${sent} packets`);
      assert.ok(between.datagramsOut - before.datagramsOut > 0.9 * sent, "the thread has sent them");
      assert.ok(
        between.left - before.left < 0.1 * sent,
        `${between.left - before.left} of ${sent} were left`,
      );
      assert.equal(between.denied, before.denied);

      assert.equal(
        await echoed(from, near.address4, blocked),
        datagrams,
        "on one host nothing is in the way",
      );
      for (const address of [to.address4, to.address6]) {
        assert.equal(await echoed(from, address, blocked), 0, `UDP to ${address}`);
      }
      const after = await countersOf(a);
      assert.equal(after.denied - between.denied, 2 * datagrams);
      assert.ok(after.left - between.left < datagrams, "most of it by the thread");
      assert.ok(await from.echo(to.address4, 5, 900) === 5, "other flows go on");
    }),
  { skip, limit },
);
