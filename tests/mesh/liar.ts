/**
 * A member that takes part as all do, and lies besides: a hundred messages a second to members at random, that somebody
 * is dead, that it suspects somebody, that somebody is back with an incarnation out of the air, and bytes that mean
 * nothing. What one member can do to the others has a bound.
 */
import type { GossipFact, GossipShape, MachineKind, MachineSeat } from "./gossip_shape.ts";
import { directoryOf, selvageGossip } from "./selvage_gossip.ts";
import { Kind, version } from "../../plugins/gossip/wire.ts";

const interval = 10;

/** The first `liars` nodes lie. */
export function withLiars(liars: number): MachineKind {
  return {
    ...selvageGossip,
    create: (seat) => seat.self < liars ? new Liar(seat) : selvageGossip.create(seat),
  };
}

class Liar implements GossipShape {
  readonly #seat: MachineSeat;
  readonly #honest: GossipShape;
  readonly #lies: GossipFact[] = [];
  #next = 0;

  constructor(seat: MachineSeat) {
    this.#seat = seat;
    this.#honest = selvageGossip.create({ ...seat, random: seat.random.fork() });
  }

  start(now: number): void {
    this.#next = now + interval;
    this.#honest.start(now);
  }

  admit(peer: number, now: number): void {
    this.#honest.admit(peer, now);
  }

  expel(peer: number, now: number): void {
    this.#honest.expel(peer, now);
  }

  spread(record: Uint8Array, now: number): void {
    this.#honest.spread(record, now);
  }

  leave(now: number): void {
    this.#honest.leave(now);
  }

  heard(peer: number, now: number): void {
    this.#honest.heard(peer, now);
  }

  handle(from: number, message: Uint8Array, now: number): void {
    this.#honest.handle(from, message, now);
  }

  handleTimeout(now: number): void {
    if (now >= this.#next) {
      this.#next = now + interval;
      this.#lies.push({ type: "datagram", to: this.#somebody(), message: this.#lie() });
    }
    if (now >= (this.#honest.pollTimeout() ?? Number.POSITIVE_INFINITY)) this.#honest.handleTimeout(now);
  }

  pollTimeout(): number {
    return Math.min(this.#next, this.#honest.pollTimeout() ?? Number.POSITIVE_INFINITY);
  }

  poll(): GossipFact | undefined {
    return this.#lies.pop() ?? this.#honest.poll();
  }

  #somebody(): number {
    const peer = this.#seat.random.below(this.#seat.members - 1);
    return peer < this.#seat.self ? peer : peer + 1;
  }

  #lie(): Uint8Array {
    const { random, self } = this.#seat;
    const victim = this.#somebody();
    const incarnation = random.pick([0, 1, 2, random.below(1_000), random.below(2 ** 29)]);
    switch (random.below(5)) {
      case 0:
        return section(Kind.ended, [
          ...this.#tag(victim),
          ...u32(incarnation * 8 + 1),
          ...this.#tag(self),
          0,
          0,
        ]);
      case 1:
        // In the name of somebody else.
        return section(Kind.ended, [
          ...this.#tag(victim),
          ...u32(incarnation * 8 + 2),
          ...this.#tag(this.#somebody()),
          0,
          0,
        ]);
      case 2:
        return section(Kind.suspect, [...this.#tag(victim), ...u32(incarnation), 0, 0]);
      case 3:
        return section(Kind.alive, [...this.#tag(victim), ...u32(incarnation)]);
      default:
        return random.fill(new Uint8Array(random.below(60)));
    }
  }

  #tag(peer: number): readonly number[] {
    const directory = directoryOf(this.#seat.members);
    return [...u32(directory.high(peer)), ...u32(directory.low(peer))];
  }
}

function section(kind: number, body: readonly number[]): Uint8Array {
  return Uint8Array.of(version, kind, body.length, ...body);
}

function u32(value: number): readonly number[] {
  return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}
