import type { WallMillis } from "../contracts/values.ts";

/** The last instant that four digits of a year can write. */
const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * A time as the API writes it: RFC 3339 in UTC with milliseconds. What a broken wall clock gives is brought within the
 * years 1970 to 9999 that the form can write: a status must not fail because of it.
 */
export function timeText(wall: WallMillis): string {
  const within = Number.isNaN(wall) ? 0 : Math.min(Math.max(wall, 0), last);
  return new Date(within).toISOString();
}
