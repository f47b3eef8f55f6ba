import type { Millis, PeerId } from "../contracts/values.ts";
import type { Member } from "../identity/judgement.ts";
import type { Host } from "../voters/due_list.ts";

interface Since {
  readonly isUp: boolean;
  readonly at: Millis;
}

/** How long members have been up or down, as far as this node has seen since it started. */
export class HostTimes {
  readonly #since = new Map<PeerId, Since>();

  /** What is to be said of members in good standing; who is no member any more is forgotten. */
  see(members: readonly Member[], isUp: (peer: PeerId) => boolean, now: Millis): readonly Host[] {
    const standing = members.filter(({ state }) => state === "admitted");
    const ids = new Set(standing.map(({ id }) => id));
    for (const id of this.#since.keys()) if (!ids.has(id)) this.#since.delete(id);
    return standing.map(({ id, publicKey }) => {
      const since = this.#sinceOf(id, isUp(id), now);
      const time = now - since.at;
      return { publicKey, upFor: since.isUp ? time : undefined, downFor: since.isUp ? undefined : time };
    });
  }

  #sinceOf(id: PeerId, isUp: boolean, now: Millis): Since {
    const known = this.#since.get(id);
    if (known?.isUp === isUp) return known;
    const since = { isUp, at: now };
    this.#since.set(id, since);
    return since;
  }
}
