/**
 * Entry points for whoever feeds the noise encapsulation with bytes: nothing here reads a clock, a socket or chance of
 * its own. A target throws when something is wrong, and only then.
 */
import assert from "node:assert/strict";
import { type Drop, type DropName, dropNames } from "../../core/contracts/drop.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import { HandshakeState } from "../../core/noise/handshake_state.ts";
import { parseProtocolName } from "../../core/noise/protocol_name.ts";
import { limits, protocol } from "../../plugins/noise/constants.ts";
import { joinPrologue } from "../../plugins/noise/join_handshake.ts";
import { decodeMissing, PartCollector } from "../../plugins/noise/join_parts.ts";
import type { NoiseMachine } from "../../plugins/noise/machine.ts";
import { joinKeys, memberKeys, signHandshake } from "../../plugins/noise/mac.ts";
import { memberPrologue } from "../../plugins/noise/member_handshake.ts";
import {
  decodeAdmission,
  decodeAnswer,
  decodeApplication,
  decodeChoice,
  decodeKnockOffer,
  decodeOffer,
} from "../../plugins/noise/payload.ts";
import { networkId, networkKey, SeededRandom, token, tokenKey } from "../../plugins/noise/testing_rig.ts";
import {
  decodeCookie,
  decodeIAm,
  decodeInitiation,
  decodeKnock,
  decodeReply,
  decodeUnknownIndex,
  decodeWhoIs,
  encodeInitiation,
  encodeKnock,
  handshakeOverhead,
  MessageType,
  readType,
} from "../../plugins/noise/wire.ts";
import { floodMachine } from "./flood_parties.ts";
import { sessionTargets } from "./fuzz_session.ts";
import { nativeX25519 } from "./native_x25519.ts";

export interface FuzzTarget {
  readonly name: string;
  /** Throws when `input` has done harm. */
  run(input: Uint8Array): void;
}

const strangers: readonly Endpoint[] = [
  { host: "192.0.2.66", port: 6 },
  { host: "2001:db8::66", port: 66 },
];

/** A node that has met nobody, and what is to hold for it after every datagram. */
class Victim {
  readonly machine: NoiseMachine;
  readonly noiseKey: Uint8Array;
  readonly drops = new Map<DropName, number>();
  now: Millis = 1_000;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    const keys = generateKeyPair(random);
    this.noiseKey = keys.publicKey;
    this.machine = floodMachine("victim", keys, random, nativeX25519);
  }

  /** Hands it a datagram; gives the drop. Nothing may come back that is longer, nor may memory grow without bound. */
  receive(datagram: Uint8Array): Drop {
    const before = datagram.slice();
    const drop = this.machine.handleDatagram(datagram, strangers[datagram.length % 2]!, this.now);
    assert.deepEqual(datagram, before, "the transport's memory is left alone");
    const name = dropNames[drop];
    assert.ok(name !== undefined, `${drop} is no drop`);
    this.drops.set(name, (this.drops.get(name) ?? 0) + 1);
    let answered = 0;
    for (let output = this.machine.poll(); output !== undefined; output = this.machine.poll()) {
      assert.ok(output.type === "transmit" || output.type === "clone-detected", output.type);
      if (output.type === "transmit") answered += output.datagram.length;
    }
    assert.ok(answered <= datagram.length, `${answered} bytes answer ${datagram.length}`);
    this.#assertBounded();
    return drop;
  }

  /** Lets time pass. */
  pass(millis: Millis): void {
    this.now += millis;
    const due = this.machine.pollTimeout();
    if (due !== undefined && due <= this.now) this.machine.handleTimeout(this.now);
  }

  #assertBounded(): void {
    const { indices, readyKeys, gate } = this.machine.local;
    // A stranger may have knocks pending, and one session that waits for its first message, with each identity.
    assert.ok(indices.size <= limits.pendingJoins + 2, `${indices.size} indices`);
    assert.ok(readyKeys.size <= limits.provenTokens + limits.otherTokens);
    assert.ok(gate.seen.size <= 2 * limits.seenMacs);
  }
}

/** Bytes into a machine that lives on through all inputs, a millisecond apart. */
function gateTarget(name: string, datagramOf: (input: Uint8Array) => Uint8Array): FuzzTarget {
  let victim: Victim | undefined;
  return {
    name,
    run(input) {
      victim ??= new Victim(1);
      victim.pass(1);
      victim.receive(datagramOf(input));
    },
  };
}

function padded(input: Uint8Array, header: readonly Uint8Array[], length: number): Uint8Array {
  const datagram = new Uint8Array(Math.max(length, Math.min(input.length, limits.handshakeLength)));
  datagram.set(input.subarray(0, datagram.length));
  let at = 0;
  for (const part of header) {
    datagram.set(part, at);
    at += part.length;
  }
  return datagram;
}

