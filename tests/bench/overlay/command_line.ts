/** The words behind `npm run bench:overlay --`. */
import { parseArgs } from "node:util";
import { type Phase, phases } from "./metrics.ts";
import type { From } from "./systems/selvage.ts";
import type { Offload } from "./topology.ts";

export interface Options {
  /** By name; undefined for all. */
  readonly systems: readonly string[] | undefined;
  readonly phases: readonly Phase[];
  readonly offloads: readonly Offload[];
  readonly rounds: number;
  /** Of each run of a load. */
  readonly seconds: number;
  /** File for all figures. */
  readonly json: string | undefined;
  readonly from: From;
  readonly help: boolean;
}

export const usage = `npm run bench:overlay -- [options]

  --systems a,b          only these; an unknown name lists all. What it costs to have several threads is shown by
                         selvage-1-workers,selvage-2-workers,selvage-4-workers, which no run has without their names
  --phases tcp,rtt       some of rtt, tcp, loaded, udp, bbr (default: all but bbr)
  --offload on|off|both  of the underlay (default: both)
  --rounds 5             how often each system is started and measured
  --seconds 6            of each run of a load
  --quick                2 rounds of 2 seconds: says what works, not how fast
  --json FILE            all figures of all rounds
  --from dist|source     which files of the program run (default: dist, built first)
  --help
`;

const byDefault: readonly Phase[] = ["rtt", "tcp", "loaded", "udp"];
/** Beyond them a run would take days. */
const most = { rounds: 100, seconds: 600 };

/** Throws a sentence for what it does not understand. */
export function parseCommandLine(words: readonly string[]): Options {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      ...{ systems: text, phases: text, offload: text, rounds: text, seconds: text, json: text, from: text },
      ...{ quick: flag, help: flag },
    },
  });
  return {
    systems: values.systems?.split(","),
    phases: values.phases?.split(",").map((name) => oneOf("phases", name, phases)) ?? byDefault,
    offloads: values.offload === "both" || values.offload === undefined
      ? ["on", "off"]
      : [oneOf("offload", values.offload, ["on", "off"] as const)],
    rounds: count("rounds", values.rounds ?? (values.quick ? "2" : "5"), most.rounds),
    seconds: count("seconds", values.seconds ?? (values.quick ? "2" : "6"), most.seconds),
    json: values.json,
    from: oneOf("from", values.from ?? "dist", ["dist", "source"] as const),
    help: values.help,
  };
}

function oneOf<T extends string>(option: string, text: string, known: readonly T[]): T {
  const found = known.find((name) => name === text);
  if (found === undefined) {
    throw new Error(`--${option} knows ${known.join(", ")}, not ${JSON.stringify(text)}`);
  }
  return found;
}

function count(option: string, text: string, limit: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= limit) return number;
  throw new Error(`--${option} is a number from 1 to ${limit}, not ${JSON.stringify(text)}`);
}
