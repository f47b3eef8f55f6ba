/** What a machine gives: datagrams to seal and send, and what has become known. */
export type MemberFact = "alive" | "suspect" | "dead" | "left";

export type GossipOutput =
  | { readonly type: "datagram"; readonly to: number; readonly message: Uint8Array }
  | { readonly type: MemberFact; readonly peer: number; readonly incarnation: number }
  /** New here; told once, and passed on when it was judged, if it is judged at all. `from` is the member that passed it on, not the one that made it. */
  | { readonly type: "record"; readonly record: Uint8Array; readonly from: number }
  /** This member shows another digest over its records. */
  | { readonly type: "differs"; readonly peer: number; readonly digest: Uint8Array }
  /** Somebody took this node for gone; it has a new incarnation, which is to be stored. */
  | { readonly type: "refuted"; readonly incarnation: number };

/** First in, first out; an array's `shift` moves all that is behind. */
export class Outputs {
  readonly #queue: GossipOutput[] = [];
  #head = 0;

  push(output: GossipOutput): void {
    this.#queue.push(output);
  }

  take(): GossipOutput | undefined {
    const output = this.#queue[this.#head];
    if (output === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    }
    return output;
  }
}
