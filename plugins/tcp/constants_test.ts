import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import { limits, protocol } from "./constants.ts";
import { faults } from "./fault.ts";
import { tcp } from "./mod.ts";

// What the other side, an operator or the documentation relies on, once more in plain words: a change of one of them must
// be meant. How each of them acts is tested beside what it governs.

test("protocol constants are those of the documentation", () => {
  assert.deepEqual(protocol, {
    magic: 0x534c5647,
    version: 1,
    handshake: "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s",
    handshakeLength: 3_072,
    recordData: 16_384,
    rekeyRecords: 65_536,
    datagramLength: 65_507,
  });
});

test("limits of this node are those of the documentation", () => {
  assert.deepEqual(limits, {
    handshakeMillis: 5_000,
    frameMillis: 30_000,
    idleMillis: 300_000,
    lingerMillis: 5_000,
    sendQueue: 262_144,
    receiveQueue: 262_144,
    remembered: 4_096,
    provingMillis: 10_000,
    unprovedBytes: 16_384,
    datagramQueue: 262_144,
    datagramLeast: 128,
    datagramsInHand: 65_536,
  });
});

test("what is not configured has the values of the documentation", () => {
  const read = (input: object) => tcp.config["~standard"].validate(input as never);
  const byDefault = {
    listen: "[::]:6783",
    maxFrame: 1_048_576,
    maxStreams: 64,
    maxStreamsPerPeer: 8,
    maxUnproved: 256,
    maxUnprovedPerSource: 128,
    overTcp: "fallback",
    maxCarriers: 256,
    maxCarriersPerSource: 64,
  };
  assert.deepEqual(read({}), { value: byDefault });
  for (const maxFrame of [65_536, 67_108_864]) assert.ok(!("issues" in read({ maxFrame })));
  for (const maxFrame of [65_535, 67_108_865]) assert.ok("issues" in read({ maxFrame }));
  for (const maxStreams of [0, 65_537]) assert.ok("issues" in read({ maxStreams }));
});

test("each fault has its code for the reader of the stream, and its counter for the operator", () => {
  const table = Object.entries(faults).map(([name, { code, drop }]) => [name, code, drop]);
  assert.deepEqual(table, [
    ["alien", "MALFORMED", Drop.unsupported],
    ["badHello", "MALFORMED", Drop.malformed],
    ["badMac", "MALFORMED", Drop.badMac],
    ["badTag", "MALFORMED", Drop.badTag],
    ["badRecord", "MALFORMED", Drop.malformed],
    ["replayed", "MALFORMED", Drop.replayed],
    ["notAdmitted", "NOT_ADMITTED", Drop.notAdmitted],
    ["wrongPeer", "NOT_ADMITTED", Drop.notAdmitted],
    ["noNetwork", "NOT_ADMITTED", Drop.none],
    ["crowded", "UNREACHABLE", Drop.underLoad],
    ["full", "UNREACHABLE", Drop.queueFull],
    ["crowdedDatagrams", "UNREACHABLE", Drop.queueFull],
    ["badDatagram", "MALFORMED", Drop.malformed],
    ["talksTooMuch", "MALFORMED", Drop.rateLimited],
    ["silent", "TIMEOUT", Drop.rateLimited],
    ["replaced", "UNREACHABLE", Drop.none],
    ["noHandler", "UNREACHABLE", Drop.noListener],
    ["slowHandshake", "TIMEOUT", Drop.rateLimited],
    ["tooBig", "MALFORMED", Drop.tooBig],
    ["slowFrame", "TIMEOUT", Drop.rateLimited],
    ["idle", "TIMEOUT", Drop.rateLimited],
    ["lingered", "TIMEOUT", Drop.none],
    ["cut", "UNREACHABLE", Drop.none],
    ["givenUp", "TIMEOUT", Drop.none],
    ["reset", "UNREACHABLE", Drop.none],
  ]);
});
