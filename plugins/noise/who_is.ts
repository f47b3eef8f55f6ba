/**
 * Who is there? The Noise handshake between members needs the responder's key, and a bare address has none. So it is
 * asked for, under the network key: only members can ask, and only members can read the answer. What the answer says is
 * proved by the handshake that follows.
 *
 * The answerer keeps nothing. Its answers seal under a key of their own each (see `iAmKey`), so replayed questions give
 * nothing away; copies of one are not answered at all, as the gate does with first messages.
 */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { Drop } from "../../core/contracts/drop.ts";
import type { NetworkKey } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { concatBytes } from "../../core/wire/bytes.ts";
import { sourceOf } from "../../core/wire/source.ts";
import { protocol } from "./constants.ts";
import type { Local } from "./local.ts";
import { iAmKey, signTail, whoIsMacKey } from "./mac.ts";
import { findNetworkKey } from "./member_handshake.ts";
import { isUsablePublicKey } from "../../core/noise/dh.ts";
import type { RateLimiter } from "./rate_limiter.ts";
import { decodeWhoIs, encodeIAmFields, encodeWhoIs, type IAm, macLength, nonceLength } from "./wire.ts";

/** Each key seals one message. */
const onlyNonce = new Uint8Array(12);

/** The question, under one of this network's keys. */
export function askWhoIs(networkKey: NetworkKey, nonce: Uint8Array): Uint8Array {
  const message = encodeWhoIs({ keyId: networkKey.id, nonce }, protocol.whoIsLength);
  return signTail(message, whoIsMacKey(networkKey.secret));
}

/** Answers a question of a member. */
export function answerWhoIs(
  local: Local,
  limiter: RateLimiter,
  { datagram, from }: { readonly datagram: Uint8Array; readonly from: Endpoint },
  now: Millis,
): Drop {
  const question = decodeWhoIs(datagram, protocol.whoIsLength);
  if (question === undefined) return Drop.malformed;
  const networkKey = findNetworkKey(local, question.keyId);
  if (networkKey === undefined) return Drop.badMac;
  const mac = datagram.subarray(-macLength);
  if (local.gate.seen.has(mac)) return Drop.replayed;
  if (!local.readyKeys.network(networkKey.secret).whoIs.verifiesTail(datagram)) return Drop.badMac;
  if (!limiter.allow(sourceOf(from.host), now)) return Drop.rateLimited;
  local.gate.seen.add(mac);
  const salt = local.random.fill(new Uint8Array(nonceLength));
  const fields = encodeIAmFields(question.nonce, salt);
  const key = iAmKey(networkKey.secret, question.nonce, salt);
  const sealed = chacha20poly1305(key, onlyNonce, fields).encrypt(local.self.noise.publicKey);
  local.outbox.transmit(concatBytes(fields, sealed), from, now);
  return Drop.none;
}

/** The Noise key that an answer to a question under `networkKey` names, in memory of its own. */
export function openIAm(networkKey: NetworkKey, { nonce, salt, sealed }: IAm): Uint8Array | undefined {
  const fields = encodeIAmFields(nonce, salt);
  try {
    const key = chacha20poly1305(iAmKey(networkKey.secret, nonce, salt), onlyNonce, fields).decrypt(sealed);
    return isUsablePublicKey(key) ? key : undefined;
  } catch {
    return undefined; // noble's only word for a tag that does not verify
  }
}
