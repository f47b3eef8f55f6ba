/**
 * Who a node is: an Ed25519 pair (RFC 8032) made at its first start, and an X25519 pair (RFC 7748) for Noise that the
 * identity vouches for with a number. One pair for both uses, by converting the Edwards key, was rejected: the Noise
 * key must be renewable without the node becoming somebody else.
 *
 * On disk: CBOR map { v: 1, s: seed, x: X25519 secret, b: binding number, p: Ed25519 public key }. The public key is
 * there to be compared: a flipped bit in the seed would otherwise start the node as a stranger.
 */
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { MeshError } from "../contracts/errors.ts";
import type { Random, Self } from "../contracts/host.ts";
import type { PeerId } from "../contracts/values.ts";
import { encodeBase32 } from "../wire/base32.ts";
import { copyBytes, equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { domainHash } from "./domain.ts";
import { type Fields, malformed, maxCounter, readMap } from "./fields.ts";
import { Secret } from "./secret.ts";

// A table of the base point's multiples in windows of 5 bits: with noble's own 8 a warm signature takes as long, and the
// first one, which every start waits for, half as long again.
ed25519.Point.BASE.precompute(5);

export interface IdentitySecrets {
  readonly version: 1;
  /** Ed25519 seed, 32 bytes (RFC 8032 §5.1.5). */
  readonly signingSeed: Secret;
  /** X25519 secret, 32 bytes. */
  readonly noiseSecret: Secret;
  /** Grows with every new Noise key, 1 to 2^32 − 1. */
  readonly bindingNumber: number;
}

const version = 1;
const maxIdentityBytes = 1024;
const peerIdForm = /^[a-z2-7]{32}$/;

export function createIdentity(random: Random): IdentitySecrets {
  return {
    version,
    signingSeed: randomSecret(random),
    noiseSecret: randomSecret(random),
    bindingNumber: 1,
  };
}

/** The same identity with a fresh Noise key under the next number. Throws INTERNAL after 2^32 − 1 keys. */
export function renewNoiseKey(secrets: IdentitySecrets, random: Random): IdentitySecrets {
  if (secrets.bindingNumber >= maxCounter) {
    throw new MeshError(
      "INTERNAL",
      "Cannot renew the Noise key: binding numbers are used up; reset this node",
    );
  }
  return { ...secrets, noiseSecret: randomSecret(random), bindingNumber: secrets.bindingNumber + 1 };
}

function randomSecret(random: Random): Secret {
  return new Secret(random.fill(new Uint8Array(32)));
}

/** The file form, secrets in clear: for a store that only its owner can read. */
export function encodeIdentity(secrets: IdentitySecrets): Uint8Array {
  return encodeCbor({
    v: secrets.version,
    s: secrets.signingSeed.reveal(),
    x: secrets.noiseSecret.reveal(),
    b: secrets.bindingNumber,
    p: ed25519.getPublicKey(secrets.signingSeed.reveal()),
  });
}

/** Throws UNSUPPORTED for what a newer version wrote and STATE_CORRUPT for anything else it cannot read. */
export function decodeIdentity(bytes: Uint8Array): IdentitySecrets {
  const writtenBy = readMap(bytes, maxIdentityBytes, (fields) => fields.integer("v", 1, maxCounter));
  if (writtenBy !== undefined && writtenBy > version) {
    throw new MeshError(
      "UNSUPPORTED",
      `Cannot read the identity of this node: it has format ${writtenBy}, this program knows ${version}; ` +
        "start the newer version",
    );
  }
  const secrets = readMap(bytes, maxIdentityBytes, readIdentity);
  if (secrets === undefined) {
    throw new MeshError(
      "STATE_CORRUPT",
      "Cannot read the identity of this node: the stored bytes are damaged; restore a backup or reset this node",
    );
  }
  return secrets;
}

function readIdentity(fields: Fields): IdentitySecrets {
  fields.version("v", version);
  const seed = fields.bytes("s", 32);
  if (!equalBytes(ed25519.getPublicKey(seed), fields.bytes("p", 32))) throw malformed("the public key");
  return {
    version,
    signingSeed: new Secret(seed),
    noiseSecret: new Secret(fields.bytes("x", 32)),
    bindingNumber: fields.integer("b", 1, maxCounter),
  };
}

/** This node as plugins see it. Neither JSON nor an inspector shows its secret keys. */
export function openSelf(secrets: IdentitySecrets, name: string): Self {
  return new OpenedSelf(secrets, name);
}

class OpenedSelf implements Self {
  readonly id: PeerId;
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly noise: NoisePair;
  readonly #seed: Secret;

  constructor(secrets: IdentitySecrets, name: string) {
    this.#seed = secrets.signingSeed;
    this.publicKey = ed25519.getPublicKey(secrets.signingSeed.reveal());
    this.id = peerIdOf(this.publicKey);
    this.name = name;
    this.noise = new NoisePair(secrets.noiseSecret);
  }

  sign(message: Uint8Array): Uint8Array {
    return ed25519.sign(message, this.#seed.reveal());
  }
}

/** `secretKey` is a getter, not a field, so that whatever walks over fields passes it by. */
class NoisePair {
  readonly publicKey: Uint8Array;
  readonly #secret: Secret;

  constructor(secret: Secret) {
    this.#secret = secret;
    this.publicKey = x25519.getPublicKey(secret.reveal());
  }

  get secretKey(): Uint8Array {
    return copyBytes(this.#secret.reveal());
  }
}

/** 160 bits of BLAKE2s over the Ed25519 public key, in base32: 32 characters. */
export function peerIdOf(publicKey: Uint8Array): PeerId {
  return encodeBase32(domainHash("peer id 1", 20, publicKey)) as PeerId;
}

/** Whether `text` has the form of a {@link PeerId}; any such text is the id of some key. */
export function isPeerId(text: string): text is PeerId {
  return peerIdForm.test(text);
}
