/**
 * The text that lets a host join: `selvage1-` and base32 of
 *
 *      0        1            17          33          41      42                          n-36        n-4       n
 *     +--------+------------+-----------+-----------+-------+---------------------------+-----------+---------+
 *     | n      | network id | token id  | expires   | seeds | per seed: 6 or 18, and an | token key | check   |
 *     | 1 byte | 16 bytes   | 16 bytes  | u64, sec. | 0..5  | endpoint of that length   | 32 bytes  | 4 bytes |
 *     +--------+------------+-----------+-----------+-------+---------------------------+-----------+---------+
 *
 * People read tokens out, mail them and cut them off when copying. The length in front tells a cut token from a
 * mistyped one, the checksum (BLAKE2s over all before it) tells a mistyped one from a wrong one, and the digit in the
 * prefix is the version. White space is ignored wherever it stands and upper case is taken for lower.
 *
 * Fixed binary and not CBOR: it is a third shorter as text, and this form can never be extended anyway, since an old
 * program could not tell an unknown field from damage.
 */
import { MeshError } from "../contracts/errors.ts";
import type { TokenReference } from "../contracts/membership.ts";
import type { Endpoint, WallMillis } from "../contracts/values.ts";
import { decodeBase32, encodeBase32 } from "../wire/base32.ts";
import { concatBytes, copyBytes, equalBytes } from "../wire/bytes.ts";
import { readU64, writeU64 } from "../wire/field.ts";
import { domainHash } from "./domain.ts";
import { endpointFromBytes, endpointToBytes } from "./endpoint_bytes.ts";
import { networkKeyBytes, tokenIdBytes } from "./network_key.ts";
import { Secret } from "./secret.ts";

export interface Token extends TokenReference {
  /** 16 bytes. */
  readonly networkId: Uint8Array;
  /** Where to knock, at most {@link maxTokenSeeds}. */
  readonly seeds: readonly Endpoint[];
  /** 32 bytes: the PSK of the join handshake. */
  readonly key: Secret;
}

export const maxTokenSeeds = 5;

const version = 1;
const prefixForm = /^selvage([0-9]{1,4})-/;
const headBytes = 42;
const checkBytes = 4;
const smallestToken = headBytes + networkKeyBytes + checkBytes;

/** The text of a token. Throws INVALID_ARGUMENT for more than five seeds, or one that is no IP literal and port. */
export function formatToken(token: Token): string {
  if (token.seeds.length > maxTokenSeeds) {
    throw new MeshError("INVALID_ARGUMENT", `Cannot write a token with ${token.seeds.length} seeds: 5 fit`);
  }
  const seeds = token.seeds.map(endpointToBytes).map((seed) => concatBytes(Uint8Array.of(seed.length), seed));
  const middle = concatBytes(...seeds, token.key.reveal());
  const head = new Uint8Array(headBytes);
  head[0] = headBytes + middle.length + checkBytes;
  head.set(token.networkId, 1);
  head.set(token.id, 17);
  writeU64(head, 33, token.expires);
  head[41] = token.seeds.length;
  const content = concatBytes(head, middle);
  return `selvage${version}-${encodeBase32(concatBytes(content, checksum(content)))}`;
}

/**
 * Reads a token however it was wrapped. Throws TOKEN_INVALID with a message for people that tells what is wrong with
 * it and never repeats any of it. Expiry is not looked at: see {@link isExpired}.
 */
export function parseToken(text: string): Token {
  const compact = text.replaceAll(/\s+/g, "").toLowerCase();
  const letters = compact.slice(requirePrefix(compact));
  const bytes = decodeComplete(letters);
  const content = bytes.subarray(0, -checkBytes);
  if (!equalBytes(checksum(content), bytes.subarray(-checkBytes))) throw mistyped();
  return readContent(content) ?? fail("it is damaged inside; ask for a new one");
}

/** The length of the prefix. */
function requirePrefix(compact: string): number {
  const [prefix, digits] = prefixForm.exec(compact) ?? [];
  if (prefix === undefined) {
    if (/^selvage[0-9]{0,4}$/.test(compact)) throw cutOff();
    fail('this is no selvage token: one begins with "selvage1-"; print one with "selvage token create"');
  }
  if (Number(digits) !== version) {
    fail(`it has format ${digits} and this program reads format ${version}; upgrade this program`);
  }
  return prefix.length;
}

/** All bytes of the token, once it is sure that their number is right. */
function decodeComplete(letters: string): Uint8Array {
  const stray = letters.search(/[^a-z2-7]/);
  if (stray >= 0) fail(`it was mistyped: character ${stray + 1} after the dash is not in a-z or 2-7`);
  const [length = 0] = decodeBase32(letters.slice(0, 8)) ?? [];
  const expected = Math.ceil(length * 8 / 5);
  if (letters.length < 8) throw cutOff();
  if (length < smallestToken) throw mistyped();
  if (letters.length < expected) throw cutOff();
  if (letters.length > expected) {
    fail("it has too many characters: copy the token alone, without what follows");
  }
  return decodeBase32(letters) ?? fail("it was mistyped; copy it again");
}

function readContent(content: Uint8Array): Token | undefined {
  const seeds: Endpoint[] = [];
  let offset = headBytes;
  for (let left = content[41]!; left > 0; left--) {
    const end = offset + 1 + content[offset]!;
    const seed = endpointFromBytes(content.subarray(offset + 1, end));
    if (seed === undefined) return undefined;
    seeds.push(seed);
    offset = end;
  }
  const expires = readU64(content, 33);
  const isWhole = content.length - offset === networkKeyBytes;
  if (!isWhole || seeds.length > maxTokenSeeds || !Number.isSafeInteger(expires)) return undefined;
  return {
    networkId: copyBytes(content, 1, 17),
    id: copyBytes(content, 17, 17 + tokenIdBytes),
    expires,
    seeds,
    key: new Secret(content.subarray(offset)),
  };
}

/** Whether the token's time has come. A token expires at its second, not after it. */
export function isExpired(token: TokenReference, wall: WallMillis): boolean {
  return wall >= token.expires * 1000;
}

function checksum(content: Uint8Array): Uint8Array {
  return domainHash("token check 1", checkBytes, content);
}

function cutOff(): MeshError {
  return invalid("it is cut off; copy all of it, also what stands on further lines");
}

function mistyped(): MeshError {
  return invalid("it was mistyped: the checksum does not match; copy it again");
}

function fail(problem: string): never {
  throw invalid(problem);
}

function invalid(problem: string): MeshError {
  return new MeshError("TOKEN_INVALID", `Cannot use the token: ${problem}`);
}
