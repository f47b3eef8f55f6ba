/**
 * A disk that is known to be old: a backup, a copy, or one that lacks what others hold under this node's own signature.
 * What it says of the node's grants may be too little, so a node in doubt gives no address and no space until enough
 * others know of the same grants of this node as it does: a majority of the voters, or, where it is the only one, any
 * member it knows. What a container has already stays with it.
 *
 * A doubt is on disk until it ends: a store tells of an old disk at one start only, and a restart is no answer.
 *
 * A counter that others remember was rejected: it would tell that something is missing, which these digests tell as well,
 * and not when it has come. Left over, as with a takeover: a grant that only its owner had heard of before the disk went
 * back, while that owner cannot be reached.
 */
import type { Channel } from "../../core/contracts/host.ts";
import type { StoreChange } from "../../core/contracts/store.ts";
import type { Millis, PeerId } from "../../core/contracts/values.ts";
import { domainHash } from "../../core/identity/domain.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { decodeHex } from "../../core/wire/hex.ts";
import type { Output } from "./exchange.ts";
import { encodeMessage } from "./message.ts";
import type { RingHost } from "./ring_host.ts";
import type { Ring } from "./ring.ts";
import { putDoubt, removeDoubt } from "./storage.ts";

export interface DoubtParts {
  readonly host: Pick<RingHost, "self" | "events" | "store" | "members" | "decisions">;
  readonly channel: Pick<Channel, "peers" | "send">;
  ring(): Ring | undefined;
  /** To be on disk soon. */
  keep(changes: readonly StoreChange[]): void;
  /** Begun or ended. */
  changed(): void;
}

/** What a store says of a disk that may lack what this node has signed. */
const oldDisk: ReadonlySet<string> = new Set(["state-restored", "state-replaced", "state-copied"]);
const alert = "ipam-doubt";
const detail =
  "the disk of this node is an old one: it gives no addresses until enough others know of all that " +
  "it has granted and does not remember; see that most voters are up";

const askEvery: Millis = 2000;

export class DiskDoubt {
  readonly #parts: DoubtParts;
  readonly #agreeing = new Set<PeerId>();
  #isDoubtful = false;
  #digest: Uint8Array = new Uint8Array();
  #nextAsk: Millis = Number.NEGATIVE_INFINITY;

  constructor(parts: DoubtParts) {
    this.#parts = parts;
  }

  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  /** The network is known, and what is stored has been read; `isStored`: a doubt that has not ended. */
  opened(isStored: boolean): void {
    const notices = this.#parts.host.store.notices?.() ?? [];
    if (isStored || notices.some(({ name }) => oldDisk.has(name))) this.begin();
  }

  begin(): void {
    if (this.#isDoubtful) return;
    this.#isDoubtful = true;
    this.#agreeing.clear();
    this.#nextAsk = Number.NEGATIVE_INFINITY;
    this.#parts.keep([putDoubt]);
    this.#parts.host.events.emit("alert:raised", { alert, detail });
    this.#parts.changed();
  }

  tick(now: Millis): void {
    const ring = this.#parts.ring();
    if (!this.#isDoubtful || ring === undefined || now < this.#nextAsk) return;
    // While this node is starting it does not know who votes.
    if (this.#parts.host.decisions?.voters().length === 0) return;
    this.#nextAsk = now + askEvery;
    const digest = grantsDigest(ring, this.#parts.host.self.id);
    // Another question: what was said of fewer grants says nothing of these.
    if (!equalBytes(digest, this.#digest)) this.#agreeing.clear();
    this.#digest = digest;
    for (const peer of this.#asked()) this.#send(peer, "mine", digest);
    this.#judge();
  }

  /** A peer asks for its grants, or knows of the same ones as this node of its own. */
  receive({ type, from, digest }: Extract<Output, { type: "mine" | "same" }>): void {
    const ring = this.#parts.ring();
    if (ring === undefined) return;
    if (type === "mine") {
      if (equalBytes(grantsDigest(ring, from), digest)) this.#send(from, "same", digest);
    } else if (this.#isDoubtful && equalBytes(digest, this.#digest)) {
      this.#agreeing.add(from);
      this.#judge();
    }
  }

  #send(to: PeerId, kind: "mine" | "same", digest: Uint8Array): void {
    this.#parts.channel.send(to, encodeMessage({ kind, digest }));
  }

  #otherVoters(): readonly PeerId[] {
    const { self, decisions } = this.#parts.host;
    return (decisions?.voters() ?? []).filter((voter) => voter !== self.id);
  }

  #asked(): readonly PeerId[] {
    const [peers, voters] = [this.#parts.channel.peers(), this.#otherVoters()];
    return voters.length === 0 ? peers : peers.filter((peer) => voters.includes(peer));
  }

  #judge(): void {
    const { members, decisions, events } = this.#parts.host;
    const others = this.#otherVoters();
    const majority = ((decisions?.voters().length ?? 0) >> 1) + 1;
    // This node's own memory is what is in question, so its own place is no vote.
    const needed = others.length === 0
      ? Number(members.known().length > 0)
      : Math.min(others.length, majority);
    const agreeing = [...this.#agreeing].filter((peer) => others.length === 0 || others.includes(peer));
    if (agreeing.length < needed) return;
    this.#isDoubtful = false;
    this.#parts.keep([removeDoubt]);
    events.emit("alert:cleared", { alert });
    this.#parts.changed();
  }
}

/** Of the grants that `from` has signed: 16 bytes, equal where the same ones are held. */
export function grantsDigest(ring: Ring, from: PeerId): Uint8Array {
  const ids = ring.grants().filter((grant) => grant.from === from).map(({ id }) => id).sort();
  return domainHash("ring grants 1", 16, ...ids.map((id) => decodeHex(id)!));
}
