import type { Liveness } from "./discovery.ts";
import type { ErrorCode } from "./errors.ts";
import type { Lease } from "./ipam.ts";
import type { ConnectionState } from "./connection_state.ts";
import type { Address, Endpoint, PeerId, Prefix } from "./values.ts";

/** Facts that others may want to know; also the event stream of the admin API. Commands are method calls, not events. */
export interface NodeEvents {
  "node:ready": { readonly id: PeerId };
  "node:stopping": Record<never, never>;
  "peer:up": { readonly peer: PeerId; readonly name: string; readonly endpoint: Endpoint };
  "peer:down": { readonly peer: PeerId; readonly name: string; readonly reason: string };
  /** Packets to it go another way: to another address, or through another relay or none. */
  "peer:roamed": { readonly peer: PeerId; readonly endpoint: Endpoint; readonly relay: PeerId | null };
  /** What the members know of it together has changed, for whoever has a session with it or none. */
  "peer:liveness": { readonly peer: PeerId; readonly liveness: Liveness };
  /** Packets to this peer are encrypted from now on, or cross in plain; those of a peer that comes up are encrypted. */
  "peer:encryption": { readonly peer: PeerId; readonly encrypted: boolean };
  "peer:admitted": { readonly peer: PeerId; readonly name: string };
  "peer:revoked": { readonly peer: PeerId };
  "ring:changed": { readonly version: number };
  "lease:changed": { readonly lease: Lease; readonly state: "allocated" | "released" };
  /** An address was asked for, and none is free; it is given, without another word, as soon as there is one. */
  "lease:waiting": { readonly owner: string; readonly subnet: Prefix };
  "endpoint:attached": { readonly owner: string; readonly addresses: readonly Address[] };
  "endpoint:detached": { readonly owner: string };
  /** An endpoint that is tried fares otherwise; `gone`: it is tried no more. */
  "connection:changed": {
    readonly endpoint: Endpoint;
    readonly peer: PeerId | null;
    readonly state: ConnectionState | "gone";
    readonly reason: string | null;
  };
  /** What the operator named fares otherwise; `forgotten`: it is no target any more. */
  "target:changed": {
    readonly target: string;
    readonly state: ConnectionState | "forgotten";
    readonly reason: string | null;
  };
  /** The name of a target stands for other places, cannot be resolved, or can again. */
  "target:resolved": {
    readonly target: string;
    readonly places: readonly Endpoint[];
    readonly reason: string | null;
  };
  /** A round of attempts is over without an answer. */
  "target:failed": { readonly endpoint: Endpoint; readonly code: ErrorCode; readonly reason: string };
  "alert:raised": { readonly alert: string; readonly detail: string };
  "alert:cleared": { readonly alert: string };
}
export type EventName = keyof NodeEvents;

export interface Events {
  /** Calls the listeners in order of registration. What one throws is logged, and the others still hear. */
  emit<K extends EventName>(name: K, detail: NodeEvents[K]): void;
  on<K extends EventName>(name: K, listener: (detail: NodeEvents[K]) => void, signal: AbortSignal): void;
  /** Every event, for a stream or a log. */
  onAny(listener: (name: EventName, detail: NodeEvents[EventName]) => void, signal: AbortSignal): void;
}
