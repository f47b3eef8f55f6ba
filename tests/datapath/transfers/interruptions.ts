/** What happens again and again while bytes are on their way, and how it is known that it did. */
import assert from "node:assert/strict";
import type { Bed } from "./bed.ts";
import type { Cell } from "./cells.ts";
import type { Counts } from "./middle_rules.ts";

/** What was counted on the way, and how often threads of the data path had begun anew. */
export interface Tally {
  readonly counts: Counts;
  readonly restarts: number;
}

/** At the router and at both nodes. */
export async function tallyOf({ middle, from, to }: Bed): Promise<Tally> {
  const statuses = await Promise.all([from.admin.status(), to.admin.status()]);
  const restarts = statuses.reduce((sum, { datapath }) => sum + datapath.restarts, 0);
  return { counts: middle.counts(), restarts };
}

export interface Interruption {
  /** From now on until the end, which is the last of its calls. */
  begin(bed: Bed): void;
  end(): void;
  /** How often it was seen; throws when it was not. */
  seen(before: Tally, after: Tally): number;
}

const roamMillis = 200;

const never: Interruption = { begin() {}, end() {}, seen: () => 0 };

/** The nodes do it themselves: see `node_program.ts`. What is seen is the second message of each handshake. */
const rekeys: Interruption = {
  ...never,
  seen: ({ counts: before }, { counts: after }) =>
    atLeast(2, after.responses - before.responses, "sessions were renewed"),
};

/** They do this themselves, too. */
const restarts: Interruption = {
  ...never,
  seen: (before, after) =>
    atLeast(1, after.restarts - before.restarts, "threads of the data path began anew"),
};

class Roaming implements Interruption {
  #timer: NodeJS.Timeout | undefined;

  begin({ middle }: Bed): void {
    middle.roam();
    this.#timer = setInterval(() => middle.roam(), roamMillis);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  seen({ counts: before }: Tally, { counts: after }: Tally): number {
    return atLeast(10, after.roamed - before.roamed, "datagrams went to where the peer seemed to be");
  }
}

function atLeast(least: number, count: number, what: string): number {
  assert.ok(count >= least, `${count} ${what}: the interruption did not happen`);
  return count;
}

export function interruptionOf({ event }: Cell): Interruption {
  switch (event) {
    case "none":
      return never;
    case "rekeys":
      return rekeys;
    case "roaming":
      return new Roaming();
    case "workerRestart":
      return restarts;
  }
}
