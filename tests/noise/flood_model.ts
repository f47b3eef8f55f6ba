/**
 * A node under a flood of first messages, in simulated time, with a processor that is as slow as a real one: every
 * datagram costs time, by what became of it, and while the node is at work the next ones wait in a receive buffer of
 * bounded size, or are lost. So whether genuine handshakes get through is a figure, not a matter of course.
 *
 * The costs are those of one core that makes a whole handshake as responder in 2.6 ms, measured with this machine on
 * Deno and Node, rounded up; receiving and sending a datagram are those of a socket in the event loop.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import type { NoiseMachine } from "../../plugins/noise/machine.ts";
import { SeededRandom } from "../../plugins/noise/testing_rig.ts";
import { hasMac2, MessageType } from "../../plugins/noise/wire.ts";
import { type FloodKind, FloodMessages, spoofedHost } from "./flood_messages.ts";
import { type Attacked, floodMachine, hasArrived, recordFirstMessages, setOut } from "./flood_parties.ts";

export interface FloodOptions {
  readonly kind: FloodKind;
  readonly seconds: number;
  readonly perSecond: number;
  /** Handshakes and joins, begun at even distances. */
  readonly genuine: number;
  readonly seed: number;
}

export interface FloodOutcome {
  readonly offered: number;
  /** Lost because the receive buffer was full. */
  readonly overflowed: number;
  readonly genuine: number;
  /** Done within 5 s of their begin. */
  readonly succeeded: number;
  /** Milliseconds from begin to end, ascending, of those that succeeded. */
  readonly took: readonly Millis[];
  /** Share of the time that the processor was at work. */
  readonly busy: number;
  /** Of all datagrams the node got and sent, in bytes. */
  readonly bytes: { readonly received: number; readonly sent: number };
}

/** Milliseconds of processor time. */
const cost = {
  receive: 0.006,
  send: 0.008,
  /** Up to the ids, or the memory of copies. */
  look: 0.001,
  mac1: 0.003,
  /** Making the cookie of a source and comparing mac2 with it. */
  mac2: 0.007,
  /** Making the cookie of a source and sealing it. */
  sealCookie: 0.018,
  diffieHellman: 0.65,
} as const;

/** A receive buffer of 208 KiB, the default of Linux, in datagrams of 1,232 bytes with what the kernel adds. */
const bufferedDatagrams = 92;
const latency: Millis = 10;
const limit: Millis = 5_000;
const server: Endpoint = { host: "203.0.113.1", port: 6783 };

interface Arrival {
  readonly at: Millis;
  readonly datagram: Uint8Array;
  readonly from: Endpoint;
}

/** A member, or a stranger with a token, that wants in. */
class Genuine {
  readonly machine: NoiseMachine;
  readonly endpoint: Endpoint;
  readonly begin: Millis;
  #end: Millis | undefined;

  constructor(number: number, begin: Millis, random: SeededRandom) {
    this.begin = begin;
    this.endpoint = { host: `198.51.${100 + (number >> 8)}.${number & 255}`, port: 6783 };
    this.machine = floodMachine(`genuine ${number}`, generateKeyPair(random), random);
  }

  get took(): Millis | undefined {
    return this.#end === undefined ? undefined : this.#end - this.begin;
  }

  /** What it sends. */
  *outputs(now: Millis): Generator<Uint8Array> {
    for (let output = this.machine.poll(); output !== undefined; output = this.machine.poll()) {
      if (output.type === "transmit") yield output.datagram;
      if (hasArrived(output)) this.#end ??= now;
    }
  }
}

class FloodRun {
  readonly #options: FloodOptions;
  readonly #random: SeededRandom;
  readonly #attacked: Attacked;
  readonly #machine: NoiseMachine;
  readonly #genuine: Genuine[];
  readonly #byHost: ReadonlyMap<string, Genuine>;
  readonly #buffer: Arrival[] = [];
  /** On their way from or to a genuine sender, by time. */
  #flights: (Arrival & { readonly to: Genuine | undefined })[] = [];
  #movedAt: Millis = 0;
  #freeAt: Millis = 0;
  #worked: Millis = 0;
  #overflowed = 0;
  #received = 0;
  #sent = 0;

