import type { Address } from "./values.ts";

/** One direction of one packet, seen at the endpoint that is to send or receive it. */
export interface Flow {
  readonly direction: "ingress" | "egress";
  /** IP protocol number. */
  readonly protocol: number;
  readonly source: Address;
  readonly destination: Address;
  /** 0 for protocols without ports. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface Verdict {
  readonly allow: boolean;
  /** Names the deciding rule, for `explain`, logs and events. */
  readonly because: string;
}

export interface Policy {
  /** The readable reference; also the main-thread path. Never throws: what cannot be judged is denied. */
  evaluate(flow: Flow): Verdict;
  /**
   * Resolves when the policy of this endpoint is known and in force: until then its port stays closed. Rejects when
   * the signal aborts; the port then stays closed.
   */
  gate(endpoint: PolicyEndpoint, signal: AbortSignal): Promise<void>;
  /** The endpoint is gone. */
  forget(owner: string): void;
  /** Grows with every change of verdicts: whoever caches a verdict caches this number with it. */
  epoch(): number;
  /**
   * Called once. The policy calls `changed` whenever {@link Policy.epoch} has grown, in the same turn of the event loop. One
   * that has this lets the data path keep its verdicts by flow until then; without it every packet is shown to
   * {@link Policy.evaluate}.
   */
  watch?(changed: () => void): void;
  /** Every packet may pass, now and later: none has to be shown to {@link Policy.evaluate}, so none has to come to this thread. */
  readonly allowsEverything?: boolean;
}

/** What a policy may select by. */
export interface PolicyEndpoint {
  readonly owner: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly Address[];
}
