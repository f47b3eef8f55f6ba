/** Makes an input that failed short, so that a person can see what it is about. */

/** Tries are bounded: some targets take milliseconds. */
const mostTries = 2_000;

/** The shortest input found that still `fails`, by leaving out ever smaller pieces. */
export function shrink(input: Uint8Array, fails: (input: Uint8Array) => boolean): Uint8Array {
  let best = input;
  let tries = 0;
  for (let size = best.length >>> 1; size >= 1; size >>>= 1) {
    for (let at = 0; at + size <= best.length && tries < mostTries;) {
      const shorter = new Uint8Array(best.length - size);
      shorter.set(best.subarray(0, at));
      shorter.set(best.subarray(at + size), at);
      tries++;
      if (fails(shorter)) best = shorter;
      else at += size;
    }
  }
  return best;
}
