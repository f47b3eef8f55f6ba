/** What a run has found out of one system. */
import { type Metric, metrics, type Sample } from "./metrics.ts";
import { type Spread, spreadOf } from "./statistics.ts";
import type { Offload } from "./topology.ts";

export interface Result {
  readonly system: string;
  readonly offload: Offload;
  readonly version: string;
  /** Of the device that the load used; undefined as long as no round came so far. */
  mtu: number | undefined;
  /** One for each round that was measured. */
  readonly samples: Sample[];
  /** Sentences, one for each round or phase that could not be measured. */
  readonly failures: string[];
}

export type Spreads = Partial<Record<Metric, Spread>>;

export function spreadsOf({ samples }: Pick<Result, "samples">): Spreads {
  const spreads: Spreads = {};
  for (const metric of metrics) {
    const spread = spreadOf(samples.flatMap((sample) => sample[metric] ?? []));
    if (spread !== undefined) spreads[metric] = spread;
  }
  return spreads;
}
