/** A host whose network lets no UDP through: with the real program, and the kernel's own filter. */
import assert from "node:assert/strict";
import { until } from "../../examples/lab/lab.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { test } from "../harness.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

const environment = { SELVAGE_TRANSPORT: '[{"use":"udp"},{"use":"tcp"}]' };

/** Nothing is answered: as a firewall that drops, not as one that refuses. */
function blockUdp({ namespace }: LabHost): void {
  namespace.nft(
    "table inet blocked {",
    "  chain in { type filter hook input priority 0; meta l4proto udp drop; }",
    "  chain out { type filter hook output priority 0; meta l4proto udp drop; }",
    "}",
  );
}

async function endpointOf({ admin }: LabHost): Promise<string> {
  return (await admin.connections()).find(({ state }) => state === "established")?.endpoint ?? "";
}

test(
  "a host that may open nothing but TCP joins, its containers reach others, and it moves to UDP when it may",
  () =>
    inLab(async (lab) => {
      const [outside, blocked] = [lab.host("a"), lab.host("b")];
      await outside.launch({ environment });
      const { token } = await outside.admin.createToken();
      blockUdp(blocked);
      await blocked.join(token, { environment });
      await lab.meshed();
      assert.match(await endpointOf(blocked), /^tcp\//);
      assert.ok(blocked.cli("status", "connections").out.includes(" tcp/"));
      const [far, near] = await Promise.all([outside.container(), blocked.container()]);
      await until(() => near.namespace.pings(far.address4));
      await until(() => far.namespace.pings(near.address6));
      assert.equal((await near.transfer(far.address4, 2, 1_000_000)).intact, 2);
      assert.equal((await far.transfer(near.address4, 2, 1_000_000)).intact, 2);

      blocked.namespace.nft("delete table inet blocked");
      await until(async () => !(await endpointOf(blocked)).startsWith("tcp/"));
      await until(async () => !(await endpointOf(outside)).startsWith("tcp/"));
      assert.ok(near.namespace.pings(far.address4) && far.namespace.pings(near.address4));
      assert.equal((await near.transfer(far.address4, 2, 1_000_000)).intact, 2);
      blockUdp(blocked);
      await until(async () => (await endpointOf(blocked)).startsWith("tcp/"));
      await until(() => near.namespace.pings(far.address4));
      await until(() => far.namespace.pings(near.address4));
    }),
  { skip, limit, once: "the kernel drops, and what is tried does not depend on the runtime" },
);
