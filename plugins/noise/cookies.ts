/**
 * Cookies, as in WireGuard: under load a first message costs its sender a round trip, which shows that its address is
 * its own. Then it can be held to a rate, and a source cannot be made up.
 *
 *     sender                                                        receiver under load
 *        │ initiation or knock, mac2 = 0                                 │ mac1 right
 *        │ ──────────────────────────────────────────────────────────────> │
 *        │ cookie: sealed MAC(secret of 120 s, sender's host and port)   │ keeps nothing
 *        │ <────────────────────────────────────────────────────────────── │
 *        │ a fresh one, mac2 = MAC(cookie, mac1)                         │ mac2 right: goes on
 *        │ ──────────────────────────────────────────────────────────────> │
 *
 * The reply is sealed with XChaCha20-Poly1305 under a key that is made of the network's or the token's key: a stranger
 * on the path cannot read it, and mac1 of the message it answers is the associated data, so that nobody can plant one.
 */
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { Random } from "../../core/contracts/host.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { equalConstantTime } from "../../core/wire/bytes.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { limits, protocol } from "./constants.ts";
import { mac2Of, PreparedMac } from "./mac.ts";
import { type Cookie, cookieNonceLength, encodeCookie, macLength, readMac1, readMac2 } from "./wire.ts";

const encoder = new TextEncoder();

/** The receiver's side: makes cookies and knows its own, without keeping any. */
export class CookieIssuer {
  readonly #random: Random;
  #secret: PreparedMac | undefined;
  #madeAt: Millis = -Infinity;

  constructor(random: Random) {
    this.#random = random;
  }

  /** True for a message whose mac2 is made with the cookie of its source. */
  proves(message: Uint8Array, from: Endpoint, now: Millis): boolean {
    return equalConstantTime(readMac2(message), mac2Of(message, this.cookie(from, now)));
  }

  /** Answers `message`, whose sender has `receiver` as its index. */
  reply(
    message: Uint8Array,
    { receiver, key }: { readonly receiver: number; readonly key: Uint8Array },
    from: Endpoint,
    now: Millis,
  ): Uint8Array {
    const nonce = this.#random.fill(new Uint8Array(cookieNonceLength));
    const sealed = xchacha20poly1305(key, nonce, readMac1(message)).encrypt(this.cookie(from, now));
    return encodeCookie({ receiver, nonce, sealed });
  }

  /** 16 bytes, in memory that the next call overwrites. */
  cookie(from: Endpoint, now: Millis): Uint8Array {
    if (this.#secret === undefined || now - this.#madeAt >= protocol.cookieMillis) {
      this.#secret = new PreparedMac(this.#random.fill(new Uint8Array(32)));
      this.#madeAt = now;
    }
    return this.#secret.of(encoder.encode(formatEndpoint(from)));
  }
}

/** The cookie that answers the message with `mac1`; undefined for any other. */
export function openCookie(
  { nonce, sealed }: Cookie,
  key: Uint8Array,
  mac1: Uint8Array,
): Uint8Array | undefined {
  try {
    return xchacha20poly1305(key, nonce, mac1).decrypt(sealed);
  } catch {
    return undefined; // noble's only word for a tag that does not verify
  }
}

/**
 * The sender's side: cookies by the place they came from, bounded, each for 120 s. They outlive the attempt: a renewal
 * or the next knock needs no further round trip.
 */
export class CookieJar {
  readonly #cookies = new Map<string, { readonly cookie: Uint8Array; readonly until: Millis }>();

  keep(place: Endpoint, cookie: Uint8Array, now: Millis): void {
    const key = formatEndpoint(place);
    this.#cookies.delete(key);
    if (this.#cookies.size >= limits.cookies) this.#cookies.delete(this.#cookies.keys().next().value!);
    this.#cookies.set(key, { cookie, until: now + protocol.cookieMillis });
  }

  /** Fills mac2 of a message to `place` in place when there is a cookie for it. */
  sign(message: Uint8Array, place: Endpoint, now: Millis): void {
    const held = this.#cookies.get(formatEndpoint(place));
    if (held === undefined || now >= held.until) return;
    message.set(mac2Of(message, held.cookie), message.length - macLength);
  }

  clear(): void {
    this.#cookies.clear();
  }
}
