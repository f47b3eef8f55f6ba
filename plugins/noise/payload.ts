/**
 * What is said inside handshakes: a CBOR map with one-letter keys, encrypted and authenticated by Noise. Unknown keys are
 * ignored, so that a later version can say more. Keys and names are short because a first message has little room.
 *
 *    | Length of the map (2) | CBOR map | zeros up to the wanted size |
 *
 * The length stands in front because the CBOR decoder, rightly, refuses trailing bytes.
 */
import { z } from "zod";
import type { AeadName } from "../../core/contracts/aead.ts";
import type { JoinAnswer } from "../../core/contracts/encapsulation.ts";
import type { ErrorCode } from "../../core/contracts/errors.ts";
import { copyBytes } from "../../core/wire/bytes.ts";
import { decodeCbor, encodeCbor } from "../../core/wire/cbor.ts";
import { readU16, writeU16 } from "../../core/wire/field.ts";
import { protocol } from "./constants.ts";

export const instanceLength = 8;

/** Lowest and highest version that a side speaks. */
export type Versions = readonly [lowest: number, highest: number];

/** What both messages between members say. */
interface Introduction {
  /** Larger than in every handshake of this node before. */
  readonly stamp: number;
  readonly features: readonly string[];
  /** 8 bytes drawn at each start of a node. */
  readonly instance: Uint8Array;
  readonly credentials: Uint8Array;
}

/** In an initiation: what this node offers. */
export interface Offer extends Introduction {
  readonly versions: Versions;
  /** Fastest first; what is unknown here has been left out. */
  readonly aeads: readonly AeadName[];
}

/** In a response: what was chosen of it; `aead` is undefined when it is unknown here. */
export interface Choice extends Introduction {
  readonly version: number;
  readonly aead: AeadName | undefined;
}

/** Numbers of the AEADs on the wire. */
const aeadNumbers: Readonly<Record<AeadName, number>> = { "chacha20-poly1305": 1, "aes-256-gcm": 2 };
const aeadNames = new Map(Object.entries(aeadNumbers).map(([name, number]) => [number, name as AeadName]));

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const whole = z.int().min(0);
const versions = z.tuple([whole, whole]);
const introduction = {
  s: whole,
  f: z.array(z.string().max(32)).max(32),
  i: bytes.refine((value) => value.length === instanceLength),
  c: bytes,
};
const offer = z.object({ ...introduction, v: versions, a: z.array(whole).max(16) });
const choice = z.object({ ...introduction, v: whole, a: whole });
const knock = z.object({ v: versions });
const admit = z.object({ v: whole });
const plea = z.object({ p: bytes });
const answer = z.union([
  z.object({ w: bytes }),
  z.object({ e: z.string().regex(/^[A-Z_]{1,32}$/), r: z.string().max(1_000) }),
]);

function introduce({ stamp, features, instance, credentials }: Introduction) {
  return { s: stamp, f: features, i: instance, c: credentials };
}

/** Padded to `length` bytes, if it is not longer. */
export function encodeOffer(value: Offer, length: number): Uint8Array {
  const a = value.aeads.map((name) => aeadNumbers[name]);
  return frame({ ...introduce(value), v: value.versions, a }, length);
}

/** Decoders give undefined for what they cannot read; values share no memory with `payload`. */
export function decodeOffer(payload: Uint8Array): Offer | undefined {
  const read = unframe(offer, payload);
  if (read === undefined) return undefined;
  const aeads = read.a.flatMap((number) => aeadNames.get(number) ?? []);
  return { stamp: read.s, features: read.f, instance: read.i, credentials: read.c, versions: read.v, aeads };
}

export function encodeChoice(value: Choice & { readonly aead: AeadName }): Uint8Array {
  return frame({ ...introduce(value), v: value.version, a: aeadNumbers[value.aead] });
}

export function decodeChoice(payload: Uint8Array): Choice | undefined {
  const read = unframe(choice, payload);
  if (read === undefined) return undefined;
  const { s: stamp, f: features, i: instance, c: credentials, v: version } = read;
  return { stamp, features, instance, credentials, version, aead: aeadNames.get(read.a) };
}

/** Padded to `length` bytes. */
export function encodeKnockOffer(offered: Versions, length: number): Uint8Array {
  return frame({ v: offered }, length);
}

export function decodeKnockOffer(payload: Uint8Array): Versions | undefined {
  return unframe(knock, payload)?.v;
}

export function encodeAdmission(version: number): Uint8Array {
  return frame({ v: version });
}

export function decodeAdmission(payload: Uint8Array): number | undefined {
  return unframe(admit, payload)?.v;
}

export function encodeApplication(application: Uint8Array): Uint8Array {
  return frame({ p: application });
}

export function decodeApplication(payload: Uint8Array): Uint8Array | undefined {
  return unframe(plea, payload)?.p;
}

/** Not framed: it travels in parts. */
export function encodeAnswer(value: JoinAnswer): Uint8Array {
  return encodeCbor("welcome" in value ? { w: value.welcome } : { e: value.refused, r: value.reason });
}

/** A code that this build does not know is passed on as it is: it is for people and exit codes. */
export function decodeAnswer(map: Uint8Array): JoinAnswer | undefined {
  const read = parse(answer, map);
  if (read === undefined) return undefined;
  return "w" in read ? { welcome: read.w } : { refused: read.e as ErrorCode, reason: read.r };
}

function frame(message: Readonly<Record<string, unknown>>, length = 0): Uint8Array {
  const map = encodeCbor(message);
  const payload = new Uint8Array(Math.max(length, 2 + map.length));
  writeU16(payload, 0, map.length);
  payload.set(map, 2);
  return payload;
}

function unframe<T>(schema: z.ZodType<T>, payload: Uint8Array): T | undefined {
  const end = 2 + readU16(payload, 0);
  return payload.length < 2 || end > payload.length ? undefined : parse(schema, copyBytes(payload, 2, end));
}

function parse<T>(schema: z.ZodType<T>, map: Uint8Array): T | undefined {
  try {
    return schema.safeParse(decodeCbor(map, { maxDepth: 4, maxBytes: 131_072 })).data;
  } catch {
    return undefined; // decodeCbor's only error: these bytes are not CBOR as we write it
  }
}

/** The highest version of both ranges, or undefined when they do not meet. */
export function chooseVersion([lowest, highest]: Versions): number | undefined {
  const best = Math.min(highest, protocol.versions.highest);
  return best >= Math.max(lowest, protocol.versions.lowest) ? best : undefined;
}

/**
 * The AEAD whose two ranks, in the initiator's and in the responder's list, fastest first, have the smallest sum; on a
 * tie ChaCha20-Poly1305, which is never very slow. What only one side knows does not count.
 */
export function chooseAead(offered: readonly AeadName[], own: readonly AeadName[]): AeadName | undefined {
  const tie = (name: AeadName) => name === "chacha20-poly1305" ? 0 : 0.5;
  const cost = (name: AeadName) => offered.indexOf(name) + own.indexOf(name) + tie(name);
  const common = own.filter((name) => offered.includes(name));
  return common.sort((left, right) => cost(left) - cost(right))[0];
}