/** A true header of a type, the sender's index, and the id that the gate looks for. */
function firstMessage(input: Uint8Array): Uint8Array {
  const isKnock = (input[0] ?? 0) % 2 === 1;
  const head = Uint8Array.of(isKnock ? MessageType.knock : MessageType.initiation, 1, 0, 0, 0, 0, 0, 9);
  return isKnock
    ? padded(input, [head, token.id], protocol.knockLength)
    : padded(input, [head, networkKey(1).id], protocol.initiationLength);
}

export const noiseTargets: readonly FuzzTarget[] = [
  gateTarget("noise: any datagram", (input) => input),
  gateTarget("noise: a datagram of a known type and version", (input) => {
    const datagram = input.slice();
    datagram.set([1 + ((input[0] ?? 0) % 14), 1, 0, 0].slice(0, input.length));
    return datagram;
  }),
  gateTarget("noise: a first message up to mac1", firstMessage),
  { name: "noise: layouts of messages", run: decodeAll },
  { name: "noise: payloads of handshakes and joins", run: decodePayloads },
  ...sessionTargets,
];

function decodeAll(input: Uint8Array): void {
  const decoders = [
    readType,
    decodeInitiation,
    decodeKnock,
    decodeReply,
    decodeIAm,
    decodeCookie,
    decodeUnknownIndex,
  ];
  for (const decode of decoders) decode(input);
  decodeWhoIs(input, input.length);
}

function decodePayloads(input: Uint8Array): void {
  for (const decode of [decodeOffer, decodeChoice, decodeKnockOffer, decodeAdmission, decodeApplication]) {
    decode(input);
  }
  decodeAnswer(input);
  decodeMissing(input);
  const collector = new PartCollector();
  if (collector.add(input)) assert.ok(collector.missing().length <= protocol.joinWindow);
}

const memberNoise = parseProtocolName(protocol.memberHandshake);
const joinNoise = parseProtocolName(protocol.joinHandshake);

/** A true Noise message with a payload that is none. */
function memberMessage(victim: Victim, random: SeededRandom, payload: Uint8Array): Uint8Array {
  const { id, secret } = networkKey(1);
  return new HandshakeState({
    protocol: memberNoise,
    role: "initiator",
    random,
    curve: nativeX25519,
    prologue: memberPrologue(networkId, id),
    staticKeys: generateKeyPair(random, nativeX25519),
    remoteStatic: victim.noiseKey,
    psks: [secret],
  }).writeMessage(payload);
}

function joinMessage(random: SeededRandom, payload: Uint8Array): Uint8Array {
  return new HandshakeState({
    protocol: joinNoise,
    role: "initiator",
    random,
    curve: nativeX25519,
    prologue: joinPrologue(token),
    staticKeys: generateKeyPair(random, nativeX25519),
    psks: [tokenKey],
  }).writeMessage(payload);
}

/** The number-th first message: in turn initiations and knocks, each with Noise messages that are none and that are one. */
function madeUp(victim: Victim, random: SeededRandom, number: number): Uint8Array {
  const isKnock = number % 2 === 1;
  const isNoise = number % 4 >= 2;
  const least = isKnock
    ? protocol.knockLength - handshakeOverhead.knock
    : protocol.initiationLength - handshakeOverhead.initiation;
  const length = least + (number % 3 === 0 ? Math.floor(random.next() * 2_000) : 0);
  const bytes = random.fill(new Uint8Array(length));
  const sender = number + 1;
  if (isKnock) {
    const noise = isNoise ? joinMessage(random, bytes.subarray(joinNoise.overheads[0]!)) : bytes;
    return signHandshake(encodeKnock({ sender, token, noise }), joinKeys(tokenKey).mac1);
  }
  const noise = isNoise ? memberMessage(victim, random, bytes.subarray(memberNoise.overheads[0]!)) : bytes;
  const { id, secret } = networkKey(1);
  return signHandshake(
    encodeInitiation({ sender, keyId: id, noise }),
    memberKeys(secret, victim.noiseKey).mac1,
  );
}

/**
 * `count` first messages with a right mac1 and a made-up rest, half of them with a Noise message that opens and a payload
 * that is random. Four hundred of five come at a pace that a node answers, the fifth at once. Gives how many ended in which
 * drop; throws when one did harm.
 */
export function validMac1Handshakes(
  seed: number,
  count: number,
): { readonly drops: ReadonlyMap<DropName, number> } {
  const victim = new Victim(seed);
  const random = new SeededRandom(seed + 1);
  for (let number = 0; number < count; number++) {
    const isRush = number % 500 >= 400;
    victim.pass(isRush ? 0 : 20);
    victim.receive(madeUp(victim, random, number));
  }
  victim.pass(1_000_000);
  assert.equal(victim.machine.local.indices.size, 0, "what strangers began has expired");
  return { drops: victim.drops };
}
