import type { LinkPort } from "./port.ts";
import type { WallMillis } from "./values.ts";

/** A port of links that can also join bridges of the host, with whatever is behind them. */
export interface BridgingPort extends LinkPort {
  readonly bridges: BridgeJoins;
}

/**
 * Bridges of the host's namespace that are joined to ours by a pair of interfaces. Devices behind them are no endpoints:
 * nobody has given them addresses, and what they are is learned from what they send.
 */
export interface BridgeJoins {
  /** Takes up what an earlier run has joined, makes what is missing, and removes joins of devices that are not listed. */
  restore(devices: readonly string[], options: JoinOptions): Promise<void>;
  /**
   * Idempotent; opens one that was taken down. Rejects `NOT_FOUND`, `INVALID_ARGUMENT` for what is no bridge,
   * `POOL_EXHAUSTED`, and as `attach` of the port. Leaves nothing half-made.
   */
  join(device: string, options: JoinOptions, signal: AbortSignal): Promise<BridgeJoin>;
  /** True when there was something to leave. */
  leave(device: string): Promise<boolean>;
  list(): readonly BridgeJoin[];
  /** To be told of every frame that this node has written to its links and that came back, with its source MAC. */
  looped(mac: Uint8Array): void;
}

export interface JoinOptions {
  /** 8 bytes that tell this network from others whose nodes are on the same cable. */
  readonly network: Uint8Array;
}

export interface BridgeJoin {
  /** Name of the bridge on the host. */
  readonly device: string;
  /** Name of our end of the pair, on our bridge. */
  readonly port: string;
  /** `waiting` while the host has no such bridge, `blocked` after a loop, until it is opened again. */
  readonly state: "open" | "waiting" | "blocked";
  /** Of a blocked one: when it is tried again, by the wall clock. */
  readonly until?: WallMillis;
}

/** Bridges as the API and the command line drive them. */
export interface BridgeAdmin {
  /** As {@link BridgeJoins.join}; kept over restarts. Rejects `UNSUPPORTED` on a rootless node. */
  attach(device: string, signal: AbortSignal): Promise<BridgeStatus>;
  /** Rejects `NOT_FOUND`. */
  detach(device: string, signal: AbortSignal): Promise<void>;
  list(): readonly BridgeStatus[];
  /** Devices behind the bridges of all members, as far as they have sent anything. */
  devices(): readonly ForeignDeviceStatus[];
}

export interface BridgeStatus {
  readonly device: string;
  readonly port: string;
  readonly state: BridgeJoin["state"];
  /** RFC 3339; null for one that is not blocked. */
  readonly until: string | null;
}

export interface ForeignDeviceStatus {
  readonly mac: string;
  readonly addresses: readonly string[];
  /** Name of the member whose bridge it is behind. */
  readonly node: string;
  /** False where another node has announced the MAC before. */
  readonly isUsed: boolean;
}

/** Bridges of one node, and the devices behind those of all. */
export interface BridgeList {
  readonly bridges: readonly BridgeStatus[];
  readonly devices: readonly ForeignDeviceStatus[];
}
