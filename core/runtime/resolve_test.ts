import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "../../tests/harness.ts";
import { resolveHost } from "./resolve.ts";

test("an IP literal stands for itself", async () => {
  assert.deepEqual(await resolveHost("192.0.2.7"), ["192.0.2.7"]);
  assert.deepEqual(await resolveHost("2001:db8::7"), ["2001:db8::7"]);
});

test("localhost resolves to loopback literals without repeats", async () => {
  const hosts = await resolveHost("localhost");
  assert.ok(hosts.length > 0 && hosts.every((host) => isIP(host) !== 0));
  assert.ok(hosts.includes("127.0.0.1") || hosts.includes("::1"));
  assert.equal(new Set(hosts).size, hosts.length);
});

test("a name that cannot be resolved is UNREACHABLE and named in the message", async () => {
  const expected = { code: "UNREACHABLE", message: /^Cannot resolve "bad\.\.name": .+IP address$/ };
  await assert.rejects(resolveHost("bad..name"), expected);
});
