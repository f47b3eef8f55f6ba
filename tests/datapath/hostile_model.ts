/**
 * A data path under attack, with real ciphers. Whoever is on the path changes datagrams of a good peer, cuts and repeats
 * them, gives them other indices and lies about how many came as one; meanwhile the good peer goes on sending. Of what was
 * altered or repeated nothing is delivered, everything is accounted for, and all of the good peer's packets arrive.
 */
import assert from "node:assert/strict";
import { tagLength, transportHeaderLength } from "../../core/datapath/data_message.ts";
import { type Arrival, WiredCore } from "../../core/datapath/wired_cores_fixture.ts";
import { acquaint, far, near, nearMac, sockaddr } from "../../core/datapath/wired_pair_fixture.ts";
import { concatBytes } from "../../core/wire/bytes.ts";
import { SimRandom } from "../sim/random.ts";
import { CountedPackets } from "./counted_packets.ts";
import { type Ciphers, portableCiphers } from "./session_world.ts";

export interface HostileRun {
  readonly seed: number;
  readonly inputs: number;
  readonly ciphers?: Ciphers;
}

export interface HostileOutcome {
  /** Altered, and good ones a second time. */
  readonly altered: number;
  readonly repeated: number;
  /** Packets of the good peer, all of which have arrived. */
  readonly good: number;
  readonly badTag: number;
  readonly replayed: number;
  readonly malformed: number;
  /** Datagrams that are none of a session: the main thread judges them. */
  readonly left: number;
}

/** Datagrams of one length of the good peer that the attacker has. */
const mostKept = 30;
/** Inputs between two looks at what has become of them, and how many of them come as one. */
const inputsPerRound = 600;
const mostJoined = 30;
const framesPerRound = 4;
/** A datagram without anything inside. */
const leastLength = transportHeaderLength + tagLength;
const absurdSizes = [0, 1, 15, 31, 32, 33, -1, -5, 65_535, 2 ** 31 - 1, -(2 ** 31)];

class Attacker {
  readonly #random: SimRandom;
  /** By length, so that those of one length can come as one. */
  readonly #kept = new Map<number, Uint8Array[]>();
  readonly counts = { altered: 0, repeated: 0, truncated: 0 };

  constructor(random: SimRandom) {
    this.#random = random;
  }

  keep(datagram: Uint8Array): void {
    const alike = this.#kept.get(datagram.length) ?? [];
    this.#kept.set(datagram.length, alike);
    if (alike.length < mostKept) alike.push(datagram);
    else alike[this.#random.below(mostKept)] = datagram;
  }

  /** Datagrams of one size, as the kernel joins them; the last one may be shorter. */
  train(): { readonly arrival: Arrival; readonly inputs: number } {
    const random = this.#random;
    const alike = random.pick([...this.#kept.values()]);
    const inputs: Uint8Array[] = [];
    for (let left = 1 + random.below(mostJoined); left > 0; left--) {
      const input = this.#input(random.pick(alike));
      inputs.push(input);
      if (input.length !== alike[0]!.length) break;
    }
    // A lie about the size makes other datagrams of the same bytes: none of them is one that was not seen before.
    const size = random.below(50) === 0 ? random.pick(absurdSizes) : inputs[0]!.length;
    const isTruncated = random.below(400) === 0;
    if (isTruncated) this.counts.truncated++;
    const bytes = concatBytes(...inputs);
    return { arrival: { bytes, size, from: sockaddr(random.below(4)), isTruncated }, inputs: inputs.length };
  }

  #input(good: Uint8Array): Uint8Array {
    if (this.#random.below(2) === 0) {
      this.counts.repeated++;
      return good;
    }
    this.counts.altered++;
    return this.#altered(good);
  }

  #altered(good: Uint8Array): Uint8Array {
    const random = this.#random;
    switch (random.below(8)) {
      case 0: // cut: in the middle of the header as well
        return good.slice(0, random.below(good.length));
      case 1: { // longer
        const longer = new Uint8Array(good.length + 1 + random.below(64));
        longer.set(good);
        return longer;
      }
      case 2: // another index, close to the right one or not
        return this.#changed(good, 4 + random.below(4));
      case 3: // another counter: one that nobody has used, or a huge one
        return this.#changed(good, 8 + random.below(8));
      case 4: // type, version, flags
        return this.#changed(good, random.below(4));
      case 5: // the tag
        return this.#changed(good, good.length - 1 - random.below(tagLength));
      case 6: // the head of one and the body of another
        return this.#crossed(good, random.pick(this.#kept.get(good.length)!));
      default:
        return this.#changed(good, random.below(good.length));
    }
  }

  #changed(good: Uint8Array, at: number): Uint8Array {
    const copy = good.slice();
    copy[at] = copy[at]! ^ (1 + this.#random.below(255));
    return copy;
  }

  #crossed(head: Uint8Array, body: Uint8Array): Uint8Array {
    const copy = body.slice();
    copy.set(head.subarray(0, transportHeaderLength));
    return copy.every((byte, i) => byte === body[i]) ? this.#changed(copy, leastLength - 1) : copy;
  }
}

