/**
 * How many single messages go to members without a session: pure, time is handed in.
 *
 * A session answers who is there now. A single message only shows who wrote it once: after a start of this node recorded
 * ones pass for new, from wherever they are shown, and a short question about records is answered with datagrams of a
 * thousand bytes. So what is sent without a session is bounded for each member, and, as somebody may have recorded many
 * of them, for all together. Of these the few with whom this node compares all the time take nothing: else four members that
 * ask without end would keep it from what it has missed. What is held back is sent later, or asked for anew, as if it had been lost.
 */
import { type Rate, TokenBucket } from "../forwarding/token_bucket.ts";
import type { Millis, PeerId } from "../contracts/values.ts";

export const asidesEach: Rate = { perSecond: 4, burst: 16 };
export const asidesOfAll: Rate = { perSecond: 16, burst: 64 };

export class AsidePace {
  readonly #all = new TokenBucket(asidesOfAll);
  readonly #each = new Map<PeerId, TokenBucket>();

  /** Whether one more may be sent now, which then counts. */
  take(peer: PeerId, now: Millis, isNeighbour: boolean): boolean {
    const bucket = this.#each.get(peer) ?? new TokenBucket(asidesEach);
    this.#each.set(peer, bucket);
    return bucket.take(now) && (isNeighbour || this.#all.take(now));
  }

  /** Half a minute has passed, and most buckets are full again; a few messages more to the others do no harm. */
  sweep(): void {
    this.#each.clear();
  }
}
