/** Five hosts in a row, of which only neighbours see each other: with the real program. */
import assert from "node:assert/strict";
import { type Lab, until } from "../../examples/lab/lab.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { test } from "../harness.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

/** What the hosts that are no neighbours of `host` send to it is dropped in silence. */
function hearNeighboursOnly(host: LabHost, hosts: readonly LabHost[]): void {
  const place = hosts.indexOf(host);
  const far = hosts.filter((other, i) => other !== host && Math.abs(i - place) > 1);
  host.namespace.nft(
    "add table inet row",
    "add chain inet row input { type filter hook input priority -300; }",
    `add rule inet row input ip saddr { ${far.map(({ cable }) => cable.address4).join(", ")} } drop`,
    `add rule inet row input ip6 saddr { ${far.map(({ cable }) => cable.address6).join(", ")} } drop`,
  );
}

/** Each joins with a token of the one before it. */
async function row(lab: Lab, names: string): Promise<readonly LabHost[]> {
  const hosts = [...names].map((name) => lab.host(name));
  for (const host of hosts) hearNeighboursOnly(host, hosts);
  await hosts[0]!.launch();
  for (const [i, host] of hosts.slice(1).entries()) {
    await host.join((await hosts[i]!.admin.createToken()).token);
  }
  await lab.meshed();
  return hosts;
}

test(
  "in a row of five containers at both ends talk over the three in between, and status names them",
  () =>
    inLab(async (lab) => {
      const hosts = await row(lab, "abcde");
      const [a, e] = [hosts[0]!, hosts[4]!];
      await until(async () => {
        const far = (await a.admin.peers()).find(({ name }) => name === "e");
        return far?.way?.via.map(({ name }) => name).join() === "b,c,d";
      });
      const [from, to] = await Promise.all([a.container(), e.container()]);
      await until(() => from.namespace.pings(to.address4));
      await until(() => to.namespace.pings(from.address6));
      assert.equal((await from.transfer(to.address4, 1, 200_000)).intact, 1);
      assert.match(a.cli("status", "peers").out, /\(e\) +up.* +over b,c,d /);
      assert.match(a.cli("status", "links").out, /^ {3}(->|<-) \S+ +\S+\(d\) +established/m);
    }),
  { skip, limit, once: "five nodes, and what it is about is the same on both" },
);
