/**
 * Who has sent what came through a relay, in the form of a sender, where its `sockaddr` would be: family 0, which no socket has,
 * then the local index of the session with the relay and the tag of who is behind it.
 *
 *     0   family 0, port 0 (4 bytes)
 *     4   local index, in the order of its datagrams (4 bytes)
 *     8   tag (8 bytes)
 */
import { relayTagLength } from "../wire/relay_endpoint.ts";
import type { Arena } from "./arena.ts";

const indexAt = 4;
export const tagInSender = 8;
const tagAt = tagInSender;

/** Worker: writes one to `sender`; the tag lies at `tag`. All behind it is zero already. */
export function writeRelaySender(arena: Arena, sender: number, localIndex: number, tag: number): void {
  const { view } = arena;
  view.setInt32(sender, 0);
  view.setInt32(sender + indexAt, localIndex);
  view.setInt32(sender + tagAt, view.getInt32(tag));
  view.setInt32(sender + tagAt + 4, view.getInt32(tag + 4));
}

/** Main: what was written; undefined for a `sockaddr`. */
export function readRelaySender(
  sender: Uint8Array,
): { readonly localIndex: number; readonly tag: Uint8Array } | undefined {
  if (sender[0] !== 0 || sender[1] !== 0 || sender.length < tagAt + relayTagLength) return undefined;
  const localIndex = new DataView(sender.buffer, sender.byteOffset).getUint32(indexAt);
  return { localIndex, tag: sender.slice(tagAt, tagAt + relayTagLength) };
}
