/** Answers that are the API's own, not a document of the node. */
import type { Alert, NodeStatus } from "../contracts/node.ts";
import type { Crowd } from "./parts.ts";

export interface HealthAnswer {
  readonly healthy: boolean;
  readonly state: NodeStatus["state"];
  readonly alerts: readonly Alert[];
}

export interface VersionAnswer {
  readonly name: "selvage";
  readonly version: string;
  readonly api: "v1";
}

/** Counters of the API itself, since the start. */
export interface AdminAnswer {
  readonly readers: { readonly open: number; readonly dropped: number };
  readonly refused: { readonly foreign: number; readonly token: number; readonly delayed: number };
  readonly crowd: Crowd;
}
