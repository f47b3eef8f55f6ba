/**
 * Which files hold examples that `deno test --doc` would run. Only these are named to it, because it also loads every
 * module it is given, and loading a program starts it.
 */

const RUNNABLE = new Set(["ts", "typescript", "js", "javascript", "mts", "mjs", "tsx", "jsx"]);

/** `path` tells Markdown from TypeScript: in a doc comment a block without a language is TypeScript too. */
export function hasExample(path: string, text: string): boolean {
  const fence = path.endsWith(".md") ? /^\s*```(.*)$/gm : /^\s*\*\s*```(.*)$/gm;
  const fences = [...text.matchAll(fence)].map((match) => (match[1] ?? "").trim());
  const openings = fences.filter((_, i) => i % 2 === 0);
  return openings.some((info) => isRunnable(info, path.endsWith(".ts")));
}

function isRunnable(info: string, unlabelled: boolean): boolean {
  const [language = "", ...attributes] = info.split(/\s+/);
  if (attributes.includes("ignore")) return false;
  return language === "" ? unlabelled : RUNNABLE.has(language);
}
