/**
 * Which of a member's last notes have come: the highest counter, and a bit for each of the 64 up to it. Counters follow the
 * clock of their sender in steps of 16 ms (see `notes.ts`), so that is a second in which notes may overtake each other.
 * What a session has (`replay_window.ts`) is 1 kB; here that would be for each member of the network.
 *
 * Whoever calls {@link NoteWindow.accept} has opened the note before: a forged counter must not move the window.
 */

const span = 64;
const half = 32;

export class NoteWindow {
  #newest = -1;
  /** Bit 0 of `#low` is the newest counter, bit 31 of `#high` the one 63 before it. */
  #low = 0;
  #high = 0;

  /** False for a counter that has come, or is too old to tell. */
  isNew(counter: number): boolean {
    const age = this.#newest - counter;
    if (age < 0) return true;
    if (age >= span) return false;
    return age < half ? (this.#low >>> age & 1) === 0 : (this.#high >>> (age - half) & 1) === 0;
  }

  /** True once for each counter that {@link isNew}. */
  accept(counter: number): boolean {
    if (!this.isNew(counter)) return false;
    if (counter > this.#newest) {
      this.#shift(counter - this.#newest);
      this.#newest = counter;
    }
    const age = this.#newest - counter;
    if (age < half) this.#low |= 1 << age;
    else this.#high |= 1 << (age - half);
    return true;
  }

  #shift(by: number): void {
    if (by >= half) {
      this.#high = by >= span ? 0 : this.#low << (by - half);
      this.#low = 0;
    } else {
      this.#high = this.#high << by | this.#low >>> (half - by);
      this.#low <<= by;
    }
  }
}
