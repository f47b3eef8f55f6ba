import type { LogLevel } from "./host.ts";

/** What is written to a log. */
export interface LogSettings {
  readonly level: LogLevel;
  /** Levels of single scopes, which count for what is below them too: `admin`, `noise`, `mesh`. */
  readonly scopes: Readonly<Record<string, LogLevel>>;
}

/** A log whose level can be changed while it is written. Its owner hands it to the admin API. */
export interface LogControl {
  settings(): LogSettings;
  /** Replaces all settings; counts from the next line on. */
  change(settings: LogSettings): void;
}
