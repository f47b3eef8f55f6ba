/**
 * The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit big-endian words, an
 * odd last byte padded with a zero. Sums are kept unfolded as Numbers, so that parts (pseudo-header, header, payload)
 * add with `+` and one fold ends them; a Number holds the sum of more than 2^36 words exactly.
 *
 * A part of odd length must be the last one: the next byte would be the low half of a word.
 */
/** `initial` plus the words of `length` bytes from `offset`. */
export function sumWords(bytes: Uint8Array, offset: number, length: number, initial = 0): number {
  const lastPair = offset + length - 1;
  let sum = initial;
  let i = offset;
  for (; i < lastPair; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  return i === lastPair ? sum + (bytes[i]! << 8) : sum;
}

/** Carries folded back in until 16 bits are left (RFC 1071 §2). */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return folded;
}

/**
 * The value for the checksum field, computed with that field zero. Over data that includes a right checksum the
 * result is 0, which is how a receiver verifies.
 */
export function checksum(bytes: Uint8Array, offset: number, length: number, initial = 0): number {
  return ~foldSum(sumWords(bytes, offset, length, initial)) & 0xffff;
}

/**
 * Sum of the IPv4 pseudo-header (RFC 768, RFC 9293 §3.1). The addresses are read from the IPv4 header at `offset`;
 * `length` is that of the upper-layer header and data.
 */
export function pseudoSum4(packet: Uint8Array, offset: number, protocol: number, length: number): number {
  return sumWords(packet, offset + 12, 8, protocol + length);
}

/**
 * Sum of the IPv6 pseudo-header (RFC 8200 §8.1) for the IPv6 header at `offset`. `protocol` is the upper-layer one,
 * not the first Next Header value; the destination must be the final one (no routing header with segments left).
 */
export function pseudoSum6(packet: Uint8Array, offset: number, protocol: number, length: number): number {
  return sumWords(packet, offset + 8, 32, protocol + (length >>> 16) + (length & 0xffff));
}
