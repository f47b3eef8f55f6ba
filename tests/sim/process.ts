/**
 * One life of one program on a simulated machine: its clock, its sockets and its streams. It can be stopped and go on, and it can be
 * killed, of which nothing inside it hears.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { Clock } from "../../core/contracts/host.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import type { MemoryBinding, MemoryNetwork } from "../../plugins/memory_transport/memory_network.ts";
import { ProcessClock } from "./process_clock.ts";
import { ProcessPipes } from "./process_pipes.ts";

/** Linux, net.core.rmem_default: what a socket holds for a process that does not read. */
const socketBuffer = 212_992;
/** What the kernel charges for a datagram beside its bytes, about. */
const bookkeeping = 768;

type Receive = (datagram: Uint8Array, from: Endpoint) => void;

export class SimProcess implements MemoryNetwork {
  readonly clock: ProcessClock;
  /** Datagrams that found the buffer full while the process stood still. */
  overflows = 0;
  /** Absent where the network has datagrams only. */
  readonly pipes?: ProcessPipes;
  readonly #world: Clock;
  readonly #network: MemoryNetwork;
  readonly #bindings = new Set<MemoryBinding>();
  readonly #unread: (() => void)[] = [];
  /** Of what was not read, what is read in this moment. */
  #reading = 0;
  #unreadBytes = 0;
  #isDead = false;
  #killed: () => void = () => {};

  constructor(network: MemoryNetwork, world: Clock, clock: ProcessClock = new ProcessClock(world)) {
    this.clock = clock;
    this.#world = world;
    this.#network = network;
    if (network.pipes !== undefined) {
      this.pipes = new ProcessPipes(network.pipes, (step) => this.#enter(step));
    }
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  bind(endpoint: Endpoint, receive: Receive): MemoryBinding {
    const binding = this.#network.bind(endpoint, (datagram, from) => this.#hear(receive, datagram, from));
    this.#bindings.add(binding);
    return {
      send: (datagram, to) => this.#isDead ? Drop.noRoute : binding.send(datagram, to),
      close: () => {
        binding.close();
        this.#bindings.delete(binding);
      },
    };
  }

  /** As SIGSTOP: time and datagrams pass it by, but for what its sockets hold. */
  stop(): void {
    if (!this.#isDead) this.clock.stop();
  }

  /** As SIGCONT: first the timers that are due, as both runtimes do it, then all that was not read. */
  resume(): void {
    if (this.#isDead || this.clock.isRunning) return;
    this.clock.resume();
    for (const read of this.#unread.splice(0)) this.#readLater(read);
    this.#unreadBytes = 0;
  }

  /** One listener, for whoever waits outside for something that happens inside. */
  onKill(listener: () => void): void {
    this.#killed = listener;
  }

  /** As kill -9. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.clock.kill();
    for (const binding of this.#bindings) binding.close();
    this.pipes?.kill();
    this.#bindings.clear();
    this.#unread.length = 0;
    this.#killed();
  }

  /** Never before what has waited longer: what a stream brings comes in order. */
  #enter(step: () => void): void {
    if (this.#isDead) return;
    if (!this.clock.isRunning) this.#unread.push(step);
    else if (this.#reading > 0) this.#readLater(step);
    else step();
  }

  #readLater(step: () => void): void {
    this.#reading++;
    this.#world.timer(this.#world.now(), () => {
      this.#reading--;
      if (this.clock.isRunning) step();
      else if (!this.#isDead) this.#unread.push(step);
    });
  }

  #hear(receive: Receive, datagram: Uint8Array, from: Endpoint): void {
    if (this.clock.isRunning) return receive(datagram, from);
    const bytes = datagram.length + bookkeeping;
    if (this.#unreadBytes + bytes > socketBuffer) {
      this.overflows++;
      return;
    }
    this.#unreadBytes += bytes;
    const copy = new Uint8Array(datagram);
    this.#unread.push(() => receive(copy, from));
  }
}
