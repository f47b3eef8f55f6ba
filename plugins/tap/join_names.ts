/** What the ends of a joined bridge are called. Ours says of itself whose it is, as ports do: `selvage join 1 br0`. */
import { blake2s } from "@noble/hashes/blake2.js";
import { encodeHex } from "../../core/wire/hex.ts";
import { isBridgeName } from "./host_bridges.ts";

export const mostJoins = 64;

export interface JoinAlias {
  /** Names the end, `join1`; 1 to 64. */
  readonly number: number;
  /** Name of the host's bridge. */
  readonly device: string;
}

const form = /^selvage join ([1-9][0-9]?) (\S{1,15})$/;

export function formatJoinAlias({ number, device }: JoinAlias): string {
  return `selvage join ${number} ${device}`;
}

/** Undefined for what this program did not write: anybody who may change an interface can write an alias. */
export function parseJoinAlias(text: string | undefined): JoinAlias | undefined {
  const [, number, device = ""] = form.exec(text ?? "") ?? [];
  if (Number(number) > mostJoins || !isBridgeName(device)) return undefined;
  return { number: Number(number), device };
}

/** Of the end on the host, where several nodes may have theirs. `namespace` is that of our bridge. */
export function hostEndName(namespace: string, number: number): string {
  const digest = blake2s(new TextEncoder().encode(namespace), { dkLen: 3 });
  return `selv${encodeHex(digest)}j${number}`;
}
