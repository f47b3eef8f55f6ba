/**
 * The `selvage` program with what a transfer needs to be interrupted and no operator ever does: sessions that are renewed
 * many times a second, and threads of the data path that fail. It is a composition root of the tests, so that the product
 * needs no option for either.
 */
import process from "node:process";
import { runProgram } from "../../../cli/main.ts";
import { limits, protocol } from "../../../plugins/noise/constants.ts";
import { rekeyVariable, restartVariable } from "./node_variables.ts";
import { breakWorkers } from "./worker_faults.ts";

const rekeyMillis = Number(process.env[rekeyVariable] ?? 0);
if (rekeyMillis > 0) {
  Object.assign(protocol, { rekeyAfterMillis: rekeyMillis, responderRekeyAfterMillis: 4 * rekeyMillis });
  // Of packets that the data path's thread carries it is learned that often, and so that their session is old.
  Object.assign(limits, { workerLookMillis: rekeyMillis });
}
const calls = Number(process.env[restartVariable] ?? 0);
if (calls > 0) breakWorkers({ calls });
await runProgram(process.argv.slice(2));
