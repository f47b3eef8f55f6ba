/** Where a node is killed: data. A point is a place in the store, met while a certain step writes certain keys. */

export type Role = "founder" | "joiner";

export interface CrashPoint {
  readonly name: string;
  readonly role: Role;
  /** As the store's probe calls it. */
  readonly at: string;
  /** Of the scenario. */
  readonly step: string;
  /** A key of what is being written begins with it. */
  readonly prefix?: string;
  /** At the n-th time; 1 by default. */
  readonly hit?: number;
  /** So long after the point was met, by another thread: inside SQLite and the kernel. */
  readonly afterMicros?: number;
  /** What the directory holds: nothing; what an earlier kill left, log included; a file of the older form. */
  readonly on?: "remains" | "older form";
}

type Operation = readonly [role: Role, step: string, prefix: string, name: string];

const operations: readonly Operation[] = [
  ["founder", "start", "node/network", "found"],
  ["founder", "start", "noise/stamp", "stamp reserve"],
  ["founder", "start", "ring/network", "ring of a new network"],
  ["founder", "start", "ring/lease/", "own lease"],
  ["founder", "start", "node/sequence", "announcement"],
  ["founder", "token", "node/token/", "token create"],
  ["founder", "admit", "node/record/", "admit"],
  ["founder", "admit", "node/peer/", "peer learned"],
  ["founder", "admit", "ring/grant/", "grant given"],
  ["founder", "allocate", "ring/lease/", "allocate"],
  ["founder", "claim", "ring/lease/", "claim"],
  ["founder", "release", "ring/rest/", "release"],
  ["founder", "crowd", "ring/lease/", "twenty at once"],
  ["founder", "target", "static_seeds/", "target add"],
  ["founder", "untarget", "static_seeds/", "target remove"],
  ["founder", "token-revoke", "node/record/", "token revoke"],
  ["founder", "member-revoke", "node/network", "member revoke and key change"],
  ["joiner", "start", "node/identity", "identity before the knock"],
  ["joiner", "start", "node/network", "join"],
  ["joiner", "start", "ring/grant/", "grant learned"],
  ["joiner", "start", "ring/lease/", "lease of a granted range"],
  ["joiner", "start", "node/sequence", "announcement of a joiner"],
  ["joiner", "allocate", "ring/lease/", "allocate from a grant"],
];

/** Called and nothing done; half of it handed to SQLite; all but the commit; on disk, nobody told; somebody told. */
const places = ["queued", "statement", "written", "committed", "acknowledged"];

const atOperations: readonly CrashPoint[] = operations.flatMap(([role, step, prefix, operation]) =>
  places.map((at) => ({ name: `${operation}: ${at}`, role, step, prefix, at }))
);

const firstStart = [
  "made",
  "locked",
  "journaled",
  "schema-begun",
  "schema-half",
  "schema-written",
  "schema-committed",
  "checked",
  "read",
  "marked",
  "started",
];
const secondStart = ["locked", "journaled", "checked", "read", "begun", "marked", "started"];
const migration = ["migration-begun", "migration-half", "migration-written", "migration-committed"];

const atStart: readonly CrashPoint[] = [
  ...firstStart.map((at) => ({ name: `first start: ${at}`, role: "founder" as const, step: "start", at })),
  ...secondStart.map((at) => ({
    name: `start after a kill: ${at}`,
    role: "founder" as const,
    step: "start",
    at,
    on: "remains" as const,
  })),
  ...migration.map((at) => ({
    name: `start on the older form: ${at}`,
    role: "founder" as const,
    step: "start",
    at,
    on: "older form" as const,
  })),
];

/** Inside the store, whatever is written: groups, a batch that does not fit, the log being folded, the end. */
const inStore: readonly CrashPoint[] = [
  ...[1, 2, 3].map((hit) => point("crowd", "between-groups", hit)),
  ...[1, 2, 3, 4, 5].map((hit) => point("too-much", "begun", hit)),
  ...[1, 2, 3].map((hit) => point("too-much", "acknowledged", hit)),
  ...["folding", "folded"].map((at) => point("bulk", at)),
  ...[50, 200, 500, 1000, 2000, 4000].map((micros) => point("bulk", "folding", 1, micros)),
  ...[20, 60, 120, 250].map((micros) => point("bulk", "written", 2, micros)),
  ...[20, 60, 120, 250].map((micros) => point("crowd", "written", 2, micros)),
  ...["closing", "closed"].map((at) => point("stop", at)),
  ...[50, 200, 500].map((micros) => point("stop", "closing", 1, micros)),
];

function point(step: string, at: string, hit = 1, afterMicros?: number): CrashPoint {
  const times = hit === 1 ? "" : `, time ${hit}`;
  const later = afterMicros === undefined ? "" : `, ${afterMicros} µs later`;
  const base = { name: `${step}: ${at}${times}${later}`, role: "founder" as const, step, at, hit };
  return afterMicros === undefined ? base : { ...base, afterMicros };
}

export const crashPoints: readonly CrashPoint[] = [...atStart, ...inStore, ...atOperations];
