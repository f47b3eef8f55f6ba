import type { Host } from "../../core/contracts/host.ts";
import type { AttachedLink } from "./attached_link.ts";

const linkAlert = "interface-lost";
const bridgeAlert = "bridge-lost";

/** What somebody else has changed or taken away: who is told, and until when. */
export class Losses {
  readonly #host: Pick<Host, "events" | "log">;
  /** Owners whose interface was deleted, and who still have their namespace. */
  readonly #lost = new Map<string, string>();
  #isBridgeLost = false;

  constructor(host: Pick<Host, "events" | "log">) {
    this.#host = host;
  }

  /** `isThere`: its namespace is, so it was not the end of a container. */
  linkLost({ owner, device }: AttachedLink, isThere: boolean): void {
    const { log, events } = this.#host;
    if (!isThere) return log.log("info", "Namespace of an endpoint is gone", { owner });
    log.log("warn", "Interface of an endpoint was deleted by somebody else", { owner, name: device });
    this.#lost.set(owner, device);
    const all = [...this.#lost].map(([of, name]) => `${name} of ${of}`).join(", ");
    events.emit("alert:raised", {
      alert: linkAlert,
      detail: `deleted by somebody else: ${all}; attach again, or detach`,
    });
  }

  repaired({ owner, rules }: AttachedLink, renamed: string | undefined): void {
    const what = renamed === undefined ? "changed" : `renamed to ${renamed}`;
    this.#host.log.log("warn", "Interface of an endpoint was changed by somebody else, and is set right", {
      owner,
      name: rules.port,
      what,
    });
  }

  /** True when it was lost. */
  forget(owner: string): boolean {
    if (!this.#lost.delete(owner)) return false;
    if (this.#lost.size === 0) this.#host.events.emit("alert:cleared", { alert: linkAlert });
    return true;
  }

  bridgeBroken(): void {
    this.#host.log.log("warn", "The bridge or its TAP device was changed by somebody else, and is made anew");
  }

  bridgeLost(error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    this.#host.log.log("error", "The bridge cannot be looked after", { error });
    this.#isBridgeLost = true;
    this.#host.events.emit("alert:raised", { alert: bridgeAlert, detail });
  }

  bridgeWhole(): void {
    if (!this.#isBridgeLost) return;
    this.#isBridgeLost = false;
    this.#host.events.emit("alert:cleared", { alert: bridgeAlert });
  }
}
