/** A tape archive in the form of POSIX (ustar), of what an image needs and no more: all of it root's, from 1970. */
import type { ArchiveEntry } from "../fou/initramfs.ts";

const blockBytes = 512;
const kinds = {
  file: { flag: "0", mode: 0o755 },
  link: { flag: "2", mode: 0o777 },
  directory: { flag: "5", mode: 0o755 },
} as const;
const longestPath = 100;

/** Paths of up to 100 bytes. */
export function tar(entries: readonly ArchiveEntry[]): Uint8Array {
  // Two empty blocks are the end.
  return Buffer.concat([...entries.flatMap(record), Buffer.alloc(2 * blockBytes)]);
}

function record({ path, kind, content = new Uint8Array() }: ArchiveEntry): Uint8Array[] {
  const target = kind === "link" ? content : new Uint8Array();
  if (path.length > longestPath || target.length > longestPath) throw new RangeError(`${path} is too long`);
  const body = kind === "file" ? content : new Uint8Array();
  const head = Buffer.alloc(blockBytes);
  head.write(path, 0);
  head.write(octal(kinds[kind].mode, 8), 100);
  for (const at of [108, 116]) head.write(octal(0, 8), at);
  head.write(octal(body.length, 12), 124);
  head.write(octal(0, 12), 136);
  // The sum is made as if its own field were blank.
  head.write(" ".repeat(8), 148);
  head.write(kinds[kind].flag, 156);
  head.set(target, 157);
  head.write("ustar\x0000", 257);
  head.write(octal(head.reduce((sum, byte) => sum + byte, 0), 7), 148);
  return [head, body, Buffer.alloc((blockBytes - body.length % blockBytes) % blockBytes)];
}

/** Digits up to the width, the last of which is a zero byte. */
function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}
