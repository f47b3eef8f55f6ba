import type { Endpoint, PeerId, PeerRecord } from "./values.ts";

/** Finds peers and says who is alive. Several run side by side; the node connects to what any of them finds. */
export interface Discovery {
  /** Where and who this node is; called at start and whenever it changes. Fire and forget. */
  announce(self: PeerRecord): void;
  /** Called once, before `start`. The handler may call back into the plugin. */
  watch(handler: (finding: Finding) => void): void;
  /** Endpoints the operator named, and what became of each, for `status targets`. */
  targets(): readonly Target[];
}

/** A discovery whose list the operator may edit while the node runs: `connect`, `forget`, `connect --replace`. */
export interface EditableTargets {
  /** Durable when it resolves. An endpoint already listed is tried again at once. */
  addTargets(endpoints: readonly Endpoint[]): Promise<void>;
  /** Only stops trying: a session that exists stays. */
  removeTargets(endpoints: readonly Endpoint[]): Promise<void>;
}

export type Finding =
  | { readonly type: "endpoint"; readonly endpoint: Endpoint }
  | { readonly type: "peer"; readonly peer: PeerRecord }
  | { readonly type: "alive"; readonly peer: PeerId }
  | { readonly type: "dead"; readonly peer: PeerId; readonly reason: string };

export interface Target {
  readonly endpoint: Endpoint;
  readonly source: string;
}

/** A discovery that says of members how they are. */
export interface LivenessReport {
  /** Undefined for whom it cannot tell. Cheap: asked for all members at once. */
  liveness(peer: PeerId): Liveness | undefined;
}

/** `suspect`: it was not heard in time, and is being looked for. */
export type Liveness = "alive" | "suspect" | "dead" | "left";
