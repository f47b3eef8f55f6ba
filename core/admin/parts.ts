import type { Clock, Logger } from "../contracts/host.ts";
import type { LogControl } from "../contracts/log.ts";
import type { MeshNode } from "../contracts/node.ts";

/** Since the start. */
export interface Crowd {
  /** Connections closed to make room for others. */
  readonly displaced: number;
  /** Requests without the right token that were turned away unseen. */
  readonly turnedAway: number;
}

/** A setting in force, and where it came from: `selvage.yaml:12`, `--range`, `default`. */
export interface EffectiveSetting {
  /** `discovery[0].seeds`. */
  readonly path: string;
  readonly value: unknown;
  readonly origin: string;
}

/** What the admin API is made of. */
export interface AdminParts {
  readonly node: MeshNode;
  readonly log: Logger;
  /** Whatever decides what the node's log holds; without it `/v1/log` answers 501. */
  readonly levels?: LogControl | undefined;
  /** Heartbeats of the event stream, delays of refusals, and the turn after which `stop` is called. */
  readonly clock: Clock;
  /** Stops the process that holds the node. Called once the answer to `POST /v1/stop` is on its way. */
  readonly stop: () => void;
  /** What whoever serves the app has refused by itself, because there was too much of it. */
  readonly crowd?: (() => Crowd) | undefined;
  /** System and processor, for the report: `linux x64`. */
  readonly platform?: string | undefined;
  /** The configuration of the program, for the report. Values that are secrets have been replaced. */
  readonly config?: (() => readonly EffectiveSetting[]) | undefined;
  /** Version of the software, as `selvage version` prints it. */
  readonly version: string;
}
