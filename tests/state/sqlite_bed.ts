/** Temporary state directories for the tests of the sqlite store. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import type { ErrorCode } from "../../core/contracts/errors.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Store } from "../../core/contracts/store.ts";
import { silentLogger } from "../../core/node/silent_logger.ts";
import { systemRandom } from "../../core/runtime/random.ts";
import { sqlite } from "../../plugins/sqlite/mod.ts";

export interface Bed {
  /** Exists; `directory` in it does not yet. */
  readonly parent: string;
  readonly directory: string;
  readonly file: string;
  readonly signal: AbortSignal;
  create(maxBytes?: number, directory?: string): Store & Lifecycle;
  /** Starts a store, runs the body on it and disposes it. */
  run(body: (store: Store) => Promise<void> | void, directory?: string): Promise<void>;
  remove(): void;
}

/** Of a store that is tested alone. */
export const storeHost = { random: systemRandom(), log: silentLogger };

export function storeBed(maxBytes?: number, name = "state"): Bed {
  const parent = fs.mkdtempSync(`${tmpdir()}/selvage-store-`);
  const usual = `${parent}/${name}`;
  const { signal } = new AbortController();
  const create = (limit = maxBytes, directory = usual) =>
    sqlite(limit === undefined ? { directory } : { directory, maxBytes: limit }).create(storeHost);
  const run = async (body: (store: Store) => Promise<void> | void, directory = usual) => {
    const store = create(maxBytes, directory);
    try {
      await store.start?.(signal);
      await body(store);
    } finally {
      await store[Symbol.asyncDispose]?.();
    }
  };
  const remove = () => fs.rmSync(parent, { recursive: true });
  return { parent, directory: usual, file: `${usual}/selvage.db`, signal, create, run, remove };
}

export async function openBed(body: (bed: Bed) => Promise<void>, name?: string): Promise<void> {
  const bed = storeBed(undefined, name);
  try {
    await body(bed);
  } finally {
    bed.remove();
  }
}

export async function startFails(bed: Bed, expected: { code: ErrorCode; message?: RegExp }): Promise<void> {
  await assert.rejects(bed.run(() => assert.fail("it started")), expected);
}

export function modeOf(path: string): number {
  return fs.lstatSync(path).mode & 0o777;
}
