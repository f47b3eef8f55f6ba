/**
 * What nodes say to each other on the channel `voters`, beside the records that are shared with everybody. A message is a
 * CBOR array [version, kind, …]:
 *
 *     [1, "ask"]                       a voter that starts, to each other one
 *     [1, "told", 0, record or null]   the answer: its own last word,
 *     [1, "told", 1, record or null]   and the last one of the asker that it knows
 *     [1, "want", kind, payload]       a member, to voters: what it wants decided
 *
 * The answer comes in two messages because two records may not fit one. It names no question: it comes within a session,
 * and a node that starts anew has new ones, so it never answers what was asked in an earlier life.
 */
import { maxChannelMessage } from "../contracts/host.ts";
import { isMeshError } from "../contracts/errors.ts";
import { isRecordKind } from "../identity/signed.ts";
import type { Wish } from "../voters/motion.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";

export type VotingMessage =
  | { readonly kind: "ask" }
  | { readonly kind: "told"; readonly part: 0 | 1; readonly record?: Uint8Array }
  | { readonly kind: "want"; readonly wish: Wish };

const version = 1;

export function encodeVotingMessage(message: VotingMessage): Uint8Array {
  switch (message.kind) {
    case "ask":
      return encodeCbor([version, "ask"]);
    case "told":
      return encodeCbor([version, "told", message.part, message.record ?? null]);
    case "want":
      return encodeCbor([version, "want", message.wish.kind, message.wish.payload]);
  }
}

/** Undefined for what comes from a newer node, or from a liar. */
export function decodeVotingMessage(bytes: Uint8Array): VotingMessage | undefined {
  const [writtenBy, kind, first, second] = arrayIn(bytes);
  if (writtenBy !== version) return undefined;
  if (kind === "ask") return { kind };
  if (kind === "want") {
    return isRecordKind(first) && second instanceof Uint8Array
      ? { kind, wish: { kind: first, payload: second } }
      : undefined;
  }
  if (kind !== "told" || (first !== 0 && first !== 1)) return undefined;
  if (second !== null && !(second instanceof Uint8Array)) return undefined;
  return { kind, part: first, ...(second !== null && { record: second }) };
}

function arrayIn(bytes: Uint8Array): readonly unknown[] {
  try {
    const decoded = decodeCbor(bytes, { maxBytes: maxChannelMessage, maxDepth: 1 });
    return Array.isArray(decoded) ? decoded : [];
  } catch (error) {
    if (isMeshError(error)) return [];
    throw error;
  }
}
