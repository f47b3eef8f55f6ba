/** Where a session ends, to the message and to the millisecond, and what is left of it. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { CipherState } from "../../core/noise/cipher_state.ts";
import { ciphers } from "../../core/noise/suite.ts";
import { writeU64 } from "../../core/wire/field.ts";
import { test } from "../../tests/harness.ts";
import { protocol } from "./constants.ts";
import { empty, Session, type SessionStart } from "./session.ts";
import { aes, chacha } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const lastCounter = 2 ** 53 - 2;

function session(change: Partial<SessionStart> = {}): Session {
  const keys = { send: new Uint8Array(32).fill(1), receive: new Uint8Array(32).fill(2) };
  return new Session({
    localIndex: 7,
    remoteIndex: 8,
    initiator: true,
    suite: chacha,
    keys,
    now: 1_000,
    ...change,
  });
}

/** What the other end sends as its message `counter`: sealed by the Noise engine, not by a session. */
function received(counter: number, name = "ChaChaPoly"): Uint8Array {
  const header = new Uint8Array(16);
  header.set([6, 1, 0, 0, 0, 0, 0, 7]);
  writeU64(header, 8, counter);
  const cipher = new CipherState(ciphers.get(name)!, new Uint8Array(32).fill(2));
  cipher.setNonce(Math.min(counter, lastCounter));
  return new Uint8Array([...header, ...cipher.encryptWithAd(header, Uint8Array.of(65, 66))]);
}

/** Runs `body` with bounds that a test can reach: nobody seals 2^40 messages. */
function withBounds(bounds: { rekeyAfterMessages?: number; rejectAfterMessages?: number }, body: () => void) {
  const { rekeyAfterMessages, rejectAfterMessages } = protocol;
  try {
    Object.assign(protocol, bounds);
    body();
  } finally {
    Object.assign(protocol, { rekeyAfterMessages, rejectAfterMessages });
  }
}

test("a session lives 180 s from its start, whether it is asked, sealed with or opened with", () => {
  const [fresh, asked] = [session(), session()];
  assert.deepEqual([fresh.createdAt, fresh.endsAt], [1_000, 181_000]);
  assert.deepEqual([180_999, 181_000, 181_001].map((now) => asked.isUsable(now)), [true, false, false]);
  assert.deepEqual(fresh.open(received(0), 180_999), Uint8Array.of(65, 66));
  assert.equal(fresh.open(received(1), 181_000), Drop.unknownSession);
  assert.equal(fresh.seal(MessageType.data, empty, 180_999)?.length, 32);
  assert.equal(fresh.seal(MessageType.data, empty, 181_000), undefined);
});

test("what an expired session refuses to open is not taken for a message that came", () => {
  const late = session();
  assert.equal(late.open(received(3), 181_000), Drop.unknownSession);
  assert.equal(late.newest, -1);
});

test("the last counter that is sealed is the one below the bound, and then the session is over", () => {
  withBounds({ rejectAfterMessages: 3 }, () => {
    const short = session();
    const sealed = Array.from({ length: 4 }, () => short.seal(MessageType.data, empty, 1_000) !== undefined);
    assert.deepEqual(sealed, [true, true, true, false]);
    assert.deepEqual([short.sent, short.isUsable(1_000)], [3, false]);
    assert.equal(short.open(received(0), 1_000), Drop.unknownSession);
  });
});

test("the highest counter that opens is 2^53 − 2; from 2^53 − 1 on none is a counter", () => {
  const far = session();
  assert.deepEqual(far.open(received(lastCounter), 1_000), Uint8Array.of(65, 66));
  assert.equal(far.newest, lastCounter);
  for (const counter of [2 ** 53 - 1, 2 ** 53, 2 ** 63]) {
    assert.equal(session().open(received(counter), 1_000), Drop.malformed);
  }
});

