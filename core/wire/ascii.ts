/**
 * Texts that are made character by character. Added to each other they would stay what they were made of, a tree of pieces
 * that weighs several times the text and lives as long; of their codes one flat text is made at once.
 */

/** Arguments that a call surely takes. */
const atOnce = 1024;

export function asciiCodes(text: string): readonly number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

/** The text of these codes, 0 to 127 each. */
export function asciiText(codes: readonly number[]): string {
  // Spreading arguments costs three times as much.
  if (codes.length <= atOnce) return String.fromCharCode.apply(null, codes as number[]);
  return asciiText(codes.slice(0, atOnce)) + asciiText(codes.slice(atOnce));
}
