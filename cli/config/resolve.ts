/**
 * From layers to a composition: settings checked, plugins found, their options decoded. Everything wrong is reported at
 * once, before anything starts.
 */
import { dirname } from "node:path";
import { MeshError } from "../../core/contracts/errors.ts";
import type { AnyPluginFactory, Plugin, SlotName } from "../../core/contracts/plugin.ts";
import type { Composition } from "../../core/node/composition.ts";
import { builtins } from "../../plugins/builtins.ts";
import { type Merged, mergeLayers } from "./merge.ts";
import type { Setting } from "./origin.ts";
import { importPlugin } from "./plugin_module.ts";
import { closest, Problems } from "./problems.ts";
import {
  type ConfigurableSlot,
  configurableSlots,
  defaultOver,
  defaultPlugins,
  type Settings,
  settingsSchema,
  type SlotSetting,
} from "./settings.ts";
import { withEntries } from "./slot_lists.ts";

export interface ResolvedConfig {
  readonly settings: Settings;
  readonly plugins: Composition;
  /** Every effective value with its origin. */
  readonly effective: readonly Setting[];
  /** What was chosen for the slots, in their order; some slots have several entries, discovery perhaps none. */
  readonly chosen: readonly Chosen[];
}

export interface Chosen {
  readonly path: readonly (string | number)[];
  readonly slot: ConfigurableSlot;
  /** Name of a built-in plugin, or a module. */
  readonly use: string;
  /** As given, before the plugin's own defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The transport of an encapsulation that stands beside the main one. */
  readonly over?: Chosen | undefined;
}

/** Throws `CONFIG_INVALID` with a line per problem. `file` is where plugin paths are relative to. */
export async function resolveConfig(
  layers: readonly (readonly Setting[])[],
  file: string | undefined,
): Promise<ResolvedConfig> {
  const merged = mergeLayers(withEntries(layers));
  const problems = new Problems(merged);
  const settings = checkSettings(merged, problems);
  const chosen = configurableSlots.flatMap((slot) => choices(slot, merged.tree));
  const directory = file === undefined ? "." : dirname(file);
  checkSides(chosen, problems);
  const made = await Promise.all(
    chosen.flatMap((choice) => choice.over === undefined ? [choice] : [choice, choice.over])
      .map((choice) => makePlugin(choice, directory, settings, problems)),
  );
  problems.throwIfAny();
  const whole = made.filter((each) => each !== undefined);
  const implied = chosen.flatMap(({ over }) => over === undefined ? [] : impliedBy(over, merged));
  const secrets = whole.flatMap(({ secrets }) => secrets);
  const effective = [...merged.settings, ...implied, ...whole.flatMap(({ defaults }) => defaults)]
    .map((setting) =>
      secrets.some((secret) => isWithin(setting, secret)) ? { ...setting, secret: true } : setting
    );
  return {
    settings: settings!,
    plugins: composition(chosen, new Map(whole.map(({ choice, plugin }) => [choice, plugin]))),
    effective: effective.toSorted((a, b) => a.path.join(".") < b.path.join(".") ? -1 : 1),
    chosen,
  };
}

function checkSettings(merged: Merged, problems: Problems): Settings | undefined {
  const result = settingsSchema.safeParse(merged.tree);
  if (result.success) return result.data;
  problems.addIssues([], result.error.issues, Object.keys(settingsSchema.shape));
  return undefined;
}

function choices(slot: ConfigurableSlot, tree: Readonly<Record<string, unknown>>): Chosen[] {
  const value = tree[slot] ?? {};
  const items = Array.isArray(value) ? value.map((item, index) => [item, [slot, index]]) : [[value, [slot]]];
  return items.filter(([item]) => typeof item === "object" && item !== null).map(([item, path]) => {
    const { use = defaultPlugins[slot], ...options } = item as SlotSetting;
    const choice: Chosen = { slot, path: path as Chosen["path"], use, options };
    return slot === "encapsulation" ? withOver(choice) : choice;
  });
}

