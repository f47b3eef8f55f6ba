/** Log lines on standard error: text for people, JSON lines for machines. */
import type { LogFields, Logger, LogLevel } from "../core/contracts/host.ts";

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  readonly write: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
}

export function lineLogger(options: LogOptions, scope = "node"): Logger {
  const least = levels.indexOf(options.level);
  return {
    child: (name) => lineLogger(options, name),
    log: (level, message, fields = {}) => {
      if (levels.indexOf(level) < least) return;
      const time = new Date(options.wall()).toISOString();
      const line = options.format === "json" ? jsonLine : textLine;
      options.write(`${line({ time, level, scope, message }, fields)}\n`);
    },
  };
}

interface Head {
  readonly time: string;
  readonly level: LogLevel;
  readonly scope: string;
  readonly message: string;
}

function jsonLine(head: Head, fields: LogFields): string {
  return JSON.stringify({
    ...head,
    ...Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, plain(v)])),
  });
}

function textLine({ time, level, scope, message }: Head, fields: LogFields): string {
  const facts = Object.entries(fields).map(([key, value]) => ` ${key}=${quoted(plain(value))}`).join("");
  return `${time} ${level.padEnd(5)} ${scope}: ${message}${facts}`;
}

/** Errors as their message: stacks belong to `SELVAGE_DEBUG`. */
function plain(value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}

/** A peer's name must not be able to forge a line. */
function quoted(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return /^[\w.:/@[\]-]+$/.test(text) ? text : JSON.stringify(text);
}
