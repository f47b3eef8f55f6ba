/**
 * Events in order of time, and of arrival where times are equal, for runs of hundreds of millions of them. All numbers
 * are in typed arrays and a slot is used again, so an event costs no garbage; the queue of `tests/sim/clock.ts` makes
 * an object and a closure for each. A timing wheel was rejected: with the few events per node that wait here, a heap
 * with four children per parent is at most eight levels deep and needs no granularity of time.
 */

/** What the caller makes of an event; the queue only keeps it. */
export interface TakenEvent {
  at: number;
  kind: number;
  /** The node that it happens to. */
  node: number;
  /** Free: who sent it, a generation. */
  detail: number;
  message: Uint8Array | undefined;
}

const arity = 4;

export class EventQueue {
  /** What {@link take} took last: one object, written over by the next. */
  readonly taken: TakenEvent = { at: 0, kind: 0, node: 0, detail: 0, message: undefined };
  #size = 0;
  #sequence = 0;
  // The heap: keys beside the slot, so that comparing touches nothing else.
  #times: Float64Array;
  #order: Float64Array;
  #slots: Uint32Array;
  // The slots.
  #kinds: Uint8Array;
  #nodes: Uint32Array;
  #details: Float64Array;
  #messages: (Uint8Array | undefined)[] = [];
  #free: Uint32Array;
  #freeCount = 0;

  constructor(capacity = 1024) {
    this.#times = new Float64Array(capacity);
    this.#order = new Float64Array(capacity);
    this.#slots = new Uint32Array(capacity);
    this.#kinds = new Uint8Array(capacity);
    this.#nodes = new Uint32Array(capacity);
    this.#details = new Float64Array(capacity);
    this.#free = new Uint32Array(capacity);
    this.#offerSlots(0, capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** Time of the first event; infinity when there is none. */
  get next(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#times[0]!;
  }

  add(at: number, kind: number, node: number, detail: number): void {
    this.#insert(at, this.#keep(kind, node, detail, undefined));
  }

  // deno-lint-ignore selvage/max-parameters -- an object for each of a million datagrams a second is the cost to avoid
  addMessage(at: number, kind: number, node: number, from: number, message: Uint8Array): void {
    this.#insert(at, this.#keep(kind, node, from, message));
  }

  /** Moves the first event to {@link taken}; false when there is none up to `end`. */
  take(end: number): boolean {
    if (this.#size === 0 || this.#times[0]! > end) return false;
    const slot = this.#slots[0]!;
    const { taken } = this;
    taken.at = this.#times[0]!;
    taken.kind = this.#kinds[slot]!;
    taken.node = this.#nodes[slot]!;
    taken.detail = this.#details[slot]!;
    taken.message = this.#messages[slot];
    this.#messages[slot] = undefined;
    this.#free[this.#freeCount++] = slot;
    this.#size--;
    if (this.#size > 0) {
      this.#sink(this.#times[this.#size]!, this.#order[this.#size]!, this.#slots[this.#size]!);
    }
    return true;
  }

  #keep(kind: number, node: number, detail: number, message: Uint8Array | undefined): number {
    if (this.#freeCount === 0) this.#grow();
    const slot = this.#free[--this.#freeCount]!;
    this.#kinds[slot] = kind;
    this.#nodes[slot] = node;
    this.#details[slot] = detail;
    this.#messages[slot] = message;
    return slot;
  }

  #insert(at: number, slot: number): void {
    if (Number.isNaN(at)) throw new RangeError("an event was set to NaN");
    const [times, order, slots] = [this.#times, this.#order, this.#slots];
    // A new event is later in the order of arrival than all others, so equal times never make it rise.
    let place = this.#size++;
    while (place > 0) {
      const parent = (place - 1) >> 2;
      if (times[parent]! <= at) break;
      times[place] = times[parent]!;
      order[place] = order[parent]!;
      slots[place] = slots[parent]!;
      place = parent;
    }
    times[place] = at;
    order[place] = this.#sequence++;
    slots[place] = slot;
  }

  /** Puts an entry into the hole at the top. */
  #sink(at: number, sequence: number, slot: number): void {
    const [times, order, slots, size] = [this.#times, this.#order, this.#slots, this.#size];
    let place = 0;
    for (let first = 1; first < size; first = place * arity + 1) {
      let least = first;
      const end = Math.min(first + arity, size);
      for (let child = first + 1; child < end; child++) {
        if (
          times[child]! < times[least]! || (times[child]! === times[least]! && order[child]! < order[least]!)
        ) least = child;
      }
      if (times[least]! > at || (times[least]! === at && order[least]! > sequence)) break;
      times[place] = times[least]!;
      order[place] = order[least]!;
      slots[place] = slots[least]!;
      place = least;
    }
    times[place] = at;
    order[place] = sequence;
    slots[place] = slot;
  }

  #grow(): void {
    const before = this.#times.length;
    const capacity = 2 * before;
    this.#times = copied(this.#times, new Float64Array(capacity));
    this.#order = copied(this.#order, new Float64Array(capacity));
    this.#slots = copied(this.#slots, new Uint32Array(capacity));
    this.#kinds = copied(this.#kinds, new Uint8Array(capacity));
    this.#nodes = copied(this.#nodes, new Uint32Array(capacity));
    this.#details = copied(this.#details, new Float64Array(capacity));
    this.#free = copied(this.#free, new Uint32Array(capacity));
    this.#offerSlots(before, capacity);
  }

  #offerSlots(from: number, to: number): void {
    for (let slot = to - 1; slot >= from; slot--) this.#free[this.#freeCount++] = slot;
  }
}

function copied<T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
