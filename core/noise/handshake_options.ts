/**
 * What a handshake is started with, and the check that it fits the pattern (Noise revision 34, §5.3
 * Initialize).
 *
 * The check is strict both ways: a key that is missing, and a key that the pattern would never use. Whoever
 * hands a static key to `NX`'s initiator believes in an authentication that does not take place.
 */
import type { Random } from "../contracts/host.ts";
import { dhLength, isUsablePublicKey, type KeyPair, type X25519 } from "./dh.ts";
import { type Role, sendsStatic } from "./pattern.ts";
import type { Protocol } from "./protocol_name.ts";
import { keyLength } from "./suite.ts";

/**
 * The static pair and the pre-shared keys are borrowed, neither copied nor wiped: they must keep their bytes
 * until the handshake is complete. Copies would only multiply the places where a long-lived secret lies.
 */
export interface HandshakeOptions {
  readonly protocol: Protocol;
  readonly role: Role;
  /** Source of the ephemeral key: 32 bytes are drawn when the first own message is written. */
  readonly random: Random;
  /** Bytes on which both sides must agree, else the handshake fails (§6). They are bound, but not secret. */
  readonly prologue?: Uint8Array | undefined;
  /** Own static pair, exactly where the pattern has one. */
  readonly staticKeys?: KeyPair | undefined;
  /** Static public key of the other side, exactly where the pattern has it known beforehand. */
  readonly remoteStatic?: Uint8Array | undefined;
  /** One 32-byte key per `psk` token, in the order of the tokens. */
  readonly psks?: readonly Uint8Array[] | undefined;
  /** Stands in for the portable X25519; the same bytes come out. */
  readonly curve?: X25519 | undefined;
}

/**
 * Throws an Error that names protocol, role and fault. A `remoteStatic` of low order is among the faults: a
 * key that came from elsewhere is asked for {@link isUsablePublicKey} when it is taken in, long before a
 * handshake.
 */
export function checkOptions(options: HandshakeOptions): void {
  const { protocol: { name, pattern }, role, staticKeys, remoteStatic, psks = [] } = options;
  const demand = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`${name} ${role}: ${what}`);
  };
  const needsStatic = pattern.preMessages[role] || sendsStatic(pattern, role);
  demand(needsStatic === (staticKeys !== undefined), `needs ${needsStatic ? "a" : "no"} static key pair`);
  demand(staticKeys === undefined || isPair(staticKeys), "the static keys must have 32 bytes each");
  const needsRemote = pattern.preMessages[otherRole(role)];
  demand(needsRemote === (remoteStatic !== undefined), `needs ${needsRemote ? "a" : "no"} remote static key`);
  demand(
    remoteStatic === undefined || isUsablePublicKey(remoteStatic),
    "the remote static key is not usable",
  );
  demand(psks.length === pattern.psks, `needs ${pattern.psks} pre-shared keys, not ${psks.length}`);
  demand(psks.every((psk) => psk.length === keyLength), `pre-shared keys must have ${keyLength} bytes`);
}

function isPair(keys: KeyPair): boolean {
  return keys.publicKey.length === dhLength && keys.secretKey.length === dhLength;
}

function otherRole(role: Role): Role {
  return role === "initiator" ? "responder" : "initiator";
}
