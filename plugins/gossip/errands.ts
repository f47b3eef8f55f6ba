/** Pings, and pings for others: who cannot hear a member asks those who may. */
import type { Allowance } from "./allowance.ts";
import type { Commons } from "./commons.ts";
import { Kind } from "./wire.ts";

/** An asker has given up after this. */
const lasting = 3_000;
const mostErrands = 32;

interface Errand {
  readonly asker: number;
  readonly target: number;
  readonly until: number;
}

export class Errands {
  readonly #commons: Commons;
  readonly #allowance: Allowance;
  #open: Errand[] = [];

  constructor(commons: Commons, allowance: Allowance) {
    this.#commons = commons;
    this.#allowance = allowance;
  }

  answer(from: number, nonce: number, incarnation: number): void {
    this.#commons.outbox.section(from, Kind.pong, 6).u16(nonce).u32(incarnation);
  }

  /** The asker hears at once that this node is there, so that it knows whether it hears anybody. */
  take(asker: number, target: number, now: number, incarnation: number): void {
    const { table, self, counters, outbox } = this.#commons;
    this.answer(asker, 0, incarnation);
    if (target < 0 || target === self || !table.isMember(target)) return void counters.unknownMember++;
    this.#open = this.#open.filter(({ until }) => until > now);
    if (this.#open.length >= mostErrands || !this.#allowance.take(asker, now)) {
      return void counters.overLimit++;
    }
    this.#open.push({ asker, target, until: now + lasting });
    outbox.section(target, Kind.ping, 2).u16(0);
  }

  /** Something came of `target`: all who asked about it are told. */
  heard(target: number): void {
    if (this.#open.length === 0) return;
    for (const errand of this.#open) {
      if (errand.target !== target) continue;
      this.#commons.outbox.section(errand.asker, Kind.reached, 10).tag(target).u16(0);
    }
    this.#open = this.#open.filter((errand) => errand.target !== target);
  }
}
