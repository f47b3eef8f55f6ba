import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { askWorker, datapathWorkerUrl } from "./worker.ts";

/** A worker from text, which needs no file. */
function workerOf(source: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

const threads = 'import { parentPort } from "node:worker_threads";';

test("the data path worker starts from where its name resolves to, and answers", async () => {
  const question = { millis: 1 };
  const answer = await askWorker({ url: datapathWorkerUrl(), question, timeoutMillis: 20_000 });
  const measures = answer as { name: string; sound: boolean }[];
  assert.ok(measures.some(({ name, sound }) => name === "chacha20-poly1305" && sound));
  assert.ok(measures.some(({ name, sound }) => name === "aes-256-gcm" && sound));
});

test("a worker that fails, ends or never answers is an error, and gone", async () => {
  const ask = (source: string, timeoutMillis = 20_000) =>
    askWorker({ url: workerOf(source), question: {}, timeoutMillis });
  await assert.rejects(ask('throw new Error("boom");'), { code: "UNSUPPORTED", message: /boom/ });
  // Under coverage an idle worker of Deno's waits for the collector instead of ending, so this one says that it ends.
  await assert.rejects(ask('import process from "node:process"; process.exit(3);'), { code: "UNSUPPORTED" });
  await assert.rejects(ask(`${threads} parentPort.on("message", () => {});`, 200), { code: "TIMEOUT" });
});
