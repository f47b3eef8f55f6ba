/**
 * Creates and starts plugins one after the other and disposes them in the exact reverse. A part is on the stack before
 * its `start` runs, so a start that fails half-way is still cleaned up.
 */
import { isMeshError, MeshError } from "../contracts/errors.ts";
import type { Lifecycle } from "../contracts/lifecycle.ts";
import type { Plugin, PluginLabel, SlotName, Slots } from "../contracts/plugin.ts";
import { assertShape } from "./part_shape.ts";

export class PartStack implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Pure: makes the part and makes sure that it will be disposed. Throws `PLUGIN_FAILED`. */
  create<K extends SlotName, H>(plugin: Plugin<K, H>, host: H): Slots[K] & Lifecycle {
    try {
      const part: Slots[K] & Lifecycle = plugin.create(host);
      this.#stack.defer(async () => await part?.[Symbol.asyncDispose]?.());
      assertShape(plugin, part);
      return part;
    } catch (error) {
      throw blame(plugin, "be created", error);
    }
  }

  /** Rejects with the plugin's own {@link MeshError}, or `PLUGIN_FAILED` naming the plugin for anything else. */
  async start(plugin: PluginLabel, part: Lifecycle): Promise<void> {
    try {
      await part.start?.(this.#signal);
    } catch (error) {
      throw blame(plugin, "start", error);
    }
  }

  /** Something that is no plugin but must end in the same order. */
  defer(dispose: () => void | Promise<void>): void {
    this.#stack.defer(async () => await dispose());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function blame(plugin: PluginLabel, step: string, error: unknown): MeshError {
  if (isMeshError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new MeshError(
    "PLUGIN_FAILED",
    `The ${plugin.slot} plugin "${plugin.name}" failed to ${step}: ${reason}`,
    {
      cause: error,
      details: { plugin: plugin.name, slot: plugin.slot },
    },
  );
}
