/** The files that a package.json promises. */

type Target = string | null | { readonly [condition: string]: Target };

interface Promising {
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, Target>>;
  readonly imports?: Readonly<Record<string, Target>>;
}

/** Relative to the package, sorted, each once. The condition `source` is for a checkout and is never packed. */
export function namedFiles({ bin = {}, exports = {}, imports = {} }: Promising): string[] {
  const targets = [bin, exports, imports].flatMap((part) => Object.values(part)).flatMap(leaves);
  return [...new Set(targets.map((path) => path.replace(/^\.\//, "")))].sort();
}

function leaves(target: Target): string[] {
  if (target === null) return [];
  if (typeof target === "string") return [target];
  return Object.entries(target).filter(([condition]) => condition !== "source").flatMap(([, next]) =>
    leaves(next)
  );
}
