import type { Address, PeerId } from "./values.ts";

/** Names of endpoints, spread to all nodes and answered by DNS on each. */
export interface Names {
  /** Adds one name of one owner; durable when it resolves. The same call twice is one record. */
  register(record: NameRecord): Promise<void>;
  /** Removes what matches every given field; how many. */
  withdraw(match: Partial<NameRecord>): Promise<number>;
  /** Case-insensitive; empty for an unknown name. */
  lookup(name: string): readonly NameRecord[];
  reverse(address: Address): readonly NameRecord[];
  records(): Iterable<NameRecord & { readonly origin: PeerId }>;
}

export interface NameRecord {
  readonly name: string;
  readonly address: Address;
  readonly owner: string;
}
