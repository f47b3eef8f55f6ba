/**
 * The number that no stamp of this node has passed, as it lies in the store; one of handshakes, one of notes:
 *
 *      0         1                 9
 *     +---------+-----------------+
 *     | form 1  | reserve, 8 bytes|   milliseconds, or ticks of notes, since the Unix epoch; big-endian
 *     +---------+-----------------+
 */
import { MeshError } from "../../core/contracts/errors.ts";
import { readU64, writeU64 } from "../../core/wire/field.ts";

export const stampKey = "noise/stamp";
export const noteKey = "noise/note";

const form = 1;
const length = 9;

export function encodeReserve(reserve: number): Uint8Array {
  const value = new Uint8Array(length);
  value[0] = form;
  writeU64(value, 1, reserve);
  return value;
}

/** Throws `UNSUPPORTED` for a newer form and `STATE_CORRUPT` for none: to guess low would shut this node out. */
export function decodeReserve(value: Uint8Array, what = "handshake stamps"): number {
  if (value[0] !== undefined && value[0] > form) {
    const why = `Cannot read the reserve of ${what}: a newer version wrote it; start that version`;
    throw new MeshError("UNSUPPORTED", why);
  }
  const reserve = readU64(value, 1);
  if (value[0] === form && value.length === length && Number.isSafeInteger(reserve)) return reserve;
  throw new MeshError(
    "STATE_CORRUPT",
    `Cannot read the reserve of ${what}: it is damaged; reset this node and join anew`,
  );
}
