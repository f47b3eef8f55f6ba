import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { MemoryHost } from "../../tests/sim/memory_links.ts";
import type { LinkPort } from "../contracts/port.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { refuseOverlap } from "./founding_range.ts";

const { signal } = new AbortController();
const range = parsePrefix("10.32.0.0/12")!;

function portOn(...routes: readonly string[]): LinkPort {
  const port = new MemoryHost().plugin().create(undefined as never) as unknown as LinkPort;
  return Object.assign(port, { host: { overlaps: () => Promise.resolve(routes) } });
}

test("the default range is refused where the host has a route in it, and says which and what to do", async () => {
  await refuseOverlap(portOn(), { networkName: "a", range, isDefaultRange: true }, signal);
  await assert.rejects(
    refuseOverlap(portOn("10.40.0.0/16 dev up0"), { networkName: "a", range, isDefaultRange: true }, signal),
    {
      code: "INVALID_ARGUMENT",
      message:
        "Cannot found the network: the host's route 10.40.0.0/16 dev up0 overlaps with the default range " +
        "10.32.0.0/12; choose another with --range, or say --range 10.32.0.0/12 to take it all the same",
    },
  );
});

test("a range that was chosen is taken, and a rootless node has no route of the host to look at", async () => {
  await refuseOverlap(portOn("10.40.0.0/16 dev up0"), { networkName: "a", range }, signal);
  await refuseOverlap(undefined, { networkName: "a", range, isDefaultRange: true }, signal);
  const links = new MemoryHost().plugin().create(undefined as never) as unknown as LinkPort;
  await refuseOverlap(links, { networkName: "a", range, isDefaultRange: true }, signal);
});
