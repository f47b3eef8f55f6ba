import type { LogLevel } from "./host.ts";

/** What is written to a log. */
export interface LogSettings {
  readonly level: LogLevel;
  /** Levels of single scopes, which count for what is below them too: `admin`, `noise`, `mesh`. */
  readonly scopes: Readonly<Record<string, LogLevel>>;
}

/** The settings, with what they can name. */
export interface LogStatus extends LogSettings {
  /** Scopes that somebody logs under, by name. */
  readonly known: readonly string[];
}

/** A log whose level can be changed while it is written. Its owner hands it to the admin API. */
export interface LogControl {
  settings(): LogSettings;
  /** By name. A level for any other scope would change nothing, so the admin API refuses it. */
  known(): readonly string[];
  /** Replaces all settings; counts from the next line on. */
  change(settings: LogSettings): void;
}
