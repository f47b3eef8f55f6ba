/** What a handshake does for honest sides, and what it says to a caller who errs. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { generateKeyPair } from "./dh.ts";
import {
  type Changes,
  endsOf,
  exchange,
  initiatorKeys,
  optionsFor,
  pairOf,
  payloadOf,
  responderKeys,
  seededRandom,
} from "./handshake_fixture.ts";
import { HandshakeState } from "./handshake_state.ts";
import { lowOrderKeys } from "./low_order_fixture.ts";
import { findPattern, patternNames } from "./pattern.ts";

const XX = "Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s";
const IK = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
const oneWay = "Noise_X_25519_ChaChaPoly_BLAKE2s";

/** Every pattern, plain and with all the psk modifiers it can have. */
const names = patternNames.flatMap((name) => {
  const all = Array.from({ length: findPattern(name)!.messages.length + 1 }, (_, place) => `psk${place}`)
    .join("+");
  return [`Noise_${name}_25519_ChaChaPoly_BLAKE2s`, `Noise_${name}${all}_25519_AESGCM_SHA512`];
});

test("every pattern completes, plain and with all psk modifiers, with equal hashes and crossed keys", () => {
  assert.equal(names.length, 76);
  for (const name of names) {
    const sides = pairOf(name);
    const { pattern, overheads, hash } = sides.initiator.protocol;
    exchange(sides).forEach((message, number) => {
      assert.equal(message.length, overheads[number]! + payloadOf(number).length, name);
    });
    assert.equal(sides.initiator.handshakeHash.length, hash.length, name);
    assert.deepEqual(sides.initiator.handshakeHash, sides.responder.handshakeHash, name);
    if (pattern.oneWay) {
      assert.deepEqual(sides.initiator.splitOneWay(), sides.responder.splitOneWay(), name);
      continue;
    }
    const [initiator, responder] = [sides.initiator.split(), sides.responder.split()];
    assert.deepEqual([initiator.send, initiator.receive], [responder.receive, responder.send], name);
    assert.notDeepEqual(initiator.send, initiator.receive, name);
  }
});

test("each side knows the other's static key exactly when the pattern has one", () => {
  for (const name of names) {
    const sides = pairOf(name);
    exchange(sides);
    const [ofResponder, ofInitiator] = [sides.initiator.remoteStatic, sides.responder.remoteStatic];
    assert.deepEqual(ofResponder, optionsFor(name, "responder").staticKeys?.publicKey, name);
    assert.deepEqual(ofInitiator, optionsFor(name, "initiator").staticKeys?.publicKey, name);
  }
});

test("a static key is known as soon as the message that carries it was read", () => {
  const sides = pairOf(IK);
  assert.equal(sides.responder.remoteStatic, undefined);
  assert.deepEqual(sides.initiator.remoteStatic, responderKeys.publicKey);
  exchange(sides, 0, 1);
  assert.deepEqual(sides.responder.remoteStatic, initiatorKeys.publicKey);
});

test("turns alternate, and end with split and over", () => {
  const { initiator, responder } = pairOf(XX);
  const turns = () => [initiator.turn, responder.turn];
  const expected = [["write", "read"], ["read", "write"], ["write", "read"], ["split", "split"]];
  expected.forEach((pair, number) => {
    assert.deepEqual(turns(), pair);
    if (number < 3) exchange({ initiator, responder }, number, number + 1);
  });
  initiator.split();
  assert.deepEqual(turns(), ["over", "split"]);
});

test("a call out of turn throws and changes nothing", () => {
  const sides = pairOf(XX);
  const twins = pairOf(XX);
  for (let number = 0; number < 3; number++) {
    const [writer, reader] = endsOf(sides, number);
    assert.throws(() => reader.writeMessage(), /cannot write a message, the turn is "read"/);
    assert.throws(
      () => writer.readMessage(new Uint8Array(200)),
      /cannot read a message, the turn is "write"/,
    );
    for (const side of [writer, reader]) {
      assert.throws(() => side.split(), /cannot split/);
      assert.throws(() => side.handshakeHash, /no handshake hash/);
    }
    assert.deepEqual(exchange(sides, number, number + 1), exchange(twins, number, number + 1));
  }
  for (const side of [sides.initiator, sides.responder]) {
    assert.throws(() => side.writeMessage(), /turn is "split"/);
    assert.throws(() => side.readMessage(new Uint8Array(200)), /turn is "split"/);
  }
});

test("interactive and one-way patterns are split by different calls, each once", () => {
  const [interactive, oneKey] = [pairOf(XX), pairOf(oneWay)];
  exchange(interactive);
  exchange(oneKey);
  assert.throws(() => interactive.initiator.splitOneWay(), /two keys/);
  assert.throws(() => oneKey.initiator.split(), /one key/);
  interactive.initiator.split();
  oneKey.initiator.splitOneWay();
  assert.throws(() => interactive.initiator.split(), /turn is "over"/);
  assert.throws(() => oneKey.initiator.splitOneWay(), /turn is "over"/);
});

test("the handshake hash stays after the split and differs between sessions", () => {
  const hashes = [3, 5].map((seed) => {
    const sides = pairOf(IK, { initiator: { random: seededRandom(seed) } });
    exchange(sides);
    const before = sides.initiator.handshakeHash;
    sides.initiator.split();
    assert.deepEqual(sides.initiator.handshakeHash, before);
    return before;
  });
  assert.notDeepEqual(hashes[0], hashes[1]);
});

