/** A host behind a router that forgets: with the real program, and the kernel's own address translation. */
import assert from "node:assert/strict";
import { until } from "../../examples/lab/lab.ts";
import type { LabHost } from "../../examples/lab/lab_host.ts";
import { NatRouter } from "../../examples/lab/nat_router.ts";
import { test } from "../harness.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

const forgetsAfter = 1;

/** A keepalive is due five seconds after the last packet; the rest is for machines that are busy. */
const longestSilenceMillis = 8000;

/** Where the node sees the other one. */
async function endpointSeen({ admin }: LabHost): Promise<string> {
  return (await admin.connections())[0]!.endpoint!;
}

test(
  "who sits behind a router that forgets is reached again from outside by a keepalive, and reaches out at once",
  () =>
    inLab(async (lab) => {
      const [outside] = await lab.network("b");
      const name = `${lab.prefix}-router`;
      const router = new NatRouter({ name, underlay: lab.underlay, forgetsAfter });
      const inside = lab.host("a", router);
      const { token } = await outside!.admin.createToken();
      await inside.join(token);
      await lab.meshed();
      const [near, far] = await Promise.all([inside.container(), outside!.container()]);
      assert.equal((await near.transfer(far.address6, 2, 200_000)).intact, 2);
      assert.equal((await far.transfer(near.address4, 2, 200_000)).intact, 2);
      const first = await endpointSeen(outside!);
      assert.ok(first.startsWith(`${router.address}:`), first);

      await until(() => router.flows === 0);
      const asked = Date.now();
      assert.ok(far.namespace.pings(near.address4, 20), "from outside");
      assert.ok(Date.now() - asked < longestSilenceMillis, `${Date.now() - asked} ms`);
      const second = await endpointSeen(outside!);
      assert.ok(second.startsWith(`${router.address}:`) && second !== first, `${first}, then ${second}`);

      await until(() => router.flows === 0);
      assert.ok(near.namespace.pings(far.address6, 1), "from inside, at the first try");
      assert.notEqual(await endpointSeen(outside!), second);
      assert.ok(far.namespace.pings(near.address6, 1), "and back, while it is known");
    }),
  { skip, limit, once: "it waits for a kernel to forget, and says the same on both" },
);
