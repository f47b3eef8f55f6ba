import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { testTransport } from "../../tests/conformance/transport.ts";
import { tcp } from "./mod.ts";

for (const loopback of ["127.0.0.1", "[::1]"]) {
  testTransport({
    name: `tcp on ${loopback}`,
    nobody: { host: loopback.replace(/[[\]]/g, ""), port: 9 },
    skip: ["datagrams"],
    bed: () => ({
      create: (host) => tcp({ listen: `${loopback}:0` }).create(host),
      createAt: (endpoint, host) => tcp({ listen: formatEndpoint(endpoint) }).create(host),
      settle: (promise) => promise,
    }),
  });
}
