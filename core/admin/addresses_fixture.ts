/** Addresses made of constants, for the tests of the API. */
import type { AddressAdmin, AddressOrigin } from "../contracts/addresses.ts";
import { MeshError } from "../contracts/errors.ts";
import type { IpamStatus } from "../contracts/node.ts";
import type { PeerId } from "../contracts/values.ts";

export function ipamOf(self: PeerId, other: PeerId): IpamStatus {
  return {
    state: "ready",
    ranges: ["10.32.0.0/12", "fd5a:1b2c:3d4e::/48"],
    leases: [
      { owner: "node", address: "10.32.0.1/12" },
      { owner: "node", address: "fd5a:1b2c:3d4e::1/48" },
    ],
    shares: [
      {
        peer: self,
        name: "web-1",
        ranges: ["10.32.0.0/13"],
        share4: 0.5,
        share6: 0.5,
        reachable: true,
        liveness: null,
        active: 2,
      },
      {
        peer: other,
        name: "web-2",
        ranges: ["10.40.0.0/13"],
        share4: 0.5,
        share6: 0.5,
        reachable: false,
        liveness: "dead",
        active: null,
      },
    ],
    waiting: [],
  };
}

export const takenOver = { ranges: ["10.40.0.0/13"], addresses: 524_288 };

const peer = "b5wq3n7zs4u6m5yx2k6bye3vdj7qgh4t" as PeerId;
const origin: AddressOrigin = {
  address: "10.40.0.7",
  peer,
  name: "web-2",
  owner: null,
  steps: [{ range: "10.40.0.0/13", peer, name: "web-2", grantedBy: null }],
  way: null,
};

/** `note` hears of every call first, and may throw. The owner `web` has an address, `gone` is a container that has ended. */
export function addressesFixture(note: (call: string, ...given: unknown[]) => void): AddressAdmin {
  return {
    list: () => {
      note("addresses.list");
      return [{ owner: "web", kind: "external", addresses: ["10.32.0.9/12"] }];
    },
    of: (owner, subnet) => {
      if (owner !== "web") return [];
      return subnet === undefined ? ["10.32.0.9/12", "10.32.2.1/24"] : ["10.32.2.1/24"];
    },
    // deno-lint-ignore require-await -- a throw must become a rejection
    allocate: async (request, signal) => {
      note("addresses.allocate", request);
      if (signal.aborted) throw new MeshError("TIMEOUT", "Cannot give an address: nobody waits for it");
      return request.subnet === undefined ? "10.32.0.9/12" : "10.32.2.1/24";
    },
    // deno-lint-ignore require-await -- as above
    claim: async (owner, address) => {
      note("addresses.claim", owner, address);
      if (address === "10.32.0.1") {
        throw new MeshError("ADDRESS_TAKEN", `Cannot claim ${address}: it is in use`);
      }
      if (address === "192.0.2.1") {
        throw new MeshError("INVALID_ARGUMENT", `${address} is not of the network`);
      }
      return `${address}/12`;
    },
    // deno-lint-ignore require-await -- as above
    release: async (owner, address) => {
      note("addresses.release", owner, address);
      if (owner === "nobody") throw new MeshError("NOT_FOUND", 'Cannot release: "nobody" has no addresses');
      return ["10.32.0.9/12"];
    },
    // deno-lint-ignore require-await -- as above
    keep: async (owners) => {
      note("addresses.keep", owners);
      return ["web"];
    },
    isGone: (owner) => Promise.resolve(owner === "gone"),
    why: (address) => {
      note("addresses.why", address);
      return origin;
    },
    // deno-lint-ignore require-await -- as above
    move: async (address, to) => note("addresses.move", address, to),
    // deno-lint-ignore require-await -- as above
    takeOver: async ({ peer: name, force = false }) => {
      note("addresses.takeOver", name, force);
      return { peer, ...takenOver };
    },
    defaultSubnets: () => ["10.32.0.0/12", "fd5a:1b2c:3d4e::/48"],
  };
}
