/**
 * Parts of an address space as half-open intervals of numbers, one family at a time. Prefixes say who owns what; what
 * is left of a prefix after grants, leases and quarantine is no prefix any more.
 */
import type { Prefix } from "../../core/contracts/values.ts";
import { addressFromBigInt, addressToBigInt } from "../../core/wire/address.ts";
import { addressWidth, prefixSize } from "../../core/wire/prefix.ts";

/** From `start` up to but not including `end`. */
export interface Span {
  readonly start: bigint;
  readonly end: bigint;
}

export function spanOf(prefix: Prefix): Span {
  const start = addressToBigInt(prefix.address);
  return { start, end: start + prefixSize(prefix) };
}

export function totalSize(spans: readonly Span[]): bigint {
  return spans.reduce((sum, { start, end }) => sum + (end - start), 0n);
}

/** The parts of `spans` inside `window`. */
export function intersect(spans: readonly Span[], window: Span): readonly Span[] {
  return spans
    .map(({ start, end }) => ({
      start: start > window.start ? start : window.start,
      end: end < window.end ? end : window.end,
    }))
    .filter(({ start, end }) => start < end);
}

/** `spans` without `holes`; both ascending and each disjoint in itself, and so is the result. */
export function subtract(spans: readonly Span[], holes: readonly Span[]): readonly Span[] {
  const left: Span[] = [];
  let next = 0;
  for (const { start, end } of spans) {
    let from = start;
    while (next < holes.length && holes[next]!.end <= from) next++;
    // A hole may reach into the next span, so this one must not use it up.
    for (let i = next; i < holes.length && holes[i]!.start < end; i++) {
      if (holes[i]!.start > from) left.push({ start: from, end: holes[i]!.start });
      if (holes[i]!.end > from) from = holes[i]!.end;
    }
    if (from < end) left.push({ start: from, end });
  }
  return left;
}

/** Ascending; for {@link subtract}. */
export function sortSpans(spans: Iterable<Span>): readonly Span[] {
  return [...spans].sort((a, b) => a.start < b.start ? -1 : a.start > b.start ? 1 : 0);
}

/**
 * The largest aligned block inside `spans` of at most `maxSize` addresses, the highest one among equals: leases grow
 * from below, so what is given away from above leaves the rest whole the longest.
 */
export function largestBlock(spans: readonly Span[], family: 4 | 6, maxSize: bigint): Prefix | undefined {
  const width = addressWidth(family);
  const largest = spans.reduce((most, { start, end }) => end - start > most ? end - start : most, 0n);
  const limit = largest < maxSize ? largest : maxSize;
  if (limit < 1n) return undefined;
  for (let exponent = limit.toString(2).length - 1; exponent >= 0; exponent--) {
    const size = 1n << BigInt(exponent);
    for (const { start, end } of spans.toReversed()) {
      const first = (end / size) * size - size;
      if (first >= start) return { address: addressFromBigInt(family, first), bits: width - exponent };
    }
  }
  return undefined;
}

/** The fewest prefixes that make up `spans`, ascending. */
export function prefixesOf(spans: readonly Span[], family: 4 | 6): readonly Prefix[] {
  const width = addressWidth(family);
  return spans.flatMap(({ start, end }) => {
    const prefixes: Prefix[] = [];
    for (let at = start; at < end;) {
      let exponent = 0;
      while (
        exponent < width && at % (2n << BigInt(exponent)) === 0n && at + (2n << BigInt(exponent)) <= end
      ) {
        exponent++;
      }
      prefixes.push({ address: addressFromBigInt(family, at), bits: width - exponent });
      at += 1n << BigInt(exponent);
    }
    return prefixes;
  });
}
