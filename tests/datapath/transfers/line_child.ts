/** A program that prints a line of JSON for each thing it has to say, one after another. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Namespace } from "../../../examples/lab/namespace.ts";

const node = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));

export class LineChild {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  /** A program in a namespace, a name for one of this folder, always on Node: containers know nothing of what runs the mesh. */
  constructor(namespace: Namespace, file: string | URL, order: unknown) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const [program, ...words] = namespace.command(
      node,
      "--max-old-space-size=512",
      path,
      JSON.stringify(order),
    );
    this.#child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line. Throws when the program has ended without one; why, it has printed itself. */
  async line<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#child.spawnargs.at(-2)} ended without a word`);
    return JSON.parse(value as string) as T;
  }

  /** Writes a line to it. */
  say(text: string): void {
    this.#child.stdin.write(`${text}\n`);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }
}
