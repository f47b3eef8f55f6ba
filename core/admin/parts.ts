import type { Clock, Logger } from "../contracts/host.ts";
import type { MeshNode } from "../contracts/node.ts";

/** What the admin API is made of. */
export interface AdminParts {
  readonly node: MeshNode;
  readonly log: Logger;
  /** Heartbeats of the event stream, and the turn after which `stop` is called. */
  readonly clock: Clock;
  /** Stops the process that holds the node. Called once the answer to `POST /v1/stop` is on its way. */
  readonly stop: () => void;
  /** Version of the software, as `selvage version` prints it. */
  readonly version: string;
}
