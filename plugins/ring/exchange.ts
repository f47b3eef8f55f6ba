/**
 * The protocol between rings: who is asked for space, who is told of grants, and how two rings that differ meet again.
 * Pure: messages, facts and `now` go in, what is to be done comes out.
 *
 *     joiner                               donor
 *       | need ------------------------------> |   chooses a block, signs the grant, stores it, and only then
 *       | <------------------ grants (or none) |   answers; asked again, it repeats what it has given
 *       |                                      |
 *     anyone                               anyone
 *       | digest ----------------------------> |   every 5 s and when a peer comes up; if it differs from the own,
 *       | <----------------------------- grants |   all grants follow in pieces, and each side tells the other
 */
import type { Millis, PeerId, Prefix } from "../../core/contracts/values.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";
import { Asking, type Donors, type Question } from "./asking.ts";
import { decodeMessage, encodeMessage, pieces } from "./message.ts";

/** Between two digests to everyone; also the longest that a lost grant stays lost between two connected peers. */
export const digestInterval: Millis = 5000;
/** A peer gets our whole ring no more often, and no more of it at once: a liar must not make us its amplifier. */
const repairInterval: Millis = 1000;
const repairMessages = 64;

/** What the machine may look up; it changes none of it. */
export interface ExchangeFacts extends Donors {
  /** Valid grants from `donor` to this node that touch `within`. */
  heldFrom(donor: PeerId, within: Prefix): number;
  digest(): Uint8Array;
  /** All signed grants, always in the same order. */
  records(): readonly Uint8Array[];
}

export type Output =
  | { readonly type: "send"; readonly to: PeerId; readonly message: Uint8Array }
  /** Somebody asks for space; `held` is how many grants of ours inside `within` it knows of. */
  | {
    readonly type: "asked";
    readonly from: PeerId;
    readonly question: Omit<Question, "to">;
    readonly held: number;
  }
  /** Records to be checked and merged. */
  | { readonly type: "records"; readonly from: PeerId; readonly records: readonly Uint8Array[] }
  /** These peers of the present round have nothing to spare. */
  | { readonly type: "refused"; readonly within: Prefix; readonly by: ReadonlySet<PeerId> };

interface Repair {
  readonly next: number;
  readonly notBefore: Millis;
}

export class Exchange {
  readonly #facts: ExchangeFacts;
  readonly #asking = new Map<string, Asking>();
  readonly #repairs = new Map<PeerId, Repair>();
  #request = 0;
  #nextDigest: Millis;

  constructor(facts: ExchangeFacts, now: Millis) {
    this.#facts = facts;
    this.#nextDigest = now + digestInterval;
  }

  /** When {@link handleTimeout} is due. */
  get deadline(): Millis {
    return Math.min(this.#nextDigest, ...[...this.#asking.values()].map(({ deadline }) => deadline));
  }

  /** Asks for space inside `within` until {@link unwant}. */
  want(within: Prefix, now: Millis): readonly Output[] {
    const key = formatPrefix(within);
    if (this.#asking.has(key)) return [];
    this.#asking.set(key, new Asking(within, now));
    return this.#ask(now);
  }

  unwant(within: Prefix): void {
    this.#asking.delete(formatPrefix(within));
  }

  handleTimeout(now: Millis): readonly Output[] {
    const questions = this.#ask(now);
    if (now < this.#nextDigest) return questions;
    this.#nextDigest = now + digestInterval;
    const connected = new Set(this.#facts.peers());
    for (const peer of this.#repairs.keys()) {
      if (!connected.has(peer)) this.#repairs.delete(peer);
    }
    return [...questions, ...[...connected].map((peer) => this.#digestTo(peer))];
  }

  /** A session has come up: compare rings and ask whom we could not ask before. */
  peerUp(peer: PeerId, now: Millis): readonly Output[] {
    for (const asking of this.#asking.values()) asking.hurry(now);
    return [this.#digestTo(peer), ...this.#ask(now)];
  }

  receive(from: PeerId, bytes: Uint8Array, now: Millis): readonly Output[] {
    const message = decodeMessage(bytes);
    switch (message?.kind) {
      case "need":
        return [{ type: "asked", from, question: message, held: message.held }];
      case "none":
        return this.#refused(from, message.request, now);
      case "grants":
        return [{ type: "records", from, records: message.records }];
      case "digest":
        return equalBytes(message.hash, this.#facts.digest()) ? [] : this.#repair(from, now);
      default:
        return [];
    }
  }

  /** Hands grants to one peer. */
  answer(to: PeerId, records: readonly Uint8Array[]): readonly Output[] {
    return pieces(records).map((list) => send(to, { kind: "grants", records: list }));
  }

  refuse(to: PeerId, request: number): readonly Output[] {
    return [send(to, { kind: "none", request })];
  }

  /** Tells everyone of grants that are new here, but not whoever brought them. */
  spread(records: readonly Uint8Array[], broughtBy: PeerId | undefined): readonly Output[] {
    const others = this.#facts.peers().filter((peer) => peer !== broughtBy);
    return others.flatMap((peer) => this.answer(peer, records));
  }

  #ask(now: Millis): readonly Output[] {
    const outputs: Output[] = [];
    for (const asking of this.#asking.values()) {
      const question = asking.ask(now, this.#facts, this.#request + 1);
      if (question === undefined) continue;
      this.#request = (this.#request + 1) % 0xffff_ffff;
      const { to, request, within } = question;
      outputs.push(send(to, { kind: "need", request, within, held: this.#facts.heldFrom(to, within) }));
    }
    return outputs;
  }

  #refused(from: PeerId, request: number, now: Millis): readonly Output[] {
    for (const asking of this.#asking.values()) {
      if (!asking.refuse(from, request, now)) continue;
      const by = new Set(asking.refusedBy);
      return [{ type: "refused", within: asking.within, by }, ...this.#ask(now)];
    }
    return [];
  }

  #digestTo(peer: PeerId): Output {
    return send(peer, { kind: "digest", hash: this.#facts.digest() });
  }

  /** The next part of all grants; where it ended last time is remembered, so a long ring gets across in several goes. */
  #repair(to: PeerId, now: Millis): readonly Output[] {
    const { next, notBefore } = this.#repairs.get(to) ?? { next: 0, notBefore: now };
    if (now < notBefore) return [];
    const all = pieces(this.#facts.records());
    const start = next < all.length ? next : 0;
    this.#repairs.set(to, { next: start + repairMessages, notBefore: now + repairInterval });
    return all.slice(start, start + repairMessages).map((records) => send(to, { kind: "grants", records }));
  }
}

function send(to: PeerId, message: Parameters<typeof encodeMessage>[0]): Output {
  return { type: "send", to, message: encodeMessage(message) };
}
