import type { ErrorCode } from "./errors.ts";
import type { PeerId, PeerRecord, Prefix } from "./values.ts";

/**
 * Who belongs to the network, as an encapsulation needs to know it. It carries credentials as opaque bytes: the record
 * formats are `core/identity`, so a second encapsulation need not know them.
 */
export interface Membership {
  /** 16 bytes, the hash of the founding record; undefined until this node has founded or joined. */
  networkId(): Uint8Array | undefined;
  /** What the founding record fixes; undefined as above. */
  network(): NetworkFacts | undefined;
  /** The current key first, then older ones that a member which was away may still hold. */
  networkKeys(): readonly NetworkKey[];
  /** The keys under which a holder of this token may knock; empty when it is expired or revoked. */
  tokenKeys(token: TokenReference): readonly Uint8Array[];
  /** What this node shows in a handshake: key binding, admission chain, endpoints, own signed ranges. */
  credentials(): Uint8Array;
  /** Judges what a peer has shown in a handshake made with `noiseKey`. Pure: nothing is stored. */
  check(credentials: Uint8Array, noiseKey: Uint8Array): PeerIdentity | Refusal;
}

/** What all members agree on for ever, because the network id is the hash of it. */
export interface NetworkFacts {
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly name: string;
  /** IPv4 first. */
  readonly ranges: readonly Prefix[];
  readonly founder: PeerId;
}

/** `id` names the key on the wire without telling anything about it. */
export interface NetworkKey {
  /** 8 bytes. */
  readonly id: Uint8Array;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/** What a join handshake says of its token in clear: enough for any member to derive the key. */
export interface TokenReference {
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** Seconds since the Unix epoch. */
  readonly expires: number;
}

export interface PeerIdentity extends PeerRecord {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Number of the binding of the Noise key to the identity; a higher one closes sessions made under a lower one. */
  readonly bindingNumber: number;
}

export interface Refusal {
  readonly refused: ErrorCode;
  readonly reason: string;
  readonly peer?: PeerId;
}
