/** A host whose address is replaced while its node runs, as when it changes networks. */
import assert from "node:assert/strict";
import { until } from "../../examples/lab/lab.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { inLab, limit, skip } from "../hosts/lab_fixture.ts";
import { test } from "../harness.ts";

const options = { rootless: true };
const nextAddress = "198.51.100.77";
/** In silence a node asks its peers for a sign of life after five seconds; gossip sends something every second. */
const mostMillis = 5_000;

async function sessionOf(host: LabHost, to: LabHost) {
  const connections = await host.admin.connections();
  return connections.find(({ name, state }) => name === to.name && state === "established");
}

test(
  "a session follows a host that gets another address within five seconds",
  () =>
    inLab(async (lab) => {
      const [stays, moves] = [lab.host("stays"), lab.host("moves")];
      // One family: else the other one is the way that stays.
      for (const { namespace, cable } of [stays, moves]) {
        namespace.ip(`addr del ${cable.address6}/64 dev eth0`);
      }
      await stays.launch(options);
      await moves.join((await stays.admin.createToken()).token, options);
      await until(async () => await sessionOf(stays, moves) !== undefined);
      const start = Date.now();
      moves.namespace.ip(
        `addr del ${moves.cable.address4}/24 dev eth0`,
        `addr add ${nextAddress}/24 dev eth0`,
      );
      await until(async () => (await sessionOf(stays, moves))?.endpoint === `${nextAddress}:6783`);
      const millis = Date.now() - start;
      assert.equal((await sessionOf(moves, stays))?.endpoint, `${stays.cable.address4}:6783`);
      assert.ok(millis < mostMillis, `${millis} ms`);
    }),
  { skip, limit, once: "it is about the kernel's addresses, and says the same on both" },
);
