/**
 * A policy of one's own, as a third party writes it: whatever is sent to one of the listed ports is denied. In
 * `selvage.yaml`, with a path relative to that file:
 *
 *     policy: { use: ./block_ports.ts, ports: [25, 445] }
 */
import { definePlugin, type Flow, type Policy } from "selvage";
import { z } from "zod";

const config = z.strictObject({
  ports: z.array(z.int().min(1).max(65_535)).describe("TCP and UDP ports that nobody may send to"),
});

export const plugin = definePlugin({
  slot: "policy",
  name: "block_ports",
  config,
  create: ({ ports }): Policy => {
    const blocked = new Set(ports);
    return {
      evaluate: ({ destinationPort }: Flow) =>
        blocked.has(destinationPort)
          ? { allow: false, because: `block_ports: port ${destinationPort}` }
          : { allow: true, because: "block_ports: not listed" },
      gate: (_endpoint, signal) => signal.aborted ? Promise.reject(signal.reason) : Promise.resolve(),
      forget: () => {},
      epoch: () => 1,
      // Verdicts never change, so there is nothing to tell; that it could be told lets them be kept.
      watch: () => {},
    };
  },
});
