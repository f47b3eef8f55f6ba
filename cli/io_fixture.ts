/** A world for commands under test: what they write is kept, what they read is given. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../core/runtime/clock.ts";
import type { ExitCode } from "./exit_code.ts";
import type { Io } from "./io.ts";
import { main } from "./main.ts";

export interface Ran {
  readonly code: ExitCode;
  readonly out: string;
  readonly words: string;
}

export interface FakeIo extends Io {
  readonly written: { out: string; words: string };
}

export function fakeIo(given: Partial<Io> = {}): FakeIo {
  const written = { out: "", words: "" };
  return {
    environment: { HOME: "/nonexistent" },
    out: (text) => void (written.out += text),
    say: (text) => void (written.words += text),
    read: () => Promise.resolve(""),
    ask: () => Promise.resolve(""),
    keys: () => () => {},
    colours: false,
    interactive: false,
    interrupted: new AbortController().signal,
    privileged: false,
    clock: systemClock(),
    program: ["/nonexistent"],
    ...given,
    written,
  };
}

/** One command line against a world of its own. */
export async function run(argv: readonly string[], given: Partial<Io> = {}): Promise<Ran> {
  const io = fakeIo(given);
  const code = await main(argv, io);
  return { code, ...io.written };
}

/** A directory that is gone when the test ends. */
export function temporaryDirectory(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "selvage-cli-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
