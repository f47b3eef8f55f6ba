/**
 * Endpoints that are gone by themselves: a container that has ended, an interface that somebody has deleted. Their addresses
 * are kept for a while, for a container that is started again is a new namespace and expects to be found where it was.
 *
 * Their records stay on disk as long, so that a node that starts meanwhile does not give the addresses away either.
 */
import type { Clock, Logger, Timer } from "../contracts/host.ts";
import type { Ipam, Lease, LeaseTransfer } from "../contracts/ipam.ts";
import type { Where } from "../contracts/port.ts";
import type { EndpointRecord } from "./endpoint_record.ts";
import type { AddressWish } from "./endpoint_wish.ts";
import { isLeaseOf } from "./host_record.ts";
import type { Undo } from "./undo.ts";

export interface DepartureParts {
  readonly ipam: Ipam & Partial<LeaseTransfer>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
}

/** Who comes, in whose place it may be. */
export interface Arrival {
  readonly owner: string;
  readonly where: Where;
  readonly wishes: readonly AddressWish[];
}

interface Departure {
  readonly record: EndpointRecord;
  readonly timer: Timer;
}

const graceMillis = 30_000;

export class Departures {
  readonly #parts: DepartureParts;
  readonly #over: (owner: string) => void;
  readonly #departed = new Map<string, Departure>();

  /** `over` is called when the time of an owner is over; then it is still kept, until {@link end}. */
  constructor(parts: DepartureParts, over: (owner: string) => void) {
    this.#parts = parts;
    this.#over = over;
    parts.signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  add(record: EndpointRecord): void {
    const { clock, signal } = this.#parts;
    if (signal.aborted) return;
    const { owner } = record;
    this.#departed.get(owner)?.timer.cancel();
    const timer = clock.timer(clock.now() + graceMillis, () => this.#over(owner));
    this.#departed.set(owner, { record, timer });
  }

  has(owner: string): boolean {
    return this.#departed.has(owner);
  }

  /** Who was attached by the same words. */
  ownerAt(where: Where): string | undefined {
    return [...this.#departed.values()].find(({ record }) => isSamePlace(record.where, where))?.record.owner;
  }

  /** Whether there was one, which is kept no more. */
  end(owner: string): boolean {
    this.#departed.get(owner)?.timer.cancel();
    return this.#departed.delete(owner);
  }

  /**
   * Gives the arrival what it has had before, as far as it wishes it again. A number of a namespace is soon another's: what
   * an owner of the same name leaves unclaimed is released at once, or the newcomer would be given it as its own. An
   * arrival that fails gives back what it was given: it is tried again.
   */
  async inherit(arrival: Arrival, undo: Undo): Promise<void> {
    const { ipam } = this.#parts;
    for (const { record } of [...this.#departed.values()]) {
      const isHeir = isSamePlace(record.where, arrival.where);
      const wished = isHeir ? oneForEach(arrival.wishes, record.leases) : [];
      if (record.owner !== arrival.owner) {
        for (const lease of wished) {
          await this.#handOver({ ...lease, owner: record.owner }, arrival.owner, undo);
        }
        continue;
      }
      this.end(record.owner);
      undo.add(() => this.add({ ...record, leases: wished }));
      for (const lease of record.leases) {
        if (!wished.includes(lease)) await ipam.release(arrival.owner, lease.address);
      }
    }
  }

  /** What cannot be handed over is asked for as if it had never been held. */
  async #handOver(lease: Lease, owner: string, undo: Undo): Promise<void> {
    const { ipam, log } = this.#parts;
    try {
      const given = await ipam.transfer?.(lease, owner);
      if (given !== undefined) undo.add(() => this.#handBack(given, lease.owner));
    } catch (error) {
      log.log("debug", "An address cannot be handed over", { owner, error });
    }
  }

  /** For the rest of its time; when the node stops, for the next start, which finds the record. */
  async #handBack(lease: Lease, owner: string): Promise<void> {
    const { ipam, signal } = this.#parts;
    if (this.has(owner) || signal.aborted) await ipam.transfer?.(lease, owner);
    else await ipam.release(lease.owner, lease.address);
  }

  #stop(): void {
    for (const { timer } of this.#departed.values()) timer.cancel();
    this.#departed.clear();
  }
}

/** The first lease that each wish would mean. */
function oneForEach(wishes: readonly AddressWish[], leases: readonly Lease[]): readonly Lease[] {
  return wishes.flatMap((wish) => leases.find((lease) => isLeaseOf(wish, lease)) ?? []);
}

/** By the same words, or by more or fewer digits of a container's id. */
export function isSamePlace(one: Where, other: Where): boolean {
  const [id, otherId] = [idOf(one), idOf(other)];
  if (id === undefined || otherId === undefined) return JSON.stringify(one) === JSON.stringify(other);
  return id.startsWith(otherId) || otherId.startsWith(id);
}

function idOf(where: Where): string | undefined {
  return "container" in where ? where.container : undefined;
}
