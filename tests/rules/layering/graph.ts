/** Who imports whom, read from what `deno info --json` prints. Imports of types count as any other. */

export interface Edge {
  /** Path of the importing file, relative to the root. */
  readonly from: string;
  /** A path relative to the root, a package (`@noble/hashes`) or a module of the runtime (`node:fs`). */
  readonly to: string;
  readonly kind: "file" | "package" | "runtime";
  /** `import()`: bound when it runs, so it cannot make a cycle at load time. */
  readonly dynamic: boolean;
}

export interface Graph {
  readonly files: readonly string[];
  readonly edges: readonly Edge[];
  /** Imports that lead nowhere, one sentence each. */
  readonly broken: readonly string[];
}

interface Resolved {
  readonly specifier?: string;
  readonly error?: string;
}

interface Dependency {
  readonly specifier: string;
  readonly code?: Resolved;
  readonly type?: Resolved;
  readonly isDynamic?: boolean;
}

interface Module {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly Dependency[];
}

/** `root` is the `file:` URL of the repository with a slash at its end. */
export function graphOf(info: { readonly modules: readonly Module[] }, root: string): Graph {
  const files: string[] = [];
  const edges: Edge[] = [];
  const broken: string[] = [];
  for (const module of info.modules) {
    const from = pathIn(root, module.specifier);
    if (from === undefined) continue;
    if (module.error === undefined) files.push(from);
    else broken.push(`${from}: ${module.error}`);
    for (const dependency of module.dependencies ?? []) {
      const error = dependency.code?.error ?? dependency.type?.error;
      if (error === undefined) edges.push(edgeOf(from, dependency, root));
      else broken.push(`${from}: ${error}`);
    }
  }
  return { files: files.sort(), edges, broken };
}

function edgeOf(from: string, dependency: Dependency, root: string): Edge {
  const dynamic = dependency.isDynamic === true;
  const target = dependency.code?.specifier ?? dependency.type?.specifier ?? dependency.specifier;
  if (target.startsWith("node:")) return { from, to: target, kind: "runtime", dynamic };
  const path = pathIn(root, target);
  if (path !== undefined) return { from, to: path, kind: "file", dynamic };
  return { from, to: packageName(dependency.specifier), kind: "package", dynamic };
}

/** undefined for what is not a file of this repository, installed packages included. */
function pathIn(root: string, specifier: string): string | undefined {
  if (!specifier.startsWith(root)) return undefined;
  const path = specifier.slice(root.length);
  return path.startsWith("node_modules/") ? undefined : path;
}

/** `@noble/hashes` for `@noble/hashes/blake2.js`. */
export function packageName(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}