/** Options that are said of another transport than the default one stand alone. */
function withOver({ options: { over, ...options }, ...choice }: Chosen): Chosen {
  const isMap = typeof over === "object" && over !== null && !Array.isArray(over);
  const given = (isMap ? over : {}) as SlotSetting;
  const usual = Object.hasOwn(defaultOver, choice.use) ? defaultOver[choice.use] : undefined;
  if (!isMap && usual === undefined) return { ...choice, options };
  const isUsual = given.use === undefined || given.use === usual?.use;
  const { use = defaultPlugins.transport, ...rest } = { ...isUsual && usual, ...given };
  const under: Chosen = { slot: "transport", path: [...choice.path, "over"], use, options: rest };
  return { ...choice, options, over: under };
}

/** What of it stands in no layer. */
function impliedBy({ path, use, options }: Chosen, { settings }: Merged): Setting[] {
  return Object.entries({ use, ...options })
    .map(([key, value]): Setting => ({
      path: [...path.map(String), key],
      value,
      origin: { from: "default" },
    }))
    .filter((implied) => !settings.some((given) => implied.path.every((step, i) => given.path[i] === step)));
}

/** One encapsulation runs over the transports of the node; each other one has its own, or would take its datagrams. */
function checkSides(chosen: readonly Chosen[], problems: Problems): void {
  const mains = chosen.filter(({ slot, over }) => slot === "encapsulation" && over === undefined);
  if (mains.length === 0) {
    problems.add(
      ["encapsulation"],
      "expected one that members speak: a plugin without `over`, such as noise",
    );
  }
  for (const { path, use } of mains.slice(1)) {
    problems.add(
      [...path, "over"],
      `"${use}" stands beside another encapsulation and needs a transport of its own`,
    );
  }
  if (!chosen.some(({ slot }) => slot === "transport")) {
    problems.add(["transport"], "expected at least one transport");
  }
  if (!chosen.some(({ slot }) => slot === "port")) {
    problems.add(["port"], "expected at least one port, such as userspace");
  }
}

interface Made {
  readonly choice: Chosen;
  readonly plugin: Plugin<SlotName, never>;
  /** What its own schema adds to what was given. */
  readonly defaults: readonly Setting[];
  /** Paths of options that its schema calls secret. */
  readonly secrets: readonly (readonly string[])[];
}

async function makePlugin(
  choice: Chosen,
  directory: string,
  settings: Settings | undefined,
  problems: Problems,
): Promise<Made | undefined> {
  const factory = await findFactory(choice, directory, problems);
  if (factory === undefined) return undefined;
  const options = withDefaults(choice, settings);
  const result = factory.config["~standard"].validate(options);
  if (result instanceof Promise) return void problems.add(choice.path, "its schema is asynchronous");
  if (result.issues === undefined) {
    const defaults = optionDefaults(factory, choice, options);
    const secrets = secretOptions(factory, choice);
    return { choice, plugin: factory(options as never), defaults, secrets };
  }
  problems.addIssues(choice.path, result.issues, optionNames(factory));
  return undefined;
}

async function findFactory({ slot, use, path }: Chosen, directory: string, problems: Problems) {
  const usePath = [...path, "use"];
  // `use:` with nothing behind it is null in YAML.
  if (typeof use !== "string") {
    return void problems.add(usePath, `expected a plugin's name, got ${JSON.stringify(use)}`);
  }
  const builtin = Object.hasOwn(builtins, use) ? builtins[use] : undefined;
  try {
    const factory = builtin ?? (isModule(use) ? await importPlugin(use, directory) : undefined);
    if (factory === undefined) return void problems.add(usePath, unknownPlugin(use, slot));
    if (factory.slot === slot) return factory;
    problems.add(usePath, `"${use}" is a plugin for ${factory.slot}, not for ${slot}`);
  } catch (error) {
    problems.add(usePath, `${error instanceof MeshError ? error.message : String(error)}${meant(use, slot)}`);
  }
  return undefined;
}

