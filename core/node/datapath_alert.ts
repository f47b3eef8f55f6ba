import type { Clock, Timer } from "../contracts/host.ts";
import type { Millis } from "../contracts/values.ts";
import type { Alerts } from "./alerts.ts";

const alert = "datapath-failed";

/** The same every time: one that fails twice a second must not fill the log, which has each reason once already. */
const detail =
  "a worker of the data path has failed and begins anew, and until it has, packets wait or are lost; " +
  "the log says why, and datapath.use: main does without workers";

/** A worker that has run so long has got over what made the last one fail. */
const calmMillis: Millis = 60_000;

/** Tells of workers that fail: packets have no other way while one begins anew, and nobody reads every log. */
export class DatapathAlert {
  readonly #alerts: Pick<Alerts, "raise" | "clear">;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(alerts: Pick<Alerts, "raise" | "clear">, clock: Clock) {
    this.#alerts = alerts;
    this.#clock = clock;
  }

  /** At each restart, of whichever worker. */
  raise(): void {
    this.#timer?.cancel();
    this.#alerts.raise(alert, detail);
    this.#timer = this.#clock.timer(this.#clock.now() + calmMillis, () => this.#alerts.clear(alert));
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
