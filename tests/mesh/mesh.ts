/**
 * Thousands of gossip machines in one thread, on a simulated network and clock. There are no promises here, as there are
 * in `tests/sim`: a machine is called, drained, and the next event taken, which makes a run of a million events a matter
 * of a second. All that happens follows from the seed, and is the same on Deno and on Node.
 */
import { SimRandom } from "../sim/random.ts";
import { Belief, Beliefs } from "./beliefs.ts";
import { Changes } from "./changes.ts";
import { Deaths } from "./deaths.ts";
import { EventQueue } from "./event_queue.ts";
import type { GossipFact, GossipShape, MachineKind } from "./gossip_shape.ts";
import { Inbox } from "./inbox.ts";
import { TraceHash } from "./trace_hash.ts";
import { largestBody, Traffic } from "./traffic.ts";
import { Underlay, type UnderlayFaults } from "./underlay.ts";

export interface MeshOptions {
  readonly nodes: number;
  readonly seed: number;
  readonly kind: MachineKind;
  readonly underlay?: Partial<UnderlayFaults>;
  /** Clocks run up to this much too fast or too slow: 0.1 is a tenth. */
  readonly clockDrift?: number;
  /** So many are members from the start, the others join later; all by default. */
  readonly present?: number;
}

const Event = { timer: 1, datagram: 2, copy: 3, resume: 4, serve: 5, task: 6 } as const;

/** No machine does this much at one instant; one that sets its timer into the past does. */
const mostEventsAtOnce = 1_000_000;
/** How long a process that leaves stays to hear that it was heard. */
const lingering = 2_000;
const never = Number.POSITIVE_INFINITY;

export class Mesh {
  readonly nodes: number;
  readonly kind: MachineKind;
  readonly random: SimRandom;
  readonly underlay: Underlay;
  readonly traffic: Traffic;
  readonly beliefs: Beliefs;
  readonly changes: Changes;
  readonly deaths = new Deaths();
  /** One byte for each node: 1 for members, whether they run or not; 0 before they join and after they are expelled. */
  readonly members: Uint8Array;
  readonly trace = new TraceHash();
  /** Sees every datagram that is sent. */
  watch: ((from: number, to: number, message: Uint8Array) => void) | undefined;
  #now = 0;
  #events = 0;
  #running = 0;
  readonly #queue: EventQueue;
  readonly #tasks: (() => void)[] = [];
  readonly #machines: (GossipShape | undefined)[] = [];
  readonly #drift: number;
  readonly #rates: Float64Array;
  readonly #clockZeros: Float64Array;
  readonly #timers: Float64Array;
  readonly #pausedUntil: Float64Array;
  readonly #busyUntil: Float64Array;
  /** Milliseconds that a call of the machine takes; 0 for a node that is fast enough. */
  readonly #service: Float64Array;
  readonly #incarnations: Float64Array;
  readonly #inboxes = new Map<number, Inbox>();

  constructor({ nodes, seed, kind, underlay = {}, clockDrift = 0, present = nodes }: MeshOptions) {
    this.nodes = nodes;
    this.kind = kind;
    this.random = new SimRandom(seed);
    this.underlay = new Underlay(nodes, this.random.fork(), underlay);
    this.traffic = new Traffic(nodes);
    this.beliefs = new Beliefs(nodes);
    this.changes = new Changes(nodes, this.random.fork());
    this.#queue = new EventQueue(Math.max(1024, 4 * nodes));
    this.#drift = clockDrift;
    this.#rates = new Float64Array(nodes);
    this.#clockZeros = new Float64Array(nodes);
    this.#timers = new Float64Array(nodes).fill(never);
    this.#pausedUntil = new Float64Array(nodes).fill(-never);
    this.#busyUntil = new Float64Array(nodes);
    this.#service = new Float64Array(nodes);
    this.#incarnations = new Float64Array(nodes);
    this.members = new Uint8Array(nodes).fill(1, 0, present);
    for (let node = 0; node < nodes; node++) {
      if (node < present) this.#seat(node);
      else this.beliefs.exclude(node);
    }
  }

  get now(): number {
    return this.#now;
  }

  /** Events so far: timers, datagrams and tasks. */
  get events(): number {
    return this.#events;
  }

  isRunning(node: number): boolean {
    return this.#machines[node] !== undefined;
  }

  isPaused(node: number): boolean {
    return this.#pausedUntil[node]! > this.#now;
  }

  get running(): number {
    return this.#running;
  }

  machine(node: number): GossipShape | undefined {
    return this.#machines[node];
  }

  /** A node that runs and is not paused. */
  anyRunning(): number {
    for (;;) {
      const node = this.random.below(this.nodes);
      if (this.isRunning(node) && !this.isPaused(node) && this.members[node] === 1) return node;
    }
  }

