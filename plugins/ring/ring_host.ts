import type { Host } from "../../core/contracts/host.ts";

/** The part of {@link Host} that the ring uses. */
export type RingHost = Pick<
  Host,
  | "self"
  | "clock"
  | "log"
  | "events"
  | "membership"
  | "members"
  | "store"
  | "channel"
  | "replicate"
  | "decisions"
>;
