/** What a handshake does with bytes that the other side did not write. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { KeyPair } from "./dh.ts";
import {
  endsOf,
  exchange,
  initiatorKeys,
  optionsFor,
  pairOf,
  payloadOf,
  responderKeys,
  type Sides,
} from "./handshake_fixture.ts";
import { HandshakeState } from "./handshake_state.ts";
import { lowOrderKeys } from "./low_order_fixture.ts";
import { patternNames } from "./pattern.ts";

const XX = "Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s";
const IK = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";

/**
 * Runs the handshake, lets `attack` see each message before its reader does, and compares with an undisturbed
 * one.
 */
function withAttacks(name: string, attack: (reader: HandshakeState, message: Uint8Array) => void): void {
  const [sides, twins] = [pairOf(name), pairOf(name)];
  sides.initiator.protocol.overheads.forEach((_, number) => {
    const [writer, reader] = endsOf(sides, number);
    const message = writer.writeMessage(payloadOf(number));
    attack(reader, message);
    assert.equal(reader.turn, "read");
    assert.deepEqual(reader.readMessage(message), payloadOf(number));
    assert.deepEqual([message], exchange(twins, number, number + 1));
  });
  assert.deepEqual(sides.initiator.handshakeHash, twins.initiator.handshakeHash);
  assert.deepEqual(sides.responder.split(), twins.responder.split());
}

for (const name of [XX, IK]) {
  test(`${name}: a message with any one byte changed is refused, and the true one still accepted`, () => {
    let refused = 0;
    withAttacks(name, (reader, message) => {
      message.forEach((_, at) => {
        const changed = message.slice();
        changed[at]! ^= 1 << at % 8;
        assert.equal(reader.readMessage(changed), undefined, `byte ${at}`);
        refused += 1;
      });
    });
    const { overheads } = pairOf(name).initiator.protocol;
    assert.equal(refused, overheads.reduce((sum, overhead) => sum + overhead + payloadOf(0).length, 0));
  });

  test(`${name}: a message cut or lengthened is refused, and the true one still accepted`, () => {
    withAttacks(name, (reader, message) => {
      for (let length = 0; length < message.length; length++) {
        assert.equal(reader.readMessage(message.subarray(0, length)), undefined, `cut to ${length}`);
      }
      for (const extra of [1, 16, 1000]) {
        const longer = new Uint8Array(message.length + extra);
        longer.set(message);
        assert.equal(reader.readMessage(longer), undefined, `${extra} bytes more`);
      }
    });
  });

  test(`${name}: a low-order ephemeral key is refused, and the true one still accepted`, () => {
    withAttacks(name, (reader, message) => {
      for (const { name: point, publicKey } of lowOrderKeys) {
        const changed = message.slice();
        changed.set(publicKey);
        assert.equal(reader.readMessage(changed), undefined, point);
      }
    });
  });
}

test("where nothing is sealed yet a changed byte is accepted, and the next message fails", () => {
  const length = pairOf("Noise_XX_25519_ChaChaPoly_BLAKE2s").initiator.writeMessage(payloadOf(0)).length;
  for (let at = 0; at < length; at++) {
    const sides = pairOf("Noise_XX_25519_ChaChaPoly_BLAKE2s");
    const message = sides.initiator.writeMessage(payloadOf(0));
    message[at]! ^= 1 << at % 8;
    assert.notEqual(sides.responder.readMessage(message), undefined);
    assert.equal(sides.initiator.readMessage(sides.responder.writeMessage()), undefined, `byte ${at}`);
  }
});

test("the ignored top bit of an ephemeral key is bound all the same", () => {
  for (const name of ["Noise_NN_25519_ChaChaPoly_BLAKE2s", "Noise_XX_25519_AESGCM_SHA256"]) {
    const sides = pairOf(name);
    const message = sides.initiator.writeMessage();
    message[31]! ^= 0x80;
    assert.ok(sides.responder.readMessage(message));
    assert.equal(sides.initiator.readMessage(sides.responder.writeMessage()), undefined);
  }
});

test("a low-order ephemeral key is refused where it arrives, before any DH uses it", () => {
  for (const { publicKey } of lowOrderKeys) {
    const { initiator, responder } = pairOf("Noise_XX_25519_ChaChaPoly_BLAKE2s");
    assert.equal(responder.readMessage(publicKey), undefined);
    assert.notEqual(responder.readMessage(initiator.writeMessage()), undefined);
    responder.writeMessage();
    const reply = new Uint8Array(96);
    reply.set(publicKey);
    assert.equal(initiator.readMessage(reply), undefined);
  }
});