  constructor(options: FloodOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    const keys = generateKeyPair(this.#random);
    this.#attacked = { noiseKey: keys.publicKey, endpoint: server };
    this.#machine = floodMachine("attacked", keys, this.#random);
    const distance = (options.seconds * 1_000) / options.genuine;
    this.#genuine = Array.from(
      { length: options.genuine },
      (_, i) => new Genuine(i, 100 + i * distance, this.#random),
    );
    this.#byHost = new Map(this.#genuine.map((each) => [each.endpoint.host, each]));
  }

  run(): FloodOutcome {
    const { kind, perSecond, seconds } = this.#options;
    const recorded = recordFirstMessages(this.#attacked, this.#random, 50);
    const flood = new FloodMessages(kind, { noiseKey: this.#attacked.noiseKey, recorded }, this.#random);
    const waiting = [...this.#genuine];
    let offered = 0;
    for (let now = 0; now < seconds * 1_000 || this.#isOpen(now); now = (offered * 1_000) / perSecond) {
      while (waiting[0] !== undefined && waiting[0].begin <= now) this.#begin(waiting.shift()!, now);
      this.#move(now);
      const from = { host: spoofedHost(this.#random), port: 6783 };
      this.#arrive({ at: now, datagram: flood.next().slice(), from });
      offered += 1;
    }
    return this.#outcome(offered);
  }

  /** Until all genuine ones are done or out of time. */
  #isOpen(now: Millis): boolean {
    return this.#genuine.some(({ took, begin }) => took === undefined && now < begin + limit);
  }

  #begin(genuine: Genuine, now: Millis): void {
    setOut(
      genuine.machine,
      this.#genuine.indexOf(genuine) % 2 === 0 ? "member" : "stranger",
      this.#attacked,
      now,
    );
    this.#launch(genuine, now);
  }

  #launch(genuine: Genuine, now: Millis): void {
    for (const datagram of genuine.outputs(now)) {
      this.#flights.push({ at: now + latency, datagram, from: genuine.endpoint, to: undefined });
    }
  }

  /** Everything genuine that is due, to the millisecond. */
  #move(now: Millis): void {
    if (now < this.#movedAt + 1) return;
    this.#movedAt = now;
    for (const each of this.#genuine) {
      const due = each.machine.pollTimeout();
      if (due === undefined || due > now || each.begin > now || each.took !== undefined) continue;
      each.machine.handleTimeout(now);
      this.#launch(each, now);
    }
    const due = this.#flights.filter(({ at }) => at <= now);
    if (due.length > 0) this.#flights = this.#flights.filter(({ at }) => at > now);
    for (const flight of due) {
      if (flight.to === undefined) this.#arrive({ ...flight, at: now });
      else {
        flight.to.machine.handleDatagram(flight.datagram, server, now);
        this.#launch(flight.to, now);
      }
    }
  }

  /** A datagram has reached the node: what waits before it is worked off as far as there was time. */
  #arrive(arrival: Arrival): void {
    this.#work(arrival.at);
    if (this.#buffer.length < bufferedDatagrams) this.#buffer.push(arrival);
    else this.#overflowed += 1;
  }

  #work(until: Millis): void {
    while (this.#buffer.length > 0) {
      const start = Math.max(this.#freeAt, this.#buffer[0]!.at);
      if (start > until) return;
      const { datagram, from } = this.#buffer.shift()!;
      this.#received += datagram.length;
      const drop = this.#machine.handleDatagram(datagram, from, start);
      const took = workOf(drop, datagram) + this.#emit(start);
      this.#freeAt = start + took;
      this.#worked += took;
      const due = this.#machine.pollTimeout();
      if (due !== undefined && due <= start) this.#machine.handleTimeout(start);
    }
  }

  /** Sends what the node has to say; gives the time that it took. */
  #emit(now: Millis): Millis {
    let sent = 0;
    for (let output = this.#machine.poll(); output !== undefined; output = this.#machine.poll()) {
      if (output.type === "join-requested") {
        this.#machine.answerJoin(output.request, { welcome: new Uint8Array(900) }, now);
      }
      if (output.type !== "transmit") continue;
      sent += 1;
      this.#sent += output.datagram.length;
      const to = this.#byHost.get(output.to.host);
      if (to === undefined) continue;
      this.#flights.push({ at: now + latency, datagram: output.datagram, from: server, to });
    }
    return sent * cost.send;
  }

  #outcome(offered: number): FloodOutcome {
    const took = this.#genuine.flatMap((each) =>
      each.took !== undefined && each.took <= limit ? each.took : []
    );
    return {
      offered,
      overflowed: this.#overflowed,
      genuine: this.#genuine.length,
      succeeded: took.length,
      took: took.sort((a, b) => a - b),
      busy: this.#worked / ((offered * 1_000) / this.#options.perSecond),
      bytes: { received: this.#received, sent: this.#sent },
    };
  }
}

/** Processor time of one datagram but for what it makes the node send. */
function workOf(drop: Drop, datagram: Uint8Array): Millis {
  const type = datagram[0]!;
  const look = cost.receive + cost.look;
  if (drop === Drop.malformed || drop === Drop.unsupported || drop === Drop.replayed) return look;
  if (drop === Drop.badMac || drop === Drop.unknownSession) return look + cost.mac1;
  const mac2 = hasMac2(datagram) ? cost.mac2 : 0;
  if (drop === Drop.rateLimited) return look + cost.mac1 + mac2;
  if (drop === Drop.underLoad) return look + cost.mac1 + mac2 + cost.sealCookie;
  if (type === MessageType.initiation || type === MessageType.knock) {
    return look + cost.mac1 + mac2 + (drop === Drop.none ? 4 : 2) * cost.diffieHellman;
  }
  return look + (type === MessageType.plea ? cost.diffieHellman : cost.mac1);
}

/** Floods a simulated node and counts the genuine handshakes that succeed. The same seed gives the same outcome. */
export function simulateFlood(options: FloodOptions): FloodOutcome {
  return new FloodRun(options).run();
}
