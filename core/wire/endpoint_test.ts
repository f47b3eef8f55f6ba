import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import {
  canonicalEndpoint,
  canonicalHost,
  formatEndpoint,
  mergeEndpoints,
  parseEndpoint,
  sameEndpoint,
} from "./endpoint.ts";

const port = fc.integer({ min: 1, max: 65_535 });
const host = fc.oneof(fc.ipV4(), fc.ipV6());

test("every endpoint is written in one text that reads back as itself", () => {
  const property = fc.property(host, port, (text, number) => {
    const endpoint = canonicalEndpoint({ host: text, port: number });
    assert.ok(endpoint);
    assert.deepEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("both families are read and written canonically", () => {
  const examples = {
    "192.0.2.1:6783": { host: "192.0.2.1", port: 6783 },
    "[::1]:1": { host: "::1", port: 1 },
    "[2001:DB8:0:0::1]:65535": { host: "2001:db8::1", port: 65535 },
    "[::ffff:192.0.2.1]:6783": { host: "192.0.2.1", port: 6783 },
  };
  for (const [text, endpoint] of Object.entries(examples)) assert.deepEqual(parseEndpoint(text), endpoint);
  assert.equal(formatEndpoint({ host: "2001:DB8::0:1", port: 6783 }), "[2001:db8::1]:6783");
  assert.equal(formatEndpoint({ host: "::ffff:192.0.2.1", port: 6783 }), "192.0.2.1:6783");
});

test("names, missing brackets, zones, bad ports and spaces are refused", () => {
  const refused = [
    "",
    ":",
    ":6783",
    "192.0.2.1",
    "192.0.2.1:",
    "192.0.2.1:65536",
    "192.0.2.1:06783",
    "192.0.2.1:+1",
    "192.0.2.1:1 ",
    "192.0.2.1:1e3",
    "192.0.2.1:0x1",
    "192.0.2:1",
    "192.0.2.01:1",
    "[192.0.2.1]:1",
    "::1:6783",
    "[::1]",
    "[::1]6783",
    "[::1:6783",
    "[fe80::1%eth0]:1",
    "[::1]:99999",
    "[]:1",
    "[::g]:1",
    "localhost:1",
    "a.example:6783",
    "192.0.2.1:1\n",
  ];
  for (const text of refused) assert.equal(parseEndpoint(text), undefined, text);
});

test("port 0 is for listeners that ask for it", () => {
  assert.equal(parseEndpoint("0.0.0.0:0"), undefined);
  assert.equal(parseEndpoint("0.0.0.0:0", { allowPortZero: false }), undefined);
  assert.deepEqual(parseEndpoint("[::]:0", { allowPortZero: true }), { host: "::", port: 0 });
  assert.equal(parseEndpoint("[::]:00", { allowPortZero: true }), undefined);
});

test("any text either parses to a canonical endpoint or to nothing", () => {
  const pieces = fc.constantFrom(
    "[",
    "]",
    ":",
    "::",
    "1.2.3.4",
    "::ffff:",
    "fd00::7",
    "0",
    "6783",
    "65536",
    "%",
    ".",
    "x",
  );
  const property = fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
    const endpoint = parseEndpoint(parts.join(""));
    if (endpoint !== undefined) assert.deepEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint);
  });
  fc.assert(property, { seed: 1, numRuns: 10_000 });
});

test("endpoints are the same however their hosts are written", () => {
  assert.ok(sameEndpoint({ host: "::ffff:192.0.2.1", port: 1 }, { host: "192.0.2.1", port: 1 }));
  assert.ok(sameEndpoint({ host: "fd00:0::7", port: 1 }, { host: "FD00::7", port: 1 }));
  assert.ok(!sameEndpoint({ host: "192.0.2.1", port: 1 }, { host: "192.0.2.1", port: 2 }));
  assert.ok(!sameEndpoint({ host: "192.0.2.1", port: 1 }, { host: "192.0.2.2", port: 1 }));
  assert.ok(!sameEndpoint({ host: "a.example", port: 1 }, { host: "b.example", port: 1 }));
});

test("a host that is no literal has no canonical form and is printed as it is", () => {
  assert.equal(canonicalHost("a.example"), undefined);
  assert.equal(canonicalEndpoint({ host: "a.example", port: 1 }), undefined);
  assert.equal(formatEndpoint({ host: "a.example", port: 1 }), "a.example:1");
});

test("endpoints that are merged are there once, however they are written, and those known before come first", () => {
  const [a, b] = [{ host: "192.0.2.1", port: 1 }, { host: "2001:db8::1", port: 1 }];
  const known = [a];
  const merged = mergeEndpoints(known, [b, { host: "::ffff:192.0.2.1", port: 1 }, { ...a, port: 2 }, {
    ...b,
  }]);
  assert.deepEqual(merged, [a, b, { ...a, port: 2 }]);
  assert.deepEqual(known, [a], "nothing handed in is changed");
});
