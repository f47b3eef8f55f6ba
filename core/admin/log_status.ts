import { MeshError } from "../contracts/errors.ts";
import type { LogControl, LogStatus } from "../contracts/log.ts";

export function logStatus(control: LogControl): LogStatus {
  return { ...control.settings(), known: control.known() };
}

/** Throws `INVALID_ARGUMENT` for a scope that nobody logs under: its level would do nothing, and nobody would notice. */
export function requireKnown(scopes: readonly string[], known: readonly string[]): void {
  const unknown = scopes.filter((scope) => !known.includes(scope));
  if (unknown.length === 0) return;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot set a level for ${
      unknown.map((scope) => `"${scope}"`).join(", ")
    }: nobody logs under that scope; ` +
      `there is ${known.join(", ")}`,
    { details: { unknown, known } },
  );
}
