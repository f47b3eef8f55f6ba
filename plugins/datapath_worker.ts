/**
 * Composition root of the data path's thread: what runs there is put together here and nowhere else. Asked with
 * `{ millis }`, it measures the AEADs where packets will be sealed.
 */
import { measureAeads } from "../core/datapath/aead_probe.ts";
import { nobleAeads, platformAeads } from "../core/runtime/aead.ts";
import { systemClock } from "../core/runtime/clock.ts";
import { answerQuestions } from "../core/runtime/worker.ts";

const defaultMillis = 20;

answerQuestions((question) => {
  const millis = (question as { millis?: unknown } | null)?.millis;
  return measureAeads([...platformAeads(), ...nobleAeads()], {
    clock: systemClock(),
    millis: typeof millis === "number" && millis > 0 && millis <= 1000 ? millis : defaultMillis,
  });
});
