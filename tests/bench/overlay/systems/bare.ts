/** No overlay at all: the cable itself, the most that any system can reach. */
import type { System } from "../system.ts";

export const bare: System = {
  name: "bare",
  programs: [],
  packages: [],
  start(topology) {
    const [a, b] = topology.hosts();
    return { from: a.namespace, to: b.namespace, address: b.address };
  },
};
