import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "../../tests/harness.ts";
import { hostName } from "./hostname.ts";
import { interfaceAddresses } from "./interfaces.ts";
import { runtimeName } from "./runtime_name.ts";

test("interface addresses are IP literals of the family they claim, IPv4 first", () => {
  const addresses = interfaceAddresses();
  for (const { host, family } of addresses) assert.equal(isIP(host), family, host);
  const families = addresses.map(({ family }) => family);
  assert.deepEqual(families, [...families].sort());
});

test("loopback is internal and fe80:: is link-local", () => {
  for (const { host, internal, linkLocal } of interfaceAddresses()) {
    if (host === "127.0.0.1" || host === "::1") {
      assert.deepEqual({ internal, linkLocal }, { internal: true, linkLocal: false });
    }
    if (host.startsWith("fe80:")) assert.equal(linkLocal, true);
  }
});

test("the machine has a name", () => {
  assert.match(hostName(), /^\S+$/);
});

test("the runtime is named with its own version", () => {
  const deno = (globalThis as { Deno?: { version: { deno: string } } }).Deno;
  if (deno) assert.equal(runtimeName(), `deno ${deno.version.deno}`);
  else assert.match(runtimeName(), /^node \d+\.\d+\.\d+$/);
});
