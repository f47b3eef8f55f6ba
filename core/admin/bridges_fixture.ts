/** Bridges made of constants, for the tests of the API. */
import type { BridgeAdmin, BridgeStatus, ForeignDeviceStatus } from "../contracts/bridging.ts";
import { MeshError } from "../contracts/errors.ts";

export const bridgeStatus: BridgeStatus = { device: "br0", port: "join1", state: "open", until: null };
export const foreignDevice: ForeignDeviceStatus = {
  mac: "52:54:00:00:00:01",
  addresses: ["192.168.50.1"],
  node: "web-1",
  isUsed: true,
};

/** `note` hears of every call first, and may throw. */
export function bridgesFixture(note: (call: string, ...given: unknown[]) => void): BridgeAdmin {
  return {
    // deno-lint-ignore require-await -- a throw must become a rejection
    attach: async (device) => {
      note("bridges.attach", device);
      return bridgeStatus;
    },
    // deno-lint-ignore require-await -- as above
    detach: async (device) => {
      note("bridges.detach", device);
      if (device !== "br0") throw new MeshError("NOT_FOUND", `No bridge "${device}" is attached`);
    },
    list: () => {
      note("bridges.list");
      return [bridgeStatus];
    },
    devices: () => [foreignDevice],
  };
}
