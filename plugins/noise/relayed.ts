/**
 * The plaintext of a relayed message, type 18: a whole message between two peers that reach each other through a third one.
 *
 *     sender ──[18 | destination | message]──> relay ──[18, passed on | source | message]──> receiver
 *
 *    +---------------------------------------------------------------+
 *    |                            Tag (8)                            |
 *    +---------------------------------------------------------------+
 *    |  Message                                                      |
 *    +---------------------------------------------------------------+
 *
 * Each of the two legs is sealed in the session of its neighbours, so the relay knows whose message it is by the session that it
 * came in, and the receiver believes its relay as to where an answer goes; what is inside neither of them can judge without
 * the keys of the two ends. The flag tells the legs apart: whoever reads one with it is the receiver, and passes nothing on.
 *
 * A message passed on that is empty is the relay's own word: there is no way from here to who has that tag.
 */
import { relayTagLength } from "../../core/wire/relay_endpoint.ts";
import { headerLength, MessageType, tagLength, transportHeaderLength } from "./wire.ts";

/** What a message grows by on its way through a relay. */
export const relayGrowth: number = transportHeaderLength + relayTagLength + tagLength;

export interface Relayed {
  /** 8 bytes. */
  readonly tag: Uint8Array;
  readonly message: Uint8Array;
}

export function encodeRelayed({ tag, message }: Relayed): Uint8Array {
  const plaintext = new Uint8Array(relayTagLength + message.length);
  plaintext.set(tag);
  plaintext.set(message, relayTagLength);
  return plaintext;
}

/** Views into `plaintext`; undefined without a whole tag. */
export function decodeRelayed(plaintext: Uint8Array): Relayed | undefined {
  if (plaintext.length < relayTagLength) return undefined;
  return { tag: plaintext.subarray(0, relayTagLength), message: plaintext.subarray(relayTagLength) };
}

/**
 * Whether `message` may go through a relay: any may, also one that is itself relayed, but for a packet in plain, which says whose it
 * is by its address alone.
 */
export function mayBeRelayed(message: Uint8Array): boolean {
  return message.length >= headerLength && message[0]! >= MessageType.initiation &&
    message[0]! <= MessageType.note;
}

/**
 * Whether it goes in parts where a leg is too narrow for it whole: nobody has measured the way of those, and they cannot be made
 * smaller. Of all else the two ends measure what passes whole, and must not be told that everything does.
 */
export function maySplit(message: Uint8Array): boolean {
  const type = message[0];
  return type === MessageType.initiation || type === MessageType.response || type === MessageType.note;
}
