/**
 * A process that commits until it is killed. Arguments: the state directory. On stdout a line with the number of every
 * commit, written after the commit was acknowledged and not before.
 */
import { writeSync } from "node:fs";
import process from "node:process";
import { silentLogger } from "../../core/node/silent_logger.ts";
import { systemRandom } from "../../core/runtime/random.ts";
import { sqlite } from "../../plugins/sqlite/mod.ts";

const [directory = ""] = process.argv.slice(2);
const store = sqlite({ directory }).create({ random: systemRandom(), log: silentLogger });
await store.start?.(new AbortController().signal);

/** Far more than any test waits for: ends by itself when its parent died. */
const last = 20_000;

for (let number = 0; number < last; number += 4) {
  // Four in one turn, so that they share a transaction.
  await Promise.all([0, 1, 2, 3].map((i) => commitPair(number + i)));
}

/** Two keys that are there together or not at all. */
async function commitPair(number: number): Promise<void> {
  const name = String(number).padStart(6, "0");
  const value = new Uint8Array(200).fill(number);
  await store.commit([{ key: `left/${name}`, value }, { key: `right/${name}`, value }]);
  writeSync(1, `${number}\n`);
}