/** A path or a package name; plugin names of ours have neither dots, slashes nor dashes. */
function isModule(use: string): boolean {
  return /[./@-]/.test(use);
}

function builtinNames(slot: SlotName): readonly string[] {
  return Object.values(builtins).filter((factory) => factory.slot === slot).map(({ pluginName }) =>
    pluginName
  );
}

/** What somebody meant who wrote something else that is taken for a package: `allow-all`, `policy.ts`. */
function meant(use: string, slot: SlotName): string {
  const close = closest(use, builtinNames(slot)) ??
    (/^[^./@][^:]*\.[cm]?[jt]s$/.test(use) ? `./${use}` : undefined);
  return close === undefined ? "" : `; did you mean "${close}"?`;
}

function unknownPlugin(use: string, slot: SlotName): string {
  const known = builtinNames(slot);
  const close = closest(use, known);
  return `no plugin "${use}"; ${
    close === undefined ? `there is ${known.join(", ")}` : `did you mean "${close}"?`
  }`;
}

/** The store keeps its file in the state directory unless told otherwise. */
function withDefaults(
  { slot, use, options }: Chosen,
  settings: Settings | undefined,
): Record<string, unknown> {
  // Without settings something else is wrong already, and this default must not add to it.
  if (slot === "store" && use === "sqlite") return { directory: settings?.stateDir ?? ".", ...options };
  return { ...options };
}

function optionNames(factory: AnyPluginFactory): readonly string[] {
  return Object.keys(optionSchemas(factory));
}

function optionDefaults(
  factory: AnyPluginFactory,
  { path }: Chosen,
  given: Readonly<Record<string, unknown>>,
): readonly Setting[] {
  return Object.entries(optionSchemas(factory))
    .filter(([option, schema]) => schema.default !== undefined && !Object.hasOwn(given, option))
    .map(([option, schema]) => ({
      path: [...path.map(String), option],
      value: schema.default,
      origin: { from: "default" },
    }));
}

/** By annotations that JSON Schema has: what is written and never read back, and what a form would hide. */
function secretOptions(factory: AnyPluginFactory, { path }: Chosen): readonly (readonly string[])[] {
  return Object.entries(optionSchemas(factory))
    .filter(([, { writeOnly, format }]) => writeOnly === true || format === "password")
    .map(([option]) => [...path.map(String), option]);
}

function isWithin({ path }: Setting, above: readonly string[]): boolean {
  return above.every((step, index) => path[index] === step);
}

interface OptionSchema {
  readonly default?: unknown;
  readonly writeOnly?: boolean;
  readonly format?: string;
}

type OptionSchemas = Readonly<Record<string, OptionSchema>>;

/** A validator prints itself anew each time, and nothing else in loading takes as long. */
const printed = new WeakMap<AnyPluginFactory, OptionSchemas>();

/** By name; none for a validator that cannot print itself. */
function optionSchemas(factory: AnyPluginFactory): OptionSchemas {
  const known = printed.get(factory);
  if (known !== undefined) return known;
  const schema = factory.config["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
  const schemas = (schema?.["properties"] ?? {}) as OptionSchemas;
  printed.set(factory, schemas);
  return schemas;
}

function composition(
  chosen: readonly Chosen[],
  made: ReadonlyMap<Chosen, Plugin<SlotName, never>>,
): Composition {
  const of = (slot: SlotName) =>
    chosen.filter((choice) => choice.slot === slot).map((choice) => made.get(choice));
  const one = (slot: SlotName) => of(slot)[0];
  const encapsulations = chosen.filter(({ slot }) => slot === "encapsulation");
  const beside = encapsulations.filter(({ over }) => over !== undefined);
  return {
    store: one("store"),
    transport: of("transport"),
    encapsulation: made.get(encapsulations.find(({ over }) => over === undefined)!),
    beside: beside.map((choice) => ({ encapsulation: made.get(choice), over: made.get(choice.over!) })),
    discovery: of("discovery"),
    ipam: one("ipam"),
    policy: one("policy"),
    port: of("port"),
  } as unknown as Composition;
}
