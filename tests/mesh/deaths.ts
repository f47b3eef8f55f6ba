/**
 * Deaths that were declared of nodes that run. A death is counted once for each member and incarnation, however many
 * nodes believe it: the first declaration is the fault, the rest is its spread.
 */
import { Belief } from "./beliefs.ts";

/** Who was paused so lately may be found late by what the pause began. */
const aftermath = 30_000;

/**
 * Somebody who does not run for ten seconds looks like one who crashed, to whomever. False is a death of a node that runs
 * at the moment of the declaration.
 */

export class Deaths {
  /** Of nodes that ran and had not been paused lately. */
  ofHealthy = 0;
  /** Of nodes that ran again after a pause that had ended within the last half minute. */
  ofWoken = 0;
  /** Of nodes that stood still. */
  ofPaused = 0;
  /** Nodes that thought so, over all of these deaths. */
  believers = 0;
  suspicions = 0;
  readonly notes: string[] = [];
  readonly #declared = new Set<number>();

  // deno-lint-ignore selvage/max-parameters -- who, whom, what, when and how the accused is: five facts of one event
  declare(
    observer: number,
    fact: { readonly peer: number; readonly incarnation: number },
    belief: Belief,
    now: number,
    pausedUntil: number,
  ): void {
    if (belief === Belief.suspect) this.suspicions++;
    if (belief !== Belief.dead) return;
    this.believers++;
    const key = fact.peer * 2 ** 32 + fact.incarnation;
    if (this.#declared.has(key)) return;
    this.#declared.add(key);
    if (now < pausedUntil) this.ofPaused++;
    else if (now < pausedUntil + aftermath) this.ofWoken++;
    else this.ofHealthy++;
    if (this.notes.length < 20) {
      this.notes.push(
        `${
          (now / 1000).toFixed(3)
        } s: ${observer} declares ${fact.peer} dead (${fact.incarnation}), paused until ${
          (pausedUntil / 1000).toFixed(3)
        }`,
      );
    }
  }

  begin(): void {
    this.ofHealthy =
      this.ofPaused =
      this.believers =
      this.suspicions =
        0;
    this.notes.length = 0;
  }
}
