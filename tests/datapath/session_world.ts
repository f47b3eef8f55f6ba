/**
 * Two parties and a network that delays each datagram by another time, so that hundreds are under way and out of order. A
 * step is a millisecond: frames come to both, the network delivers what is due, and the threads take turns in an order
 * that chance makes. All of it follows from the seed.
 */
import type { AeadSuite } from "../../core/contracts/aead.ts";
import type { Arena } from "../../core/datapath/arena.ts";
import { heapArena } from "../../core/datapath/arena.ts";
import type { ArenaAeadSuite } from "../../core/datapath/arena_aead.ts";
import { arenaLength } from "../../core/datapath/datapath_core.ts";
import { nobleArenaSuites } from "../../core/datapath/noble_arena_aead.ts";
import type { PacketIo } from "../../core/datapath/packet_io.ts";
import { far, farMac, near, nearMac } from "../../core/datapath/wired_pair_fixture.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { limits, protocol } from "../../plugins/noise/constants.ts";
import { aes, chacha, type Flight, Rig } from "../../plugins/noise/testing_rig.ts";
import { nativeX25519 } from "../noise/native_x25519.ts";
import { SimRandom } from "../sim/random.ts";
import { CountedPackets } from "./counted_packets.ts";
import { Party } from "./session_party.ts";

/** Ciphers of the data path, and memory that they can work on. */
export interface Ciphers {
  readonly suites: readonly ArenaAeadSuite[];
  /** The same for the same number; two data paths need two. */
  arena(number: number): Arena;
}

export const portableCiphers: Ciphers = {
  suites: nobleArenaSuites(),
  arena: () => heapArena(arenaLength),
};

export interface WorldOptions {
  readonly seed: number;
  readonly ciphers?: Ciphers;
  /** Those of the machines, which seal all but packets. */
  readonly aeads?: readonly AeadSuite[];
  readonly between?: (io: PacketIo) => PacketIo;
}

/** Longest that a datagram is under way, in milliseconds. */
const longestDelay = 5;
const framesPerStep = 5;

export class SessionWorld {
  readonly rig: Rig;
  readonly random: SimRandom;
  readonly a: Party;
  readonly b: Party;
  readonly there: CountedPackets;
  readonly back: CountedPackets;
  /** Each datagram that reaches the network is shown to it. */
  onWire: (flight: Flight) => void = () => {};
  /** What a party does in its turn of the data path. */
  work: (party: Party) => void = (party) => party.work();

  constructor({ seed, ciphers = portableCiphers, aeads = [chacha, aes], between }: WorldOptions) {
    const random = this.random = new SimRandom(seed);
    const rig = this.rig = new Rig(seed, nativeX25519);
    const ways = [
      { source: near, destination: far, mac: nearMac },
      { source: far, destination: near, mac: farMac },
    ] as const;
    this.there = new CountedPackets(ways[0], random.fork());
    this.back = new CountedPackets(ways[1], random.fork());
    const { suites } = ciphers;
    const parts = { rig, random, aeads, suites, ...between === undefined ? {} : { between } };
    this.a = new Party({ ...parts, name: "a", arena: ciphers.arena(0) }, {
      ...{ way: ways[0], out: this.there, in: this.back, peer: "b" as PeerId, prefix: "10.40.0.0/16" },
    });
    this.b = new Party({ ...parts, name: "b", arena: ciphers.arena(1) }, {
      ...{ way: ways[1], out: this.back, in: this.there, peer: "a" as PeerId, prefix: "10.32.0.0/16" },
    });
    rig.weather = (flight) => {
      this.onWire(flight);
      return [1 + random.below(longestDelay)];
    };
  }

  /** Until packets may be sent. */
  connect(): void {
    this.rig.connect(this.a.node, this.b.node);
    this.rest(60);
  }

  /** Both send all the time. */
  busy(millis: number): void {
    for (let i = 0; i < millis; i++) this.step(framesPerStep);
  }

  /** Long enough for all that is under way. */
  rest(millis = 4 * longestDelay): void {
    for (let i = 0; i < millis; i++) this.step(0);
  }

  step(frames: number): void {
    for (let i = this.random.below(2 * frames + 1); i > 0; i--) {
      this.a.core.frames.push(this.there.frame());
      this.b.core.frames.push(this.back.frame());
    }
    this.rig.run(1);
    const { a, b } = this;
    const turns = [() => this.work(a), () => a.decide(), () => this.work(b), () => b.decide()];
    while (turns.length > 0) {
      const [turn] = turns.splice(this.random.below(turns.length), 1);
      // A thread that is late for once.
      if (this.random.below(5) > 0) turn!();
    }
    this.rig.log.length = 0;
  }
}

/** How soon sessions are renewed, in milliseconds. */
export interface Haste {
  readonly rekeyAfter: number;
  /** By who did not begin the last one. */
  readonly responderRekeyAfter: number;
}

/**
 * With sessions that are renewed all the time, and a machine that looks that often what its data path has done. The numbers
 * are those of this process, so they are put back.
 */
export function withHaste<T>({ rekeyAfter, responderRekeyAfter }: Haste, run: () => T): T {
  const before = { protocol: { ...protocol }, limits: { ...limits } };
  const haste = { rekeyAfterMillis: rekeyAfter, responderRekeyAfterMillis: responderRekeyAfter };
  // A look that finds nothing ends the looking until the next keepalive.
  Object.assign(protocol, haste, { keepaliveMillis: 100 });
  const handshakes = { perSecond: 1_000, burst: 1_000 };
  Object.assign(limits, { initiationIntervalMillis: 0, workerLookMillis: 3, firstMessages: handshakes });
  try {
    return run();
  } finally {
    Object.assign(protocol, before.protocol);
    Object.assign(limits, before.limits);
  }
}
