import type { Host } from "../../core/contracts/host.ts";
import { groupRate, stormCounter } from "./ingress_rules.ts";

const alert = "broadcast-storm";

/**
 * Broadcast and multicast of containers that came faster than their ports let in. Which of the frames have been there
 * before cannot be told: what two containers of a host lead in a circle has the right MAC and address each time.
 */
export class Storms {
  readonly #host: Pick<Host, "events" | "log">;
  #last = 0;
  #isOn = false;

  constructor(host: Pick<Host, "events" | "log">) {
    this.#host = host;
  }

  /** What was counted before the node was there is past. */
  begin(counters: ReadonlyMap<string, number>): void {
    this.#last = counters.get(stormCounter) ?? 0;
  }

  /** A counter that has shrunk was made anew. The alert stays for as long as there is more every time. */
  look(counters: ReadonlyMap<string, number>): void {
    const now = counters.get(stormCounter) ?? 0;
    const refused = now >= this.#last ? now - this.#last : now;
    this.#last = now;
    if ((refused > 0) === this.#isOn) return;
    this.#isOn = refused > 0;
    if (!this.#isOn) return this.#host.events.emit("alert:cleared", { alert });
    const detail = `${refused} broadcast and multicast frames of containers were dropped, as more than ` +
      `${groupRate} a second came from one: do two containers of this host bridge their interfaces to each other? ` +
      "`ip -s link` in the namespace of the bridge shows which ports have received most";
    this.#host.log.log("warn", "A storm of broadcasts is held back", { refused });
    this.#host.events.emit("alert:raised", { alert, detail });
  }
}
