/**
 * Slots that take one plugin or a list of them. A layer may write `transport.listen` and a weaker one a list of
 * transports: then the first of the list is meant, so that what works for one plugin, `--listen` say, goes on working.
 */
import type { Setting } from "./origin.ts";
import { isListSlot } from "./settings.ts";

const index = /^(?:0|[1-9]\d*)$/;

/** The same layers, where a slot that any of them gives as a list is a list in all of them. */
export function withEntries(layers: readonly (readonly Setting[])[]): readonly (readonly Setting[])[] {
  const lists = new Set(
    layers.flat().filter((each) => isEntry(each) || isWhole(each)).map(({ path }) => path[0]!),
  );
  return layers.map((layer) =>
    layer.map((setting) => lists.has(setting.path[0]!) ? asEntry(setting) : setting)
  );
}

function isEntry({ path: [slot, step] }: Setting): boolean {
  return slot !== undefined && step !== undefined && isListSlot(slot) && index.test(step);
}

function isWhole({ path, value }: Setting): boolean {
  return path.length === 1 && isListSlot(path[0]!) && Array.isArray(value);
}

/** What is said of the slot as a whole, `discovery: []`, stays what it is. */
function asEntry(setting: Setting): Setting {
  const [slot, ...rest] = setting.path;
  return rest.length === 0 || isEntry(setting) ? setting : { ...setting, path: [slot!, "0", ...rest] };
}
