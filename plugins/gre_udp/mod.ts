/**
 * Encapsulation `gre_udp`: GRE in UDP (RFC 8086) in plaintext, for devices that speak nothing else and that the
 * configuration lists.
 *
 * ```ts
 * import { greUdp } from "./mod.ts";
 *
 * const router = { name: "router-1", endpoint: "198.51.100.9:4754", prefixes: ["192.168.7.0/24"] };
 * const plugin = greUdp({ peers: [router] });
 * console.log(plugin.slot, plugin.name); // encapsulation gre_udp
 * ```
 */
import { z } from "zod";
import type { Host } from "../../core/contracts/host.ts";
import { definePlugin } from "../../core/contracts/plugin.ts";
import { deviceList, deviceOf } from "./device.ts";
import { GreUdpMachine } from "./machine.ts";

export { GreUdpMachine } from "./machine.ts";

const config = z.strictObject({
  peers: deviceList.describe("The devices to serve, each with the prefixes behind it"),
});

type GreUdpHost = Pick<Host, "drops">;

export const greUdp = definePlugin<
  "encapsulation",
  z.input<typeof config>,
  z.output<typeof config>,
  GreUdpHost
>({
  slot: "encapsulation",
  name: "gre_udp",
  config,
  create: ({ peers }, { drops }) => new GreUdpMachine(peers.map(deviceOf), drops),
});
