/** What is mutated, and the tests that must notice, cheapest first. Paths from the root. */
export interface MutationTarget {
  readonly file: string;
  readonly tests: readonly string[];
}

/** Of this share of all mutants a test must fail. */
export const killedFloor = 0.85;

const forwarding = [
  "core/forwarding/forward_test.ts",
  "core/forwarding/forward_table_test.ts",
  "core/forwarding/range_table_test.ts",
];
const sessions = ["plugins/noise/session_limits_test.ts", "plugins/noise/session_test.ts"];

export const mutationTargets: readonly MutationTarget[] = [
  { file: "core/forwarding/forward.ts", tests: forwarding },
  { file: "core/forwarding/range_table.ts", tests: forwarding },
  {
    file: "plugins/noise/replay_window.ts",
    tests: ["plugins/noise/replay_window_test.ts", "plugins/noise/replay_window_ring_test.ts"],
  },
  { file: "plugins/noise/session.ts", tests: sessions },
  { file: "plugins/noise/slots.ts", tests: ["plugins/noise/slots_test.ts"] },
  {
    file: "plugins/noise/keepalive.ts",
    tests: ["plugins/noise/keepalive_test.ts", "plugins/noise/keepalive_silence_test.ts"],
  },
  {
    file: "plugins/noise/retry_schedule.ts",
    tests: ["plugins/noise/retry_schedule_values_test.ts", "plugins/noise/retry_schedule_test.ts"],
  },
  {
    file: "plugins/noise/stamps.ts",
    tests: ["plugins/noise/stamps_values_test.ts", "plugins/noise/stamps_test.ts"],
  },
];
