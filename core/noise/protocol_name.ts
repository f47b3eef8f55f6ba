/**
 * Protocol names (Noise revision 34, §8): `Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s` to pattern and functions.
 *
 * A name is a constant of the program and never read from the wire, so one that does not parse is a bug and
 * throws. Parse once and keep the result: it is immutable and shared by all handshakes.
 */
import { dhLength } from "./dh.ts";
import { findPattern, type HandshakePattern, withPsks } from "./pattern.ts";
import { type CipherFunctions, ciphers, hashes, type HashFunctions, tagLength } from "./suite.ts";

/** A protocol that can be run. */
export interface Protocol {
  /** The whole name, as it is hashed. */
  readonly name: string;
  readonly pattern: HandshakePattern;
  readonly cipher: CipherFunctions;
  readonly hash: HashFunctions;
  /** By message number from 0: bytes that a handshake message has besides its payload (keys and tags). */
  readonly overheads: readonly number[];
}

const maxNameLength = 255;

// Noise _ pattern modifiers _ DH _ cipher _ hash; of the characters of §8 only those that known names have.
const grammar = /^Noise_([A-Z0-9]+)((?:[a-z][a-z0-9]*)?(?:\+[a-z][a-z0-9]*)*)_([^_]+)_([^_]+)_([^_]+)$/;

/** The protocol of a name. Throws an Error that says which part is not understood. */
export function parseProtocolName(name: string): Protocol {
  const sections = name.length <= maxNameLength ? grammar.exec(name) : null;
  if (sections === null) throw new Error(`"${name}" is not a Noise protocol name`);
  const [, patternName, modifiers, dh, cipherName, hashName] = sections as unknown as string[];
  if (dh !== "25519") throw new Error(`${name}: DH functions "${dh}" are not supported; use 25519`);
  const pattern = modified(known(name, patternName, findPattern(patternName!)), modifiers!, name);
  const cipher = known(name, cipherName, ciphers.get(cipherName!));
  const hash = known(name, hashName, hashes.get(hashName!));
  return { name, pattern, cipher, hash, overheads: overheadsOf(pattern) };
}

function known<T>(name: string, section: string | undefined, found: T | undefined): T {
  if (found === undefined) throw new Error(`${name}: "${section}" is not supported`);
  return found;
}

function modified(pattern: HandshakePattern, modifiers: string, name: string): HandshakePattern {
  if (modifiers === "") return pattern;
  const positions = modifiers.split("+").map((modifier) => {
    const digit = /^psk([0-9])$/.exec(modifier)?.[1];
    return Number(known(name, modifier, digit));
  });
  return known(name, modifiers, withPsks(pattern, positions));
}

/** §3 with the psk rule of §9.2: a field is sealed once any key has been mixed in. */
function overheadsOf(pattern: HandshakePattern): number[] {
  let keyed = false;
  return pattern.messages.map((tokens) => {
    let length = 0;
    for (const token of tokens) {
      if (token === "e" || token === "s") length += dhLength;
      if (token === "s" && keyed) length += tagLength;
      if (token !== "s" && (token !== "e" || pattern.psks > 0)) keyed = true;
    }
    return length + (keyed ? tagLength : 0);
  });
}
