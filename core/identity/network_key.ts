/**
 * The network key: 32 random bytes that every member holds, the PSK of sessions between members and the root of all
 * token keys. It is replaced when a member or a token is revoked.
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { blake2s } from "@noble/hashes/blake2.js";
import type { Random } from "../contracts/host.ts";
import { MeshError } from "../contracts/errors.ts";
import type { NetworkKey, TokenReference } from "../contracts/membership.ts";
import { concatBytes } from "../wire/bytes.ts";
import { writeU64 } from "../wire/field.ts";
import { domainBytes } from "./domain.ts";
import { Secret } from "./secret.ts";

/** Length of a network key and of every key derived from it. */
export const networkKeyBytes = 32;
/** Length of the name of a network key on the wire. */
export const networkKeyIdBytes = 8;
/** Length of a token's id. */
export const tokenIdBytes = 16;

export function createNetworkKey(random: Random): NetworkKey {
  return networkKeyOf(random.fill(new Uint8Array(networkKeyBytes)));
}

/**
 * The key with its public name: 8 bytes of BLAKE2s keyed with the secret, which tell nothing about it. Neither JSON
 * nor an inspector shows the secret, and a spread copy loses it. Throws INVALID_ARGUMENT unless it has 32 bytes.
 */
export function networkKeyOf(secret: Uint8Array): NetworkKey {
  if (secret.length !== networkKeyBytes) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot use a network key of ${secret.length} bytes: it must have 32`,
    );
  }
  return new GuardedNetworkKey(secret);
}

class GuardedNetworkKey implements NetworkKey {
  readonly id: Uint8Array;
  readonly #secret: Secret;

  constructor(secret: Uint8Array) {
    this.#secret = new Secret(secret);
    this.id = blake2s(domainBytes("network key id 1"), { key: secret, dkLen: networkKeyIdBytes });
  }

  get secret(): Uint8Array {
    return this.#secret.reveal();
  }
}

/**
 * The PSK of a token's join handshake: HKDF-BLAKE2s (RFC 5869) over the network key, salted with the domain, with
 * token id ‖ expiry (u64, seconds) as info. Any member can derive it from what a knock says in clear, nobody can
 * make one for a later expiry.
 */
export function deriveTokenKey(key: NetworkKey, token: TokenReference): Uint8Array {
  const expires = new Uint8Array(8);
  writeU64(expires, 0, token.expires);
  return hkdf(
    blake2s,
    key.secret,
    domainBytes("token key 1"),
    concatBytes(token.id, expires),
    networkKeyBytes,
  );
}
