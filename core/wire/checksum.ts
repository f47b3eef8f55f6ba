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

/**
 * `initial` plus the words of `length` bytes from `offset`, as {@link sumWords} has them but for whole turns of 0xffff, which
 * no fold sees. For memory that has a view anyway, and at most 128 KiB: halves of words are added up in 32 bits. Reads the
 * words as the machine has them, since swapping the bytes of all words swaps those of the sum (RFC 1071 §2 B).
 */
export function sumView(view: DataView, offset: number, length: number, initial = 0): number {
  const end = offset + length;
  let low = 0;
  let high = 0;
  let at = offset;
  // Four at a time is twice as fast as one by one.
  for (const last = end - 16; at <= last; at += 16) {
    const a = view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    low = (low + (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff)) | 0;
    high = (high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16)) | 0;
  }
  for (const last = end - 2; at <= last; at += 2) low = (low + view.getUint16(at, true)) | 0;
  if (at < end) low += view.getUint8(at);
  const folded = foldSum(low + high);
  return initial + ((folded & 0xff) << 8 | folded >>> 8);
}

/** Carries folded back in until 16 bits are left (RFC 1071 §2). */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff_ffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  folded = (folded & 0xffff) + (folded >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
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
