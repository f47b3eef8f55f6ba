/** Value types that every layer speaks of. Data only: no behaviour, no runtime, no imports. */

/**
 * A member of a network, derived from its Ed25519 public key: 160 bits of BLAKE2s in lower-case RFC 4648 base32,
 * 32 characters. Never derived from a machine id, so a cloned virtual machine is not a second owner of the name.
 */
export type PeerId = string & { readonly __brand: "PeerId" };

/** Milliseconds on this node's monotonic clock. Two nodes' values never compare; use {@link WallMillis} for that. */
export type Millis = number;

/** Whole milliseconds since the Unix epoch, for expiry dates and people. It may jump: no timer is built on it. */
export type WallMillis = number;

/** Where a datagram goes on the underlay. `host` is an IP literal, never a name: names are resolved before. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** An overlay IP address: 4 or 16 bytes in network byte order. The bytes are never changed after creation. */
export interface Address {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
}

/** A CIDR block. `address` has no bits set below `bits`; what parses a prefix refuses one that has. */
export interface Prefix {
  readonly address: Address;
  readonly bits: number;
}

/** What one peer knows of another, enough to open a session to it. */
export interface PeerRecord {
  readonly id: PeerId;
  readonly name: string;
  /** X25519 static key of the Noise handshake, 32 bytes. */
  readonly noiseKey: Uint8Array;
  /** Best first. Empty for a peer that can only reach us. */
  readonly endpoints: readonly Endpoint[];
}
