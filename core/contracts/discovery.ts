import type { Endpoint, Millis, PeerId, PeerRecord } from "./values.ts";

/** Finds peers and says who is alive. Several run side by side; the node connects to what any of them finds. */
export interface Discovery {
  /** Where and who this node is; called at start and whenever it changes. Fire and forget. */
  announce(self: PeerRecord): void;
  /** Called once, before `start`. The handler may call back into the plugin. */
  watch(handler: (finding: Finding) => void): void;
  /** Endpoints the operator named, for `status targets`. */
  targets(): readonly Target[];
}

/**
 * A discovery whose list the operator may edit while the node runs: `connect`, `forget`, `connect --replace`. A host may be
 * a DNS name.
 */
export interface EditableTargets {
  /** Durable when it resolves. An endpoint already listed is tried again at once, and a name resolved again. */
  addTargets(endpoints: readonly Endpoint[]): Promise<void>;
  /** Only stops trying: a session that exists stays. */
  removeTargets(endpoints: readonly Endpoint[]): Promise<void>;
}

export type Finding =
  /** To be tried until it answers, and at once, as if nothing had been tried. */
  | { readonly type: "endpoint"; readonly endpoint: Endpoint }
  /** Nothing wants this endpoint any more: its name leads elsewhere, or is no target now. A session that exists stays. */
  | { readonly type: "withdrawn"; readonly endpoint: Endpoint }
  | { readonly type: "peer"; readonly peer: PeerRecord }
  | { readonly type: "alive"; readonly peer: PeerId }
  | { readonly type: "dead"; readonly peer: PeerId; readonly reason: string };

export interface Target {
  /** As it was named: the host may be a DNS name. */
  readonly endpoint: Endpoint;
  readonly source: string;
  /** What the name stands for, as far as it is known; absent for an IP literal. */
  readonly name?: ResolvedName;
}

export interface ResolvedName {
  /** To be tried, and listed as connections. */
  readonly places: readonly Endpoint[];
  /** Why the name could not be resolved when it was looked up last; the places are those of before. */
  readonly reason?: string;
  /** When it is looked up next; absent while it is being looked up. */
  readonly nextLookup?: Millis;
}

/** A discovery that says of members how they are. */
export interface LivenessReport {
  /** Undefined for whom it cannot tell. Cheap: asked for all members at once. */
  liveness(peer: PeerId): Liveness | undefined;
}

/** `suspect`: it was not heard in time, and is being looked for. */
export type Liveness = "alive" | "suspect" | "dead" | "left";
