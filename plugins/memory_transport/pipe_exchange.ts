/**
 * Pipes between endpoints of one process on a given clock. A message takes the link's delay and never overtakes another; on
 * a link that nothing passes it waits and is tried again, as TCP would, until the pipe is given up. No chance is drawn: a
 * run with pipes has the same datagrams as one without.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Clock } from "../../core/contracts/host.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { canonicalEndpoint, formatEndpoint } from "../../core/wire/endpoint.ts";
import type { MemoryPipe, MemoryPipeHandler, MemoryPipes } from "./memory_network.ts";

export interface PipeExchangeOptions {
  readonly clock: Clock;
  /** Of the way from one host to another, now; undefined when nothing passes. */
  readonly delay: (from: string, to: string) => Millis | undefined;
  /** Whether a dial gets through in this direction: not into a NAT. Always, when it is absent. */
  readonly canDial?: (from: string, to: string) => boolean;
}

const retryMillis = 200;
/** A message that does not get through for so long ends its pipe; an unanswered dial likewise. */
const giveUpMillis = 30_000;
const dialMillis = 5_000;

/** What somebody dialled from has a port that nobody listens at. */
const firstDialPort = 49_152;

export class PipeExchange implements MemoryPipes {
  readonly #options: PipeExchangeOptions;
  readonly #listening = new Map<string, (pipe: MemoryPipe) => void>();
  #dialled = 0;

  constructor(options: PipeExchangeOptions) {
    this.#options = options;
  }

  listen(endpoint: Endpoint, accept: (pipe: MemoryPipe) => void): { close(): void } {
    const name = formatEndpoint(endpoint);
    if (this.#listening.has(name)) {
      throw new MeshError("BIND_FAILED", `Cannot listen at ${name} in the memory network: address in use`);
    }
    this.#listening.set(name, accept);
    return {
      close: () => {
        if (this.#listening.get(name) === accept) this.#listening.delete(name);
      },
    };
  }

  dial(from: Endpoint, to: Endpoint): Promise<MemoryPipe> {
    const target = canonicalEndpoint(to);
    if (target === undefined || !Number.isInteger(to.port) || to.port < 1 || to.port > 65_535) {
      const message = `Cannot dial ${formatEndpoint(to)}: give an IP address and a port`;
      return Promise.reject(new MeshError("INVALID_ARGUMENT", message));
    }
    if (this.#options.canDial?.(from.host, target.host) === false) {
      const message = `Cannot dial ${formatEndpoint(target)}: a NAT is in the way`;
      return Promise.reject(new MeshError("UNREACHABLE", message));
    }
    const { promise, resolve, reject } = Promise.withResolvers<MemoryPipe>();
    const caller = { host: from.host, port: firstDialPort + (this.#dialled++ % 16_384) };
    const refuse = (why: string) =>
      reject(new MeshError("UNREACHABLE", `Cannot dial ${formatEndpoint(target)}: ${why}`));
    const there = new Passage(this.#options, from.host, target.host);
    const back = new Passage(this.#options, target.host, from.host);
    there.carry(dialMillis, () => {
      const accept = this.#listening.get(formatEndpoint(target));
      if (accept === undefined) return back.carry(dialMillis, () => refuse("nobody listens there"), () => {});
      const [near, far] = connect({ at: caller, out: there }, { at: target, out: back });
      accept(far);
      back.carry(dialMillis, () => resolve(near), () => far.reset());
    }, () => refuse("nothing gets through"));
    return promise;
  }
}

interface Parcel {
  readonly arrive: () => void;
  readonly lose: () => void;
  readonly until: Millis;
}

/** One way between two hosts, in order. */
class Passage {
  readonly #options: PipeExchangeOptions;
  readonly #from: string;
  readonly #to: string;
  readonly #parcels: Parcel[] = [];
  #isMoving = false;

  constructor(options: PipeExchangeOptions, from: string, to: string) {
    this.#options = options;
    this.#from = from;
    this.#to = to;
  }

  /** Calls `arrive` after the delay of the link, or `lose` when nothing passes for `patience`. */
  carry(patience: Millis, arrive: () => void, lose: () => void): void {
    this.#parcels.push({ arrive, lose, until: this.#options.clock.now() + patience });
    if (!this.#isMoving) this.#move();
  }

  /** Forgets what is on its way. */
  clear(): void {
    this.#parcels.length = 0;
  }

  /** Parcels that were sent together arrive together: only the first of them waits. */
  #move(): void {
    const { clock, delay } = this.#options;
    const wait = delay(this.#from, this.#to) ?? retryMillis;
    this.#isMoving = true;
    const count = this.#parcels.length;
    clock.timer(clock.now() + wait, () => this.#deliver(count));
  }

  #deliver(count: number): void {
    const { clock, delay } = this.#options;
    const passes = delay(this.#from, this.#to) !== undefined;
    for (let i = 0; i < count && this.#parcels.length > 0; i++) {
      if (!passes && clock.now() < this.#parcels[0]!.until) break;
      const parcel = this.#parcels.shift()!;
      if (passes) parcel.arrive();
      else parcel.lose();
    }
    this.#isMoving = false;
    if (this.#parcels.length > 0) this.#move();
  }
}

interface Side {
  readonly at: Endpoint;
  /** The way from here to the other side. */
  readonly out: Passage;
}

function connect(near: Side, far: Side): [PipeEnd, PipeEnd] {
  const ends: [PipeEnd, PipeEnd] = [new PipeEnd(far.at, near.out), new PipeEnd(near.at, far.out)];
  ends[0].meet(ends[1]);
  ends[1].meet(ends[0]);
  return ends;
}

class PipeEnd implements MemoryPipe {
  readonly remote: Endpoint;
  readonly #out: Passage;
  #other!: PipeEnd;
  #handler: MemoryPipeHandler | undefined;
  #outstanding = 0;
  #hasEnded = false;
  #isClosed = false;

  constructor(remote: Endpoint, out: Passage) {
    this.remote = remote;
    this.#out = out;
  }

  meet(other: PipeEnd): void {
    this.#other = other;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  attach(handler: MemoryPipeHandler): void {
    this.#handler = handler;
  }

  send(message: Uint8Array): void {
    if (this.#isClosed) return;
    const copy = new Uint8Array(message);
    this.#outstanding += copy.length;
    this.#carry(() => this.#other.#receive(copy));
  }

  took(bytes: number): void {
    const sender = this.#other;
    sender.#outstanding -= bytes;
    if (!sender.#isClosed) sender.#handler?.drained();
  }

  end(): void {
    if (this.#isClosed) return;
    this.#carry(() => this.#other.#receiveEnd());
  }

  reset(): void {
    if (this.#isClosed) return;
    this.#out.clear();
    this.#carry(() => this.#other.#close(false));
    this.#close(false);
  }

  #carry(arrive: () => void): void {
    this.#out.carry(giveUpMillis, arrive, () => {
      this.#close(false);
      this.#other.#close(false);
    });
  }

  #receive(message: Uint8Array): void {
    if (!this.#isClosed) this.#handler?.received(message);
  }

  /** `#hasEnded` of the sender is set here, so that both know of each other's end when they close. */
  #receiveEnd(): void {
    this.#other.#hasEnded = true;
    if (this.#isClosed) return;
    this.#handler?.ended();
    if (!this.#hasEnded) return;
    this.#close(true);
    this.#other.#close(true);
  }

  #close(isWhole: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handler?.closed(isWhole);
  }
}
