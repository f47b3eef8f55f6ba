/** How much a donor gives: pure arithmetic, so that generosity can be read and tested in one place. */
import type { Prefix } from "../../core/contracts/values.ts";
import { addressWidth } from "../../core/wire/prefix.ts";
import { intersect, largestBlock, type Span, spanOf, totalSize } from "./span.ts";

export interface DonationLimits {
  /** Prefix length of the largest block given away at once, per family. */
  readonly block: { readonly 4: number; readonly 6: number };
}

/**
 * The block to give to who asked for space inside `within`; undefined when nothing can be spared. Half of what is free
 * is kept, so that a donor that is asked over and over still serves its own; a single address is asked for by name
 * (a claim) and given if it is free. `free` is the donor's own space without leases, rests and pending grants, ascending.
 * Exactly what it was given, as `isGiven` says, it cannot give on: such a grant is not valid, so half of it goes instead.
 */
export function chooseBlock(
  free: readonly Span[],
  within: Prefix,
  limits: DonationLimits,
  isGiven: (block: Prefix) => boolean = () => false,
): Prefix | undefined {
  const { family } = within.address;
  const inside = intersect(free, spanOf(within));
  if (within.bits === addressWidth(family)) {
    return inside.length === 1 && !isGiven(within) ? within : undefined;
  }
  const most = 1n << BigInt(addressWidth(family) - limits.block[family]);
  const half = totalSize(inside) / 2n;
  const block = largestBlock(inside, family, half < most ? half : most);
  return block !== undefined && isGiven(block) ? upperHalf(block) : block;
}

/** Undefined for a single address. */
function upperHalf(block: Prefix): Prefix | undefined {
  const { family } = block.address;
  const { start, end } = spanOf(block);
  return largestBlock([{ start, end }], family, (end - start) / 2n);
}