test("the message that makes 2^40 sent calls for a new session, and one less does not", () => {
  withBounds({ rekeyAfterMessages: 2 }, () => {
    const busy = session();
    const wants = [0, 1, 2].map(() => {
      const wanted = busy.wantsRekey(1_000);
      busy.seal(MessageType.data, empty, 1_000);
      return wanted;
    });
    assert.deepEqual(wants, [false, false, true]);
  });
});

test("the counter 2^40 received calls for a new session, and one below it does not", () => {
  const busy = session();
  const wants = [2 ** 40 - 1, 2 ** 40].map((counter) => {
    assert.deepEqual(busy.open(received(counter), 1_000), Uint8Array.of(65, 66));
    return busy.wantsRekey(1_000);
  });
  assert.deepEqual(wants, [false, true]);
});

test("the time for a new session counts from the start of the old one", () => {
  const [left, right] = [session(), session({ initiator: false })];
  assert.deepEqual([120_999, 121_000, 121_001].map((now) => left.wantsRekey(now)), [false, true, true]);
  assert.deepEqual([160_999, 161_000, 161_001].map((now) => right.wantsRekey(now)), [false, true, true]);
});

for (const [suite, name] of [[chacha, "ChaChaPoly"], [aes, "AESGCM"]] as const) {
  test(`all 64 bits of the counter are in the nonce of ${name}`, () => {
    const each = session({ suite });
    for (const counter of [0xff, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 0x1234_5678]) {
      assert.deepEqual(each.open(received(counter, name), 1_000), Uint8Array.of(65, 66));
      assert.equal(each.newest, counter);
    }
  });
}

test("a message that does not verify leaves its counter free", () => {
  const each = session();
  const honest = received(5);
  for (const place of [0, 16, honest.length - 1]) {
    const forged = honest.slice();
    forged[place]! ^= 1;
    assert.equal(each.open(forged, 1_000), Drop.badTag);
  }
  assert.equal(each.newest, -1);
  assert.deepEqual(each.open(honest, 1_000), Uint8Array.of(65, 66));
  assert.equal(each.open(honest, 1_000), Drop.replayed);
});

test("a seal that fails has used up its counter", () => {
  let calls = 0;
  const failing = {
    ...chacha,
    key: (secret: Uint8Array) => ({
      ...chacha.key(secret),
      seal: (nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array) => {
        if (calls++ === 0) throw new Error("out of memory");
        return chacha.key(secret).seal(nonce, ad, plaintext);
      },
    }),
  };
  const each = session({ suite: failing });
  assert.throws(() => each.seal(MessageType.data, empty, 1_000), /out of memory/);
  assert.equal(each.seal(MessageType.data, empty, 1_000)?.[15], 1);
});

test("exported keys are copies, and stay when those of the session are wiped", () => {
  const keys = { send: new Uint8Array(32).fill(1), receive: new Uint8Array(32).fill(2) };
  const each = session({ keys, suite: aes });
  const exported = each.exportKeys();
  each.wipe();
  assert.deepEqual([...keys.send, ...keys.receive], new Array(64).fill(0));
  assert.deepEqual(exported, {
    localIndex: 7,
    remoteIndex: 8,
    aead: "aes-256-gcm",
    send: new Uint8Array(32).fill(1),
    receive: new Uint8Array(32).fill(2),
  });
});

test("a message is flagged as forwarded only when that is asked for", () => {
  const each = session();
  assert.equal(each.seal(MessageType.data, empty, 1_000)?.[2], 0);
  assert.equal(each.seal(MessageType.data, empty, 1_000, 1)?.[2], 1);
});

test("a wiped session neither seals nor opens, however young it is", () => {
  const each = session();
  assert.equal(each.isUsable(1_000), true);
  each.wipe();
  assert.equal(each.isUsable(1_000), false);
  assert.equal(each.seal(MessageType.data, empty, 1_000), undefined);
  assert.equal(each.open(received(0), 1_000), Drop.unknownSession);
  assert.equal(each.sent, 0);
});
