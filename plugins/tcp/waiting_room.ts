/**
 * Connections that have proved nothing yet, a bounded number. When one too many comes, the oldest of the greediest source
 * has to leave: whoever opens hundreds from one place pushes out its own, and a genuine one, which says all it has to say
 * in its first milliseconds, is gone from here long before its turn.
 *
 * Rejected: refusing the newcomer. Then whoever fills the room first keeps everybody else out.
 */
import { sourceOf } from "../../core/wire/source.ts";

export interface RoomLimits {
  readonly all: number;
  readonly perSource: number;
}

export class WaitingRoom<Guest> {
  readonly #limits: RoomLimits;
  /** Guests of a source, oldest first. */
  readonly #sources = new Map<string, Set<Guest>>();
  #size = 0;

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** Lets a guest in; gives the one that has to leave for it and is out already. */
  enter(host: string, guest: Guest): Guest | undefined {
    const source = sourceOf(host);
    const guests = this.#sources.get(source) ?? new Set();
    this.#sources.set(source, guests);
    guests.add(guest);
    this.#size++;
    if (guests.size > this.#limits.perSource) return this.#sendOut(source, guests);
    if (this.#size > this.#limits.all) return this.#sendOut(...this.#greediest());
    return undefined;
  }

  /** For a guest that is not in the room it does nothing. */
  leave(host: string, guest: Guest): void {
    const source = sourceOf(host);
    const guests = this.#sources.get(source);
    if (guests === undefined || !guests.delete(guest)) return;
    this.#size--;
    if (guests.size === 0) this.#sources.delete(source);
  }

  #sendOut(source: string, guests: Set<Guest>): Guest {
    const oldest = guests.values().next().value!;
    this.leave(source, oldest);
    return oldest;
  }

  /** Of equals the one that came first. There are never more than a few hundred. */
  #greediest(): [string, Set<Guest>] {
    let most: [string, Set<Guest>] | undefined;
    for (const entry of this.#sources) if (most === undefined || entry[1].size > most[1].size) most = entry;
    return most!;
  }
}
