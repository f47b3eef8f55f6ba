/**
 * Fenced leadership for jobs that only one node should do. Never needed to forward, allocate, enforce policy or answer
 * DNS. A leader may be wrong about being one: whoever feels the effect checks the epoch.
 */
export interface Coordinator {
  /** Waits for leadership of the job. Rejects only when the signal aborts. */
  lead(job: string, signal: AbortSignal): Promise<Leadership>;
  /** Who leads, as far as this node knows. */
  leader(job: string): { readonly peer: string; readonly epoch: number } | undefined;
}

export interface Leadership {
  /** Grows with every holder; at most one holder per epoch, ever. */
  readonly epoch: number;
  /** Aborts before another node may lead, on this node's own clock. */
  readonly lost: AbortSignal;
  resign(): Promise<void>;
}
