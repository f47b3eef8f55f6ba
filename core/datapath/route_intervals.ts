/**
 * The routes of the mesh, nested as they may be, laid flat: intervals of addresses that do not overlap, in order, each with
 * the slot of a peer. That is what one binary search can answer from, and what the main thread tells the worker.
 *
 * Prefixes are nested or disjoint, never half of each, so a sweep with a stack of those still open is enough. It runs on
 * the main thread at a change of routes, with BigInts for both families alike.
 */
import type { Prefix } from "../contracts/values.ts";
import { addressToBigInt } from "../wire/address.ts";
import { addressWidth } from "../wire/prefix.ts";

/** For packets that the main thread decides: a hole in what is around it. */
export const noPeer = -1;

export interface SlotRoute {
  readonly prefix: Prefix;
  /** Slot of the peer, or {@link noPeer}. */
  readonly peer: number;
}

/** Words of 32 bits, the most significant of an address first. */
export interface RouteIntervals {
  /** Of each interval its first address, its last, and the peer: 3 words. */
  readonly v4: Uint32Array;
  /** The same with addresses of 4 words: 9 words. */
  readonly v6: Uint32Array;
}

interface Interval {
  readonly start: bigint;
  readonly end: bigint;
  readonly peer: number;
}

interface Span extends Interval {
  readonly bits: number;
}

/** Of two routes for one prefix the later one counts, as in the table of the forwarder. */
export function routeIntervals(routes: Iterable<SlotRoute>): RouteIntervals {
  const all = [...routes];
  return { v4: flatten(all, 4), v6: flatten(all, 6) };
}

function flatten(routes: readonly SlotRoute[], family: 4 | 6): Uint32Array {
  const spans = routes.filter(({ prefix }) => prefix.address.family === family).map(spanOf);
  spans.sort((a, b) => a.start < b.start ? -1 : a.start > b.start ? 1 : a.bits - b.bits);
  return wordsOf(joined(sweep(spans)), family === 4 ? 1 : 4);
}

function spanOf({ prefix: { address, bits }, peer }: SlotRoute): Span {
  const start = addressToBigInt(address);
  const size = 1n << BigInt(addressWidth(address.family) - bits);
  return { start, end: start + size - 1n, peer, bits };
}

/** `spans` by start, the wider of two first, and of two for one prefix the one that counts last. */
function* sweep(spans: readonly Span[]): Generator<Interval, void> {
  const open: Span[] = [];
  let next = 0n;
  const closeUntil = function* (start: bigint): Generator<Interval, void> {
    for (let top = open.at(-1); top !== undefined && top.end < start; top = open.at(-1)) {
      yield { start: next, end: top.end, peer: top.peer };
      next = top.end + 1n;
      open.pop();
    }
  };
  for (const span of spans) {
    yield* closeUntil(span.start);
    const around = open.at(-1);
    if (around !== undefined) yield { start: next, end: span.start - 1n, peer: around.peer };
    next = span.start;
    open.push(span);
  }
  yield* closeUntil(1n << 128n);
}

/** Without what is empty or has no peer, and neighbours of one peer as one. */
function joined(intervals: Iterable<Interval>): Interval[] {
  const result: Interval[] = [];
  for (const interval of intervals) {
    if (interval.start > interval.end || interval.peer === noPeer) continue;
    const last = result.at(-1);
    if (last !== undefined && last.peer === interval.peer && last.end + 1n === interval.start) {
      result[result.length - 1] = { ...last, end: interval.end };
    } else {
      result.push(interval);
    }
  }
  return result;
}

function wordsOf(intervals: readonly Interval[], width: 1 | 4): Uint32Array {
  const stride = 2 * width + 1;
  const words = new Uint32Array(stride * intervals.length);
  for (const [index, { start, end, peer }] of intervals.entries()) {
    const at = stride * index;
    for (let i = 0; i < width; i++) {
      const shift = BigInt(32 * (width - 1 - i));
      words[at + i] = Number((start >> shift) & 0xffff_ffffn);
      words[at + width + i] = Number((end >> shift) & 0xffff_ffffn);
    }
    words[at + 2 * width] = peer;
  }
  return words;
}
