import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import {
  decodeIAm,
  decodeInitiation,
  decodeKnock,
  decodeReply,
  decodeUnknownIndex,
  decodeWhoIs,
  encodeIAmFields,
  encodeInitiation,
  encodeKnock,
  encodeReply,
  encodeUnknownIndex,
  encodeWhoIs,
  handshakeOverhead,
  iAmLength,
  MessageType,
  readCounter,
  readReceiver,
  readType,
  writeTransportHeader,
} from "./wire.ts";

const noise = Uint8Array.of(0xaa, 0xbb);
const index = 0xf1e2d3c4;

test("handshake messages have the fields where the diagrams show them", () => {
  const keyId = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const initiation = encodeInitiation({ sender: index, keyId, noise });
  assert.deepEqual(
    [...initiation.subarray(0, 18)],
    [1, 1, 0, 0, 0xf1, 0xe2, 0xd3, 0xc4, 1, 2, 3, 4, 5, 6, 7, 8, 0xaa, 0xbb],
  );
  assert.equal(initiation.length, handshakeOverhead.initiation + noise.length);
  const reply = encodeReply(MessageType.admit, { sender: index, receiver: 5, noise });
  assert.deepEqual([...reply.subarray(0, 14)], [4, 1, 0, 0, 0xf1, 0xe2, 0xd3, 0xc4, 0, 0, 0, 5, 0xaa, 0xbb]);
  assert.equal(reply.length, handshakeOverhead.reply + noise.length);
});

test("messages come back as they were", () => {
  const initiation = { sender: index, keyId: new Uint8Array(8).fill(3), noise };
  assert.deepEqual(decodeInitiation(encodeInitiation(initiation)), initiation);
  const knock = { sender: index, token: { id: new Uint8Array(16).fill(7), expires: 2 ** 52 + 1 }, noise };
  assert.deepEqual(decodeKnock(encodeKnock(knock)), knock);
  const reply = { sender: index, receiver: 9, noise };
  assert.deepEqual(decodeReply(encodeReply(MessageType.response, reply)), reply);
  const question = { keyId: new Uint8Array(8).fill(3), nonce: new Uint8Array(16).fill(4) };
  assert.deepEqual(decodeWhoIs(encodeWhoIs(question, 96), 96), question);
  const [nonce, salt] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const answer = new Uint8Array(iAmLength).fill(5);
  answer.set(encodeIAmFields(nonce, salt));
  assert.deepEqual(decodeIAm(answer), { nonce, salt, sealed: new Uint8Array(48).fill(5) });
});

test("an unknown-index answer is 16 bytes and brings the fields back", () => {
  const datagram = new Uint8Array(40);
  writeTransportHeader(datagram, { type: MessageType.data, flags: 1, receiver: index, counter: 2 ** 52 + 5 });
  assert.deepEqual([readReceiver(datagram), readCounter(datagram)], [index, 2 ** 52 + 5]);
  const answer = encodeUnknownIndex(datagram);
  assert.equal(answer.length, 16);
  assert.deepEqual(decodeUnknownIndex(answer), { receiver: index, counter: 2 ** 52 + 5 });
});

test("version, flags and reserved bits are judged first", () => {
  assert.deepEqual(readType(Uint8Array.of(6, 1, 1, 0)), { type: 6 });
  assert.equal(readType(Uint8Array.of(6, 1, 0)), Drop.malformed);
  assert.equal(readType(Uint8Array.of(6, 2, 0, 0)), Drop.unsupported);
  assert.equal(readType(Uint8Array.of(6, 1, 2, 0)), Drop.malformed);
  assert.equal(readType(Uint8Array.of(7, 1, 1, 0)), Drop.malformed);
  assert.equal(readType(Uint8Array.of(6, 1, 0, 1)), Drop.malformed);
});

test("a mac2 in a reply and an expiry beyond 2^53 are refused", () => {
  const message = encodeReply(MessageType.response, { sender: 1, receiver: 2, noise });
  message[message.length - 1] = 1;
  assert.equal(decodeReply(message), undefined);
  const knock = encodeKnock({ sender: 1, token: { id: new Uint8Array(16), expires: 0 }, noise });
  knock[24] = 255;
  assert.equal(decodeKnock(knock), undefined);
});

test("decoders take any bytes without a throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 140 }), (bytes) => {
      for (
        const decode of [readType, decodeInitiation, decodeKnock, decodeReply, decodeIAm, decodeUnknownIndex]
      ) {
        decode(bytes);
      }
      decodeWhoIs(bytes, bytes.length);
    }),
    { seed: 1, numRuns: 2_000 },
  );
});
