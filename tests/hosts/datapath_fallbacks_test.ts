/** Nodes that carry packets without the thread of the data path, or without a library's ciphers. */
import assert from "node:assert/strict";
import type { Container } from "../../examples/lab/container.ts";
import type { Lab } from "../../examples/lab/lab.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { test } from "../harness.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

async function pair(lab: Lab, ...environments: readonly Record<string, string>[]): Promise<LabHost[]> {
  const hosts = environments.map((_, index) => lab.host("ab"[index]!));
  await hosts[0]!.launch({ environment: environments[0]! });
  const { token } = await hosts[0]!.admin.createToken();
  await hosts[1]!.join(token, { environment: environments[1]! });
  await lab.meshed();
  return hosts;
}

async function crossAll(from: Container, to: Container): Promise<void> {
  for (const address of [to.address4, to.address6]) {
    assert.ok(from.namespace.pings(address), `ping ${address}`);
    assert.equal((await from.transfer(address, 2, 1_000_000)).intact, 2, `TCP to ${address}`);
    assert.equal(await from.echo(address, 5, 1_200), 5, `UDP to ${address}`);
    // Of dozens of fragments the main thread may lose one when it is busy.
    assert.ok(await from.echo(address, 5, 60_000) > 0, `UDP in fragments to ${address}`);
  }
}

test(
  "a node told to do without the thread, and one with the portable cipher, carry the same, and say what they do",
  () =>
    inLab(async (lab) => {
      const [a, b] = await pair(lab, { SELVAGE_DATAPATH__USE: "main" }, { SELVAGE_DATAPATH__AEAD: "noble" });
      const [from, to] = await Promise.all([a!.container(), b!.container()]);
      const [main, noble] = [(await a!.admin.status()).datapath, (await b!.admin.status()).datapath];
      assert.deepEqual([main.path, main.reason, main.counters], ["main", "the configuration says so", null]);
      assert.deepEqual([noble.path, noble.ciphers.map(({ implementation }) => implementation)], [
        "worker",
        noble.ciphers.map(() => "noble"),
      ]);
      await crossAll(from, to);

      // What the device was made to take for the thread, the main thread must not be given.
      await b!.stop();
      await b!.launch({ environment: { SELVAGE_DATAPATH__USE: "main" } });
      assert.equal((await b!.admin.status()).datapath.path, "main");
      await crossAll(to, from);
    }),
  { skip, limit },
);
