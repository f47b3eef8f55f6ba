/** One machine, and a test that speaks for all other members. */
import type { Random } from "../../core/contracts/host.ts";
import { TagDirectory } from "./directory.ts";
import type { GossipOutput, MemberFact } from "./facts.ts";
import { GossipMachine, type GossipSeat } from "./machine.ts";
import type { GossipOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Kind, MessageReader } from "./wire.ts";

/** A generator that repeats itself in every run: Park and Miller's. */
function repeatable(seed: number): Random {
  let state = seed;
  return {
    fill(bytes) {
      for (let at = 0; at < bytes.length; at++) {
        state = state * 48_271 % 0x7fffffff;
        bytes[at] = state >> 12;
      }
      return bytes;
    },
  };
}

export interface Section {
  readonly to: number;
  readonly kind: number;
  readonly body: Uint8Array;
}

/** The machine is member 0 of `members`; it has been started, and nobody else says anything by itself. */
export class Alone {
  readonly machine: GossipMachine;
  readonly directory: TagDirectory;
  now = 1_000;
  readonly said: Section[] = [];
  readonly facts: Exclude<GossipOutput, { type: "datagram" }>[] = [];

  constructor(members: number, options: Partial<GossipOptions> = {}, seat: Partial<GossipSeat> = {}) {
    this.directory = new TagDirectory(members);
    const random = repeatable(7);
    for (let peer = 0; peer < members; peer++) this.directory.put(peer, random.fill(new Uint8Array(8)));
    this.machine = new GossipMachine({ self: 0, directory: this.directory, random, options, ...seat });
    this.machine.start(this.now);
    for (let peer = 1; peer < members; peer++) this.machine.admit(peer, this.now);
    this.#drain();
  }

  /** Sends it what `write` puts into a datagram of `from`. */
  says(from: number, write: (outbox: Outbox) => void): void {
    const messages: Uint8Array[] = [];
    const outbox = new Outbox(this.directory, (_to, message) => messages.push(message));
    write(outbox);
    outbox.flush();
    for (const message of messages) this.gives(from, message);
  }

  gives(from: number, message: Uint8Array): void {
    this.machine.handle(from, message, this.now);
    this.#drain();
  }

  /** Calls the machine whenever it wants, for so long. */
  wait(millis: number): void {
    const end = this.now + millis;
    for (
      let due = this.machine.pollTimeout();
      due !== undefined && due <= end;
      due = this.machine.pollTimeout()
    ) {
      this.now = Math.max(due, this.now);
      this.machine.handleTimeout(this.now);
      this.#drain();
    }
    this.now = end;
  }

  /** Members 1 to `count` become its neighbours. */
  link(count: number): void {
    for (let peer = 1; peer <= count; peer++) this.says(peer, (to) => to.section(0, Kind.ask, 1).u8(0));
    this.clear();
  }

  clear(): void {
    this.said.length = 0;
    this.facts.length = 0;
  }

  told(kind: number, to?: number): readonly Section[] {
    return this.said.filter((section) => section.kind === kind && (to === undefined || section.to === to));
  }

  learnt(type: MemberFact): readonly number[] {
    return this.facts.flatMap((fact) => fact.type === type ? [fact.peer] : []);
  }

  do(call: (machine: GossipMachine) => void): void {
    call(this.machine);
    this.#drain();
  }

  #drain(): void {
    for (let output = this.machine.poll(); output !== undefined; output = this.machine.poll()) {
      if (output.type !== "datagram") {
        this.facts.push(output);
        continue;
      }
      const reader = new MessageReader();
      if (reader.open(output.message) !== "sound") {
        throw new Error("the machine wrote what it would not read");
      }
      while (reader.next()) this.said.push({ to: output.to, kind: reader.kind, body: reader.body().slice() });
    }
  }
}

export interface Ending {
  readonly peer: number;
  readonly stamp: number;
  readonly by: number;
  readonly age?: number;
}

/** A statement that a member is dead or has left. */
export function ended(outbox: Outbox, { peer, stamp, by, age = 1_500 }: Ending): void {
  outbox.section(0, Kind.ended, 22).tag(peer).u32(stamp).tag(by).u16(age);
}

export function alive(outbox: Outbox, peer: number, incarnation: number): void {
  outbox.section(0, Kind.alive, 12).tag(peer).u32(incarnation);
}