  /** Lets time pass. */
  run(millis: number): void {
    this.#drive(this.#now + millis, undefined);
  }

  /** Lets time pass until `done` holds, asked once for every instant; false when it still does not after `limit`. */
  runUntil(done: () => boolean, limit: number): boolean {
    return done() || this.#drive(this.#now + limit, done);
  }

  /** Runs `task` when so many milliseconds have passed. */
  after(millis: number, task: () => void): void {
    this.#tasks.push(task);
    this.#queue.add(this.#now + millis, Event.task, 0, this.#tasks.length - 1);
  }

  /** The process is gone, and nobody is told. */
  crash(node: number): void {
    if (!this.isRunning(node)) return;
    this.#running--;
    this.#machines[node] = undefined;
    this.#timers[node] = never;
    this.#pausedUntil[node] = -never;
    this.#inboxes.delete(node);
    this.#note(20, node, 0);
    this.beliefs.end(node);
  }

  /** A process starts again where one had crashed or left, with what was stored or with nothing but its identity. */
  restart(node: number, hasState: boolean): void {
    if (!hasState) this.#incarnations[node] = 0;
    this.#note(21, node, hasState ? 1 : 0);
    this.beliefs.begin(node);
    this.#seat(node);
  }

  /** The process says that it goes, and goes when it had time to say it again. */
  leave(node: number): void {
    this.#note(24, node, 0);
    this.call(node, (machine, now) => machine.leave(now));
    this.after(lingering, () => this.crash(node));
  }

  /** The machine does not run for so long; its datagrams wait, as many as fit. */
  pause(node: number, millis: number): void {
    const until = Math.max(this.#pausedUntil[node]!, this.#now + millis);
    this.#pausedUntil[node] = until;
    this.#note(22, node, Math.floor(millis));
    this.#queue.add(until, Event.resume, node, until);
  }

  /** Ends a pause before its time. */
  wake(node: number): void {
    if (!this.isPaused(node)) return;
    this.#pausedUntil[node] = this.#now;
    this.#queue.add(this.#now, Event.resume, node, this.#now);
  }

  /** From now on each call of this machine takes so many milliseconds; 0 mends it. */
  slow(node: number, serviceMillis: number): void {
    this.#service[node] = serviceMillis;
    this.#note(23, node, serviceMillis);
  }

  /** Some node makes a change of {@link recordBytes} that all are to have. */
  spread(node = this.anyRunning()): void {
    let audience = 0;
    for (let each = 0; each < this.nodes; each++) if (this.isRunning(each)) audience += this.members[each]!;
    const record = this.changes.make(node, audience, this.#now);
    this.call(node, (machine, now) => machine.spread(record, now));
  }

  /** Calls the machine of a node that runs, with the time by its own clock, and hears what it has to say. */
  call(node: number, call: (machine: GossipShape, now: number) => void): void {
    const machine = this.#machines[node];
    if (machine === undefined) return;
    call(machine, this.#local(node));
    this.#settle(node);
  }

  #seat(node: number): void {
    const random = this.random.fork();
    this.#rates[node] = 1 + this.#drift * (2 * random.float() - 1);
    this.#clockZeros[node] = random.below(1_000_000);
    const machine = this.kind.create({
      self: node,
      members: this.nodes,
      random,
      incarnation: this.#incarnations[node]!,
    });
    this.#machines[node] = machine;
    this.#running++;
    const now = this.#local(node);
    machine.start(now);
    for (let member = 0; member < this.nodes; member++) {
      if (member !== node && this.members[member] === 1) machine.admit(member, now);
    }
    this.#settle(node);
  }

  #drive(end: number, done: (() => boolean) | undefined): boolean {
    const { taken } = this.#queue;
    for (let atOnce = 0; this.#queue.take(end);) {
      atOnce = taken.at > this.#now ? 0 : atOnce + 1;
      if (atOnce > mostEventsAtOnce) throw new Error(`time stands still at ${this.#now} ms`);
      this.#now = taken.at;
      this.#events++;
      this.#dispatch(taken.kind, taken.node, taken.detail, taken.message);
      if (done?.()) return true;
    }
    this.#now = Math.max(this.#now, end);
    return false;
  }

  #dispatch(kind: number, node: number, detail: number, message: Uint8Array | undefined): void {
    switch (kind) {
      case Event.timer:
        if (this.#timers[node] === this.#now) this.#timerDue(node);
        return;
      case Event.datagram:
        return this.#arrive(node, detail, message!);
      case Event.copy:
        return this.traffic.received(node, message!.length);
      case Event.resume:
        if (this.#pausedUntil[node] === detail) this.#resume(node);
        return;
      case Event.serve:
        return this.#serve(node);
      case Event.task:
        return this.#tasks[detail]!();
    }
  }

  #timerDue(node: number): void {
    this.#timers[node] = never;
    const machine = this.#machines[node];
    if (machine === undefined || this.isPaused(node)) return;
    if (this.#busyUntil[node]! > this.#now) return this.#setTimer(node, this.#busyUntil[node]!);
    const due = machine.pollTimeout();
    if (due === undefined) return;
    if (this.#global(node, due) > this.#now + 1e-6) return this.#arm(node);
    this.#note(Event.timer, node, 0);
    // A clock that runs at another rate rounds, and a machine is never called before its time.
    machine.handleTimeout(Math.max(due, this.#local(node)));
    this.#settle(node);
  }

  #arrive(node: number, from: number, message: Uint8Array): void {
    if (!this.isRunning(node)) return;
    this.traffic.received(node, message.length);
    if (this.isPaused(node) || this.#busyUntil[node]! > this.#now) {
      return this.#inbox(node).add(from, message);
    }
    this.#handle(node, from, message);
  }

  #handle(node: number, from: number, message: Uint8Array): void {
    this.#note(Event.datagram, node, message.length);
    this.#machines[node]!.handle(from, message, this.#local(node));
    this.#settle(node);
  }

  /** Event loops differ in what comes first, timers that are overdue or datagrams that wait; both happen here. */
  #resume(node: number): void {
    if (!this.isRunning(node)) return;
    this.#note(Event.resume, node, 0);
    if (this.random.chance(0.5)) this.#timerDue(node);
    this.#serve(node);
    this.#arm(node);
  }

  #serve(node: number): void {
    const inbox = this.#inboxes.get(node);
    while (this.isRunning(node) && !this.isPaused(node)) {
      if (this.#busyUntil[node]! > this.#now) return;
      const waiting = inbox?.take();
      if (waiting === undefined) return;
      this.#handle(node, waiting.from, waiting.message);
    }
  }

  #inbox(node: number): Inbox {
    const inbox = this.#inboxes.get(node) ?? new Inbox();
    this.#inboxes.set(node, inbox);
    return inbox;
  }

  /** After a call of a machine: what it has to say, when it wants to be called again, and how long it is busy. */
  #settle(node: number): void {
    this.#drain(node);
    const service = this.#service[node]!;
    if (service > 0) {
      this.#busyUntil[node] = this.#now + service;
      this.#queue.add(this.#now + service, Event.serve, node, 0);
    }
    this.#arm(node);
  }

