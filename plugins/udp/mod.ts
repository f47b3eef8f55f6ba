/**
 * Datagrams of the underlay over UDP, IPv4 and IPv6 on one socket.
 *
 * ```ts
 * import { udp } from "./mod.ts";
 *
 * const plugin = udp({ listen: "0.0.0.0:6783" });
 * console.log(plugin.slot, plugin.name); // transport udp
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { parseEndpoint } from "../../core/wire/endpoint.ts";
import { type UdpHost, UdpTransport } from "./udp_transport.ts";

const config = z.strictObject({
  listen: z.string()
    .refine((text) => parseListen(text) !== undefined, {
      error: ({ input }) => `expected address:port or [IPv6]:port, got ${JSON.stringify(input)}`,
    })
    .default("[::]:6783")
    .describe(
      "Address and port of the socket; [::] is every address of both families, port 0 any free port.",
    ),
});

export const udp = definePlugin({
  slot: "transport",
  name: "udp",
  config,
  create: ({ listen }, host: UdpHost) => new UdpTransport(parseListen(listen)!, host),
});

function parseListen(text: string): Endpoint | undefined {
  return parseEndpoint(text, { allowPortZero: true });
}
