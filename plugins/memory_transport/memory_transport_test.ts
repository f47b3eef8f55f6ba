import assert from "node:assert/strict";
import type { Host } from "../../core/contracts/host.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { testTransport } from "../../tests/conformance/transport.ts";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { SimNetwork } from "../../tests/sim/network.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { memoryTransport } from "./mod.ts";

testTransport({
  name: "memory_transport",
  nobody: { host: "192.0.2.250", port: 6783 },
  bed: () => {
    const clock = new SimClock();
    const network = new SimNetwork({ clock, random: new SimRandom(1) });
    let made = 0;
    const createAt = (endpoint: Endpoint, host: Pick<Host, "drops" | "log">) =>
      memoryTransport({ network, endpoint }).create(host);
    return {
      create: (host) => createAt({ host: `192.0.2.${++made}`, port: 6783 }, host),
      createAt,
      settle: (promise) => clock.complete(promise),
    };
  },
});

test("a network that is none, and an endpoint that is none, are configuration errors with a path", () => {
  const network = new SimNetwork({ clock: new SimClock(), random: new SimRandom(1) });
  assert.throws(
    () => memoryTransport({ network: {} as never, endpoint: { host: "192.0.2.1", port: 1 } }),
    { code: "CONFIG_INVALID", message: /^memory_transport\.network: expected a memory network/ },
  );
  assert.throws(
    () => memoryTransport({ network, endpoint: { host: "example.org", port: 0 } }),
    {
      code: "CONFIG_INVALID",
      message: /^memory_transport\.endpoint\.host: .*\nmemory_transport\.endpoint\.port: /,
    },
  );
});
