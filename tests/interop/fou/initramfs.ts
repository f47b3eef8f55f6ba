/** An archive that Linux unpacks as its first file system: cpio in the form "newc", of what this proof needs and no more. */

/** Bits of st_mode: what it is, and who may. */
const modes = { directory: 0o040755, file: 0o100755, link: 0o120777 } as const;

export interface ArchiveEntry {
  /** Without a leading slash. What it lies in comes before it. */
  readonly path: string;
  readonly kind: keyof typeof modes;
  /** Of a file its content, of a link where it leads. */
  readonly content?: Uint8Array;
}

const trailer = "TRAILER!!!";

/** Numbers are eight hexadecimal digits; names and contents are filled up to four bytes. */
export function archive(entries: readonly ArchiveEntry[]): Uint8Array {
  const parts = entries.flatMap(({ path, kind, content = new Uint8Array() }, index) =>
    record(path, { inode: index + 1, mode: modes[kind], content })
  );
  return Buffer.concat([...parts, ...record(trailer, { inode: 0, mode: 0, content: new Uint8Array() })]);
}

interface Node {
  readonly inode: number;
  readonly mode: number;
  readonly content: Uint8Array;
}

function record(path: string, { inode, mode, content }: Node): Uint8Array[] {
  const name = new TextEncoder().encode(`${path}\0`);
  const [owner, group, links, time] = [0, 0, 1, 0];
  const device = [0, 0, 0, 0];
  const fields = [
    ...[inode, mode, owner, group, links, time, content.length],
    ...[...device, name.length, 0],
  ];
  const head = new TextEncoder().encode(
    `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`,
  );
  return [head, name, padding(head.length + name.length), content, padding(content.length)];
}

function padding(length: number): Uint8Array {
  return new Uint8Array((4 - length % 4) % 4);
}