class HostileWorld {
  readonly #random: SimRandom;
  readonly #attacker: Attacker;
  readonly #packets: CountedPackets;
  readonly #good: WiredCore;
  readonly #target: WiredCore;
  #left = 0;

  constructor({ seed, ciphers = portableCiphers }: HostileRun) {
    this.#random = new SimRandom(seed);
    this.#attacker = new Attacker(this.#random);
    this.#packets = new CountedPackets({ source: near, destination: far, mac: nearMac }, this.#random.fork());
    const core = (number: number) => {
      const arena = ciphers.arena(number);
      arena.bytes.fill(0);
      return new WiredCore(ciphers.suites, { arena });
    };
    [this.#good, this.#target] = [core(0), core(1)];
    acquaint(this.#good, this.#target);
  }

  run(inputs: number): HostileOutcome {
    this.#exchange([]);
    for (let done = 0; done < inputs;) {
      const arrivals: Arrival[] = [];
      for (const end = Math.min(inputs, done + inputsPerRound); done < end;) {
        const train = this.#attacker.train();
        arrivals.push(train.arrival);
        done += train.inputs;
      }
      this.#exchange(arrivals);
    }
    this.#account();
    const { badTag, replayed, malformed } = this.#target.telemetry.snapshot().drops;
    const { altered, repeated } = this.#attacker.counts;
    return {
      altered,
      repeated,
      good: this.#packets.delivered,
      badTag,
      replayed,
      malformed,
      left: this.#left,
    };
  }

  /** What the good peer sends lies somewhere among what the attacker does, and in another order. */
  #exchange(hostile: Arrival[]): void {
    for (let i = 0; i < framesPerRound; i++) this.#good.frames.push(this.#packets.frame());
    this.#good.settle();
    const all = hostile;
    for (const { bytes, size } of this.#good.sent.splice(0)) {
      all.splice(this.#random.below(all.length + 1), 0, { bytes, size, from: sockaddr(1) });
      for (let at = 0; at < bytes.length; at += size) this.#attacker.keep(bytes.slice(at, at + size));
    }
    for (const arrival of all) this.#target.arriving.push(arrival);
    this.#target.settle();
    for (const frame of this.#target.written.splice(0)) this.#packets.writtenFrame(frame);
    for (const punt of this.#target.punted()) {
      assert.equal(punt.kind, "datagram", "a packet that was altered has been opened");
      this.#left++;
    }
    assert.equal(this.#packets.missing().length, 0, "packets of the good peer do not arrive");
  }

  /** Each datagram has become one of these, and nothing else has happened. */
  #account(): void {
    const { tallies, drops } = this.#target.telemetry.snapshot();
    const { badTag, replayed, malformed, queueFull } = drops;
    const { truncated } = this.#attacker.counts;
    const refused = badTag + replayed + malformed - truncated;
    assert.equal(tallies.packetsDelivered + refused + tallies.punted + queueFull, tallies.datagramsIn);
    assert.equal(tallies.packetsDelivered, this.#packets.delivered);
    assert.equal(tallies.punted, this.#left);
    assert.equal(tallies.puntsLost, queueFull);
    assert.equal(tallies.writesRefused, 0);
  }
}

export function runHostile(run: HostileRun): HostileOutcome {
  return new HostileWorld(run).run(run.inputs);
}
