import type { PeerId } from "./values.ts";

/** What a majority of the network's voters has decided, once and for all. */
export interface Decision {
  /** Its place in the history: grows with every decision of whatever kind, and no two have the same. */
  readonly number: number;
  /** How many forced lists of voters lay behind it: of a history with more, decisions of one with fewer may be void. */
  readonly recovery: number;
  readonly payload: Uint8Array;
}

/**
 * The voters of the network, for a plugin that needs something decided which no two sides of a partition may decide apart.
 * A kind is a lower-case word, of one plugin for ever.
 */
export interface Decisions {
  /** Those that count, ascending by number; undefined while this node has not started to listen. */
  decided(kind: string): readonly Decision[] | undefined;
  /** How many forced lists of voters lie behind the present one. */
  recovery(): number;
  /** Who votes now; nobody before the node belongs to a network. */
  voters(): readonly PeerId[];
  /** Calls after each change of what {@link decided} gives, before anybody else hears of it. One handler of a kind. */
  watch(kind: string, handler: () => void): void;
  /**
   * Without a judge nothing of a kind gets this node's vote. It is asked only while this node holds every decision that was
   * made before; false delays, and is always safe.
   */
  judge(kind: string, judge: (payload: Uint8Array) => boolean): void;
  /**
   * Asks for a decision. It may be forgotten, and is after 20 s: who needs it asks again, as often as it likes. Throws INVALID_ARGUMENT over
   * 256 bytes, POOL_EXHAUSTED for too many at once, UNREACHABLE where there is no voter to ask, NOT_RUNNING before the start.
   */
  propose(kind: string, payload: Uint8Array): void;
}
