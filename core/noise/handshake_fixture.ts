/**
 * Two sides of a handshake for the tests of this folder: every key the pattern calls for, all from one seed.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { Random } from "../contracts/host.ts";
import { generateKeyPair, type KeyPair } from "./dh.ts";
import type { HandshakeOptions } from "./handshake_options.ts";
import { HandshakeState } from "./handshake_state.ts";
import { type HandshakePattern, type Role, senderOf, sendsStatic } from "./pattern.ts";
import { parseProtocolName } from "./protocol_name.ts";

export type Sides = Readonly<Record<Role, HandshakeState>>;
export type Changes = Partial<Omit<HandshakeOptions, "protocol" | "role">>;

export const initiatorKeys: KeyPair = generateKeyPair(seededRandom(1));
export const responderKeys: KeyPair = generateKeyPair(seededRandom(2));

/** The same bytes for the same seed, up to 32 at a time. Nothing that is filled is kept. */
export function seededRandom(seed: number): Random {
  let calls = 0;
  return {
    fill: (target) => {
      target.set(sha256(Uint8Array.of(seed, calls++)).subarray(0, target.length));
      return target;
    },
  };
}

/** Options that fit the pattern, with `changes` on top. */
export function optionsFor(name: string, role: Role, changes: Changes = {}): HandshakeOptions {
  const protocol = parseProtocolName(name);
  const { pattern } = protocol;
  const [own, remote] = role === "initiator"
    ? [initiatorKeys, responderKeys]
    : [responderKeys, initiatorKeys];
  return {
    protocol,
    role,
    random: seededRandom(role === "initiator" ? 3 : 4),
    prologue: Uint8Array.of(1, 2, 3),
    staticKeys: hasStatic(pattern, role) ? own : undefined,
    remoteStatic: pattern.preMessages[role === "initiator" ? "responder" : "initiator"]
      ? remote.publicKey
      : undefined,
    psks: Array.from({ length: pattern.psks }, (_, index) => new Uint8Array(32).fill(0x70 + index)),
    ...changes,
  };
}

/** Both sides of a new handshake. */
export function pairOf(name: string, changes: Partial<Record<Role, Changes>> = {}): Sides {
  return {
    initiator: new HandshakeState(optionsFor(name, "initiator", changes.initiator)),
    responder: new HandshakeState(optionsFor(name, "responder", changes.responder)),
  };
}

/** Who writes and who reads the message of this number. */
export function endsOf(sides: Sides, number: number): [HandshakeState, HandshakeState] {
  return senderOf(number) === "initiator"
    ? [sides.initiator, sides.responder]
    : [sides.responder, sides.initiator];
}

/**
 * Runs messages from `first` up to, not including, `end`; the messages as they went over. Throws when one is
 * refused.
 */
export function exchange(sides: Sides, first = 0, end = messageCount(sides)): Uint8Array[] {
  const sent: Uint8Array[] = [];
  for (let number = first; number < end; number++) {
    const [writer, reader] = endsOf(sides, number);
    const message = writer.writeMessage(payloadOf(number));
    if (reader.readMessage(message) === undefined) throw new Error(`message ${number} was refused`);
    sent.push(message);
  }
  return sent;
}

/** The payload of the message of this number in {@link exchange}. */
export function payloadOf(number: number): Uint8Array {
  return new TextEncoder().encode(`payload ${number}`);
}

function messageCount(sides: Sides): number {
  return sides.initiator.protocol.pattern.messages.length;
}

function hasStatic(pattern: HandshakePattern, role: Role): boolean {
  return pattern.preMessages[role] || sendsStatic(pattern, role);
}
