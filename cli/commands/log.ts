/** What a running node writes to its log. */
import type { LogLevel } from "../../core/contracts/host.ts";
import type { LogSettings, LogStatus } from "../../core/contracts/log.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import { requireKnown } from "../../core/admin/log_status.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import type { Io } from "../io.ts";
import { columns, type OutputFormat, printData } from "../output.ts";

const logLevels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export interface LogOptions extends AddressOptions {
  readonly output: OutputFormat;
  /** `noise=debug`, as often as wanted. */
  readonly scope?: readonly string[];
}

/** Shows the levels; with a level or a scope changes them first. What is not named is as before. Rejects as `setLog`. */
export async function log(io: Io, level: LogLevel | undefined, options: LogOptions): Promise<void> {
  const scopes = (options.scope ?? []).map(parseScope);
  const client = await connectAdmin(options, io);
  const before = await client.log(io.interrupted);
  // Here already: a scope that is to be as all others is not in what the node is told.
  requireKnown(scopes.map(([scope]) => scope), before.known);
  const isChange = level !== undefined || options.scope !== undefined;
  const wanted = { level: level ?? before.level, scopes: changed(before.scopes, scopes) };
  const now = isChange ? await client.setLog(wanted, io.interrupted) : before;
  await printData(io, options.output, now, levelTable);
}

/** Without a level: the scope has none of its own any more. */
type ScopeChange = readonly [scope: string, level: LogLevel | undefined];

function parseScope(text: string): ScopeChange {
  const [, scope, level] = /^([\w.-]{1,63})=([a-z]+)$/.exec(text) ?? [];
  if (scope !== undefined && level === "default") return [scope, undefined];
  if (scope !== undefined && logLevels.includes(level as LogLevel)) return [scope, level as LogLevel];
  throw new MeshError(
    "INVALID_ARGUMENT",
    `"${text}" is no scope with its level; write noise=debug; levels are ${
      logLevels.join(", ")
    }, and default`,
  );
}

function changed(scopes: LogSettings["scopes"], changes: readonly ScopeChange[]): LogSettings["scopes"] {
  const entries = new Map<string, LogLevel | undefined>([...Object.entries(scopes), ...changes]);
  return Object.fromEntries(
    [...entries].filter((entry): entry is [string, LogLevel] => entry[1] !== undefined),
  );
}

/** `default` is what it is called on the command line too. */
function levelTable({ level, scopes, known }: LogStatus): string {
  const levels = new Map(Object.entries(scopes));
  const rows = known.map((scope) => [scope, levels.get(scope) ?? "default"]);
  return columns(["SCOPE", "LEVEL"], [["(all)", level], ...rows]);
}
