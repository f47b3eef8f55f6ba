/**
 * A round trip in one byte: 3 bits of mantissa and 5 of exponent, as a tiny floating-point number.
 *
 *     microseconds = (8 + low 3 bits) × 2^(high 5 bits) × 2
 *
 * Steps are 6 to 13 %, from 16 µs to a bit over a minute. What a class means is integer arithmetic, since all nodes have
 * to reckon the same paths from it: logarithms need not agree in the last bit between machines.
 */
import type { Millis } from "../contracts/values.ts";

/** Not measured yet. */
export const unmeasured = 255;
/** Some 63 s; what is longer is this. Classes between this and {@link unmeasured} are read as not measured. */
const longestClass = 175;

/** The nearest class. */
export function rttClassOf(rtt: Millis | undefined): number {
  if (rtt === undefined || !(rtt >= 0)) return unmeasured;
  const micros = rtt * 1000;
  let low = 0;
  let high = longestClass;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (microsOf(middle)! + microsOf(middle + 1)! <= 2 * micros) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whole microseconds; undefined when not measured. */
export function microsOf(rttClass: number): number | undefined {
  return rttClass > longestClass ? undefined : (8 + (rttClass & 7)) * 2 ** (rttClass >> 3) * 2;
}

export function millisOf(rttClass: number): Millis | undefined {
  const micros = microsOf(rttClass);
  return micros === undefined ? undefined : micros / 1000;
}
