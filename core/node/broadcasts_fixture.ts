/** For tests of what is not about trees. */
import type { PeerId } from "../contracts/values.ts";
import { Broadcasts } from "./broadcasts.ts";
import { DropCounts } from "./drop_counts.ts";

/** Of a node whose peers take no frames with headers; names may be any text. */
export function bareBroadcasts(peers: readonly PeerId[]): Broadcasts {
  return new Broadcasts({
    self: "us" as PeerId,
    clock: { now: () => 0, wall: () => 0 },
    drops: new DropCounts(),
    peers: () => peers,
    takesHeaders: () => false,
    memberOf: () => undefined,
  });
}
