/**
 * The node's events for any number of readers.
 *
 * The hub listens once for the life of the node: ids count the node's events, not a reader's, and each event is encoded
 * once however many read it.
 *
 * Events wait for a tenth of a second: of those with one name about one subject only the last is sent, for what flaps says
 * the same a hundred times and a reader that is busy with it misses the rest. Sent is in the order of what was last.
 */
import type { EventName, NodeEvents } from "../contracts/events.ts";
import type { Clock, Logger, Timer } from "../contracts/host.ts";
import { MeshError } from "../contracts/errors.ts";
import type { MeshNode } from "../contracts/node.ts";
import { eventDocument, eventSubject, isEventName } from "./event_documents.ts";
import { encodeEvent, EventReader, queueLimit } from "./event_reader.ts";

/** What {@link EventHub.counts} tells. */
export interface ReaderCounts {
  readonly open: number;
  /** Too slow, since the start. */
  readonly dropped: number;
}

/** Half of the connections that the server takes, so that forgotten dashboards cannot lock out `selvage stop`. */
export const mostReaders = 32;
export const gatherMillis = 100;

interface EventHubParts {
  readonly node: Pick<MeshNode, "events">;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Waiting {
  readonly id: string;
  readonly name: EventName;
  readonly data: unknown;
}

export class EventHub {
  readonly #readers = new Set<EventReader>();
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By name and subject, the last one last. */
  readonly #waiting = new Map<string, Waiting>();
  #timer: Timer | undefined;
  #lastId = 0;
  #dropped = 0;

  constructor({ node, clock, log }: EventHubParts) {
    this.#clock = clock;
    this.#log = log;
    // Never aborted: the hub and the node's events are of one age.
    node.events.onAny((name, detail) => this.#publish(name, detail), new AbortController().signal);
  }

  /** A reader's stream; counted from its first read until it is cancelled, dropped or the node stops. */
  open(): ReadableStream<Uint8Array> {
    return new EventReader(this.#readers, this.#clock).stream;
  }

  /** Throws `POOL_EXHAUSTED` when no more readers are taken. */
  assertRoom(): void {
    if (this.#readers.size < mostReaders) return;
    const message = `Cannot open an event stream: ${mostReaders} are open; close one of them`;
    throw new MeshError("POOL_EXHAUSTED", message);
  }

  counts(): ReaderCounts {
    return { open: this.#readers.size, dropped: this.#dropped };
  }

  #publish(name: EventName, detail: NodeEvents[EventName]): void {
    const id = String(++this.#lastId);
    if (this.#readers.size === 0 || !isEventName(name)) return;
    const data = eventDocument(name, detail);
    const key = `${name} ${eventSubject(name, data)}`;
    this.#waiting.delete(key);
    this.#waiting.set(key, { id, name, data });
    // As many as a reader may be behind are not held up, or the wait would cost one that keeps up its place.
    const isUrgent = name === "node:stopping" || this.#waiting.size >= queueLimit / 2;
    if (isUrgent) this.#flush();
    else this.#timer ??= this.#clock.timer(this.#clock.now() + gatherMillis, () => this.#flush());
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const events = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const event of events) this.#send(event);
  }

  #send({ id, name, data }: Waiting): void {
    const frame = encodeEvent({ id, name, data });
    for (const reader of [...this.#readers]) {
      if (!reader.offer(frame)) {
        this.#dropped++;
        this.#log.log("warn", "Event reader dropped", { reason: "too slow", event: name });
      }
      if (name === "node:stopping") reader.finish();
    }
  }
}