test("a low-order static key is refused, sealed or in clear", () => {
  for (const { name, publicKey } of lowOrderKeys) {
    const staticKeys: KeyPair = { publicKey, secretKey: initiatorKeys.secretKey };
    for (const [protocol, last] of [[XX, 2], [IK, 0], ["Noise_IX_25519_AESGCM_BLAKE2s", 0]] as const) {
      const sides = pairOf(protocol, { initiator: { staticKeys } });
      exchange(sides, 0, last);
      assert.equal(
        sides.responder.readMessage(sides.initiator.writeMessage()),
        undefined,
        `${protocol} ${name}`,
      );
      assert.equal(sides.responder.remoteStatic, undefined);
    }
  }
});

/** Runs until a message is refused and gives its number, or undefined when none was. */
function refusedAt(sides: Sides): number | undefined {
  const count = sides.initiator.protocol.overheads.length;
  for (let number = 0; number < count; number++) {
    const [writer, reader] = endsOf(sides, number);
    if (reader.readMessage(writer.writeMessage()) === undefined) return number;
  }
  return undefined;
}

test("a wrong pre-shared key fails at the message that mixes it in", () => {
  const psks = [new Uint8Array(32)];
  for (const role of ["initiator", "responder"] as const) {
    assert.equal(refusedAt(pairOf(XX, { [role]: { psks } })), 2);
    assert.equal(refusedAt(pairOf(IK, { [role]: { psks } })), 1);
    assert.equal(refusedAt(pairOf("Noise_NNpsk0_25519_AESGCM_SHA512", { [role]: { psks } })), 0);
  }
});

test("pre-shared keys in another order fail at the first", () => {
  const psks = [new Uint8Array(32).fill(0x71), new Uint8Array(32).fill(0x70)];
  assert.equal(refusedAt(pairOf("Noise_XXpsk0+psk3_25519_ChaChaPoly_BLAKE2s", { initiator: { psks } })), 0);
});

test("a wrong prologue fails at the first sealed message", () => {
  for (const prologue of [new Uint8Array(), Uint8Array.of(1, 2), Uint8Array.of(1, 2, 4)]) {
    assert.equal(refusedAt(pairOf(XX, { initiator: { prologue } })), 0);
    assert.equal(refusedAt(pairOf(IK, { responder: { prologue } })), 0);
    assert.equal(refusedAt(pairOf("Noise_XX_25519_ChaChaPoly_BLAKE2s", { initiator: { prologue } })), 1);
  }
});

test("whoever lacks the secret of the static key that is expected fails", () => {
  const impostor: KeyPair = { publicKey: responderKeys.publicKey, secretKey: initiatorKeys.secretKey };
  assert.equal(refusedAt(pairOf(IK, { responder: { staticKeys: impostor } })), 0);
  assert.equal(refusedAt(pairOf(IK, { initiator: { remoteStatic: initiatorKeys.publicKey } })), 0);
  assert.equal(refusedAt(pairOf(XX, { responder: { staticKeys: impostor } })), 1);
  const thief: KeyPair = { publicKey: initiatorKeys.publicKey, secretKey: responderKeys.secretKey };
  assert.equal(refusedAt(pairOf(IK, { initiator: { staticKeys: thief } })), 0);
  assert.equal(refusedAt(pairOf(XX, { initiator: { staticKeys: thief } })), 2);
  assert.equal(refusedAt(pairOf("Noise_KK_25519_AESGCM_SHA256", { initiator: { staticKeys: thief } })), 0);
});

test("messages of another session, and one's own, are refused, and the true one still accepted", () => {
  const other = exchange(
    pairOf(IK, { initiator: { psks: [new Uint8Array(32)] }, responder: { psks: [new Uint8Array(32)] } }),
  );
  const sides = pairOf(IK);
  const first = sides.initiator.writeMessage();
  assert.equal(sides.initiator.readMessage(first), undefined);
  sides.responder.readMessage(first);
  const second = sides.responder.writeMessage(payloadOf(1));
  assert.equal(sides.initiator.readMessage(other[1]!), undefined);
  assert.deepEqual(sides.initiator.readMessage(second), payloadOf(1));
});

test("no bytes make reading throw, and what is refused changes nothing", () => {
  const names = patternNames.map((name) => `Noise_${name}psk1_25519_ChaChaPoly_BLAKE2s`);
  const reader = (name: string) => new HandshakeState(optionsFor(name, "responder"));
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.uint8Array({ maxLength: 300 }), (name, bytes) => {
      const [victim, twin] = [reader(name), reader(name)];
      assert.equal(victim.readMessage(bytes), undefined);
      const message = new HandshakeState(optionsFor(name, "initiator")).writeMessage(payloadOf(0));
      assert.deepEqual(victim.readMessage(message), payloadOf(0));
      assert.deepEqual(twin.readMessage(message), payloadOf(0));
      if (victim.turn === "write") assert.deepEqual(victim.writeMessage(), twin.writeMessage());
    }),
    { seed: 20, numRuns: 150 },
  );
});
