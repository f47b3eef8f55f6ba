/**
 * The policy of a network without policies.
 *
 * ```ts
 * import { allowAll } from "./mod.ts";
 *
 * const plugin = allowAll({});
 * console.log(plugin.slot, plugin.name); // policy allow_all
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import type { Policy, PolicyEndpoint, Verdict } from "../../core/contracts/policy.ts";

const verdict: Verdict = Object.freeze({ allow: true, because: "allow_all" });

class AllowAll implements Policy {
  readonly allowsEverything = true;

  evaluate(): Verdict {
    return verdict;
  }

  /** Nothing has to be known before a port may open. */
  async gate(_endpoint: PolicyEndpoint, signal: AbortSignal): Promise<void> {
    await Promise.resolve();
    signal.throwIfAborted();
  }

  forget(): void {}

  /** Verdicts never change. */
  epoch(): number {
    return 0;
  }
}

export const allowAll = definePlugin({
  slot: "policy",
  name: "allow_all",
  config: z.strictObject({}),
  create: () => new AllowAll(),
});
