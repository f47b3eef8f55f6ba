import assert from "node:assert/strict";
import { parsePrefix } from "../../../core/wire/prefix.ts";
import { test } from "../../../tests/harness.ts";
import { OverlapAlert, overlappingRoutes, type RouteLine } from "./route_overlap.ts";

const [four, six] = [parsePrefix("10.32.0.0/12")!, parsePrefix("fd00:1::/48")!];

test("a route overlaps in the range, around it and as one address of it; all else does not", () => {
  const routes: readonly RouteLine[] = [
    ...["default", "0.0.0.0/1", "10.48.0.0/12", "192.0.2.0/24", "fd00:1::/64"].map((dst) => ({
      dst,
      dev: "up0",
    })),
    { dst: "10.40.0.0/16", dev: "up0" },
    { dst: "10.32.7.1", dev: "tun0" },
    { dst: "10.0.0.0/8", dev: "up0" },
    { dst: "10.0.0.0/8", dev: "up0" },
    { dst: "10.32.0.0/12", dev: "selvage0" },
    { dst: "10.40.0.0/16", dev: "up0", type: "unreachable" },
    { dst: "10.41.0.0/16" },
    {},
  ];
  assert.deepEqual(overlappingRoutes(routes, four, "selvage0"), [
    "10.40.0.0/16 dev up0",
    "10.32.7.1 dev tun0",
    "10.0.0.0/8 dev up0",
  ]);
  assert.deepEqual(overlappingRoutes(routes, six, "selvage0"), ["fd00:1::/64 dev up0"]);
});

test("the alert is raised once for the same routes, again for others, and cleared with the last of them", () => {
  const told: unknown[] = [];
  const alert = new OverlapAlert(
    { emit: (name: string, event: object) => void told.push([name, event]) } as never,
  );
  for (
    const routes of [[], ["10.40.0.0/16 dev up0"], ["10.40.0.0/16 dev up0"], ["10.32.7.1 dev tun0"], [], []]
  ) {
    alert.note(routes, [four]);
  }
  const detail = (route: string) =>
    `the host has the route ${route} in the network's range 10.32.0.0/12; ` +
    "remove the route, or found the network with another range";
  assert.deepEqual(told, [
    ["alert:raised", { alert: "range-overlap", detail: detail("10.40.0.0/16 dev up0") }],
    ["alert:raised", { alert: "range-overlap", detail: detail("10.32.7.1 dev tun0") }],
    ["alert:cleared", { alert: "range-overlap" }],
  ]);
});
