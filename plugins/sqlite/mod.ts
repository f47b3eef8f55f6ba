/**
 * Durable state in one SQLite file, written with `synchronous = FULL` before a commit resolves.
 *
 * ```ts
 * import { sqlite } from "./mod.ts";
 *
 * const plugin = sqlite({ directory: "/var/lib/selvage" });
 * console.log(plugin.slot, plugin.name); // store sqlite
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import { type SqliteHost, SqliteStore } from "./store.ts";

const config = z.strictObject({
  directory: z.string().min(1).describe(
    "Where the state file lives. Made with mode 0700 when it is missing.",
  ),
  maxBytes: z.int().min(65_536).optional().describe(
    "The state file never grows beyond this; unlimited by default.",
  ),
});

export const sqlite = definePlugin({
  slot: "store",
  name: "sqlite",
  config,
  create: ({ directory, maxBytes }, host: SqliteHost) =>
    new SqliteStore({ directory, file: `${directory}/selvage.db`, maxBytes }, host),
});
