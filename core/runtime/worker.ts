/** Threads, alike on both runtimes: `node:worker_threads`, whose workers also run from TypeScript sources. */
import { parentPort, Worker } from "node:worker_threads";
import { MeshError } from "../contracts/errors.ts";

/**
 * Where the worker of this checkout or of this package is: package.json and deno.json both know the name, so that source
 * and build need no guessing about file endings.
 */
export function datapathWorkerUrl(): URL {
  return new URL(import.meta.resolve("#datapath-worker"));
}

export interface AskOptions {
  readonly url: URL;
  /** Plain data. */
  readonly question: unknown;
  readonly timeoutMillis: number;
}

/**
 * Starts a worker, asks it one question and ends it. Rejects `TIMEOUT` when it does not answer in time, and
 * `UNSUPPORTED` when it cannot be started or fails. In every case the thread is gone when the promise settles.
 */
export async function askWorker({ url, question, timeoutMillis }: AskOptions): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const worker = new Worker(url);
  worker.once("message", resolve);
  worker.once("error", (cause) => reject(failure(`failed: ${messageOf(cause)}`, cause)));
  worker.once("exit", (code) => reject(failure(`ended with ${code} before it answered`)));
  const late = `Cannot use the worker: no answer within ${timeoutMillis} ms`;
  const timer = setTimeout(() => reject(new MeshError("TIMEOUT", late)), timeoutMillis);
  try {
    worker.postMessage(question);
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

function failure(what: string, cause?: unknown): MeshError {
  return new MeshError("UNSUPPORTED", `Cannot use the worker: it ${what}`, { cause });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/**
 * The worker's side: every question gets an answer, and one that cannot be answered ends the worker. Does nothing on the
 * main thread, where nobody asks.
 */
export function answerQuestions(answer: (question: unknown) => unknown): void {
  parentPort?.on("message", async (question: unknown) => parentPort?.postMessage(await answer(question)));
}
