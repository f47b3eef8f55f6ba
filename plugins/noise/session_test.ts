import assert from "node:assert/strict";
import type { AeadSuite } from "../../core/contracts/aead.ts";
import { Drop } from "../../core/contracts/drop.ts";
import { writeU64 } from "../../core/wire/field.ts";
import { test } from "../../tests/harness.ts";
import { protocol } from "./constants.ts";
import { CipherState } from "../../core/noise/cipher_state.ts";
import { ciphers } from "../../core/noise/suite.ts";
import { empty, Session } from "./session.ts";
import { aes, chacha } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const text = (bytes: Uint8Array | Drop) =>
  typeof bytes === "number" ? bytes : new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);

function ends(suite: AeadSuite = chacha): { left: Session; right: Session; keys: readonly Uint8Array[] } {
  const forth = () => new Uint8Array(32).fill(1);
  const back = () => new Uint8Array(32).fill(2);
  const keys = { send: forth(), receive: back() };
  const left = new Session({ localIndex: 7, remoteIndex: 8, initiator: true, suite, keys, now: 0 });
  const right = new Session({
    localIndex: 8,
    remoteIndex: 7,
    initiator: false,
    suite,
    keys: { send: back(), receive: forth() },
    now: 0,
  });
  return { left, right, keys: [keys.send, keys.receive] };
}

for (const [suite, name] of [[chacha, "ChaChaPoly"], [aes, "AESGCM"]] as const) {
  test(`a sealed message is the Noise transport message of ${name}, with the header as associated data`, () => {
    const { left } = ends(suite);
    const reference = new CipherState(ciphers.get(name)!, new Uint8Array(32).fill(1));
    for (const message of ["first", "second", ""]) {
      const datagram = left.seal(MessageType.data, bytes(message), 0)!;
      const expected = reference.encryptWithAd(datagram.subarray(0, 16), bytes(message));
      assert.deepEqual([...datagram.subarray(16)], [...expected]);
    }
  });
}

test("counters grow by one, and the header names type, index and counter", () => {
  const { left } = ends();
  left.seal(MessageType.data, empty, 0);
  const datagram = left.seal(MessageType.data, empty, 0, 1)!;
  assert.deepEqual([...datagram.subarray(0, 16)], [6, 1, 1, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]);
  assert.equal(left.sent, 2);
});

test("messages open in any order, each once", () => {
  const { left, right } = ends();
  const datagrams = ["a", "b", "c"].map((each) => left.seal(MessageType.data, bytes(each), 0)!);
  assert.deepEqual(datagrams.toReversed().map((each) => text(right.open(each, 0))), ["c", "b", "a"]);
  assert.deepEqual(datagrams.map((each) => right.open(each, 0)), [
    Drop.replayed,
    Drop.replayed,
    Drop.replayed,
  ]);
  assert.equal(right.newest, 2);
});

test("a forged counter neither opens nor moves the window", () => {
  const { left, right } = ends();
  const honest = left.seal(MessageType.data, bytes("x"), 0)!;
  const forged = honest.slice();
  writeU64(forged, 8, 2 ** 50);
  assert.equal(right.open(forged, 0), Drop.badTag);
  forged.fill(255, 8, 16);
  assert.equal(right.open(forged, 0), Drop.malformed);
  assert.equal(text(right.open(honest, 0)), "x");
});

test("a session is of no use after 180 s, and after it was wiped its keys are gone", () => {
  const { left, right, keys } = ends();
  const late = left.seal(MessageType.data, empty, protocol.rejectAfterMillis - 1)!;
  assert.equal(left.seal(MessageType.data, empty, protocol.rejectAfterMillis), undefined);
  assert.equal(right.open(late, protocol.rejectAfterMillis), Drop.unknownSession);
  left.wipe();
  assert.equal(left.seal(MessageType.data, empty, 0), undefined);
  assert.ok(keys.every((key) => key.every((byte) => byte === 0)));
});

test("the initiator wants a new session at 120 s, the responder at 160 s", () => {
  const { left, right } = ends();
  assert.deepEqual([119_999, 120_000].map((now) => left.wantsRekey(now)), [false, true]);
  assert.deepEqual([159_999, 160_000].map((now) => right.wantsRekey(now)), [false, true]);
});

test("a counter of 2^40 received calls for a new session", () => {
  const { right } = ends();
  const header = new Uint8Array(16);
  header.set([6, 1, 0, 0, 0, 0, 0, 8]);
  writeU64(header, 8, 2 ** 40);
  const reference = new CipherState(ciphers.get("ChaChaPoly")!, new Uint8Array(32).fill(1));
  reference.setNonce(2 ** 40);
  const datagram = new Uint8Array([...header, ...reference.encryptWithAd(header, bytes("far"))]);
  assert.equal(text(right.open(datagram, 0)), "far");
  assert.equal(right.wantsRekey(0), true);
});
