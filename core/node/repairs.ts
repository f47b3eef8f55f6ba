/**
 * Who is to be told which records, some or all of a kind, and how much of that now: pure, time is handed in.
 *
 * What a peer may cause us to send is bounded, however often it asks: a liar must not make us its amplifier, nor two
 * nodes that differ for good each other's. A peer gets 64 messages a second; where the last go ended is remembered, so
 * that also a long list gets across. Who asks for a kind while it is being told, or within the second after, is told no
 * more: most likely it asked before it had heard.
 */
import type { Millis, PeerId } from "../contracts/values.ts";
import { countThatFits } from "./state_message.ts";

/** Pause between two goes to one peer. */
export const repairInterval: Millis = 1000;
/** Messages of one go. */
export const repairMessages = 64;
/** Kinds that one peer may have outstanding; the rest waits for its next digests. */
const maxOwedKinds = 64;
/** Records that one peer may have outstanding beside these. */
const maxOwedRecords = 16_384;

interface Telling {
  readonly records: readonly Uint8Array[];
  next: number;
}

interface Account {
  readonly owed: Set<string>;
  /** Kinds that are being told, or have been within the pause. */
  readonly told: Set<string>;
  /** The same of single records. */
  readonly owedRecords: Set<Uint8Array>;
  readonly toldRecords: Set<Uint8Array>;
  telling: Telling[];
  notBefore: Millis;
}

export class Repairs {
  readonly #recordsOf: (kind: string) => readonly Uint8Array[];
  readonly #accounts = new Map<PeerId, Account>();

  constructor(recordsOf: (kind: string) => readonly Uint8Array[]) {
    this.#recordsOf = recordsOf;
  }

  /** When {@link due} has somebody to name; undefined while nobody is told anything. */
  get deadline(): Millis | undefined {
    const times = [...this.#accounts.values()].map(({ notBefore }) => notBefore);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** The peer lacks some of these kinds. */
  owe(peer: PeerId, kinds: readonly string[], now: Millis): void {
    const account = this.#accountOf(peer, now);
    for (const kind of kinds) {
      if (!account.told.has(kind) && account.owed.size < maxOwedKinds) account.owed.add(kind);
    }
  }

  /** The peer lacks these, and no others of their kind. */
  oweRecords(peer: PeerId, records: readonly Uint8Array[], now: Millis): void {
    const { owedRecords, toldRecords } = this.#accountOf(peer, now);
    for (const record of records) {
      if (!toldRecords.has(record) && owedRecords.size < maxOwedRecords) owedRecords.add(record);
    }
  }

  #accountOf(peer: PeerId, now: Millis): Account {
    const account = this.#accounts.get(peer) ?? {
      owed: new Set<string>(),
      told: new Set<string>(),
      owedRecords: new Set<Uint8Array>(),
      toldRecords: new Set<Uint8Array>(),
      telling: [],
      notBefore: now,
    };
    this.#accounts.set(peer, account);
    return account;
  }

  /** Peers whose next go is due. Those to whom nothing is owed any more are forgotten here. */
  due(now: Millis): readonly PeerId[] {
    const due = [...this.#accounts].filter(([, { notBefore }]) => now >= notBefore);
    for (const [peer, { owed, owedRecords, telling }] of due) {
      if (owed.size + owedRecords.size + telling.length === 0) this.#accounts.delete(peer);
    }
    return due.map(([peer]) => peer).filter((peer) => this.#accounts.has(peer));
  }

  /**
   * One go to a peer that is {@link due}: hands pieces to `send` until it answers false, the go is over or all is told.
   * True when all is told.
   */
  go(peer: PeerId, now: Millis, send: (records: readonly Uint8Array[]) => boolean): boolean {
    const account = this.#accounts.get(peer);
    if (account === undefined) return true;
    account.notBefore = now + repairInterval;
    if (account.telling.length === 0) this.#begin(account);
    const { telling } = account;
    for (let sent = 0; telling.length > 0;) {
      const { records, next } = telling[0]!;
      if (next >= records.length) {
        telling.shift();
        continue;
      }
      if (sent++ === repairMessages) return false;
      const count = countThatFits(records, next);
      if (!send(records.slice(next, next + count))) return false;
      telling[0]!.next += count;
    }
    return true;
  }

  #begin(account: Account): void {
    const kinds = [...account.owed];
    account.owed.clear();
    account.told.clear();
    for (const kind of kinds) account.told.add(kind);
    const records = [...account.owedRecords];
    account.owedRecords.clear();
    account.toldRecords.clear();
    for (const record of records) account.toldRecords.add(record);
    account.telling = [records, ...kinds.map((kind) => this.#recordsOf(kind))].map((all) => ({
      records: all,
      next: 0,
    }));
  }

  forget(peer: PeerId): void {
    this.#accounts.delete(peer);
  }

  clear(): void {
    this.#accounts.clear();
  }
}
