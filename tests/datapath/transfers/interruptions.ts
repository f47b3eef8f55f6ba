/** What happens again and again while bytes are on their way, and how it is known that it did. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { until } from "../../../examples/lab/lab.ts";
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
  /** Resolves when it has begun; it goes on until the end, which is the last of its calls. */
  begin(bed: Bed): Promise<void>;
  end(): void;
  /** How often it was seen; throws when it was not. */
  seen(before: Tally, after: Tally): number;
}

const roamMillis = 200;

const never: Interruption = { begin: () => Promise.resolve(), end() {}, seen: () => 0 };

/**
 * The nodes do it themselves: see `node_program.ts`. What is seen is the second message of each handshake. A node whose
 * data path has rested looks at it again with the next keepalive only, and a short transfer would be over by then: echo
 * requests keep it awake, and the transfer waits for the first renewal.
 */
class Rekeys implements Interruption {
  #pinging: ChildProcess | undefined;

  async begin({ sender, receiver, middle }: Bed): Promise<void> {
    const before = middle.counts().responses;
    const words = ["-q", "-n", "-i", "0.02", receiver.address4] as const;
    const [program, ...args] = sender.namespace.command("ping", ...words);
    this.#pinging = spawn(program, args, { stdio: "ignore" });
    await until(() => middle.counts().responses > before);
  }

  end(): void {
    this.#pinging?.kill("SIGKILL");
  }

  seen({ counts: before }: Tally, { counts: after }: Tally): number {
    return atLeast(2, after.responses - before.responses, "sessions were renewed");
  }
}

/** They do this themselves, too. */
const restarts: Interruption = {
  ...never,
  seen: (before, after) =>
    atLeast(1, after.restarts - before.restarts, "threads of the data path began anew"),
};

class Roaming implements Interruption {
  #timer: NodeJS.Timeout | undefined;

  begin({ middle }: Bed): Promise<void> {
    middle.roam();
    this.#timer = setInterval(() => middle.roam(), roamMillis);
    return Promise.resolve();
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
      return new Rekeys();
    case "roaming":
      return new Roaming();
    case "workerRestart":
      return restarts;
  }
}
