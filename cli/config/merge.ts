/**
 * Layers into one tree. A later layer wins key by key; but when it chooses another plugin for a slot, the options that
 * an earlier layer gave to the former one go with it.
 */
import type { Setting } from "./origin.ts";
import { isListSlot } from "./settings.ts";

export interface Merged {
  /** Plain objects and values; lists of maps as arrays. */
  readonly tree: Record<string, unknown>;
  /** The winning settings, in order of path. */
  readonly settings: readonly Setting[];
  /** The setting at this path, or the nearest one above or below it: what an error about the path points at. */
  at(path: readonly (string | number)[]): Setting | undefined;
}

export function mergeLayers(layers: readonly (readonly Setting[])[]): Merged {
  const winners = new Map<string, Setting>();
  for (const layer of layers) {
    for (const setting of layer) makeRoom(winners, setting);
    for (const setting of layer.flatMap(partsOf)) winners.set(keyOf(setting.path), setting);
  }
  const settings = [...winners.values()];
  const tree: Record<string, unknown> = {};
  for (const { path, value } of settings) assign(tree, path, value);
  return { tree: listsOf(tree) as Record<string, unknown>, settings, at: finder(settings) };
}

/**
 * A variable can set a map, or a list of maps, as a whole. It replaces what weaker layers say below it, as any value does;
 * then it is taken apart, so that a stronger layer can change one key of it, and a secret in it is found.
 */
function partsOf(setting: Setting): Setting[] {
  const { path, value } = setting;
  const isTree = isMap(value) || (Array.isArray(value) && (isSlotList(path) || value.every(isMap)));
  const entries = isTree ? Object.entries(value as object) : [];
  if (entries.length === 0) return [setting];
  return entries.flatMap(([key, part]) => partsOf({ ...setting, path: [...path, key], value: part }));
}

/** What stands in it is a plugin or a mistake, which must not vanish when `--listen` speaks of the first entry. */
function isSlotList(path: readonly string[]): boolean {
  return path.length === 1 && isListSlot(path[0]!);
}

function makeRoom(winners: Map<string, Setting>, { path, value }: Setting): void {
  const choice = winners.get(keyOf(path))?.value;
  for (const [key, held] of winners) {
    const below = isBelow(held.path, path) || isBelow(path, held.path);
    const ofFormerPlugin = path.at(-1) === "use" && isBelow(held.path, path.slice(0, -1)) && choice !== value;
    if (below || ofFormerPlugin) winners.delete(key);
  }
}

function isBelow(path: readonly string[], above: readonly string[]): boolean {
  return path.length > above.length && above.every((step, index) => path[index] === step);
}

function assign(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let node = tree;
  for (const step of path.slice(0, -1)) {
    if (!Object.hasOwn(node, step) || !isMap(node[step])) define(node, step, {});
    node = node[step] as Record<string, unknown>;
  }
  if (path.length > 0) define(node, path.at(-1)!, value);
}

/** A value where another setting of the same layer goes deeper makes room for it: the schema then says what is wrong. */
function isMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `__proto__` is a key like any other here, and an unknown one. */
function define(node: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(node, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Maps whose keys are 0, 1, 2 … were lists. */
function listsOf(node: unknown): unknown {
  if (typeof node !== "object" || node === null || Array.isArray(node)) return node;
  const entries = Object.entries(node).map(([key, value]) => [key, listsOf(value)] as const);
  if (entries.length > 0 && entries.every(([key], index) => key === String(index))) {
    return entries.map(([, v]) => v);
  }
  const copy: Record<string, unknown> = {};
  for (const [key, value] of entries) define(copy, key, value);
  return copy;
}

/** Finds the setting at a path, or the nearest one above or below it, in time that depends on the path alone. */
function finder(settings: readonly Setting[]): (path: readonly (string | number)[]) => Setting | undefined {
  const at = new Map<string, Setting>();
  const below = new Map<string, Setting>();
  for (const setting of settings) {
    at.set(keyOf(setting.path), setting);
    for (let length = 1; length < setting.path.length; length++) {
      const above = keyOf(setting.path.slice(0, length));
      if (!below.has(above)) below.set(above, setting);
    }
  }
  return (wanted) => {
    for (let length = wanted.length; length > 0; length--) {
      const key = keyOf(wanted.slice(0, length).map(String));
      const hit = at.get(key) ?? below.get(key);
      if (hit !== undefined) return hit;
    }
    return undefined;
  };
}

/** Unlike the text for people, one per path: a key may have a dot in it. */
function keyOf(path: readonly string[]): string {
  return JSON.stringify(path);
}
