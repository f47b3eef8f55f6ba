/** The allocator and its runs against slow, obvious twins: whatever is done, both say the same. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { addressFromBigInt, addressToBigInt, formatAddress } from "../../core/wire/address.ts";
import { contains, parsePrefix } from "../../core/wire/prefix.ts";
import type { Address, Prefix } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { Allocator, isReserved } from "./allocator.ts";
import { PendingLeases } from "./pending_leases.ts";
import { Runs } from "./runs.ts";
import { type Span, spanOf } from "./span.ts";

const first = addressToBigInt({ family: 4, bytes: Uint8Array.of(10, 32, 0, 0) });
const range = parsePrefix("10.32.0.0/26")!;
const address = (n: number): Address => addressFromBigInt(4, first + BigInt(n));

/** Until when each address is not free; looks at every address, one after the other. */
class SlowAllocator {
  readonly #until = new Map<number, number>();

  set(n: number, until = Infinity): void {
    this.#until.set(n, until);
  }

  clear(n: number): void {
    this.#until.delete(n);
  }

  lowestFree(subnet: Prefix, space: readonly Span[], now: number): string | undefined {
    for (let n = 0; n < 64; n++) {
      const [each, value] = [address(n), first + BigInt(n)];
      if (!contains(subnet, each) || !space.some(({ start, end }) => start <= value && value < end)) continue;
      if ((this.#until.get(n) ?? -1) > now || isReserved(each, subnet) || isReserved(each, range)) continue;
      return formatAddress(each);
    }
    return undefined;
  }

  busy(now: number): number[] {
    return [...this.#until].filter(([, until]) => until > now).map(([n]) => n).sort((a, b) => a - b);
  }

  wake(now: number): string[] {
    const over = [...this.#until].filter(([, until]) => until <= now).map(([n]) => n);
    for (const n of over) this.#until.delete(n);
    return over.map((n) => formatAddress(address(n))).sort();
  }
}

const place = fc.nat(63);
const step = fc.oneof(
  { weight: 5, arbitrary: place.map((n) => ({ type: "reserve" as const, n })) },
  { weight: 5, arbitrary: place.map((n) => ({ type: "clear" as const, n })) },
  { weight: 5, arbitrary: fc.tuple(place, fc.nat(40)).map(([n, ms]) => ({ type: "rest" as const, n, ms })) },
  { weight: 3, arbitrary: fc.nat(15).map((ms) => ({ type: "wait" as const, ms })) },
  { weight: 2, arbitrary: fc.constant({ type: "wake" as const }) },
  { weight: 5, arbitrary: fc.constant({ type: "take" as const }) },
);

function bothDo(fast: Allocator, slow: SlowAllocator, n: number, until?: number): void {
  slow.set(n, until);
  if (until === undefined) fast.reserve(address(n));
  else fast.rest(address(n), until);
}

function assertSame(fast: Allocator, slow: SlowAllocator, now: number): void {
  const [low, high] = [spanOf(parsePrefix("10.32.0.0/28")!), spanOf(parsePrefix("10.32.0.32/27")!)];
  for (const text of ["10.32.0.0/26", "10.32.0.8/29", "10.32.0.16/28", "10.32.0.63/32", "10.32.0.32/31"]) {
    const subnet = parsePrefix(text)!;
    for (const space of [[spanOf(range)], [low, high], [high], []]) {
      const found = fast.lowestFree(subnet, range, space, now);
      assert.equal(found && formatAddress(found), slow.lowestFree(subnet, space, now), text);
    }
  }
  const busy = fast.busy(4, now).flatMap(({ start, end }) =>
    Array.from({ length: Number(end - start) }, (_, i) => Number(start - first) + i)
  );
  assert.deepEqual(busy, slow.busy(now));
  for (let n = 0; n < 64; n++) {
    assert.equal(fast.stateOf(address(n), now) !== undefined, busy.includes(n), `10.32.0.${n}`);
  }
}

test("the allocator finds what a walk through all addresses finds, whatever was reserved, cleared and rested before", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const [fast, slow] = [new Allocator(), new SlowAllocator()];
    let now = 0;
    for (const each of steps) {
      if (each.type === "reserve") bothDo(fast, slow, each.n);
      else if (each.type === "rest") bothDo(fast, slow, each.n, now + each.ms);
      else if (each.type === "wait") now += each.ms;
      else if (each.type === "wake") {
        assert.deepEqual(fast.wake(now).map(formatAddress).sort(), slow.wake(now));
      } else if (each.type === "clear") {
        fast.clear(address(each.n));
        slow.clear(each.n);
      } else {
        const found = fast.lowestFree(range, range, [spanOf(range)], now);
        if (found !== undefined) bothDo(fast, slow, Number(addressToBigInt(found) - first));
      }
      assertSame(fast, slow, now);
    }
  }));
});

test("runs are the set they stand for, each as long as it can be", () => {
  const change = fc.record({ isAdded: fc.boolean(), value: fc.nat(30) });
  fc.assert(fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
    const [runs, set] = [new Runs(), new Set<number>()];
    for (const { isAdded, value } of changes) {
      if (isAdded) runs.add(BigInt(value));
      else runs.delete(BigInt(value));
      if (isAdded) set.add(value);
      else set.delete(value);
    }
    const spans = runs.spans().map(({ start, end }) => [Number(start), Number(end)] as const);
    const members = spans.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i));
    assert.deepEqual(members, [...set].sort((a, b) => a - b));
    spans.forEach(([start], i) => assert.ok(i === 0 || spans[i - 1]![1] < start, "they do not touch"));
    for (let value = 0; value < 33; value++) {
      let outside = value;
      while (set.has(outside)) outside++;
      assert.equal(runs.firstOutside(BigInt(value)), BigInt(outside), `from ${value}`);
    }
  }));
});

test("10,000 addresses in a row are one run, so the next one costs no walk through them", () => {
  const [allocator, wide] = [new Allocator(), parsePrefix("10.32.0.0/12")!];
  for (let i = 0; i < 10_000; i++) {
    const next = allocator.lowestFree(wide, wide, [spanOf(wide)], 0)!;
    allocator.reserve(next);
  }
  assert.deepEqual(allocator.busy(4, 0), [{ start: first + 1n, end: first + 10_001n }]);
});

test("leases on their way to disk are found by owner, in the order of their asking, and by address", () => {
  const pending = new PendingLeases();
  const of = (owner: string, n: number) => {
    const lease = { owner, address: address(n), bits: 26 };
    return { lease, done: Promise.resolve(lease) };
  };
  const [one, two, other] = [of("web", 9), of("web", 2), of("db", 3)];
  for (const each of [one, two, other]) pending.add(each);
  assert.deepEqual(pending.of("web"), [one, two]);
  assert.equal(pending.at(address(3)), other);
  pending.delete(one.lease);
  pending.delete(one.lease);
  assert.deepEqual([pending.of("web"), pending.at(address(9))], [[two], undefined]);
  pending.delete(two.lease);
  assert.deepEqual([pending.of("web"), pending.of("db")], [[], [other]]);
});
