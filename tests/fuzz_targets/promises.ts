/** Promises that decoders share, as checks for targets. */
import assert from "node:assert/strict";
import { isMeshError } from "../../core/contracts/errors.ts";
import type { ErrorCode } from "../../core/contracts/errors.ts";

/** The result of `decode`, or undefined when it refused with `code`; any other error is a fault. */
export function decodedOr<T>(code: ErrorCode, decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isMeshError(error) && error.code === code) return undefined;
    throw error;
  }
}

/** One input in so many gets the checks that cost more than the decoder. */
export function isSampled(input: Uint8Array, oneIn: number): boolean {
  let mixed = input.length;
  for (let i = 0; i < input.length && i < 64; i++) mixed = Math.imul(mixed ^ input[i]!, 0x0100_0193);
  return ((mixed >>> 8) % oneIn) === 0;
}

/** A result that is to outlive the buffer it came from is the same after the buffer was used again. */
export function assertOwned<T>(decode: (bytes: Uint8Array) => T, input: Uint8Array): void {
  const buffer = new Uint8Array(input);
  const kept = decode(buffer);
  buffer.fill(0xa5);
  assert.deepEqual(
    kept,
    decode(new Uint8Array(input)),
    "the result changed with the buffer it was read from",
  );
}

/** `value` lies within the memory of `input`: a view that reaches further would show what other packets left there. */
export function assertView(view: Uint8Array, input: Uint8Array): void {
  assert.ok(
    view.length === 0 ||
      (view.buffer === input.buffer && view.byteOffset >= input.byteOffset &&
        view.byteOffset + view.length <= input.byteOffset + input.length),
    "a view reaches out of its packet",
  );
}

export function asText(input: Uint8Array): string {
  return latin1.decode(input);
}

export function asBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** One character per byte. Texts of the formats are ASCII; what they are not is in reach too. */
const latin1 = new TextDecoder("latin1");
