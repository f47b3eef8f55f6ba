/**
 * A data path that is killed in the middle of its work, again and again, while its system calls send or write: the next
 * one goes on with the same sessions in the same shared memory. No key ever seals two packets with one counter, what is
 * sent after a kill arrives, and what somebody has recorded before it does not count a second time.
 */
import assert from "node:assert/strict";
import type { AeadSuite } from "../../core/contracts/aead.ts";
import type { ArenaAeadSuite } from "../../core/datapath/arena_aead.ts";
import type { PacketIo } from "../../core/datapath/packet_io.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { aes, chacha, type Flight } from "../../plugins/noise/testing_rig.ts";
import { MessageType, readCounter, readReceiver } from "../../plugins/noise/wire.ts";
import { SimRandom } from "../sim/random.ts";
import type { Party } from "./session_party.ts";
import { type Ciphers, portableCiphers, SessionWorld } from "./session_world.ts";

export interface KillRun {
  readonly seed: number;
  readonly kills: number;
  readonly ciphers?: Ciphers;
}

export interface KillOutcome {
  readonly kills: number;
  readonly delivered: number;
  /** Packets that went down with a data path. */
  readonly lost: number;
  /** Keys and counters that were used. */
  readonly sealed: number;
  /** Datagrams on the wire with a receiver index and a counter. */
  readonly onWire: number;
  readonly replayed: number;
}

class Killed extends Error {}

/** Pairs of a name and a number, each of which may be there once. */
class OncePerName {
  readonly #numbers = new Map<string, Set<number>>();
  readonly #what: string;
  size = 0;

  constructor(what: string) {
    this.#what = what;
  }

  add(name: string, number: number): void {
    const known = this.#numbers.get(name) ?? new Set();
    this.#numbers.set(name, known);
    if (known.has(number)) assert.fail(`${this.#what} ${number} twice under ${name}`);
    known.add(number);
    this.size++;
  }
}

/** Ends the data path at one of its next calls: before the kernel has done what was asked, or after. */
class Trap {
  readonly #random: SimRandom;
  /** Calls to go; 0: nothing happens. */
  #left = 0;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  arm(): void {
    this.#left = 1 + this.#random.below(12);
  }

  disarm(): void {
    this.#left = 0;
  }

  readonly between = (io: PacketIo): PacketIo => ({
    ...io,
    writev: (...call) => this.#sprung(() => io.writev(...call)),
    sendmsg: (...call) => this.#sprung(() => io.sendmsg(...call)),
  });

  #sprung(call: () => number): number {
    if (this.#left === 0 || --this.#left > 0) return call();
    if (this.#random.below(2) === 0) call();
    throw new Killed("the data path is killed");
  }
}

/** Ciphers of both threads that notice a key and a counter used twice. */
function watched(sealed: OncePerName, { suites, arena }: Ciphers): Ciphers & { aeads: readonly AeadSuite[] } {
  const watchArena = (suite: ArenaAeadSuite): ArenaAeadSuite => ({
    ...suite,
    key: (secret, memory) => {
      const [name, key] = [encodeHex(secret), suite.key(secret, memory)];
      return {
        seal: (low, high, ...rest) => {
          sealed.add(name, high * 2 ** 32 + low);
          return key.seal(low, high, ...rest);
        },
        open: (...call) => key.open(...call),
        free: () => key.free(),
      };
    },
  });
  const aeads = [chacha, aes].map((suite): AeadSuite => ({
    ...suite,
    key: (secret) => {
      const [name, key] = [encodeHex(secret), suite.key(secret)];
      const counterOf = (nonce: Uint8Array) =>
        new DataView(nonce.buffer, nonce.byteOffset).getUint32(
          suite.name === chacha.name ? 4 : 8,
          suite.name === chacha.name,
        );
      return {
        seal: (nonce, ad, plaintext) => {
          sealed.add(name, counterOf(nonce));
          return key.seal(nonce, ad, plaintext);
        },
        open: (...call) => key.open(...call),
      };
    },
  }));
  return { suites: suites.map(watchArena), arena, aeads };
}

const mostRecorded = 400;
const { data, keepalive, close, probe, probed, part } = MessageType;
const sealedTypes: ReadonlySet<number> = new Set([data, keepalive, close, probe, probed, part]);
const busyMillis = 4;
const restMillis = 14;

class KillWorld {
  readonly #sealed = new OncePerName("counter");
  readonly #onWire = new OncePerName("counter");
  readonly #random: SimRandom;
  readonly #trap: Trap;
  readonly #world: SessionWorld;
  #recorded: Flight[] = [];
  /** Whose data path is to be killed. */
  #victim: Party | undefined;
  #kills = 0;
  #replayed = 0;

  constructor({ seed, ciphers = portableCiphers }: KillRun) {
    this.#random = new SimRandom(seed ^ 0x5eed);
    this.#trap = new Trap(this.#random);
    const options = { seed, between: this.#trap.between };
    const { aeads, ...watchedCiphers } = watched(this.#sealed, ciphers);
    this.#world = new SessionWorld({ ...options, ciphers: watchedCiphers, aeads });
    this.#world.onWire = (flight) => this.#see(flight);
    this.#world.work = (party) => this.#work(party);
  }

  run(kills: number): KillOutcome {
    const world = this.#world;
    world.connect();
    while (this.#kills < kills) this.#killOne();
    const { there, back } = world;
    const delivered = there.delivered + back.delivered;
    return {
      kills: this.#kills,
      delivered,
      lost: there.sent + back.sent - delivered,
      sealed: this.#sealed.size,
      onWire: this.#onWire.size,
      replayed: this.#replayed,
    };
  }

  #killOne(): void {
    const world = this.#world;
    const before = this.#kills;
    this.#victim = this.#random.below(2) === 0 ? world.a : world.b;
    while (this.#kills === before) world.busy(1);
    // What was under way to or in the one that was killed may be lost, and what the counter's leap has made too old.
    world.rest(restMillis);
    for (const packets of [world.there, world.back]) packets.forgive();
    this.#replay();
    world.busy(busyMillis);
    world.rest(restMillis);
    for (const packets of [world.there, world.back]) {
      assert.equal(packets.missing().length, 0, `after kill ${this.#kills} packets do not arrive`);
    }
  }

  /** One data path works at a time, so a call that is caught is the victim's. */
  #work(party: Party): void {
    if (party !== this.#victim) return party.work();
    this.#trap.arm();
    try {
      party.work();
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      this.#victim = undefined;
      this.#kills++;
      party.begin();
    } finally {
      this.#trap.disarm();
    }
  }

  #see(flight: Flight): void {
    const { datagram } = flight;
    if (!sealedTypes.has(datagram[0]!)) return;
    this.#onWire.add(String(readReceiver(datagram)), readCounter(datagram));
    this.#recorded.push(flight);
    if (this.#recorded.length > mostRecorded) this.#recorded.shift();
  }

  /** What was recorded, as it was, from where it came. */
  #replay(): void {
    const { a, b } = this.#world;
    for (const { datagram, from, to } of this.#recorded) {
      (to.port === a.node.endpoint.port ? a : b).replay(datagram, from);
    }
    this.#replayed += this.#recorded.length;
  }
}

export function runKills(run: KillRun): KillOutcome {
  return new KillWorld(run).run(run.kills);
}
