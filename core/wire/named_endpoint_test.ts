import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { namedEndpoint, parseNamedEndpoint } from "./named_endpoint.ts";

test("named endpoints are IP literals in canonical form and names in lower case", () => {
  assert.deepEqual(parseNamedEndpoint("[2001:DB8:0:0::1]:6783"), {
    host: "2001:db8::1",
    port: 6783,
    isLiteral: true,
  });
  assert.deepEqual(parseNamedEndpoint("[::ffff:192.0.2.1]:1"), {
    host: "192.0.2.1",
    port: 1,
    isLiteral: true,
  });
  assert.deepEqual(parseNamedEndpoint("Mesh-1.Example.NET.:65535"), {
    host: "mesh-1.example.net",
    port: 65_535,
    isLiteral: false,
  });
});

test("text that is neither is refused", () => {
  const longLabel = "a".repeat(64);
  const wrong = [
    "",
    "host",
    "host:",
    ":6783",
    "host:0",
    "host:65536",
    "host:06783",
    "ho st:1",
    "2001:db8::1:6783",
  ]
    .concat([
      "192.0.2:1",
      "192.0.2.256:1",
      "192.0.2.01:1",
      "[mesh]:1",
      "[beef]:1",
      "-a:1",
      "a-:1",
      "a..b:1",
      "http://a:1",
    ])
    .concat([`${longLabel}:1`, `${"a.".repeat(127)}a:1`, "[2001:db8::1]", "ä:1"]);
  for (const text of wrong) assert.equal(parseNamedEndpoint(text), undefined, text);
});

test("of its parts an endpoint is what it is of its text", () => {
  assert.deepEqual(namedEndpoint("2001:DB8::1", 1), parseNamedEndpoint("[2001:db8::1]:1"));
  assert.deepEqual(namedEndpoint("Mesh.", 65_535), parseNamedEndpoint("mesh:65535"));
  for (const port of [0, -1, 1.5, NaN, 65_536]) assert.equal(namedEndpoint("mesh", port), undefined);
});
