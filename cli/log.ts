/**
 * The log of a node: text for people, JSON lines for machines, one line per record. Written by LogTape: its records,
 * levels, filter, sink and formatter.
 *
 * LogTape's `configure` was rejected: it is one per process, and a node is a library in somebody's program, who may have
 * configured LogTape for themselves, or run two nodes. So each log here is a sink of its own, and importing this module
 * configures nothing. Who has a log already hands it to the node instead: a {@link Logger} is two methods.
 */
import { compareLogLevel, getTextFormatter, withFilter } from "@logtape/logtape";
import type { FormattedValues, LogLevel as TapeLevel, LogRecord, Sink } from "@logtape/logtape";
import type { Logger, LogLevel } from "../core/contracts/host.ts";
import type { LogControl, LogSettings } from "../core/contracts/log.ts";
import { timeText } from "../core/node/time_text.ts";
import { plainFields, plainText } from "./log_fields.ts";

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Takes a line with its end. */
  readonly write: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
}

/** A logger for a node, and what changes its levels while the node runs. */
export interface NodeLog extends Logger, LogControl {}

/** The scope of what the node says itself. */
const rootScope = "node";

const tapeLevels = { debug: "debug", info: "info", warn: "warning", error: "error" } as const satisfies {
  readonly [L in LogLevel]: TapeLevel;
};

export function createLog({ level, format, write, wall }: LogOptions): NodeLog {
  const levels = new Levels({ level, scopes: {} });
  const formatter = getTextFormatter({
    timestamp: timeText,
    level: (tapeLevel) => tapeLevel === "warning" ? "warn" : tapeLevel,
    category: (category) => category.join(".") || rootScope,
    format: format === "json" ? jsonLine : textLine,
  });
  const sink = withFilter((record) => write(formatter(record)), (record) => levels.passes(record));
  const known = new Set([rootScope]);
  return {
    ...scoped({ sink, wall, known }, []),
    settings: () => levels.settings,
    known: () => [...known].toSorted(),
    change: (settings) => void (levels.settings = settings),
  };
}

interface Written extends Pick<LogOptions, "wall"> {
  readonly sink: Sink;
  /** Gathers every scope that somebody has asked a logger for: names in the code, so there is an end to them. */
  readonly known: Set<string>;
}

function scoped(written: Written, category: readonly string[]): Logger {
  const { sink, wall, known } = written;
  return {
    child: (scope) => {
      const below = [...category, scope];
      known.add(below.join("."));
      return scoped(written, below);
    },
    log: (level, message, fields = {}) =>
      sink({
        category,
        level: tapeLevels[level],
        message: [message],
        rawMessage: message,
        timestamp: wall(),
        properties: fields,
      }),
  };
}

/** What passes: the level of the nearest scope that has one of its own, else the log's. */
class Levels {
  settings: LogSettings;

  constructor(settings: LogSettings) {
    this.settings = settings;
  }

  passes({ level, category }: LogRecord): boolean {
    return compareLogLevel(level, tapeLevels[this.#leastOf(category)]) >= 0;
  }

  #leastOf(category: readonly string[]): LogLevel {
    const { level, scopes } = this.settings;
    for (let length = Math.max(category.length, 1); length > 0; length--) {
      const scope = category.slice(0, length).join(".") || rootScope;
      if (Object.hasOwn(scopes, scope)) return scopes[scope]!;
    }
    return level;
  }
}

/** The head last: no field can pass itself off as the time or the level, and the order stays that of the head. */
function jsonLine({ timestamp: time, level, category: scope, message, record }: FormattedValues): string {
  const head = { time, level, scope, message };
  return withoutControls(JSON.stringify({ ...head, ...plainFields(record.properties), ...head }));
}

function textLine({ timestamp, level, category, message, record }: FormattedValues): string {
  const facts = Object.entries(plainFields(record.properties)).map(([key, value]) =>
    ` ${key}=${plainText(value)}`
  );
  return withoutControls(`${timestamp} ${level.padEnd(5)} ${category}: ${message}${facts.join("")}`);
}

/**
 * JSON leaves in what a terminal may still obey: DEL and the controls of eight bits (ECMA-48 §8.3). And a plugin may have
 * put a peer's words into the message itself, which a line of text holds as it is.
 */
function withoutControls(line: string): string {
  return line.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
