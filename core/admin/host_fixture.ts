/** A host made of constants, for the tests of the API. */
import { MeshError } from "../contracts/errors.ts";
import type { HostAdmin, HostStatus } from "../contracts/exposure.ts";

export const hostStatus: HostStatus = {
  device: "selvage0",
  name: "gateway",
  addresses: ["10.32.0.9/12"],
  masquerade: true,
  randomFully: false,
  noMasqLocal: false,
  services: [
    { kind: "export", protocol: "tcp", listen: "0.0.0.0:8080", target: "10.32.0.5:80", state: "active" },
  ],
  changes: [
    {
      tool: "iptables-nft",
      place: "DOCKER-USER",
      what: "-i selvage0 -m comment --comment selvage -j ACCEPT",
    },
  ],
  restored: 0,
  problems: [],
};

/** `note` hears of every call first, and may throw. */
export function hostFixture(note: (call: string, ...given: unknown[]) => void): HostAdmin {
  return {
    // deno-lint-ignore require-await -- a throw must become a rejection
    expose: async (request) => {
      note("host.expose", request);
      return hostStatus;
    },
    // deno-lint-ignore require-await -- as above
    hide: async (addresses) => {
      note("host.hide", addresses);
      return hostStatus.addresses;
    },
    status: () => {
      note("host.status");
      return hostStatus;
    },
    // deno-lint-ignore require-await -- as above
    putService: async (request) => {
      note("host.putService", request);
      return hostStatus.services[0]!;
    },
    // deno-lint-ignore require-await -- as above
    removeService: async (protocol, listen) => {
      note("host.removeService", protocol, listen);
      if (listen === "0.0.0.0:8080") return;
      throw new MeshError(
        "NOT_FOUND",
        `No service listens at ${protocol} ${listen}; see \`selvage service ls\``,
      );
    },
  };
}
