/** The JSON Schema of a configuration file, for editors and for whoever generates one. */
import { z } from "zod";
import { builtins } from "../../plugins/builtins.ts";
import { type ConfigurableSlot, configurableSlots, isListSlot, settingsSchema } from "./settings.ts";

type Json = Readonly<Record<string, unknown>>;

const target = { target: "draft-2020-12" } as const;

/** Draft 2020-12. Every slot takes one of the built-in plugins with its options, or a module with any. */
export function configSchema(): Json {
  const base = z.toJSONSchema(settingsSchema, { ...target, io: "input" }) as Json;
  const properties = base["properties"] as Json;
  const slots = Object.fromEntries(configurableSlots.map((slot) => [slot, slotSchema(slot, properties)]));
  // Every setting has a default, so a file needs none.
  const { required: _required, ...rest } = base;
  const { required: _socket, ...admin } = properties["admin"] as Json;
  return {
    ...rest,
    title: "Selvage configuration",
    properties: { ...properties, admin, ...slots },
  };
}

function slotSchema(slot: ConfigurableSlot, properties: Json): Json {
  const { description } = properties[slot] as Json;
  const plugins = [...builtinSchemas(slot), moduleSchema];
  const one: Json = { anyOf: slot === "encapsulation" ? plugins.map(withOver) : plugins };
  const described = description === undefined ? {} : { description };
  if (!isListSlot(slot)) return { ...described, ...one };
  return { ...described, anyOf: [one, { type: "array", items: one }] };
}

/** An encapsulation beside the main one says what it runs over. */
function withOver(plugin: Json): Json {
  const over: Json = {
    description: "The transport of an encapsulation that stands beside the main one",
    anyOf: [...builtinSchemas("transport"), moduleSchema],
  };
  return { ...plugin, properties: { ...plugin["properties"] as Json, over } };
}

function builtinSchemas(slot: ConfigurableSlot): Json[] {
  return Object.values(builtins).filter((factory) => factory.slot === slot).map((factory) => {
    const options = factory.config["~standard"].jsonSchema?.input(target) ?? {};
    const { $schema: _schema, required: _required, ...rest } = options;
    return {
      ...rest,
      title: factory.pluginName,
      properties: { use: { const: factory.pluginName }, ...rest["properties"] as Json },
    };
  });
}

const moduleSchema: Json = {
  title: "a plugin of a third party",
  type: "object",
  properties: {
    use: { type: "string", pattern: "[./@-]", description: "Path relative to this file, or a package" },
  },
  required: ["use"],
};
