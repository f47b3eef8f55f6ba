/**
 * The questions between rings: who is asked for space, and what becomes of the answer. Pure: messages, facts and `now` go
 * in, what is to be done comes out. How grants reach everybody else is not decided here, they are a shared state.
 *
 *     joiner                               donor
 *       | need ------------------------------> |   chooses a block, signs the grant, stores it, and only then
 *       | <------------------ grants (or none) |   answers; asked again, it repeats what it has given
 */
import type { Millis, PeerId, Prefix } from "../../core/contracts/values.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";
import { Asking, type Donors, type Question } from "./asking.ts";
import { decodeMessage, encodeMessage, pieces } from "./message.ts";

/** What the machine may look up; it changes none of it. */
export interface ExchangeFacts extends Donors {
  /** Valid grants from `donor` to this node that touch `within`. */
  heldFrom(donor: PeerId, within: Prefix): number;
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
  /** Somebody wants its space to be the heir's. */
  | { readonly type: "leaving"; readonly from: PeerId; readonly heir: PeerId }
  /** The heir holds what this node has left to it. */
  | { readonly type: "got"; readonly from: PeerId }
  /** Somebody asks whether the same grants of its own are known here, or says that they are there. */
  | { readonly type: "mine" | "same"; readonly from: PeerId; readonly digest: Uint8Array }
  /** Records to be checked and merged. */
  | { readonly type: "records"; readonly from: PeerId; readonly records: readonly Uint8Array[] }
  /** These peers of the present round have nothing to spare. */
  | { readonly type: "refused"; readonly within: Prefix; readonly by: ReadonlySet<PeerId> };

/** Records that one question may be answered with. Each costs a signature check, so who was not asked brings none. */
const mostAnswered = 64;

export class Exchange {
  readonly #facts: ExchangeFacts;
  readonly #asking = new Map<string, Asking>();
  /** How many records may yet come from whom. */
  readonly #expected = new Map<PeerId, number>();
  #request = 0;

  constructor(facts: ExchangeFacts) {
    this.#facts = facts;
  }

  /** When {@link handleTimeout} is due; infinity while nothing is wanted. */
  get deadline(): Millis {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.#asking.values()].map(({ deadline }) => deadline));
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
    return this.#ask(now);
  }

  /** A session has come up: ask whom we could not ask before. */
  peerUp(now: Millis): readonly Output[] {
    for (const asking of this.#asking.values()) asking.hurry(now);
    return this.#ask(now);
  }

  receive(from: PeerId, bytes: Uint8Array, now: Millis): readonly Output[] {
    const message = decodeMessage(bytes);
    switch (message?.kind) {
      case "need":
        return [{ type: "asked", from, question: message, held: message.held }];
      case "none":
        return this.#refused(from, message.request, now);
      case "grants":
        return this.#answered(from, message.records);
      case "leaving":
        return [{ type: "leaving", from, heir: message.heir }];
      case "got":
        return [{ type: "got", from }];
      case "mine":
      case "same":
        return [{ type: message.kind, from, digest: message.digest }];
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

  #ask(now: Millis): readonly Output[] {
    const outputs: Output[] = [];
    for (const asking of this.#asking.values()) {
      const question = asking.ask(now, this.#facts, this.#request + 1);
      if (question === undefined) continue;
      this.#request = (this.#request + 1) % 0xffff_ffff;
      this.#expected.set(question.to, mostAnswered);
      const { to, request, within } = question;
      outputs.push(send(to, { kind: "need", request, within, held: this.#facts.heldFrom(to, within) }));
    }
    return outputs;
  }

  #answered(from: PeerId, all: readonly Uint8Array[]): readonly Output[] {
    const left = this.#expected.get(from) ?? 0;
    if (left === 0) return [];
    const records = all.slice(0, left);
    this.#expected.set(from, left - records.length);
    return [{ type: "records", from, records }];
  }

  #refused(from: PeerId, request: number, now: Millis): readonly Output[] {
    for (const asking of this.#asking.values()) {
      if (!asking.refuse(from, request, now)) continue;
      const by = new Set(asking.refusedBy);
      return [{ type: "refused", within: asking.within, by }, ...this.#ask(now)];
    }
    return [];
  }
}

function send(to: PeerId, message: Parameters<typeof encodeMessage>[0]): Output {
  return { type: "send", to, message: encodeMessage(message) };
}
