/** Keeps the last datagrams and remarks of a run, so that a failure can show what led to it. */
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { MessageType } from "../../plugins/noise/wire.ts";
import type { FlowDatagram, FlowStep } from "./flow_chart.ts";
import type { NetworkEvent } from "./network.ts";

const names = new Map<number, string>(Object.entries(MessageType).map(([name, type]) => [type, name]));

interface Recorded extends FlowDatagram {
  readonly arrivals: Millis[];
  readonly fates: string[];
}

export class FlowRecorder {
  readonly #limit: number;
  readonly #nameOf: (endpoint: Endpoint) => string | undefined;
  #steps: FlowStep[] = [];
  /** The steps by the ids of their datagrams. */
  readonly #datagrams = new Map<number, Recorded>();

  /** `nameOf` tells whose endpoint it is; what nobody has is shown as it is. */
  constructor(nameOf: (endpoint: Endpoint) => string | undefined, limit = 60) {
    this.#nameOf = nameOf;
    this.#limit = limit;
  }

  hear(event: NetworkEvent): void {
    const { at, what, id, from, to, datagram } = event;
    if (what === "sent") {
      const ends = { from: this.#name(from), to: this.#name(to) };
      const step: Recorded = { at, ...ends, label: labelOf(datagram), arrivals: [], fates: [] };
      this.#datagrams.set(id, step);
      return this.#keep(step);
    }
    const step = this.#datagrams.get(id);
    if (what === "delivered") step?.arrivals.push(at);
    else step?.fates.push(what);
  }

  remark(at: Millis, remark: string): void {
    this.#keep({ at, remark });
  }

  steps(): readonly FlowStep[] {
    return this.#steps.slice(-this.#limit);
  }

  #keep(step: FlowStep): void {
    this.#steps.push(step);
    if (this.#steps.length < 2 * this.#limit) return;
    // Rarely, and then half of it: dropping one at a time would move the whole list at every datagram.
    this.#steps = this.#steps.slice(-this.#limit);
    const kept = new Set(this.#steps);
    for (const [id, each] of this.#datagrams) if (!kept.has(each)) this.#datagrams.delete(id);
  }

  #name(endpoint: Endpoint): string {
    return this.#nameOf(endpoint) ?? formatEndpoint(endpoint);
  }
}

/** "keepalive, 32 bytes". The type is the first byte of every message that nodes exchange. */
function labelOf(datagram: Uint8Array): string {
  const type = datagram.length === 0 ? "nothing" : names.get(datagram[0]!) ?? `type ${datagram[0]}`;
  return `${type}, ${datagram.length} bytes`;
}
