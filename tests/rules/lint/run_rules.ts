/** Runs the whole plugin over a piece of source as if it stood at that place of the tree. */
import plugin from "../lint_plugin.ts";

/** Names of the rules broken, each once, sorted. */
export function rulesBroken(place: string, source: string): string[] {
  const found = Deno.lint.runPlugin(plugin, place, source);
  return [...new Set(found.map((diagnostic) => diagnostic.id.replace(/^selvage\//, "")))].sort();
}
