/**
 * What an interface of ours says of itself: the alias of the node's end of a pair. A node that starts reads there what
 * an earlier run left, also one that was killed, and needs no file that could tell another story than the kernel.
 *
 *     selvage netns:4:4026532246 7 1376 5f0c9be1a2d34786
 *             owner              │ MTU  digest of the addresses and the MAC
 *                                └ number of the port
 */
import { blake2s } from "@noble/hashes/blake2.js";
import type { Lease } from "../../core/contracts/ipam.ts";
import { encodeHex } from "../../core/wire/hex.ts";

export interface PortAlias {
  readonly owner: string;
  /** Names the port, `port7`, and marks its packets; 1 to 65,535. */
  readonly number: number;
  readonly mtu: number;
  readonly digest: string;
}

const form = /^selvage ([\x21-\x7e]{1,160}) ([1-9][0-9]{0,4}) ([1-9][0-9]{3,4}) ([0-9a-f]{16})$/;

/** Fits in the 255 bytes that the kernel keeps. `owner` has passed {@link isOwner}. */
export function formatAlias({ owner, number, mtu, digest }: PortAlias): string {
  return `selvage ${owner} ${number} ${mtu} ${digest}`;
}

/** Undefined for what this program did not write. */
export function parseAlias(text: string | undefined): PortAlias | undefined {
  const match = form.exec(text ?? "");
  if (match === null) return undefined;
  const [, owner, number, mtu, digest] = match;
  return { owner: owner!, number: Number(number), mtu: Number(mtu), digest: digest! };
}

/**
 * Owners that can be written in an alias, in a shell's here-document, and in a batch of `ip`, where `#` begins a comment also
 * between quotes: visible ASCII without these, quotes, `$`, `\`.
 */
export function isOwner(owner: string): boolean {
  return /^[\x21-\x7e]{1,160}$/.test(owner) && !/["'`$\\#]/.test(owner);
}

/** The same for the same addresses, in whatever order, and the same MAC: 16 hexadecimal digits. */
export function digestOf(leases: readonly Lease[], mac: Uint8Array): string {
  const lines = leases.map(({ address, bits }) => `${encodeHex(address.bytes)}/${bits}`).sort();
  const text = [encodeHex(mac), ...lines].join(" ");
  return encodeHex(blake2s(new TextEncoder().encode(text), { dkLen: 8 }));
}
