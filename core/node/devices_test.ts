import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { FixedPeer } from "../contracts/encapsulation.ts";
import type { Route, RouteSource } from "../contracts/ipam.ts";
import type { PeerId } from "../contracts/values.ts";
import { formatPrefix, parsePrefix } from "../wire/prefix.ts";
import { Devices, MeshRoutes } from "./devices.ts";

function device(name: string, ...prefixes: readonly string[]): FixedPeer {
  const endpoint = { host: "198.51.100.9", port: 4754 };
  return { id: name as PeerId, name, endpoint, prefixes: prefixes.map((text) => parsePrefix(text)!) };
}

const ranges = ["10.32.0.0/12", "fd12::/48"].map((text) => parsePrefix(text)!);
const shown = (routes: Iterable<Route>) =>
  [...routes].map(({ prefix, owner, isDevice }) =>
    `${formatPrefix(prefix)} ${owner}${isDevice ? " device" : ""}`
  );

test("prefixes outside of the network's ranges are routed to their device, as routes that go no further", () => {
  const devices = new Devices([
    device("one", "192.168.7.0/24", "2001:db8::/32"),
    device("two", "10.48.0.0/12"),
  ]);
  assert.deepEqual(shown(devices.routes(ranges)), [
    "192.168.7.0/24 one device",
    "2001:db8::/32 one device",
    "10.48.0.0/12 two device",
  ]);
  assert.deepEqual(devices.refused(ranges), []);
  assert.deepEqual([devices.has("two" as PeerId), devices.has("three" as PeerId)], [true, false]);
});

test("a prefix inside, around or equal to a range of the network is not routed, and is reported with the range", () => {
  const inside = ["10.40.0.0/24", "10.0.0.0/8", "10.32.0.0/12", "fd12:0:0:7::/64"];
  const devices = new Devices([device("one", "192.168.7.0/24", ...inside)]);
  assert.deepEqual(shown(devices.routes(ranges)), ["192.168.7.0/24 one device"]);
  const refused = devices.refused(ranges).map((
    { prefix, range },
  ) => [formatPrefix(prefix), formatPrefix(range)]);
  assert.deepEqual(refused, [
    ["10.40.0.0/24", "10.32.0.0/12"],
    ["10.0.0.0/8", "10.32.0.0/12"],
    ["10.32.0.0/12", "10.32.0.0/12"],
    ["fd12:0:0:7::/64", "fd12::/48"],
  ]);
});

test("devices of two encapsulations that share a name or a prefix are refused, naming it", () => {
  const make = (...devices: readonly FixedPeer[]) => () => new Devices(devices);
  const name = { code: "CONFIG_INVALID", message: /device "one" is listed twice/ };
  assert.throws(make(device("one", "192.168.7.0/24"), device("one", "192.168.8.0/24")), name);
  assert.throws(make(device("one", "192.168.7.0/24"), device("ONE", "192.168.8.0/24")), name);
  const same = { ...device("two", "192.168.8.0/24"), id: "one" as PeerId };
  const id = { code: "CONFIG_INVALID", message: /device id one is listed twice/ };
  assert.throws(make(device("one", "192.168.7.0/24"), same), id);
  const prefix = { code: "CONFIG_INVALID", message: /prefix 192\.168\.7\.0\/24 is listed twice/ };
  assert.throws(make(device("one", "192.168.7.0/24"), device("two", "192.168.7.0/24")), prefix);
});

test("devices have routes once it is known what the network spans, and the version tells of both sources", () => {
  let [version, known] = [7, false];
  const ring: Pick<RouteSource, "routes" | "version"> = {
    routes: () => [{ prefix: ranges[0]!, owner: "founder" as PeerId }],
    version: () => version,
  };
  const devices = new Devices([device("one", "192.168.7.0/24")]);
  const routes = new MeshRoutes(ring, devices, () => known ? ranges : undefined);
  const versions = [routes.version()];
  assert.deepEqual(shown(routes.routes()), ["10.32.0.0/12 founder"]);
  known = true;
  versions.push(routes.version());
  assert.deepEqual(shown(routes.routes()), ["192.168.7.0/24 one device", "10.32.0.0/12 founder"]);
  version = 8;
  versions.push(routes.version());
  assert.deepEqual(versions.toSorted((a, b) => a - b), versions, "it only grows");
  assert.equal(new Set(versions).size, 3, "and with every change");
});
