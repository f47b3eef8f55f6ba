/**
 * Signatures on which libraries of Ed25519 differ: points with a part of small order, points of small order, their
 * second encodings, scalars beyond the order of the group, in all combinations: what "Taming the many EdDSAs" (Chalkias,
 * Garillot, Nikolaenko, 2020) has a case of, and more of each.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concatBytes, copyBytes } from "../../core/wire/bytes.ts";
import { decodeHex, encodeHex } from "../../core/wire/hex.ts";

export interface EdgeCase {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

type Point = typeof ed25519.Point.BASE;

const { Point } = ed25519;
const order = 2n ** 252n + 27742317777372353535851937790883648493n;
const prime = 2n ** 255n - 19n;
/** Multiples of it are all eight points of small order. */
const eighth = Point.fromBytes(
  decodeHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")!,
);
const smallPoints: readonly Point[] = Array.from({ length: 8 }, (_, i) => multiple(eighth, BigInt(i)));
/** One of each order: 1, 2, 4, 8. */
const torsions = [[1, 0], [2, 4], [4, 2], [8, 1]].map(([order, i]) => ({ order, point: smallPoints[i!]! }));

const secret = 0x1234567890abcdef1234567890abcdef1234567890abcdefn;
const nonce = 0x0fedcba0987654321fedcba0987654321fedcba0987654321n;

/** Some 200; two messages for each mixture: whether a mixed key passes the equation without cofactor is a matter of chance. */
export function edgeCases(): readonly EdgeCase[] {
  return [...mixedCases(), ...encodingCases()];
}

/** A = a·B + T, R = r·B + T': also with a or r zero, and with what is added to S. */
function* mixedCases(): Iterable<EdgeCase> {
  for (const a of [0n, secret]) {
    for (const keyPart of torsions) {
      for (const r of [0n, nonce]) {
        for (const noncePart of torsions) {
          const [key, commitment] = [halfOf(a, keyPart.point), halfOf(r, noncePart.point)];
          const name = `a ${a > 0n} order ${keyPart.order}, r ${r > 0n} order ${noncePart.order}`;
          yield signed(name, { key, commitment });
          yield signed(`${name}, another message`, { key, commitment, text: 2 });
        }
      }
    }
  }
  const plain = { key: halfOf(secret), commitment: halfOf(nonce) };
  for (const times of [1n, 2n, 8n, 15n]) yield signed(`S + ${times}·L`, { ...plain, extra: times * order });
}

/** Every spelling of every point of small order as A and as R, also those that no strict reader takes. */
function* encodingCases(): Iterable<EdgeCase> {
  for (const bytes of spellings()) {
    const odd = { scalar: 0n, bytes };
    const text = encodeHex(bytes);
    yield signed(`A = R = ${text}`, { key: odd, commitment: odd });
    for (const part of [Point.ZERO, eighth]) {
      yield signed(`A = ${text}`, { key: odd, commitment: halfOf(nonce, part) });
      yield signed(`R = ${text}`, { key: halfOf(secret, part), commitment: odd });
    }
  }
  const honest = signed("honest", { key: halfOf(secret), commitment: halfOf(nonce), text: 3 });
  yield honest;
  yield { ...honest, name: "no point as A", publicKey: new Uint8Array(32).fill(2) };
  yield { ...honest, name: "no point as R", signature: honest.signature.map((b, i) => (i < 32 ? 2 : b)) };
}

function* spellings(): Iterable<Uint8Array> {
  const ys = new Set(smallPoints.map((point) => point.toAffine().y));
  for (const y of ys) {
    for (const value of [y, y + prime]) {
      if (value < 2n ** 255n) yield* [value, value + 2n ** 255n].map(toLittleEndian);
    }
  }
}

/** A point, as it is written, and what of it is known as a multiple of the base point. */
interface Half {
  readonly scalar: bigint;
  readonly bytes: Uint8Array;
}

interface Making {
  readonly key: Half;
  readonly commitment: Half;
  /** Which message. */
  readonly text?: number;
  /** Added to S. */
  readonly extra?: bigint;
}

function signed(name: string, { key, commitment, text = 1, extra = 0n }: Making): EdgeCase {
  const message = Uint8Array.of(text, 7, 7);
  const hash = littleEndian(sha512(concatBytes(commitment.bytes, key.bytes, message))) % order;
  const s = (commitment.scalar + hash * key.scalar) % order + extra;
  return { name, publicKey: key.bytes, message, signature: concatBytes(commitment.bytes, toLittleEndian(s)) };
}

function halfOf(scalar: bigint, part: Point = Point.ZERO): Half {
  return { scalar, bytes: multiple(Point.BASE, scalar).add(part).toBytes() };
}

function multiple(point: Point, scalar: bigint): Point {
  return scalar === 0n ? Point.ZERO : point.multiplyUnsafe(scalar);
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(copyBytes(bytes).reverse())}`);
}

function toLittleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}
