/**
 * What this node compares with whom, by trees of digests: pure, time is handed in. `tree_comparison.ts` has the walk.
 *
 * A question is answered by the one that was asked, who begins the walk. Two that have asked each other at once would
 * walk twice: then the one of the smaller id begins.
 *
 * What a peer may cause is bounded, whatever digests it invents: 64 messages a second go to it, of which none holds more
 * than a datagram. What was cut off that way, or lost, is asked about anew a second after the last thing that came, twice
 * since that may be lost as well, and six times in half a minute if nothing comes of it.
 */
import type { Millis, PeerId } from "../contracts/values.ts";
import { encodeParts, encodeWants, Flag, type StateMessage } from "./state_message.ts";
import type { SharedRecords } from "./shared_records.ts";
import { answerBranches, compareList, partOf, recordsOf, type TreePart } from "./tree_comparison.ts";

/** Messages to one peer at once, and in a second. */
export const walkMessages = 64;
const second: Millis = 1000;
/** Within this a question of ours is still on its way. */
const crossing: Millis = second;
/** After a step, and without anything having come of it. */
const retriesEach = 2;
const mostRetries = 6;

type Walk = Extract<StateMessage, { kind: "tree" | "want" }>;

interface Account {
  readonly asked: Map<string, Millis>;
  left: number;
  at: Millis;
  /** How often is yet to be asked whether something is missing, and how often that was done. */
  open: number;
  retries: number;
}

export interface WalkAnswer {
  readonly messages: readonly Uint8Array[];
  readonly owed: readonly Uint8Array[];
}

export class Comparisons {
  readonly #self: PeerId;
  readonly #shared: SharedRecords;
  readonly #accounts = new Map<PeerId, Account>();
  /** What peers have said of themselves: see {@link Flag}. */
  readonly #flags = new Map<PeerId, number>();

  constructor(self: PeerId, shared: SharedRecords) {
    this.#self = self;
    this.#shared = shared;
  }

  introduce(peer: PeerId, flags: number): void {
    this.#flags.set(peer, flags);
  }

  knowsTrees(peer: PeerId): boolean {
    return this.#has(peer, Flag.trees);
  }

  takesRumours(peer: PeerId): boolean {
    return this.#has(peer, Flag.rumours);
  }

  /** This node has asked `peer` about these. */
  asked(peer: PeerId, kinds: readonly string[], now: Millis): void {
    const { asked } = this.#accountOf(peer, now);
    for (const kind of kinds) asked.set(kind, now);
  }

  /** Whether it is this node that begins, of two that differ and of whom `peer` has asked. */
  begins(peer: PeerId, kind: string, now: Millis): boolean {
    const askedAt = this.#accounts.get(peer)?.asked.get(kind);
    return askedAt === undefined || now - askedAt >= crossing || this.#self < peer;
  }

  begin(peer: PeerId, kinds: readonly string[], now: Millis): readonly Uint8Array[] {
    const parts = kinds.flatMap((kind) => encodeParts(kind, [partOf(this.#shared.tree(kind), "")]));
    return this.#paced(peer, parts, now);
  }

  /** The next step of a walk: what to say, and which records to tell. */
  answer(peer: PeerId, message: Walk, now: Millis): WalkAnswer {
    const tree = this.#shared.tree(message.of);
    if (message.kind === "want") return { messages: [], owed: recordsOf(tree, message.ids) };
    const parts: TreePart[] = [], owed: Uint8Array[] = [], wanted: Uint8Array[] = [];
    for (const part of message.parts) {
      if (!part.isList) {
        parts.push(...answerBranches(tree, part));
        continue;
      }
      const lists = compareList(tree, part);
      owed.push(...lists.owed);
      wanted.push(...lists.wanted);
    }
    const messages = [...encodeWants(message.of, wanted), ...encodeParts(message.of, parts)];
    return { messages: this.#paced(peer, messages, now), owed };
  }

  /** Something new has come of it, so that more may come. */
  progressed(peer: PeerId): void {
    const account = this.#accounts.get(peer);
    if (account !== undefined) account.retries = 0;
  }

  isOpen(peer: PeerId): boolean {
    return (this.#accounts.get(peer)?.open ?? 0) > 0;
  }

  /** Whom to ask anew, since nothing has come of them for a second; and whether there are more, of whom something has. */
  unsettled(now: Millis): { readonly peers: readonly PeerId[]; readonly isMore: boolean } {
    const peers: PeerId[] = [];
    let isMore = false;
    for (const [peer, account] of this.#accounts) {
      if (account.open === 0 || account.retries >= mostRetries) continue;
      if (now - account.at < second) {
        isMore = true;
        continue;
      }
      account.open--;
      account.retries++;
      peers.push(peer);
    }
    return { peers, isMore };
  }

  /** A round is over: lets go of all others, and of what was tried in vain. */
  keepOnly(peers: readonly PeerId[]): void {
    this.#accounts.clear();
    const kept = new Set(peers);
    for (const peer of this.#flags.keys()) if (!kept.has(peer)) this.#flags.delete(peer);
  }

  #has(peer: PeerId, flag: number): boolean {
    return ((this.#flags.get(peer) ?? 0) & flag) !== 0;
  }

  #paced(peer: PeerId, messages: readonly Uint8Array[], now: Millis): readonly Uint8Array[] {
    const account = this.#accountOf(peer, now);
    account.left = Math.min(walkMessages, account.left + (now - account.at) * walkMessages / second);
    account.at = now;
    account.open = retriesEach;
    const sent = messages.slice(0, Math.floor(account.left));
    account.left -= sent.length;
    return sent;
  }

  #accountOf(peer: PeerId, now: Millis): Account {
    const account = this.#accounts.get(peer) ??
      { asked: new Map<string, Millis>(), left: walkMessages, at: now, open: 0, retries: 0 };
    this.#accounts.set(peer, account);
    return account;
  }
}
