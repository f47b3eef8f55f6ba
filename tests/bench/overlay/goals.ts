/** What Selvage is to reach, as a multiple of another system in the same run, or by itself. */
import type { Metric } from "./metrics.ts";
import type { Offload } from "./topology.ts";

export interface Goal {
  readonly offload: Offload;
  readonly system: string;
  readonly metric: Metric;
  /** Absent where the figure itself is held against the limit. */
  readonly against?: string;
  readonly limit: number;
  readonly is: "least" | "most";
}

const least = (system: string, metric: Metric, against: string, limit: number) =>
  ({ system, metric, against, limit, is: "least" }) as const;
const most = (system: string, metric: Metric, against: string, limit: number) =>
  ({ system, metric, against, limit, is: "most" }) as const;

/** What two threads may cost where there are but two processors: nothing that this measures. */
const threads = [
  least("selvage-2-workers", "tcpFour", "selvage-1-workers", 0.95),
  most("selvage-2-workers", "processorTimeFour", "selvage-1-workers", 1.1),
] as const;

const withOffload: readonly Omit<Goal, "offload">[] = [
  least("selvage", "tcp", "wireguard-go", 13),
  least("selvage", "tcp", "wireguard-go-named", 2.7),
  least("selvage", "tcp", "nebula", 8),
  least("selvage", "tcp", "kernel-vxlan", 0.4),
  least("selvage-plain", "tcp", "kernel-vxlan", 0.55),
  least("selvage", "datagrams", "wireguard-go", 3),
  most("selvage", "rttMedian", "wireguard-go", 0.3),
  most("selvage", "loadedTail", "wireguard-go", 0.1),
  most("selvage", "processorTime", "wireguard-go", 0.06),
  { system: "selvage", metric: "lossKept", limit: 0.7, is: "least" },
  least("selvage-node", "tcp", "selvage", 0.9),
  { system: "selvage", metric: "memory", limit: 150, is: "most" },
  ...threads,
];

const withoutOffload: readonly Omit<Goal, "offload">[] = [
  least("selvage", "tcp", "kernel-vxlan", 0.6),
  least("selvage", "tcp", "wireguard-go", 5.5),
  { system: "selvage", metric: "loadedTail", limit: 1000, is: "most" },
  ...threads,
];

export const goals: readonly Goal[] = [
  ...withOffload.map((goal) => ({ ...goal, offload: "on" }) as const),
  ...withoutOffload.map((goal) => ({ ...goal, offload: "off" }) as const),
];
