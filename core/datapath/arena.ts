/**
 * Memory that never moves: the kernel and libraries know it by its address, this process as bytes. All that the data path
 * hands to a system call lies in one arena, so that a call takes plain numbers and nothing is allocated for it.
 */
export interface Arena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Of the first byte; all of the arena is below 2^32, so that every address in it is a plain unsigned number. */
  readonly address: number;
}

/** An arena for tests and for data paths without foreign functions: its addresses are offsets from a base of its own. */
export function heapArena(length: number, address = 0x10000): Arena {
  const buffer = new ArrayBuffer(length);
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer), address };
}
