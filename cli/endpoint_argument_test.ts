import assert from "node:assert/strict";
import { test } from "../tests/harness.ts";
import { parseEndpointArgument, resolveEndpoints } from "./endpoint_argument.ts";

test("an endpoint is a host with or without a port, in every form that people type", () => {
  const forms: readonly (readonly [string, string, number])[] = [
    ["host1", "host1", 6783],
    ["mesh.example.net:7000", "mesh.example.net", 7000],
    ["selvage-a", "selvage-a", 6783],
    ["192.0.2.7", "192.0.2.7", 6783],
    ["192.0.2.7:1", "192.0.2.7", 1],
    ["2001:db8::7", "2001:db8::7", 6783],
    ["[2001:db8::7]", "2001:db8::7", 6783],
    ["[2001:db8::7]:65535", "2001:db8::7", 65_535],
  ];
  for (const [text, ...parts] of forms) {
    const { host, port, isLiteral } = parseEndpointArgument(text);
    assert.deepEqual([host, port], parts, text);
    assert.equal(isLiteral, /^[\d[]|::/.test(text), text);
  }
});

test("what is no endpoint is refused before anything is asked of the network", () => {
  const wrong = [
    "",
    ":6783",
    "host:",
    "host:0",
    "host:65536",
    "a b",
    "10.0.0",
    "10.0.0.256",
    "http://host",
    "[host]:1",
    "[beef]:1",
  ];
  for (const text of [...wrong, "-host", "host..net", "[::1", "::1]:2", "a:b:c"]) {
    assert.throws(() => parseEndpointArgument(text), { code: "INVALID_ARGUMENT" }, text);
  }
});

test("literals become canonical endpoints without a name server", async () => {
  assert.deepEqual(await resolveEndpoints(["192.0.2.7:7", "[2001:DB8:0::7]"]), [
    { host: "192.0.2.7", port: 7 },
    { host: "2001:db8::7", port: 6783 },
  ]);
});