test("keys that the pattern lacks and keys that it would not use are refused", () => {
  const psk = new Uint8Array(32);
  const cases: [string, "initiator" | "responder", Changes, RegExp][] = [
    [IK, "initiator", { staticKeys: undefined }, /needs a static key pair/],
    [IK, "initiator", { remoteStatic: undefined }, /needs a remote static key/],
    [IK, "responder", { remoteStatic: initiatorKeys.publicKey }, /needs no remote static key/],
    [IK, "responder", { staticKeys: { ...responderKeys, secretKey: psk.subarray(1) } }, /32 bytes each/],
    [IK, "initiator", { remoteStatic: psk.subarray(1) }, /not usable/],
    [IK, "initiator", { psks: [] }, /needs 1 pre-shared keys, not 0/],
    [IK, "initiator", { psks: [psk, psk] }, /needs 1 pre-shared keys, not 2/],
    [IK, "initiator", { psks: [psk.subarray(1)] }, /must have 32 bytes/],
    ["Noise_NX_25519_AESGCM_SHA256", "initiator", { staticKeys: initiatorKeys }, /needs no static key pair/],
  ];
  for (const [name, role, changes, message] of cases) {
    assert.throws(() => new HandshakeState(optionsFor(name, role, changes)), { message });
  }
  for (const { publicKey } of lowOrderKeys) {
    assert.throws(
      () => new HandshakeState(optionsFor(IK, "initiator", { remoteStatic: publicKey })),
      /not usable/,
    );
  }
});

test("secrets of a handshake are zeroed when it ends in whatever way, and borrowed ones never", () => {
  const ends: ((side: HandshakeState) => void)[] = [(side) => side.wipe(), (side) => side.split(), () => {}];
  for (const end of ends) {
    const drawn: Uint8Array[] = [];
    const random = seededRandom(8);
    const remembering = { fill: (bytes: Uint8Array) => (drawn.push(bytes), random.fill(bytes)) };
    const staticKeys = generateKeyPair(seededRandom(1));
    const psks = [new Uint8Array(32).fill(0x70)];
    const sides = pairOf(IK, { initiator: { random: remembering, staticKeys, psks } });
    exchange(sides);
    end(sides.initiator);
    assert.equal(drawn.length, 1);
    assert.deepEqual(drawn[0], new Uint8Array(32));
    assert.deepEqual(staticKeys, generateKeyPair(seededRandom(1)));
    assert.deepEqual(psks, [new Uint8Array(32).fill(0x70)]);
  }
});

test("a handshake wiped half way is over, and its ephemeral key is gone", () => {
  const drawn: Uint8Array[] = [];
  const side = new HandshakeState(optionsFor(XX, "initiator", {
    random: { fill: (bytes) => (drawn.push(bytes), bytes.fill(7)) },
  }));
  side.writeMessage();
  side.wipe();
  side.wipe();
  assert.deepEqual(drawn[0], new Uint8Array(32));
  assert.equal(side.turn, "over");
  assert.throws(() => side.readMessage(new Uint8Array(200)), /turn is "over"/);
  assert.throws(() => side.split(), /turn is "over"/);
  assert.throws(() => side.handshakeHash, /no handshake hash/);
});

test("payloads and keys that come out do not share memory with the message they came in", () => {
  const sides = pairOf("Noise_IX_25519_ChaChaPoly_BLAKE2s"); // message 1 is in clear
  const message = sides.initiator.writeMessage(payloadOf(0));
  const payload = sides.responder.readMessage(message);
  message.fill(0);
  assert.deepEqual(payload, payloadOf(0));
  assert.deepEqual(sides.responder.remoteStatic, initiatorKeys.publicKey);
  exchange(sides, 1);
});

test("a remote static key handed in may be overwritten at once", () => {
  const remoteStatic = responderKeys.publicKey.slice();
  const sides = pairOf(IK, { initiator: { remoteStatic } });
  remoteStatic.fill(9);
  exchange(sides);
  assert.deepEqual(sides.initiator.remoteStatic, responderKeys.publicKey);
});

test("changing what a getter gave out changes nothing inside", () => {
  const sides = pairOf(IK);
  exchange(sides);
  sides.responder.remoteStatic!.fill(0);
  sides.responder.handshakeHash.fill(0);
  assert.deepEqual(sides.responder.remoteStatic, initiatorKeys.publicKey);
  assert.deepEqual(sides.responder.handshakeHash, sides.initiator.handshakeHash);
});

test("the longest message has 65535 bytes; a longer one is neither written nor read", () => {
  for (const name of ["Noise_NN_25519_ChaChaPoly_BLAKE2s", XX, IK]) {
    const sides = pairOf(name);
    sides.initiator.protocol.overheads.forEach((overhead, number) => {
      const [writer, reader] = endsOf(sides, number);
      assert.throws(
        () => writer.writeMessage(new Uint8Array(65_536 - overhead)),
        /of 65536 bytes is over 65535/,
      );
      assert.equal(reader.readMessage(new Uint8Array(65_536).fill(9))?.length, undefined);
      const longest = writer.writeMessage(new Uint8Array(65_535 - overhead));
      assert.equal(longest.length, 65_535);
      assert.equal(reader.readMessage(longest)?.length, 65_535 - overhead);
    });
  }
});

test("a generator that fails leaves the handshake where it was", () => {
  let works = false;
  const random = {
    fill: (bytes: Uint8Array) => {
      if (!works) throw new Error("no entropy");
      return bytes.fill(3);
    },
  };
  const sides = pairOf(IK, { initiator: { random } });
  assert.throws(() => sides.initiator.writeMessage(), /no entropy/);
  works = true;
  exchange(sides);
  assert.equal(sides.initiator.turn, "split");
});
