/** How the heap grows while something that should leave nothing on it happens again and again. */
import process from "node:process";

export interface Rounds {
  readonly rounds: number;
  /** Where code runs ten times slower, because its lines are counted, this many rounds are enough after two seconds. */
  readonly fewest: number;
  /** So few that a round makes no collection by itself, even with an object for each packet. */
  readonly turnsPerRound: number;
}

export interface Growth {
  /** Bytes in each round; less than nothing after a collection. */
  readonly grown: readonly number[];
  /** Turns in all, warming up included. */
  readonly turns: number;
}

/** Until the code is compiled for good, its numbers are on the heap. */
const warmUpRounds = 20;

/** Nothing else runs meanwhile, as there is no turn of the event loop. */
export function heapGrowth({ rounds, fewest, turnsPerRound }: Rounds, turn: () => void): Growth {
  const grown: number[] = [];
  const end = performance.now() + 2_000;
  let turns = 0;
  for (let round = -warmUpRounds; round < rounds; round++) {
    if (round >= fewest && performance.now() > end) break;
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < turnsPerRound; i++) turn();
    const after = process.memoryUsage().heapUsed;
    if (round >= 0) grown.push(after - before);
    turns += turnsPerRound;
  }
  return { grown, turns };
}
