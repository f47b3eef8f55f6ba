/** What is measured of a system, and how a table shows it. */

export type Metric =
  | "tcp"
  | "tcpReverse"
  | "tcpFour"
  | "datagrams"
  | "rttMedian"
  | "rttTail"
  | "loadedMedian"
  | "loadedTail"
  | "processorTime"
  | "processorTimeFour"
  | "daemonTime"
  | "memory"
  | "frame"
  | "bbr"
  | "lossKept"
  | "foreign";

/** Of one round; without what could not be measured. */
export type Sample = Partial<Record<Metric, number>>;

export interface Shown {
  readonly heading: string;
  readonly digits: number;
}

/** In the order of columns. */
export const shown: Readonly<Record<Metric, Shown>> = {
  tcp: { heading: "TCP Mbit/s", digits: 0 },
  tcpReverse: { heading: "reverse", digits: 0 },
  tcpFour: { heading: "4 streams", digits: 0 },
  datagrams: { heading: "64 B kpps", digits: 1 },
  rttMedian: { heading: "RTT p50 µs", digits: 0 },
  rttTail: { heading: "p99", digits: 0 },
  loadedMedian: { heading: "loaded p50", digits: 0 },
  loadedTail: { heading: "p99", digits: 0 },
  processorTime: { heading: "CPU s/GB", digits: 2 },
  processorTimeFour: { heading: "of 4 streams", digits: 2 },
  daemonTime: { heading: "daemons", digits: 2 },
  memory: { heading: "RSS MiB", digits: 0 },
  frame: { heading: "bytes/frame", digits: 0 },
  bbr: { heading: "bbr Mbit/s", digits: 0 },
  lossKept: { heading: "at 1 % loss", digits: 2 },
  foreign: { heading: "foreign %", digits: 0 },
};

export const metrics = Object.keys(shown) as readonly Metric[];

/** In the order in which they disturb each other least. */
export const phases = ["rtt", "tcp", "loaded", "udp", "bbr"] as const;
export type Phase = typeof phases[number];
