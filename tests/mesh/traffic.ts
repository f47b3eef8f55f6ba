/**
 * Bytes of control traffic, node by node, as they are on the wire. Gossip travels sealed without a session: 28 bytes of
 * IPv4 and UDP, 4 of type, 8 of the sender's tag, 8 of its counter, 16 of AEAD tag, then the body. So there is nothing
 * else to count: no handshake, no rekey, no keepalive is made for it.
 */
export const datagramOverhead = 28 + 4 + 8 + 8 + 16;
/** Body of the largest datagram that a machine may make: fits a path of 1,280 bytes with all that is around it. */
export const largestBody = 1_100;

export class Traffic {
  readonly #sent: Float64Array;
  readonly #received: Float64Array;
  #datagrams = 0;
  #since = 0;

  constructor(nodes: number) {
    this.#sent = new Float64Array(nodes);
    this.#received = new Float64Array(nodes);
  }

  get datagrams(): number {
    return this.#datagrams;
  }

  sent(node: number, body: number): void {
    this.#datagrams++;
    this.#sent[node]! += body + datagramOverhead;
  }

  received(node: number, body: number): void {
    this.#received[node]! += body + datagramOverhead;
  }

  /** Counts from here. */
  begin(now: number): void {
    this.#sent.fill(0);
    this.#received.fill(0);
    this.#datagrams = 0;
    this.#since = now;
  }

  /** Sent and received together, in bytes a second since {@link begin}. */
  rates(now: number): { readonly mean: number; readonly p99: number; readonly datagrams: number } {
    const seconds = (now - this.#since) / 1000;
    const each = this.#sent.map((bytes, node) => (bytes + this.#received[node]!) / seconds).sort();
    const mean = each.reduce((sum, rate) => sum + rate, 0) / each.length;
    const p99 = each[Math.min(each.length - 1, Math.floor(0.99 * each.length))]!;
    return { mean, p99, datagrams: this.#datagrams / seconds / each.length };
  }
}
