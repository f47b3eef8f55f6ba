/**
 * Unsigned big-endian integers in a byte array, as every header of this node has them (RFC 1700 network order).
 *
 * Nothing here allocates or checks bounds: a codec checks the length of its header once and then reads fields. Past
 * the end a read counts missing bytes as 0 and a write does nothing; neither can touch memory outside the view.
 * A DataView would do the same for one more object per packet, and would tempt into keeping two views of one buffer.
 */

/** Reads 2 bytes at `offset`. */
export function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

/** Reads 4 bytes at `offset`: 0 to 2^32 − 1, never negative. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return ((readU16(bytes, offset) << 16) | readU16(bytes, offset + 2)) >>> 0;
}

/**
 * Reads 8 bytes at `offset` as a Number. Exact below 2^53; above it the value is rounded but never falls below 2^53,
 * so `Number.isSafeInteger` tells a caller whether to refuse.
 */
export function readU64(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset) * 0x1_0000_0000 + readU32(bytes, offset + 4);
}

/** Writes the low 16 bits of `value` at `offset`. */
export function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

/** Writes the low 32 bits of `value` at `offset`. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  writeU16(bytes, offset, value >>> 16);
  writeU16(bytes, offset + 2, value);
}

/** Writes `value`, a whole number from 0 to 2^53 − 1, as 8 bytes at `offset`. */
export function writeU64(bytes: Uint8Array, offset: number, value: number): void {
  writeU32(bytes, offset, Math.floor(value / 0x1_0000_0000));
  writeU32(bytes, offset + 4, value % 0x1_0000_0000);
}
