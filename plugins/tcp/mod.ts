/**
 * Framed streams between members over TCP, encrypted, for what does not fit into datagrams; and datagrams in connections, for
 * networks that block UDP.
 *
 * ```ts
 * import { tcp } from "./mod.ts";
 *
 * const plugin = tcp({ listen: "0.0.0.0:6783" });
 * console.log(plugin.slot, plugin.name); // transport tcp
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { parseEndpoint } from "../../core/wire/endpoint.ts";
import { type TcpHost, TcpTransport } from "./tcp_transport.ts";

const count = (byDefault: number, meaning: string) =>
  z.int().min(1).max(65_536).default(byDefault).describe(meaning);

const config = z.strictObject({
  listen: z.string()
    .refine((text) => parseListen(text) !== undefined, {
      error: ({ input }) => `expected address:port or [IPv6]:port, got ${JSON.stringify(input)}`,
    })
    .default("[::]:6783")
    .describe(
      "Address and port to listen at; [::] is every address of both families, port 0 any free port.",
    ),
  maxFrame: z.int().min(65_536).max(67_108_864).default(1_048_576).describe(
    "Bytes of the longest frame taken.",
  ),
  maxStreams: count(64, "Open streams that others have dialled."),
  maxStreamsPerPeer: count(8, "Open streams that one peer has dialled."),
  maxUnproved: count(256, "Connections that have not yet proved to be a member's."),
  maxUnprovedPerSource: count(128, "The same from one IPv4 address, or one IPv6 /64."),
  overTcp: z.enum(["fallback", "never"]).default("fallback").describe(
    "Whether datagrams that get no answer over UDP go through connections as well, and those of others are taken.",
  ),
  maxCarriers: count(256, "Connections of others that carry datagrams."),
  maxCarriersPerSource: count(64, "The same from one IPv4 address, or one IPv6 /64."),
});

export const tcp = definePlugin({
  slot: "transport",
  name: "tcp",
  config,
  create: ({ listen, ...limits }, host: TcpHost) =>
    new TcpTransport({ ...limits, listen: parseListen(listen)! }, host),
});

function parseListen(text: string): Endpoint | undefined {
  return parseEndpoint(text, { allowPortZero: true });
}
