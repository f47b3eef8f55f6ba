/** What `load_program.ts` is told, and what it tells. */

export interface LoadOrder {
  /** Addresses of the other container. */
  readonly to: { readonly 4: string; readonly 6: string };
  /** Family of the long stream and of the datagrams that this end sends. */
  readonly family: 4 | 6;
  readonly seed: number;
}

/** Since the start; each counted by who received it. */
export interface LoadCounts {
  readonly streamBytes: number;
  readonly datagrams: number;
  /** Sent by this end, to be held against what the other one got. */
  readonly datagramsSent: number;
  /** Short connections of this end that came back with what was sent, and the bytes of that. */
  readonly flows: number;
  readonly flowBytes: number;
}

/** Each must move all the time. */
export const kinds = ["streamBytes", "datagrams", "flows"] as const;
