/**
 * Which start of a peer's node we are talking to. Each start draws an instance id and shows it in handshakes. A new one
 * replaces the one before: the node has restarted. One that was replaced and speaks again has not been replaced at all:
 * two nodes run with one identity, a clone. Then the older one keeps the session and the other is refused until it too
 * is started anew.
 *
 *     unknown ──first──> current ──another is confirmed──> replaced ──speaks again──> current
 *                           └────── the replaced one is confirmed again ──> refused
 */
import { encodeHex } from "../../core/wire/hex.ts";
import { limits } from "./constants.ts";

/** `returned` and `refused` are signs of a clone. */
export type InstanceJudgement = "same" | "new" | "returned" | "refused";

export class Instances {
  #current: string | undefined;
  readonly #replaced = new Set<string>();
  readonly #refused = new Set<string>();

  judge(instance: Uint8Array): InstanceJudgement {
    const id = encodeHex(instance);
    if (id === this.#current) return "same";
    if (this.#refused.has(id)) return "refused";
    return this.#replaced.has(id) ? "returned" : "new";
  }

  /** A session with `instance` is confirmed. */
  confirm(instance: Uint8Array): void {
    const id = encodeHex(instance);
    const before = this.#current;
    if (id === before) return;
    const returned = this.#replaced.delete(id);
    this.#current = id;
    if (before !== undefined) remember(returned ? this.#refused : this.#replaced, before);
  }
}

/** What ends the sessions with a peer when one with this start of it is confirmed; undefined when it goes on as before. */
export function endedBy(judgement: InstanceJudgement): string | undefined {
  if (judgement === "same") return undefined;
  return judgement === "new" ? "the peer has restarted" : "a clone of the peer had taken its place";
}

/** Bounded: the oldest entry makes room. */
function remember(set: Set<string>, id: string): void {
  if (set.size >= limits.instances) set.delete(set.values().next().value!);
  set.add(id);
}
