/**
 * The published vectors, both sides: every handshake message, the handshake hash, every transport message.
 */
import assert from "node:assert/strict";
import { bytesToHex, hexToBytes as bytes } from "@noble/hashes/utils.js";
import { test } from "../../tests/harness.ts";
import blake2sFile from "../../tests/vectors/noise/cacophony-25519-blake2s.json" with { type: "json" };
import othersFile from "../../tests/vectors/noise/cacophony-25519-ikpsk2-other-hashes.json" with {
  type: "json",
};
import type { Random } from "../contracts/host.ts";
import { CipherState } from "./cipher_state.ts";
import { keyPairOf } from "./dh.ts";
import { HandshakeState } from "./handshake_state.ts";
import { type Role, senderOf } from "./pattern.ts";
import { parseProtocolName, type Protocol } from "./protocol_name.ts";

interface Vector {
  readonly protocol_name: string;
  readonly handshake_hash: string;
  readonly init_prologue: string;
  readonly init_static?: string;
  readonly init_ephemeral: string;
  readonly init_remote_static?: string;
  readonly init_psks?: readonly string[];
  readonly resp_prologue: string;
  readonly resp_static?: string;
  readonly resp_ephemeral?: string;
  readonly resp_remote_static?: string;
  readonly resp_psks?: readonly string[];
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const blake2s: readonly Vector[] = blake2sFile.vectors;
const otherHashes: readonly Vector[] = othersFile.vectors;

test("there are 118 vectors with BLAKE2s and 6 with the other hashes, each of another protocol", () => {
  assert.equal(blake2s.length, 118);
  assert.equal(otherHashes.length, 6);
  assert.equal(new Set([...blake2s, ...otherHashes].map((vector) => vector.protocol_name)).size, 124);
});

for (const vector of [...blake2s, ...otherHashes]) {
  test(`${vector.protocol_name} gives the published bytes in both directions`, () => check(vector));
}

function check(vector: Vector): void {
  const protocol = parseProtocolName(vector.protocol_name);
  const sides = {
    initiator: initiatorOf(protocol, vector),
    responder: responderOf(protocol, vector),
  };
  const handshakeLength = protocol.pattern.messages.length;
  vector.messages.slice(0, handshakeLength).forEach(({ payload, ciphertext }, number) => {
    const [sender, receiver] = ends(sides, senderOf(number));
    assert.equal(hex(sender.writeMessage(bytes(payload))), ciphertext);
    assert.equal(hex(receiver.readMessage(bytes(ciphertext))), payload);
  });
  assert.equal(hex(sides.initiator.handshakeHash), vector.handshake_hash);
  assert.equal(hex(sides.responder.handshakeHash), vector.handshake_hash);
  checkTransport(protocol, sides, vector.messages.slice(handshakeLength));
}

function checkTransport(protocol: Protocol, sides: Sides, messages: Vector["messages"]): void {
  const keys = {
    initiator: transportOf(protocol, sides.initiator),
    responder: transportOf(protocol, sides.responder),
  };
  const first = protocol.pattern.messages.length;
  const nothing = new Uint8Array();
  assert.ok(messages.length >= 2);
  messages.forEach(({ payload, ciphertext }, number) => {
    const role = protocol.pattern.oneWay ? "initiator" : senderOf(first + number);
    const [sender, receiver] = ends(keys, role);
    assert.equal(hex(sender.send!.encryptWithAd(nothing, bytes(payload))), ciphertext);
    assert.equal(hex(receiver.receive!.decryptWithAd(nothing, bytes(ciphertext))), payload);
  });
}

type Sides = Readonly<Record<Role, HandshakeState>>;

interface Transport {
  readonly send?: CipherState;
  readonly receive?: CipherState;
}

function transportOf({ pattern, cipher }: Protocol, side: HandshakeState): Transport {
  if (pattern.oneWay) {
    const only = new CipherState(cipher, side.splitOneWay());
    return side.role === "initiator" ? { send: only } : { receive: only };
  }
  const { send, receive } = side.split();
  return { send: new CipherState(cipher, send), receive: new CipherState(cipher, receive) };
}

function initiatorOf(protocol: Protocol, vector: Vector): HandshakeState {
  return new HandshakeState({
    protocol,
    role: "initiator",
    random: always(vector.init_ephemeral),
    prologue: bytes(vector.init_prologue),
    staticKeys: vector.init_static === undefined ? undefined : keyPairOf(bytes(vector.init_static)),
    remoteStatic: vector.init_remote_static === undefined ? undefined : bytes(vector.init_remote_static),
    psks: vector.init_psks?.map(bytes),
  });
}

function responderOf(protocol: Protocol, vector: Vector): HandshakeState {
  return new HandshakeState({
    protocol,
    role: "responder",
    random: always(vector.resp_ephemeral ?? ""),
    prologue: bytes(vector.resp_prologue),
    staticKeys: vector.resp_static === undefined ? undefined : keyPairOf(bytes(vector.resp_static)),
    remoteStatic: vector.resp_remote_static === undefined ? undefined : bytes(vector.resp_remote_static),
    psks: vector.resp_psks?.map(bytes),
  });
}

function ends<T>(sides: Readonly<Record<Role, T>>, sender: Role): [T, T] {
  return sender === "initiator" ? [sides.initiator, sides.responder] : [sides.responder, sides.initiator];
}

function always(value: string): Random {
  return {
    fill: (target) => {
      target.set(bytes(value));
      return target;
    },
  };
}

function hex(value: Uint8Array | undefined): string | undefined {
  return value && bytesToHex(value);
}
