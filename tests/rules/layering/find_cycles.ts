import type { Graph } from "./graph.ts";

/**
 * Import cycles as `a.ts → b.ts → a.ts`: enough of them that every file on a cycle stands in one. Types count, because
 * two files that need each other's types are one subject in two places; `import()` does not, because it is bound later.
 */
export function findCycles(graph: Graph): string[] {
  const next = new Map<string, string[]>();
  for (const edge of graph.edges) {
    if (edge.kind === "file" && !edge.dynamic) next.set(edge.from, [...next.get(edge.from) ?? [], edge.to]);
  }
  const cycles: string[] = [];
  const seen = new Set<string>();
  for (const file of graph.files) {
    if (seen.has(file)) continue;
    const path = pathBack(file, next);
    if (path === undefined) continue;
    for (const member of path) seen.add(member);
    cycles.push([...path, file].join(" → "));
  }
  return cycles;
}

/** The shortest way from a file back to itself, without its last step; undefined when there is none. */
function pathBack(start: string, next: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    for (const target of next.get(file) ?? []) {
      if (target === start) return trace(file, start, cameFrom);
      if (cameFrom.has(target)) continue;
      cameFrom.set(target, file);
      queue.push(target);
    }
  }
  return undefined;
}

function trace(end: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const path: string[] = [];
  for (let file: string | undefined = end; file !== undefined && file !== start; file = cameFrom.get(file)) {
    path.unshift(file);
  }
  return [start, ...path];
}