  #drain(node: number): void {
    const machine = this.#machines[node];
    if (machine === undefined) return;
    for (let fact = machine.poll(); fact !== undefined; fact = machine.poll()) this.#learn(node, fact);
  }

  #learn(node: number, fact: GossipFact): void {
    switch (fact.type) {
      case "datagram":
        return this.#send(node, fact.to, fact.message);
      case "record":
        if (this.members[node] === 1) this.changes.reached(node, fact.record, this.#now);
        return;
      case "refuted":
        this.#incarnations[node] = fact.incarnation;
        return;
      case "differs":
        return;
      default:
        this.#note(10 + Belief[fact.type], node, fact.peer);
        if (this.isRunning(fact.peer)) {
          this.deaths.declare(node, fact, Belief[fact.type], this.#now, this.#pausedUntil[fact.peer]!);
        }
        this.beliefs.learn(node, fact.peer, Belief[fact.type]);
    }
  }

  #send(from: number, to: number, message: Uint8Array): void {
    if (message.length > largestBody) {
      throw new Error(`node ${from} made a datagram of ${message.length} bytes: ${largestBody} is the most`);
    }
    this.watch?.(from, to, message);
    this.traffic.sent(from, message.length);
    if (!this.underlay.passes(from, to)) return;
    const at = this.#now + this.underlay.transit(from, to);
    this.#queue.addMessage(at, Event.datagram, to, from, message);
    if (this.underlay.isDuplicated()) this.#queue.addMessage(at + 1, Event.copy, to, from, message);
  }

  /** An event that is there before the machine wants it is left there, and looks again. */
  #arm(node: number): void {
    const due = this.#machines[node]?.pollTimeout();
    if (due === undefined) return;
    const at = Math.max(this.#global(node, due), this.#now, this.#pausedUntil[node]!);
    if (at < this.#timers[node]!) this.#setTimer(node, at);
  }

  #setTimer(node: number, at: number): void {
    this.#timers[node] = at;
    this.#queue.add(at, Event.timer, node, 0);
  }

  #local(node: number): number {
    return this.#clockZeros[node]! + this.#now * this.#rates[node]!;
  }

  #global(node: number, local: number): number {
    return (local - this.#clockZeros[node]!) / this.#rates[node]!;
  }

  #note(event: number, node: number, size: number): void {
    this.trace.add(Math.floor(this.#now * 1000), node, event, size);
  }
}
