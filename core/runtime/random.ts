import type { Random } from "../contracts/host.ts";

/** The Web Crypto API refuses to fill more than this at once (QuotaExceededError). */
const largestPiece = 65_536;

/** The cryptographic generator of the platform. Takes any memory, shared memory too. */
export function systemRandom(): Random {
  return { fill };
}

function fill(bytes: Uint8Array): Uint8Array {
  for (let start = 0; start < bytes.length; start += largestPiece) {
    fillPiece(bytes.subarray(start, start + largestPiece));
  }
  return bytes;
}

function fillPiece(piece: Uint8Array): void {
  if (isUnshared(piece)) crypto.getRandomValues(piece);
  else piece.set(crypto.getRandomValues(new Uint8Array(piece.length)));
}

/** The platform does not write to shared memory itself. */
function isUnshared(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer;
}
