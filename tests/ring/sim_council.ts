/**
 * Voters in one stroke: a proposal is decided if a majority of them is up, in the proposer's island, knows every earlier
 * decision, and finds it fit. Those who voted know it at once, all others when they meet somebody who does. How real voters
 * come to one decision is proved elsewhere (`tests/voters`); here it is about what becomes of it.
 */
import type { Decision, Decisions } from "../../core/contracts/decisions.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { PeerId } from "../../core/contracts/values.ts";

/** A place that may vote, as the world sees it. */
export interface CouncilPlace {
  readonly number: number;
  readonly isUp: boolean;
  readonly self: { readonly id: PeerId };
}

interface Seat {
  known: number;
  judge: ((payload: Uint8Array) => boolean) | undefined;
  watcher: (() => void) | undefined;
}

const delay = 20;

export class SimCouncil<Place extends CouncilPlace> {
  readonly #places: readonly Place[];
  readonly #connected: (a: Place, b: Place) => boolean;
  readonly #after: (millis: number, run: () => void) => void;
  readonly #decisions: Decision[] = [];
  readonly #seats = new Map<number, Seat>();
  voters: readonly number[] = [0];
  /** Called with what is about to be decided, and by whom. */
  deciding: (decision: Decision, voting: readonly Place[]) => void = () => {};
  /** Voters that find everything fit: what a run has to notice. */
  isBlind = false;

  constructor(parts: {
    readonly places: readonly Place[];
    readonly connected: (a: Place, b: Place) => boolean;
    readonly after: (millis: number, run: () => void) => void;
  }) {
    this.#places = parts.places;
    this.#connected = parts.connected;
    this.#after = parts.after;
  }

  /** In order: number n is at place n − 1. */
  get decisions(): readonly Decision[] {
    return this.#decisions;
  }

  /** How many decisions, the first ones, the node has heard of. */
  knownTo(place: Place): number {
    return this.#seat(place).known;
  }

  /** What a plugin of a new life of `place` is given. Voters have what they know on disk, others have lost it. */
  seatOf(place: Place): Decisions {
    const seat = this.#seat(place);
    if (!this.voters.includes(place.number)) seat.known = 0;
    seat.judge = seat.watcher = undefined;
    return {
      decided: () => this.#decisions.slice(0, seat.known),
      recovery: () => 0,
      voters: () => this.voters.map((at) => this.#places[at]!.self.id),
      watch: (_, handler) => void (seat.watcher = handler),
      judge: (_, judge) => void (seat.judge = judge),
      propose: (_, payload) => this.#propose(place, payload),
    };
  }

  /** Two nodes have met: each learns what the other knows. */
  meet(one: Place, other: Place): void {
    this.#after(delay, () => {
      if (!this.#connected(one, other)) return;
      const known = Math.max(this.knownTo(one), this.knownTo(other));
      for (const place of [one, other]) this.#tell(place, known);
    });
  }

  #propose(from: Place, payload: Uint8Array): void {
    const isHere = (place: Place) => place.isUp && (place === from || this.#connected(from, place));
    const there = this.voters.map((at) => this.#places[at]!).filter(isHere);
    if (there.length === 0) throw new MeshError("UNREACHABLE", "Cannot ask: no voter is here");
    this.#after(delay, () => {
      const voting = there.filter((place) =>
        isHere(place) && this.knownTo(place) === this.#decisions.length &&
        (this.isBlind || this.#seat(place).judge?.(payload) === true)
      );
      if (2 * voting.length <= this.voters.length) return;
      const decision = { number: this.#decisions.length + 1, recovery: 0, payload };
      this.deciding(decision, voting);
      this.#decisions.push(decision);
      for (const place of voting) this.#tell(place, this.#decisions.length);
      for (const place of this.#places) if (isHere(place)) this.meet(voting[0]!, place);
    });
  }

  #tell(place: Place, known: number): void {
    const seat = this.#seat(place);
    if (known <= seat.known || !place.isUp) return;
    seat.known = known;
    seat.watcher?.();
    for (const other of this.#places) if (this.#connected(place, other)) this.meet(place, other);
  }

  #seat(place: Place): Seat {
    const seat = this.#seats.get(place.number) ?? { known: 0, judge: undefined, watcher: undefined };
    this.#seats.set(place.number, seat);
    return seat;
  }
}
