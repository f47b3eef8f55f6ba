import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { endpointFromBytes, endpointToBytes } from "./endpoint_bytes.ts";

test("an IPv4 endpoint takes 6 bytes and an IPv6 endpoint 18", () => {
  assert.deepEqual(
    endpointToBytes({ host: "192.0.2.1", port: 6783 }),
    Uint8Array.of(192, 0, 2, 1, 0x1a, 0x7f),
  );
  assert.equal(endpointToBytes({ host: "2001:db8::1", port: 1 }).length, 18);
});

test("endpoints survive the way to bytes and back in canonical form", () => {
  for (const host of ["192.0.2.1", "2001:db8::1", "::1"]) {
    assert.deepEqual(endpointFromBytes(endpointToBytes({ host, port: 65_535 })), { host, port: 65_535 });
  }
  const mapped = endpointToBytes({ host: "::ffff:192.0.2.1", port: 7 });
  assert.deepEqual(endpointFromBytes(mapped), { host: "192.0.2.1", port: 7 });
});

test("a name, a missing port and a port out of range are not written", () => {
  for (const [host, port] of [["example.org", 1], ["192.0.2.1", 0], ["::1", 65_536], ["::1", 1.5]] as const) {
    assert.throws(() => endpointToBytes({ host, port }), { code: "INVALID_ARGUMENT" });
  }
});

test("bytes of another length and port 0 are no endpoint", () => {
  for (const length of [0, 1, 2, 5, 7, 17, 19]) {
    assert.equal(endpointFromBytes(new Uint8Array(length).fill(1)), undefined);
  }
  assert.equal(endpointFromBytes(Uint8Array.of(192, 0, 2, 1, 0, 0)), undefined);
});
