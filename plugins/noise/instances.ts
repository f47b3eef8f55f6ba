/**
 * Which start of a peer's node we are talking to. Each start draws an instance id and shows it in handshakes. A new one
 * replaces the one before: the node has restarted. One that was replaced and speaks again has not been replaced at all:
 * two nodes run with one identity, a clone. Then the older one keeps the session and the other is refused until it too
 * is started anew.
 *
 *     unknown ──first──> current ──another is confirmed──> replaced ──speaks again──> current
 *                           └────── the replaced one is confirmed again ──> refused
 */
import type { PeerIdentity } from "../../core/contracts/membership.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { limits } from "./constants.ts";
import type { Proof } from "./slots.ts";

/** `returned` and `refused` are signs of a clone. */
export type InstanceJudgement = "same" | "new" | "returned" | "refused";

/** A peer as its last confirmed handshake has proved it. */
export interface Proved {
  readonly identity: PeerIdentity | undefined;
  readonly instances: Pick<Instances, "judge">;
}

export class Instances {
  #current: string | undefined;
  readonly #replaced = new Set<string>();
  readonly #refused = new Set<string>();
  #alarmAt: Millis = -Infinity;

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

  /** Whether it is to be told now that there is a clone: once a minute. */
  mayAlarm(now: Millis): boolean {
    if (now - this.#alarmAt < limits.cloneAlarmMillis) return false;
    this.#alarmAt = now;
    return true;
  }
}

/** Why the sessions of a peer before `proof` are over; undefined when it only renews them. */
export function endedBy({ identity, instances }: Proved, proof: Proof): string | undefined {
  if (proof.identity.bindingNumber > (identity?.bindingNumber ?? 0)) return "the peer has a new key";
  const judgement = instances.judge(proof.instance);
  if (judgement === "same") return undefined;
  return judgement === "new" ? "the peer has restarted" : "a clone of the peer had taken its place";
}

/** Bounded: the oldest entry makes room. */
function remember(set: Set<string>, id: string): void {
  if (set.size >= limits.instances) set.delete(set.values().next().value!);
  set.add(id);
}
