/** Checks a graph against the layers: pure, so that a toy graph proves that each violation is caught. */
import type { Edge, Graph } from "./graph.ts";
import { HOST_SLOTS, type Layer, layerOf, pluginFolder } from "./layers.ts";

export interface Packages {
  /** Name to version, as in package.json. */
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

export interface Tree {
  readonly graph: Graph;
  readonly packages: Packages;
  /** Plugin folder (`plugins/udp`) to the slot its `mod.ts` declares. */
  readonly slots: ReadonlyMap<string, string>;
}

/** One sentence for each import that the rules forbid; none for a tree that keeps them. */
export function layerViolations(tree: Tree): string[] {
  const homeless = tree.graph.files.filter((file) => layerOf(file) === undefined)
    .map((file) => `${file} belongs to no layer: give its folder a row in layers.ts`);
  const forbidden = tree.graph.edges.flatMap((edge) => edgeViolation(edge, tree) ?? []);
  return [...tree.graph.broken, ...homeless, ...forbidden];
}

function edgeViolation(edge: Edge, tree: Tree): string | undefined {
  const layer = layerOf(edge.from);
  if (layer === undefined) return undefined;
  if (edge.kind === "file") return fileViolation(edge, layer, tree.slots);
  const undeclared = edge.kind === "package" ? packageViolation(edge, tree.packages) : undefined;
  if (undeclared !== undefined) return undeclared;
  if (isTest(edge.from) || matchesAny(edge.to, layer.packages)) return undefined;
  return `${edge.from} imports ${edge.to}: ${layer.name} may import ${listed(layer.packages, "no package")}`;
}

function fileViolation(edge: Edge, layer: Layer, slots: Tree["slots"]): string | undefined {
  if (isTest(edge.from)) return undefined;
  const target = layerOf(edge.to);
  if (target?.name === "tests" && layer.name !== "tests") {
    return `${edge.from} imports the test code ${edge.to}`;
  }
  const home = pluginFolder(edge.from);
  const away = pluginFolder(edge.to);
  if (home !== undefined && away !== undefined && home !== away) {
    return `${edge.from} imports ${edge.to}: a plugin sees no other plugin`;
  }
  if (target?.name === layer.name || layer.imports.includes("*")) return undefined;
  if (target !== undefined && layer.imports.includes(target.name)) return undefined;
  if (target?.name === "core/runtime" && layer.name === "plugin") return runtimeViolation(edge, slots);
  return `${edge.from} imports ${edge.to}: ${layer.name} may import ${listed(layer.imports, "only itself")}`;
}

function runtimeViolation(edge: Edge, slots: Tree["slots"]): string | undefined {
  const slot = slots.get(pluginFolder(edge.from) ?? "");
  if (slot !== undefined && HOST_SLOTS.includes(slot)) return undefined;
  const why = slot === undefined ? "its mod.ts declares no slot" : `it fills the slot ${slot}`;
  return `${edge.from} imports ${edge.to}: only ${HOST_SLOTS.join(", ")} plugins may, and ${why}`;
}

/** A package that the tests alone use may be a development dependency; all others ship with the product. */
function packageViolation(edge: Edge, packages: Packages): string | undefined {
  const forTests = isTest(edge.from) || edge.from.startsWith("tests/");
  const version = packages.dependencies[edge.to] ??
    (forTests ? packages.devDependencies[edge.to] : undefined);
  if (version === undefined) {
    return `${edge.from} imports ${edge.to}, which package.json does not declare for it`;
  }
  if (isExact(version)) return undefined;
  return `${edge.from} imports ${edge.to} at "${version}": declare one exact version`;
}

export function isExact(version: string): boolean {
  return /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version);
}

function isTest(path: string): boolean {
  return path.endsWith("_test.ts");
}

function matchesAny(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern
  );
}

function listed(names: readonly string[], none: string): string {
  return names.length === 0 ? none : names.join(", ");
}
