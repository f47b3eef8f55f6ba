import { type ErrorCode, errorCode } from "../core/contracts/errors.ts";

/** What a command's end means; every one is in `docs/cli.md`. */
export const ExitCode = { ok: 0, failed: 1, usage: 2, notRunning: 3, degraded: 4, interrupted: 130 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** What the user wrote, rather than what the world answered. */
const usageCodes: ReadonlySet<ErrorCode> = new Set(["CONFIG_INVALID", "INVALID_ARGUMENT"]);

export function exitCodeOf(error: unknown): ExitCode {
  const code = errorCode(error);
  if (code === "NOT_RUNNING") return ExitCode.notRunning;
  return usageCodes.has(code) ? ExitCode.usage : ExitCode.failed;
}
