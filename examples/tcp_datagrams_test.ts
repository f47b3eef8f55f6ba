import assert from "node:assert/strict";
import { test, testTransport } from "selvage/testing";
import { formatEndpoint } from "selvage";
import { plugin } from "./tcp_datagrams.ts";

testTransport({
  name: "tcp_datagrams",
  nobody: { host: "127.0.0.1", port: 9 },
  skip: ["streams"],
  bed: () => ({
    create: (host) => plugin({ listen: "127.0.0.1:0" }).create(host),
    createAt: (endpoint, host) => plugin({ listen: formatEndpoint(endpoint) }).create(host),
    settle: (promise) => promise,
  }),
});

test("tcp_datagrams: an address that is none is refused before anything starts", () => {
  assert.throws(() => plugin({ listen: "localhost" }), {
    code: "CONFIG_INVALID",
    message: 'tcp_datagrams.listen: expected address:port, got "localhost"',
  });
});
