import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Datagrams } from "../contracts/transport.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { outside } from "./outside_datagrams.ts";

test("endpoints in the network's own range are not told to anybody, once there is a network", () => {
  const hosts = ["192.0.2.1", "10.32.0.9", "fd00::9", "2001:db8::1"];
  const datagrams: Datagrams = {
    localEndpoints: () => hosts.map((host) => ({ host, port: 6783 })),
    send: () => true,
    receive: () => {},
  };
  const told = (...ranges: readonly string[]) => {
    const prefixes = ranges.map((range) => parsePrefix(range)!);
    return outside(datagrams, () => ranges.length === 0 ? undefined : prefixes).localEndpoints()
      .map(({ host }) => host);
  };
  assert.deepEqual(told(), hosts);
  assert.deepEqual(told("10.32.0.0/12", "fd00::/48"), ["192.0.2.1", "2001:db8::1"]);
  assert.deepEqual(told("10.64.0.0/12"), hosts);
});
