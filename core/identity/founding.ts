/**
 * The founding record: what all members agree on for ever. Kind `founding`, signed by the founder:
 *
 *     { n: network name, x: nonce 16, f: the founder's node name, r: [prefix, …], v: [voter key, …], e: epoch,
 *       w: wall time in ms }          a prefix is its length in bits, 1 byte, then the 4 or 16 bytes of its address
 *
 * The network id is the hash of the record, so the record proves itself to whoever knows the id (a token carries it),
 * whoever hands it over. The IPv6 range is left out as a rule: it derives from the id, so two networks hardly share
 * one and no one has to think of it.
 */
import { blake2s } from "@noble/hashes/blake2.js";
import { MeshError } from "../contracts/errors.ts";
import type { Random, Self } from "../contracts/host.ts";
import type { NetworkFacts } from "../contracts/membership.ts";
import type { Prefix, WallMillis } from "../contracts/values.ts";
import { addressFromBytes } from "../wire/address.ts";
import { concatBytes, copyBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { prefixOf, samePrefix } from "../wire/prefix.ts";
import {
  blob,
  exactBytes,
  type Fields,
  malformed,
  maxCounter,
  maxWallMillis,
  wholeNumber,
} from "./fields.ts";
import { peerIdOf } from "./identity.ts";
import { isNodeName } from "./node_name.ts";
import { openBody, signRecord } from "./signed.ts";

export interface Founding {
  /** 16 bytes. */
  readonly networkId: Uint8Array;
  readonly networkName: string;
  /** 16 random bytes: the same host may found the same network name twice. */
  readonly nonce: Uint8Array;
  /** Ed25519 public key, 32 bytes. */
  readonly founder: Uint8Array;
  readonly founderName: string;
  /** IPv4 first; an IPv6 range only where the operator chose one. */
  readonly ranges: readonly Prefix[];
  /** Ed25519 public keys, 1 to 7, none twice. */
  readonly voters: readonly Uint8Array[];
  readonly epoch: number;
  readonly wall: WallMillis;
}

export interface FoundingOptions {
  readonly networkName: string;
  /** One IPv4 prefix, then at most one IPv6 prefix. */
  readonly ranges: readonly Prefix[];
  readonly random: Random;
  readonly wall: WallMillis;
}

const kind = "founding";
const maxVoters = 7;
const firstEpoch = 1;

/** The founder starts as the only voter. Throws INVALID_ARGUMENT for a bad name or ranges of the wrong families. */
export function signFounding(self: Self, options: FoundingOptions): Uint8Array {
  const { networkName, ranges, random, wall } = options;
  requireName("network", networkName);
  requireName("node", self.name);
  if (!areRanges(ranges)) throw unfit("give one IPv4 range and at most one IPv6 range");
  const body = encodeCbor({
    n: networkName,
    x: random.fill(new Uint8Array(16)),
    f: self.name,
    r: ranges.map(prefixToBytes),
    v: [self.publicKey],
    e: firstEpoch,
    w: wholeNumber(wall),
  });
  return signRecord(self, kind, body);
}

function requireName(whose: string, name: string): void {
  if (isNodeName(name)) return;
  throw unfit(`the ${whose} name "${name}" must be 1 to 63 letters, digits, dots, dashes and underscores`);
}

function unfit(problem: string): MeshError {
  return new MeshError("INVALID_ARGUMENT", `Cannot found a network: ${problem}`);
}

/** Undefined for anything but a well-signed founding record. */
export function openFounding(bytes: Uint8Array): Founding | undefined {
  return openBody(bytes, kind, (fields, founder) => readFounding(fields, founder, networkIdOf(bytes)));
}

function readFounding(fields: Fields, founder: Uint8Array, networkId: Uint8Array): Founding {
  const ranges = fields.list("r", 2, prefixFromBytes);
  if (!areRanges(ranges)) throw malformed("ranges");
  return {
    networkId,
    networkName: fields.text("n", isNodeName),
    nonce: fields.bytes("x", 16),
    founder,
    founderName: fields.text("f", isNodeName),
    ranges,
    voters: readVoters(fields),
    epoch: fields.integer("e", 1, maxCounter),
    wall: fields.integer("w", 0, maxWallMillis),
  };
}

function readVoters(fields: Fields): readonly Uint8Array[] {
  const voters = fields.list("v", maxVoters, (item) => exactBytes(item, 32));
  const distinct = new Set(voters.map((voter) => peerIdOf(voter)));
  if (voters.length === 0 || distinct.size !== voters.length) throw malformed("voters");
  return voters;
}

/** The first 16 bytes of BLAKE2s-256 over the whole founding record. */
export function networkIdOf(foundingRecord: Uint8Array): Uint8Array {
  return copyBytes(blake2s(foundingRecord), 0, 16);
}

/** A unique local range (RFC 4193 §3.2): fd, then the first 40 bits of BLAKE2s-256 over the network id; /48. */
export function ipv6RangeOf(networkId: Uint8Array): Prefix {
  const bytes = new Uint8Array(16);
  bytes[0] = 0xfd;
  bytes.set(blake2s(networkId).subarray(0, 5), 1);
  return { address: { family: 6, bytes }, bits: 48 };
}

/** The facts that the rest of the node works with: both families, IPv4 first. */
export function networkFacts(founding: Founding): NetworkFacts {
  const [ipv4, ipv6 = ipv6RangeOf(founding.networkId)] = founding.ranges;
  return {
    id: founding.networkId,
    name: founding.networkName,
    ranges: [ipv4!, ipv6],
    founder: peerIdOf(founding.founder),
  };
}

function areRanges([first, second, third]: readonly Prefix[]): boolean {
  return first?.address.family === 4 && (second === undefined || second.address.family === 6) &&
    third === undefined;
}

function prefixToBytes(prefix: Prefix): Uint8Array {
  return concatBytes(Uint8Array.of(prefix.bits), prefix.address.bytes);
}

/** Throws MALFORMED, or INVALID_ARGUMENT for bits beyond the family; {@link openFounding} turns both into undefined. */
function prefixFromBytes(item: unknown): Prefix {
  const bytes = blob(item, 17);
  const address = addressFromBytes(bytes.subarray(1));
  const bits = bytes[0];
  if (address === undefined || bits === undefined) throw malformed("prefix");
  if (!samePrefix({ address, bits }, prefixOf(address, bits))) throw malformed("prefix");
  return { address, bits };
}
