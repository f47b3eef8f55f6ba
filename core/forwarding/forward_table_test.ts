/** The decisions of `forward.ts` for every kind of source, destination, sender and flag, against its rules in prose. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import type { Route } from "../contracts/ipam.ts";
import type { PeerId } from "../contracts/values.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { type Decision, forwardFromMesh, forwardFromPort, type ForwardingView } from "./forward.ts";
import { RangeTable } from "./range_table.ts";

const [us, founder, other, device] = ["us", "founder", "other", "device"] as PeerId[] as [
  PeerId,
  PeerId,
  PeerId,
  PeerId,
];
const routes: readonly Route[] = [
  { prefix: parsePrefix("10.32.0.0/16")!, owner: founder },
  { prefix: parsePrefix("10.32.4.0/24")!, owner: us, grantedBy: founder },
  { prefix: parsePrefix("10.32.5.0/24")!, owner: other, grantedBy: founder },
  { prefix: parsePrefix("192.0.2.0/24")!, owner: device, isDevice: true },
];
/** By what it stands for. */
const places = {
  held: "10.32.4.1",
  free: "10.32.4.9",
  founders: "10.32.0.1",
  others: "10.32.5.1",
  devices: "192.0.2.7",
  nobodys: "198.51.100.1",
} as const;
type Place = keyof typeof places;
const owners: Readonly<Record<Place, PeerId | undefined>> = {
  held: us,
  free: us,
  founders: founder,
  others: other,
  devices: device,
  nobodys: undefined,
};
const view: ForwardingView = {
  self: us,
  routes: new RangeTable(routes),
  holds: (address) => formatAddress(address) === places.held,
};
const packet = (source: Place, destination: Place) => ({
  source: parseAddress(places[source])!,
  destination: parseAddress(places[destination])!,
});
const allPlaces = Object.keys(places) as Place[];

/** The rules one by one, the first that applies decides. */
function expectedFromMesh(source: Place, destination: Place, from: PeerId, forwarded: boolean): string {
  const [origin, owner] = [owners[source], owners[destination]];
  const isGrantor = owner === us && from === founder || owner === other && from === founder;
  if (origin === undefined || origin === us) return "badSource";
  if (origin !== from && !(forwarded && isGrantor && origin !== device)) return "badSource";
  if (destination === "held") return "local";
  if (owner === undefined) return "notOurs";
  if (owner === us) return "unreachable";
  if (origin === device || owner === device) return "notOurs";
  return forwarded || owner === from ? "loop" : `${owner}, flagged`;
}

function expectedFromPort(source: Place, destination: Place): string {
  const owner = owners[destination];
  if (source !== "held") return "badSource";
  if (destination === "held") return "local";
  if (owner === undefined) return "noRoute";
  return owner === us ? "unreachable" : owner;
}

const dropNames = new Map<Drop, string>(Object.entries(Drop).map(([name, drop]) => [drop, name]));

function nameOf(decision: Decision): string {
  if (decision.to === "nowhere") return dropNames.get(decision.drop)!;
  if (decision.to !== "peer") return decision.to;
  assert.equal(typeof decision.forwarded, "boolean");
  return decision.forwarded ? `${decision.peer}, flagged` : decision.peer;
}

test("every packet from the mesh is decided as the rules say", () => {
  const seen = new Set<string>();
  for (const source of allPlaces) {
    for (const destination of allPlaces) {
      for (const from of [founder, other, device, us]) {
        for (const forwarded of [false, true]) {
          const decision = nameOf(forwardFromMesh(packet(source, destination), from, forwarded, view));
          const what = `${source} to ${destination} from ${from}${forwarded ? ", flagged" : ""}`;
          assert.equal(decision, expectedFromMesh(source, destination, from, forwarded), what);
          seen.add(decision);
        }
      }
    }
  }
  assert.deepEqual([...seen].sort(), [
    ...["badSource", "founder, flagged", "local", "loop", "notOurs", "other, flagged", "unreachable"],
  ]);
});

test("every packet from a local port is decided as the rules say", () => {
  for (const source of allPlaces) {
    for (const destination of allPlaces) {
      const decision = nameOf(forwardFromPort(packet(source, destination), view));
      assert.equal(decision, expectedFromPort(source, destination), `${source} to ${destination}`);
    }
  }
});

test("a flagged packet to an address without a route is refused like any other lie about its source", () => {
  const decision = forwardFromMesh(packet("others", "nobodys"), founder, true, view);
  assert.deepEqual(decision, { to: "nowhere", drop: Drop.badSource });
});
