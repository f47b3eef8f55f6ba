/** What can be wrong with a wish for an address, in words for the operator. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Address, Millis, Prefix } from "../../core/contracts/values.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";
import type { State } from "./allocator.ts";
import { maxOwnerLength } from "./storage.ts";

/** Throws INVALID_ARGUMENT for a name that no owner may have. */
export function requireOwner(owner: string): void {
  if (owner.length >= 1 && owner.length <= maxOwnerLength && owner.isWellFormed()) return;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot give an address to "${owner.slice(0, 64)}": an owner's name has ` +
      `1 to ${maxOwnerLength} characters`,
  );
}

export function timeout(within: Prefix, cause: unknown): MeshError {
  return new MeshError(
    "TIMEOUT",
    `Cannot get space inside ${formatPrefix(within)}: no peer has given any in time; ` +
      "see that one that owns some is connected",
    { cause },
  );
}

export function exhausted(within: Prefix): MeshError {
  return new MeshError(
    "POOL_EXHAUSTED",
    `Cannot give an address of ${formatPrefix(within)}: all are in use; ` +
      "release some, or use another subnet",
  );
}

export function taken(address: Address, why: string): MeshError {
  return new MeshError(
    "ADDRESS_TAKEN",
    `Cannot claim ${formatAddress(address)}: ${why}; choose another address`,
  );
}

/** Of an address of this node's own that is not to be had; `isFresh`: it lies in what was taken over. */
export function whyTaken(state: State | undefined, isFresh: boolean, now: Millis): string {
  if (state?.kind === "resting") {
    return `it was released just now and rests for ${Math.ceil((state.until - now) / 1000)} s more`;
  }
  return state === undefined && isFresh
    ? "it was taken over just now and rests, since its last owner may still use it"
    : "somebody else has it";
}
